"""Epochs whose optimiser walks the rows of embeddings that a batch looked up, where a training allows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from recbole_ile.plugin.training.finite_loss import looks_at_no_batch
from recbole_ile.plugin.training.rowwise_adam import RowwiseAdam, find_tables, has_plain_adam


@contextlib.contextmanager
def stepping_by_rows(trainer: Any, loss_func: Callable[[Any], Any]) -> Iterator[Callable[[Any], Any]]:
    """Within this context, train an epoch with the loss function that is given back.

    Tables are read within the loss function alone. All of its operations are seen, so that its first batch shows which
    tables it only looks up; the others have the steps of ``torch.optim.Adam``. This begins anew with each epoch, so
    that a continued training takes the steps of an uninterrupted one.

    Args:
        trainer: in whose epochs nothing but the loss function reads parameters.
        loss_func: of a batch.
    """
    given = trainer.optimizer
    size = int(trainer.config["train_batch_size"])
    tables = find_tables(trainer.model, given, size) if _supports(trainer) else []
    if not tables:
        yield loss_func
        return
    optimizer = RowwiseAdam(given, tables)

    def watched_loss(batch: Any) -> Any:
        with optimizer.look_ups():
            return loss_func(batch)

    trainer.optimizer = optimizer
    try:
        yield watched_loss
    finally:
        trainer.optimizer = given
        optimizer.close()


def _supports(trainer: Any) -> bool:
    """Tell whether an epoch of a trainer may have steps that wait."""
    config = trainer.config
    return (
        bool(config["fast_loader"])
        and bool(config["single_spec"])
        and trainer.device.type == "cpu"
        and not trainer.clip_grad_norm
        and not trainer.enable_amp
        and not (config["train_neg_sample_args"] or {}).get("dynamic")
        and trainer.optimizer is trainer.own_optimizer
        and has_plain_adam(trainer.optimizer)
        and all(map(looks_at_no_batch, trainer.behaviours))
    )
