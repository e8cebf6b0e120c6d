"""What a sweep found out: its files, its front, and how its methods compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console

from recbole_ile.commands.sweep_request import Sweep
from recbole_ile.experiments.comparison.methods import Method
from recbole_ile.experiments.comparison.of_sweep import as_methods
from recbole_ile.experiments.comparison.plan import Plan
from recbole_ile.experiments.comparison.results import collect
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.sweep.selection import (
    Candidate,
    MethodVolume,
    base_model_of,
    best_of_methods,
    dominated_volume,
    largest_violation,
    method_of,
    method_volumes,
    worst_values,
)
from recbole_ile.files import write_text
from recbole_ile.metric import Metric
from recbole_ile.plugin.runs.versions import versions
from recbole_ile.report.pages.frame import Made, data_in_words, typed
from recbole_ile.report.tables import print_front, print_volumes
from recbole_ile.report.terminal import words

FAIRNESS = ("upd", "ad", "ee")


def compared_methods(sweep: Sweep, found: list[Candidate]) -> tuple[list[Method], Plan | None]:
    """Return what each method would be recommended with, if there are several, behind the most accurate baseline."""
    from recbole_ile.report.sweep.files import label

    chosen = best_of_methods(found, sweep.objectives, sweep.max_loss, sweep.required, _told_apart(sweep))
    bases = [each for each in found if each.baseline]
    if len(chosen) < 2 or not bases:
        return [], None
    base = _most_accurate(bases, sweep.objectives[0])
    return as_methods([(label(each), each) for each in (base, *chosen.values()) if each], sweep.seed)


def write_methods(
    sweep: Sweep,
    ledger: Ledger,
    found: list[Candidate],
    methods: list[Method],
    plan: Plan,
    command: list[str],
    console: Console,
) -> None:
    """Write and print how the methods compare on the test part, each with what it would be recommended with.

    Args:
        sweep: what was asked for.
        ledger: of the sweep.
        found: the settings.
        methods: what is compared, the base first.
        plan: where their values are.
        command: the words that were typed.
        console: where to.
    """
    from recbole_ile.report.comparison.files import write_comparison
    from recbole_ile.report.comparison.tables import print_comparison

    metrics = [sweep.objectives[0], *_fairness(sweep)]
    chosen = best_of_methods(found, sweep.objectives, sweep.max_loss, sweep.required, _told_apart(sweep))
    without = [method for method, each in chosen.items() if each is None]
    notes = [f"{_rule(sweep)}, chosen on the validation part."]
    if without:
        notes.append(f"No setting that was tried of {', '.join(without)} fits this rule.")
    title = f"The models of {sweep.title}" if sweep.models else f"The methods of {sweep.title}"
    shared = {"dataset": sweep.dataset, **sweep.fixed}
    comparison = collect(title, methods, plan, metrics, ledger, shared, notes, sweep.seed)
    write_comparison(ledger.folder / "methods", comparison, _made(sweep, ledger, command))
    print_comparison(comparison, console)


def _told_apart(sweep: Sweep) -> Callable[[Candidate], str]:
    """Return what settings are compared by: their methods or, across models, their base models."""
    return base_model_of if sweep.models else method_of


def _rule(sweep: Sweep) -> str:
    """Say which setting of a method stands for it."""
    what = "model" if sweep.models else "method"
    if sweep.required:
        return f"Of each {what} the most accurate setting with {', '.join(map(str, sweep.required))}"
    first, second = sweep.objectives[:2]
    return f"Of each {what} the setting best in {second} that is within {sweep.max_loss:.0%} of {first}"


def write_report(
    sweep: Sweep,
    ledger: Ledger,
    found: list[Candidate],
    tests: dict[int, Any],
    notes: list[str],
    command: list[str],
    console: Console,
) -> None:
    """Write the files of a sweep's front, and print it.

    Args:
        sweep: what was asked for.
        ledger: of the sweep.
        found: the settings.
        tests: by the number of a setting what was found on the test part.
        notes: what was left out.
        command: the words that were typed.
        console: where to.
    """
    from recbole_ile.report.sweep import files as sweep_files

    outcomes = list(ledger.outcomes().values())
    points = [
        {**entry["training"], **point["ranking"]}
        for entry in outcomes
        for point in entry["points"] or [{"ranking": {}}]
    ]
    keys = list(dict.fromkeys(key for point in points for key in point))
    sweep_files.write_trials(ledger.folder / "trials.csv", outcomes, keys)
    if not any(each.recommended for each in found):
        for line in (*notes, "no trial has a result to choose from"):
            console.print(words(line), soft_wrap=True)
        return
    fairness = _fairness(sweep)
    title = sweep.title
    best = next(each for each in found if each.recommended)
    volume = dominated_volume(found, sweep.objectives, worst_values(found, sweep.objectives))
    sweep_files.write_front(ledger.folder / "front.csv", found, keys, tests)
    write_text(ledger.folder / "best.yaml", sweep_files.best_config(best, sweep.model, sweep.dataset, sweep.fixed))
    sweep_files.write_figures(ledger.folder, found, sweep.objectives, fairness, title, bool(sweep.models))
    summary = [
        f"Recommended: {sweep_files.label(best)}, {_verdict(sweep, found, best)}.",
        f"Chosen on the validation part; test figures are those of the front alone. Hypervolume of the front in "
        f"{' by '.join(map(str, sweep.objectives))}: {volume:.3g}.",
    ]
    dimensions = [sweep.objectives[0], *fairness]
    volumes = method_volumes(found, dimensions, _told_apart(sweep))
    if volumes:
        reference = worst_values(found, dimensions)
        sweep_files.write_volumes(ledger.folder / "volumes.csv", volumes, dimensions, reference)
        summary.append(_of_volumes(volumes, dimensions, reference, "model" if sweep.models else "method"))
    summary += notes
    content = sweep_files.page_content(title, summary, found, tests, sweep.objectives, fairness, sweep)
    sweep_files.write_page(ledger.folder / "report.html", content, _made(sweep, ledger, command))
    shown = list(map(str, dimensions))
    print_front([(sweep_files.label(each), each) for each in found], tests, shown, title, console)
    if volumes:
        print_volumes(volumes, console)
    for line in summary:
        console.print(words(line), soft_wrap=True)


def _made(sweep: Sweep, ledger: Ledger, command: list[str]) -> Made:
    """Return how a page of this sweep was made."""
    return Made(typed(command, ledger.folder), data_in_words(sweep.dataset, sweep.fixed), versions())


def _fairness(sweep: Sweep) -> list[Metric]:
    """Return what is shown next to the accuracy: the other objectives, and UPD, AD and EE where they are evaluated."""
    usual = [Metric.named(name, sweep.objectives[0].k) for name in FAIRNESS]
    return list(dict.fromkeys([*sweep.objectives[1:], *(each for each in usual if str(each) in sweep.metrics)]))


def _of_volumes(volumes: list[MethodVolume], dimensions: list[Metric], reference: list[float], what: str) -> str:
    """Say how much each method or model dominates alone, and all together."""
    worst = ", ".join(f"{each} {value:.4f}" for each, value in zip(dimensions, reference, strict=True))
    shares = ", ".join(f"{each.method} {each.volume:.3g}" for each in volumes)
    return f"Hypervolume of each {what} with the baseline, measured from the worst of all settings ({worst}): {shares}."


def _verdict(sweep: Sweep, found: list[Candidate], best: Candidate) -> str:
    """Say what the recommendation costs and gains against the best baseline."""
    accuracy = sweep.objectives[0]
    bases = [each for each in found if each.baseline]
    if sweep.required:
        bounds = ", ".join(str(target) for target in sweep.required)
        miss = largest_violation(best, sweep.required)
        met = f"the closest to {bounds}, which no setting meets: it misses by {miss:.1%}"
        return (met if miss else f"the most accurate that meets {bounds}") + _change(sweep, bases, best)
    if best.baseline:
        return f"the base model: nothing fairer is within {sweep.max_loss:.0%} of its {accuracy}"
    if not bases:
        return f"within {sweep.max_loss:.0%} of the best {accuracy}"
    return _change(sweep, bases, best)[2:]


def _change(sweep: Sweep, bases: list[Candidate], best: Candidate) -> str:
    """Return what a setting changes in each objective against the most accurate baseline, nothing without one."""
    if not bases:
        return ""
    base = _most_accurate(bases, sweep.objectives[0])
    changes = (
        f"{name} {best.mean[name]:.4f} ({best.mean[name] / base.mean[name] - 1:+.0%})"
        for name in map(str, sweep.objectives)
        if base.mean[name]
    )
    return f", against the baseline {', '.join(changes)}"


def _most_accurate(found: list[Candidate], accuracy: Metric) -> Candidate:
    return max(found, key=lambda each: accuracy.gain(each.mean[str(accuracy)]))
