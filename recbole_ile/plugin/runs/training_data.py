"""Bring the data set of now into the order of ids and the split of the data set that a model was trained on."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from recbole.utils import ModelType

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.behaviour_states import states_of
from recbole_ile.plugin.data.identity import IDENTITY, DataIdentity, parts_of, vocabularies
from recbole_ile.plugin.data.split_data import split_already

NAMED = 3
"""Missing or new ids that a line names."""


class TrainedOn(NamedTuple):
    """What a checkpoint says of its data.

    Attributes:
        checkpoint: its path.
        identity: of its data set, ``None`` if it was written by stock RecBole or before version 0.2.
        needs_split: whether what follows means nothing on another split: an evaluation, or more training.
    """

    checkpoint: str
    identity: DataIdentity | None
    needs_split: bool


def trained_on(stored: dict[str, Any], checkpoint: str | Path, needs_split: bool) -> TrainedOn:
    """Return what a checkpoint says of its data.

    Args:
        stored: its content.
        checkpoint: its path.
        needs_split: as in ``TrainedOn``.

    Raises:
        InputError: if that is damaged.
    """
    state = states_of(stored).get(IDENTITY)
    if state is None:
        return TrainedOn(str(checkpoint), None, needs_split)
    try:
        return TrainedOn(str(checkpoint), DataIdentity.from_state(state), needs_split)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"checkpoint {checkpoint} is damaged: what it says of its data cannot be read: {error}") from (
            error
        )


def match(known: TrainedOn, config: Any, dataset: Any, read: Callable[[Any], Any]) -> Any:
    """Return the data set of now with the ids of a training, split as for it, or say in one line why not.

    What the training did not know is left out, and counted, and what is gone is kept without interactions.

    Args:
        known: what the checkpoint says.
        config: the configuration.
        dataset: RecBole's data set as it is read now.
        read: reads it once more, with the configuration that it is given.

    Returns:
        A data set whose ``build()`` returns the three parts.

    Raises:
        InputError: if the model cannot do without what is missing, or needs the split of its training and the
            interactions are others.
    """
    identity, logger = known.identity, logging.getLogger()
    if identity is None:
        logger.warning(
            f"checkpoint {known.checkpoint} does not say which users, items and split it was trained on: it is taken "
            "for one of the data as they are now"
        )
        return dataset
    differences = _differences(identity, vocabularies(dataset), dataset)
    if differences is not None:
        _check_differences(differences, known, config, dataset)
        ordered = copy.copy(config)
        ordered.training_ids = identity.ids
        dataset = read(ordered)
        dataset.config = config
        if _differences(identity, vocabularies(dataset), dataset) is not None:
            raise InputError(
                f"checkpoint {known.checkpoint}: the ids of dataset {config['dataset']} cannot be brought into the "
                "order of the training, for its features are others now"
            )
    parts = dataset.build()
    now = DataIdentity.of(dataset, parts)
    if now.split != identity.split:
        split = parts_of(identity, parts)
        if split is None:
            told = _of_split(identity, now)
            if known.needs_split:
                raise InputError(
                    f"checkpoint {known.checkpoint} cannot be evaluated or continued on dataset {config['dataset']}: "
                    f"{told}, and what was trained on could be in the test part now"
                )
            logger.warning(f"checkpoint {known.checkpoint}: {told}")
        else:
            logger.info(f"dataset {config['dataset']} is split as for {known.checkpoint}; its rows have another order")
            parts = split
    return split_already(dataset, parts)


class _Differences(NamedTuple):
    """By field the tokens that are gone and those that are new; both empty if the order alone is another."""

    gone: dict[str, np.ndarray]
    new: dict[str, np.ndarray]


def _differences(identity: DataIdentity, now: dict[str, np.ndarray], dataset: Any) -> _Differences | None:
    """Compare the vocabularies of a training with those of now; ``None`` if all are the same."""
    fields = [field for field in identity.ids if field in now or field in (dataset.uid_field, dataset.iid_field)]
    if all(np.array_equal(identity.ids[field], now[field]) for field in fields):
        return None
    gone = {field: _without(identity.ids[field], now[field]) for field in fields}
    new = {field: _without(now[field], identity.ids[field]) for field in fields}
    return _Differences(gone, new)


def _without(tokens: np.ndarray, others: np.ndarray) -> np.ndarray:
    return tokens[~np.isin(tokens, others)]


def _check_differences(found: _Differences, known: TrainedOn, config: Any, dataset: Any) -> None:
    """Count in one line what is gone and what is new, or refuse it.

    Raises:
        InputError: if the model cannot do without.
    """
    assert known.identity is not None
    told = []
    for field, kind in ((dataset.uid_field, "users"), (dataset.iid_field, "items")):
        gone, new = found.gone[field], found.new[field]
        if len(gone) == len(known.identity.ids[field]):
            raise InputError(
                f"checkpoint {known.checkpoint} was trained on other {kind}: none of its {len(gone)} is in dataset "
                f"{config['dataset']} in {config['data_path']}"
            )
        told += [f"{len(new)} {kind} are new and left out ({_named(new)})"] if len(new) else []
        told += [f"{len(gone)} {kind} are gone ({_named(gone)})"] if len(gone) else []
    further = [field for field in found.gone if field not in (dataset.uid_field, dataset.iid_field)]
    told += [f"{len(found.new[field])} values of {field} are new" for field in further if len(found.new[field])]
    if not told:
        return
    line = f"dataset {config['dataset']} is not the one that {known.checkpoint} was trained on: {', '.join(told)}"
    reason = _why_not_without(found, config, dataset)
    if reason:
        raise InputError(f"{line}; {config['model']} cannot do without, for {reason}")
    logging.getLogger().warning(line)


def _why_not_without(found: _Differences, config: Any, dataset: Any) -> str | None:
    if config["MODEL_TYPE"] is ModelType.KNOWLEDGE:
        return "it numbers items and entities of its knowledge graph together"
    tables = ((dataset.uid_field, dataset.user_feat), (dataset.iid_field, dataset.item_feat))
    featured = config["MODEL_TYPE"] is ModelType.CONTEXT or config["selected_features"]
    if featured and any(table is not None and len(found.gone[field]) for field, table in tables):
        return "it scores by features, which what is gone has not"
    return None


def _named(tokens: np.ndarray) -> str:
    return ", ".join(tokens[:NAMED].tolist()) + (", ..." if len(tokens) > NAMED else "")


def _of_split(identity: DataIdentity, now: DataIdentity) -> str:
    if identity.rows == now.rows:
        return "its rows are split otherwise now, because RecBole's split follows their order, which is another one"
    then, here = sum(identity.sizes), sum(now.sizes)
    return f"its interactions are not those of the training ({then} then, {here} now), so that it is split anew"
