"""Graph models with fast products are RecBole's own, and stay plain where they are asked to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.data import create_dataset, data_preparation
from recbole.utils import init_seed

from recbole_ile import get_model
from recbole_ile.kernels.propagation import SymmetricMatrix
from recbole_ile.plugin.config.config import IleConfig, for_recbole

GRAPHS = {"LightGCN": "norm_adj_matrix", "NCL": "norm_adj_mat"}


def made(model: str, tiny: Path, fast: bool) -> tuple[Any, Any]:
    """A model and one batch of all its training interactions."""
    settings = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "fast_loader": fast, "num_clusters": 2}
    config = IleConfig(model, "tiny", config_dict=settings)
    init_seed(config["seed"], True)
    asked = for_recbole(config)
    train, _, _ = data_preparation(asked, create_dataset(asked))
    net = get_model(model)(config, train._dataset)
    if model == "NCL":
        net.e_step()
    return net, next(iter(train))


@pytest.mark.parametrize("model", GRAPHS)
def test_loss_gradients_and_scores_are_those_of_recbole(model: str, tiny: Path) -> None:
    results = []
    for fast in (True, False):
        net, batch = made(model, tiny, fast)
        assert isinstance(getattr(net, GRAPHS[model]), SymmetricMatrix if fast else torch.Tensor)
        loss = net.calculate_loss(batch)
        loss = sum(loss) if isinstance(loss, tuple) else loss
        gradients = torch.autograd.grad(loss, [*net.parameters()])
        results.append((loss, *gradients, net.full_sort_predict(batch)))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
