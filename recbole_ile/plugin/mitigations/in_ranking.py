"""What the mitigations in ranking share: they act on scores after history was masked, wherever lists are made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from scipy.sparse import csr_matrix

from recbole_ile.plugin.catalogue.composed import Composed
from recbole_ile.plugin.catalogue.mitigations import AUTO


class Reranker(Composed):
    """Mixin before a model of RecBole whose scores are re-ranked once what must not be recommended is at ``-inf``.

    ``full_sort_predict`` and ``predict`` stay those of the model: history is masked after them, and a list that
    was made before would lose its places. RecBole's trainers and case study call ``rerank`` when it is.
    """

    ranking_state: tuple[str, ...] = ()
    """Names of the buffers that hold what is learned from the lists of the training users."""
    automatic: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    """Weights that may be ``auto``, with what is chosen from, the weakest first."""

    @property
    def rescales(self) -> bool:
        """Whether the scores that are handed on are in a unit of their own, under the settings of now."""
        return False

    def set_ranking(self, config: Any) -> None:
        """Take the settings of the re-ranking from a configuration; the trained model stays as it is."""

    def set_weight(self, option: str, value: float) -> None:
        """Set one of the weights in ``automatic`` of the mitigations."""
        setattr(self, option, value)

    def ranking_settings(self) -> dict[str, Any]:
        """Return the settings that the lists follow from in addition to the scores: its own and those before it."""
        return {}

    def take_users(self, histories: csr_matrix) -> None:
        """Take users whom training did not know in the place of those that it did.

        Args:
            histories: ``[B + 1, n + 1]`` interactions of each user and item, padding included.
        """

    def learn_ranking(self, users: Any) -> None:
        """Learn what it needs from the lists of the training users, ``evaluation.training_users.TrainingUsers``.

        A mitigation that learns keeps it in the buffers that ``ranking_state`` names.
        """

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose order is that of the lists to recommend.

        Args:
            scores: ``[B, n + 1]`` by item id, ``-inf`` for padding and for what must not be recommended; may be
                changed in place.
            interaction: the batch of ``E`` entries that was scored: a user each, or a pair of a sampled evaluation.
            rows: ``[E]`` row of ``scores`` that each entry belongs to.
            k: length of the longest list that is asked for.
        """
        return scores

    @torch.no_grad()
    def lists(
        self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the lists to recommend, with scores that mean something beside those of other lists.

        Args:
            scores: as for ``rerank``, as are the others.
            interaction: the batch.
            rows: the row of each entry.
            k: length of the lists.

        Returns:
            ``[B, k]`` score of each item before places were given away, ``-inf`` where a list could not be filled,
            and ``[B, k]`` item ids: those of ``rerank``, the best first.
        """
        return self.rerank(scores, interaction, rows, k).topk(k)


class ListChooser(Reranker):
    """A mitigation whose ``rerank`` raises the scores of a list that it chose, so that they lose their meaning.

    Python places it behind all that derive from it, and before those that only change scores.
    """

    @torch.no_grad()
    def lists(
        self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the lists, with the scores before any list was chosen, by which no list is sorted."""
        before = super().rerank(scores.clone(), interaction, rows, k)
        items = self.rerank(scores, interaction, rows, k).topk(k).indices
        return before.gather(1, items), items


def weight_of(config: Any, option: str) -> float | str:
    """Return a weight, or ``AUTO``."""
    return AUTO if config[option] == AUTO else float(config[option])


def users_of(interaction: Any, rows: torch.Tensor, user_field: str, n_rows: int) -> torch.Tensor:
    """Return the ``[B]`` user ids of the rows that ``[E]`` entries of a batch belong to."""
    users = interaction[user_field].to(rows.device)
    return users.new_zeros(n_rows).scatter_(0, rows, users)
