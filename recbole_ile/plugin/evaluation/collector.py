"""What the metrics need from an evaluation: whose list each row is, and what stands in it."""

from __future__ import annotations

from typing import Any

import torch
from recbole.evaluator import Collector
from recbole.utils import EvaluatorType

from recbole_ile.kernels.list_ranks import list_hits, mean_ranks
from recbole_ile.plugin.data.popularity import TrainingPopularity

LISTS, USERS, POPULARITY = "rec.lists", "rec.users", "data.popularity"
POSITIVE_ROWS, POSITIVE_ITEMS, CANDIDATES = "rec.positive_rows", "rec.positive_items", "rec.candidates"
ARRAYS = (LISTS, USERS, POSITIVE_ROWS, POSITIVE_ITEMS, CANDIDATES)
ITEMS, HITS, RANKS, SCORES, LABELS = "rec.items", "rec.topk", "rec.meanrank", "rec.score", "data.label"
"""RecBole's own: ``[U, max k]`` items, ``[U, max k + 1]`` hits and number of relevant items, ``[U, 3]`` sum of
ranks, number of candidates and of relevant items, and what models of values predict."""


class ListCollector(Collector):
    """RecBole's collector, which cuts scores to lists once, and also keeps user indices and lists.

    ``rec.lists`` is ``[U, max k]`` item indices without padding, -1 where a list could not be filled;
    ``rec.users`` is ``[U]`` user indices without padding; ``data.popularity`` a ``TrainingPopularity``.
    ``rec.positive_items`` and ``rec.positive_rows`` are the ``[P]`` relevant items and the row of ``rec.lists`` that
    each belongs to, and ``rec.candidates`` is ``[U, G]``, how many items of each group could be recommended; they are
    there if a metric needs them. With ``details`` set, ``last_details`` holds what there was in the last evaluation,
    the relevant items in any case.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.details = False
        self.last_details: dict[str, Any] = {}
        self.forget()

    def forget(self) -> None:
        """Drop what was collected from batches so far."""
        self._batches: dict[str, list[torch.Tensor]] = {}
        self._rows = 0
        self._candidates: torch.Tensor | None = None

    def data_collect(self, train_data: Any) -> None:
        """Collect from the training data what the metrics need.

        Raises:
            InputError: if there are no groups in the column that is to give them, of which training need not know.
        """
        super().data_collect(train_data)
        self._training = train_data._dataset
        self._popularity: TrainingPopularity | None = None
        if self.config["item_group_field"] or self.config["user_group_field"]:
            self._known_popularity()

    def see_candidates(self, scores: torch.Tensor) -> None:
        """Count what may be recommended in the next batch, if scores are re-ranked before they are collected.

        A re-ranker may put more at ``-inf`` than what must not be recommended.
        """
        if self.register.need(CANDIDATES):
            self._candidates = self._count_candidates(scores)

    def _count_candidates(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the ``[B, G]`` numbers of items of each group that are not at ``-inf``."""
        popularity = self._known_popularity()
        groups = torch.as_tensor(popularity.groups_by_id, device=scores.device)
        members = torch.nn.functional.one_hot(groups, len(popularity.group_names)).float()
        return ((scores > -torch.inf).float() @ members).long()

    def _known_popularity(self) -> TrainingPopularity:
        self._popularity = self._popularity or TrainingPopularity.of(self.config, self._training)
        return self._popularity

    def eval_batch_collect(
        self, scores_tensor: torch.Tensor, interaction: Any, positive_u: torch.Tensor, positive_i: torch.Tensor
    ) -> None:
        """Collect a batch of ``[B, n + 1]`` scores in which what must not be recommended is ``-inf``."""
        need = self.register.need
        if self.config["eval_type"] == EvaluatorType.RANKING:
            positive_u, positive_i = positive_u.to(scores_tensor.device), positive_i.to(scores_tensor.device)
            self._collect_lists(scores_tensor, interaction, positive_u, positive_i)
            if need(RANKS):
                sums = mean_ranks(scores_tensor, positive_u, positive_i)
                kind = torch.promote_types(scores_tensor.dtype, torch.float32)  # RecBole's
                self._keep(RANKS, torch.stack([part.to(kind) for part in sums], dim=1))
        if need(SCORES):
            self._keep(SCORES, scores_tensor.clone())
        if need(LABELS):
            self.label_field = self.config["LABEL_FIELD"]
            self._keep(LABELS, interaction[self.label_field])

    def _collect_lists(
        self, scores: torch.Tensor, interaction: Any, positive_u: torch.Tensor, positive_i: torch.Tensor
    ) -> None:
        need = self.register.need
        with_lists = self.details or need(LISTS)
        if not (with_lists or need(ITEMS) or need(HITS)):
            return
        values, items = torch.topk(scores, max(self.topk), dim=-1)
        if need(ITEMS):
            self._keep(ITEMS, items)
        if need(HITS):
            hits, counts = list_hits(items, positive_u, positive_i, scores.shape[1])
            self._keep(HITS, torch.cat([hits.long(), counts[:, None]], dim=1))
        if with_lists:
            users = interaction[self.config["USER_ID_FIELD"]]
            if len(users) != len(scores):  # sampled evaluation: one row of the batch for each candidate
                users = torch.unique_consecutive(users)
            self._keep(LISTS, torch.where(values == -torch.inf, 0, items) - 1)
            self._keep(USERS, users - 1)
        if self.details or need(POSITIVE_ROWS):
            self._keep(POSITIVE_ROWS, positive_u + self._rows)
            self._keep(POSITIVE_ITEMS, positive_i - 1)
        if need(CANDIDATES):
            self._keep(CANDIDATES, self._count_candidates(scores) if self._candidates is None else self._candidates)
            self._candidates = None
        self._rows += len(scores)

    def _keep(self, name: str, batch: torch.Tensor) -> None:
        self._batches.setdefault(name, []).append(batch.detach().cpu())

    def get_data_struct(self) -> Any:
        """Return everything collected in this evaluation, and start afresh."""
        struct = super().get_data_struct()
        collected: dict[str, Any] = {}
        while self._batches:  # one after the other, so that never everything is there twice
            name, batches = self._batches.popitem()
            collected[name] = torch.cat(batches)
        for name in ARRAYS:
            if name in collected:
                collected[name] = collected[name].numpy()
        if LISTS in collected:
            collected[POPULARITY] = self._known_popularity()
            kept = (name for name in (*ARRAYS, POPULARITY) if name in collected)
            self.last_details = {name: collected[name] for name in kept} if self.details else {}
        for name, value in collected.items():
            struct.set(name, value)
        self.forget()
        return struct
