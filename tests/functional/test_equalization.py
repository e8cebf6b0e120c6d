"""The ILE penalty against a slow reference, its gradients, and its edge cases."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.distances import DISTANCES, MASKED, distance
from recbole_ile.functional.equalization import disparity, group_means, ile_penalty

EVERY = sorted(DISTANCES)
batches = st.lists(st.tuples(st.floats(1e-3, 8.0), st.integers(0, 4)), max_size=40)


def reference(losses: list[float], groups: list[int], n_groups: int, name: str) -> float:
    members = [[loss for loss, group in zip(losses, groups, strict=True) if group == g] for g in range(n_groups)]
    means = [sum(group) / len(group) for group in members if group]
    if len(means) < 2:
        return 0.0
    centre = sum(means) / len(means)
    if name == "ent":
        shares = [mean / sum(means) for mean in means]
        return len(means) - math.exp(-sum(share * math.log(share) for share in shares))
    return {
        "std": lambda: statistics.stdev(means),
        "mad": lambda: sum(abs(mean - centre) for mean in means) / len(means),
        "euclidean": lambda: math.sqrt(sum((mean - centre) ** 2 for mean in means)),
        "range": lambda: max(means) - min(means),
    }[name]()


@pytest.mark.parametrize("name", EVERY)
@given(batch=batches)
def test_penalty_equals_the_reference(name: str, batch: list[tuple[float, int]]) -> None:
    losses, groups = [loss for loss, _ in batch], [group for _, group in batch]
    expected = reference(losses, groups, 5, name)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 2e-5)):
        found = ile_penalty(torch.tensor(losses, dtype=dtype), torch.tensor(groups, dtype=torch.long), 5, name)
        assert found.dtype == dtype
        assert found.item() == pytest.approx(expected, abs=tolerance, rel=tolerance)


@pytest.mark.parametrize("name", EVERY)
@given(means=st.lists(st.floats(0.1, 4.0), min_size=2, max_size=5), absent=st.booleans(), data=st.data())
def test_gradients_are_exact(name: str, means: list[float], absent: bool, data: st.DataObject) -> None:
    ordered = sorted(means)
    centre = sum(means) / len(means)
    kinks = [later - earlier for earlier, later in pairwise(ordered)] + [abs(mean - centre) for mean in means]
    if min(kinks) < 1e-3:  # the distances have kinks where means are equal, which have tests of their own
        return
    members = data.draw(st.lists(st.integers(1, 3), min_size=len(means), max_size=len(means)))
    groups = torch.tensor([g for g, size in enumerate(members) for _ in range(size)])
    losses = torch.tensor(means, dtype=torch.float64)[groups].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ile_penalty(x, groups, len(means) + absent, name), (losses,))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("groups", [[], [1, 1, 1], [2]], ids=["empty", "one group", "one interaction"])
def test_fewer_than_two_groups_have_no_penalty_and_no_gradient(name: str, groups: list[int]) -> None:
    losses = torch.rand(len(groups), requires_grad=True)
    penalty = ile_penalty(losses, torch.tensor(groups, dtype=torch.long), 3, name)
    penalty.backward()
    assert penalty.item() == 0.0
    assert torch.equal(losses.grad, torch.zeros(len(groups)))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("value", [0.0, 0.7, -1e-10])
def test_equal_losses_have_no_penalty_and_a_finite_gradient(name: str, value: float) -> None:
    losses = torch.full((6,), value, requires_grad=True)
    penalty = ile_penalty(losses, torch.tensor([0, 0, 1, 1, 2, 2]), 3, name)
    penalty.backward()
    assert penalty.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(losses.grad).all()


def test_entropy_is_between_0_and_one_less_than_the_groups() -> None:
    groups = torch.tensor([0, 1, 2])
    losses = torch.tensor([3.0, 0.0, 0.0], requires_grad=True)
    penalty = ile_penalty(losses, groups, 3, "ent")
    penalty.backward()
    assert penalty.item() == pytest.approx(2.0)
    assert torch.isfinite(losses.grad).all()


@given(batch=batches)
def test_means_and_presence(batch: list[tuple[float, int]]) -> None:
    losses, groups = np.array([loss for loss, _ in batch]), np.array([group for _, group in batch], dtype=int)
    means, present = group_means(losses, groups, 5)
    assert isinstance(means, np.ndarray)
    for group in range(5):
        members = losses[groups == group]
        assert present[group] == (len(members) > 0)
        assert means[group] == pytest.approx(members.mean() if len(members) else 0.0)


def test_numpy_in_numpy_out() -> None:
    penalty = ile_penalty(np.array([1.0, 3.0]), np.array([0, 1]), 2, "range")
    assert isinstance(penalty, np.ndarray)
    assert penalty == pytest.approx(2.0)


def test_unknown_and_repeated_distances_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown distance 'sdt'"):
        ile_penalty(torch.rand(2), torch.tensor([0, 1]), 2, "sdt")
    with pytest.raises(ValueError, match="already registered"):
        distance("std")(torch.sum)


def value_and_gradient(penalty: Any, means: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = means.clone().requires_grad_()
    value = penalty(leaf)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.detach(), gradient


def test_every_distance_has_a_form_that_reads_nothing_back() -> None:
    assert list(MASKED) == list(DISTANCES)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masked_and_compacted_means_are_as_far_apart(name: str, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(300):
        n_groups = int(torch.randint(2, 7, (), generator=generator))
        means = torch.rand(n_groups, generator=generator, dtype=torch.float64).to(dtype) * 3
        present = torch.rand(n_groups, generator=generator) < 0.7
        means = torch.where(present, means, 0.0)
        on_the_host = value_and_gradient(lambda x, mask=present: disparity(x, mask, name), means)
        on_a_gpu = value_and_gradient(
            lambda x, mask=present: torch.where(mask.sum() < 2, (x * 0.0).sum(), MASKED[name](x, mask)), means
        )
        tolerance = 1e-4 if dtype is torch.float32 else 1e-12
        for one, other in zip(on_the_host, on_a_gpu, strict=True):
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)
        assert not on_a_gpu[1][~present].any()


@pytest.mark.parametrize("name", EVERY)
@given(means=st.lists(st.floats(0.0, 4.0, width=32), min_size=2, max_size=6), data=st.data())
def test_on_the_cpu_a_disparity_is_that_of_the_present_means_to_the_last_bit(
    name: str, means: list[float], data: st.DataObject
) -> None:
    present = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(means), max_size=len(means))))
    found = value_and_gradient(lambda x: disparity(x, present, name), torch.tensor(means))
    expected, gradient = torch.zeros(()), torch.zeros(len(means))
    if present.sum() >= 2:
        expected, gradient[present] = value_and_gradient(DISTANCES[name], torch.tensor(means)[present])
    assert torch.equal(found[0], expected)
    assert torch.equal(found[1], gradient)


def test_a_new_distance_is_one_function_of_the_means() -> None:
    distance("twice the range")(lambda means: 2 * (means.amax() - means.amin()))
    try:
        means, present = torch.tensor([1.0, 0.0, 4.0]), torch.tensor([True, False, True])
        assert disparity(means, present, "twice the range") == 6.0
    finally:
        del DISTANCES["twice the range"]
