"""The compiled loops of ``pair_scores``."""

from __future__ import annotations

import numpy as np

from recbole_ile.kernels.compiling import compiled


@compiled
def scores(
    user_weights: np.ndarray,
    item_weights: np.ndarray,
    users: np.ndarray,
    positives: np.ndarray,
    negatives: np.ndarray,
    positive_scores: np.ndarray,
    negative_scores: np.ndarray,
) -> bool:
    """Fill in the ``[B]`` scores of both items; return whether every index exists.

    >>> of_users, of_items = np.array([[1, 2]], np.float32), np.eye(2, dtype=np.float32)
    >>> result = np.zeros((2, 1), np.float32)
    >>> found = scores(of_users, of_items, *np.array([[0], [0], [1]]), *result)
    >>> bool(found), result.tolist()
    (True, [[1.0], [2.0]])
    """
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


@compiled
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
    """Add to the ``[U, d]`` and ``[I, d]`` gradients what the ``[B]`` gradients of both scores lead to.

    >>> of_users, of_items = np.array([[1, 2]], np.float32), np.eye(2, dtype=np.float32)
    >>> by_users, by_items, ones = np.zeros_like(of_users), np.zeros_like(of_items), np.ones((2, 1), np.float32)
    >>> add_gradients(of_users, of_items, *np.array([[0], [0], [1]]), *ones, by_users, by_items)
    >>> by_users.tolist(), by_items.tolist()
    ([[1.0, 1.0]], [[1.0, 2.0], [1.0, 2.0]])
    """
    size = user_weights.shape[1]
    for row in range(len(users)):
        user, positive, negative = users[row], positives[row], negatives[row]
        of_positive, of_negative = by_positive[row], by_negative[row]
        for k in range(size):
            weight = user_weights[user, k]
            user_gradient[user, k] += of_positive * item_weights[positive, k] + of_negative * item_weights[negative, k]
            item_gradient[positive, k] += of_positive * weight
            item_gradient[negative, k] += of_negative * weight
