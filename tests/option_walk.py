"""Tries values of options to the end of the first batch: ``python option_walk.py <data path> <part>/<parts> <file>``.

Each (option, value) that the configuration takes is tried in a process of its own, forked after everything was
imported, with a limit of memory and of time. The file gets a line of JSON for each: model, option, value, outcome.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import recbole
import torch
import yaml
from rich_data import LOADED, write_rich

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.models import models_by_kind
from recbole_ile.plugin.catalogue.own_models import own_model_options
from recbole_ile.plugin.catalogue.support import PACKAGES
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.eval_rules import ENTRIES
from recbole_ile.plugin.config.named_options import naming_options
from recbole_ile.plugin.config.option_rules import DATA, shared_rules
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trainer import get_trainer

SECONDS = int(os.environ.get("WALK_SECONDS", "60"))
SPARE = 4 << 30
"""Bytes that a trial may take beyond what everything imported takes."""
NEGATIVES = {"distribution": "uniform", "sample_num": 1, "alpha": 1.0, "dynamic": False, "candidate_num": 0}
COMMON: dict[str, Any] = {
    **{"topk": 2, "metrics": ["NDCG"], "valid_metric": "NDCG@2", "state": "CRITICAL", "show_progress": False},
    **{"load_col": LOADED, "dataset_cache": False, "embedding_size": 8, "epochs": 1, "valid_fairness": "NDCG@2"},
}
LABELED = {"threshold": {"rating": 3}, "metrics": ["AUC"], "valid_metric": "AUC"}
BY_KIND: dict[str, dict[str, Any]] = {
    "general": {},
    "context-aware": LABELED,
    "sequential": {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 5},
    "knowledge-aware": {},
}
DRAWN = {"train_neg_sample_args": NEGATIVES}
ENTITIES = {
    "load_col": {**LOADED, "ent": ["ent_id", "ent_emb"], "rel": ["rel_id", "rel_emb"]},
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    **{"additional_feat_suffix": ["ent", "rel"], "alias_of_entity_id": ["ent_id"], "alias_of_relation_id": ["rel_id"]},
    **{"preload_weight": {"ent_id": "ent_emb", "rel_id": "rel_emb"}, "embedding_size": 2, "kg_embedding_size": 2},
}
BY_MODEL: dict[str, dict[str, Any]] = {
    "ConvNCF": {"embedding_size": 64},
    "DGCF": {"train_batch_size": 20},
    "DIEN": {**DRAWN, "eval_args.mode": "uni5"},
    "DIN": {**DRAWN, "eval_args.mode": "uni5"},
    "DSSM": {"load_col": {**LOADED, "item": ["item_id", "tags"], "user": ["user_id", "home"]}},
    "FDSA": {"selected_features": ["tags"]},
    "FPMC": DRAWN,
    "GRU4RecF": {"selected_features": ["tags"]},
    "GRU4RecKG": ENTITIES,
    "KSR": ENTITIES,
    "NCL": {"num_clusters": 2},
    "RaCT": {"pretrain_epochs": 1},
    "S3Rec": {"item_attribute": "tags", "pretrain_epochs": 1},
    "SASRecF": {"selected_features": ["tags"]},
    "TransRec": DRAWN,
}
WHOLE: dict[str, tuple[str, ...]] = {
    "BPR_LA_ILE_IPS_PUFR_LAP_EP_CP": (*shared_rules(), *ENTRIES),
    "FM": (*DATA, "clip_grad_norm", "train_neg_sample_args", "eval_args", "metrics"),
    "SASRec": (*DATA, "transform", "repeatable", "train_neg_sample_args", "eval_args"),
    "CKE": ("train_neg_sample_args", "eval_args", *(key for key in DATA if "kg" in key or "ENTITY" in key)),
}
"""Options that belong to no model, by the models with which they are tried."""
NONSENSE = "nonsense"
HUGE = (10**9, [10**9])
VALUES: tuple[Any, ...] = (NONSENSE, 0, -1, 10**9, 1e308, 0.5, True, [], {})
"""A text, nothing, a negative, a huge number twice, a fraction, a truth, an empty list and dictionary."""
KINDS = {model: kind for kind, models in models_by_kind().items() for model in models}
NOT_HERE = {"KSR": "multiplies numbers of 32 and of 64 bits, in RecBole too"}
MODELS = [model for model in KINDS if model not in (*PACKAGES, *NOT_HERE)]


def values(default: Any) -> list[Any]:
    """The values that are tried of an option."""
    if not isinstance(default, list) or not default:
        return list(VALUES)
    return [*VALUES, *([each] * len(default) for each in (NONSENSE, 0, -1, 10**9))]


def keep_files() -> None:
    """Read each of RecBole's YAML files once, not for every configuration."""
    load = functools.cache(yaml.load)
    yaml.load = lambda text, Loader: copy.deepcopy(load(text, Loader=Loader))


