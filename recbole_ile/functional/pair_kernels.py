"""The compiled loops of ``pair_scores``; importing this module imports numba."""

from __future__ import annotations

import numba
import numpy as np

# Sums may be reordered, so that they are vectorised; the same machine always gives the same result.
_FAST = {"reassoc", "contract", "nsz"}
_compiled = numba.njit(fastmath=_FAST, nogil=True, cache=True)


@_compiled
def scores(
    user_weights: np.ndarray,
    item_weights: np.ndarray,
    users: np.ndarray,
    positives: np.ndarray,
    negatives: np.ndarray,
    positive_scores: np.ndarray,
    negative_scores: np.ndarray,
) -> bool:
    """Fill in the ``[B]`` scores of both items; return whether every index exists."""
    n_users, size = user_weights.shape
    n_items = len(item_weights)
    for row in range(len(users)):
        user, positive, negative = users[row], positives[row], negatives[row]
        if min(user, positive, negative) < 0 or user >= n_users or max(positive, negative) >= n_items:
            return False
        of_positive = of_negative = user_weights[0, 0] * 0
        for k in range(size):
            of_positive += user_weights[user, k] * item_weights[positive, k]
            of_negative += user_weights[user, k] * item_weights[negative, k]
        positive_scores[row] = of_positive
        negative_scores[row] = of_negative
    return True


@_compiled
def add_gradients(
    user_weights: np.ndarray,
    item_weights: np.ndarray,
    users: np.ndarray,
    positives: np.ndarray,
    negatives: np.ndarray,
    by_positive: np.ndarray,
    by_negative: np.ndarray,
    user_gradient: np.ndarray,
    item_gradient: np.ndarray,
) -> None:
    """Add to the ``[U, d]`` and ``[I, d]`` gradients what the ``[B]`` gradients of both scores lead to."""
    size = user_weights.shape[1]
    for row in range(len(users)):
        user, positive, negative = users[row], positives[row], negatives[row]
        of_positive, of_negative = by_positive[row], by_negative[row]
        for k in range(size):
            weight = user_weights[user, k]
            user_gradient[user, k] += of_positive * item_weights[positive, k] + of_negative * item_weights[negative, k]
            item_gradient[positive, k] += of_positive * weight
            item_gradient[negative, k] += of_negative * weight
