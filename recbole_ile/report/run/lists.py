"""Recommendation lists as a csv or parquet file, written block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import torch

from recbole_ile.files import write_whole

SUFFIXES = (".csv", ".parquet")
ROWS_AT_ONCE = 1 << 17
"""Rows that are collected before they are written, in parquet as a row group: many small ones are slow to read."""


def write_lists(path: Path, blocks: Iterable[Any], dataset: Any, titles: np.ndarray | None = None) -> tuple[int, int]:
    """Write lists with the original ids, a row for each item; the file appears when it is complete.

    The columns are the fields of users and items of the data set, as texts, ``rank`` from 1, ``score``, and
    ``title`` if there are titles.

    Args:
        path: of one of ``SUFFIXES``.
        blocks: ``users``, ``items`` and ``scores`` as ``plugin.recommending.Lists`` has them.
        dataset: RecBole's, which knows the original ids.
        titles: ``[n + 1]`` what items are called, by RecBole's id.

    Returns:
        The number of lists that are not empty, and of rows.
    """
    user_field, item_field = dataset.uid_field, dataset.iid_field
    names = [pyarrow.array(dataset.field2id_token[field].astype(str)) for field in (user_field, item_field)]
    schema = pyarrow.schema(
        [
            (user_field, pyarrow.string()),
            ("rank", pyarrow.int32()),
            (item_field, pyarrow.string()),
            ("score", pyarrow.float32()),
            *([] if titles is None else [("title", pyarrow.string())]),
        ]
    )
    called = None if titles is None else pyarrow.array(titles)
    written = [0, 0]

    def write(temporary: Path) -> None:
        with _writer(temporary, path.suffix, schema) as writer:
            for users, items, scores in _joined(blocks):
                rows, places = np.nonzero(items)
                written[0] += len(np.unique(rows))
                written[1] += len(rows)
                columns = [
                    names[0].take(pyarrow.array(users[rows])),
                    pyarrow.array(places.astype(np.int32) + 1),
                    names[1].take(pyarrow.array(items[rows, places])),
                    pyarrow.array(scores[rows, places].astype(np.float32)),
                ]
                if called is not None:
                    columns.append(called.take(pyarrow.array(items[rows, places])))
                writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))

    write_whole(path, write)
    return written[0], written[1]


def _joined(blocks: Iterable[Any]) -> Iterator[list[np.ndarray]]:
    """Join blocks until they have ``ROWS_AT_ONCE`` rows."""
    kept: list[Any] = []
    for block in blocks:
        kept.append(block)
        if sum(part[1].numel() for part in kept) >= ROWS_AT_ONCE:
            yield [torch.cat(column).numpy() for column in zip(*kept, strict=True)]
            kept = []
    if kept:
        yield [torch.cat(column).numpy() for column in zip(*kept, strict=True)]


@contextlib.contextmanager
def _writer(path: Path, suffix: str, schema: pyarrow.Schema) -> Iterator[Any]:
    if suffix == ".parquet":
        with pyarrow.parquet.ParquetWriter(path, schema) as writer:
            yield writer
        return
    with pyarrow.csv.CSVWriter(path, schema) as writer:
        yield writer
