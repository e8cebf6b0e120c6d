"""Where the scores of items enter a model's loss, and how each gains its item's shift there."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from recbole_ile.errors import InputError
from recbole_ile.functional.logit_adjustment import shift_probabilities
from recbole_ile.plugin.losses.interaction_losses import LossesNotSeenError
from recbole_ile.plugin.losses.observers import loss_module
from recbole_ile.plugin.losses.score_pairs import INLINE as INLINE_PAIRS
from recbole_ile.plugin.losses.score_pairs import FirstCall, InlinePairs, check_one_each

ROWS = frozenset((F.log_softmax, F.cross_entropy, F.binary_cross_entropy_with_logits))
LOG_PROBABILITIES = frozenset((F.nll_loss,))
INLINE = {
    "BERT4Rec": ROWS,
    "CDAE": ROWS,
    "LDiffRec": ROWS,
    "MacridVAE": ROWS,
    "MultiDAE": ROWS,
    "MultiVAE": ROWS,
    "RaCT": ROWS,
    "RecVAE": ROWS,
    "RepeatNet": LOG_PROBABILITIES,
}
"""The functions of torch that take the scores, of the models that compute their loss inline."""
MODULES = {"KGNNLS": "bce_loss", "MKR": "sigmoid_BCE", "S3Rec": "loss_fct"}
"""The attribute that holds the loss module which takes the scores, of adapted models that have one."""
LOSS_TYPES = {"BERT4Rec": "CE", "CDAE": "BCE"}
"""The one ``loss_type`` under which a model's scores are logits that can be seen."""
STAGES = {"RaCT": "actor_pretrain", "S3Rec": "finetune"}
"""The ``train_stage`` that has losses of items, of the models that train in stages."""


