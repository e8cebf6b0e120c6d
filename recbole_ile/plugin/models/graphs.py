"""RecBole's models that propagate over the graph of users and items, with fast products on the CPU."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender.lightgcn as recbole_lightgcn
import recbole.model.general_recommender.ncl as recbole_ncl
import torch

from recbole_ile.kernels.propagation import SymmetricMatrix


class LightGCN(recbole_lightgcn.LightGCN):
    """The same model and loss up to the rounding of floats; with ``fast_loader: False`` to the last bit."""

    norm_adj_matrix: Any

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.norm_adj_matrix = _fast(self.norm_adj_matrix, config)


class NCL(recbole_ncl.NCL):
    """The same model and loss up to the rounding of floats; with ``fast_loader: False`` to the last bit."""

    norm_adj_mat: Any

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.norm_adj_mat = _fast(self.norm_adj_mat, config)


def _fast(matrix: torch.Tensor, config: Any) -> torch.Tensor | SymmetricMatrix:
    return SymmetricMatrix(matrix) if config["fast_loader"] and matrix.device.type == "cpu" else matrix
