"""RecBole's configuration with the plugin's defaults, checked before anything runs."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml
from recbole.config import Config

from recbole_ile.errors import InputError
from recbole_ile.files import check_folder_name
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.catalogue.own_models import own_model_options
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.config.known_keys import GROUP_KEYS, check_own_keys
from recbole_ile.plugin.config.needed_columns import FEATURE_COLUMNS, settle_reading
from recbole_ile.plugin.config.rules import check_settings, check_types
from recbole_ile.plugin.config.values import read_config_file, read_literal
from recbole_ile.plugin.processes.group import join_group


class IleConfig(Config):
    """RecBole's ``Config`` for any model name of this plugin.

    ``stored_config_dict`` holds the options of an earlier run, over which files and ``config_dict`` win.

    Differs from it in six ways: RecBole's defaults are those of the base model, with ours added; nothing
    is read from ``sys.argv``; strings are read as literals and never evaluated; a key with dots
    (``eval_args.order``) sets one entry of a dictionary; misspelt keys and impossible values are refused;
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
        settle_reading(self)

    @property
    def name(self) -> ModelName:
        """The model's name as a value; no attribute, so that a configuration is stored as plain data."""
        return ModelName.parse(self.model)

    def _build_yaml_loader(self) -> Any:
        return yaml.FullLoader

    def _load_cmd_line(self) -> dict[str, Any]:
        return {}

    def _convert_config_dict(self, config_dict: dict[str, Any]) -> dict[str, Any]:
        return {key: read_literal(value) for key, value in config_dict.items()}

    def _load_config_files(self, file_list: list[str] | None) -> dict[str, Any]:
        merged = self.stored_config_dict
        for file in [file_list] if isinstance(file_list, str) else file_list or []:
            content = read_config_file(file, _yaml_loader().yaml_implicit_resolvers)
            for key in GROUP_KEYS:
                if key in content:
                    raise InputError(
                        f"configuration file {file}: {key} says which processes train together, and is said on the "
                        "command line alone"
                    )
            merged = _merge(merged, content)
        return merged

    def _merge_external_config_dict(self) -> None:
        self.external_config_dict = _merge(self.file_config_dict, self.variable_config_dict)
        check_own_keys(self.external_config_dict)

    def _get_model_and_dataset(self, model: Any, dataset: str | None) -> tuple[str, type[Any], str]:
        name = model or self.external_config_dict.get("model")
        data = dataset or self.external_config_dict.get("dataset")
        if not isinstance(name, str):
            raise InputError("no model: give its name, --model=BPR_ILE say, or `model` in a configuration file")
        if not isinstance(data, str):
            raise InputError("no dataset: give its name, --dataset=ml-100k say, or `dataset` in a configuration file")
        if Path(data).name != data and data.isprintable() and data.strip():
            raise InputError(f"dataset {data} is a path; give its name, and the folder that holds it as --data_path")
        check_folder_name("dataset", data)
        return name, get_model(name), data

    def _load_internal_config_dict(self, _: str, model_class: type[Any], dataset: str) -> None:
        super()._load_internal_config_dict(self.name.base, model_class, dataset)
        self.internal_config_dict.update(own_model_options(self.name.base))
        for mitigation in self.name.mitigations:
            self.internal_config_dict.update(copy.deepcopy(mitigation.options))

    def _update_internal_config_dict(self, file: Any) -> Any:
        self.yaml_loader = _yaml_loader()
        try:
            loaded = super()._update_internal_config_dict(file)
        finally:
            self.yaml_loader = yaml.FullLoader  # which is stored with the configuration
        if Path(file).name == "overall.yaml":  # before the model's own file, which may ask for other metrics
            self.internal_config_dict.update(defaults("overall.yaml"))
        return loaded

    def _get_final_config_dict(self) -> dict[str, Any]:
        final = super()._get_final_config_dict()
        for key in [key for key in self.external_config_dict if "." in key]:
            _set_entry(final, key, final.pop(key))
        check_types(self.internal_config_dict, final, self.name.base)
        _load_feature_columns(final)
        return final

    def _init_device(self) -> None:
        """Find the device as if this process were alone, then meet the others if it is not."""
        local_rank = self.final_config_dict.pop("local_rank", None)
        super()._init_device()
        if local_rank is not None:
            self.final_config_dict.update(join_group(self.final_config_dict, local_rank))
        for key in GROUP_KEYS:
            self.external_config_dict.pop(key, None)


@functools.cache
def _yaml_loader() -> Any:
    """Return a loader with RecBole's rules, which RecBole adds to PyYAML's own class once more for every configuration.

    That of libyaml, where it is there, reads the same several times faster.
    """
    rules = Config._build_yaml_loader(None).yaml_implicit_resolvers
    own = {first: list(each) for first, each in rules.items()}  # what PyYAML's class has does not outlive a call
    return type("Loader", (getattr(yaml, "CFullLoader", yaml.FullLoader),), {"yaml_implicit_resolvers": own})


def for_recbole(config: IleConfig) -> IleConfig:
    """Return a copy under the base model's name, by which RecBole chooses data sets and loaders, of a process alone."""
    return _changed(config, model=config.name.base, single_spec=True)


def adopt(config: IleConfig, asked: IleConfig) -> None:
    """Take what RecBole wrote into the copy that ``for_recbole`` gave it: names of columns that its transforms add."""
    known = config.final_config_dict
    known.update({key: value for key, value in asked.final_config_dict.items() if key not in known})


def alone(config: IleConfig) -> IleConfig:
    """Return a copy in which this process trains alone, so that RecBole does what it does then."""
    return _changed(config, single_spec=True)


def of_member(config: IleConfig, number: int) -> IleConfig:
    """Return the configuration of an ensemble's member: what is trained, under a seed of its own."""
    member = _changed(config, model=str(config.name.trained), seed=config["seed"] + number)
    member.model = str(config.name.trained)
    return member


def _changed(config: IleConfig, **settings: Any) -> IleConfig:
    changed = copy.copy(config)
    changed.final_config_dict = {**config.final_config_dict, **settings}
    return changed


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


def _load_feature_columns(final: dict[str, Any]) -> None:
    """Have the columns loaded by which items or users are grouped or lists calibrated."""
    for option, kind in FEATURE_COLUMNS.items():
        field = final.get(option)
        if not field or not isinstance(final.get("load_col"), dict):
            continue
        columns = final["load_col"].get(kind) or [final[f"{kind.upper()}_ID_FIELD"]]
        if columns != "*" and field not in columns:
            final["load_col"] = {**final["load_col"], kind: [*columns, field]}
