"""What the mitigations in ranking share: they act on scores after history was masked, wherever lists are made."""

from __future__ import annotations

from typing import Any

import torch


class Reranker:
    """Mixin before a model of RecBole whose scores are re-ranked once what must not be recommended is at ``-inf``.

    ``full_sort_predict`` and ``predict`` stay those of the model: history is masked after them, and a list that
    was made before would lose its places. RecBole's trainers and case study call ``rerank`` when it is.
    """

    def set_ranking(self, config: Any) -> None:
        """Take the settings of the re-ranking from a configuration; the trained model stays as it is."""

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


def put_first(scores: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """Raise the scores of lists above all others, in the order of the lists, and leave the others.

    Args:
        scores: ``[B, n + 1]`` finite or ``-inf``, changed in place.
        items: ``[B, k]`` item ids, the best first; 0, which is padding, for an empty place.

    Returns:
        ``scores``.
    """
    k = items.shape[1]
    highest = scores.max(dim=1, keepdim=True).values.nan_to_num(neginf=0.0)
    step = (1.0 + highest.abs()) * 1e-3
    raised = highest + step * torch.arange(k, 0, -1, device=scores.device)
    scores.scatter_(1, items, torch.where(items > 0, raised, -torch.inf).to(scores.dtype))
    return scores


def users_of(interaction: Any, rows: torch.Tensor, user_field: str, n_rows: int) -> torch.Tensor:
    """Return the ``[B]`` user ids of the rows that ``[E]`` entries of a batch belong to."""
    users = interaction[user_field].to(rows.device)
    return users.new_zeros(n_rows).scatter_(0, rows, users)
