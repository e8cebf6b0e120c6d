"""RecBole's case study of users who are in the test part, and of those who are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from model_data import NAME, options_of, write_model_data
from recbole.utils.case_study import full_sort_scores, full_sort_topk

from recbole_ile import InputError
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data


@pytest.mark.parametrize("model", ["BPR", "BPR_CP", "STAMP", "STAMP_CP"])
@pytest.mark.parametrize("fast", [True, False])
def test_a_user_outside_the_test_part_is_named(tmp_path: Path, model: str, fast: bool) -> None:
    data = write_model_data(tmp_path / "data")
    for suffix, row in {"inter": "alone\ti1\t5\t9\n", "user": "alone\t30\to1\n"}.items():
        path = data / NAME / f"{NAME}.{suffix}"
        path.write_text(path.read_text() + row)
    base = model.removesuffix("_CP")
    with quiet_recbole():
        config = IleConfig(model, NAME, config_dict={**options_of(base), "data_path": str(data), "fast_loader": fast})
        parts = prepare_data(config)
        net = build_model(config, parts)
    alone = parts.dataset.token2id("user_id", "alone")
    others = parts.dataset.token2id("user_id", ["u1", "u2"])
    scores, items = full_sort_topk(others, net, parts.test, 3)
    assert items.shape == (2, 3)
    if model == base:
        assert torch.equal(full_sort_scores(others, net, parts.test).topk(3).values, scores)
    if base == "BPR" and fast:
        assert full_sort_topk([alone], net, parts.test, 3)[1].shape == (1, 3)
    else:
        with pytest.raises(InputError, match=rf"user {alone} has no interaction in the part of {NAME}"):
            full_sort_topk([others[0], alone], net, parts.test, 3)
    with pytest.raises(InputError, match="user 1000 has no interaction"):
        full_sort_scores([1000], net, parts.test)
