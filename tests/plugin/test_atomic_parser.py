"""The fast parser gives the frame of the slow one, or leaves the file to it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recbole.data.dataset import dataset as module

from recbole_ile.plugin.atomic_parser import read_csv

HEADER = "user_id:token\trating:float\ttags:token_seq"
pytestmark = pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="RecBole reads as it always did")


def read_with(
    reader: Any, path: Path, columns: tuple[str, ...] = ("user_id:token", "rating:float", "tags:token_seq")
) -> Any:
    """Read as RecBole does; return the frame, or the error that there was."""
    kinds = {name: np.float64 if name.endswith("float") else str for name in columns}
    try:
        return reader(str(path), delimiter="\t", usecols=list(columns), dtype=kinds, encoding="utf-8", engine="python")
    except Exception as error:
        return type(error)


def assert_reads_alike(content: str | bytes, path: Path, *columns: str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    fast = read_with(functools.partial(read_csv, pd.read_csv), path, *([columns] if columns else []))
    slow = read_with(pd.read_csv, path, *([columns] if columns else []))
    if isinstance(slow, type):
        assert fast is slow
    else:
        pd.testing.assert_frame_equal(fast, slow, check_exact=True)
        assert list(fast.dtypes) == list(slow.dtypes)


AWKWARD = [
    "a\t1\tx y\nb\t0.1234567890123456789012345\tz\n",
    "a\t1\tx",
    '"a"\t1\tx\n"b\tc"\t2\ty\n',
    'a"b\t1\tx\nc\t2\t"y\n',
    '"a""b"\t1\t""\n',
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
    assert_reads_alike(f"{HEADER}\n{lines}", tmp_path / "a.inter", "user_id:token")
    assert_reads_alike(f"{HEADER}\n{lines}", tmp_path / "a.inter", "user_id:token", "tags:token_seq")


def test_awkward_files(tmp_path: Path) -> None:
    for content in (b"", b"\xef\xbb\xbf" + f"{HEADER}\na\t1\tx\n".encode(), f"{HEADER}\na\t1\t".encode() + b"\xff\n"):
        assert_reads_alike(content, tmp_path / "a.inter")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"), max_size=4)
NUMBERS = st.floats().map(repr) | st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers().map(str)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXTS, NUMBERS, TEXTS), max_size=6))
def test_any_rows(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    assert_reads_alike("\n".join([HEADER, *map("\t".join, rows)]) + "\n", tmp_path / "a.inter")


def test_recbole_reads_through_it_and_plain_files_take_the_fast_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.inter"
    path.write_text(f"{HEADER}\na\t1\tx\n")
    engines = []

    def watched(*arguments: Any, **keywords: Any) -> Any:
        engines.append(keywords["engine"])
        return pd.read_csv(*arguments, **keywords)

    read_with(functools.partial(read_csv, watched), path)
    assert engines == ["c"]
    monkeypatch.setattr("pandas.io.parsers.readers.PythonParser", None, raising=False)
    monkeypatch.setattr("pandas.io.parsers.python_parser.PythonParser.__init__", None)
    assert list(read_with(module.pd.read_csv, path)["user_id:token"]) == ["a"]
