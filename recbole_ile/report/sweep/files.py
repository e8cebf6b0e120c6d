"""The files of a sweep: tables, the configuration to go on with, figures and the page."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from recbole_ile.experiments.sweep.selection import Candidate, MethodVolume
from recbole_ile.files import write_text
from recbole_ile.functional.breakdown import with_gap
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.report.csv_text import frame_text
from recbole_ile.report.figures import axis_title, save_figure
from recbole_ile.report.pages.frame import Made
from recbole_ile.report.sweep.against import groups_against
from recbole_ile.report.sweep.figures import lambda_figure, line_of, series_of, sweep_figure, swept_number
from recbole_ile.report.sweep.page import page

BY_GROUP = ("by_user_group", "by_item_group")
"""The tables of an evaluation by group."""


def write_trials(path: Path, outcomes: list[dict[str, Any]], keys: list[str]) -> None:
    """Write ``trials.csv``: a row for each evaluated point of each trial, one for a trial without any."""
    rows = []
    for outcome in outcomes:
        points = outcome["points"] or [{"ranking": {}, "metrics": outcome["metrics"]}]
        for point in points:
            settings = {**outcome["training"], **point["ranking"]}
            rows.append(
                {
                    "trial": outcome["id"],
                    "status": outcome["status"],
                    **{key: settings.get(key) for key in keys},
                    **{f"valid_{name}": value for name, value in point["metrics"].items()},
                    "validations": outcome.get("validations"),
                    **{f"seconds_{name}": value for name, value in outcome.get("seconds", {}).items()},
                    "checkpoint": outcome.get("checkpoint"),
                    "reason": outcome.get("reason"),
                }
            )
    write_text(path, frame_text(pd.DataFrame(rows)))


def write_front(path: Path, found: list[Candidate], keys: list[str], tests: dict[int, dict[str, Any]]) -> None:
    """Write ``front.csv``: the settings of the front, test metrics besides those that chose them."""
    rows = []
    for number, each in enumerate(found):
        if not (each.front or each.recommended or each.baseline):
            continue
        test = tests.get(number, {})
        rows.append(
            {
                **{key: each.point.get(key) for key in keys if key != "seed"},
                **({"method": each.method} if each.method else {}),
                "seeds": len(each.replicates),
                "front": each.front,
                "baseline": each.baseline,
                "recommended": each.recommended,
                **{f"valid_{name}": round(value, 6) for name, value in each.mean.items()},
                **{f"valid_{name}_std": round(value, 6) for name, value in each.spread.items()},
                **{f"test_{name}": round(value, 6) for name, value in test.get("mean", {}).items()},
                **{f"test_{name}_std": round(value, 6) for name, value in test.get("spread", {}).items()},
            }
        )
    write_text(path, frame_text(pd.DataFrame(rows)))


def write_volumes(path: Path, volumes: list[MethodVolume], dimensions: list[Metric], reference: list[float]) -> None:
    """Write ``volumes.csv``: a row for each method, with the point that its hypervolume is measured from.

    Args:
        path: where to.
        volumes: the methods, the last being all of them together.
        dimensions: what the volumes are in.
        reference: the worst value of each.
    """
    whole = volumes[-1].volume
    worst = {f"from_{each}": round(value, 6) for each, value in zip(dimensions, reference, strict=True)}
    rows = [{**each._asdict(), "share": each.volume / whole if whole else None, **worst} for each in volumes]
    write_text(path, frame_text(pd.DataFrame(rows)))


def best_config(each: Candidate, model: ModelName, dataset: str, fixed: dict[str, Any]) -> str:
    """Return a configuration file that trains the recommended setting, with its first seed."""
    settings = {"model": str(model), "dataset": dataset, **fixed, **each.replicates[0].point}
    return "# recbole-ile run --config_files <this file>\n" + yaml.safe_dump(settings, sort_keys=False)


def command(each: Candidate, model: ModelName, dataset: str, fixed: dict[str, Any]) -> str:
    """Return the command that trains and tests a setting, with its first seed."""
    settings = {key: value for key, value in {**fixed, **each.replicates[0].point}.items() if key != "model"}
    words = ["recbole-ile", "run", f"--model={each.point.get('model', model)}", f"--dataset={dataset}"]
    return shlex.join([*words, *(f"--{key}={value}" for key, value in settings.items())])


def label(each: Candidate) -> str:
    """Return what a reader calls a setting."""
    shown = each.acting if each.method else each.point
    words = [f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in shown.items()]
    name = "baseline" if each.baseline else each.method
    return ": ".join(part for part in (name, ", ".join(words)) if part) or "as configured"


def page_content(
    title: str,
    summary: list[str],
    found: list[Candidate],
    tests: dict[int, dict[str, Any]],
    objectives: list[Metric],
    fairness: list[Metric],
    sweep: Any,
) -> dict[str, Any]:
    """Return what the page shows, for ``sweep_page.page``."""
    points = []
    swept_key = swept_number(found)
    swept = series_of(found, swept_key)
    place = {id(each): (number, rank) for number, members in enumerate(swept) for rank, each in enumerate(members)}
    for number, each in enumerate(found):
        test = tests.get(number)
        groups = test or each.replicates[0].evaluation
        points.append(
            {
                "number": number,
                "label": label(each),
                "line": line_of(each),
                "family": each.model.base,
                "series": place[id(each)][0],
                "rank": place[id(each)][1],
                "weight": each.point.get(swept_key or ""),
                "mean": each.mean,
                "spread": each.spread,
                "seeds": len(each.replicates),
                "test": test["mean"] if test else None,
                "front": each.front,
                "baseline": each.baseline,
                "recommended": each.recommended,
                "command": command(each, sweep.model, sweep.dataset, sweep.fixed),
                "part": "test" if test else "validation",
                **{name: groups[name] for name in BY_GROUP},
                "gaps": {name: with_gap(groups[name])[len(groups[name]) :] for name in BY_GROUP},
            }
        )
    several = bool(sweep.models)
    return {
        "families": list(dict.fromkeys(each.model.base for each in found)) if several else [],
        "against": groups_against(found, tests, str(objectives[0])) if several else [],
        "title": title,
        "summary": summary,
        "objectives": list(map(str, objectives)),
        "accuracy": _axis(objectives[0]),
        "fairness": list(map(_axis, fairness)),
        "weight": swept_key,
        "points": points,
    }


def _axis(metric: Metric) -> dict[str, str]:
    return {"metric": str(metric), "title": axis_title(metric)}


def write_figures(
    folder: Path,
    found: list[Candidate],
    objectives: list[Metric],
    fairness: list[Metric],
    title: str,
    several: bool = False,
) -> None:
    """Write ``front.png``, ``front.pdf`` and, where a number was swept, ``lambda.png``."""
    figure = sweep_figure(found, objectives, fairness, title, several)
    save_figure(figure, folder / "front.png")
    save_figure(figure, folder / "front.pdf")
    against = lambda_figure(found, [objectives[0], *fairness], title, several)
    if against is not None:
        save_figure(against, folder / "lambda.png")


def write_page(path: Path, content: dict[str, Any], made: Made | None = None) -> None:
    """Write ``report.html``, which needs nothing but itself."""
    write_text(path, page(content, made))
