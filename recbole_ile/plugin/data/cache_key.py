"""What a prepared data set depends on, in one digest: equal keys, equal data set."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import recbole
import recbole.data.dataset
import torch
from recbole.utils.argument_list import evaluation_arguments, general_arguments, training_arguments

from recbole_ile.plugin.catalogue.mitigations import mitigation_of_option
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.data.checksummed_file import file_digest
from recbole_ile.plugin.data.split_ids import SPLIT

FORMAT = 2
"""Number of the layout and meaning of an entry; a change of either needs the next."""

_SUFFIXES = ("inter", "user", "item", "kg", "link", "net")
_PLACES = frozenset(("data_path", "checkpoint_dir", "local_rank"))
"""Read by RecBole's data sets to find files or to say who downloads them, without a trace in what they hold."""
_DERIVED = frozenset(("model", "MODEL_TYPE", "MODEL_INPUT_TYPE", "eval_type", "device", "single_spec", "config_files"))
_PER_PHASE = frozenset(("valid_neg_sample_args", "test_neg_sample_args"))


def dataset_key(config: Any, content: str) -> str:
    """Return the key of the data set that RecBole would prepare now: a digest of all that it depends on.

    That is the content of every atomic file, the versions of the libraries, the kind of data set, the state of
    torch's generator if the rows are to be shuffled, and every setting but those that training or evaluation
    alone reads. A setting that nobody knows counts: better an entry too many than a wrong one.

    Args:
        config: data set and every option.
        content: ``content_digest(config)``.
    """
    versions = (recbole.__version__, torch.__version__, np.__version__, pd.__version__)
    digest = hashlib.sha256(repr((FORMAT, versions, _kind(config), _settings(config), content)).encode())
    if is_shuffled(config):
        digest.update(torch.get_rng_state().numpy().tobytes())
    return digest.hexdigest()[:32]


def content_digest(config: Any) -> str:
    """Return one digest of the content of all atomic files of a data set."""
    found = [(path.name, file_digest(path).hex()) for path in atomic_files(config) if path.is_file()]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def atomic_files(config: Any) -> list[Path]:
    """Return the paths of the atomic files that RecBole may read; not all of them exist."""
    parts = [f"{part}.inter" for part in config["benchmark_filename"] or ()]
    described = [SPLIT] if parts else []
    suffixes = dict.fromkeys((*_SUFFIXES, *parts, *described, *(config["additional_feat_suffix"] or ())))
    return [Path(config["data_path"]) / f"{config['dataset']}.{suffix}" for suffix in suffixes]


def is_shuffled(config: Any) -> bool:
    """Return whether splitting is to draw from torch's generator."""
    return config["benchmark_filename"] is None and config["eval_args"]["order"] != "TO"


@functools.cache
def settings_without_effect() -> frozenset[str]:
    """Return the settings that no data set depends on: those of models, training and evaluation.

    What the sources of RecBole's data sets read is never among them, whoever else reads it.
    """
    stock, ours = Path(recbole.__file__).parent / "properties", properties_dir()
    files = [stock / "overall.yaml", ours / "overall.yaml"]
    files += (stock / "model").glob("*.yaml")
    names = {
        *mitigation_of_option(),
        *general_arguments,
        *training_arguments,
        *evaluation_arguments,
        *_DERIVED,
        *_PER_PHASE,
    }
    for file in files:
        names.update(re.findall(r"^([A-Za-z_]\w*)\s*:", file.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return frozenset(names - _read_by_data_sets() - {"item_group_field", "user_group_field"} | _PLACES)


def _read_by_data_sets() -> set[str]:
    names = set()
    for file in Path(recbole.data.dataset.__file__).parent.glob("*.py"):
        names.update(re.findall(r"""config\[["'](\w+)["']\]""", file.read_text(encoding="utf-8")))
    return names


def _kind(config: Any) -> str:
    """Return what RecBole chooses the class of a data set by."""
    own = f"{config['model']}Dataset"
    return own if hasattr(recbole.data.dataset, own) else str(config["MODEL_TYPE"])


def _settings(config: Any) -> list[tuple[str, str]]:
    settings = {
        name: value for name, value in config.final_config_dict.items() if name not in settings_without_effect()
    }
    settings["eval_args"] = {name: value for name, value in config["eval_args"].items() if name != "mode"}
    return sorted((name, repr(value)) for name, value in settings.items())
