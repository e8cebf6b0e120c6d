"""Splits by time put the rows where the documentation says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from atomic import write_atomic

from recbole_ile import InputError
from recbole_ile.experiments.data.split_files import split_rows
from recbole_ile.plugin.config.config import IleConfig

GLOBAL = {"eval_args.order": "TO", "eval_args.group_by": "none"}
LAST_OUT = {"eval_args.order": "TO", "eval_args.group_by": "user", "eval_args.split.LS": "valid_and_test"}
TODAY = 1_700_000_000


def parts(rows: list[tuple[str, str, int]], options: dict[str, Any]) -> dict[str, list[int]]:
    """Return the numbers of the rows in each part of a data set of users, items and times."""
    lines = [f"{user} {item} {time}" for user, item, time in rows]
    write_atomic(Path("data"), "timed", ["user_id:token item_id:token timestamp:float", *lines])
    config = IleConfig("BPR", "timed", config_dict={"data_path": "data", **options})
    return {name: each.tolist() for name, each in split_rows(config).rows.items()}


def test_a_global_split_has_nothing_in_training_that_is_later_than_the_rest() -> None:
    random = np.random.default_rng(4)
    times = random.permutation(100) * 1000
    rows = [(f"u{number % 7}", f"i{number % 11}", int(time)) for number, time in enumerate(times)]
    found = parts(rows, GLOBAL)
    assert {name: sorted(times[each] // 1000) for name, each in found.items()} == {
        "train": list(range(80)),
        "valid": list(range(80, 90)),
        "test": list(range(90, 100)),
    }


def test_a_user_who_came_late_has_no_training_rows_in_a_global_split() -> None:
    rows = [(f"u{number % 3}", f"i{number % 5}", 1000 * number) for number in range(18)]
    found = parts([*rows, ("late", "i1", 18_000), ("late", "i2", 19_000)], GLOBAL)
    assert found == {"train": list(range(16)), "valid": [16, 17], "test": [18, 19]}


def test_the_last_row_of_each_user_is_left_out_for_the_test() -> None:
    rows = [
        *(("ann", f"i{time}", 1000 * time) for time in (4, 2, 3, 1)),  # in the file's order, not that of time
        *(("bob", f"i{time}", 1000 * time) for time in (9, 8)),
        ("cat", "i1", 1),
    ]
    assert {name: sorted(each) for name, each in parts(rows, LAST_OUT).items()} == {
        "train": [1, 3, 5, 6],  # cat has one row, which is trained on
        "valid": [2],  # and bob two, so that none is left for this part
        "test": [0, 4],
    }


@pytest.mark.parametrize("options", [GLOBAL, LAST_OUT])
def test_close_times_of_today_are_told_apart_where_the_file_is_in_their_order(options: dict[str, Any]) -> None:
    rows = [(f"u{number % 4}", f"i{number // 4}", TODAY + number) for number in range(40)]
    found = parts(rows, options)
    assert found["test"] == list(range(36, 40))
    assert found["valid"] == list(range(32, 36))


def test_close_times_of_today_keep_the_order_of_the_file() -> None:
    rows = [(f"u{number % 2}", f"i{number % 5}", TODAY + 10 - number) for number in range(10)]
    assert parts(rows, GLOBAL)["test"] == [9], "which RecBole's 32 bits cannot tell from the others"


@pytest.mark.parametrize("options", [GLOBAL, LAST_OUT])
def test_a_split_by_time_needs_times(options: dict[str, Any]) -> None:
    write_atomic(Path("data"), "timeless", ["user_id:token item_id:token", "u i", "u j", "v i"])
    config = IleConfig("BPR", "timeless", config_dict={"data_path": "data", **options})
    with pytest.raises(InputError, match=r"no column timestamp, TIME_FIELD names .* eval_args.order=TO"):
        split_rows(config)


@pytest.mark.parametrize("part", ["valid_only", "test_only"])
def test_one_part_alone_can_be_left_out_but_not_written(part: str) -> None:
    with pytest.raises(InputError, match=f"the {'test' if part == 'valid_only' else 'valid'} part of timed is empty"):
        parts([("u", f"i{time}", time) for time in range(5)], {**LAST_OUT, "eval_args.split.LS": part})
