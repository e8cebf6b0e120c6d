"""The rows of user groups hold what is asked for, and follow the values of ``user_group_field``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from atomic import TINY
from rich.console import Console

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.errors import InputError
from recbole_ile.functional.long_tail import mean_of_known
from recbole_ile.plugin.evaluation import breakdown
from recbole_ile.plugin.evaluation.breakdown import split_by_group, split_by_user
from recbole_ile.plugin.evaluation.collector import (
    CANDIDATES,
    LISTS,
    POPULARITY,
    POSITIVE_ITEMS,
    POSITIVE_ROWS,
    USERS,
)
from recbole_ile.plugin.evaluation.metrics import METRICS, UserMetric
from recbole_ile.report.tables import group_table, print_result, shown_items

SEX = {"ann": "f", "bob": "m", "cat": "f", "dan": "m", "eve": "", "fay": "f"}
ALL = ["NDCG", *(metric.__name__ for metric in METRICS)]
BY_USERS = ("aplt@2", "popreo@2", "poprsp@2", "poplift@2", "miscalibration@2")


@pytest.fixture
def options(tiny: Path) -> dict[str, Any]:
    lines = ["user_id:token sex:token age:float one:token", *(f"{user} {sex} 30 x" for user, sex in SEX.items())]
    (tiny / "tiny" / "tiny.user").write_text("".join(line.replace(" ", "\t") + "\n" for line in lines))
    return {
        "data_path": str(tiny),
        "epochs": 1,
        "topk": [1, 2],
        "valid_metric": "NDCG@2",
        "eval_args.split": {"LS": "test_only"},
        "show_progress": False,
    }


class Popularity:
    """Of four items, the last two of the tail and the last one cold, and three users in two groups."""

    counts = np.array([4, 3, 1, 0])
    item_groups = np.array([0, 0, 1, 1])
    group_names = ("head", "tail")
    profiles = np.array([[2, 0], [1, 1], [2, 0]])
    profile_means = np.array([3.5, 2.5, 3.5])
    user_groups = np.array([1, 0, 1])
    user_group_names = ("f", "m")


class Named:
    """A data set that calls the users by their numbers."""

    uid_field = "user_id"

    def id2token(self, _: str, ids: np.ndarray) -> np.ndarray:
        return ids.astype(str)


DETAILS = {
    LISTS: np.array([[0, 2], [3, 0], [1, -1]]),
    USERS: np.array([0, 1, 2]),
    POPULARITY: Popularity(),
    POSITIVE_ROWS: np.array([0, 1, 1, 2]),
    POSITIVE_ITEMS: np.array([2, 0, 2, 0]),
    CANDIDATES: np.array([[2, 2], [2, 2], [1, 2]]),
}


def asked(*metrics: str) -> dict[str, Any]:
    return {
        "metrics": ["NDCG", "UPD", *metrics],
        "valid_metric": "NDCG@2",
        "topk": [2],
        "metric_decimal_place": 4,
        "ee_discount": "none",
    }


def test_a_row_is_the_metric_of_its_groups_users_alone() -> None:
    rows = split_by_group(asked(*ALL[1:]), DETAILS)["test_by_user_group"]
    assert [row["group"] for row in rows] == ["f", "m"]
    assert set(rows[0]) == {"group", "users", "ndcg@2", "recall@2", "upd@2", *BY_USERS}
    # Of m are the lists (0, 2) and (1), whose users like 2 and 0; of f is (3, 0), whose user likes 0 and 2.
    assert [row["aplt@2"] for row in rows] == pytest.approx([0.5, 0.25])
    assert rows[0]["popreo@2"] == pytest.approx(1.0), "recall 1 in the head, 0 in the tail"
    assert rows[1]["popreo@2"] == pytest.approx(1.0), "recall 0 in the head, 1 in the tail"
    assert rows[0]["poprsp@2"] == pytest.approx(0.0)
    assert rows[1]["poprsp@2"] == pytest.approx((2 / 3 - 1 / 4) / (2 / 3 + 1 / 4))
    assert rows[0]["poplift@2"] == pytest.approx(2.0 / 2.5 - 1)
    assert rows[1]["poplift@2"] == pytest.approx((2.5 + 3.0) / 7 - 1)


def test_only_what_is_asked_for_is_in_the_rows_and_in_the_table_of_users() -> None:
    rows = split_by_group(asked(), DETAILS)["test_by_user_group"]
    assert set(rows[0]) == {"group", "users", "ndcg@2", "recall@2", "upd@2"}
    assert list(split_by_user(asked(), DETAILS, Named())) == ["user", "user_group", "ndcg@2", "upd@2"]
    rows = split_by_group(asked("miscalibration"), DETAILS)["test_by_user_group"]
    assert set(rows[0]) == {"group", "users", "ndcg@2", "recall@2", "upd@2", "miscalibration@2"}


def test_means_over_users_have_a_column_in_the_table_of_users() -> None:
    table = split_by_user(asked(*ALL[1:]), DETAILS, Named())
    per_user = [metric for metric in METRICS if issubclass(metric, UserMetric)]
    assert [metric.__name__ for metric in per_user] == ["APLT", "Miscalibration"]
    for metric in per_user:
        name = f"{metric.__name__.lower()}@2"
        whole = metric(asked()).of_lists(DETAILS[LISTS], DETAILS)
        assert mean_of_known(table[name].to_numpy()) == pytest.approx(whole)


def test_a_group_without_users_is_nan() -> None:
    details = {**DETAILS, **{name: DETAILS[name][:1] for name in (LISTS, USERS, CANDIDATES)}}
    details |= {POSITIVE_ROWS: np.array([0]), POSITIVE_ITEMS: np.array([2])}
    empty, _ = split_by_group(asked(*ALL[1:]), details)["test_by_user_group"]
    assert empty["users"] == 0
    assert all(np.isnan(empty[name]) for name in BY_USERS)


def test_a_table_ends_in_gaps_and_tells_the_items_shown_apart() -> None:
    rows = split_by_group(asked(), DETAILS)["test_by_item_group"]
    console = Console(width=100, record=True)
    console.print(group_table(rows))
    text = console.export_text()
    assert "gap" in text.splitlines()[-2]
    assert "cold" not in text
    assert shown_items(rows) == "the lists show 4 items, of which 1 are cold, without training interactions"
    assert shown_items([{"group": "head", "items": 3}]) == ""
    assert shown_items([]) == ""


@pytest.mark.parametrize("width", [50, 80, 200])
def test_columns_that_do_not_fit_get_a_table_of_their_own(width: int) -> None:
    result = {"test_result": {"ndcg@2": 0.1}, **split_by_group(asked(*ALL[1:]), DETAILS), "user_group_field": "sex"}
    console = Console(width=width, record=True)
    print_result(result, "a title", console)
    text = console.export_text()
    assert "by user group, by sex" in text
    for name in ("recall@2", *BY_USERS, "% recommendation", "gap", "head", "tail"):
        assert name in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width or "the lists show" in text


@pytest.mark.trains
def test_a_feature_can_group_the_users(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    result = run_recbole_ile("BPR_CP", "tiny", config_dict={**options, "user_group_field": "sex", "metrics": ALL})
    rows = {row["group"]: row["users"] for row in result["test_by_user_group"]}
    trained = {sex: sum(len(TINY[user].split()) - 1 for user in SEX if SEX[user] == sex) for sex in ("f", "m", "")}
    assert trained == {"f": 5, "m": 4, "": 6}
    assert list(rows.items()) == [("f", 3), ("m", 2), ("(none)", 1)], "most interactions first, the unknown last"
    upd = [row["upd@2"] for row in result["test_by_user_group"]]
    assert result["test_result"]["upd@2"] == pytest.approx(np.mean(upd), abs=1e-4)
    lift = [row["poplift@2"] for row in result["test_by_user_group"]]
    assert result["test_result"]["poplift@2"] == pytest.approx(np.mean(lift), abs=1e-4)

    words = [f"--checkpoint={result['checkpoint']}", f"--data_path={options['data_path']}"]
    assert main(["run", *words, "--user_group_field=None"]) == 0
    assert "from niche to mainstream taste" in capsys.readouterr().out
    assert main(["run", *words]) == 0
    assert "by user group, by sex" in capsys.readouterr().out


@pytest.mark.trains
def test_a_run_without_the_option_can_be_evaluated_by_it(options: dict[str, Any]) -> None:
    result = run_recbole_ile("BPR_ILE", "tiny", config_dict=options)
    assert [row["group"] for row in result["test_by_user_group"]] == ["niche", "2", "3", "4", "mainstream"]
    assert result["user_group_field"] is None
    given = {"data_path": options["data_path"], "user_group_field": "sex"}
    again = run_recbole_ile(checkpoint=result["checkpoint"], config_dict=given)
    assert [row["group"] for row in again["test_by_user_group"]] == ["f", "m", "(none)"]
    assert again["test_result"]["ndcg@2"] == result["test_result"]["ndcg@2"]


@pytest.mark.trains
def test_prices_tell_the_accuracy_by_the_values(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"--{key}={value}" for key, value in options.items() if key != "epochs"]
    assert main(["run", "--model=EASE_EP", "--dataset=tiny", *words, "--user_group_field=sex"]) == 0
    printed = capsys.readouterr().out
    assert "accuracy before and after, by user group" in printed
    (path,) = Path("saved").glob("*/result.json")
    prices = json.loads(path.read_text())["prices"]
    assert [row["group"] for row in prices["test"]["by_user_group"]] == ["f", "m", "(none)"]
    assert prices["shown_after"] + prices["never_shown_after"] == 8
    assert prices["shown_after_cold"] <= prices["shown_after"]


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("sx", r"user_group_field sx is no column of tiny.user, did you mean sex\?; it has user_id, sex, age, one"),
        ("age", "user_group_field age is a number; groups need a token or a token sequence"),
        ("one", "user_group_field one has one value only; there is nothing to compare"),
        ("user_id", "user_group_field user_id is no column of tiny.user"),
    ],
)
@pytest.mark.trains
def test_a_wrong_column_is_one_line_before_training(
    options: dict[str, Any], field: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recbole.trainer.Trainer._train_epoch", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(InputError, match=message):
        run_recbole_ile("BPR", "tiny", config_dict={**options, "user_group_field": field})


@pytest.mark.trains
def test_a_missing_file_is_one_line(tiny: Path) -> None:
    given = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "user_group_field": "sex"}
    with pytest.raises(InputError, match=r"user_group_field sex is a column of .*tiny.user, and there is no such file"):
        run_recbole_ile("BPR", "tiny", config_dict=given)


def test_our_metrics_are_found_by_their_names_in_any_case() -> None:
    assert [metric.__name__ for metric in breakdown._asked({"metrics": ["aplt", "POPLIFT", "NDCG"]})] == [
        "APLT",
        "PopLift",
    ]
