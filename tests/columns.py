"""A table of interactions of 30 rows, to be written with columns of any type."""

from __future__ import annotations

import datetime

import pandas as pd

DAYS = [datetime.date(2020, 1, 1 + row % 28) for row in range(30)]
TABLE = pd.DataFrame(
    {
        "user": [f"{7 * row % 11}" for row in range(30)],
        "item": [f"{5 * row % 13}" for row in range(30)],
        "rating": [1 + row % 5 for row in range(30)],
        "timestamp": [str(day) for day in DAYS],
    }
)