def base_options(model: str, data: str) -> dict[str, Any]:
    """Options with which a model of RecBole, or one with suffixes, is trained on the data set ``rich``."""
    name = model.partition("_")[0] if model not in KINDS else model
    return {**COMMON, **BY_KIND[KINDS[name]], **BY_MODEL.get(name, {}), "data_path": data}


def trials(model: str, data: str, own: set[str]) -> list[tuple[str, Any]]:
    """Every option and value to be tried with a model.

    Args:
        model: its name.
        data: the data path.
        own: the keys of the model's YAML file.
    """
    with contextlib.redirect_stderr(io.StringIO()):
        usual = IleConfig(model, "rich", config_dict=base_options(model, data)).internal_config_dict
    names = [key for key in usual if key in own or key in WHOLE.get(model, ())]
    found = [(key, value) for key in names for value in values(usual[key])]
    if model in WHOLE:
        nested = {"eval_args": ("split", "order", "group_by", "mode", "split.RS", "split.LS", "mode.valid")}
        nested["train_neg_sample_args"] = tuple(NEGATIVES)
        found += [(f"{key}.{entry}", value) for key, entries in nested.items() for entry in entries for value in VALUES]
    return found


def attempt(config: IleConfig) -> None:
    """Go from a configuration to the end of the first batch."""
    seed_everything(config)
    data = prepare_data(config)
    net = build_model(config, data)
    trainer = get_trainer(config)(config, net)
    trainer.eval_collector.data_collect(data.train)
    if hasattr(net, "e_step"):
        net.e_step()
    naming_options("training")(lambda _: trainer._train_epoch(data.train, 0, show_progress=False))(config)


def outcome(model: str, options: dict[str, Any]) -> str:
    """What comes of a trial: ``"done"``, the one line of an ``InputError``, or ``"raw "`` and what else it was."""
    try:
        config = IleConfig(model, "rich", config_dict=options)
    except InputError as error:
        return str(error)
    except Exception as error:
        return f"raw {type(error).__name__}: {error}"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _limit()
        try:
            attempt(config)
            text = "done"
        except InputError as error:
            text = str(error)
        except BaseException as error:
            text = f"raw {type(error).__name__}: {error}"
        os.write(writing, text.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    return text or f"raw end by signal {os.WTERMSIG(status)}"


def _limit() -> None:
    """Limit the time and memory of this process, which writes into a folder of its own, and nothing to the terminal."""
    os.chdir(tempfile.mkdtemp())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + SPARE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def own_keys(model: str) -> set[str]:
    """The keys of a model's YAML file."""
    path = Path(recbole.__file__).parent / "properties" / "model" / f"{model}.yaml"
    return set(yaml_keys(path)) if path.is_file() else set(own_model_options(model))


def yaml_keys(path: Path) -> list[str]:
    """The keys of a YAML file."""
    return list(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def write_data(folder: Path) -> str:
    """Write the data set ``rich`` and its embeddings of entities, and return the data path."""
    data = write_rich(folder)
    for kind, letter in (("ent", "e"), ("rel", "r")):
        rows = [f"{letter}{number}\t0.5 {number}" for number in range(15)]
        (data / "rich" / f"rich.{kind}").write_text("\n".join([f"{kind}_id:token\t{kind}_emb:float_seq", *rows, ""]))
    return str(data)


def main(data: str, share: str, target: str, costly: set[str], models: list[str]) -> None:
    """Try what one of several processes has to."""
    torch.set_num_threads(1)
    keep_files()
    for model in WHOLE:  # what is imported late would be so in every trial
        attempt(IleConfig(model, "rich", config_dict=base_options(model, data)))
    gc.freeze()  # a trial's collector would touch, and so copy, the memory of everything imported
    part, parts = map(int, share.split("/"))
    number = 0
    with open(target, "w") as file, quiet_recbole():
        for model in models or dict.fromkeys([*WHOLE, *MODELS]):
            for option, value in [("epochs", 2), *trials(model, data, own_keys(model))]:
                number += 1
                if number % parts != part or (option in costly and value in HUGE):
                    continue
                started = time.time()
                with contextlib.redirect_stderr(io.StringIO()):
                    text = outcome(model, {**base_options(model, data), option: copy.deepcopy(value)})
                row = {"model": model, "option": option, "value": value, "outcome": text}
                file.write(json.dumps({**row, "seconds": round(time.time() - started, 2)}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:4], costly=set(sys.argv[4].split(",")), models=sys.argv[5:])