class Shifts:
    """What the score of each item gains, by RecBole's item ids.

    Args:
        by_item: ``[I]`` float shifts, padding first.
        item: name of the batch's column of items.
        negative: name of its column of sampled items.
    """

    def __init__(self, by_item: torch.Tensor, item: str, negative: str) -> None:
        self.by_item, self.item, self.negative = by_item, item, negative

    def rows(self, scores: torch.Tensor) -> torch.Tensor:
        """Return ``[..., I]`` scores of all items with their shifts; tokens beyond the items get that of padding.

        Raises:
            LossesNotSeenError: if there are fewer scores than items.
        """
        tokens = scores.shape[-1] - len(self.by_item)
        if tokens < 0:
            raise LossesNotSeenError(f"expected scores of {len(self.by_item)} items, got {tuple(scores.shape)}")
        shifts = self._on(scores)
        return scores + (torch.cat([shifts, shifts[:1].expand(tokens)]) if tokens else shifts)

    def entries(self, scores: torch.Tensor, interaction: Any) -> torch.Tensor:
        """Return what the scores of a batch gain: ``B`` of its items, or ``2 B`` of its items and sampled ones.

        Raises:
            LossesNotSeenError: for any other number of scores.
        """
        items = interaction[self.item]
        if scores.numel() == 2 * len(items):
            items = torch.cat([items, interaction[self.negative]])
        elif scores.numel() != len(items):
            raise LossesNotSeenError(f"expected scores of {len(items)} interactions, got {tuple(scores.shape)}")
        return self._on(scores).index_select(0, items).reshape(scores.shape)

    def pair(
        self, observed: torch.Tensor, sampled: torch.Tensor, interaction: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores of a batch's ``B`` items and of the sampled ones, in any shape, with their shifts.

        Raises:
            LossesNotSeenError: if there is not one of each for an interaction.
        """
        columns = ((observed, interaction[self.item]), (sampled, interaction[self.negative]))
        one, other = (
            scores + self._on(scores).index_select(0, check_one_each(scores, items)).reshape(scores.shape)
            for scores, items in columns
        )
        return one, other

    def _on(self, scores: torch.Tensor) -> torch.Tensor:
        if self.by_item.device != scores.device:
            self.by_item = self.by_item.to(scores.device)
        return self.by_item.to(scores.dtype)


class ModuleShift(FirstCall):
    """Shifts the scores that a loss module takes."""

    def __init__(self, module: nn.Module, shifts: Shifts) -> None:
        super().__init__(module)
        self.shifts = shifts

    def change(self, module: nn.Module, arguments: tuple[Any, ...], interaction: Any) -> tuple[Any, ...]:
        """Return the scores with their shifts, and what the module takes besides."""
        scores, *others = arguments
        if isinstance(module, nn.CrossEntropyLoss):
            classes = scores.shape[-1] == 2 < len(self.shifts.by_item)
            shifted = self._of_classes(scores, interaction) if classes else self.shifts.rows(scores)
        elif isinstance(module, nn.NLLLoss):
            shifted = F.log_softmax(self.shifts.rows(scores), dim=-1)
        elif isinstance(module, nn.BCELoss):
            shifted = shift_probabilities(scores, self.shifts.entries(scores, interaction))
        elif isinstance(module, nn.BCEWithLogitsLoss):
            shifted = scores + self.shifts.entries(scores, interaction)
        else:
            sampled, *others = others
            return *self.shifts.pair(scores, sampled, interaction), *others
        return shifted, *others

    def _of_classes(self, scores: torch.Tensor, interaction: Any) -> torch.Tensor:
        """Shift the second of two classes, that of an interaction."""
        gained = self.shifts.entries(scores[:, 1], interaction)
        return scores + torch.stack([torch.zeros_like(gained), gained], dim=1)


class InlineShift(TorchFunctionMode):
    """While active, shifts the scores that some functions of torch take."""

    def __init__(self, functions: frozenset[Any], shifts: Shifts) -> None:
        super().__init__()
        self.functions, self.shifts = functions, shifts

    def __call__(self, interaction: Any) -> InlineShift:
        """Be ready for a batch, of which all items are scored."""
        return self

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, of shifted scores if it takes scores."""
        if func in self.functions:
            scores, *others = args
            args = (self._shifted(func, scores), *others)
        return func(*args, **(kwargs or {}))

    def _shifted(self, func: Any, scores: torch.Tensor) -> torch.Tensor:
        if func in LOG_PROBABILITIES:
            return F.log_softmax(self.shifts.rows(scores), dim=-1)
        return self.shifts.rows(scores)


@runtime_checkable
class ShiftsScores(Protocol):
    """A model that adds to the score of each item in training what it is given."""

    item_shifts: torch.Tensor | None


class ModelShift:
    """Lets a model that scores in methods of its own shift them itself, through its ``item_shifts``."""

    def __init__(self, model: Any, shifts: Shifts) -> None:
        self._model, self._shifts = model, shifts

    def __call__(self, interaction: Any) -> ModelShift:
        """Take the batch that the next calls are of."""
        return self

    def __enter__(self) -> None:
        """Give the model its shifts."""
        self._model.item_shifts = self._shifts.by_item = self._shifts.by_item.to(self._model.device)

    def __exit__(self, *error: object) -> None:
        """Take them back."""
        self._model.item_shifts = None


def find_shift(model: Any, base: str, by_item: torch.Tensor, config: Any) -> Any:
    """Return what shifts the scores in a model's loss, as a function of the batch that returns a context.

    Args:
        model: a model of RecBole, or one composed from it.
        base: the name of RecBole's model.
        by_item: ``[I]`` what the score of each item gains, padding first.
        config: the model's configuration.

    Returns:
        It, or ``None`` in a stage of training that has no losses of items.

    Raises:
        InputError: if the model's scores are no logits, or are not to be seen.
    """
    wanted = LOSS_TYPES.get(base)
    if wanted and config["loss_type"] != wanted:
        raise InputError(f"option loss_type={config['loss_type']!r} of {base} does not go with LA; it takes {wanted}")
    if base in STAGES and model.train_stage != STAGES[base]:
        return None
    item = config["ITEM_ID_FIELD"]
    shifts = Shifts(by_item, item, config["NEG_PREFIX"] + item)
    if isinstance(model, ShiftsScores):
        return ModelShift(model, shifts)
    if base in INLINE_PAIRS:
        return InlinePairs(shifts)
    if base in INLINE:
        return InlineShift(INLINE[base], shifts)
    module = getattr(model, MODULES[base]) if base in MODULES else loss_module(model, base)
    if module is None:
        raise InputError(f"{config['model']}: {base} shows no scores in its loss")
    return ModuleShift(module, shifts)
