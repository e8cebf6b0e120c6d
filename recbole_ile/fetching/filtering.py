"""Which of the interactions of a file are kept, and how many are not for each reason."""

from __future__ import annotations

from recbole_ile.fetching.conversion import Conversion
from recbole_ile.fetching.interactions import Interactions


def filter_interactions(
    found: Conversion, min_rating: float | None, drop_duplicates: bool, k_core: int
) -> tuple[Interactions, list[str]]:
    """Drop repeated pairs, then what is outside of the k-core.

    Args:
        found: what was read; ``min_rating`` was applied then.
        min_rating: the least rating that counted.
        drop_duplicates: of a user and an item, keep the last line only.
        k_core: least number of interactions of every user and item.

    Returns:
        The interactions in their order, and a note in words on everything that was dropped.
    """
    interactions, notes = found.interactions, []
    if min_rating is not None:
        notes.append(f"{found.low} below a rating of {min_rating:g} dropped")
    repeated = interactions.repeated()
    if len(repeated):
        notes.append(f"{len(repeated)} repeated pairs {'dropped' if drop_duplicates else 'kept'}")
    if len(repeated) and drop_duplicates:
        interactions = interactions.without(repeated)
    if k_core > 1:
        before = len(interactions.users)
        interactions = interactions.core(k_core)
        notes.append(f"{before - len(interactions.users)} outside of the {k_core}-core dropped")
    return interactions, notes
