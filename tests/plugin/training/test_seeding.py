"""The same seed, the same parameters, also of models whose gradients several threads add up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.training.seeding import seed_everything

ACTIVE_USERS = {"user_inter_num_interval": "[300,inf)", "epochs": 1, "show_progress": False, "state": "ERROR"}


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.trains
@pytest.mark.parametrize("model", ["NGCF_ILE", "SpectralCF"])
def test_two_runs_end_with_the_same_parameters(model: str) -> None:
    def parameters() -> dict[str, Any]:
        run = run_recbole_ile(model=model, dataset="ml-100k", config_dict=ACTIVE_USERS)
        return load_model(run["checkpoint"]).state_dict()

    first, second = parameters(), parameters()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_reproducibility_can_be_given_up(tiny: Path) -> None:
    for wanted in (True, False):
        options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "reproducibility": wanted}
        seed_everything(IleConfig("BPR", "tiny", config_dict=options))
        assert torch.are_deterministic_algorithms_enabled() == wanted
