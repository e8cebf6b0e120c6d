"""No column of a parquet or Arrow file runs code, also where the package is imported that would."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from recbole_ile import InputError, evaluate_lists
from recbole_ile.cli import main
from recbole_ile.experiments.engine.records import Damaged, read_users

TABLES = {
    "train.csv": "user,item\nu,k\nv,k\nw,k\nv,j\nw,i\n",
    "test.csv": "user,item\nu,i\nv,i\n",
    "train.inter": "user_id:token\titem_id:token\nu\tk\nv\tk\n",
}
SMALL = ["--train", "train.csv", "--test", "test.csv", "--topk=1", "--item_group_split=[0.5,0.5]"]
READERS = {
    "rerank": ["rerank", "--scores=planted.parquet", "--train=train.inter"],
    "evaluate": ["evaluate", "--lists", "planted.parquet", *SMALL],
    "evaluate a folder": ["evaluate", "--lists", "planted/", *SMALL],
    "evaluate --items": [
        "evaluate",
        "--lists",
        "test.csv",
        *SMALL,
        "--items=planted.parquet",
        "--item_group_field=score",
    ],
    "fetch of parquet": ["fetch", "new", "--from=planted.parquet", "--rating=score"],
    "fetch of feather": ["fetch", "new", "--from=planted.feather", "--timestamp=score"],
}
"""Each command that takes such a file, and every column that it reads."""


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


@pytest.fixture
def tables() -> None:
    pytest.importorskip("ray.data")  # which has Arrow know the type
    for name, text in TABLES.items():
        Path(name).write_text(text)


def planted(column: str, within: bool) -> pa.Table:
    from ray.data._internal.object_extensions.arrow import ArrowPythonObjectType

    kind = ArrowPythonObjectType()
    values = kind.wrap_array(pa.array([pickle.dumps(Payload())] * 3, type=pa.large_binary()))
    if within:
        values = pa.StructArray.from_arrays([values], ["inner"])
    columns = {"user": pa.array(["u", "v", "w"]), "item": pa.array(["i", "j", "k"]), "score": pa.array([3.0, 2.0, 1.0])}
    table = pa.table({**columns, column: values})
    pa.parquet.write_table(table, "planted.parquet")
    Path("planted").mkdir()
    pa.parquet.write_table(pa.table(columns), "planted/a.parquet")
    pa.parquet.write_table(table, "planted/b.parquet")
    pa.feather.write_feather(table, "planted.feather", compression="uncompressed")
    return table


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("column", ["user", "item", "score"])
@pytest.mark.parametrize("reader", READERS)
def test_a_column_of_pickles_is_refused(
    reader: str, column: str, within: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(column, within)
    if (reader, column) == ("evaluate --items", "user"):
        return  # it is not read of items
    assert main(READERS[reader]) == 2
    printed = capsys.readouterr().err
    assert f"column {column} is of type ray.data.arrow_pickled_object" in printed
    assert not Path("ran").exists()


@pytest.mark.usefixtures("tables")
def test_neither_is_one_of_a_table_in_memory_nor_of_a_stored_comparison() -> None:
    table = planted("score", within=False)
    with pytest.raises(InputError, match="column score is of type"):
        evaluate_lists(table, "train.csv", "test.csv", config_dict={"topk": 1, "item_group_split": [0.5, 0.5]})
    stored = table.select(["user", "score"]).append_column("user_group", pa.array([0, 0, 0]))
    pa.parquet.write_table(stored, "users.parquet")
    with pytest.raises(Damaged, match="column score holds"):
        read_users(Path("users.parquet"))
    assert not Path("ran").exists()


@pytest.mark.usefixtures("tables")
def test_the_payload_is_one() -> None:
    planted("score", within=False).to_pandas()
    assert Path("ran").exists()
