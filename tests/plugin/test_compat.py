"""The shims: each mends what is broken on today's libraries, once."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from atomic import tiny_lines, write_atomic
from recbole.config import Config
from recbole.data import create_dataset
from scipy.sparse import dok_matrix

from recbole_ile.plugin import compat
from recbole_ile.plugin.config.config import IleConfig


def test_applying_twice_changes_nothing() -> None:
    before = Config._init_device
    compat.SHIMS.apply()
    assert Config._init_device is before


def test_stock_configuration_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["stock"])
    assert Config("BPR", "ml-100k")["embedding_size"] == 64
    assert np.float_ is np.float64


def test_the_adjacency_of_the_graph_models_can_be_filled() -> None:
    matrix = dok_matrix((2, 3), dtype=np.float32)
    matrix._update({(0, 1): 1, (1, 2): 1})
    assert matrix.toarray().tolist() == [[0, 1, 0], [0, 0, 1]]


def test_clustering_stands_in_for_missing_packages() -> None:
    points = torch.tensor([[0.0, 0.0], [0.1, 0.0], [9.0, 9.0], [9.1, 9.0]])
    labels, centres = importlib.import_module("kmeans_pytorch").kmeans(X=points, num_clusters=2, distance="euclidean")
    assert labels[0] == labels[1] != labels[2] == labels[3]
    assert centres.shape == (2, 2)
    found = importlib.import_module("faiss").Kmeans(d=2, k=9, gpu=True)
    found.train(points.numpy())
    _, nearest = found.index.search(points.numpy(), 1)
    assert nearest.shape == (4, 1)
    assert np.allclose(found.centroids[nearest[:, 0]], points.numpy())


def test_missing_values_are_filled_on_pandas_3(tmp_path: Path) -> None:
    write_atomic(tmp_path, "tiny", tiny_lines())
    items = ["item_id:token", "price:float", "kind:token", "tags:token_seq"]
    rows = [["a", "1", "x", "p q"], ["b", "", "", ""], ["c", "3", "x", "p"]]
    lines = ["\t".join(columns) for columns in [items, *rows]]
    (tmp_path / "tiny" / "tiny.item").write_text("\n".join(lines) + "\n")
    options = {
        "data_path": str(tmp_path),
        "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id", "price", "kind", "tags"]},
        "filter_inter_by_user_or_item": False,
        "topk": 2,
        "valid_metric": "NDCG@2",
    }
    dataset = create_dataset(IleConfig("BPR", "tiny", config_dict=options))
    row = dataset.item_feat.iloc[dataset.field2token_id["item_id"]["b"]]
    assert row["price"] == pytest.approx(2.0)
    assert row["kind"] == 0
    assert len(row["tags"]) == 0


def test_quick_start_is_there_without_ray() -> None:
    quick_start = importlib.import_module("recbole.quick_start.quick_start")
    assert callable(quick_start.run_recbole)
    assert quick_start.tune.__name__ == "ray.tune"
