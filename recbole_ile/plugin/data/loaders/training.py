"""Training batches without Python's loops: an epoch's order and negatives are drawn at once, on the model's device."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from recbole.data import get_dataloader
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.utils import FeatureSource, FeatureType, InputType

from recbole_ile.kernels.drawing import draw_popular, draw_unused, shuffled
from recbole_ile.kernels.item_sets import ItemSets
from recbole_ile.kernels.pairs import Pairs, lay_out_pairs
from recbole_ile.kernels.sampling import interaction_keys, negative_items

COMPILED, TORCH = "compiled", "torch"
"""Ways of drawing an epoch from one distribution: in compiled loops in main memory, by torch's generator anywhere."""
DEVICE_SHARE = 0.25
"""Share of a GPU's free memory that the training interactions may take; larger ones stay in main memory."""


def why_stock_loader(config: Any) -> str | None:
    """Return why RecBole's own loader is needed for training, ``None`` if it is not."""
    loader = get_dataloader(config, "train")
    if loader is not TrainDataLoader:
        return f"{config['model']} trains with a {loader.__name__}"
    if config["train_neg_sample_args"].get("dynamic", False):
        return "the model chooses its negatives itself (train_neg_sample_args.dynamic)"
    if config["transform"] is not None:
        return f"transform={config['transform']} changes each batch"
    return None


