"""What the fields of interactions must be: identifiers that RecBole keeps apart, finite numbers, times."""

from __future__ import annotations

import numpy as np
import pandas as pd

_PADDING = "[PAD]"
"""RecBole's name for no user and no item."""

_GOODREADS_TIME = "%a %b %d %H:%M:%S %z %Y"
Identifiers = tuple[np.ndarray, list[str], dict[str, np.ndarray]]
"""``[R]`` numbers, what they stand for, and for what may be wrong with it, ``[R]`` whether it is."""


def identifiers(column: pd.Series) -> Identifiers:
    """Give each different identifier of a column a number.

    Args:
        column: ``[R]`` text; blanks around an identifier are no part of it.

    Returns:
        ``[R]`` numbers from 0, the identifiers in their order, and for what may be wrong, ``[R]`` whether it is.
    """
    numbers, found = pd.factorize(column)
    names = pd.Series(found, dtype=str).str.strip()
    reasons = {
        f"the {column.name} is empty": names == "",
        f"the {column.name} is RecBole's word for padding": names == _PADDING,
        f"the {column.name} holds a tab, a control character or a quote": names.str.contains(r'[\x00-\x1f\x7f]|^"'),
    }
    wrong = {reason: mask.to_numpy(bool)[numbers] for reason, mask in reasons.items() if mask.any()}
    return numbers, names.tolist(), wrong


def ratings(column: pd.Series) -> np.ndarray:
    """Return ``[R]`` numbers, NaN for what is no finite number."""
    found = pd.to_numeric(column, errors="coerce").to_numpy(float)
    return np.where(np.isfinite(found), found, np.nan)


def timestamps(column: pd.Series) -> np.ndarray:
    """Return ``[R]`` numbers, NaN for what is neither a number nor a date.

    Dates are those of Goodreads and of ISO 8601, and become seconds since 1970; a date without a time zone is UTC.
    """
    found = ratings(column)
    for form in (_GOODREADS_TIME, "ISO8601"):
        missing = np.isnan(found)
        if missing.any():
            dates = pd.to_datetime(column[missing].astype(str), format=form, utc=True, errors="coerce")
            found[missing] = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return found
