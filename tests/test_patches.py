"""Shims and hooks patch other packages, and nothing else does, but for what is listed here with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from patches import find_patches

import recbole_ile

PACKAGE = Path(recbole_ile.__file__).parent
PATCHING = ("plugin/compat.py", "plugin/hooks/")
"""Where shims and hooks are."""

OURS = "an object of this package, which no annotation in the file says"
HISTORY = "a model that was read for these lists alone reads what a user has used from here"
COPY = "a copy that was made for it, right there"
DATA = "data that RecBole's trainer, or ours, keeps there for others to set"
BACK = "puts back what it found before a run"
CLOSED = "RecBole has no other way to keep a file or an option from running code; when a model is made, not before"
MODEL = "group losses are kept in a model's attribute"
BY_ROWS = "a setting of an embedding that asks for gradients by row; let_go gives it back"
RAY = "Ray Data documents it as a setting"
LISTENS = "losses of interactions can be seen in no other way; undone by stop_listening"

ALLOWED = {
    ("commands/interruption.py", "advising", "interruptions.advice"): OURS,
    ("commands/rerank.py", "_read_train", "found.columns"): COPY,
    ("fetching/fields.py", "_read_plain", "table.columns"): COPY,
    ("fetching/fields.py", "_read_plain", "table.index"): COPY,
    ("kernels/propagation.py", "_SymmetricProduct.forward", "ctx.rows"): "torch's context of a backward pass",
    ("plugin/checkpoints/files.py", "_config_of", "config.*"): COPY,
    (
        "plugin/checkpoints/files.py",
        "_with_fields",
        "config.model_class",
    ): "a configuration that was just read, without it",
    (
        "plugin/checkpoints/files.py",
        "_with_fields",
        "config.yaml_loader",
    ): "a configuration that was just read, without it",
    ("plugin/catalogue/closed_models.py", "_name_teacher", "module.eval"): CLOSED,
    ("plugin/catalogue/closed_models.py", "_read_numbers", "module.np"): CLOSED,
    ("plugin/checkpoints/pretrained_models.py", "safe_loading", "torch.load"): CLOSED,
    ("plugin/data/cache.py", "_restore", "dataset.*"): "a data set that is made there",
    ("plugin/data/cache.py", "_restore", "part.inter_feat"): COPY,
    ("plugin/evaluation/memory.py", "_as_before", "module.*"): "gives a model its attributes back after a trial",
    ("plugin/runs/guest.py", "_interpreter.undo", "colorama.*"): BACK,
    ("plugin/runs/guest.py", "_interpreter.undo", "sys.*"): BACK,
    ("plugin/runs/guest.py", "_interpreter.undo", "threading.excepthook"): BACK,
    ("plugin/runs/guest.py", "_loggers.undo", "logger.disabled"): BACK,
    ("plugin/runs/guest.py", "_loggers.undo", "logger.propagate"): BACK,
    ("plugin/runs/guest.py", "_loggers.undo", "manager.disable"): BACK,
    ("plugin/runs/guest.py", "_progress_bars.undo", "thread.tqdm_cls.monitor"): BACK,
    ("plugin/runs/guest.py", "_torch_flags.undo", "torch.backends.cudnn.*"): BACK,
    ("plugin/runs/guest.py", "_torch_flags.undo", "switches.fill_uninitialized_memory"): BACK,
    ("plugin/runs/guest.py", "_yaml.undo", "yaml.FullLoader.*"): BACK,
    ("plugin/data/left_out.py", "dropped", "dataset.*"): "notes of what was left out travel with the data set",
    ("plugin/data/left_out.py", "remember", "dataset.*"): "notes of what was left out travel with the data set",
    ("plugin/data/left_out.py", "settle", "dataset.*"): "notes of what was left out travel with the data set",
    ("plugin/checkpoints/loader_state.py", "set_loader_state", "part.evaluations"): OURS,
    ("plugin/output/logs.py", "start_logging", "shown.final_config_dict"): COPY,
    (
        "plugin/checkpoints/changed_attributes.py",
        "set_attributes",
        "modules[module].*",
    ): "what training changed, from a checkpoint",
    ("plugin/losses/group_losses.py", "observe_model", "model.calculate_loss"): "a model of RecBole is observed",
    ("plugin/losses/group_losses.py", "observe_model.observed", "model.calculate_loss"): "ends the observation",
    ("plugin/losses/group_losses.py", "observe_model.observed", "model.group_losses"): MODEL,
    ("plugin/losses/score_shifts.py", "ModelShift.__enter__", "self._model.item_shifts"): OURS,
    ("plugin/losses/score_shifts.py", "ModelShift.__enter__", "self._shifts.by_item"): OURS,
    ("plugin/losses/score_shifts.py", "ModelShift.__exit__", "self._model.item_shifts"): OURS,
    ("plugin/losses/observers.py", "_relisten", "loss.*"): COPY,
    ("plugin/losses/observers.py", "_relisten", "loss.__class__"): LISTENS,
    ("plugin/losses/observers.py", "listen", "loss.__class__"): LISTENS,
    ("plugin/losses/observers.py", "listen", "loss.reductions"): LISTENS,
    ("plugin/losses/observers.py", "stop_listening", "loss.__class__"): LISTENS,
    ("plugin/losses/observers.py", "stop_listening", "loss.reductions"): LISTENS,
    (
        "plugin/checkpoints/safe_pickle.py",
        "StoredSparse.restore",
        "matrix.data",
    ): "SciPy fills a matrix of lists in no other way",
    (
        "plugin/checkpoints/safe_pickle.py",
        "StoredSparse.restore",
        "matrix.rows",
    ): "SciPy fills a matrix of lists in no other way",
    ("plugin/runs/pipeline.py", "_continue_from", "trainer.saved_model_file"): DATA,
    ("plugin/runs/preparation.py", "build_model", "net.group_losses"): MODEL,
    ("plugin/runs/preparation.py", "prepare_data", "dataset.build"): "a data set can be split only once",
    ("plugin/runs/preparation.py", "read_dataset", "asked.final_config_dict"): COPY,
    ("plugin/runs/preparation.py", "read_dataset", "asked.training_ids"): COPY,
    (
        "plugin/runs/preparation.py",
        "read_dataset",
        "dataset.config",
    ): "RecBole's data set has the configuration it was read with",
    ("plugin/runs/pipeline.py", "train_and_evaluate", "trainer.saved_model_file"): DATA,
    ("plugin/data/histories.py", "Histories.parts", "own.field2id_token"): COPY,
    ("plugin/data/histories.py", "Histories.parts", "own.user_feat"): COPY,
    ("plugin/models/unseen.py", "_rows_of_matrix", "model.interaction_matrix"): HISTORY,
    ("plugin/models/unseen.py", "_rows_of_predictions", "model.pred_mat"): HISTORY,
    ("plugin/models/unseen.py", "_lists_of_items", "model.history_item_id"): HISTORY,
    ("plugin/models/unseen.py", "_lists_of_items", "model.history_item_value"): HISTORY,
    ("plugin/runs/recommendation.py", "Recommender.__init__", "self.loader.entries"): OURS,
    (
        "plugin/training/seeding.py",
        "seed_everything",
        "switches.fill_uninitialized_memory",
    ): "torch documents it as a setting",
    ("plugin/processes/shares.py", "ShareOfUsers.__iter__", "self.loader.entries"): OURS,
    ("plugin/data/split_data.py", "split_already", "dataset.build"): "a data set can be split only once",
    (
        "plugin/runs/training_data.py",
        "match",
        "dataset.config",
    ): "RecBole's data set has the configuration it was read with",
    ("plugin/runs/training_data.py", "match", "ordered.training_ids"): COPY,
    ("signals.py", "heard", "current.received"): OURS,
    ("experiments/engine/ray_workers.py", "Recorder.on_trial_complete", "session.ended"): OURS,
    (
        "experiments/engine/pool_process.py",
        "serve",
        "tempfile.tempdir",
    ): "Python documents it as a setting, in a process of our own",
    ("experiments/engine/shared_data.py", "_without_run", "plain.*"): COPY,
    (
        "experiments/engine/shared_data.py",
        "take",
        "dataset.config",
    ): "RecBole's data set has the configuration of its run",
    ("experiments/engine/shared_data.py", "take", "dataset.logger"): "RecBole's data set has the logger of its run",
    ("experiments/engine/spreading.py", "spread", "context.enable_progress_bars"): RAY,
    ("experiments/engine/spreading.py", "spread", "context.print_on_execution_start"): RAY,
    ("experiments/engine/trial.py", "_evaluated", "trainer.eval_collector.details"): OURS,
    ("plugin/checkpoints/files.py", "_with_fields", "config.name"): "a configuration that was just read, without it",
    ("plugin/checkpoints/training_state.py", "restore_progress", "trainer.best_valid_result"): DATA,
    ("plugin/checkpoints/training_state.py", "restore_progress", "trainer.last_valid_result"): DATA,
    ("plugin/config/config.py", "_changed", "changed.final_config_dict"): COPY,
    ("plugin/config/config.py", "of_member", "member.model"): COPY,
    ("plugin/evaluation/predictions.py", "flat_predictions", "model.predict"): "RecBole asks the model itself",
    ("plugin/runs/pipeline.py", "evaluate_on_test", "trainer.eval_collector.details"): OURS,
    ("plugin/runs/pipeline.py", "train", "trainer.data_identity"): DATA,
    ("plugin/training/rowwise_adam.py", "LookedUpTable.__init__", "embedding.sparse"): BY_ROWS,
    ("plugin/training/rowwise_adam.py", "LookedUpTable.let_go", "embedding.sparse"): BY_ROWS,
    ("plugin/training/rowwise_adam.py", "LookedUpTable.take_step", "self._weight.grad"): "what optimisers do",
    ("plugin/training/rowwise_epoch.py", "stepping_by_rows", "trainer.optimizer"): DATA,
    ("plugin/training/ensemble.py", "_configured", "own.config"): COPY,
    ("plugin/training/ensemble.py", "fit_members", "model.group_losses"): MODEL,
    ("plugin/training/ensemble.py", "fit_members", "single.saved_model_file"): DATA,
    ("plugin/training/ensemble.py", "fit_members", "there.epoch"): OURS,
    ("plugin/training/ensemble.py", "fit_members", "there.number"): OURS,
    ("plugin/training/ensemble.py", "fit_members", "trainer.best_valid_result"): DATA,
    ("plugin/training/ensemble.py", "fit_members", "trainer.best_valid_score"): DATA,
    ("plugin/training/ensemble.py", "fit_members", "trainer.history.epochs"): OURS,
    ("plugin/training/fairness_target.py", "FairnessTarget.after_validation", "self._model.ile_lambda"): OURS,
    ("plugin/training/fairness_target.py", "FairnessTarget.load_state_dict", "self._model.ile_lambda"): OURS,
    ("plugin/training/group_loss_history.py", "GroupLossHistory.after_epoch", "training.model.group_losses"): MODEL,
    ("plugin/training/resuming.py", "Resuming.after_validation", "self._trainer.last_valid_result"): DATA,
}
"""By file, function and what it sets."""


def test_only_shims_and_hooks_patch_other_packages() -> None:
    found = {
        (name, *patch)
        for path in PACKAGE.rglob("*.py")
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith(PATCHING)
        for patch in find_patches(path.read_text(encoding="utf-8"))
    }
    assert sorted(found - ALLOWED.keys()) == [], "patches belong in compat.py or hooks/"
    assert sorted(ALLOWED.keys() - found) == [], "these are gone, and so should their entries be"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("plugin/hooks/[a-z]*.py")), ids=lambda path: path.stem)
def test_hooks_are_found(path: Path) -> None:
    assert find_patches(path.read_text(encoding="utf-8"))


FOREIGN = {
    "attribute of a module": ("import torch\ntorch.load = f", "torch.load"),
    "of a module below another": ("import torch.utils\ntorch.utils.deterministic.x = 1", "torch.utils.deterministic.x"),
    "of a module by another name": ("import numpy as np\nnp.float_ = 1", "np.float_"),
    "of a class": ("from recbole.data.dataset import Dataset\nDataset._remap = f", "Dataset._remap"),
    "in a function": (
        "def f():\n    from recbole.trainer import trainer\n    trainer.Collector = 1",
        "trainer.Collector",
    ),
    "of a name of it": ("from recbole.trainer import trainer as t\nlib = t\nlib.Collector = 1", "lib.Collector"),
    "of what a name was or is": ("import a\nx = 1\nx = a.B()\nx.y = 1", "x.y"),
    "of a new object": ("from recbole.config import Config\nc = Config()\nc.x = 1", "c.x"),
    "of a parameter": ("def f(model):\n    model.predict = 1", "model.predict"),
    "of an annotated parameter": (
        "import logging\ndef f(x: logging.Logger | None):\n    x.handlers = []",
        "x.handlers",
    ),
    "of a parameter of any type": ("from typing import Any\ndef f(x: Any):\n    x.y = 1", "x.y"),
    "of what an own function returns": ("from recbole_ile.a import get\nx = get()\nx.y = 1", "x.y"),
    "of what an own object holds": ("class A:\n    def f(self):\n        self.model.x = 1", "self.model.x"),
    "of what a loop goes over": ("def f(xs):\n    for x in xs:\n        x.y = 1", "x.y"),
    "of what a context gives": ("import a\nwith a.b() as x:\n    x.y = 1", "x.y"),
    "one of several": ("import torch\na, torch.load = 1, 2", "torch.load"),
    "annotated": ("import torch\ntorch.load: object = 1", "torch.load"),
    "augmented": ("import torch\ntorch.count += 1", "torch.count"),
    "deleted": ("import torch\ndel torch.load", "torch.load"),
    "in a loop's head": ("import torch\nfor torch.load in []:\n    pass", "torch.load"),
    "in a context's head": ("import torch\nwith f() as torch.load:\n    pass", "torch.load"),
    "class of an object": ("def f(loss):\n    loss.__class__ = type(loss)", "loss.__class__"),
    "setattr": ("import torch\nsetattr(torch, 'load', 1)", "torch.load"),
    "setattr of any name": ("def f(owner, name):\n    setattr(owner, name, 1)", "owner.*"),
    "setattr of type": ("import torch\nobject.__setattr__(torch, 'load', 1)", "torch.load"),
    "delattr": ("import yaml\ndelattr(yaml.FullLoader, 'x')", "yaml.FullLoader.x"),
    "vars": ("import torch\nvars(torch)['load'] = 1", "torch.load"),
    "vars updated": ("def f(x):\n    vars(x).update(y=1)", "x.*"),
    "dictionary": ("import torch\ntorch.__dict__['load'] = 1", "torch.load"),
    "dictionary updated": ("def f(x):\n    x.__dict__.update(y=1)", "x.*"),
    "entry of a registry": ("from recbole.evaluator import register\nregister.kinds['upd'] = 1", "register.kinds"),
    "end of a registry": ("from recbole.evaluator import register\nregister.smaller.append('upd')", "register.smaller"),
    "registry of its own name": ("from recbole.evaluator.register import kinds\nkinds['upd'] = 1", "kinds"),
    "module": ("import sys\nsys.modules['faiss'] = 1", "sys.modules"),
    "in a static method": ("class A:\n    @staticmethod\n    def f(x):\n        x.y = 1", "x.y"),
    "in a function within a function": ("def f(x):\n    def g():\n        x.y = 1", "x.y"),
    "in the body of a class": ("import torch\nclass A:\n    torch.load = 1", "torch.load"),
}


@pytest.mark.parametrize(("source", "target"), FOREIGN.values(), ids=FOREIGN)
def test_a_patch_is_found(source: str, target: str) -> None:
    assert [patch.target for patch in find_patches(source)] == [target]


OWN = {
    "self": (
        "class A:\n    def f(self):\n        self.x = 1\n        setattr(self, 'y', 2)\n        vars(self)['z'] = 3"
    ),
    "class method": "class A:\n    @classmethod\n    def f(cls):\n        cls.x = 1",
    "an object of an own class": "class A: pass\na = A()\na.x = 1",
    "of one with a leading underscore": "class _A: pass\ndef f():\n    a = _A()\n    a.x = 1",
    "of an imported own class": "from recbole_ile.plugin.a import A\na = A()\na.x = 1",
    "a parameter of an own class": "from recbole_ile.plugin.a import A\ndef f(a: A | None, b: 'A'):\n    a.x = b.x = 1",
    "an own module": "from recbole_ile.plugin import compat\ncompat.x = 1\nimport recbole_ile.b\nrecbole_ile.b.x = 1",
    "a dictionary": "def f(x):\n    x['a'] = 1\n    x.update(a=1)\n    known = {}\n    known['a'] = 2",
    "what an own class inherits": (
        "import torch\nclass A(torch.nn.Module):\n    x = 1\n    def f(self):\n        self.y: int = 1"
    ),
    "arguments": (
        "import argparse\ndef f(a: argparse.Namespace):\n    a.x = 1\np = argparse.ArgumentParser()\np.epilog = ''"
    ),
    "the environment": "import os\nos.environ['A'] = 'b'\nos.environ.setdefault('A', 'b')",
    "a function of a module": "import numpy as np\nnp.append([1], 2)",
}


@pytest.mark.parametrize("source", OWN.values(), ids=OWN)
def test_what_is_ours_is_no_patch(source: str) -> None:
    assert find_patches(source) == []


def test_a_patch_is_named_by_its_function_and_class() -> None:
    source = "class A:\n    def f(self, x):\n        def g():\n            x.y = 1"
    assert [tuple(patch) for patch in find_patches(source)] == [("A.f.g", "x.y")]
