"""RecBole's models that learn nothing, with scores that depend on the training interactions and the seed alone.

RecBole's depend on how users and interactions are put into batches: its Pop counts an item once in a batch however
often it occurs, and sampled negatives too; its Random gives all users of an evaluation batch one list; its ADMMSLIM
breaks ties by noise that it draws anew for every batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import recbole.model.general_recommender.admmslim as recbole_admmslim
import recbole.model.general_recommender.pop as recbole_pop
import recbole.model.general_recommender.random as recbole_random
import torch

from recbole_ile.kernels.pair_hashing import pair_uniforms
from recbole_ile.plugin.catalogue.composed import Composed
from recbole_ile.plugin.data.popularity import TrainingPopularity

TIES = 1e-3
"""The part of one interaction within which items of equal count are ordered, by their ids."""
TIES_OF_ADMMSLIM = 1e-5
"""The magnitude of RecBole's noise."""


class Pop(recbole_pop.Pop):
    """Scores an item by its training interactions over those of the most popular item.

    In lists of the whole catalogue, items of equal count keep the order of their ids.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        counts = torch.from_numpy(TrainingPopularity.of(config, dataset).counts)
        self.item_cnt = torch.cat([counts.new_zeros(1), counts])[:, None].to(self.device)
        self.max_cnt = self.item_cnt.amax(dim=0).clamp_min(1)

    def calculate_loss(self, interaction: Any) -> torch.Tensor:
        """Return 0: everything was counted when the model was made."""
        return torch.zeros(1, device=self.device, requires_grad=True)

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B * (n + 1)]`` scores of all items, the same for every user."""
        counts = self.item_cnt.squeeze(1).double()
        order = torch.arange(len(counts), device=counts.device) / len(counts)
        scores = (counts - TIES * order) / self.max_cnt.double()
        return scores.repeat(len(interaction))


class _KeysOfPairs(Composed):
    """Mixin before a model that needs a number for each pair of a user and an item, by their original ids."""

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._seed = int(config["seed"])
        self._user_keys, self._item_keys = (
            torch.from_numpy(pd.util.hash_array(dataset.field2id_token[field].astype(object)).view("int64"))
            for field in (dataset.uid_field, dataset.iid_field)
        )

    def _uniforms(self, users: torch.Tensor, items: torch.Tensor | None = None) -> torch.Tensor:
        """Return ``[B]`` numbers for the pairs, or ``[B, n + 1]`` for the users and all items."""
        if self._user_keys.device != users.device:
            self._user_keys, self._item_keys = self._user_keys.to(users.device), self._item_keys.to(users.device)
        of_users = self._user_keys[users]
        if items is None:
            return pair_uniforms(of_users[:, None], self._item_keys, self._seed)
        return pair_uniforms(of_users, self._item_keys[items], self._seed)


class Random(_KeysOfPairs, recbole_random.Random):
    """Gives every user a list of their own, the same for the same original ids and ``seed``."""

    USER_ID: str
    ITEM_ID: str

    def predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B]`` scores of pairs."""
        return self._uniforms(interaction[self.USER_ID], interaction[self.ITEM_ID]).float()

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B * (n + 1)]`` scores of all items."""
        return self._uniforms(interaction[self.USER_ID]).flatten()


class ADMMSLIM(_KeysOfPairs, recbole_admmslim.ADMMSLIM):
    """The same model; what breaks the ties of a user and an item depends on ``seed``, and not on the batch."""

    USER_ID: str
    ITEM_ID: str

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._offsets = np.zeros(self.interaction_matrix.shape[1])
        if self.center_columns:
            self._offsets = self.item_means - self.item_means @ self.item_similarity

    def predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B]`` scores of pairs."""
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        rows, columns = users.cpu().numpy(), items.cpu().numpy()
        products = self.interaction_matrix[rows].multiply(self.item_similarity[:, columns].T)
        scores = np.asarray(products.sum(axis=1)).ravel() + self._offsets[columns]
        return self._apart(scores, self._uniforms(users, items))

    def full_sort_predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B * (n + 1)]`` scores of all items, each user's the same bits in any batch."""
        users = interaction[self.USER_ID]
        scores = self.interaction_matrix[users.cpu().numpy()] @ self.item_similarity + self._offsets
        return self._apart(scores, self._uniforms(users)).flatten()

    def _apart(self, scores: np.ndarray, uniforms: torch.Tensor) -> torch.Tensor:
        return (torch.from_numpy(scores).to(uniforms.device) + TIES_OF_ADMMSLIM * uniforms).float()
