"""What a configuration that lies in a file of somebody's may cause: a short list of what is allowed."""

from __future__ import annotations

import functools
import logging
import math
import re
from pathlib import Path
from typing import Any

import recbole
import yaml
from recbole.utils.argument_list import dataset_arguments, evaluation_arguments, training_arguments

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.mitigations import mitigation_of_option
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS, own_model_options
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.trust import is_trusting

READING = (
    *("data_path", "encoding", "numerical_features", "discretization", "kg_reverse_r"),
    *("entity_kg_num_interval", "relation_kg_num_interval"),
)
"""How data are read, beyond what RecBole lists itself. ``data_path`` is the only path among them."""
TRAINING = (
    *("seed", "reproducibility", "shuffle", "require_pow", "enable_amp", "enable_scaler", "transform"),
    *("eval_neg_sample_args", "valid_neg_sample_args", "test_neg_sample_args"),
    *("use_gpu", "show_progress", "state"),
)
"""How a model is trained and evaluated, beyond what RecBole lists itself."""
WORDS = frozenset(
    (
        *("accum", "ae_act_func", "aggregator", "aggregator_type", "algorithm", "dnn_type", "gru_type"),
        *("hid_activation", "hidden_act", "ind", "item_attribute", "loss_function", "loss_type", "mean_type"),
        *("mlp_act_func", "neigh_info_method", "noise_schedule", "out_activation", "phase", "pooling_mode"),
        *("pooling_type", "structure", "teacher", "train_stage", "type", "selected_features", "contrast", "sim"),
        *("mechanism_type", "agg_type", "inter_matrix_type", "fredom_type"),
        *("pooling_type_layer_1", "pooling_type_layer_2"),
    )
)
"""The settings of RecBole's models whose values are words; a word is letters, digits and underscores."""
FILE_PARTS = ("additional_feat_suffix", "benchmark_filename")
"""Settings that name parts of a data set's files, and no folders."""
OWN_STATE = ("pre_model_path", "warm_up")
"""The files of a pre-training without which RecBole does not make a model: the checkpoint, which holds its state."""
_WORD = re.compile(r"\w[\w-]*")


def stored_settings(settings: dict[str, Any], source: str | Path) -> dict[str, Any]:
    """Return the entries of a stored configuration that may act: hyper-parameters, and how the data are read.

    Of paths, ``data_path`` alone is taken, and shown in the log. With ``trusting_checkpoints`` all are.

    Args:
        settings: options by name, as a checkpoint or the folder of a sweep holds them.
        source: the file that they come from.

    Returns:
        The options that may act; the file of a pre-training is ``source`` itself.

    Raises:
        InputError: for a value that is no data.
    """
    if is_trusting():
        return dict(settings)
    taken, left = {}, []
    for key, value in settings.items():
        named = key in FILE_PARTS and any("/" in text or "\\" in text for text in _texts(value))
        if not _is_data(value) or named:
            raise InputError(
                f"{source}: its option {key}={value!r} is not allowed; it takes numbers, texts and lists, and no paths"
            )
        if key in OWN_STATE and value:
            taken[key] = str(source)
        elif may_act(key, value):
            taken[key] = value
        else:
            left.append(key)
    logger = logging.getLogger()
    if "data_path" in taken:
        logger.info(f"data_path={taken['data_path']} is that of {source}")
    if left:
        logger.info(f"options of {source} that only the user may give, and that are left out: {', '.join(left)}")
    return taken


def may_act(key: str, value: Any) -> bool:
    """Tell whether an option may act when it was read from a file of somebody's."""
    name = key.partition(".")[0]
    if name in _own_and_recboles():
        return True
    return name in _of_models() and (name in WORDS or not _holds_text(value)) and _is_words(value)


@functools.cache
def _own_and_recboles() -> frozenset[str]:
    own = (*defaults("overall.yaml"), *mitigation_of_option())
    listed = (*dataset_arguments, *training_arguments, *evaluation_arguments)
    return frozenset((*READING, *TRAINING, *listed, *own)) - {"dataset_cache"}


@functools.cache
def _of_models() -> frozenset[str]:
    """Return the names of the hyper-parameters of RecBole's models and ours."""
    keys = {key for model in OWN_MODELS for key in own_model_options(model)}
    for path in (Path(recbole.__file__).parent / "properties" / "model").glob("*.yaml"):
        keys.update(yaml.safe_load(path.read_text(encoding="utf-8")) or ())
    return frozenset(keys) - _own_and_recboles()


def _is_data(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str | int) and _is_data(entry) for key, entry in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_data, value))
    if isinstance(value, float):
        return not math.isnan(value)
    return value is None or isinstance(value, str | int)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for entry in value.items() for text in _texts(list(entry))]
    if isinstance(value, list | tuple):
        return [text for entry in value for text in _texts(entry)]
    return [value] if isinstance(value, str) else []


def _holds_text(value: Any) -> bool:
    return bool(_texts(value))


def _is_words(value: Any) -> bool:
    return all(_WORD.fullmatch(text) for text in _texts(value))
