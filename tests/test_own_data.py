"""What ``docs/own_data.md`` shows runs, and what it says about columns and settings is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from atomic import write_atomic

from recbole_ile.cli import main
from recbole_ile.experiments.comparison.given_lists import list_settings

TEXT = (Path(__file__).parent.parent / "docs" / "own_data.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```bash\n(.*?)```", TEXT, flags=re.DOTALL) for line in block.splitlines()]
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
RUNS = [line for line in LINES if line.startswith("recbole-ile --")]
OF_SPLITS = [line for line in LINES if "splits" in line or "popular" in line or "<time>" in line]
EVALUATIONS = [line for line in LINES if line.startswith("recbole-ile evaluate ") and line not in OF_SPLITS]
FETCHES = [line for line in LINES if line.startswith("recbole-ile fetch ")]


def test_every_command_is_run_here() -> None:
    assert set(LINES) == {*RUNS, *EVALUATIONS, *FETCHES, *OF_SPLITS}


def test_a_table_is_converted() -> None:
    pd.DataFrame({"isbn": ["x", "y", "x"], "reader": [1, 2, 3], "rating": [5, 4, 1]}).to_parquet("loans.parquet")
    for line in FETCHES:
        assert main(shlex.split(line)[1:]) == 0, line
    assert len(Path("dataset/loans/loans.inter").read_text().splitlines()) == 3


@pytest.mark.draws
def test_the_evaluations_run(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(1)
    pairs = [(f"u{user}", f"i{item}") for user in range(40) for item in random.permutation(30)[:24]]
    table = pd.DataFrame(pairs, columns=["user", "item"])
    place = table.groupby("user").cumcount()
    for name, low, high in (("train", 0, 10), ("test", 10, 14)):
        table[place.between(low, high - 1)].to_csv(f"{name}.csv", index=False)
    table[place >= 12].assign(score=-place).to_csv("mine.csv", index=False)
    table[place >= 14].assign(rank=place - 13).to_parquet("other.parquet")
    pd.DataFrame({"item": [f"i{item}" for item in range(30)]}).to_csv("items.csv", index=False)
    for line in EVALUATIONS:
        assert main(shlex.split(line)[1:]) == 0, line
    printed = capsys.readouterr().out
    assert "mine: 40 lists of more than 10 items, cut there" in printed
    for name in ("mine", "catalogue"):
        there = {path.name for path in (Path("saved") / "evaluations" / name).iterdir()}
        for file in re.findall(r"`(\w+\.(?:csv|json|html|parquet))`", TEXT.partition("## Train on a table")[0]):
            assert file in there or file in LINES[0] or file in LINES[1], file


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
def test_a_run_leaves_the_values_of_users() -> None:
    for line in RUNS:
        assert main([*shlex.split(line)[1:], "--show_progress=False", "--state=ERROR"]) == 0
    (path,) = Path("saved").glob("*/per_user.parquet")
    for column in ("user", "user_group", "profile_head", "profile_mid", "profile_tail", "list"):
        assert column in pd.read_parquet(path)
        assert f"`{column}`" in TEXT


def test_the_lists_of_the_python_example_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = (each for each in EXAMPLES if "evaluate_lists" in each)
    exec(compile(example, "own_data.md", "exec"), {})
    said = re.findall(r"print\(found.notes\)  # (.*)", example)
    assert capsys.readouterr().out.splitlines()[-1] == said[0]


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
def test_lists_of_other_programs_are_measured_on_a_split(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(2)
    rows = [f"u{user} i{item} {random.integers(10**6)}" for user in range(30) for item in random.permutation(40)[:20]]
    write_atomic(Path("data"), "small", ["user_id:token item_id:token timestamp:float", *rows])
    (popular,) = (each for each in EXAMPLES if "popular.csv" in each)
    for line in OF_SPLITS:
        if line == "python popular.py":
            exec(compile(popular, "popular.py", "exec"), {})
            continue
        words = shlex.split(line.replace("--dataset=ml-100k", "--dataset=small --data_path=data"))[1:]
        if words[0] == "evaluate":
            words.append("--metrics=[NDCG,UPD]")
        if words[0] == "run":
            words += ["--epochs=1", "--show_progress=False", "--state=ERROR"]
        if "<time>" in line:
            (saved,) = Path("saved").glob("*.pth")
            words = [f"--checkpoint={saved}" if "<time>" in word else word for word in words]
        assert main(words) == 0, line
    assert capsys.readouterr().out.count("report saved/evaluations/popular/report.html") == 2
    for name in ("films", "by-time", "last-out"):
        assert len(list(Path("splits", name).glob("*.inter"))) == 3


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
def test_the_frames_of_the_python_example_are_trained_on() -> None:
    (example,) = (each for each in EXAMPLES if "run_recbole_ile" in each)
    names: dict[str, Any] = {}
    exec(compile(example, "own_data.md", "exec"), names)
    assert names["model"].n_items == 20
    assert [row["group"] for row in names["result"]["test_by_item_group"]] == ["maps", "novels", "poems"]


def test_every_setting_is_named() -> None:
    named = set(re.findall(r"`--(\w+)`", TEXT))
    assert set(list_settings()) <= named
