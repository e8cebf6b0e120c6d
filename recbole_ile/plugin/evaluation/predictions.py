"""What a model predicts for pairs of a user and an item, one number for each, whatever the shape it comes in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


def flat(predicted: torch.Tensor) -> torch.Tensor:
    """Return ``[B]`` predictions of ``[B]`` or, as KD_DAGFM has them, ``[B, 1]``."""
    return predicted.squeeze(1) if predicted.ndim == 2 and predicted.shape[1] == 1 else predicted


@contextlib.contextmanager
def flat_predictions(model: Any) -> Iterator[None]:
    """Have ``model.predict`` return ``[B]`` predictions within this context."""
    predict, own = model.predict, "predict" in vars(model)
    model.predict = lambda interaction: flat(predict(interaction))
    try:
        yield
    finally:
        del model.predict
        if own:
            model.predict = predict


def all_scores(model: Any, interaction: Any, items: Any, n_items: int) -> torch.Tensor:
    """Return the ``[B, n + 1]`` scores of a batch, pair by pair where RecBole's model scores no other way.

    Args:
        model: of RecBole.
        interaction: ``B`` users, or sequences, as ``full_sort_predict`` takes them.
        items: features of all items, as ``dataset.get_item_feature()`` returns them.
        n_items: ``n + 1``, padding included.
    """
    try:
        return model.full_sort_predict(interaction).view(-1, n_items)
    except NotImplementedError:
        features = items.to(model.device)
        scores = []
        for user in range(len(interaction)):
            pairs = interaction[user : user + 1].repeat(n_items)
            pairs.update(features)
            scores.append(flat(model.predict(pairs)))
        return torch.stack(scores).view(-1, n_items)
