"""The folder beside a checkpoint that holds the results of its run."""

from __future__ import annotations

from pathlib import Path

from recbole_ile.errors import InputError


def run_folder(checkpoint: str | Path) -> Path:
    """Return the folder of a checkpoint's run: ``saved/BPR-Nov-01.pth`` has ``saved/BPR-Nov-01/``."""
    return Path(checkpoint).with_suffix("")


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
            raise InputError(f"option checkpoint_dir={str(path.parent)!r}: {error.strerror or error}") from error
    raise InputError(f"option checkpoint_dir={str(path.parent)!r} holds too many runs named {path.stem}")
