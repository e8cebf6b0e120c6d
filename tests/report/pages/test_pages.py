"""Pages of commands: what they say, that no name from data acts in them, and in a browser how they look."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browser import in_a_browser
from comparisons import comparison
from page_checks import looking
from run_pages import GROUP, MADE, numbers, prices, result

from recbole_ile.report.comparison.files import write_comparison
from recbole_ile.report.pages.elements import row, text_table
from recbole_ile.report.pages.frame import data_in_words, framed, typed
from recbole_ile.report.run.page import run_page


def test_a_page_says_how_it_was_made() -> None:
    page = framed("a <b>", "<p>x</p>", MADE._replace(command="recbole-ile run --model='<b>'"))
    footer = page.partition("<footer>")[2]
    assert "<title>a &lt;b&gt;</title>" in page
    assert "recbole-ile run --model=&#x27;&lt;b&gt;&#x27;" in footer
    assert "tiny; 3 users" in footer
    assert "recbole_ile 0.2.0" in footer
    assert "From Python" in framed("a", "")


def test_data_are_told_in_words() -> None:
    assert data_in_words("ml-100k", {}) == "ml-100k, as it comes with RecBole"
    settings = {"data_path": "/data", "eval_args": {"split": {"RS": [8, 1, 1]}}}
    assert data_in_words("ml-1m", settings) == "ml-1m in /data; split {'RS': [8, 1, 1]}"


def test_a_table_has_a_caption_scopes_and_escaped_cells() -> None:
    table = text_table("the <caption>", ["name", "<value>"], [["<a>", "\x1b[31m"]])
    assert "<caption>the &lt;caption&gt;</caption>" in table
    assert '<th scope="col">&lt;value&gt;</th>' in table
    assert r'<th scope="row">&lt;a&gt;</th><td>\x1b[31m</td>' in table
    assert row(["a", "b", "c"], "last", 2) == (
        '<tr class="last"><th scope="row">a</th><th scope="row">b</th><td>c</td></tr>'
    )


def test_the_page_of_a_run_shows_all_that_was_found() -> None:
    page = run_page(result(prices=prices()), numbers(), MADE)
    text = page.partition("<script>")[0]
    for shown in ("ndcg ↑", "upd ↓", "nats", "mainstream", "NDCG@10 0.2500", "What the prices did", "-0.500"):
        assert shown in text, shown
    assert "Toy &lt;b&gt;Story&lt;/b&gt;" in text, "an item is called by its title"
    assert GROUP not in page
    content = json.loads(re.findall(r'<script id="content" type="application/json">(.*?)</script>', page)[0])
    plots = {each["id"]: each for each in content["plots"]}
    assert list(plots) == ["plot-deviation", "plot-exposure", "plot-losses", "plot-welfare"]
    assert all(each["x"] and each["y"] for each in plots.values()), "every axis has a title"
    assert plots["plot-deviation"]["series"][0]["x"] == pytest.approx([0.05, 0.15])
    assert plots["plot-losses"]["series"][0] == {"name": "head", "x": [1, 2, 3], "y": pytest.approx([0.7, 0.6, 0.5])}


def test_the_page_of_a_run_without_lists_has_its_metrics() -> None:
    nothing = {"test_by_user_group": [], "test_by_item_group": [], "group_losses": [], "best_valid_score": None}
    few = {"valid_metric": "AUC", "sizes": {"users": 6}, "titles": {}}
    page = run_page(result(**nothing, test_result={"auc": 0.75}), few, MADE).partition("<script>")[0]
    assert "0.7500" in page
    assert page.count("<table") == 1
    assert "leaves nothing to test on" in run_page(result(**nothing, test_result={}), few, MADE)


@pytest.mark.slow
@in_a_browser
def test_the_page_of_a_run_looks_good_everywhere() -> None:
    page = Path("report.html")
    page.write_text(run_page(result(prices=prices()), numbers(), MADE), encoding="utf-8")
    with looking(page) as driver:
        assert len(driver.find_elements("css selector", ".js-plotly-plot")) == 4
        assert "ran" not in driver.title


@pytest.mark.slow
@in_a_browser
def test_the_page_of_a_comparison_looks_good_everywhere() -> None:
    write_comparison(".", comparison(), MADE)
    with looking(Path("report.html")) as driver:
        first, *_ = driver.find_elements("css selector", "details")
        first.find_element("css selector", "summary").send_keys("\n")
        assert "mainstream" in first.text, "a figure's numbers open by the keyboard"


def test_a_command_names_no_place_of_the_folder_that_may_be_moved() -> None:
    assert typed(["sweep", "--resume=a/b", "--name=a b"], Path("a/b")) == "recbole-ile sweep --resume=b '--name=a b'"
    assert typed(["sweep", "--resume", "a/../a/b"], Path("a/b")) == "recbole-ile sweep --resume b"
