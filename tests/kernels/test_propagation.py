"""Products with a symmetric matrix are those of the dense matrix, and so are their gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.kernels.propagation import SymmetricMatrix


def symmetric(size: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    upper = torch.randn(size, size, generator=generator, dtype=torch.float64)
    upper[torch.rand(size, size, generator=generator) < 0.6] = 0.0
    return upper + upper.T


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 1000), st.sampled_from(["coordinates", "rows"]))
def test_product_and_gradient_are_those_of_the_dense_matrix(size: int, width: int, seed: int, layout: str) -> None:
    matrix = symmetric(size, seed)
    sparse = SymmetricMatrix(matrix.to_sparse() if layout == "coordinates" else matrix.to_sparse_csr())
    inputs = torch.randn(size, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    weighting = torch.linspace(-1.0, 2.0, size * width, dtype=torch.float64).reshape(size, width)
    found, expected = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    twice = torch.sparse.mm(sparse, torch.sparse.mm(sparse, found))
    dense = matrix @ (matrix @ expected)
    torch.testing.assert_close(twice, dense)
    (twice * weighting).sum().backward()
    (dense * weighting).sum().backward()
    torch.testing.assert_close(found.grad, expected.grad)


def test_repeated_coordinates_add_up() -> None:
    twice = torch.sparse_coo_tensor(torch.tensor([[0, 0, 1], [0, 0, 1]]), torch.ones(3), (2, 2))
    assert torch.sparse.mm(SymmetricMatrix(twice), torch.ones(2, 1)).flatten().tolist() == [2.0, 1.0]


def test_a_copied_model_shares_the_matrix() -> None:
    matrix = SymmetricMatrix(torch.eye(2).to_sparse())
    assert copy.deepcopy({"graph": matrix})["graph"] is matrix


def test_nothing_but_a_product_is_answered() -> None:
    with pytest.raises(TypeError):
        torch.relu(SymmetricMatrix(torch.eye(2).to_sparse()))
