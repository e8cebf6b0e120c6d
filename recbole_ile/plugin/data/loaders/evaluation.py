"""Evaluation data without a Python object for each user: histories and relevant items as arrays, batches by memory.

The batches are RecBole's own tuples, so that its trainers and every model work as they are.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from recbole.data import create_samplers
from recbole.data.dataloader.general_dataloader import FullSortEvalDataLoader, NegSampleEvalDataLoader
from recbole.data.interaction import Interaction, cat_interactions
from recbole.data.transform import construct_transform
from recbole.utils import FeatureSource, FeatureType, ModelType

from recbole_ile.errors import InputError
from recbole_ile.kernels.item_sets import ItemSets, expand
from recbole_ile.kernels.sampling import are_known, interaction_keys, negative_items, sorted_once
from recbole_ile.plugin.config.values import memory_bytes

PHASES = ("train", "valid", "test")
BEST_CELLS = {"cpu": 1 << 21, "cuda": 1 << 26}
"""Scores, or candidates with their features, that a batch holds at most: beyond them, nothing gets faster."""
BLOCK_DRAWS = 1 << 16
"""Negatives that are drawn together. Their random numbers depend on the block, and so not on the batches."""


def evaluation_loader(config: Any, phase: str, parts: list[Any]) -> Any:
    """Return the loader of a part of a split data set, or ``None`` where only RecBole's will do.

    Args:
        config: shows the base model's name.
        phase: ``"valid"`` or ``"test"``.
        parts: training, validation and test part, as ``dataset.build()`` returns them.
    """
    negatives = config[f"{phase}_neg_sample_args"]
    if not config["single_spec"] or negatives["distribution"] == "none":
        return None
    if negatives["sample_num"] != "none":
        return SampledLoader(config, phase, parts)
    if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
        return SequenceLoader(config, phase, parts)
    return FullLoader(config, phase, parts)


class EvaluationLoader:
    """What the loaders of an evaluation have in common; comes before RecBole's class, whose set-up it replaces.

    Attributes:
        entries: ``[N]`` int64 what is evaluated, one list for each: user ids, or rows of a sequential data set.
            A part of it can be set instead, another process's share say.
        batch_entries: number of entries in a batch.
    """

    entries: torch.Tensor

    def __init__(self, config: Any, phase: str, parts: list[Any]) -> None:
        # RecBole's own set-up is left out: it makes Python sets and lists of every interaction, and torch's
        # DataLoader would collate lists of single rows. Below is what RecBole reads of a loader.
        self.config, self.phase, self._parts = config, phase, parts
        self._dataset = parts[PHASES.index(phase)]
        self.uid_field, self.iid_field = self._dataset.uid_field, self._dataset.iid_field
        self.n_items = self._dataset.item_num
        self.is_sequential = config["MODEL_TYPE"] == ModelType.SEQUENTIAL
        self.shuffle, self.model = False, None
        self.generator = torch.Generator().manual_seed(config["seed"])
        self.transform = construct_transform(config)
        if not self.is_sequential or isinstance(self, NegSampleEvalDataLoader):
            self._dataset.sort(by=self.uid_field, ascending=True)
        self.update_config(config)

    def update_config(self, config: Any) -> None:
        """Take a changed configuration, and forget how many entries were found to fit into memory."""
        self.config = config
        guess = memory_bytes(config["eval_memory"]) // (16 * self.n_items)  # scores, and as much again thrice
        self.set_batch_entries(max(min(guess, self._within_caches(self.n_items)), 1))

    def set_batch_entries(self, batch_entries: int) -> None:
        """Set the number of entries in a batch."""
        self.batch_entries = batch_entries
        self.set_batch_size(batch_entries * self.n_items)  # type: ignore[attr-defined]

    @property
    def max_batch_entries(self) -> int:
        """The number of entries beyond which a batch gets no faster."""
        return max(min(self._within_caches(self.n_items), len(self.entries)), 1)

    def _within_caches(self, cells: int) -> int:
        return BEST_CELLS["cpu" if torch.device(self.config["device"]).type == "cpu" else "cuda"] // cells

    @property
    def sample_size(self) -> int:
        """Number of entries, as RecBole calls it."""
        return len(self.entries)

    @functools.cached_property
    def _sampler(self) -> Any:
        """RecBole's sampler, which takes long to make and which nothing here needs."""
        whole = self._parts[0].copy(cat_interactions([part.inter_feat for part in self._parts]))
        return create_samplers(self.config, whole, self._parts)[PHASES.index(self.phase)]

    def __len__(self) -> int:
        return -(-len(self.entries) // self.batch_entries)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for entries in self.entries.split(self.batch_entries):
            yield self.batch(entries)

    def collate_fn(self, index: Any) -> tuple[Any, ...]:
        """Return the batch of the entries at ``index``."""
        return self.batch(self.entries[torch.as_tensor(index)])

    def batch(self, entries: torch.Tensor) -> tuple[Any, ...]:
        """Return RecBole's tuple for ``[B]`` entries."""
        raise NotImplementedError

    def costliest(self, number: int) -> torch.Tensor:
        """Return ``number`` times the entry whose evaluation takes the most memory."""
        raise NotImplementedError

    def _joined(self, interaction: Any) -> Any:
        """Add the features of users and items to an interaction, those of the items over what is there."""
        features = ((self.uid_field, self._dataset.user_feat), (self.iid_field, self._dataset.item_feat))
        for field, table in features:
            if table is not None and field in interaction:
                interaction.update(rows_of(table, interaction[field]))
        return interaction


class FullLoader(EvaluationLoader, FullSortEvalDataLoader):
    """Users with the items that they have used before, which must not be recommended, and the relevant ones."""

    def __init__(self, config: Any, phase: str, parts: list[Any]) -> None:
        super().__init__(config, phase, parts)
        keys = part_keys(self._dataset)
        used = torch.empty(0, dtype=torch.int64) if config["repeatable"] else used_keys(parts, phase)
        self._relevant = ItemSets(keys, self._dataset.user_num, self.n_items)
        self._history = ItemSets(used[~are_known(used, keys)], self._dataset.user_num, self.n_items)
        self.entries = torch.nonzero(self._relevant.offsets.diff()).squeeze(1)

    def batch(self, entries: torch.Tensor) -> tuple[Any, ...]:
        """Return the users, row and item of the history, and row and item of what is relevant."""
        users = self._joined(Interaction({self.uid_field: entries}))
        return users, self._history.of(entries), *self._relevant.of(entries)

    @functools.cached_property
    def uid2history_item(self) -> np.ndarray:
        """The history of each user as a tensor, by user id, which RecBole's case study asks for."""
        users = torch.arange(self._dataset.user_num)
        histories = np.empty(len(users), dtype=object)
        histories[:] = self._history.of(users)[1].split(self._history.sizes(users).tolist())
        return histories

    def costliest(self, number: int) -> torch.Tensor:
        """Return ``number`` times the user with the most items."""
        sizes = self._history.sizes(self.entries) + self._relevant.sizes(self.entries)
        return self.entries[sizes.argmax()].repeat(number)


class SequenceLoader(EvaluationLoader, FullSortEvalDataLoader):
    """Rows of a sequential data set, each with the history it holds and the one item that came next."""

    def __init__(self, config: Any, phase: str, parts: list[Any]) -> None:
        super().__init__(config, phase, parts)
        self.entries = torch.arange(len(self._dataset))

    def batch(self, entries: torch.Tensor) -> tuple[Any, ...]:
        """Return the rows, no history, and row and item of what is relevant."""
        rows = self.transform(self._dataset, self._joined(rows_of(self._dataset.inter_feat, entries)))
        return rows, None, torch.arange(len(entries)), rows[self.iid_field]

    def costliest(self, number: int) -> torch.Tensor:
        """Return the first rows; all take the same."""
        return self.entries[:1].repeat(number)


class SampledLoader(EvaluationLoader, NegSampleEvalDataLoader):
    """Users with their relevant items and, for each of these, some that they have not used.

    Others are drawn at each evaluation, from ``seed``, whatever the size of the batches.

    Attributes:
        evaluations: how many have begun.
    """

    def __init__(self, config: Any, phase: str, parts: list[Any]) -> None:
        super().__init__(config, phase, parts)
        table = self._dataset.inter_feat
        self._users, self._items = table[self.uid_field].long(), table[self.iid_field].long()
        self._counts = torch.bincount(self._users, minlength=self._dataset.user_num)
        self._starts = self._counts.cumsum(0) - self._counts
        self.entries = torch.nonzero(self._counts).squeeze(1)
        self._used = None if config["repeatable"] else used_keys(parts, phase, first=1)
        if self._used is not None:
            _check_choice(self._used, self.n_items - 1, config["eval_args"]["mode"][phase])
        self._weights = self._chances() if self.neg_sample_args["distribution"] == "popularity" else None
        self.evaluations, self._drawn = 0, (-1, torch.empty(0))

    @property
    def max_batch_entries(self) -> int:
        """The number of users beyond which a batch gets no faster, even of those with the most candidates."""
        candidates = int(self._counts.max()) * self.times
        return max(min(super().max_batch_entries, self._within_caches(4 * candidates)), 1)

    def update_config(self, config: Any) -> None:
        """Take a changed configuration, the number of negatives included."""
        self.neg_sample_args = config[f"{self.phase}_neg_sample_args"]
        self.neg_sample_num = self.neg_sample_args["sample_num"]
        self.times = 1 + self.neg_sample_num
        self.label_field = config["LABEL_FIELD"]
        self._dataset.set_field_property(self.label_field, FeatureType.FLOAT, FeatureSource.INTERACTION, 1)
        super().update_config(config)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self.evaluations += 1
        self._drawn = (-1, torch.empty(0))
        return super().__iter__()

    def batch(self, entries: torch.Tensor) -> tuple[Any, ...]:
        """Return the candidates of the users, the row of each, and row and item of what is relevant.

        A user's candidates are the relevant items, then a negative for each of them, then another, and so on.
        """
        counts, starts = self._counts[entries], self._starts[entries]
        positive_rows, rows = expand(counts, starts)
        candidate_rows, places = expand(counts * self.times, torch.zeros_like(counts))
        copies = torch.div(places, counts[candidate_rows], rounding_mode="floor")  # 0 for the relevant items
        sources = places - copies * counts[candidate_rows]  # among the user's relevant items
        sources += (counts.cumsum(0) - counts)[candidate_rows]  # among those of the batch
        known = self.transform(self._dataset, self._joined(rows_of(self._dataset.inter_feat, rows)))
        items = torch.cat([self._items[rows, None], self._negatives(rows)], dim=1)[sources, copies]
        candidates = rows_of(known, sources)
        candidates[self.iid_field] = items.to(candidates[self.iid_field].dtype)
        candidates = self._joined(candidates)
        candidates[self.label_field] = (copies == 0).float()
        return candidates, candidate_rows, positive_rows, self._items[rows]

    def costliest(self, number: int) -> torch.Tensor:
        """Return ``number`` times the user with the most candidates, to be drawn anew."""
        self._drawn = (-1, torch.empty(0))
        return self.entries[self._counts[self.entries].argmax()].repeat(number)

    def _negatives(self, rows: torch.Tensor) -> torch.Tensor:
        """Return ``[S, sample_num]`` negatives for ``[S]`` rows of the data set."""
        size = max(BLOCK_DRAWS // self.neg_sample_num, 1)
        blocks = torch.div(rows, size, rounding_mode="floor")
        found = torch.empty(len(rows), self.neg_sample_num, dtype=torch.int64)
        for block in torch.unique(blocks).tolist():
            if self._drawn[0] != block:
                self._drawn = (block, self._draw(block, slice(block * size, (block + 1) * size)))
            members = blocks == block
            found[members] = self._drawn[1][rows[members] - block * size]
        return found

    def _draw(self, block: int, rows: slice) -> torch.Tensor:
        name = f"{self.config['seed']} {self.phase} {self.evaluations} {block}"
        generator = torch.Generator().manual_seed(random.Random(name).getrandbits(63))
        items, n_items = self._items[rows] - 1, self.n_items - 1
        if self._used is None:  # anything but the item itself
            users = torch.arange(len(items))
            used = interaction_keys(users, items, n_items)
        else:
            users, used = self._users[rows], self._used
        repeated = users.repeat_interleave(self.neg_sample_num)
        drawn = negative_items(repeated, used, n_items, generator, self._weights)
        return drawn.reshape(-1, self.neg_sample_num) + 1

    def _chances(self) -> torch.Tensor:
        """Return ``[n]`` chances in proportion to the interactions in all parts to the power ``alpha``."""
        counts = sum(torch.bincount(part.inter_feat[self.iid_field], minlength=self.n_items) for part in self._parts)
        training = self.config["train_neg_sample_args"]  # RecBole has one sampler for all, the training's if it has any
        alpha = 1.0 if training["distribution"] == "none" else training["alpha"]
        counts = torch.as_tensor(counts)[1:].double()
        return torch.where(counts > 0, counts**alpha, 0.0)


def part_keys(part: Any, first: int = 0) -> torch.Tensor:
    """Return ``kernels.sampling.interaction_keys`` of a part's users and items, of which the lowest is ``first``."""
    table = part.inter_feat
    items = table[part.iid_field].long() - first
    return interaction_keys(table[part.uid_field].long(), items, part.item_num - first)


def used_keys(parts: list[Any], phase: str, first: int = 0) -> torch.Tensor:
    """Return the keys of what each user has used in a phase: its interactions, and those of the phases before."""
    return sorted_once(torch.cat([part_keys(part, first) for part in parts[: PHASES.index(phase) + 1]]))


def rows_of(interaction: Any, rows: torch.Tensor) -> Any:
    """Return the given rows of an ``Interaction``, which itself would go through a Python list."""
    return Interaction({field: column[rows] for field, column in interaction.interaction.items()})


def _check_choice(used: torch.Tensor, n_items: int, mode: str) -> None:
    if len(used) and int(torch.bincount(torch.div(used, n_items, rounding_mode="floor")).max()) >= n_items:
        raise InputError(
            f"option eval_args.mode={mode!r}: some users have interactions with every item, so that none is left "
            f"to be drawn for them; leave them out with user_inter_num_interval"
        )
