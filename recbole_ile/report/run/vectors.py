"""Vectors of users and items as npz or parquet, which hold nothing but arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from recbole_ile.files import write_whole

SUFFIXES = (".npz", ".parquet")


def write_vectors(path: Path, vectors: Any, dataset: Any) -> None:
    """Write vectors with the original ids as texts; the file appears when it is complete.

    An ``npz`` holds ``user_ids``, ``[U]`` texts, ``user_vectors``, ``[U, D]`` float32, and the same of items; it is
    read with ``allow_pickle=False``. Parquet has a row for each vector: ``kind``, ``user`` or ``item``, ``id`` and
    ``vector``.

    Args:
        path: of one of ``SUFFIXES``.
        vectors: as ``plugin.runs.vectors.Vectors`` has them.
        dataset: RecBole's, which knows the original ids.
    """
    names = dataset.field2id_token
    users = names[dataset.uid_field][vectors.user_ids.numpy()].astype(str)
    items = names[dataset.iid_field][1:].astype(str)
    tables = {"user": (users, vectors.users.numpy()), "item": (items, vectors.items.numpy())}
    write_whole(path, lambda temporary: (_write_npz if path.suffix == ".npz" else _write_parquet)(temporary, tables))


def _write_npz(path: Path, tables: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    arrays = {}
    for kind, (ids, vectors) in tables.items():
        arrays[f"{kind}_ids"], arrays[f"{kind}_vectors"] = ids, vectors
    with open(path, "wb") as file:  # a name that does not end in .npz would get it
        np.savez(file, allow_pickle=False, **arrays)


def _write_parquet(path: Path, tables: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    width = tables["item"][1].shape[1]
    kind = pyarrow.list_(pyarrow.float32(), width)
    schema = pyarrow.schema([("kind", pyarrow.string()), ("id", pyarrow.string()), ("vector", kind)])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for name, (ids, vectors) in tables.items():
            rows = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), width)
            columns = [pyarrow.array([name] * len(ids), pyarrow.string()), pyarrow.array(ids), rows]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
