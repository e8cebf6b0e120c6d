"""The metrics of an evaluation that several processes share, from what all of them collected."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.collector import ARRAYS, LISTS, POPULARITY, POSITIVE_ROWS, ListCollector
from recbole_ile.plugin.processes.group import gather_all

OF_RECBOLE = ("rec.items", "rec.topk", "rec.meanrank", "rec.score", "data.label")


class GatheringCollector(ListCollector):
    """Collects the lists of one process's share of the users, and hands out those of all users.

    The processes evaluate consecutive shares, so that the order is that of a process alone.
    """

    def get_data_struct(self) -> Any:
        """Return everything that all processes collected in this evaluation, and start afresh."""
        struct = super().get_data_struct()
        own = {name: struct.get(name) for name in (*OF_RECBOLE, *ARRAYS) if name in struct}
        gathered = joined(gather_all(own))
        if LISTS in gathered:  # a process without a user has collected nothing
            gathered[POPULARITY] = TrainingPopularity.of(self.config, self._training)
            if self.details:
                self.last_details = {name: gathered[name] for name in (*ARRAYS, POPULARITY) if name in gathered}
        for name, value in gathered.items():
            struct.set(name, value)
        return struct


def joined(shares: list[dict[str, Any]]) -> dict[str, Any]:
    """Put together what each process collected, in the order of the processes.

    Args:
        shares: arrays or tensors by name, one row for each list, positive item or candidate; names may be
            absent from a share. ``rec.positive_rows`` counts the lists of its own share.
    """
    sizes = [len(share.get(LISTS, ())) for share in shares]
    starts = np.cumsum([0, *sizes[:-1]])
    whole = {}
    for name in dict.fromkeys(name for share in shares for name in share):
        parts = [(start, share[name]) for start, share in zip(starts, shares, strict=True) if name in share]
        if name == POSITIVE_ROWS:
            parts = [(start, rows + start) for start, rows in parts]
        values = [value for _, value in parts]
        whole[name] = torch.cat(values) if isinstance(values[0], torch.Tensor) else np.concatenate(values)
    return whole
