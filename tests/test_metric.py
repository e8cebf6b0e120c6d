"""A metric is read as written and knows where its better values lie, and so does whatever shows it."""

from __future__ import annotations

import argparse
import doctest
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole.evaluator import metrics as of_recbole
from recbole.evaluator import register
from rich.console import Console

import recbole_ile.metric
from recbole_ile.commands.arguments import add_settings_arguments, read_settings
from recbole_ile.errors import InputError
from recbole_ile.experiments.comparison.summary import Comparison, Values, summarize
from recbole_ile.functional import pareto
from recbole_ile.metric import DIRECTIONS, Better, Bound, Metric, better_of, split_name
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.report.comparison.latex import comparison_latex
from recbole_ile.report.comparison.page import comparison_page
from recbole_ile.report.comparison.tables import comparison_csv, comparison_markdown
from recbole_ile.report.figures import with_direction
from recbole_ile.report.tables import print_comparison

PACKAGE = Path(recbole_ile.metric.__file__).parent
OURS = {
    **dict.fromkeys(("ad", "ee", "aplt", "tailcoverage", "mingroupshare"), Better.HIGHER),
    **dict.fromkeys(("upd", "popreo", "poprsp", "miscalibration"), Better.LOWER),
    "poplift": Better.ZERO,
}
RECBOLES = {
    name: Better.LOWER if metric.smaller else Better.HIGHER
    for name, metric in ((each.lower(), getattr(of_recbole, each)) for each in dir(of_recbole))
    if getattr(metric, "__module__", "") == of_recbole.__name__
}
KNOWN = {**RECBOLES, **OURS}
LIFT = Metric.parse("poplift@10")
numbers = st.floats(-1e6, 1e6)
metrics = st.sampled_from([Metric.parse("ndcg@10"), Metric.parse("upd@10"), LIFT])


def test_the_table_holds_all_metrics_of_recbole_and_ours_and_no_other() -> None:
    assert DIRECTIONS == KNOWN
    assert {name for name, better in KNOWN.items() if better is Better.LOWER} == {
        *("mae", "rmse", "logloss", "averagepopularity", "giniindex", "upd", "popreo", "poprsp", "miscalibration"),
    }
    assert {metric.__name__.lower() for metric in METRICS} == set(OURS)


@pytest.mark.parametrize("name", sorted(KNOWN.keys() - {LIFT.name}))
def test_recbole_and_every_table_say_which_values_of_a_metric_are_better(name: str) -> None:
    metric = Metric.named(name, 10)
    lower = KNOWN[name] is Better.LOWER
    assert metric.better is KNOWN[name]
    assert (name in register.smaller_metrics) == lower
    assert bool(register.metrics_dict[name].smaller) == lower

    best, worst = (0.1, 0.2) if lower else (0.2, 0.1)
    console = Console(width=120, record=True, force_terminal=True, color_system="standard")
    print_comparison({"A": {str(metric): worst}, "B": {str(metric): best}}, console)
    (row,) = [line for line in console.export_text(styles=True).splitlines() if str(metric) in line]
    assert f"\x1b[1m{best:.4f}" in row
    assert f"\x1b[1m{worst:.4f}" not in row
    assert ("lower" if lower else "higher") in row

    found = compared(metric, worst, best)
    assert [row.cells[str(metric)].best for row in found.rows] == [False, True]
    arrow = "↓" if lower else "↑"
    assert f"{metric} {arrow}" in comparison_markdown(found)
    assert f"{metric} {arrow}" in comparison_page(found, {})
    assert (r"\downarrow" if lower else r"\uparrow") in comparison_latex(found)
    assert f",{metric},{not lower}," in comparison_csv(found)
    assert with_direction(metric).startswith(f"{metric} ({'lower' if lower else 'higher'} is better")


