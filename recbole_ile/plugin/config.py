"""RecBole's configuration with the plugin's defaults, checked before anything runs."""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import recbole
import yaml
from recbole.config import Config

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.checks import check_settings, check_types
from recbole_ile.plugin.process_group import join_group
from recbole_ile.plugin.properties import defaults, properties_dir
from recbole_ile.plugin.registry import get_model, parse_model_name

GROUP_KEYS = ("nproc", "ip", "port", "world_size", "offset", "local_rank")
"""What only holds while the processes of one run talk to each other."""
NO_OPTIONS = ("compare", "fetch")
"""Folders of ``properties`` whose keys are names of data sets and methods."""
RUN_KEYS = ("model", "dataset", "config_files", *GROUP_KEYS)


class IleConfig(Config):
    """RecBole's ``Config`` for any model name of this plugin.

    ``stored_config_dict`` holds the options of an earlier run, over which files and ``config_dict`` win.

    Differs from it in six ways: RecBole's defaults are those of the base model, with ours added; nothing
    is read from ``sys.argv``; strings are read as literals and never evaluated; a key with dots
    (``eval_args.order``) sets one entry of a dictionary; unknown keys and impossible values are refused;
    several processes train together on the CPU too.

    Raises:
        InputError: names the key or file, its value, what is allowed and the near miss.
    """

    def __init__(
        self,
        model: str | None = None,
        dataset: str | None = None,
        config_file_list: list[str] | None = None,
        config_dict: dict[str, Any] | None = None,
        stored_config_dict: dict[str, Any] | None = None,
    ) -> None:
        self.stored_config_dict = dict(stored_config_dict or {})
        try:
            super().__init__(model, dataset, config_file_list, dict(config_dict or {}))
        except InputError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, RuntimeError) as error:
            message = error.args[0] if error.args else type(error).__name__
            raise InputError(f"configuration: {message}") from error
        check_settings(self)

    def _load_cmd_line(self) -> dict[str, Any]:
        return {}

    def _convert_config_dict(self, config_dict: dict[str, Any]) -> dict[str, Any]:
        return {key: read_literal(value) for key, value in config_dict.items()}

    def _load_config_files(self, file_list: list[str] | None) -> dict[str, Any]:
        merged = self.stored_config_dict
        for file in [file_list] if isinstance(file_list, str) else file_list or []:
            merged = _merge(merged, read_config_file(file, self.yaml_loader.yaml_implicit_resolvers))
        return merged

    def _merge_external_config_dict(self) -> None:
        self.external_config_dict = _merge(self.file_config_dict, self.variable_config_dict)
        check_known(self.external_config_dict)

    def _get_model_and_dataset(self, model: Any, dataset: str | None) -> tuple[str, type[Any], str]:
        name = model or self.external_config_dict.get("model")
        data = dataset or self.external_config_dict.get("dataset")
        if not isinstance(name, str):
            raise InputError("no model: give its name, --model=BPR_ILE say, or `model` in a configuration file")
        if not isinstance(data, str):
            raise InputError("no dataset: give its name, --dataset=ml-100k say, or `dataset` in a configuration file")
        if Path(data).name != data:
            raise InputError(f"dataset {data} is a path; give its name, and the folder that holds it as --data_path")
        return name, get_model(name), data

    def _load_internal_config_dict(self, model: str, model_class: type[Any], dataset: str) -> None:
        base, mitigations = parse_model_name(model)
        super()._load_internal_config_dict(base, model_class, dataset)
        for mitigation in mitigations:
            self._update_internal_config_dict(properties_dir() / "mitigation" / f"{mitigation}.yaml")

    def _update_internal_config_dict(self, file: Any) -> Any:
        loaded = super()._update_internal_config_dict(file)
        if Path(file).name == "overall.yaml":  # before the model's own file, which may ask for other metrics
            self.internal_config_dict.update(defaults("overall.yaml"))
        return loaded

    def _get_final_config_dict(self) -> dict[str, Any]:
        final = super()._get_final_config_dict()
        for key in [key for key in self.external_config_dict if "." in key]:
            _set_entry(final, key, final.pop(key))
        check_types(self.internal_config_dict, final)
        _load_group_field(final)
        return final

    def _init_device(self) -> None:
        """Find the device as if this process were alone, then meet the others if it is not."""
        local_rank = self.final_config_dict.pop("local_rank", None)
        super()._init_device()
        if local_rank is not None:
            self.final_config_dict.update(join_group(self.final_config_dict, local_rank))
        for key in GROUP_KEYS:
            self.external_config_dict.pop(key, None)


