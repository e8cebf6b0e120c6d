"""Keep prepared data sets in the user's cache folder, so that the next run on the same data starts at once."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import recbole.data.dataset
import torch
from recbole.data.interaction import Interaction

from recbole_ile.plugin.data.cache_key import content_digest, dataset_key, is_shuffled
from recbole_ile.plugin.data.checksummed_file import read_checksummed, write_checksummed
from recbole_ile.plugin.data.json_state import NotStorable, from_json_state, to_json_state
from recbole_ile.plugin.data.split_data import split_already

LARGEST_FOLDER = 8 * 2**30
"""Bytes that the cache may take; beyond, what was not used for longest goes."""

_GIVEN = ("config", "logger", "dataset_path")
"""Attributes of a data set that come from this run and not from the one that wrote the entry."""
_ROW = "recbole_ile row"
_splitting: ContextVar[Any] = ContextVar("splitting", default=None)
_ABANDONED = 24 * 3600
"""Seconds after which a temporary file belongs to a process that was killed."""


def cached_dataset(config: Any, read: Callable[[Any], Any]) -> Any:
    """Return the data set of a configuration, filtered and split, from the cache or from its files.

    Nothing tells the two apart: not the data set, its parts or their order, nor the state of torch's generator.
    What cannot be restored exactly is not kept: data sets whose class is not RecBole's or that hold more than
    tables, and those that RecBole has kept itself (``dataset_save_path``).

    Args:
        config: data set and every option; ``dataset_cache`` says whether to use the cache at all.
        read: checks and reads the files of a configuration, and returns RecBole's data set before it is split.

    Returns:
        RecBole's data set, whose ``build()`` returns the three parts, split already.
    """
    logger = logging.getLogger()
    if not config["dataset_cache"] or _is_kept_by_recbole(config):
        dataset = read(config)
        logger.info(dataset)
        return dataset
    content = content_digest(config)
    key = dataset_key(config, content)
    path = cache_folder() / f"{config['dataset']}-{key}.npz"
    if os.path.exists(path):
        try:
            return _restore(path, key, config)
        except Exception as error:  # whatever is wrong with an entry, the atomic files are there
            logger.warning(f"prepared data set {path} cannot be used and is made again: {error}")
    before = _generators()
    dataset = read(config)
    description = str(dataset)
    logger.info(description)
    parts, rows = _split(dataset)
    after = _generators()
    try:
        if content_digest(config) != content:
            raise NotStorable("files that changed while they were read")
        if after[1:] != before[1:] or (after != before and not is_shuffled(config)):
            raise NotStorable("random numbers")
        generator = torch.get_rng_state() if is_shuffled(config) else None
        entry = {"key": key, "description": description, "generator": generator, **_content(dataset, rows)}
        text, arrays = to_json_state(entry)
        if sum(array.nbytes for array in arrays) > LARGEST_FOLDER:
            raise NotStorable("more than the cache may take")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_checksummed(path, text, arrays)
        logger.info(f"prepared data set written to {path}")
        _make_room(path)
    except NotStorable as reason:
        logger.debug(f"the prepared data set is not kept, for it holds {reason}")
    except OSError as error:
        logger.warning(f"the prepared data set cannot be kept in {path.parent}: {error.strerror or error}")
    return split_already(dataset, parts)


def cache_folder() -> Path:
    """Return the folder of prepared data sets: ``$RECBOLE_ILE_CACHE``, or that of this user and system."""
    chosen = os.environ.get("RECBOLE_ILE_CACHE")
    return (Path(chosen) if chosen else platformdirs.user_cache_path("recbole_ile", appauthor=False)) / "datasets"


def _split(dataset: Any) -> tuple[list[Any], list[torch.Tensor] | None]:
    """Split a data set as RecBole does; return the parts and, for each, its rows' numbers in the whole.

    A hook in RecBole calls ``number_rows`` right before the split.
    """
    token = _splitting.set(dataset)
    try:
        parts = dataset.build()
    finally:
        _splitting.reset(token)
    rows = [whole_or_part.inter_feat.interaction.pop(_ROW, None) for whole_or_part in (dataset, *parts)]
    return parts, None if any(numbers is None for numbers in rows) else rows[1:]


def number_rows(dataset: Any) -> None:
    """Give a data set that is about to be split, and that the cache waits for, a column of its rows' numbers."""
    if dataset is _splitting.get():
        dataset.inter_feat[_ROW] = torch.arange(len(dataset.inter_feat))


def _restore(path: Path, key: str, config: Any) -> Any:
    entry = from_json_state(*read_checksummed(path))
    if entry["key"] != key:
        raise ValueError("it is the entry of another data set")
    kind = getattr(recbole.data.dataset, entry["class"])
    dataset = kind.__new__(kind)
    given = {"config": config, "logger": logging.getLogger(), "dataset_path": config["data_path"]}
    vars(dataset).update(entry["state"], **given)
    columns = dataset.inter_feat.interaction
    parts = []
    for rows in entry["rows"]:
        part = copy.copy(dataset)
        part.inter_feat = Interaction({name: column[rows] for name, column in columns.items()})
        parts.append(part)
    if entry["generator"] is not None:
        torch.set_rng_state(entry["generator"])
    with contextlib.suppress(OSError):
        os.utime(path)
    logging.getLogger().info(entry["description"])
    logging.getLogger().info(f"prepared data set read from {path}")
    return split_already(dataset, parts)


def _content(dataset: Any, rows: list[torch.Tensor] | None) -> dict[str, Any]:
    """Return what an entry holds of a data set that was split.

    Raises:
        NotStorable: if it could not be restored from that.
    """
    kind = type(dataset)
    known = getattr(recbole.data.dataset, kind.__name__, None) is kind
    if rows is None or not known or not kind.__module__.startswith("recbole.data.dataset."):
        raise NotStorable(f"a {kind.__name__}, which is not RecBole's or is split in its own way")
    state = {name: value for name, value in vars(dataset).items() if name not in _GIVEN}
    return {"class": kind.__name__, "state": state, "rows": rows}


def _generators() -> tuple[bytes, ...]:
    """Return the states of the generators of torch, NumPy and Python."""
    _, numbers, *rest = np.random.get_state()
    numpys = np.asarray(numbers).tobytes() + repr(rest).encode()
    return torch.get_rng_state().numpy().tobytes(), numpys, repr(random.getstate()).encode()


def _is_kept_by_recbole(config: Any) -> bool:
    """Return whether RecBole is asked to read a data set that it has kept itself, which goes by its own rules."""
    return any(config[name] and os.path.exists(config[name]) for name in ("dataset_save_path", "dataloaders_save_path"))


def _make_room(kept: Path) -> None:
    """Delete the entries that were not used for longest until the folder is small enough, and what was abandoned."""
    found = []
    for path in kept.parent.iterdir():
        with contextlib.suppress(OSError):  # another process may have been faster
            status = path.stat()
            if path.name.startswith("."):
                if time.time() - status.st_mtime > _ABANDONED:
                    path.unlink()
            elif path.suffix == kept.suffix and path != kept:
                found.append((status.st_mtime, status.st_size, path))
    room = LARGEST_FOLDER - kept.stat().st_size
    for _, size, path in sorted(found, reverse=True):
        room -= size
        if room < 0:
            with contextlib.suppress(OSError):  # on Windows, somebody is reading it
                path.unlink()