def compared(metric: Metric, base: float, other: float) -> Comparison:
    users = pd.DataFrame({"seed": [], "user": [], "user_group": []})
    methods = [
        Values(label, label, {}, label == "BPR", {0: {str(metric): value}}, users, {})
        for label, value in (("BPR", base), ("BPR_ILE", other))
    ]
    rows = summarize(methods, [metric], 0)
    return Comparison("a title", [metric], rows, users, users, {}, {}, {}, [], {})


def test_tables_say_that_a_metric_is_best_at_zero() -> None:
    found = compared(LIFT, 0.4, -0.1)
    assert [row.cells["poplift@10"].best for row in found.rows] == [False, True]
    assert "poplift@10 →0" in comparison_markdown(found)
    assert r"poplift@10 $\to 0$" in comparison_latex(found)
    assert ",poplift@10,,0.4," in comparison_csv(found)
    assert with_direction(LIFT) == "poplift@10 (nearer 0 is better)"


def test_recbole_takes_no_metric_that_is_best_at_zero_for_a_lower_one() -> None:
    assert LIFT.better is Better.ZERO
    assert LIFT.name not in register.smaller_metrics
    assert not register.metrics_dict[LIFT.name].smaller


def test_a_table_of_results_knows_what_is_best_at_zero() -> None:
    console = Console(width=120, record=True, force_terminal=True, color_system="standard")
    print_comparison({"A": {"poplift@10": 0.4}, "B": {"poplift@10": -0.1}, "C": {"poplift@10": -0.5}}, console)
    (row,) = [line for line in console.export_text(styles=True).splitlines() if "poplift" in line]
    assert re.findall(r"\x1b\[1m(-?0\.\d+)", row) == ["-0.1000"]
    assert "nearer 0" in row


def test_training_keeps_no_epoch_by_a_metric_that_is_best_at_zero(tiny: Path) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "PopLift@2", "metrics": ["NDCG", "PopLift"]}
    with pytest.raises(InputError, match=r"option valid_metric='PopLift@2': PopLift is best at 0, but training keeps"):
        IleConfig("BPR", "tiny", config_dict=options)


def test_of_a_metric_that_another_package_registered_recboles_registry_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign(of_recbole.NDCG):  # type: ignore[misc]
        smaller = True

    assert better_of("foreign") is Better.HIGHER
    monkeypatch.setitem(register.metrics_dict, "foreign", Foreign)
    assert better_of("foreign") is Better.LOWER
    monkeypatch.delitem(register.metrics_dict, "foreign")
    monkeypatch.setattr(register, "smaller_metrics", [*register.smaller_metrics, "listed"])
    assert Metric.parse("Listed@3") == Metric("listed", 3, Better.LOWER)


@pytest.mark.trains
def test_importing_it_alone_imports_neither_recbole_nor_torch_nor_ray() -> None:
    code = (
        "import importlib.util, sys; spec = importlib.util.spec_from_file_location('metric', sys.argv[1]);"
        "module = sys.modules['metric'] = importlib.util.module_from_spec(spec); spec.loader.exec_module(module);"
        "module.better_of('unknown'); print(sorted({'recbole', 'recbole_ile', 'torch', 'ray'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(PACKAGE / "metric.py")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_nothing_else_in_the_package_takes_a_metrics_text_apart() -> None:
    apart = re.compile(r"""(?:r?partition|r?split)\(["']@["']|smaller_metrics|["']@["'] in """)
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if apart.search(path.read_text())}
    assert found == {"metric.py", "plugin/hooks/evaluation.py"}, "the hook puts ours into RecBole's list"


