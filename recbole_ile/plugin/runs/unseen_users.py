"""Recommendation lists for users whom training did not know, from a table of what they have used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole.utils import ModelType

from recbole_ile.errors import InputError
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.histories import Histories, read_histories
from recbole_ile.plugin.evaluation.predictions import all_scores
from recbole_ile.plugin.models.unseen import check_unseen, take_users
from recbole_ile.plugin.runs.recommendation import Recommender, parts_of
from recbole_ile.plugin.runs.restoring import restore


def recommender_of_histories(
    config: IleConfig,
    stored: dict[str, Any],
    checkpoint: str | Path,
    k: int,
    path: str | Path,
    reprice: bool = False,
) -> tuple[Recommender, Any, Histories]:
    """Return the recommender of a checkpoint for the users of a table, and the data set whose ids it speaks of.

    A user's list is that of a known user whose training part is the history: the history is the profile by which
    mitigations in ranking choose. Prices are those that the users of the training led to.

    Args:
        config: from ``reevaluation_config``; it is set to ``fast_loader``, as nothing is trained.
        stored: the content of the checkpoint.
        checkpoint: its path.
        k: length of the lists.
        path: of the table, with a row for each interaction; of a sequential model the order of rows is that of time.
        reprice: whether what the ranking learned is learned again, from the training interactions of now.

    Raises:
        InputError: if the model scores by what only its training can tell of a user, or the table cannot be used.
    """
    config["fast_loader"] = True
    check_unseen(config)
    run = restore(config, stored, checkpoint, needs_split=False, anew=reprice)
    known = parts_of(run.data)[0]
    histories = read_histories(path, known)
    take_users(run.model, config.name.base, histories.matrix(known.item_num))
    parts = histories.parts(known)
    if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
        _check_sequences(config, run.model, parts[-1])
    return Recommender(run.trainer, parts, k), parts[-1], histories


def _check_sequences(config: IleConfig, model: Any, test: Any) -> None:
    """Have a sequential model score a row by its items alone.

    Raises:
        InputError: if it asks for more, the user for instance.
    """
    row = test.inter_feat[:1]
    del row.interaction[test.uid_field]
    try:
        all_scores(model.eval(), row.to(config["device"]), test.get_item_feature(), test.item_num)
    except KeyError as error:
        raise InputError(
            f"option history: {config.name.base} scores by {error.args[0]} too, which a history does not tell"
        ) from error
