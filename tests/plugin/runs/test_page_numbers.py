"""What the page of a run counts, on arrays whose answer is known by hand, and that a run leaves the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.runs.page_numbers import BINS, both_ends, distribution


def test_users_are_counted_by_group_between_edges() -> None:
    found = distribution(np.array([0.0, 0.2, 0.4, np.nan]), np.array([0, 1, 1, 0]), ["niche", "mainstream"])
    assert found["edges"][0] == 0.0
    assert found["edges"][-1] == 0.4
    niche, mainstream = (row["users"] for row in found["groups"])
    assert (sum(niche), niche[0]) == (1, 1)
    assert (sum(mainstream), mainstream[BINS // 2], mainstream[-1]) == (2, 1, 1)
    assert found["mean"] == pytest.approx(0.2)
    assert found["median"] == pytest.approx(0.2)
    nobody = distribution(np.array([np.nan]), np.array([0]), ["niche"])
    assert "mean" not in nobody
    assert sum(nobody["groups"][0]["users"]) == 0


def test_the_ends_are_the_items_in_most_and_in_fewest_lists() -> None:
    exposure, counts = np.array([5, 0, 0, 2, 5, 0]), np.array([9, 3, 4, 1, 2, 0])
    most, least = both_ends(exposure, counts, 3)
    assert most.tolist() == [4, 0, 3], "of equals the one with fewer training interactions first"
    assert least.tolist() == [2, 1, 3], "an item without training interactions is not expected in lists"


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
def test_a_run_leaves_its_page_only_if_asked(tiny: Path) -> None:
    options = {
        **{"data_path": str(tiny), "epochs": 1, "topk": [2], "valid_metric": "NDCG@2", "metrics": ["NDCG", "UPD"]},
        **{"eval_args.split": {"LS": "valid_and_test"}, "show_progress": False, "state": "ERROR"},
    }
    with pytest.raises(InputError, match=r"option report=True leaves a file beside the results"):
        run_recbole_ile("BPR_EP", "tiny", config_dict=options, saved=False, report=True)
    plain = run_recbole_ile("BPR_EP", "tiny", config_dict=options)
    assert "report" not in plain
    assert not (Path(plain["output_dir"]) / "report.html").exists()
    result = run_recbole_ile(checkpoint=plain["checkpoint"], report=True)
    assert "page" not in result
    path = Path(result["report"])
    assert json.loads((path.parent / "result.json").read_text())["report"] == str(path)
    page = path.read_text(encoding="utf-8")
    assert f"--checkpoint={plain['checkpoint']}" in page
    for part in ("Metrics", "Users", "Items by group", "Items at both ends", f"{plain['test_result']['upd@2']:.4f}"):
        assert part in page.partition("<script>")[0], part