@pytest.mark.parametrize("module", [recbole_ile.metric, pareto], ids=lambda module: module.__name__)
def test_the_examples_are_true(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 2
    assert found.failed == 0


@given(st.sampled_from(sorted(KNOWN)), st.none() | st.integers(1, 10**6))
def test_a_metric_is_read_as_it_is_written(name: str, k: int | None) -> None:
    metric = Metric.named(name, k)
    assert Metric.parse(str(metric)) == metric
    assert Metric.parse(f" {str(metric).upper()} ") == metric
    assert split_name(str(metric)) == (name, "" if k is None else str(k))


@pytest.mark.parametrize("text", ["", "@10", "ndcg@", "ndcg@ten", "ndcg@-1", "ndcg@1.5", "ndcg@10@5", "ndcg@²"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no metric; one is written ndcg@10, or auc"):
        Metric.parse(text)


@given(metrics, numbers, numbers)
def test_better_is_what_gains_more(metric: Metric, one: float, other: float) -> None:
    expected = {
        Better.HIGHER: one > other,
        Better.LOWER: one < other,
        Better.ZERO: abs(one) < abs(other),
    }
    assert metric.is_better(one, other) == expected[metric.better]
    assert not (metric.is_better(one, other) and metric.is_better(other, one))
    assert metric.gain(np.array([one, other])).tolist() == [metric.gain(one), metric.gain(other)]


@given(metrics, numbers)
def test_any_number_is_better_than_none(metric: Metric, value: float) -> None:
    nan = float("nan")
    assert metric.is_better(value, nan)
    assert not metric.is_better(nan, value)
    assert not metric.is_better(nan, nan)


def test_a_bound_is_read_as_written() -> None:
    bound = Bound.parse("UPD@10 <= 0.07")
    assert bound == Bound(Metric.parse("upd@10"), "<=", 0.07)
    assert str(bound) == "upd@10<=0.07"
    assert Bound.parse("ad@10>=5e-1") == Bound(Metric.parse("ad@10"), ">=", 0.5)


@given(st.sampled_from(sorted(KNOWN)), st.integers(1, 999), st.sampled_from(["<=", ">="]), st.floats(1e-4, 1e4))
def test_a_bound_is_written_as_it_is_read(name: str, k: int, operator: str, limit: float) -> None:
    text = f"{name}@{k}{operator}{limit:g}"
    assert str(Bound.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "upd@10", "upd<=0.1", "upd@10<0.1", "upd@10<=", "upd@10<=0", "upd@10<=-1", "upd@10<=1e999", "upd@10<=1-2"],
)
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"as in upd@10<=0.07"):
        Bound.parse(text)


def test_a_violation_is_a_share_of_the_limit() -> None:
    upd, ad = Bound.parse("upd@10<=0.07"), Bound.parse("ad@10>=0.5")
    assert upd.violation(0.14) == pytest.approx(1.0)
    assert upd.violation(0.035) == pytest.approx(-0.5)
    assert ad.violation(0.25) == pytest.approx(0.5)
    assert ad.violation(0.75) == pytest.approx(-0.5)


@given(metrics, st.floats(1e-3, 1e3), numbers, numbers)
def test_what_is_better_violates_a_sensible_bound_less(metric: Metric, limit: float, one: float, other: float) -> None:
    bound = Bound(metric, metric.better.operator, limit)
    assert bound.is_sensible
    assert not Bound(metric, {"<=": ">=", ">=": "<="}[bound.operator], limit).is_sensible
    if not metric.is_better(other, one):
        assert bound.violation(one) <= bound.violation(other)
    assert (bound.violation(one) <= 0) == (metric.gain(one) >= metric.gain(limit))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"metrics": ["NDCG", "GAUC"], "topk": [1, 2]}, ["ndcg@1", "ndcg@2", "gauc"]),
        ({"metrics": ["AveragePopularity", "NDCG"], "topk": 2}, ["averagepopularity@2", "ndcg@2"]),
    ],
)
def test_settings_name_each_metric_as_results_do(tiny: Path, options: dict[str, object], expected: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add_settings_arguments(parser)
    given = {**options, "data_path": str(tiny), "valid_metric": "NDCG@2"}
    settings = read_settings("BPR", parser.parse_args(["--dataset=tiny"]), given)
    assert settings.metrics == expected
    assert settings.valid_metric == Metric.parse("ndcg@2")
