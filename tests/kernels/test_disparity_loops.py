"""The compiled distances and their gradients are those that autograd finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.distances import DISTANCES
from recbole_ile.functional.equalization import disparity
from recbole_ile.kernels.disparity_loops import disparity_gradient
from recbole_ile.plugin.training.pair_training import COMPILED_DISTANCES

NAMES = [name for name, function in DISTANCES.items() if function in COMPILED_DISTANCES]
means = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5001, 0.7, 3.0]), st.booleans()), min_size=1, max_size=6)


def test_every_distance_of_this_package_is_compiled() -> None:
    assert sorted(NAMES) == ["ent", "euclidean", "mad", "range", "std"]


@pytest.mark.parametrize("name", NAMES)
@given(groups=means)
def test_value_and_gradient_are_those_of_autograd(name: str, groups: list[tuple[float, bool]]) -> None:
    values, present = (np.array(column) for column in zip(*groups, strict=True))
    own = np.empty(len(values))
    found = disparity_gradient(values, present, COMPILED_DISTANCES[DISTANCES[name]], own)
    leaf = torch.tensor(values, requires_grad=True)
    expected = disparity(leaf, torch.tensor(present), name)
    expected.backward()
    assert found == pytest.approx(expected.item(), abs=1e-12)
    assert leaf.grad is not None
    np.testing.assert_allclose(own, leaf.grad.numpy(), rtol=1e-6, atol=1e-9)
