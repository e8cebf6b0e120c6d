"""A folder of lists says what it holds, and takes no other."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from recbole_ile.errors import InputError
from recbole_ile.report.run.lists import ListFiles
from recbole_ile.report.run.shard_progress import ShardProgress
from recbole_ile.report.run.shards import MANIFEST, Plan, ShardFolder

PLAN = Plan("abc", "def", {"model": "BPR", "k": 2}, users=5, shard_users=2, block=3, threads=1)
NAMES = {"user_id": np.array(["[PAD]", "NA", "007", "x", "y", "z"]), "item_id": np.array(["[PAD]", "i", "NA"])}
DATASET = SimpleNamespace(uid_field="user_id", iid_field="item_id", field2id_token=NAMES)


def write(folder: ShardFolder, number: int, plan: Plan = PLAN) -> tuple[int, int]:
    users = torch.arange(*plan.places(number)) + 1
    items = torch.tensor([[1, 2]]).repeat(len(users), 1)
    block = SimpleNamespace(users=users, items=items, scores=torch.tensor([[1.5, 0.5]]).repeat(len(users), 1))
    return folder.write(plan, number, ListFiles(DATASET), [tuple(vars(block).values())])


@pytest.fixture
def folder() -> ShardFolder:
    found = ShardFolder(Path("lists"))
    with found.alone(lambda: None):
        found.begin(PLAN)
    return found


def test_every_user_is_in_one_file() -> None:
    assert PLAN.shards == 3
    assert [PLAN.places(number) for number in range(3)] == [(0, 2), (2, 4), (4, 5)]


def test_a_folder_reads_as_one_table_of_texts(folder: ShardFolder) -> None:
    for number in (2, 0, 1):
        assert folder.missing(PLAN)
        write(folder, number)
    assert folder.missing(PLAN) == []
    table = pd.read_parquet("lists")
    assert table["user_id"].drop_duplicates().tolist() == ["NA", "007", "x", "y", "z"]
    assert table.columns.tolist() == ["user_id", "rank", "item_id", "score"]
    assert table["item_id"].unique().tolist() == ["i", "NA"]
    assert table["rank"].tolist() == [1, 2] * 5


def test_a_file_that_is_broken_or_of_another_plan_is_missing(folder: ShardFolder) -> None:
    for number in range(3):
        write(folder, number)
    first = Path("lists/lists-000000.parquet")
    whole = first.read_bytes()
    first.write_bytes(whole[:50])
    Path("lists/lists-000001.parquet").write_bytes(whole)
    assert folder.missing(PLAN) == [0, 1]
    write(folder, 0)
    assert first.read_bytes() == whole
    assert folder.missing(Plan(**{**vars(PLAN), "data": "other"})) == [0, 1, 2]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"checkpoint": "xyz"}, "made with another checkpoint; another folder takes others"),
        ({"data": "xyz"}, "made with another data;"),
        ({"shard_users": 3}, "made with shard_users=2, not 3"),
        ({"options": {"model": "BPR_CP", "k": 2, "cp_weight": 0.9}}, "made with model='BPR', not 'BPR_CP'"),
        ({"options": {"model": "BPR", "k": 3}}, "made with k=2, not 3"),
    ],
)
def test_other_lists_are_refused_in_a_line(folder: ShardFolder, wanted: dict[str, Any], message: str) -> None:
    folder.check(checkpoint="abc", users=5)
    with pytest.raises(InputError, match="option out=lists: the lists in this folder were ") as refused:
        folder.check(**wanted)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "\udcff", json.dumps({**vars(PLAN), "users": "5"}), json.dumps({**vars(PLAN), "block": 0})],
)
def test_a_damaged_manifest_is_a_line(folder: ShardFolder, content: str) -> None:
    Path("lists", MANIFEST).write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match=r"_manifest\.json is damaged or no manifest of lists"):
        folder.plan()


def test_a_folder_of_something_else_is_left_alone() -> None:
    Path("lists").mkdir()
    assert ShardFolder(Path("lists")).plan() is None
    Path("lists/theirs.parquet").write_text("theirs")
    with pytest.raises(InputError, match=r"the folder has files, theirs\.parquet say, and no _manifest"):
        ShardFolder(Path("lists")).plan()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_bar_or_lines(terminal: bool) -> None:
    said = io.StringIO()
    with ShardProgress(5, 2, 3, 2, Console(file=said, force_terminal=terminal, width=80)) as progress:
        for users in (2, 1):
            progress.advance(users)
            progress.written()
    lines = said.getvalue().splitlines()
    assert "5/5" in said.getvalue() if terminal else lines == ["file 2 of 3, 4 users", "file 3 of 3, 5 users"]
