"""Read checkpoints without running code from them, and write them so that this is possible."""

from __future__ import annotations

import contextlib
import contextvars
import io
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from recbole.config import Config
from recbole.utils import EvaluatorType, FeatureSource, FeatureType, InputType, KGDataLoaderState, ModelType
from torch.serialization import load as load_with_torch

from recbole_ile.errors import InputError
from recbole_ile.files import write_whole
from recbole_ile.plugin import pickles

_ENUMS = (ModelType, InputType, EvaluatorType, FeatureType, FeatureSource, KGDataLoaderState)
_NAMED_ONLY = ("recbole.model.", "recbole_ile.plugin.models.", "yaml.loader.")
_trusting = contextvars.ContextVar("trusting_checkpoints", default=False)


class StoredConfig(Config):
    """A ``Config`` as it lies in a checkpoint: unlike ``Config(...)``, which evaluates strings, it is only data."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise pickle.UnpicklingError("it constructs a configuration")


@contextlib.contextmanager
def trusting_checkpoints(trust: bool) -> Iterator[None]:
    """Let ``read_checkpoint`` unpickle freely, which runs any code that is stored, if ``trust`` says so."""
    token = _trusting.set(trust)
    try:
        yield
    finally:
        _trusting.reset(token)


def read_checkpoint(path: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint of this plugin or of stock RecBole without running any code that it may contain.

    Args:
        path: the ``.pth`` file.
        map_location: as for ``torch.load``.

    Returns:
        RecBole's dictionary: ``config`` (a ``Config``), ``epoch``, ``state_dict``, ``optimizer`` and so on.

    Raises:
        InputError: if there is no such file, it is no checkpoint, or it holds more than data.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"checkpoint {path} does not exist")
    if _trusting.get():
        return load_with_torch(path, map_location=map_location, weights_only=False)
    try:
        archive, names = _rewritten(path)
        with torch.serialization.safe_globals(_allow_list(names)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = load_with_torch(archive, map_location=map_location, weights_only=True)
        return _with_config(pickles.restore(checkpoint), path)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"checkpoint {path} holds more than data: {_reason(error)}; if you know who wrote it, "
            "--trust_checkpoint loads it and runs whatever code it contains"
        ) from error
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails in as many ways as there are bytes
        raise InputError(f"checkpoint {path} is damaged or no checkpoint: {_reason(error)}") from error


def write_checkpoint(checkpoint: dict[str, Any], path: str | Path, **_: Any) -> None:
    """Write a checkpoint that ``read_checkpoint`` and stock RecBole can read, whole or not at all.

    Args:
        checkpoint: RecBole's dictionary; its ``config`` is stored as RecBole's own ``Config``, of a process
            alone, so that one process can continue what several began.
        path: the ``.pth`` file.

    Raises:
        UnwritableFile: names the file and the reason; the checkpoint that was there is still there.
    """
    config = Config.__new__(Config)
    vars(config).update(vars(checkpoint["config"]))
    config.final_config_dict = {**config.final_config_dict, "single_spec": True, "local_rank": 0}

    def write(temporary: Path) -> None:
        try:
            with open(temporary, "wb") as file:  # torch alone would not say that the disk is full
                torch.save({**checkpoint, "config": config}, file, pickle_protocol=pickles.PROTOCOL)
        except RuntimeError as error:  # of the archive, which is not where it thinks it is
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise

    write_whole(path, write)


def _rewritten(path: Path) -> tuple[io.BytesIO, set[str]]:
    """Return the archive with its pickle in the protocol that can be read safely, and the globals it names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("/data.pkl"):
                content, names = pickles.to_protocol_2(content)
            target.writestr(name, content)
    buffer.seek(0)
    return buffer, names


def _allow_list(names: set[str]) -> list[Any]:
    """Map the globals of a checkpoint to what they may become: enumerations and inert stand-ins."""
    allowed: list[Any] = [(StoredConfig, "recbole.config.configurator.Config"), *pickles.NUMPY_STAND_INS]
    allowed += [(enum, f"{enum.__module__}.{enum.__qualname__}") for enum in _ENUMS]
    allowed += [(_dict_without_default, "collections.defaultdict")]
    allowed += [(list, f"{module}.list") for module in ("builtins", "__builtin__")]
    allowed += [(pickles.Reference, name) for name in names if name.startswith(_NAMED_ONLY)]
    for name in names:
        package, _, kind = name.rpartition(".")
        if package.startswith("scipy.sparse") and kind in pickles.SPARSE_KINDS:
            allowed.append((pickles.SPARSE_KINDS[kind], name))
    return allowed


def _dict_without_default(*_: Any) -> dict[Any, Any]:
    """Stand in for ``defaultdict``, which torch fills from no file; RippleNet has one, and asks for what is in it."""
    return {}


def _with_config(checkpoint: Any, path: Path) -> dict[str, Any]:
    """Turn the stored configuration into a ``Config`` with the classes that it names."""
    from recbole_ile.plugin.registry import get_model

    config = checkpoint.get("config") if isinstance(checkpoint, dict) else None
    if not isinstance(config, StoredConfig) or not isinstance(vars(config).get("final_config_dict"), dict):
        raise InputError(f"checkpoint {path} has no RecBole configuration")
    pickles.restore(vars(config))
    config.__class__ = Config
    config.yaml_loader = config._build_yaml_loader()
    config.model_class = get_model(config["model"])
    return checkpoint


def _reason(error: Exception) -> str:
    """Return what is wrong with the file, without torch's advice to trust it."""
    text = str(error).rpartition("WeightsUnpickler error:")[2].partition("Please use")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(". ")
