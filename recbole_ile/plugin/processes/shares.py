"""The share of one of several processes: rows of each training batch, users of an evaluation.

Every process goes through the same loader with the same seeds, so that several together see exactly the
batches, negatives included, that one process alone sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from recbole_ile.plugin.processes.group import n_processes, rank


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


class ShareOfUsers(Share):
    """Consecutive users, or batches of them where the loader has no ``entries`` to be cut, for evaluation."""

    def __bool__(self) -> bool:
        return True  # a process without a user evaluates too: the others wait for it

    def __len__(self) -> int:
        return -(-len(self.loader) // n_processes())

    def __iter__(self) -> Iterator[Any]:
        entries = getattr(self.loader, "entries", None)
        if entries is None:
            own = _own_part(len(self.loader))
            # The batches of the others are made and dropped: what draws at random has to go on alike everywhere.
            yield from (batch for number, batch in enumerate(self.loader) if number in own)
            return
        own = _own_part(len(entries))
        self.loader.entries = entries[own.start : own.stop]
        try:
            yield from self.loader
        finally:
            self.loader.entries = entries


def _own_part(size: int) -> range:
    """Return the places of this process among ``size``, which all together are cut as evenly as they can be."""
    return range(size * rank() // n_processes(), size * (rank() + 1) // n_processes())
