"""``data describe`` says what is in a data set as a run reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from atomic import TINY, write_atomic

from recbole_ile.cli import main

TIMED = [f"{user} {item} {86400 * day}" for user, items in TINY.items() for day, item in enumerate(items.split())]
SMALL = ["--item_group_split=[0.5,0.5]", "--user_group_num=2"]


@pytest.fixture
def timed() -> Path:
    lines = ["user_id:token item_id:token timestamp:float", *TIMED, TIMED[0]]
    write_atomic(Path("data"), "tiny", lines)
    return Path("data")


@pytest.mark.draws
def test_a_data_set_is_described(timed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "describe", "--dataset=tiny", f"--data_path={timed}", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "tiny: 6 users, 8 items" in printed
    assert "22 interactions (11 train, 5 valid, 6 test), 43.8 % of all pairs" in printed
    assert "1 repeat an earlier pair of a user and an item" in printed
    assert "the files have times from 1970-01-01 to 1970-01-07" in printed
    folder = Path("saved/data/tiny")
    assert {path.name for path in folder.iterdir()} == {
        *("description.json", "popularity.csv", "popularity.png", "profiles.png")
    }
    found = json.loads((folder / "description.json").read_text(encoding="utf-8"))
    assert sum(row["interactions"] for row in found["item_groups"]) == 11, "of the training part alone"
    assert [row["interactions"] for row in found["cores"]] == [0, 0, 0]
    ranks = (folder / "popularity.csv").read_text(encoding="utf-8").splitlines()
    assert ranks[0] == "rank,training_interactions"
    assert len(ranks) == 9


@pytest.mark.draws
def test_it_is_the_data_set_of_a_run_with_the_same_options(timed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "describe", "--dataset=tiny", f"--data_path={timed}", "--out=here", *SMALL]
    assert main([*words, "--user_inter_num_interval=[3,inf)", "--item_group_by=items"]) == 0
    printed = capsys.readouterr().out
    assert "tiny: 5 users, 7 items" in printed, "without fay, and h, which she alone has"
    assert "left out are 2 interactions outside of user_inter_num_interval=[3,inf)" in printed
    assert Path("here/popularity.png").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["descrbe", "--dataset=tiny"], "invalid choice: 'descrbe'"),
        (["describe", "--dataset=tiny", "--model=BPR"], "option model=BPR is not allowed; data takes no model"),
        (["describe", "--dataset=tiny", "--user_group_numm=3"], "unknown option user_group_numm, did you mean"),
        (["describe"], "no dataset: give its name"),
        (["describe", "--dataset=tinny"], "dataset tinny not found, did you mean tiny?"),
    ],
)
def test_what_cannot_be_described_is_refused(
    words: list[str], says: str, timed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", *words, f"--data_path={timed}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not Path("saved").exists()
