"""What the package plants in RecBole: once each, and beside what is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from recbole.data import create_dataset, utils
from recbole.data.dataset import Dataset
from recbole.evaluator import register
from recbole.trainer import trainer
from recbole.utils import case_study, logger

from recbole_ile.plugin import compat, hooks
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.cache import number_rows
from recbole_ile.plugin.patching import Patches, StandIn

PATCHED: tuple[Any, ...] = (Dataset, trainer, utils, logger, case_study, register)


@pytest.mark.parametrize("patch", [*compat.SHIMS, *itertools.chain(*hooks.HOOKS)], ids=lambda patch: patch.__name__)
def test_every_shim_and_hook_says_what_it_changes_and_until_when(patch: Callable[[], None]) -> None:
    assert patch.__doc__ is not None
    assert "can go when" in " ".join(patch.__doc__.lower().split())


def test_applying_twice_changes_nothing() -> None:
    before = [dict(vars(patched)) for patched in PATCHED]
    hooks.apply()
    assert [dict(vars(patched)) for patched in PATCHED] == before


def test_a_patch_runs_once_and_in_its_order() -> None:
    patches, ran = Patches(), []
    first = patches.add(lambda: ran.append("first"))
    second = patches.add(lambda: ran.append("second"))
    patches.apply()
    patches.apply()
    assert ran == ["first", "second"]
    assert list(patches) == [first, second]


def test_a_stand_in_has_all_else_of_its_module_and_leaves_it_alone() -> None:
    module = ModuleType("module")
    vars(module).update(read=lambda: "stock", write=lambda: "written")
    inner = StandIn(module, read=lambda: "safe")
    outer: Any = StandIn(inner, write=lambda: f"not {inner.write()}")
    assert (outer.read(), outer.write(), module.read()) == ("safe", "not written", "stock")
    vars(module)["later"] = 1
    assert outer.later == 1
    with pytest.raises(AttributeError, match="missing"):
        _ = outer.missing


def test_rows_are_numbered_for_the_cache_alone(tiny: Path) -> None:
    config = IleConfig("BPR", "tiny", config_dict={"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2"})
    dataset = create_dataset(config)
    number_rows(dataset)
    columns = set(dataset.inter_feat.columns)
    parts = dataset.build()
    assert all(set(part.inter_feat.columns) == columns for part in parts)
