"""Matrix factorisation of implicit feedback by alternating least squares, which RecBole does not have."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType, ModelType
from scipy.sparse import csr_matrix

from recbole_ile.functional.implicit_feedback import implicit_objective, length_weights
from recbole_ile.kernels.alternation import Ridge, alternate, solve_side
from recbole_ile.plugin.processes.launch import n_cores
from recbole_ile.signals import stop_if_interrupted

USUAL_SHARE = 0.25
"""What the length of a vector may weigh beside a user's observations; about what docs/ials.md has for Gowalla."""


class IALS(GeneralRecommender):
    """Scores by the product of two vectors, solved from all training interactions when training begins.

    Source: Hu et al., ICDM 2008, with the regularisation by frequency of Rendle et al., arXiv 2110.14037.
    """

    input_type = InputType.POINTWISE
    type = ModelType.TRADITIONAL
    user_factors: torch.Tensor
    item_factors: torch.Tensor

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._ridge = Ridge(float(config["ials_alpha"]), float(config["ials_reg"]), float(config["ials_reg_power"]))
        self._iterations, self._seed = int(config["ials_iterations"]), int(config["seed"])
        self._counts: Any = dataset.inter_matrix(form="csr").astype(np.float64)
        self._counts.sum_duplicates()
        self.dummy_param = torch.nn.Parameter(torch.zeros(1))  # RecBole makes an optimizer of every model
        for name, size in (("user_factors", self.n_users), ("item_factors", self.n_items)):
            self.register_buffer(name, torch.zeros(size, int(config["ials_factors"])))

    def calculate_loss(self, interaction: Any) -> torch.Tensor:
        """Return the objective with the first batch, for which everything is solved, and 0 with the others."""
        loss = 0.0 if self._counts is None else self._solve()
        return torch.tensor([loss], device=self.device, requires_grad=True)

    def predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B]`` scores of pairs."""
        return (self.user_factors[interaction[self.USER_ID]] * self.item_factors[interaction[self.ITEM_ID]]).sum(dim=1)

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B * (n + 1)]`` scores of all items."""
        return (self.user_factors[interaction[self.USER_ID]] @ self.item_factors.T).flatten()

    def solve_users(self, histories: csr_matrix) -> None:
        """Solve the vectors of other users, the items' being what they are.

        Args:
            histories: ``[B + 1, n + 1]`` float64 counts of each user and item, padding included.
        """
        solved = solve_side(histories, self.item_factors.cpu().numpy(), self._ridge, _threads())
        self.user_factors = torch.from_numpy(solved).to(self.item_factors)

    def _solve(self) -> float:
        self._tell_of_reg()
        iterations = alternate(self._counts, self.item_factors.shape[1], self._ridge, self._seed, _threads())
        users, items = next(iterations)
        for _ in range(self._iterations - 1):
            stop_if_interrupted()
            users, items = next(iterations)
        objective = implicit_objective(users, items, self._counts, *self._ridge)
        logging.getLogger().info(f"objective after {self._iterations} iterations: {objective:.6g}")
        self.user_factors.copy_(torch.from_numpy(users))
        self.item_factors.copy_(torch.from_numpy(items))
        self._counts = None
        return objective

    def _tell_of_reg(self) -> None:
        """Warn where short vectors count for more than what is observed, as they do in a catalogue that is large."""
        alpha, reg, power = self._ridge
        observed = alpha * self._counts.sum() / max(self.n_users - 1, 1)
        weight = float(length_weights(np.array([self.n_items - 1 + observed]), reg, power)[0])
        if weight > observed > 0:
            logging.getLogger().warning(
                f"option ials_reg={reg:g}: on {self.n_items - 1} items the length of a user's vector weighs "
                f"{weight / observed:.1f} times as much as what the user has observed, so that all get nearly the same "
                f"lists; ials_reg={reg * USUAL_SHARE * observed / weight:.1g} or a larger ials_alpha is usual "
                "(sweep --space=IALS)"
            )


def _threads() -> int:
    return max(min(torch.get_num_threads(), n_cores()), 1)