@contextlib.contextmanager
def as_base_model(config: Config) -> Iterator[None]:
    """Show the base model's name, by which RecBole chooses data sets and loaders, within this context."""
    name = config["model"]
    config["model"] = parse_model_name(name).base
    try:
        yield
    finally:
        config["model"] = name


@contextlib.contextmanager
def as_one_process(config: Config) -> Iterator[None]:
    """Have RecBole do within this context what it does for a process alone."""
    alone = config["single_spec"]
    config["single_spec"] = True
    try:
        yield
    finally:
        config["single_spec"] = alone


def read_literal(value: Any) -> Any:
    """Read a string as the Python literal that it spells, without evaluating anything.

    ``"0.1"`` becomes a number, ``"[5, 10]"`` a list, ``"True"`` and ``"true"`` a boolean, ``"None"``
    nothing; whatever is no literal stays a string, as does anything that is not a string.
    """
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value


def read_config_file(path: str | Path, resolvers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read a configuration file.

    Args:
        path: a YAML file.
        resolvers: what a plain word may mean, as YAML's implicit resolvers; by default, what YAML says.

    Raises:
        InputError: if it does not exist, is empty, is no YAML or holds no ``key: value`` pairs.
    """
    path = Path(path)
    if not path.is_file():
        siblings = [sibling.name for sibling in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise InputError(f"configuration file {path} does not exist{near_miss(path.name, siblings)}")
    try:
        loader = type("ConfigLoader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers} if resolvers else {})
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"configuration file {path} is not valid YAML: {reason}") from error
    if content is None:
        raise InputError(f"configuration file {path} is empty; it needs `key: value` lines")
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"configuration file {path} holds no `key: value` pairs")
    return content


@functools.cache
def known_keys() -> frozenset[str]:
    """Return every key of RecBole's and our own YAML files."""
    own = (path for path in properties_dir().rglob("*.yaml") if path.parent.name not in NO_OPTIONS)
    files = [*Path(recbole.__file__).parent.joinpath("properties").rglob("*.yaml"), *own]
    keys = set(RUN_KEYS)
    for file in files:
        keys.update(re.findall(r"^([A-Za-z_]\w*)\s*:", file.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return frozenset(keys)


@functools.cache
def _keys_in_sources() -> frozenset[str]:
    """Return the keys that RecBole's code reads from its configuration, which not every YAML file lists."""
    keys: set[str] = set()
    for file in Path(recbole.__file__).parent.rglob("*.py"):
        keys.update(re.findall(r"""config\[["'](\w+)["']\]""", file.read_text(encoding="utf-8")))
    return frozenset(keys)


def check_known(settings: dict[str, Any]) -> None:
    """Refuse a key that neither RecBole nor this plugin knows.

    Raises:
        InputError: names the key and the near miss.
    """
    known = known_keys()
    unknown = [key for key in settings if key.split(".")[0] not in known]
    if unknown:
        known |= _keys_in_sources()
    for key in unknown:
        if key.split(".")[0] not in known:
            raise InputError(f"unknown option {key}{near_miss(key, known)}")


def _merge(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return ``lower`` updated by ``upper``, whose whole dictionaries also win over single entries set before."""
    kept = {key: value for key, value in lower.items() if not ("." in key and key.split(".")[0] in upper)}
    return {**kept, **upper}


def _set_entry(settings: dict[str, Any], dotted: str, value: Any) -> None:
    """Set ``eval_args.order`` as one entry of the dictionary ``eval_args``, the others kept.

    ``eval_args.split`` has one entry only, which replaces the one before.
    """
    first, *path, last = dotted.split(".")
    table = settings[first] = copy.deepcopy(settings.get(first) or {})
    for depth, key in enumerate([first, *path]):
        if depth:
            if not isinstance(table.get(key), dict):
                table[key] = {}
            table = table[key]
        if not isinstance(table, dict):
            raise InputError(f"option {dotted}: {key} is {table!r}, not a dictionary with entries")
    if dotted.startswith("eval_args.split."):
        table.clear()
    table[last] = value


def _load_group_field(final: dict[str, Any]) -> None:
    """Have the column that ``item_group_field`` names loaded from the ``.item`` file."""
    field = final.get("item_group_field")
    if not field or not isinstance(final.get("load_col"), dict):
        return
    columns = final["load_col"].get("item") or [final["ITEM_ID_FIELD"]]
    if columns != "*" and field not in columns:
        final["load_col"] = {**final["load_col"], "item": [*columns, field]}
