"""What the metrics need from an evaluation: whose list each row is, and what stands in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from recbole.evaluator import Collector
from recbole.utils import EvaluatorType

from recbole_ile.plugin.popularity import TrainingPopularity

LISTS, USERS, POPULARITY = "rec.lists", "rec.users", "data.popularity"
POSITIVE_ROWS, POSITIVE_ITEMS = "rec.positive_rows", "rec.positive_items"


class ListCollector(Collector):
    """RecBole's collector that also keeps user indices and lists, for metrics that need them.

    ``rec.lists`` is ``[U, max k]`` item indices without padding, -1 where a list could not be filled;
    ``rec.users`` is ``[U]`` user indices without padding; ``data.popularity`` a ``TrainingPopularity``.
    With ``details`` set, ``last_details`` holds these of the last evaluation together with its
    ``[P]`` positive items and the row of ``rec.lists`` that each belongs to.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.details = False
        self.last_details: dict[str, Any] = {}
        self._batches: list[tuple[torch.Tensor, ...]] = []

    def data_collect(self, train_data: Any) -> None:
        """Collect from the training data what the metrics need."""
        super().data_collect(train_data)
        self._training = train_data._dataset

    def eval_batch_collect(
        self, scores_tensor: torch.Tensor, interaction: Any, positive_u: torch.Tensor, positive_i: torch.Tensor
    ) -> None:
        """Collect a batch of ``[B, n + 1]`` scores in which what must not be recommended is ``-inf``."""
        super().eval_batch_collect(scores_tensor, interaction, positive_u, positive_i)
        ranking = self.config["eval_type"] == EvaluatorType.RANKING
        if not ranking or not (self.details or self.register.need(LISTS)):
            return
        values, lists = torch.topk(scores_tensor, max(self.topk), dim=-1)
        lists = torch.where(values == -torch.inf, 0, lists) - 1
        users = interaction[self.config["USER_ID_FIELD"]]
        if len(users) != len(scores_tensor):  # sampled evaluation: one row of the batch for each candidate
            users = torch.unique_consecutive(users)
        self._batches.append((lists.cpu(), users.cpu() - 1, positive_u.cpu(), positive_i.cpu() - 1))

    def get_data_struct(self) -> Any:
        """Return everything collected in this evaluation, and start afresh."""
        struct = super().get_data_struct()
        if self._batches:
            lists, users, rows, items = zip(*self._batches, strict=True)
            offsets = np.cumsum([0, *(len(batch) for batch in lists[:-1])])
            collected = {
                LISTS: torch.cat(lists).numpy(),
                USERS: torch.cat(users).numpy(),
                POPULARITY: TrainingPopularity.of(self.config, self._training),
                POSITIVE_ROWS: torch.cat([row + offset for row, offset in zip(rows, offsets, strict=True)]).numpy(),
                POSITIVE_ITEMS: torch.cat(items).numpy(),
            }
            for name, value in collected.items():
                struct.set(name, value)
            self.last_details = collected if self.details else {}
        self._batches = []
        return struct
