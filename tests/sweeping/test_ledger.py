"""What is known of a sweep is on disk, whole, the moment it is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_ile.errors import InputError
from recbole_ile.sweeping.ledger import Ledger

SETTINGS = {"model": "BPR_ILE", "dataset": "tiny", "fixed": {"epochs": 2}}
DONE = {"status": "done", "metrics": {}, "points": [{"ranking": {"cp_weight": 0.0}}]}


def trial(name: str, *weights: float) -> dict:
    return {"id": name, "training": {"ile_lambda": 0.1}, "ranking": [{"cp_weight": weight} for weight in weights]}


def test_trials_are_added_to_those_asked_for_before() -> None:
    ledger = Ledger("sweep")
    ledger.open(SETTINGS, {})
    ledger.plan([trial("a", 0.0)])
    ledger.write(trial("a", 0.0), DONE)
    assert ledger.finished().keys() == {"a"}
    ledger.plan([trial("a", 0.0, 0.5), trial("b", 0.0)])
    assert [len(each["ranking"]) for each in ledger.planned()] == [2, 1]
    assert ledger.finished().keys() == set(), "a setting of ranking is missing"
    ledger.write(trial("b", 0.0), {"status": "failed", "reason": "so", "metrics": {}, "points": []})
    assert ledger.outcomes().keys() == {"a", "b"}
    assert ledger.finished().keys() == set()


def test_another_sweep_is_not_written_over() -> None:
    Ledger("sweep").open(SETTINGS, {})
    Ledger("sweep").open(SETTINGS, {"max_loss": 0.1})
    assert Ledger("sweep").settings()["options"] == {"max_loss": 0.1}
    with pytest.raises(InputError, match=r"was made with fixed=.*another --name"):
        Ledger("sweep").open({**SETTINGS, "fixed": {"epochs": 3}}, {})


def test_a_folder_without_a_sweep_is_one_line() -> None:
    with pytest.raises(InputError, match=r"holds no sweep: there is no sweep\.yaml"):
        Ledger("nowhere").settings()
    Path("sweep.yaml").write_text("a: [")
    with pytest.raises(InputError, match="is damaged"):
        Ledger(".").settings()
