"""What a page and the figures show of a sweep across models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import in_a_browser, shown

from recbole_ile.commands.sweep_request import Sweep
from recbole_ile.experiments.sweep.selection import Candidate, candidates, selected
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.report.sweep.against import groups_against
from recbole_ile.report.sweep.figures import styles
from recbole_ile.report.sweep.files import page_content, write_page

OBJECTIVES = [Metric.parse("ndcg@10"), Metric.parse("upd@10")]


def outcome(number: int, model: str, ndcg: float, upd: float, share: float) -> dict[str, Any]:
    rows = [{"group": "tail", "items": 5, "training_share": 0.2, "recommendation_share": share}]
    metrics = {"ndcg@10": ndcg, "upd@10": upd}
    point = {"ranking": {"cp_weight": upd}, "metrics": metrics, "by_item_group": rows, "by_user_group": []}
    return {"id": str(number), "status": "done", "training": {"model": model}, "points": [point]}


def found() -> list[Candidate]:
    outcomes = [
        outcome(0, "BPR", 0.27, 0.1, 0.01),
        outcome(1, "EASE_CP", 0.28, 0.05, 0.1),
        outcome(2, "EASE", 0.3, 0.2, 0.0),
    ]
    return selected(candidates(outcomes, ModelName("BPR"), {}, ModelName("BPR")), OBJECTIVES, 0.05)


def test_groups_stand_beside_those_of_the_baseline() -> None:
    (table,) = groups_against(found(), {}, "ndcg@10")
    assert table["title"] == "item groups, recommended against baseline, validation part"
    assert table["rows"] == [
        {
            "group": "tail",
            "items": 5,
            "training_share": 0.2,
            "recommendation_share, baseline": 0.01,
            "recommendation_share, recommended": 0.1,
        }
    ]
    assert groups_against(found()[:1], {}, "ndcg@10") == [], "nothing is recommended against itself"


def test_the_colour_tells_the_model_and_the_marker_the_method() -> None:
    looks = styles(found(), several=True)
    assert looks["EASE"].color == looks["EASE_CP"].color != looks["baseline"].color
    assert looks["EASE"].marker != looks["EASE_CP"].marker
    assert len({look.color for look in styles(found(), several=False).values()}) == 3


@pytest.mark.slow
@in_a_browser
def test_a_check_box_hides_a_model() -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    names = (ModelName("BPR"), ModelName.parse("EASE_CP"))
    about = Sweep(names[0], "tiny", {}, 0, [], OBJECTIVES[0], OBJECTIVES, 0.05, [], names, names[0])
    page = Path("report.html")
    write_page(page, page_content(about.title, [], found(), {}, OBJECTIVES, OBJECTIVES[1:], about))
    with shown(page) as driver:

        def legend() -> str:
            return " ".join(each.text for each in driver.find_elements(By.CSS_SELECTOR, "#front .legendtext"))

        WebDriverWait(driver, 30).until(lambda _: "EASE_CP" in legend())
        assert driver.find_element(By.ID, "families").text.split() == ["shown:", "BPR", "EASE"]
        assert "% recommendation, baseline" in driver.find_element(By.ID, "against").text
        driver.find_elements(By.CSS_SELECTOR, "#families input")[1].click()
        WebDriverWait(driver, 30).until(lambda _: "EASE" not in legend())
        assert "baseline" in legend()
