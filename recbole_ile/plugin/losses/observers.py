"""Where a model's losses of single interactions are to be seen: its own adapter, or its main loss module."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from recbole.model.loss import BPRLoss, EmbLoss, EmbMarginLoss, RegLoss
from torch import nn
from torch.nn.modules.loss import _Loss

from recbole_ile.plugin.losses.interaction_losses import Fields, InteractionLosses, LossesNotSeenError, one_each
from recbole_ile.plugin.losses.reductions import Reductions

MAIN_LOSS = {
    "CKE": "rec_loss",
    "FEARec": "loss_fct",
    "KTUP": "rec_loss",
    "MCCLK": "rec_loss",
    "RippleNet": "loss",
}
"""The attribute that holds the loss of interactions, of models with several loss modules."""

REGULARIZERS = (EmbLoss, EmbMarginLoss, RegLoss)


class LossObserver(Protocol):
    """Shows the losses of the batch that a model has just computed."""

    def start(self, model: Any) -> None:
        """Forget whatever was seen before."""

    def interaction_losses(self, model: Any, interaction: Any) -> InteractionLosses | None:
        """Return the losses of the batch, ``None`` in a phase of training that has none.

        Raises:
            LossesNotSeenError: if they are not one for each interaction.
        """

    def stop(self) -> None:
        """Leave the model as it was."""


@runtime_checkable
class ShowsInteractionLosses(Protocol):
    """A model that tells the losses of its batches itself, as the adapters of ``models/adapters`` do."""

    def start_batch(self) -> None:
        """Forget what was seen of the batches before."""

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the losses of the batch that was just computed, as ``LossObserver`` does."""


class AdapterObserver:
    """The losses that a model tells itself."""

    def start(self, model: ShowsInteractionLosses) -> None:
        """Let the adapter begin a batch."""
        model.start_batch()

    def interaction_losses(self, model: ShowsInteractionLosses, interaction: Any) -> InteractionLosses | None:
        """Return what the adapter tells."""
        return model.interaction_losses(interaction)

    def stop(self) -> None:
        """Do nothing: an adapter keeps nothing beyond a batch."""


class ModuleObserver:
    """The losses that one loss module averages.

    Raises:
        LossesNotSeenError: in a batch, if the module was not called exactly once, or not for each interaction.
    """

    def __init__(self, module: nn.Module, fields: Fields) -> None:
        self.module, self.fields = module, fields
        self.reductions = listen(module)

    def start(self, model: Any) -> None:
        """Forget the calls so far."""
        self.reductions.take()

    def interaction_losses(self, model: Any, interaction: Any) -> InteractionLosses | None:
        """Return the losses of the module's one call."""
        kept = self.reductions.take()
        if len(kept) != 1:
            raise LossesNotSeenError(
                f"expected one loss of each of {len(interaction)} interactions, "
                f"the model computed {[tuple(each.values.shape) for each in kept]}"
            )
        return one_each(kept[0].values, kept[0].scale, interaction, self.fields)

    def stop(self) -> None:
        """Give the module its own class back."""
        stop_listening(self.module)


def find_loss_observer(model: nn.Module, base: str, config: Any) -> LossObserver | None:
    """Return where the losses of a model's interactions can be seen, ``None`` if nowhere.

    Args:
        model: a model of RecBole, or one composed from it.
        base: the name of RecBole's model.
        config: its configuration.
    """
    if isinstance(model, ShowsInteractionLosses):
        return AdapterObserver()
    module = loss_module(model, base)
    return None if module is None else ModuleObserver(module, Fields.of(config, model))


def loss_module(model: nn.Module, base: str) -> nn.Module | None:
    """Return the module that computes the loss of a model's interactions, ``None`` if there is none."""
    return getattr(model, MAIN_LOSS[base], None) if base in MAIN_LOSS else _only_loss(model)


def listen(loss: nn.Module) -> Reductions:
    """Keep from now on what a loss module reduces; it returns what it always did."""
    plain = type(loss)
    reductions = Reductions()
    loss.__class__ = type(plain.__name__, (_Listened, plain), {"__module__": __name__, "plain": plain})
    vars(loss)["reductions"] = reductions
    return reductions


def plain_class(loss: nn.Module) -> type[nn.Module]:
    """Return the class that a loss module has, or had before it was listened to."""
    return vars(type(loss)).get("plain", type(loss))


def stop_listening(loss: nn.Module) -> None:
    """Undo ``listen``."""
    loss.__class__ = vars(type(loss))["plain"]
    del vars(loss)["reductions"]


class _Listened(nn.Module):
    plain: Any
    reductions: Reductions

    def forward(self, *arguments: torch.Tensor, **keywords: torch.Tensor) -> torch.Tensor:
        with self.reductions:
            return super().forward(*arguments, **keywords)

    def __reduce__(self) -> Any:
        return _relisten, (self.plain, vars(self))


def _relisten(plain: type[nn.Module], state: dict[str, Any]) -> nn.Module:
    loss = plain.__new__(plain)
    loss.__dict__.update(state)
    loss.__class__ = type(plain.__name__, (_Listened, plain), {"__module__": __name__, "plain": plain})
    return loss


def _only_loss(model: nn.Module) -> nn.Module | None:
    """Return the model's one module that computes a loss, called ``...Loss`` or being one of torch's."""
    found = [
        module
        for module in model.children()
        if not isinstance(module, REGULARIZERS)
        and (isinstance(module, _Loss | BPRLoss) or type(module).__name__.endswith("Loss"))
    ]
    return found[0] if len(found) == 1 else None
