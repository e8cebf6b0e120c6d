"""The folder beside a checkpoint that holds the results of its run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from recbole_ile.errors import InputError

RESULT = "result.json"
"""What a run writes last into its folder."""

UNFINISHED = ".unfinished"


def run_folder(checkpoint: str | Path) -> Path:
    """Return the folder of a checkpoint's run: ``saved/BPR-Nov-01.pth`` has ``saved/BPR-Nov-01/``."""
    path = Path(checkpoint)
    return path.with_suffix("") if path.suffix else path.with_name(f"{path.name}-run")


def unfinished_path(checkpoint: str | Path) -> str:
    """Return the path of a checkpoint's ``.unfinished`` file, from which a run goes on that has not written it yet."""
    return f"{checkpoint}{UNFINISHED}"


def final_path(checkpoint: str | Path) -> str:
    """Return the path of the finished checkpoint, given it or its ``.unfinished`` file."""
    return str(checkpoint).removesuffix(UNFINISHED)


def has_result(checkpoint: str | Path, epochs: int) -> bool:
    """Return whether the run of a checkpoint has ended and written its result, with this number of epochs.

    A result that is damaged is told, and counts as none.
    """
    path = run_folder(checkpoint) / RESULT
    if not path.is_file():
        return False
    try:
        return json.loads(path.read_bytes().decode("utf-8"))["config"]["epochs"] == epochs
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        logging.getLogger().warning(f"{path} is damaged, so that the result is computed again: {error!r}")
        return False


def make_folder(checkpoint_dir: str | Path) -> None:
    """Make the folder of the checkpoints, unless it is there.

    Raises:
        InputError: if it cannot be made.
    """
    try:
        Path(checkpoint_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"option checkpoint_dir={str(checkpoint_dir)!r} is no usable folder: {reason}") from error


def reserve_run(checkpoint: str | Path) -> str:
    """Make a run folder that no other run has, also of one started in the same second.

    Returns:
        The path of the checkpoint that belongs to it.

    Raises:
        InputError: if the folder cannot be made.
    """
    path = Path(checkpoint)
    for attempt in range(1, 10_000):
        candidate = path if attempt == 1 else path.with_name(f"{path.stem}-{attempt}{path.suffix}")
        try:
            run_folder(candidate).mkdir(parents=True)
            return str(candidate)
        except FileExistsError:
            continue
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"option checkpoint_dir={str(path.parent)!r} is no usable folder: {reason}") from error
    raise InputError(f"option checkpoint_dir={str(path.parent)!r} holds too many runs named {path.stem}")
