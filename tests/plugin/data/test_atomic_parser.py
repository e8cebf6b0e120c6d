"""An atomic file is read as RecBole reads it, but that ids are texts; fast or slow makes no difference."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES
from random_cases import cases
from recbole.data.dataset import dataset as module

from recbole_ile.errors import InputError
from recbole_ile.plugin.data import atomic_parser
from recbole_ile.plugin.data.atomic_parser import noted, read_csv

COLUMNS = ("user_id:token", "rating:float", "tags:token_seq")
HEADER = "\t".join(COLUMNS)
MISSING = {
    "rating:float": sorted(STR_NA_VALUES),
    **{key: [""] for key in ("user_id:token", "tags:token_seq", "tags:token")},
}
ours = functools.partial(read_csv, pd.read_csv)
compared = pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="RecBole's own parser reads all files")


def read_with(reader: Any, path: Path, columns: tuple[str, ...] = COLUMNS, **further: Any) -> Any:
    """Read as RecBole does; return the frame, or the error that there was."""
    kinds = {name: np.float64 if name.endswith("float") else str for name in columns}
    keywords = {"delimiter": "\t", "usecols": list(columns), "dtype": kinds, "encoding": "utf-8", "engine": "python"}
    try:
        return reader(str(path), **keywords, **further)
    except Exception as error:
        return error


def assert_reads_alike(content: str | bytes, path: Path, columns: tuple[str, ...] = COLUMNS) -> None:
    """Compare with pandas' parser in Python; what RecBole cannot read, or would take for something else, is refused."""
    written = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    assert_bytes_read_alike(written, path, columns)
    single = tuple(name.removesuffix("_seq") for name in columns)  # which are read by another parser than sequences
    assert_bytes_read_alike(written.replace(b":token_seq", b":token", 1), path, single)


def assert_bytes_read_alike(written: bytes, path: Path, columns: tuple[str, ...]) -> None:
    path.write_bytes(written)
    found = read_with(ours, path, columns)
    stock = read_with(pd.read_csv, path, columns)
    texts = {name: MISSING[name] for name in columns}
    expected = read_with(pd.read_csv, path, columns, keep_default_na=False, na_values=texts)
    if isinstance(found, InputError):
        refused = ("quotation mark does not close", "so near to the header", "cannot be read")
        assert str(path) in str(found)
        assert isinstance(expected, Exception) or any(reason in str(found) for reason in refused[:2])
        assert any(reason in str(found) for reason in refused)
    elif isinstance(expected, Exception):
        assert type(found) is type(expected)
    else:
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        assert list(found.dtypes) == list(expected.dtypes)
        assert len(found) == len(stock)
        kept = stock.notna()
        for name in found:
            assert found[name][kept[name]].tolist() == stock[name][kept[name]].tolist()
            assert set(found[name][~kept[name]].dropna()) <= STR_NA_VALUES - {""}


AWKWARD = [
    "a\t1\tx y\nb\t0.1234567890123456789012345\tz\n",
    "a\t1\tx",
    '"a"\t1\tx\n"b\tc"\t2\ty\n',
    'a"b\t1\tx\nc\t2\t"y\n',
    '"a""b"\t1\t""\n',
    "\t\t\na\t1\tx\n",
    "a\t1\tx\n\n\n",
    "a\t1\tx\n \n",
    "\t1\tx\na\t\ty\nb\t2\t\n",
    "NA\t1\tnull\nnan\tNaN\tNone\n",
    " a\t 1\tx \nb \t2 \t y\n",
    "a\t1\tx\n\n\nb\t2\ty\n \nc\t3\tz\n",
    "a\t1\tx\n\x0c\nb\t2\ty\n",
    "a\t1\tx\n\u2028\nb\t2\ty\n",
    "a\t1\tx\r\nb\t2\ty\r\n",
    "a\t1\tx\rb\t2\ty\r",
    "a\t1\nb\t2\ty\n",
    "a\t1\tx\ty\nb\t2\ty\tz\n",
    "a\t1\tx\nb\t2\ty\tz\n",
    "a\t1_000\tx\n",
    "a\t\uff11\tx\n",
    "a\t1e400\tx\nb\t-inf\ty\nc\t4.9e-324\tz\n",
    "a\t0x10\tx\n",
    "a\tone\tx\n",
    "001\t1\t1,2;3\n1.0\t2\tä 日本\n",
    "a\x00b\t1\tx\n",
    "#a\t1\tx\n'b'\t2\t\\t\n",
    "",
    "\n",
]


@pytest.mark.parametrize("lines", AWKWARD)
def test_awkward_content(tmp_path: Path, lines: str) -> None:
    assert_reads_alike(f"{HEADER}\n{lines}", tmp_path / "a.inter")
    assert_reads_alike(f"{HEADER}\n{lines}", tmp_path / "a.inter", ("user_id:token",))
    assert_reads_alike(f"{HEADER}\n{lines}", tmp_path / "a.inter", ("user_id:token", "tags:token_seq"))


