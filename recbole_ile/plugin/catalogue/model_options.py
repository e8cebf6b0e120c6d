"""Which options a model has, so that what is tried of several models reaches those alone that read it."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import recbole

from recbole_ile.plugin.catalogue.mitigations import mitigation_of_option
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.catalogue.support import without_loss

_RECBOLE = Path(recbole.__file__).parent / "properties"
_OF_TRAINING = frozenset(
    (
        *("epochs", "train_batch_size", "learner", "learning_rate", "eval_step", "stopping_step", "clip_grad_norm"),
        *("weight_decay", "train_neg_sample_args", "enable_amp", "enable_scaler"),
    )
)
"""General options that nothing reads of a model that is not trained by its loss."""


def has_option(name: ModelName, key: str) -> bool:
    """Tell whether a model reads an option, ``train_neg_sample_args.alpha`` say, as far as the YAML files tell.

    Options of mitigations belong to the models that have the mitigation, those in a model's own file to this model
    and the others that list them, options of training to models with a loss; whatever else there is, to all.
    """
    option = key.split(".")[0]
    if option in mitigation_of_option():
        return option in name.keys
    if option in _own_options(name.base):
        return True
    if without_loss(name.base) and option in _OF_TRAINING:
        return False
    return option in _general_options() or option not in _options_of_models()


def _own_options(base: str) -> frozenset[str]:
    return frozenset().union(*(_top_keys(folder / "model" / f"{base}.yaml") for folder in _folders()))


@functools.cache
def _options_of_models() -> frozenset[str]:
    files = [path for folder in _folders() for path in sorted((folder / "model").glob("*.yaml"))]
    return frozenset().union(*map(_top_keys, files))


@functools.cache
def _general_options() -> frozenset[str]:
    return frozenset().union(*(_top_keys(folder / "overall.yaml") for folder in _folders()))


def _folders() -> tuple[Path, Path]:
    return _RECBOLE, properties_dir()


@functools.cache
def _top_keys(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    return frozenset(re.findall(r"^([A-Za-z_][\w-]*)\s*:", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
