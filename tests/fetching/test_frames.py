"""Tables in memory become the atomic files that ``fetch`` makes of the same rows."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from columns import DAYS, TABLE

from recbole_ile.cli import main
from recbole_ile.errors import InputError
from recbole_ile.fetching.frames import keep_frames
from recbole_ile.plugin.data.tables import arrow_table


class Streaming:
    """What speaks Arrow's protocol alone."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__()


class Converting:
    """What has ``to_arrow`` alone."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def to_arrow(self) -> pyarrow.Table:
        return pyarrow.Table.from_pandas(self._frame)


class Interchanging:
    """What speaks the interchange protocol of data frames alone."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        return self._frame.__dataframe__()


def views(frame: pd.DataFrame) -> pyarrow.Table:
    """Return texts as polars hands them over."""
    table = pyarrow.Table.from_pandas(frame)
    kinds = [(name, pyarrow.string_view() if name in ("user", "item") else table[name].type) for name in frame]
    return table.cast(pyarrow.schema(kinds))


KINDS = {
    "text": TABLE,
    "category": TABLE.astype({"user": "category", "item": "category"}),
    "number": TABLE.astype({"user": "int32", "item": "int64", "rating": "float32"}),
    "dates": TABLE.assign(timestamp=DAYS),
    "times": TABLE.assign(timestamp=pd.to_datetime(TABLE["timestamp"])),
    "an Arrow table": pyarrow.Table.from_pandas(TABLE),
    "texts as polars has them": views(TABLE),
    "columns": {name: TABLE[name].tolist() for name in TABLE},
    "a stream": Streaming(TABLE),
    "to_arrow": Converting(TABLE),
    "interchange": Interchanging(TABLE),
    "names as in atomic files": TABLE.rename(columns={"user": "user_id:token", "item": "item_id:token"}),
    "other rows of the index": TABLE.set_index(pd.Index(range(7, 37))),
}


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The atomic file that ``fetch`` makes of the rows as text."""
    folder = tmp_path_factory.mktemp("fetched")
    TABLE.to_csv(folder / "given.csv", index=False)
    assert main(["fetch", "x", f"--from={folder / 'given.csv'}", f"--data_path={folder}"]) == 0
    return (folder / "x" / "x.inter").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_types_of_frames_do_not_matter(kind: str, fetched: bytes) -> None:
    place = keep_frames(Path("kept"), "x", KINDS[kind])
    assert (place / "x" / "x.inter").read_bytes() == fetched
    assert keep_frames(Path("kept"), "x", TABLE) == place, "the same rows have the same place"
    assert keep_frames(Path("kept"), "x", TABLE[:-1]) != place, "others never replace them"


def test_columns_are_called_as_the_settings_say() -> None:
    fields = {"user": "reader", "item": "isbn", "rating": "stars", "timestamp": "at"}
    table = TABLE.rename(columns={"user": "reader", "rating": "stars"}).assign(user_id="not this one")
    place = keep_frames(Path("kept"), "x", table, fields=fields)
    lines = (place / "x" / "x.inter").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "reader:token\tisbn:token\tstars:float\tat:float"
    assert lines[1].split("\t")[:3] == ["0", "0", "1"]


def test_a_damaged_place_is_mended() -> None:
    place = keep_frames(Path("kept"), "x", TABLE)
    path = place / "x" / "x.inter"
    whole = path.read_bytes()
    path.write_bytes(whole[:9])
    keep_frames(Path("kept"), "x", TABLE)
    assert path.read_bytes() == whole


def test_rows_that_are_no_interactions_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    table = pd.DataFrame({"user_id": [7, np.nan, 8], "item_id": ["a", "b", ""]})
    with caplog.at_level(logging.WARNING):
        place = keep_frames(Path("kept"), "x", table)
    assert "option interactions: 2 malformed lines: 2 (the user is empty), 3; left out" in caplog.text
    assert (place / "x" / "x.inter").read_text(encoding="utf-8").splitlines()[1:] == ["7\ta"]


def test_features_have_the_types_that_their_values_show() -> None:
    items = pd.DataFrame(
        {
            "title": ['A "b"\tc', "  D ", None],
            "item": [3, 1, 2],
            "year": [1999, 2001, 1999],
            "genres": [["Sci Fi", "Drama"], [], None],
            "price": [0.1, 2.0, np.nan],
            "shares": [[0.5, 1.5], None, [2.0]],
            "new": [True, False, None],
            "day": pd.to_datetime(["1970-01-02", None, "1970-01-01"]),
            "kind": pd.Categorical(["x", "y", "x"]),
            "weight:float": ["1", "2", "3"],
            "words:token_seq": ["a b", "c", ""],
        }
    )
    place = keep_frames(Path("kept"), "x", TABLE, items=items)
    lines = [line.split("\t") for line in (place / "x" / "x.item").read_text(encoding="utf-8").splitlines()]
    columns = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
    assert columns == {
        "item_id:token": ("3", "1", "2"),
        "title:token": ("A 'b' c", "D", ""),
        "year:token": ("1999", "2001", "1999"),
        "genres:token_seq": ("Sci_Fi Drama", "", ""),
        "price:float": ("0.1", "2.0", ""),
        "shares:float_seq": ("0.5 1.5", "", "2.0"),
        "new:token": ("true", "false", ""),
        "day:float": ("86400", "", "0"),
        "kind:token": ("x", "y", "x"),
        "weight:float": ("1", "2", "3"),
        "words:token_seq": ("a b", "c", ""),
    }


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"interactions": [1, 2]}, r"option interactions is no table that can be read, but builtins.list"),
        ({"interactions": {"usr": ["1"], "item": ["1"]}}, r"no column .* users; it has usr, item; .* USER_ID_FIELD"),
        ({"interactions": {"user": [1.5], "item": [1]}}, r"option interactions: the user 1.5 is no whole number"),
        ({"interactions": {"user": [None], "item": [1]}}, r"no interaction is left \(1 malformed line: 1 \(the user"),
        ({"interactions": TABLE[:0]}, r"option interactions: no interaction is left \(no malformed lines\)"),
        ({"name": "ml-100k"}, r"option dataset=ml-100k: RecBole reads its own copy"),
        ({"name": "../x"}, r"data set name '../x' is not allowed"),
        ({"items": {"itm": [1]}}, r"option items has no column item_id, did you mean itm"),
        ({"items": {"item": [1, 2, 1]}}, r"option items has item 1 twice"),
        ({"users": {"user_id": ["a", None]}}, r"option users: row 2: the user is empty"),
        ({"items": {"item": [1, 2], "price": [1.0, float("inf")]}}, r"column price: row 2 holds no finite number"),
        ({"items": {"item": [1], "price:floot": [1.0]}}, r"column price:floot is of no type .* did you mean float\?"),
        ({"items": {"item": [1], "price:float": ["dear"]}}, r"option items: column price: .*dear"),
        ({"items": {"item": [1], "genres:token": [["a"]]}}, r"column genres holds list.* which is no token"),
        ({"items": {"item": [1], "cover": [b"a"]}}, r"option items: column cover: column value holds bytes"),
        ({"items": {"item": [1], "a": [1], "a:float": [1]}}, r"option items has two columns a"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        keep_frames(Path("kept"), **{"name": "x", "interactions": TABLE, **tables})
    assert not Path("kept").exists()


class Foreign(pyarrow.ExtensionType):
    """A type that a package defines, whose values are that package's business."""

    def __init__(self) -> None:
        super().__init__(pyarrow.string(), "tests.foreign")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""


@pytest.mark.parametrize("name", ["interactions", "items"])
def test_a_column_of_a_type_that_a_package_defines_is_refused(name: str) -> None:
    column = pyarrow.ExtensionArray.from_storage(Foreign(), pyarrow.array(["1"]))
    tables = {"interactions": TABLE, name: pyarrow.table({"user": pyarrow.array(["1"]), "item": column})}
    with pytest.raises(InputError, match=f"option {name}: column item is of type tests.foreign"):
        keep_frames(Path("kept"), "x", **tables)


def test_a_table_in_memory_is_not_changed() -> None:
    given = TABLE.copy()
    keep_frames(Path("kept"), "x", given, users=pd.DataFrame({"user_id": ["0"], "age": [3]}))
    pd.testing.assert_frame_equal(given, TABLE)
    assert arrow_table(given, "it").column_names == list(TABLE)
