"""The share of one of several processes: rows of each training batch, batches of an evaluation.

Every process goes through the same loader with the same seeds, so that several together see exactly the
batches, negatives included, that one process alone sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from recbole_ile.plugin.process_group import n_processes, rank


class Share:
    """Stands for a loader, of which it gives a share; all else is the loader's own."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # RecBole's trainer asks isinstance how to evaluate
        return type(self.loader)


class ShareOfRows(Share):
    """Every ``n``-th row of each batch, for training; a batch of fewer rows gives each process one of them."""

    shuffle = False
    """Whether RecBole has to tell a sampler the epoch; the loader shuffles by itself, alike in all processes."""

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        first, step = rank(), n_processes()
        for batch in self.loader:
            start = first % len(batch)
            yield batch[start::step] if len(batch) >= step else batch[start : start + 1]

    def knowledge_shuffle(self, epoch_seed: int) -> None:
        """Leave the order of the triples to their own loader, which is the same in all processes."""


class ShareOfBatches(Share):
    """Every ``n``-th batch, for evaluation."""

    def __len__(self) -> int:
        return len(range(rank(), len(self.loader), n_processes()))

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.loader), rank(), None, n_processes())
