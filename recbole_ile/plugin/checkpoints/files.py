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

from recbole_ile.errors import DamagedCheckpoint, InputError
from recbole_ile.files import write_whole
from recbole_ile.plugin.checkpoints import safe_pickle as pickles
from recbole_ile.plugin.checkpoints.behaviour_states import KEY, states_of, with_states, without_states
from recbole_ile.plugin.trust import is_trusting

_ENUMS = (ModelType, InputType, EvaluatorType, FeatureType, FeatureSource, KGDataLoaderState)
_NAMED_ONLY = ("recbole.model.", "recbole_ile.plugin.models.", "yaml.loader.")
_known: contextvars.ContextVar[tuple[Path, dict[str, Any]] | None] = contextvars.ContextVar("known", default=None)


class StoredConfig(Config):
    """A ``Config`` as it lies in a checkpoint: unlike ``Config(...)``, which evaluates strings, it is only data."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise pickle.UnpicklingError("it constructs a configuration")


@contextlib.contextmanager
def already_read(path: str | Path, content: dict[str, Any]) -> Iterator[None]:
    """Within this context, ``read_checkpoint`` returns the content of a file that was read before."""
    token = _known.set((Path(path), content))
    try:
        yield
    finally:
        _known.reset(token)


def read_checkpoint(path: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint of this plugin or of stock RecBole without running any code that it may contain.

    Args:
        path: the ``.pth`` file.
        map_location: as for ``torch.load``.

    Returns:
        RecBole's dictionary: ``config`` (a ``Config``), ``epoch``, ``state_dict``, ``optimizer`` and so on.

    Raises:
        DamagedCheckpoint: if there is no such file, it is no checkpoint, it holds more than data, or it would take more
            memory than the file is large.
    """
    path = Path(path)
    known = _known.get()
    if known is not None and known[0] == path:
        return known[1]
    if not path.is_file():
        raise DamagedCheckpoint(f"checkpoint {path} does not exist")
    if is_trusting():
        try:
            return _with_fields(load_with_torch(path, map_location=map_location, weights_only=False), path)
        except InputError:
            raise
        except Exception as error:  # whatever the code in it leads to
            raise DamagedCheckpoint(f"checkpoint {path} is damaged or no checkpoint: {_reason(error)}") from error
    try:
        archive, names = _rewritten(path)
        with torch.serialization.safe_globals(_allow_list(names)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = load_with_torch(archive, map_location=map_location, weights_only=True)
        _drop_modules(checkpoint)
        return _with_fields(_with_config(pickles.restore(checkpoint), path), path)
    except pickle.UnpicklingError as error:
        raise DamagedCheckpoint(
            f"checkpoint {path} holds more than data: {_reason(error)}; if you know who wrote it, "
            "--trust_checkpoint loads it and runs whatever code it contains"
        ) from error
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails in as many ways as there are bytes
        raise DamagedCheckpoint(f"checkpoint {path} is damaged or no checkpoint: {_reason(error)}") from error


def read_for_recbole(path: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint as stock RecBole knows it, which gives a model all that is in ``other_parameter``.

    Raises:
        DamagedCheckpoint: as ``read_checkpoint`` does.
    """
    return without_states(read_checkpoint(path, map_location))


def write_checkpoint(checkpoint: dict[str, Any], path: str | Path, **_: Any) -> None:
    """Write a checkpoint that ``read_checkpoint`` and stock RecBole can read, whole or not at all.

    Args:
        checkpoint: RecBole's dictionary; its ``config`` is stored as RecBole's own ``Config``, of a process
            alone, so that one process can continue what several began.
        path: the ``.pth`` file.

    Raises:
        UnwritableFile: names the file and the reason; the checkpoint that was there is still there.
    """
    config = vars(checkpoint["config"])
    settings = {**config["final_config_dict"], "single_spec": True, "local_rank": 0}
    other = checkpoint.get("other_parameter") or {}  # a module's parameters are in state_dict; it may hold all data
    other = {name: value for name, value in other.items() if not isinstance(value, torch.nn.Module)}
    stored = {key: value for key, value in config.items() if key != "name"}
    plain = _config_of({**stored, "final_config_dict": settings})
    content = {**checkpoint, "config": plain, "other_parameter": with_states(other)}

    def write(temporary: Path) -> None:
        try:
            with open(temporary, "wb") as file:  # torch alone would not say that the disk is full
                torch.save(content, file, pickle_protocol=pickles.PROTOCOL)
        except RuntimeError as error:  # of the archive, which is not where it thinks it is
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise

    write_whole(path, write)


def update_checkpoint(
    path: str | Path, stored: dict[str, Any], parameters: dict[str, torch.Tensor], states: dict[str, Any]
) -> None:
    """Write a checkpoint again with some parameters and states of behaviours replaced.

    Args:
        path: the ``.pth`` file.
        stored: its content.
        parameters: entries of ``state_dict``.
        states: by the key of their owner.

    Raises:
        UnwritableFile: names the file and the reason; the checkpoint that was there is still there.
    """
    other = stored.get("other_parameter") or {}
    changed = {**other, KEY: {**states_of(stored), **states}}
    write_checkpoint({**stored, "state_dict": {**stored["state_dict"], **parameters}, "other_parameter": changed}, path)


def _rewritten(path: Path) -> tuple[io.BytesIO, set[str]]:
    """Return the archive with its pickle in the protocol that can be read safely, and the globals it names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        _check_sizes(source, path)
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("/data.pkl"):
                content, names = pickles.to_protocol_2(content)
            target.writestr(name, content)
    buffer.seek(0)
    return buffer, names


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse an archive whose content would take more memory than the file is large.

    PyTorch stores without compression, each part once.

    Raises:
        DamagedCheckpoint: says what the archive is instead.
    """
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise DamagedCheckpoint(f"checkpoint {path} is a compressed archive, which PyTorch does not write")
    stored, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if stored > size:
        raise DamagedCheckpoint(f"checkpoint {path} says that it holds {stored} bytes, but has {size}")
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise DamagedCheckpoint(f"checkpoint {path} holds a part twice")


def _allow_list(names: set[str]) -> list[Any]:
    """Map the globals of a checkpoint to what they may become: enumerations and inert stand-ins."""
    allowed: list[Any] = [(StoredConfig, "recbole.config.configurator.Config"), *pickles.NUMPY_STAND_INS]
    allowed += [(enum, f"{enum.__module__}.{enum.__qualname__}") for enum in _ENUMS]
    allowed += [(_dict_without_default, "collections.defaultdict")]
    allowed += [(list, f"{module}.list") for module in ("builtins", "__builtin__")]
    left_out = {name for name in names if name.startswith(pickles.LEFT_OUT)}
    allowed += [(pickles.LeftOut, name) for name in left_out]
    allowed += [(pickles.Reference, name) for name in names - left_out if name.startswith(_NAMED_ONLY)]
    for name in names:
        package, _, kind = name.rpartition(".")
        if package.startswith("scipy.sparse") and kind in pickles.SPARSE_KINDS:
            allowed.append((pickles.SPARSE_KINDS[kind], name))
    return allowed


def _drop_modules(checkpoint: Any) -> None:
    """Leave out the modules that stock RecBole stores among a model's other parameters."""
    other = checkpoint.get("other_parameter") if isinstance(checkpoint, dict) else None
    if isinstance(other, dict):
        for name in [name for name, value in other.items() if isinstance(value, pickles.LeftOut)]:
            del other[name]


def _dict_without_default(*_: Any) -> dict[Any, Any]:
    """Stand in for ``defaultdict``, which torch fills from no file; RippleNet has one, and asks for what is in it."""
    return {}


def _with_config(checkpoint: Any, path: Path) -> dict[str, Any]:
    """Turn the stored configuration into a ``Config`` with the classes that it names."""
    config = checkpoint.get("config") if isinstance(checkpoint, dict) else None
    if not isinstance(config, StoredConfig):
        raise DamagedCheckpoint(f"checkpoint {path} has no RecBole configuration")
    return {**checkpoint, "config": _config_of(pickles.restore(vars(config)))}


def _config_of(attributes: dict[str, Any]) -> Config:
    """Return a configuration of RecBole's own class with these attributes, none of which is evaluated."""
    config = Config.__new__(Config)
    vars(config).update(attributes)
    return config


def _with_fields(checkpoint: Any, path: Path) -> dict[str, Any]:
    """Return a checkpoint that has what every reader of one needs.

    Raises:
        DamagedCheckpoint: names what is missing or of another kind.
    """
    from recbole_ile.plugin.catalogue.model_names import ModelName
    from recbole_ile.plugin.catalogue.models import get_model

    config = checkpoint.get("config") if isinstance(checkpoint, dict) else None
    if not isinstance(config, Config):
        raise DamagedCheckpoint(f"checkpoint {path} has no RecBole configuration")
    for name in ("final_config_dict", "external_config_dict"):
        settings = vars(config).get(name)
        if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
            raise DamagedCheckpoint(f"checkpoint {path} has no RecBole configuration: it lacks {name}")
    for name in ("model", "dataset"):
        if not isinstance(config.final_config_dict.get(name), str):
            raise DamagedCheckpoint(f"checkpoint {path} does not say of which {name} it is")
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DamagedCheckpoint(f"checkpoint {path} has no parameters (state_dict)")
    if not isinstance(checkpoint.get("other_parameter"), dict | None):
        raise DamagedCheckpoint(f"checkpoint {path} is damaged: its other_parameter is no dictionary")
    config.yaml_loader = config._build_yaml_loader()
    config.name = ModelName.parse(config["model"])
    config.model_class = get_model(config.name)
    return checkpoint


def _reason(error: Exception) -> str:
    """Return what is wrong with the file, without torch's advice to trust it."""
    text = str(error).rpartition("WeightsUnpickler error:")[2].partition("Please use")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(". ")