def test_awkward_files(tmp_path: Path) -> None:
    for content in (b"", b"\xef\xbb\xbf" + f"{HEADER}\na\t1\tx\n".encode(), f"{HEADER}\na\t1\t".encode() + b"\xff\n"):
        assert_reads_alike(content, tmp_path / "a.inter")


WORDS = st.sampled_from(["NA", "None", "null", "nan", "#N/A", "", " ", '"', '""', '"a"', "007", "1e5", "\r", "\u2028"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"), max_size=4) | WORDS
NUMBERS = st.floats().map(repr) | st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers().map(str)
ROWS = st.tuples(TEXTS, NUMBERS | WORDS, TEXTS).map(list)


@cases(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, max_size=6))
def test_any_rows(tmp_path: Path, rows: list[list[str]]) -> None:
    assert_reads_alike("\n".join([HEADER, *map("\t".join, rows)]) + "\n", tmp_path / "a.inter")


@cases(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(TEXTS, max_size=5) | st.tuples(TEXTS, NUMBERS, TEXTS).map(list), min_size=1, max_size=6),
    ending=st.sampled_from(["\n", "\r\n", "\n\n", "\r"]),
    columns=st.sampled_from([COLUMNS, COLUMNS[::2], COLUMNS[:1]]),
)
def test_lines_of_any_length(tmp_path: Path, rows: list[list[str]], ending: str, columns: tuple[str, ...]) -> None:
    assert_reads_alike(ending.join([HEADER, *map("\t".join, rows)]), tmp_path / "a.inter", columns)


def test_what_is_odd_about_lines_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "a.inter"
    path.write_text(f"{HEADER}\na\t1\tx\nb\t2\ty\tz\n\nc\t3\nd\t4\tx\ty\n\n")
    with noted() as notes:
        assert len(read_with(ours, path)) == 4
    assert notes == [
        f"{path}: 2 lines with more fields than the header (first: line 3), which are not read; "
        "1 line with fewer fields than the header (first: line 5), where the missing ones are taken for empty; "
        "1 line without anything (first: line 4), which are passed over"
    ]
    path.write_text(f"{HEADER}\na\t1\tx\nb\t2\ty\n\n")
    with noted() as notes:
        read_with(ours, path)
    assert notes == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b'a\t1\tx\n"b\t2\ty\nc\t3\tz\n', "line 3 has a field whose quotation mark does not close"),
        (b'a\t1\tx\nb\t2\t"y"z\n', "line 3 has a field whose quotation mark does not close"),
        (b"a\t1\tx\ty\nb\t2\ty\n", "line 2 has 4 fields and the header 3"),
        (b"\na\t1\tx\n\nb\t1\tx\ta\t1\tx\n", "line 5 has 6 fields and the header 3"),
        (b"a\t1\tx\nb\t2\t\xff\n", "line 3 cannot be read as text (option encoding='utf-8')"),
        (b"a\t1\t" + b"x" * 140_000 + b'\n"b"\t1\tx\n', "line 2 cannot be read: field larger than"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, lines: bytes, said: str) -> None:
    path = tmp_path / "a.inter"
    path.write_bytes(HEADER.encode() + b"\n" + lines)
    error = read_with(ours, path)
    assert isinstance(error, InputError)
    assert said in str(error)
    assert str(path) in str(error)


@compared
def test_recbole_reads_through_it_and_plain_files_take_the_fast_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.inter"
    path.write_text(f"{HEADER}\na\t1\tx\nNA\t\tnull\n")
    engines = []

    def watched(*arguments: Any, **keywords: Any) -> Any:
        engines.append(keywords["engine"])
        return pd.read_csv(*arguments, **keywords)

    read_with(functools.partial(read_csv, watched), path)
    assert engines == ["c"]
    monkeypatch.setattr("pandas.io.parsers.python_parser.PythonParser.__init__", None)
    assert list(read_with(module.pd.read_csv, path)["user_id:token"]) == ["a", "NA"]


def test_a_file_is_looked_at_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recbole_ile.plugin.data.atomic_lines._BLOCK", 7)
    path = tmp_path / "a.inter"
    for lines in ("a\t1\tx\nlong name\t2\ty\nc\t3\tz", "a\t1\tx\nb\t2\nc\t3\tz\n"):
        assert_reads_alike(f"{HEADER}\n{lines}", path)
        odd = atomic_parser.look_at_lines(str(path), "\t", "utf-8")
        assert (odd.missing.count, odd.missing.first) == ((1, 3) if "b" in lines else (0, 0))
