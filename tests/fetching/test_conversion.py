"""Files of any shape become the same interactions, and every line that does not is told by its number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publisher import ROWS, SHAPES, csv_text

from recbole_ile.errors import InputError
from recbole_ile.fetching import blocks
from recbole_ile.fetching.atomic import write_interactions
from recbole_ile.fetching.conversion import Conversion, read_interactions


def read(content: str | bytes, **options: Any) -> Conversion:
    path = Path("given")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_interactions(path, **options)


def pairs(found: Conversion) -> list[tuple[str, str]]:
    users, items, _, user_ids, item_ids = found.interactions
    return [(user_ids[user], item_ids[item]) for user, item in zip(users, items, strict=True)]


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_interactions(name: str) -> None:
    found = read(SHAPES[name])
    prefix = "u" if "json" in name else ""
    assert pairs(found) == [(prefix + user, item) for user, item, _, _ in ROWS]
    values = found.interactions.values
    assert values["rating"].tolist() == [row[2] for row in ROWS]
    if "json" in name:
        assert set(values["timestamp"]) == {1504892664.0}
    elif name == "goodreads_interactions.csv":
        assert "timestamp" not in values
    else:
        assert values["timestamp"].tolist() == [row[3] for row in ROWS]
    assert str(found.malformed) == "no malformed lines"


@pytest.mark.parametrize("name", SHAPES)
def test_the_size_of_blocks_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(SHAPES[name])
    monkeypatch.setattr(blocks, "BLOCK", 500)
    cut = read(SHAPES[name])
    assert pairs(cut) == pairs(whole)
    for role, values in whole.interactions.values.items():
        assert np.array_equal(cut.interactions.values[role], values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1::2::3::4\n1::2::3\n\n5::6::7::8\n1::2::3::4::5\n", "2 malformed lines: 2 (3 fields instead of 4), 5"),
        ("1::2::3::4\n::2::3::4\n1:: ::3::4\n", "2 malformed lines: 2 (the user is empty), 3"),
        ("1::2::3::4\n1::2::x::4\n1::2::nan::4\n1::2::inf::4\n", "3 malformed lines: 2 (its rating is no number), 3"),
        ("1::2::3::4\n1::2::3::soon\n", "1 malformed line: 2 (its timestamp is no number or date)"),
        (b"1::2::3::4\n1::\xff::3::4\n", "1 malformed line: 2 (it is not UTF-8 text)"),
        (b"1::2::3::4\n1::a\tb::3::4\n1::a\x1fb::3::4\n", "2 malformed lines: 2 (the item holds a tab"),
        ("user,item\na,b\na,\n[PAD],b\n", "2 malformed lines: 3 (the item is empty), 4"),
        ('user,item\n"a,1",b\n"a,b\nc,d\n', "1 malformed line: 3 (unclosed quotes instead of 2 fields)"),
        ("user,item\n" + "a\n" * 9, "9 malformed lines: 2 (1 field instead of 2), 3, 4, 5, 6, ..."),
        ("userId,movieId\n1,2\nuserId,movieId,rating\n", "1 malformed line: 3 (3 fields instead of 2)"),
        ('{"user_id":"a","item_id":1}\n{"user_id":"a"}\nx\n[1]\n', "3 malformed lines: 2 (it has no item_id), 3, 4"),
        ('{"user_id":"a","item_id":1}\n{"user_id":null,"item_id":1}\n', "1 malformed line: 2 (its user_id is null)"),
        (
            '{"user":"a","item":"b"}\n{"user":"\\ud800","item":"b"}\n',
            "1 malformed line: 2 (its user is not UTF-8 text)",
        ),
        ('{"user":"a","item":"b"}\n' + "[" * 9999 + "\n", "1 malformed line: 2 (it is no JSON object)"),
        ("UserID::MovieID::Rating\n1::2::3\n1::2\n", "1 malformed line: 3 (2 fields instead of 3)"),
        ('{"user":"a","item":"b","rating":1}\n{"user":"a","item":"b","rating":"x"}\n', "its rating is no number"),
    ],
    ids=range(16),
)
def test_malformed_lines_are_counted_and_numbered(content: str | bytes, message: str) -> None:
    found = read(content)
    assert message in str(found.malformed)
    lines = content.count("\n") if isinstance(content, str) else content.count(b"\n")
    header = content[0] in "uU" if isinstance(content, str) else False
    blank = "\n\n" in content if isinstance(content, str) else False
    assert len(pairs(found)) + found.malformed.count == lines - header - blank


def test_the_number_of_a_line_is_right_in_a_later_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 64)
    lines = [f"u{line},i{line}" for line in range(2, 1000)]
    lines[711 - 2] = "out of place"
    assert "1 malformed line: 711 (" in str(read("user,item\n" + "\n".join(lines)).malformed)


@given(st.lists(st.tuples(st.sampled_from(["1", "2", ""]), st.sampled_from(["::", ":", "::3::"])), max_size=30))
def test_no_line_is_lost(lines: list[tuple[str, str]]) -> None:
    content = "1::1::1::1\n" + "".join(f"{user}{middle}5::9\n" for user, middle in lines)
    found = read(content)
    good = sum(1 for user, middle in lines if user and middle in ("::3::",))
    assert len(pairs(found)) == 1 + good
    assert found.malformed.count == len(lines) - good


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(start: str, ending: str) -> None:
    found = read((start + csv_text()).replace("\n", ending).removesuffix(ending))
    assert len(pairs(found)) == len(ROWS)
    assert not found.malformed.count


def test_identifiers_stay_as_they_are() -> None:
    content = 'user;item\n007;é,"1"\n7; 1 \n'
    assert pairs(read(content)) == [("007", 'é,"1"'), ("7", "1")]
    assert pairs(read('{"user":"007","item":1}\n{"user":7,"item":"x y"}\n')) == [("007", "1"), ("7", "x y")]
    assert pairs(read('user,item\n"a,1","b ""c"""\n')) == [("a,1", 'b "c"')]


