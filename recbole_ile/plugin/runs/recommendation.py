"""Recommendation lists of a trained model for any users, made as the test evaluation makes them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from recbole.utils import ModelType

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.values import memory_bytes
from recbole_ile.plugin.data.loaders.evaluation import FullLoader, SequenceLoader
from recbole_ile.plugin.data.loaders.last_sequences import continuing
from recbole_ile.plugin.evaluation.memory import fit_to_memory
from recbole_ile.plugin.runs.preparation import PreparedData
from recbole_ile.plugin.runs.restoring import restore

NAMED = 3
"""Unknown users that an error names."""


class Lists(NamedTuple):
    """The lists of ``B`` users.

    ``users`` is ``[B]`` user ids; ``items`` ``[B, k]`` item ids, the best first, 0 where fewer than k items are left;
    ``scores`` ``[B, k]`` the model's own, ``-inf`` there. PUFR's scores are adjusted by its uncertainty; CP chooses
    and orders by more than the score, so that its lists are not sorted by it.
    """

    users: torch.Tensor
    items: torch.Tensor
    scores: torch.Tensor


class Recommender:
    """Makes the lists of a trained model in blocks of users that fit into ``eval_memory``.

    The lists are those of the test evaluation: what a user has in training or validation is left out, unless it is
    in the test part too. Sequential models, and others with ``repeatable: True``, are evaluated with everything, and
    nothing is left out here. A sequential model continues what came before the user's first test interaction, or, of
    a user without any, everything.

    Args:
        trainer: of this plugin, with the trained model.
        parts: training, validation and test part.
        k: length of the lists.
        users: ``[U]`` user ids, each once; all of the data set by default.
        loader: of the test part, where there is one already.
        block: number of users that are ranked together, if it was found before.

    Attributes:
        users: ``[U]`` ids of the users who get a list, in their order.
        without_sequence: ids of those who get none, because they have no sequence to be continued.
        trainer: that was given.
        loader: gives the batch of any of its ``entries``, one for each of ``users``.
        leaves_history_out: whether there is anything that a user is not recommended.
        block: number of users that are ranked together.

    Raises:
        InputError: for a ``k`` that no list can have.
    """

    def __init__(
        self,
        trainer: Any,
        parts: list[Any],
        k: int,
        users: torch.Tensor | None = None,
        loader: Any = None,
        block: int | None = None,
    ) -> None:
        config, test = trainer.config, parts[-1]
        if not 1 <= k < test.item_num:
            raise InputError(
                f"option k={k} is not allowed; {config['dataset']} has {test.item_num - 1} items, so k is a whole "
                f"number from 1 to {test.item_num - 1}"
            )
        users = torch.arange(1, test.user_num) if users is None else users
        self.trainer, self._k = trainer, k
        self.users, self.without_sequence = users, users[:0]
        self._last: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
            rows, found = continuing(parts, users)
            self.users, self.without_sequence = users[found], users[~found]
            self.loader: Any = SequenceLoader(config, "test", [*parts[:-1], rows])
            self.leaves_history_out = False
        else:
            known = type(loader) is FullLoader  # whose sorted histories take as long as the ranking of many users
            self.loader = copy.copy(loader) if known else FullLoader(config, "test", parts)
            self.loader.entries = users
            self.leaves_history_out = not config["repeatable"]
        if len(self.users) and block is None:
            fit_to_memory(self.loader, trainer.model, self._try_block, memory_bytes(config["eval_memory"]))
        self.block: int = block or self.loader.batch_entries

    def __iter__(self) -> Iterator[Lists]:
        return self.between(0, len(self.users))

    def between(self, first: int, last: int) -> Iterator[Lists]:
        """Give the lists of some of the users, the same to the bit as among those of all.

        The last bits of a score depend on how many users are multiplied with the items at once, so that blocks which
        reach beyond are ranked whole.

        Args:
            first: place in ``users`` of the first.
            last: place behind the last.
        """
        self.trainer.model.eval()
        for start in range(first - first % self.block, max(last, 1), self.block):  # nobody's lists are a block, too
            own = slice(max(first - start, 0), last - start)
            scores, items = self._ranked(start)
            scores, items = scores[own].cpu(), items[own].cpu()
            users = self.users[start : start + self.block][own]
            yield Lists(users, torch.where(scores > -torch.inf, items, 0), scores)

    def _ranked(self, start: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Rank a block unless it was the last one, with random numbers of its own for a model that draws some."""
        if start not in self._last:
            entries = self.loader.entries[start : start + self.block]
            with torch.random.fork_rng():
                torch.manual_seed(self.trainer.config["seed"] + start)
                self._last = {start: self.trainer.lists(self.loader, entries, self._k)}
        return self._last[start]

    def _try_block(self, loader: Any, entries: torch.Tensor) -> None:
        for block in (entries, entries):  # a block's scores live until the next one has its own
            self.trainer.lists(loader, block, self._k)


def recommender(
    config: IleConfig,
    stored: dict[str, Any],
    checkpoint: str | Path,
    k: int,
    users: list[str] | None = None,
    reprice: bool = False,
) -> tuple[Recommender, Any]:
    """Return the recommender of a checkpoint, and the data set whose ids it speaks of.

    Args:
        config: from ``reevaluation_config``; it is set to ``fast_loader``, as nothing is trained.
        stored: the content of the checkpoint.
        checkpoint: its path.
        k: length of the lists.
        users: original ids, with blanks around them perhaps; all of the data set by default.
        reprice: whether what the ranking learned is learned again, from the training interactions of now.

    Raises:
        InputError: if the checkpoint does not fit the data, for unknown users and for a ``k`` that no list can have.
    """
    config["fast_loader"] = True
    run = restore(config, stored, checkpoint, needs_split=False, anew=reprice)
    ids = None if users is None else user_ids(run.data.dataset, users)
    return Recommender(run.trainer, parts_of(run.data), k, ids, run.data.test), run.data.dataset


def parts_of(data: PreparedData) -> list[Any]:
    """Return training, validation and test part of prepared data."""
    return [loader._dataset for loader in (data.train, data.valid, data.test)]


def user_ids(dataset: Any, users: list[str]) -> torch.Tensor:
    """Return the ``[U]`` ids of users by their original ids, each once.

    Raises:
        InputError: names the first unknown ones, and the near miss of the first.
    """
    tokens = dataset.field2id_token[dataset.uid_field]
    known = dict(zip(tokens[1:].tolist(), range(1, len(tokens)), strict=True))
    wanted = list(dict.fromkeys(user if user in known else user.strip() for user in users))
    unknown = [user for user in wanted if user not in known]
    if unknown:
        further = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        raise InputError(
            f"option users: {', '.join(unknown[:NAMED])}{further} is no user of {dataset.dataset_name}"
            f"{near_miss(unknown[0], known)}; it takes original ids, separated by commas, or a file with one in a line"
        )
    return torch.from_numpy(np.array([known[user] for user in wanted], dtype=np.int64))
