"""Products with the symmetric adjacency matrix of a graph, which every layer of a graph model computes."""

from __future__ import annotations

import warnings
from typing import Any

import torch


class SymmetricMatrix:
    """A sparse symmetric ``[N, N]`` matrix that takes the place of a tensor in ``torch.sparse.mm``.

    It is stored by rows, and the gradient of a product is a product with the matrix itself; PyTorch transposes and
    sorts a matrix of coordinates anew in every backward pass.

    Args:
        matrix: sparse ``[N, N]`` float tensor in any layout; that it is symmetric is not checked.

    >>> matrix = SymmetricMatrix(torch.tensor([[0.0, 2.0], [2.0, 0.0]]).to_sparse())
    >>> torch.sparse.mm(matrix, torch.tensor([[1.0], [3.0]])).tolist()
    [[6.0], [2.0]]
    """

    def __init__(self, matrix: torch.Tensor) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            self.rows = (matrix.coalesce() if matrix.layout == torch.sparse_coo else matrix).to_sparse_csr()

    def __deepcopy__(self, memo: dict[int, Any]) -> SymmetricMatrix:
        """Return the matrix itself: it never changes, and PyTorch does not copy sparse rows."""
        return self

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answer ``torch.sparse.mm(matrix, dense)``, the one function that it takes part in."""
        if func is not torch.sparse.mm or kwargs or not isinstance(args[0], cls):
            return NotImplemented
        matrix, dense = args
        return _SymmetricProduct.apply(matrix.rows, dense)


class _SymmetricProduct(torch.autograd.Function):
    """``matrix @ dense`` with the gradient of ``dense`` alone."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        ctx.rows = rows
        return rows @ dense

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, ctx.rows @ gradient
