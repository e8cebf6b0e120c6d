"""The command: what it prints and writes, and what a user sees when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from recbole_ile.cli import main

FOLDER = Path("saved") / "evaluations"


@pytest.fixture
def words() -> list[str]:
    """Files of eight users, lists of two programs among them, and the command that measures them."""
    users, items = [f"u{user}" for user in range(8)], list("abcdefgh")
    pairs = [(user, items[(place + step) % 8], step) for place, user in enumerate(users) for step in range(6)]
    table = pd.DataFrame(pairs, columns=["user", "item", "step"])
    table[table["step"] < 2].to_csv("train.csv", index=False)
    table[table["step"] == 2].to_parquet("test.parquet")
    good = table[table["step"].between(2, 3)].assign(score=lambda own: -own["step"])
    good.to_csv("good.csv", index=False)
    bad = table[table["step"] > 3].rename(columns={"user": "who"}).assign(rank=lambda own: own["step"] - 3)
    bad.rename(columns={"who": "user"}).to_parquet("bad.parquet")
    lists = ["--lists", "bad.parquet", "mine=good.csv", "--train=train.csv", "--test=test.parquet"]
    return ["evaluate", *lists, "--topk=[2,1]", "--user_group_num=2"]


@pytest.mark.draws
def test_tables_figures_and_the_page_are_those_of_compare(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--name=mine"]) == 0
    printed = capsys.readouterr().out
    for part in ("bad, test part", "mine, test part", "by user group", "bad (base)", "ndcg@2 ↑", "upd@2 ↓", "report"):
        assert part in printed
    folder = FOLDER / "mine"
    there = {path.name for path in folder.iterdir()}
    tables = {"table.csv", "table.md", "table.tex", "per_user.parquet", "metrics.csv", "user_groups.csv"}
    assert there >= {*tables, "item_groups.csv", "result.json", "report.html", "trade_off.png", "user_groups.pdf"}
    values = pd.read_csv(folder / "metrics.csv").set_index(["lists", "metric"])["value"]
    assert values["mine", "recall@2"] == 1.0
    assert values["mine", "mrr@1"] == 1.0
    assert values["bad", "hit@2"] == 0.0
    result = json.loads((folder / "result.json").read_text())
    assert result["lists"]["mine"]["test_result"]["recall@2"] == 1.0
    assert pd.read_csv(folder / "user_groups.csv")["lists"].unique().tolist() == ["bad", "mine"]
    assert len(pd.read_parquet(folder / "per_user.parquet")) == 16
    page = (folder / "report.html").read_text()
    assert "mine" in page
    assert "recbole-ile evaluate --lists bad.parquet mine=good.csv" in page, "what to type to make it again"
    assert "train train.csv, test test.parquet" in page


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bad.parquet": "bad.parqet"}, "option lists: file bad.parqet does not exist, did you mean bad.parquet?"),
        ({"mine=good.csv": "bad=good.csv"}, "two files are called bad; tell them apart as <name>=good.csv"),
        (
            {"mine=good.csv": "mine="},
            "option lists=mine= is not allowed; it takes <file or folder> or <name>=<file or folder>",
        ),
        ({"--train=train.csv": "--train=tests.csv"}, "option train: file tests.csv does not exist"),
        ({"--topk=[2,1]": "--topk=[99]"}, "option topk=99 is not allowed; there are 8 items"),
        ({"--topk=[2,1]": "--top=2"}, "unknown option top, did you mean topk?"),
        ({"--user_group_num=2": "--user_field=who"}, "has no column who; it has user, item"),
        ({"--user_group_num=2": "--name=../up"}, "option name=../up is not allowed"),
        ({"--test=test.parquet": "--test=broken.csv"}, "option test: file broken.csv cannot be read: CSV parse error"),
        ({"--test=test.parquet": "--test=empty.csv"}, "option test has no rows"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str], change: dict[str, str], says: str
) -> None:
    Path("broken.csv").write_text("user,item\nu,a\nv\n")
    Path("empty.csv").write_text("user,item\n")
    assert main([change.get(word, word) for word in words]) == 2
    told = capsys.readouterr().err.strip()
    assert says in told
    assert len(told.splitlines()) == 1
    assert not FOLDER.exists()
