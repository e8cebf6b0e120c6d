"""Write this folder's files anew with the version of commit 7fe52e6; ``README.md`` says how to call it."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COMMON = ["--dataset=small", "--data_path=data", "--embedding_size=8", "--train_batch_size=64", "--learning_rate=0.01"]
QUIET = ["--show_progress=False"]
TARGET = ["--model=BPR_ILE", "--ile_target=upd@10<=0.02", "--ile_target_wait=1"]
TOLERANT = ["--model=BPR_LA", "--valid_tolerance=0.5", "--valid_fairness=EE@10"]
ENSEMBLE = ["--model=BPR_PUFR_CP", "--epochs=2", "--pufr_members=2"]
RUNS = {
    "plain": ["--model=BPR", "--epochs=3"],
    "target": [*TARGET, "--epochs=4"],
    "target-2-of-4": [*TARGET, "--epochs=2"],
    "tolerant": [*TOLERANT, "--epochs=4"],
    "tolerant-2-of-4": [*TOLERANT, "--epochs=2"],
    "ensemble": ENSEMBLE,
}
"""The options of each checkpoint's run, beside the common ones."""
SWEEP = ["sweep", "--model=BPR_ILE", "--grid", "ile_lambda=0.1,0.3", "--epochs=2", "--name=sweep"]
COMPARISON = ["compare", "--methods=BPR_ILE:mad,BPR_CP", "--seeds=1", "--epochs=2", "--name=comparison"]
NUMBERS = ("best_valid_score", "best_valid_result", "test_result", "group_losses", "target_course")
"""What is kept of a run's ``result.json``."""
LISTED = "u1,u7,u23"
LEFT_OUT = (
    *("*.html", "*.png", "*.pdf", "*.tex"),
    *("*.pkl", "*.tfevents.*", "progress.csv", "params.json", "result.json", "*-state-*.json", "experiment_state-*"),
)
"""The pictures and pages, and what Ray keeps for itself beside the checkpoints."""


def atomic_lines() -> list[str]:
    """Forty users who take 12 of 30 items each, low numbers more often than high ones."""
    generator = random.Random(1)
    rows = []
    for user in range(1, 41):
        items: set[int] = set()
        while len(items) < 12:
            items.add(1 + int(30 * generator.random() ** 2))
        rows += [f"u{user}\ti{item}" for item in sorted(items)]
    return ["user_id:token\titem_id:token", *rows]


def scores_of(model: Any, dataset: Any, users: list[str]) -> dict[str, dict[str, float]]:
    """Return a model's score of each item for some users, by their original ids."""
    import torch
    from recbole.data.interaction import Interaction

    ids = torch.tensor([dataset.token2id(dataset.uid_field, user) for user in users])
    with torch.no_grad():
        rows = model.full_sort_predict(Interaction({dataset.uid_field: ids})).view(len(users), -1)
    tokens = dataset.field2id_token[dataset.iid_field][1:].tolist()
    return {
        user: dict(sorted(zip(tokens, row[1:].tolist(), strict=True))) for user, row in zip(users, rows, strict=True)
    }


def write() -> None:
    """Write data, checkpoints, folders and what the old version says of them, in the current folder."""
    from recbole_ile.plugin.loading import load_model_and_data

    from recbole_ile.cli import main

    Path("data/small").mkdir(parents=True)
    Path("data/small/small.inter").write_text("\n".join(atomic_lines()) + "\n")
    Path("checkpoints").mkdir()
    known: dict[str, dict[str, Any]] = {}
    for name, options in RUNS.items():
        known[name] = {"result": _result(main, [*options, *COMMON, *QUIET])}
        checkpoint = Path(known[name]["result"].pop("checkpoint"))
        kept = Path("checkpoints") / f"{name}.pth"
        shutil.copy(checkpoint, kept)
        model, _, data = load_model_and_data(kept)
        known[name]["scores"] = scores_of(model, data.dataset, LISTED.split(","))
        assert main(["recommend", f"--checkpoint={kept}", f"--users={LISTED}", "--k=5", "--out=lists.csv"]) == 0
        known[name]["lists"] = Path("lists.csv").read_text()
        if name.endswith("-of-4"):
            known[name]["resumed"] = _result(main, [f"--resume={checkpoint}", "--epochs=4", *QUIET])
            del known[name]["resumed"]["checkpoint"]
    known["ensemble-3-of-4"] = {"resumed": _interrupted_ensemble(main)}
    assert main([*SWEEP, *COMMON, "--max_concurrent=1"]) == 0
    assert main([*COMPARISON, *COMMON, "--jobs=1"]) == 0
    for kind in ("sweep", "comparison"):
        shutil.copytree(f"saved/{kind}s/{kind}", kind, ignore=shutil.ignore_patterns(*LEFT_OUT))
    Path("known.json").write_text(json.dumps(known, indent=1) + "\n")
    for name in ("data", "checkpoints", "sweep", "comparison"):
        shutil.rmtree(HERE / name, ignore_errors=True)
        shutil.copytree(name, HERE / name)
    shutil.copy("known.json", HERE)


def _interrupted_ensemble(main: Any) -> dict[str, Any]:
    """Keep what is left of an ensemble's run that ends in the last of its four epochs, and return the resumed one's."""
    from recbole_ile.plugin.trainer import GroupLossTrainer

    train, begun = GroupLossTrainer._train_epoch, []

    def train_or_end(*arguments: Any, **keywords: Any) -> Any:
        begun.append(1)
        if len(begun) == 4:
            raise MemoryError("in the fourth epoch")
        return train(*arguments, **keywords)

    GroupLossTrainer._train_epoch = train_or_end
    with contextlib.suppress(MemoryError):
        main(["run", *ENSEMBLE, *COMMON, *QUIET])
    GroupLossTrainer._train_epoch = train
    (left,) = Path("saved").glob("*.pth.unfinished")
    shutil.copy(left, Path("checkpoints") / "ensemble-3-of-4.pth.unfinished")
    resumed = _result(main, [f"--resume={left}", *QUIET])
    del resumed["checkpoint"]
    return resumed


def _result(main: Any, words: list[str]) -> dict[str, Any]:
    """Run ``run`` and return its numbers, and the path of its checkpoint."""
    assert main(["run", *words]) == 0
    path = max(Path("saved").glob("*/result.json"), key=lambda each: each.stat().st_mtime)
    content = json.loads(path.read_text())
    return {name: content[name] for name in (*NUMBERS, "checkpoint") if name in content}


if __name__ == "__main__":
    sys.exit(write())
