"""Logit adjustment: shares that add up to 1, and probabilities that move as their logits do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.functional.logit_adjustment import log_shares, shift_probabilities


def test_shares_by_hand() -> None:
    assert np.exp(log_shares(np.array([4, 2, 0]))) == pytest.approx([5 / 9, 3 / 9, 1 / 9])


@given(arrays(np.int64, st.integers(1, 50), elements=st.integers(0, 10**9)))
def test_shares_add_up_to_1_and_keep_the_order_of_counts(counts: np.ndarray) -> None:
    found = log_shares(counts)
    assert np.exp(found).sum() == pytest.approx(1.0)
    assert np.isfinite(found).all()
    order = np.argsort(counts, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


@given(st.floats(-15, 15), st.floats(-5, 5))
def test_the_logit_of_a_probability_gains_the_shift(logit: float, shift: float) -> None:
    logits, shifts = torch.tensor([logit]).double(), torch.tensor([shift]).double()
    torch.testing.assert_close(shift_probabilities(logits.sigmoid(), shifts), (logits + shifts).sigmoid())


def test_certainties_stay() -> None:
    certain = torch.tensor([0.0, 1.0])
    torch.testing.assert_close(shift_probabilities(certain, torch.tensor([3.0, -3.0])), certain)
