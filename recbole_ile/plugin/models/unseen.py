"""Which models score users whom training did not know by what these have used, and how each is told it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from recbole.utils import ModelType
from scipy.sparse import csr_matrix

from recbole_ile.errors import InputError
from recbole_ile.plugin.evaluation.evaluator import RanksItself
from recbole_ile.plugin.models.ials import IALS

Take = Callable[[Any, csr_matrix], None]


def take_users(model: Any, base: str, histories: csr_matrix) -> None:
    """Have a model, and all members of an ensemble, know other users than those of its training.

    Its mitigations in ranking take the profiles of these users.

    Args:
        model: trained, of a base that ``check_unseen`` lets pass.
        base: name of what is trained, without mitigations.
        histories: ``[B + 1, n + 1]`` float64 counts of each user and item, padding included.
    """
    for member in (model, *getattr(model, "members", ())):
        if base in _TAKES:
            _TAKES[base](member, histories)
    if isinstance(model, RanksItself):
        model.take_users(histories)


def check_unseen(config: Any) -> None:
    """Refuse a model that knows none but the users of its training.

    Raises:
        InputError: names the models that know others.
    """
    base = config.name.base
    if base not in _TAKES and config["MODEL_TYPE"] is not ModelType.SEQUENTIAL:
        raise InputError(
            f"option history: {base} learns of each user in training and cannot score others; {', '.join(_TAKES)} and "
            "sequential models can"
        )
    if base == "DiffRec" and config["time-aware"]:
        raise InputError("option history: DiffRec with time-aware=True weighs by time, of which a history has none")


def _rows_of_matrix(model: Any, histories: csr_matrix) -> None:
    """Give the rows that are multiplied with the similarities of items."""
    model.interaction_matrix = histories.astype(model.interaction_matrix.dtype)


def _rows_of_predictions(model: Any, histories: csr_matrix) -> None:
    """Give the products of rows and similarities, which ItemKNN keeps instead of them."""
    model.pred_mat = histories.astype(model.interaction_matrix.dtype) @ model.w


def _lists_of_items(model: Any, histories: csr_matrix) -> None:
    """Give ``[B + 1, L]`` items of each user and what each counts, 0 for no more, as autoencoders read them."""
    lengths = np.diff(histories.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(rows)) - histories.indptr[:-1][rows]
    items = np.zeros((len(lengths), int(lengths.max())), dtype=np.int64)
    items[rows, places] = histories.indices
    model.history_item_id = torch.from_numpy(items).to(model.device)
    model.history_item_value = (model.history_item_id > 0).to(model.history_item_value.dtype)


def _nothing(model: Any, histories: csr_matrix) -> None:
    """Give nothing: every user has the same scores."""


_TAKES: dict[str, Take] = {
    **dict.fromkeys(("EASE", "SLIMElastic"), _rows_of_matrix),
    "ItemKNN": _rows_of_predictions,
    **dict.fromkeys(("MultiVAE", "MultiDAE", "MacridVAE", "RecVAE", "RaCT", "DiffRec", "LDiffRec"), _lists_of_items),
    "IALS": IALS.solve_users,
    "Pop": _nothing,
}
