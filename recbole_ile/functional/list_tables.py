"""From rows of user, item, and perhaps score or rank to recommendation lists ``[U, k]``, without a loop over rows."""

from __future__ import annotations

import numpy as np


def first_repeated(users: np.ndarray, values: np.ndarray) -> int | None:
    """Return the position of the first row whose user and value stand together in a row above, ``None`` without one.

    Args:
        users: ``[R]`` integers.
        values: ``[R]`` numbers.

    >>> first_repeated(np.array([0, 1, 0, 0]), np.array([5, 5, 6, 5])), first_repeated(np.array([0]), np.array([1]))
    (3, None)
    """
    order = np.lexsort((values, users))  # stable, so that of equal rows the upper one comes first
    again = (users[order][1:] == users[order][:-1]) & (values[order][1:] == values[order][:-1])
    return int(order[1:][again].min()) if again.any() else None


def order_of_lists(users: np.ndarray, scores: np.ndarray | None = None, ranks: np.ndarray | None = None) -> np.ndarray:
    """Return the order of rows in which users ascend and each user's list goes from best to worst.

    Ranks decide where there are any, else scores, the highest first; without either, and among equal scores, the order
    of the rows.

    Args:
        users: ``[R]`` integers.
        scores: ``[R]``.
        ranks: ``[R]``, the lowest is the best.

    Returns:
        ``[R]`` positions of rows.

    >>> order_of_lists(np.array([1, 0, 0]), scores=np.array([0.1, 0.2, 0.3])).tolist()
    [2, 1, 0]
    >>> order_of_lists(np.array([1, 0, 0]), np.array([0.1, 0.2, 0.3]), ranks=np.array([1, 1, 2])).tolist()
    [1, 2, 0]
    """
    if ranks is not None:
        return np.lexsort((ranks, users))
    if scores is not None:
        return np.lexsort((-scores, users))
    return np.argsort(users, kind="stable")


def unsorted_lists(users: np.ndarray, scores: np.ndarray) -> int:
    """Return in how many users' lists a score is above the one before it.

    Args:
        users: ``[R]`` the user of each row, those of one user in the order of the list.
        scores: ``[R]``.

    >>> unsorted_lists(np.array([0, 1, 0, 1]), np.array([0.5, 0.2, 0.4, 0.3]))
    1
    """
    order = np.argsort(users, kind="stable")
    own, values = users[order], scores[order]
    return len(np.unique(own[1:][(own[1:] == own[:-1]) & (values[1:] > values[:-1])]))


def arrange_lists(users: np.ndarray, items: np.ndarray, n_users: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Put rows that are in ``order_of_lists`` into one list for each user.

    Args:
        users: ``[R]`` in ``0 .. n_users - 1``, ascending.
        items: ``[R]`` item indices, each user's best first.
        n_users: number of lists.
        k: length of the lists; what is further down is left out.

    Returns:
        ``[n_users, k]`` item indices, -1 for an empty place, and ``[n_users]``, how many rows each user has.

    >>> lists, lengths = arrange_lists(np.array([0, 0, 0, 2]), np.array([7, 5, 6, 4]), n_users=3, k=2)
    >>> lists.tolist(), lengths.tolist()
    ([[7, 5], [-1, -1], [4, -1]], [3, 0, 1])
    """
    lengths = np.bincount(users, minlength=n_users)
    starts = np.cumsum(lengths) - lengths
    places = np.arange(len(users)) - starts[users]
    kept = places < k
    lists = np.full((n_users, k), -1, dtype=np.int64)
    lists[users[kept], places[kept]] = items[kept]
    return lists, lengths