class TrainingBatches:
    """Gives the batches that RecBole's ``TrainDataLoader`` gives, from the same distribution, in the same layout.

    A batch holds ``train_batch_size`` rows: an interaction counts once for each of its negatives in training on
    pairs, and once more in training on labels. Negatives are drawn as RecBole's samplers draw them: uniformly or
    by popularity, never one of the user's training items or, with ``repeatable``, never the positive item. As in
    RecBole, popularity counts the interactions of all parts.

    Args:
        config: the configuration, as of the base model.
        whole: the data set before it was split.
        parts: its training, validation and test part.

    Attributes:
        drawing: ``COMPILED`` or ``TORCH``.

    Raises:
        ValueError: if a user has used every item that can be drawn.
    """

    def __init__(self, config: Any, whole: Any, parts: tuple[Any, ...]) -> None:
        self.config, self.dataset, self._dataset = config, parts[0], parts[0]
        self.shuffle: bool = config["shuffle"]
        self.device = _place(config["device"], self.dataset)
        self.drawing = COMPILED if self.device.type == "cpu" else TORCH
        self._columns = _on(self.device, self.dataset.inter_feat)
        self._user_columns = _on(self.device, self.dataset.user_feat)
        self._item_columns = _on(self.device, self.dataset.item_feat)
        self._user_field, self._item_field = self.dataset.uid_field, self.dataset.iid_field
        self._epoch = 0
        self._sorted: np.ndarray | None = None
        arguments = config["train_neg_sample_args"]
        self.negatives: int = 0
        if arguments["distribution"] != "none" and arguments["sample_num"] != "none":
            self.negatives = arguments["sample_num"]
            self._prepare_negatives(whole, parts)
        self._pairwise = config["MODEL_INPUT_TYPE"] == InputType.PAIRWISE
        self._name_columns()
        rows = self.negatives if self._pairwise else 1 + self.negatives
        self.batch_entries = max(config["train_batch_size"] // max(rows, 1), 1)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-len(self.dataset) // self.batch_entries)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that is drawn next; what is drawn depends on the seed and on this number alone."""
        self._epoch = epoch

    def draw_as(self, drawing: str) -> None:
        """Draw as the loader of an interrupted training did, where that is possible on this device."""
        self.drawing = drawing if self.device.type == "cpu" else TORCH

    def __iter__(self) -> Iterator[Interaction]:
        """Draw an epoch and give its batches."""
        epoch, self._epoch = self._epoch, self._epoch + 1
        order, negatives = self._draw(epoch)
        for rows in order.split(self.batch_entries):
            yield self._batch(rows, [drawn.index_select(0, rows) for drawn in negatives])

    def pairs(self, epoch: int) -> Pairs | None:
        """Return all batches of an epoch at once, of pairs in main memory alone; ``None`` for others."""
        if not self._pairwise or not self.negatives or self.device.type != "cpu":
            return None
        if self.drawing != COMPILED:
            order, negatives = self._draw(epoch)
            known, drawn = self._packed(slice(None)), torch.stack(negatives).int()
            return lay_out_pairs(order.numpy(), known, drawn.numpy(), self.batch_entries)
        if self._sorted is None:
            self._sorted = self._packed(self._drawing_rows)
        places, found = self._draw_compiled(epoch)
        return lay_out_pairs(places, self._sorted, found, self.batch_entries)

    def _packed(self, rows: Any) -> np.ndarray:
        """Return ``[N, 2]`` int32 user and item of interactions."""
        columns = [self._columns[field][rows] for field in (self._user_field, self._item_field)]
        return torch.stack(columns, dim=1).int().numpy()

    def _draw(self, epoch: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the ``[N]`` order of an epoch and its ``[N]`` negatives for each time, from the seed alone."""
        size = len(self.dataset)
        if self.drawing == COMPILED:
            places, found = self._draw_compiled(epoch)
            if not self.negatives:
                return torch.from_numpy(places).long(), []
            negatives = torch.empty(found.shape, dtype=torch.int64)
            negatives.index_copy_(1, self._drawing_rows, torch.from_numpy(found).long())
            return self._drawing_rows[torch.from_numpy(places).long()], list(negatives)
        generator = torch.Generator(self.device).manual_seed(int(self._seeds(epoch)[0]) >> 1)
        if self.shuffle:
            order = torch.randperm(size, generator=generator, device=self.device)
        else:
            order = torch.arange(size, device=self.device)
        return order, [self._draw_negatives(generator) for _ in range(self.negatives)]

    def _seeds(self, epoch: int) -> np.ndarray:
        """Return the seed of an epoch's order, and of its negatives for each time."""
        return np.random.SeedSequence([self.config["seed"], epoch]).generate_state(1 + self.negatives, np.uint64)

    def _draw_compiled(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``[N]`` order of an epoch and ``[n, N]`` int32 negatives of each interaction.

        Where there are negatives, interactions are numbered as ``_drawing_rows`` has them, by user.
        """
        seeds, size = self._seeds(epoch), len(self.dataset)
        if self.shuffle:
            order = shuffled(size, seeds[0])
        else:
            order = np.argsort(self._drawing_rows.numpy()) if self.negatives else np.arange(size)
        drawn = np.empty((self.negatives, size), dtype=np.int32)
        for own, seed in zip(drawn, seeds[1:], strict=True):
            users, offsets, used = self._drawing_users.numpy(), self._used.offsets.numpy(), self._used.items.numpy()
            if self._cumulative is None:
                own[:] = draw_unused(users, offsets, used, self._n_items, seed)
            else:
                own[:] = draw_popular(users, offsets, used, self._cumulative.numpy(), seed)
            own += 1  # item ids begin behind the padding
        return order, drawn

    def _prepare_negatives(self, whole: Any, parts: tuple[Any, ...]) -> None:
        """Sort what negatives must not be, and the interactions by user, in which order drawing is fast."""
        self._n_items = whole.item_num - 1
        users, keys = self._users(), self._keys
        sorted_users, self._drawing_rows = torch.sort(users, stable=True)
        self._drawing_users = sorted_users.int()
        self._weights = None
        arguments = self.config["train_neg_sample_args"]
        if arguments["distribution"] == "popularity":
            counted = [whole] if self.config["repeatable"] else parts
            used = np.concatenate([part.inter_feat[self._item_field].numpy() for part in counted])
            counts = np.bincount(used, minlength=whole.item_num)
            self._weights = torch.from_numpy((counts[1:] / counts.sum()) ** arguments["alpha"]).to(self.device)
            self._weights[torch.from_numpy(counts[1:] == 0).to(self.device)] = 0.0
        self._check_negatives_exist()
        if self.device.type == "cpu":
            n_users = len(users) if self.config["repeatable"] else whole.user_num
            self._used = ItemSets(keys, n_users, self._n_items)
            self._cumulative = None if self._weights is None else torch.cumsum(self._weights.double(), dim=0)
            del self._keys  # 8 bytes an interaction, which compiled loops do without

    def _users(self) -> torch.Tensor:
        """Return the ``[N]`` user of each interaction, of whom all have the same negatives."""
        if self.config["repeatable"]:
            return torch.arange(len(self.dataset), device=self.device)
        return self._columns[self._user_field]

    @functools.cached_property
    def _keys(self) -> torch.Tensor:
        """What negatives must not be, as ``interaction_keys`` has it."""
        return interaction_keys(self._users(), self._columns[self._item_field] - 1, self._n_items)

    def _check_negatives_exist(self) -> None:
        used = self._keys
        n_drawable = self._n_items
        if self._weights is not None:
            used = used[self._weights[used % self._n_items] > 0]
            n_drawable = int((self._weights > 0).sum())
        if (
            len(used)
            and int(torch.unique_consecutive(used // self._n_items, return_counts=True)[1].max()) >= n_drawable
        ):
            raise ValueError(
                "some users have interacted with every item, so that there are no negative items for them; "
                "user_inter_num_interval can leave them out"
            )

    def _draw_negatives(self, generator: torch.Generator) -> torch.Tensor:
        """Return the item id of ``[N]`` negatives, one of each interaction."""
        drawn = negative_items(self._drawing_users.long(), self._keys, self._n_items, generator, self._weights)
        return torch.empty_like(drawn).index_copy_(0, self._drawing_rows, drawn.add_(1))

    def _name_columns(self) -> None:
        """Tell the data set about the columns that batches have besides its own, as models ask it for them."""
        if self.negatives and self._pairwise:
            self._prefix = self.config["NEG_PREFIX"]
            for column in self._item_columns or [self._item_field]:
                self.dataset.copy_field_property(self._prefix + column, column)
        elif self.negatives:
            self._label_field = self.config["LABEL_FIELD"]
            self.dataset.set_field_property(self._label_field, FeatureType.FLOAT, FeatureSource.INTERACTION, 1)

    def _batch(self, rows: torch.Tensor, negatives: list[torch.Tensor]) -> Interaction:
        """Return the batch of ``[B]`` interactions and of ``[B]`` negatives for each time."""
        batch = {name: column.index_select(0, rows) for name, column in self._columns.items()}
        if negatives and self._pairwise:
            if len(negatives) > 1:
                batch = {name: torch.cat([column] * len(negatives)) for name, column in batch.items()}
            items = negatives[0] if len(negatives) == 1 else torch.cat(negatives)
            further = {self._item_field: items, **_rows_of(self._item_columns, items)}
            self._join(batch)
            batch.update({self._prefix + name: column for name, column in further.items()})
            return Interaction(batch)
        if negatives:
            positives = len(rows)
            batch = {name: torch.cat([column] * (1 + len(negatives))) for name, column in batch.items()}
            batch[self._item_field][positives:] = torch.cat(negatives)
            labels = torch.zeros(positives * (1 + len(negatives)), device=self.device)
            labels[:positives] = 1.0
            batch[self._label_field] = labels
        self._join(batch)
        return Interaction(batch)

    def _join(self, batch: dict[str, torch.Tensor]) -> None:
        """Add the features of the batch's users and items."""
        batch.update(_rows_of(self._user_columns, batch[self._user_field]))
        batch.update(_rows_of(self._item_columns, batch[self._item_field]))


def _place(device: torch.device, dataset: Any) -> torch.device:
    """Return the model's device if the data set fits there well, else the CPU."""
    if device.type != "cuda":
        return torch.device("cpu")
    columns = dataset.inter_feat.interaction.values()
    size = sum(column.numel() * column.element_size() for column in columns)
    return device if size < DEVICE_SHARE * torch.cuda.mem_get_info(device)[0] else torch.device("cpu")


def _on(device: torch.device, table: Any) -> dict[str, torch.Tensor]:
    return {} if table is None else {name: column.to(device) for name, column in table.interaction.items()}


def _rows_of(columns: dict[str, torch.Tensor], rows: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: column.index_select(0, rows) for name, column in columns.items()}
