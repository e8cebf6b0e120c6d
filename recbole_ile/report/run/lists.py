"""Recommendation lists as a csv or parquet file, written block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
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


class ListFiles:
    """Writes lists with the original ids, a row for each item.

    The columns are the fields of users and items of the data set, as texts, ``rank`` from 1, ``score``, and
    ``title`` if there are titles.

    Args:
        dataset: RecBole's, which knows the original ids.
        titles: ``[n + 1]`` what items are called, by RecBole's id.
    """

    def __init__(self, dataset: Any, titles: np.ndarray | None = None) -> None:
        fields = dataset.uid_field, dataset.iid_field
        self._names = [pyarrow.array(dataset.field2id_token[field].astype(str)) for field in fields]
        self._titles = None if titles is None else pyarrow.array(titles)
        self._schema = pyarrow.schema(
            [
                (fields[0], pyarrow.string()),
                ("rank", pyarrow.int32()),
                (fields[1], pyarrow.string()),
                ("score", pyarrow.float32()),
                *([] if titles is None else [("title", pyarrow.string())]),
            ]
        )

    def write(self, path: Path, blocks: Iterable[Any], note: Mapping[str, str] | None = None) -> tuple[int, int]:
        """Write a file, which appears when it is complete.

        Args:
            path: of one of ``SUFFIXES``.
            blocks: ``users``, ``items`` and ``scores`` as ``plugin.runs.recommendation.Lists`` has them.
            note: what a parquet file says of itself.

        Returns:
            The number of lists that are not empty, and of rows.
        """
        written = [0, 0]
        schema = self._schema.with_metadata(dict(note)) if note else self._schema

        def write(temporary: Path) -> None:
            with _writer(temporary, path.suffix, schema) as writer:
                for users, items, scores in _joined(blocks):
                    rows, places = np.nonzero(items)
                    written[0] += len(np.unique(rows))
                    written[1] += len(rows)
                    columns = [
                        self._names[0].take(pyarrow.array(users[rows])),
                        pyarrow.array(places.astype(np.int32) + 1),
                        self._names[1].take(pyarrow.array(items[rows, places])),
                        pyarrow.array(scores[rows, places].astype(np.float32)),
                    ]
                    if self._titles is not None:
                        columns.append(self._titles.take(pyarrow.array(items[rows, places])))
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
