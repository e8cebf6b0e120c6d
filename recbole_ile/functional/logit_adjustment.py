"""Logit adjustment: scores that carry the popularity of their items while a model trains."""

from __future__ import annotations

import numpy as np
import torch


def log_shares(counts: np.ndarray) -> np.ndarray:
    """Return ``log π``, the logarithm of each item's smoothed share of the training interactions.

    Args:
        counts: ``[n]`` training interactions of each item.

    Returns:
        ``[n]`` natural logarithms of ``(count + 1) / Σ (count + 1)``; their exponentials add up to 1.

    Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, arXiv 2007.07314, equation 10.
    """
    smoothed = np.asarray(counts, dtype=np.float64) + 1.0
    return np.log(smoothed / smoothed.sum())


def shift_probabilities(probabilities: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return what probabilities become when their logits gain a shift, 0 and 1 staying what they are.

    Args:
        probabilities: values in [0, 1] of any shape.
        shifts: what their logits gain, of the same shape.
    """
    odds = torch.exp(shifts)
    return probabilities * odds / (1.0 - probabilities + probabilities * odds)
