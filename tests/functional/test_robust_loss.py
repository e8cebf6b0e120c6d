"""Shares of the groups follow their losses as in Sagawa et al., algorithm 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.robust_loss import robust_loss, uniform_shares, updated_shares

GROUPS = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0.01, 1.0), min_size=n, max_size=n),
        st.lists(st.floats(0.0, 20.0), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


def by_hand(shares: list[float], losses: list[float], present: list[bool], step: float) -> list[float]:
    there = [group for group, is_there in enumerate(present) if is_there]
    grown = {group: shares[group] * math.exp(step * losses[group]) for group in there}
    z = sum(grown.values()) / sum(shares[group] for group in there) if there else 1.0
    return [grown[group] / z if group in grown else share for group, share in enumerate(shares)]


@given(GROUPS, st.floats(0.0, 2.0))
def test_shares_and_loss_are_those_by_hand(groups: tuple[list[float], list[float], list[bool]], step: float) -> None:
    shares, losses, present = groups
    found = updated_shares(np.array(shares), np.array(losses), np.array(present), step)
    expected = by_hand(shares, losses, present, step)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found.sum() == pytest.approx(sum(shares))
    total = sum(share * loss for share, loss, there in zip(expected, losses, present, strict=True) if there)
    assert robust_loss(found, np.array(losses), np.array(present)) == pytest.approx(total, rel=1e-9)


def test_the_worst_group_counts_more_and_more() -> None:
    shares, present = torch.full((2,), 0.5, dtype=torch.float64), torch.tensor([True, True])
    for _ in range(2000):
        shares = updated_shares(shares, torch.tensor([0.1, 0.9]), present, 0.01)
    assert shares[1] > 0.999


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_of_thousands_do_not_overflow(dtype: torch.dtype) -> None:
    means = torch.tensor([1e4, 9e3], dtype=dtype)
    found = updated_shares(torch.tensor([0.5, 0.5], dtype=dtype), means, torch.tensor([True, True]), 1.0)
    assert found.tolist() == [1.0, 0.0]
    assert found.dtype == dtype


def test_a_step_of_0_leaves_the_shares() -> None:
    shares = torch.tensor([0.2, 0.8])
    assert torch.equal(updated_shares(shares, torch.tensor([3.0, 1.0]), torch.tensor([True, True]), 0.0), shares)


def test_losses_that_are_not_finite_leave_the_shares() -> None:
    shares = torch.tensor([0.2, 0.8])
    for value in (torch.nan, torch.inf):
        found = updated_shares(shares, torch.tensor([value, 1.0]), torch.tensor([True, True]), 0.1)
        assert torch.equal(found, shares)


def test_an_absent_group_has_no_gradient() -> None:
    means = torch.tensor([1.0, 2.0, 0.0], requires_grad=True)
    robust_loss(torch.tensor([0.2, 0.3, 0.5]), means, torch.tensor([True, True, False])).backward()
    assert means.grad is not None
    torch.testing.assert_close(means.grad, torch.tensor([0.2, 0.3, 0.0]))


def test_only_groups_that_training_has_start_with_a_share() -> None:
    assert uniform_shares(np.array([5, 0, 1, 2])).tolist() == [1 / 3, 0.0, 1 / 3, 1 / 3]
    assert uniform_shares(torch.tensor([0, 0])).tolist() == [0.0, 0.0]
