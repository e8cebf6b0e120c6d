"""A file of columns, whatever their types, gives the atomic file that the same rows as text give."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.feather
import pytest
from columns import DAYS, TABLE

from recbole_ile.cli import main
from recbole_ile.errors import InputError
from recbole_ile.fetching import columnar
from recbole_ile.fetching.atomic import write_interactions
from recbole_ile.fetching.conversion import read_interactions

KINDS = {
    "text": TABLE,
    "category": TABLE.astype({"user": "category", "item": "category"}),
    "number": TABLE.astype({"user": "int32", "item": "int64", "rating": "float32"}),
    "float ids": TABLE.astype({"user": float, "item": "uint8"}),
    "dates": TABLE.assign(timestamp=DAYS),
    "times": TABLE.assign(timestamp=pd.to_datetime(TABLE["timestamp"])),
    "times of a zone": TABLE.assign(timestamp=pd.to_datetime(TABLE["timestamp"], utc=True).dt.tz_convert("Asia/Tokyo")),
    "seconds": TABLE.assign(timestamp=[(day - datetime.date(1970, 1, 1)).days * 86400 for day in DAYS]),
    "categories of dates": TABLE.astype({"timestamp": "category"}),
}


def written(path: Path) -> str:
    write_interactions(read_interactions(path).interactions, Path("out.inter"))
    return Path("out.inter").read_text()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_types_of_columns_do_not_matter(kind: str, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    TABLE.to_csv("given.csv", index=False)
    expected = written(Path("given.csv"))
    path = Path(f"given.{suffix}")
    if suffix == "parquet":
        KINDS[kind].to_parquet(path, row_group_size=12)
    else:
        pyarrow.feather.write_feather(KINDS[kind], str(path))
    assert written(path) == expected
    monkeypatch.setattr(columnar, "ROWS", 7)
    assert written(path) == expected


def test_what_is_no_interaction_is_counted_by_its_row() -> None:
    table = pd.DataFrame(
        {"user": ["a", None, "b", "[PAD]", "c"], "item": ["x", "y", "", "z", "t\tt"], "rating": [1.0, 2, 3, 4, 5]}
    )
    table.loc[len(table)] = ["d", "x", np.nan]
    table.to_parquet("given.parquet")
    found = read_interactions(Path("given.parquet"))
    assert len(found.interactions.users) == 1
    assert str(found.malformed).startswith("5 malformed lines: 2 (the user is empty), 3, 4, 5, 6")


@pytest.mark.parametrize(
    ("table", "options", "says"),
    [
        ({"user": [1.5], "item": [1]}, {}, r"the user 1.5 is no whole number"),
        ({"user": [b"a"], "item": [1]}, {}, r"column user holds bytes"),
        ({"usr": [1], "item": [1]}, {}, r"no column that is known to hold the users; it has usr, item"),
        ({"user": [1], "item": [1]}, {"min_rating": 3.0}, r"option min_rating=3: .* has no ratings"),
        ({"user": [1], "item": [1]}, {"format": "csv"}, r"option format=csv: .* is parquet, which says its own"),
        ({"user": [1], "item": [1]}, {"columns": {"user": "usr"}}, r"no such column, did you mean user\?"),
    ],
)
def test_what_cannot_be_read_is_refused(table: dict[str, list[object]], options: dict[str, object], says: str) -> None:
    pd.DataFrame(table).to_parquet("given.parquet")
    with pytest.raises(InputError, match=says):
        read_interactions(Path("given.parquet"), **options)  # type: ignore[arg-type]


def test_the_command_converts_it(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.to_parquet("mine.parquet")
    assert main(["fetch", "mine", "--from=mine.parquet", "--min_rating=2", "--data_path=data"]) == 0
    assert "11 users" in capsys.readouterr().out
    assert Path("data/mine/mine.inter").read_text().startswith("user_id:token\titem_id:token\trating:float\ttimestamp")
    Path("broken.parquet").write_text("user,item\n")
    assert main(["fetch", "other", "--from=broken.parquet", "--data_path=data"]) == 2
    assert "file broken.parquet cannot be read" in capsys.readouterr().err
