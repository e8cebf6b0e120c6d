"""Titles come from the ``.item`` file, whether or not a model loads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich_data import config

from recbole_ile import InputError
from recbole_ile.plugin.data.titles import item_titles, title_field, titles_if_readable
from recbole_ile.plugin.runs.preparation import prepare_data


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["item_id", "price"], None),
        (["item_id", "brand_name", "movie_title"], "movie_title"),
        (["item_id", "Name"], "Name"),
        (["item_title", "title"], "item_title"),
    ],
)
def test_a_title_goes_before_another_name(columns: list[str], expected: str | None) -> None:
    assert title_field(columns) == expected


def test_titles_are_by_id_whatever_the_order_of_the_file(rich: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked = config(rich)
    dataset = prepare_data(asked).dataset
    assert item_titles(asked, dataset) is None
    path = rich / "rich" / "rich.item"
    path.write_text("name:token_seq\titem_id:token\nThe 3rd\ti3\n\ti4\nNone\ti5\nelse\tz\n", encoding="utf-8")
    titles = item_titles(asked, dataset)
    assert titles is not None
    known = {item: titles[dataset.token2id("item_id", item)] for item in ("i3", "i4", "i5", "i6")}
    assert known == {"i3": "The 3rd", "i4": "", "i5": "None", "i6": ""}
    assert titles[0] == ""
    path.write_bytes(b"name:token_seq\titem_id:token\n\xff\xfe\ti3\n")
    with pytest.raises(InputError, match=r"rich\.item, line 2 cannot be read as text"):
        item_titles(asked, dataset)
    assert titles_if_readable(asked, dataset) is None, "no run fails for it"
    assert "items are shown by id" in caplog.text
