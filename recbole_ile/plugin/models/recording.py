"""Keep the loss of each interaction where RecBole's loss modules average them."""

from __future__ import annotations

import torch
from recbole.model.loss import BPRLoss
from torch import nn


class RecordedBPRLoss(BPRLoss):
    """``BPRLoss`` that returns what it always did and keeps the ``[B]`` values it averaged."""

    values: list[torch.Tensor]

    def forward(self, pos_score: torch.Tensor, neg_score: torch.Tensor) -> torch.Tensor:
        """Return the mean of ``-log(gamma + sigmoid(positive - negative))`` over ``[B]`` interactions."""
        losses = -torch.log(self.gamma + torch.sigmoid(pos_score - neg_score))
        if len(self.values) < 2:  # a second call shows that the first was not the only one; more say no more
            self.values.append(losses)
        return losses.mean()


RECORDED: dict[type[nn.Module], type[nn.Module]] = {BPRLoss: RecordedBPRLoss}
"""The recording class of each loss module of RecBole that can be recorded."""


def record_loss(model: nn.Module) -> list[torch.Tensor] | None:
    """Make the model's one interaction loss record itself.

    The module keeps its identity, its state and its result; ``stop_recording`` undoes it.

    Returns:
        The list to which the first two calls of the loss append their ``[B]`` values, until it is
        cleared; ``None`` if the model has no such module, or several.
    """
    modules = _with_type(model, RECORDED)
    if len(modules) != 1:
        return None
    values: list[torch.Tensor] = []
    modules[0].__class__ = RECORDED[type(modules[0])]
    vars(modules[0])["values"] = values
    return values


def stop_recording(model: nn.Module) -> None:
    """Give the model's loss modules back the class that they had before ``record_loss``."""
    original = {recorded: plain for plain, recorded in RECORDED.items()}
    for loss in _with_type(model, original):
        loss.__class__ = original[type(loss)]
        del vars(loss)["values"]


def _with_type(model: nn.Module, types: dict[type[nn.Module], type[nn.Module]]) -> list[nn.Module]:
    return [module for module in model.modules() if type(module) in types]
