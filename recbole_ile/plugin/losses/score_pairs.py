"""Where the scores of an observed and a sampled item enter a model's loss side by side, and what each becomes there."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from recbole_ile.errors import InputError
from recbole_ile.functional.deconfounding import deconfounded
from recbole_ile.plugin.losses.interaction_losses import LossesNotSeenError
from recbole_ile.plugin.losses.observers import loss_module

INLINE = frozenset(("SGL",))
"""The models that subtract the scores of pairs themselves; the others hand both to a loss module."""
LOSS_TYPES = {"MCCLK": "BPR"}
"""The one ``loss_type`` under which a model's loss is one of pairs, of the models that have others."""
_DIFFERENCES = frozenset((torch.sub, torch.Tensor.sub, torch.Tensor.__sub__))

Scores = tuple[torch.Tensor, torch.Tensor]


class PairChange(Protocol):
    """What becomes of the scores of pairs."""

    def pair(self, observed: torch.Tensor, sampled: torch.Tensor, interaction: Any) -> Scores:
        """Return ``B`` scores of observed items and ``B`` of sampled ones, in any shape, as they enter the loss."""


class PairFactors:
    """Scores as those of deconfounding: made positive, and multiplied by a factor of their item.

    Args:
        by_item: ``[I]`` float factors, padding first.
        item: name of the batch's column of items.
        negative: name of its column of sampled items.
    """

    def __init__(self, by_item: torch.Tensor, item: str, negative: str) -> None:
        self.by_item, self.item, self.negative = by_item, item, negative

    def pair(self, observed: torch.Tensor, sampled: torch.Tensor, interaction: Any) -> Scores:
        """Return the scores of pairs, deconfounded.

        Raises:
            LossesNotSeenError: if there is not one of each for an interaction.
        """
        return (
            deconfounded(observed, self._factors(observed, interaction[self.item])),
            deconfounded(sampled, self._factors(sampled, interaction[self.negative])),
        )

    def _factors(self, scores: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        if self.by_item.device != scores.device:
            self.by_item = self.by_item.to(scores.device)
        return self.by_item.to(scores.dtype).index_select(0, check_one_each(scores, items)).reshape(scores.shape)


class FirstCall:
    """While entered, changes what a loss module takes in its first call of a batch.

    Further calls are of something else: triplets of a graph, or labels that it smooths.
    """

    def __init__(self, module: nn.Module) -> None:
        self._interaction: Any = None
        module.register_forward_pre_hook(self._changed)

    def __call__(self, interaction: Any) -> FirstCall:
        """Take the batch that the next calls are of."""
        self._interaction = interaction
        return self

    def __enter__(self) -> None:
        """Do nothing: the batch is known."""

    def __exit__(self, *error: object) -> None:
        """Forget the batch."""
        self._interaction = None

    def change(self, module: nn.Module, arguments: tuple[Any, ...], interaction: Any) -> tuple[Any, ...]:
        """Return what the module takes in place of its arguments."""
        raise NotImplementedError

    def _changed(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self._interaction is None:
            return None
        interaction, self._interaction = self._interaction, None
        return self.change(module, arguments, interaction)


class ModulePairs(FirstCall):
    """Changes the scores of pairs that a loss module takes."""

    def __init__(self, module: nn.Module, pair_change: PairChange) -> None:
        super().__init__(module)
        self.pair_change = pair_change

    def change(self, module: nn.Module, arguments: tuple[Any, ...], interaction: Any) -> tuple[Any, ...]:
        """Return both scores as they become."""
        observed, sampled, *others = arguments
        return *self.pair_change.pair(observed, sampled, interaction), *others


class InlinePairs(TorchFunctionMode):
    """While active, changes the scores of a batch where a model first subtracts two vectors of them."""

    def __init__(self, pair_change: PairChange) -> None:
        super().__init__()
        self.pair_change = pair_change
        self._interaction: Any = None

    def __call__(self, interaction: Any) -> InlinePairs:
        """Take the batch that the next difference is of."""
        self._interaction = interaction
        return self

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, of changed scores if it is the difference of those of pairs."""
        if func in _DIFFERENCES and self._interaction is not None and all(map(self._one_each, args)):
            interaction, self._interaction = self._interaction, None
            observed, sampled = args
            args = self.pair_change.pair(observed, sampled, interaction)
        return func(*args, **(kwargs or {}))

    def _one_each(self, operand: Any) -> bool:
        return isinstance(operand, torch.Tensor) and operand.shape == (len(self._interaction),)


def find_pair_change(model: Any, base: str, pair_change: PairChange, config: Any) -> FirstCall | InlinePairs:
    """Return what changes the scores of pairs in a model's loss, as a function of the batch that returns a context.

    Args:
        model: a model of RecBole that is trained on pairs, or one composed from it.
        base: the name of RecBole's model.
        pair_change: what becomes of the scores.
        config: the model's configuration.

    Raises:
        InputError: if the scores are not to be seen.
    """
    if base in INLINE:
        return InlinePairs(pair_change)
    module = loss_module(model, base)
    if module is None:
        raise InputError(f"{config['model']}: {base} shows no scores in its loss")
    return ModulePairs(module, pair_change)


def check_pairs(base: str, config: Any, suffix: str) -> None:
    """Refuse a mitigation of losses of pairs where options choose another loss.

    Raises:
        InputError: names the option.
    """
    wanted = LOSS_TYPES.get(base)
    if wanted and str(config["loss_type"]).upper() != wanted:
        raise InputError(
            f"option loss_type={config['loss_type']!r} of {base} does not go with {suffix}; it takes {wanted}"
        )


def check_one_each(scores: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """Return the items of the scores of pairs.

    Raises:
        LossesNotSeenError: if there is not one score for each.
    """
    if scores.numel() != len(items):
        raise LossesNotSeenError(f"expected scores of {len(items)} pairs, got {tuple(scores.shape)}")
    return items