def test_columns_can_be_named_or_counted() -> None:
    named = {"user": "reader", "item": "isbn"}
    assert pairs(read("isbn,reader\nb,a\n", columns=named)) == [("a", "b")]
    assert pairs(read('{"isbn":"b","reader":"a"}\n', columns=named)) == [("a", "b")]
    assert pairs(read("x|b|a|y\nx|d|c|y\n".replace("|", "\t"), columns={"user": "3", "item": "2"})) == [
        ("a", "b"),
        ("c", "d"),
    ]


def test_positions_and_names_are_told_apart() -> None:
    counted = {"user": "2", "item": "1"}
    assert pairs(read("1,2\n3,4\n", columns=counted)) == [("2", "1"), ("4", "3")], "numbers are no headings"
    assert pairs(read("item,user\n3,4\n", columns=counted)) == [("4", "3")], "a line of names is no interaction"
    assert pairs(read("2;1\nb;a\n", columns={"user": "1", "item": "2"})) == [("2", "1"), ("b", "a")]
    found = read("user,rating\na,b\n", columns={"item": "rating"})
    assert pairs(found) == [("a", "b")]
    assert not found.interactions.values, "a column that was named is not taken again"


def test_blank_lines_are_counted_and_nothing_else() -> None:
    found = read("\n\nuser,item\n\na,b\nc\n")
    assert pairs(found) == [("a", "b")]
    assert "1 malformed line: 6 (" in str(found.malformed)


def test_dates_become_seconds() -> None:
    for date in ("2017-09-08T17:44:24Z", "2017-09-08 17:44:24", "1504892664", "Fri Sep 08 10:44:24 -0700 2017"):
        assert read(f"user,item,date\na,b,{date}\n").interactions.values["timestamp"].tolist() == [1504892664.0]
    assert read("user,item,date\na,b,08/09/2017\n").malformed.count == 1, "day or month first, nobody knows"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("reader,isbn\na,b\n", {}, "no column that is known to hold the users; it has reader, isbn"),
        ("a,b\n", {"columns": {"user": "x", "item": "b"}}, "option user=x: given has no such column"),
        ("user,item\n", {"columns": {"user": "usr"}}, "did you mean user?"),
        ("user,item\n", {"columns": {"user": "user", "item": "user"}}, "options user and item name the same column"),
        ("\n\n\n", {}, "given is empty"),
        ("a,b\n", {"columns": {"user": "1", "item": "3"}}, "option item=3 is not allowed"),
        ("a,b\n", {"columns": {"user": "1"}}, "needs the position of the item too, --item=2"),
        ("user,item\na,b\n", {"min_rating": 4}, "min_rating=4: given has no ratings"),
        ("[1, 2]\n", {}, "without an object in each line"),
        ("[" * 1999 + "\n", {}, "is not JSON"),
        ("{1, 2]\n", {}, "is not JSON"),
        ("", {}, "given is empty"),
        ("user,item\n" + "a" * 3000, {}, "line 2 is longer than 2000 bytes"),
        (b"\0\1\2", {}, "is a binary file"),
        ("user,item\n".encode("utf-16"), {}, "is UTF-16"),
        (b"7z\xbc\xaf" + b"x" * 99, {}, "is a 7z file"),
    ],
    ids=range(16),
)
def test_a_file_that_cannot_be_read_is_told(
    content: str | bytes, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 2000)
    with pytest.raises(InputError) as caught:
        read(content, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_first_line_that_holds_too_much_is_told() -> None:
    with pytest.raises(InputError, match="line 1 holds no interaction: field larger than field limit"):
        read("a" * 200_000 + ",b")


def test_ratings_below_the_least_are_counted() -> None:
    found = read(SHAPES["ratings.dat"], min_rating=4)
    assert min(found.interactions.values["rating"]) == 4
    assert found.low == sum(1 for row in ROWS if row[2] < 4)
    assert found.low + len(pairs(found)) == len(ROWS)


def test_what_is_written_reads_as_the_same_again() -> None:
    rows = [{"user": "a b", "item": "é", "rating": 0.1, "timestamp": 978300760}]
    rows.append({"user": 'c"d', "item": "d", "rating": 4, "timestamp": 1})
    found = read("".join(json.dumps(row) + "\n" for row in rows))
    path = Path("mine.inter")
    write_interactions(found.interactions, path)
    assert path.read_text(encoding="utf-8") == (
        'user_id:token\titem_id:token\trating:float\ttimestamp:float\na b\té\t0.1\t978300760\nc"d\td\t4.0\t1\n'
    )
    again = read_interactions(path)
    assert pairs(again) == pairs(found)
    for role, values in found.interactions.values.items():
        assert np.array_equal(again.interactions.values[role], values)
