"""See the losses of single interactions where a model or a loss module reduces them to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode


class Kept(NamedTuple):
    """What a reduction reduced.

    Attributes:
        values: of any shape; differentiable.
        scale: the result is ``scale * values.sum()``.
        target: the second argument of a loss function of torch, of the shape of ``values`` or of classes.
    """

    values: torch.Tensor
    scale: float
    target: torch.Tensor | None = None


class Reductions(TorchFunctionMode):
    """While active, keeps what ``sum``, ``mean`` and torch's loss functions reduce to one number.

    Every call returns, to the last bit, what it returns elsewhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Kept] = []
        self._last: torch.Tensor | None = None

    def take(self) -> list[Kept]:
        """Return what was kept since the last call, and forget it."""
        kept, self.kept, self._last = self.kept, [], None
        return kept

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and keep its operand if it is a reduction to one number.

        A result that is negated at once, as in ``-likelihoods.mean()``, counts as one of negated values.
        """
        keywords = kwargs or {}
        if func in _LOSSES and keywords.get("reduction", "mean") != "none":
            result, values = _LOSSES[func](func, args, keywords)
            scale = 1.0 / values.numel() if keywords.get("reduction", "mean") == "mean" else 1.0
            self.kept.append(Kept(values, scale, args[1]))
            return result
        result = func(*args, **keywords)
        if func in _MEANS or func in _SUMS:
            operand = args[0]
            if result.ndim == 0 and operand.ndim > 0:
                self.kept.append(Kept(operand, 1.0 / operand.numel() if func in _MEANS else 1.0))
                self._last = result
        elif func in _NEGATIONS and args[0] is self._last:
            self.kept[-1] = self.kept[-1]._replace(values=-self.kept[-1].values)
        return result

    def __getstate__(self) -> dict[str, Any]:
        return {"kept": [], "_last": None}


class LogLikelihoods(TorchFunctionMode):
    """While active, keeps the product of ``log_softmax(scores)`` and the matrix of interactions, and that matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._log_probabilities: torch.Tensor | None = None

    def take(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return what was kept since the last call, and forget it."""
        kept, self.kept = self.kept, []
        return kept

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and keep its result if it multiplies log probabilities."""
        result = func(*args, **(kwargs or {}))
        if func is F.log_softmax:
            self._log_probabilities = result
        elif func in _PRODUCTS and args[0] is self._log_probabilities:
            self.kept.append((result, args[1]))
            self._log_probabilities = None
        return result

    def __getstate__(self) -> dict[str, Any]:
        return {"kept": [], "_log_probabilities": None}


def _cross_entropy(func: Any, args: Any, keywords: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cross entropy and its ``[B]`` values, from one pass over the ``[B, n]`` scores."""
    scores, target = args
    plain = keywords.get("weight") is None and not keywords.get("label_smoothing")
    if not plain or scores.ndim != 2 or target.is_floating_point():
        return _twice(func, args, keywords)
    log_probabilities = F.log_softmax(scores, dim=1)
    passed = {key: keywords[key] for key in ("ignore_index", "reduction") if key in keywords}
    result = F.nll_loss(log_probabilities, target, **passed)
    return result, F.nll_loss(log_probabilities, target, **{**passed, "reduction": "none"})


def _twice(func: Any, args: Any, keywords: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return func(*args, **keywords), func(*args, **{**keywords, "reduction": "none"})


_MEANS = frozenset([torch.mean, torch.Tensor.mean])
_SUMS = frozenset([torch.sum, torch.Tensor.sum])
_NEGATIONS = frozenset([torch.neg, torch.Tensor.neg, torch.Tensor.__neg__])
_PRODUCTS = frozenset([torch.mul, torch.Tensor.mul, torch.Tensor.__mul__])
_LOSSES: dict[Any, Callable[[Any, Any, Any], tuple[torch.Tensor, torch.Tensor]]] = {
    F.cross_entropy: _cross_entropy,
    F.nll_loss: _twice,
    F.binary_cross_entropy: _twice,
    F.binary_cross_entropy_with_logits: _twice,
    F.mse_loss: _twice,
    F.triplet_margin_loss: _twice,
}
