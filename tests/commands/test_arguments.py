"""An option counts as given if it was, also with the value that it has anyway."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from recbole_ile.cli import main
from recbole_ile.commands import sweep_request
from recbole_ile.commands.arguments import fill_in, first_given
from recbole_ile.experiments.engine.ledger import Ledger

TRIED: dict[str, Any] = {"grid": ["ile_lambda=0.5"], "choice": [], "uniform": [], "loguniform": [], "space": None}
SWEEP = {
    **TRIED,
    **{"search": "random", "scheduler": "asha", "num_samples": 4},
    **{"objectives": "ndcg@10,ad@10", "max_loss": 0.1, "require": None},
}
FOLDERS = {
    "sweep": ({"model": "BPR_ILE", "dataset": "tiny", "fixed": {}}, SWEEP, ""),
    "compare": ({"dataset": "tiny", "fixed": {}}, {"base": "NeuMF", "methods": "", "seeds": 5}, "comparison"),
}


@pytest.fixture
def folder(command: str, tmp_path: Path) -> Path:
    settings, options, kind = FOLDERS[command]
    ledger = Ledger(tmp_path / "own", kind) if kind else Ledger(tmp_path / "own")
    ledger.open(settings, options)
    return ledger.folder


@pytest.mark.parametrize(
    ("command", "word"),
    [
        *(
            ("sweep", word)
            for word in ("--search=grid", "--scheduler=fifo", "--grid=ile_lambda=0.5", "--num_samples=4")
        ),
        *(("sweep", word) for word in ("--model=BPR_ILE", "--dataset=tiny", "--config_files=a.yaml", "--epochs=3")),
        *(("compare", word) for word in ("--base=BPR", "--methods=", "--seeds=3", "--dataset=tiny", "--epochs=3")),
    ],
)
def test_what_is_continued_takes_no_option_again(
    command: str, word: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, f"--resume={folder}", word]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"option {word[2:].partition('=')[0]}" in line
    assert "is continued as it was started; leave it out" in line


@pytest.mark.parametrize("command", ["sweep"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ("ndcg@10,ad@10", 0.1, None)),
        (["--objectives=ndcg@10,upd@10"], ("ndcg@10,upd@10", 0.1, None)),
        (["--max_loss=0.05"], ("ndcg@10,ad@10", 0.05, None)),
        (["--require=upd@10<=0.1"], ("ndcg@10,ad@10", None, "upd@10<=0.1")),
    ],
)
def test_what_a_continued_sweep_recommends_may_be_told_anew(
    folder: Path, words: list[str], expected: tuple[Any, ...]
) -> None:
    parser = argparse.ArgumentParser()
    sweep_request.add_arguments(parser)
    arguments = parser.parse_args(words)
    assert sweep_request.continued(arguments, [], Ledger(folder)) == (not words)
    assert (arguments.objectives, arguments.max_loss, arguments.require) == expected
    assert (arguments.search, arguments.scheduler, arguments.grid) == ("random", "asha", ["ile_lambda=0.5"])


def test_an_option_is_filled_in_only_where_it_is_not_given() -> None:
    arguments = argparse.Namespace(seeds=0, base=None, methods="")
    assert first_given(arguments, ["base"]) is None
    assert first_given(arguments, ["base", "methods", "seeds"]) == "methods"
    fill_in(arguments, {"seeds": 3, "base": "BPR", "methods": "BPR_CP"})
    assert vars(arguments) == {"seeds": 0, "base": "BPR", "methods": ""}
