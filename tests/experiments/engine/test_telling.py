"""Each validation is told where trainings are stopped early, and else one a second."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from recbole_ile.experiments.engine import telling


@pytest.mark.parametrize(("every", "expected"), [(True, list(range(1, 31))), (False, [1, 11, 21])])
def test_which_validations_are_told(every: bool, expected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    clock = itertools.count(5.0, 0.1)
    monkeypatch.setattr(telling.time, "monotonic", lambda: round(next(clock), 1))
    tell = telling.Telling(told.append, ["ndcg@10"], every)
    for epoch in range(30):
        tell(epoch, {"ndcg@10": epoch / 100, "mrr@10": 0.0})
    assert [each["epochs"] for each in told] == expected
    assert told[1] == {"ndcg@10": (expected[1] - 1) / 100, "epochs": expected[1]}
    assert tell.validations == 30
