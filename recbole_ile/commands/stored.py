"""What a resumed sweep or comparison takes from its folder: data of the kinds that it wrote, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.plugin.config.stored_settings import stored_settings

FILES = (
    *("pre_model_path", "warm_up", "pretrain_path", "mf_pretrain_path", "mlp_pretrain_path"),
    *("dataset_save_path", "dataloaders_save_path"),
)
"""The options that name files beside the data set; without them the trainings would be others."""


def value(ledger: Ledger, entries: dict[str, Any], name: str, kind: Any) -> Any:
    """Return an entry of the settings file.

    Raises:
        InputError: names the file and the entry if it is missing or of another kind.
    """
    if name not in entries:
        raise InputError(f"{ledger.settings_file} is damaged: {name} is missing")
    found = entries[name]
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise damaged(ledger, name, found)
    return found


def damaged(ledger: Ledger, name: str, found: Any) -> InputError:
    """Return the error that names the file, an entry and what it should not be."""
    shown = ascii(found) if found is None or isinstance(found, str | int | float) else type(found).__name__
    return InputError(f"{ledger.settings_file} is damaged: {name} is {shown[:80]}")


def fixed(ledger: Ledger, settings: dict[str, Any]) -> dict[str, Any]:
    """Return of the options that were given for all trainings those that a file may give.

    Raises:
        InputError: if they are damaged, or name a file that the trainings would have to read.
    """
    found = value(ledger, settings, "fixed", dict)
    if not all(isinstance(key, str) for key in found):
        raise damaged(ledger, "fixed", found)
    named = [key for key in FILES if found.get(key)]
    if named:
        raise InputError(
            f"{ledger.settings_file}: {', '.join(named)} names a file to be read, which a stored file may not; start "
            f"the {ledger.kind} anew, with another --name"
        )
    return stored_settings(found, ledger.settings_file)


def check_allowed(settings: dict[str, Any], source: str) -> None:
    """Refuse settings that a training from a folder could not have again.

    Raises:
        InputError: names the source and the settings.
    """
    free = {key: value for key, value in settings.items() if key != "model"}
    refused = free.keys() - stored_settings(free, source).keys()
    if refused:
        raise InputError(f"{source}: {', '.join(sorted(refused))} cannot be tried: no file of a folder may set it")


@contextlib.contextmanager
def naming_file(path: Path | None) -> Iterator[None]:
    """Add to wrong input within this context the file that it is from, if there is one.

    Raises:
        InputError: names the file.
    """
    try:
        yield
    except InputError as error:
        if path is None:
            raise
        raise InputError(f"{path}: {error}") from error
