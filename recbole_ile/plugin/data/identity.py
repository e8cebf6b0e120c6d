"""Which users, items, interactions and split a model was trained on, so that a checkpoint meets no other unnoticed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import cat_interactions
from recbole.utils import FeatureType, ModelType

IDENTITY = "training_data"
"""The key of a checkpoint's state that says what the model was trained on."""
PER_BYTE = 4
"""Rows whose part of the split is kept in one byte."""


class DataIdentity:
    """The ids of a data set, a digest of its interactions, and the split.

    Attributes:
        ids: by the first field of each, the tokens of every vocabulary in the order of RecBole's ids, without padding.
        sizes: number of rows of the training, validation and test part.
        rows: digest of all user-item pairs, whatever their order.
        split: digest of the pairs with the part that each is in.
        codes: ``[N]`` uint8 the part of each row, rows sorted by user and item; ``None`` where rows are not single
            interactions, as those of a sequential data set.
    """

    def __init__(
        self, ids: dict[str, np.ndarray], sizes: tuple[int, ...], rows: str, split: str, codes: np.ndarray | None
    ) -> None:
        self.ids, self.sizes, self.rows, self.split, self.codes = ids, sizes, rows, split, codes

    @classmethod
    def of(cls, dataset: Any, parts: list[Any]) -> DataIdentity:
        """Return the identity of RecBole's data set and of the three parts that it is split into."""
        keys = pair_keys(parts)
        numbers = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part.inter_feat) for part in parts])
        ordered = np.sort(keys * PER_BYTE + numbers)
        return cls(
            vocabularies(dataset),
            tuple(len(part.inter_feat) for part in parts),
            _digest(ordered // PER_BYTE),
            _digest(ordered),
            None if _is_sequential(dataset) else (ordered % PER_BYTE).astype(np.uint8),
        )

    def state(self) -> dict[str, Any]:
        """Return it as texts, numbers and tensors, which a checkpoint may hold."""
        return {
            "ids": {field: _packed_tokens(tokens) for field, tokens in self.ids.items()},
            "sizes": list(self.sizes),
            "rows": self.rows,
            "split": self.split,
            "codes": None if self.codes is None else _packed_codes(self.codes),
        }

    @property
    def digest(self) -> str:
        """A name of the ids, the interactions and the split, the same for the same alone."""
        digest = hashlib.sha256(f"{self.sizes} {self.split}".encode())
        for field, tokens in self.ids.items():
            digest.update(f"{field} {tokens.dtype} {tokens.shape}".encode())
            digest.update(np.ascontiguousarray(tokens).view(np.uint8).data)
        return digest.hexdigest()

    @classmethod
    def from_state(cls, state: Any) -> DataIdentity:
        """Return what ``state`` was called of.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: if it was written by something else.
        """
        ids = {str(field): _unpacked_tokens(packed) for field, packed in state["ids"].items()}
        sizes = tuple(int(size) for size in state["sizes"])
        codes = None if state["codes"] is None else _unpacked_codes(state["codes"], sum(sizes))
        return cls(ids, sizes, str(state["rows"]), str(state["split"]), codes)


def vocabularies(dataset: Any) -> dict[str, np.ndarray]:
    """Return the tokens of every vocabulary of a data set as it was when RecBole numbered them, by its first field.

    RecBole puts the items of a knowledge graph before its entities, and further relations behind those of its file.
    """
    found: dict[str, np.ndarray] = {}
    seen: set[int] = set()
    for field, tokens in dataset.field2id_token.items():
        kind = dataset.field2type.get(field)
        if kind in (FeatureType.TOKEN, FeatureType.TOKEN_SEQ) and id(tokens) not in seen:
            seen.add(id(tokens))
            found[str(field)] = np.asarray(tokens[1:]).astype(str)
    if not hasattr(dataset, "item2entity"):
        return found
    unlinked = dataset.item_num - len(dataset.item2entity)
    for field in (dataset.head_entity_field, dataset.tail_entity_field, dataset.entity_field):
        if field in found:
            found[field] = found[field][unlinked - 1 :]
    if dataset.relation_field in found:
        relations = found[dataset.relation_field][:-1]
        found[dataset.relation_field] = relations[: len(relations) // 2] if dataset.kg_reverse_r else relations
    return found


def pair_keys(parts: list[Any]) -> np.ndarray:
    """Return ``[N]`` int64, a number for the user and item of each row of all parts, one part after the other."""
    first = parts[0]
    columns = [
        np.concatenate([part.inter_feat[field].numpy().astype(np.int64) for part in parts])
        for field in (first.uid_field, first.iid_field)
    ]
    return columns[0] * first.item_num + columns[1]


def parts_of(identity: DataIdentity, parts: list[Any]) -> list[Any] | None:
    """Split a data set as it was split for a training.

    Args:
        identity: of the training.
        parts: of the same data set, whose ids are those of the training, split in any way.

    Returns:
        The parts, or ``None`` if the interactions are others or the training's split is not known.
    """
    if identity.codes is None or _is_sequential(parts[0]):
        return None
    keys = pair_keys(parts)
    order = np.argsort(keys, kind="stable")
    if _digest(keys[order]) != identity.rows:
        return None
    numbers = np.empty(len(keys), dtype=np.uint8)
    numbers[order] = identity.codes
    whole = cat_interactions([part.inter_feat for part in parts])
    return [part.copy(whole[torch.from_numpy(np.nonzero(numbers == n)[0])]) for n, part in enumerate(parts)]


def _is_sequential(dataset: Any) -> bool:
    return dataset.config["MODEL_TYPE"] is ModelType.SEQUENTIAL


def _digest(numbers: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(numbers).data).hexdigest()


def _packed_tokens(tokens: np.ndarray) -> torch.Tensor:
    text = json.dumps(tokens.tolist(), ensure_ascii=False, separators=(",", ":"))
    return torch.frombuffer(bytearray(text.encode("utf-8", "surrogatepass")), dtype=torch.uint8)


def _unpacked_tokens(packed: torch.Tensor) -> np.ndarray:
    tokens = json.loads(packed.cpu().numpy().tobytes().decode("utf-8", "surrogatepass"))
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ValueError("its ids are no texts")
    return np.array(tokens, dtype=str)


def _packed_codes(codes: np.ndarray) -> torch.Tensor:
    padded = np.zeros(-(-len(codes) // PER_BYTE) * PER_BYTE, dtype=np.uint8)
    padded[: len(codes)] = codes
    quarters = padded.reshape(-1, PER_BYTE)
    return torch.from_numpy(quarters[:, 0] | quarters[:, 1] << 2 | quarters[:, 2] << 4 | quarters[:, 3] << 6)


def _unpacked_codes(packed: torch.Tensor, length: int) -> np.ndarray:
    quarters = packed.cpu().numpy()[:, None] >> np.arange(0, 8, 2, dtype=np.uint8) & 3
    codes = quarters.reshape(-1)[:length]
    if len(codes) != length:
        raise ValueError("its split has fewer rows than its parts")
    return codes
