"""The users of a training part with the scores of a model, what they know left out, for what is learned from lists."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from recbole.data.interaction import Interaction
from recbole.utils import ModelType

from recbole_ile.kernels.item_sets import ItemSets
from recbole_ile.plugin.config.values import memory_bytes
from recbole_ile.plugin.data.loaders.evaluation import part_keys, rows_of
from recbole_ile.plugin.data.loaders.last_sequences import continuing_training
from recbole_ile.plugin.evaluation.predictions import all_scores

BYTES_OF_A_SCORE = 24
"""What a score takes while it is masked and re-ranked: itself, and copies."""


class TrainingUsers:
    """Scores the users with training interactions, in blocks that fit into ``eval_memory``.

    What is recommended continues the training part: nothing of validation or test is looked at. Of a sequential
    model each user has one list.

    Args:
        model: trained, on its device.
        config: of the model.
        training: RecBole's training part.

    Attributes:
        known: what was computed from the scores, by whoever computed it, to be used again for other settings.
    """

    def __init__(self, model: Any, config: Any, training: Any) -> None:
        self._model, self._config, self._training = model, config, training
        self.known: dict[str, Any] = {}
        if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
            self._rows = continuing_training(training)
            self._users = self._rows[training.uid_field]
        else:
            self._rows = None
            self._users = torch.unique(training.inter_feat[training.uid_field])
        keys = None if config["repeatable"] else part_keys(training)
        self._history = None if keys is None else ItemSets(keys, training.user_num, training.item_num)

    def __len__(self) -> int:
        return len(self._users)

    @functools.cached_property
    def digest(self) -> str:
        """A digest of the training interactions, whatever their order."""
        keys = part_keys(self._training).sort().values.numpy()
        return hashlib.sha256(keys.tobytes()).hexdigest()[:16]

    @torch.no_grad()
    def blocks(self, positions: torch.Tensor) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give the scores of some users.

        Args:
            positions: ``[S]`` of users, ``0 .. len - 1``.

        Returns:
            For each block ``[B, n + 1]`` scores by item id, ``-inf`` for padding and what the user knows, and the
            interaction that was scored.
        """
        n_items, device = self._training.item_num, self._config["device"]
        self._model.eval()
        for block in positions.split(max(1, memory_bytes(self._config["eval_memory"]) // (BYTES_OF_A_SCORE * n_items))):
            users = self._users[block]
            if self._rows is None:
                interaction = self._training.join(Interaction({self._training.uid_field: users}))
            else:
                interaction = rows_of(self._rows, block)
            interaction = interaction.to(device)
            scores = all_scores(self._model, interaction, self._training.get_item_feature(), n_items).clone()
            scores[:, 0] = -torch.inf
            if self._history is not None:
                row, item = self._history.of(users)
                scores[row.to(scores.device), item.to(scores.device)] = -torch.inf
            yield scores, interaction


@runtime_checkable
class LearnsRanking(Protocol):
    """A model with a mitigation in ranking that learns from the lists of the training users; see ``Reranker``."""

    ranking_state: tuple[str, ...]

    def set_ranking(self, config: Any) -> None:
        """Take the settings of the ranking from a configuration."""

    def set_weight(self, option: str, value: float) -> None:
        """Set one of the weights that may be chosen."""

    def ranking_settings(self) -> dict[str, Any]:
        """Return what is learned from in addition to the scores."""

    def learn_ranking(self, users: TrainingUsers) -> None:
        """Learn it."""
