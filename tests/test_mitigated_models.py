"""Every trainable model of RecBole with LA, with ILE and with IPS: an epoch on MovieLens 100K's most active users.

One contract for all: without a weight the parameters are stock RecBole's to the last bit, the losses that were
captured make up the model's main loss, and with a weight training stays finite and goes elsewhere. Stock RecBole
is seeded as we seed: by its own seeding GCMC, NGCF and SpectralCF differ from themselves with two threads.
"""

from __future__ import annotations

import importlib.util
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import recbole.utils
import torch
from recbole.data.transform import construct_transform
from recbole.utils import KGDataLoaderState, get_flops, init_seed

from recbole_ile.plugin.compat import safe_loading
from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.models.sources import ModuleSource
from recbole_ile.plugin.pipeline import build_model, prepare_data
from recbole_ile.plugin.registry import models_by_kind
from recbole_ile.plugin.seeding import seed_everything
from recbole_ile.plugin.support import PACKAGES, why_not
from recbole_ile.plugin.trainer import get_trainer

pytestmark = pytest.mark.slow

COMMON: dict[str, Any] = {
    "user_inter_num_interval": "[400,inf)",
    "item_inter_num_interval": "[3,inf)",
    "train_batch_size": 500,
    "fast_loader": False,
    "state": "ERROR",
    "show_progress": False,
    "topk": 5,
    "metrics": ["NDCG"],
    "valid_metric": "NDCG@5",
}
BY_KIND: dict[str, dict[str, Any]] = {
    "general": {},
    "context-aware": {"metrics": ["AUC"], "valid_metric": "AUC"},
    "sequential": {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 5},
    "knowledge-aware": {"train_batch_size": 2000},
}
NEGATIVES = {"distribution": "uniform", "sample_num": 1, "alpha": 1.0, "dynamic": False, "candidate_num": 0}
OPTIONS: dict[str, dict[str, Any]] = {
    "CDAE": {"reg_weight_1": 0.0, "reg_weight_2": 0.0},
    "DGCF": {"user_inter_num_interval": "[200,inf)", "n_iterations": 1, "n_layers": 1, "embedding_size": 16},
    "DIEN": {"train_neg_sample_args": NEGATIVES},
    "DIN": {"train_neg_sample_args": NEGATIVES},
    "ENMF": {"dropout_prob": 0.0},
    "FPMC": {"train_neg_sample_args": NEGATIVES},
    "KD_DAGFM": {"train_batch_size": 2000},
    "KGNNLS": {"ls_weight": 0.0, "reg_weight": 0.0},
    "LDiffRec": {"lamda": 0.0, "anneal_cap": 0.0, "vae_anneal_cap": 0.0},
    "MacridVAE": {"anneal_cap": 0.0, "total_anneal_steps": 0, "reg_weights": [0.0, 0.0]},
    "MultiVAE": {"anneal_cap": 0.0, "total_anneal_steps": 0},
    "RaCT": {"train_stage": "actor_pretrain", "anneal_cap": 0.0, "total_anneal_steps": 0},
    "RecVAE": {"beta": 0.0, "gamma": 0.0},
    "RepeatNet": {"joint_train": False},
    "RippleNet": {"n_hop": 1, "n_memory": 2},
    "SGL": {"reg_weight": 0.0, "ssl_weight": 0.0},
    "SINE": {"train_neg_sample_args": NEGATIVES},
    "SimpleX": {"reg_weight": 0.0},
    "TransRec": {"train_neg_sample_args": NEGATIVES},
}
"""Beside what a model needs here, the weights that leave an inline loss nothing but its main part."""

NOT_HERE = {"GRU4RecKG": "needs embeddings of entities", "KSR": "needs embeddings of entities"}
KINDS = {model: kind for kind, models in models_by_kind().items() for model in models}
MODELS = [model for model in KINDS if why_not("ILE", model) is None and model not in NOT_HERE]


def trained(name: str, options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """A model of ours after an epoch, its trainer and the loader of its batches."""
    with quiet_recbole():
        config = IleConfig(name, "ml-100k", config_dict=options)
        seed_everything(config)
        data = prepare_data(config)
        net = build_model(config, data)
        trainer = get_trainer(config)(config, net)
        return net, an_epoch(trainer, data.train), data.train


def stock(base: str, options: dict[str, Any]) -> Any:
    """RecBole's own model after an epoch, made as its ``quick_start`` does."""
    with quiet_recbole():
        config = IleConfig(base, "ml-100k", config_dict=options)
        seed_everything(config)
        data = prepare_data(config)
        seed_everything(config)
        with safe_loading():
            net = recbole.utils.get_model(base)(config, data.train._dataset)
        get_flops(net, data.dataset, config["device"], logging.getLogger(), construct_transform(config))
        an_epoch(recbole.utils.get_trainer(config["MODEL_TYPE"], base)(config, net), data.train)
        return net


def an_epoch(trainer: Any, train: Any) -> Any:
    if hasattr(trainer.model, "e_step"):
        trainer.model.e_step()
    trainer._train_epoch(train, 0)
    return trainer


def prepared(base: str) -> dict[str, Any]:
    """The options of a model, whose pre-training, if it has one, is done here."""
    options = {**COMMON, **BY_KIND[KINDS[base]], **OPTIONS.get(base, {})}
    if base == "S3Rec":
        _, trainer, _ = trained("S3Rec", {**options, "train_stage": "pretrain"})
        trainer.save_pretrained_model(0, str(Path("pretrained.pth").absolute()))
        options |= {"train_stage": "finetune", "pre_model_path": str(Path("pretrained.pth").absolute())}
    return options


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other)) and torch.equal(one.isnan(), other.isnan())


def main_loss_of_a_batch(model: Any, train: Any, base: str) -> tuple[float, float]:
    """A batch's main loss as the model computes it, and as the captured losses add up to."""
    if base == "MKR":
        train.set_mode(KGDataLoaderState.RS)
    batch = next(iter(train))
    modules: list[torch.Tensor] = []
    if isinstance(model.loss_source, ModuleSource):
        model.loss_source.module.register_forward_hook(lambda *call: modules.append(call[2]))
    model.train()
    init_seed(7, True)
    total = model.calculate_loss(batch, *([True] if base == "RecVAE" else []))
    own = total[0] if isinstance(total, tuple) else total
    captured = model.captured_losses
    if base == "ENMF":
        own = squared_error(model, batch)
        return own.item(), (captured.scale * captured.observed().sum()).item()
    return (modules[0] if modules else own).item(), (captured.scale * captured.values.sum()).item()


def squared_error(model: Any, batch: Any) -> torch.Tensor:
    """ENMF's error of the observed interactions, from a whole matrix of scores."""
    model.eval()
    model.forward(batch["user_id"])
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding.weight
    scores = (users * model.H_i.weight) @ items.T
    observed = torch.zeros_like(scores)
    observed.scatter_(1, model.history_item_matrix[batch["user_id"]], 1.0)
    observed[:, 0] = 0.0
    return (observed * (1.0 - scores) ** 2).sum()


@pytest.mark.parametrize("base", MODELS)
def test_a_model_keeps_the_contract(base: str) -> None:
    if base in PACKAGES and importlib.util.find_spec(PACKAGES[base]) is None:
        pytest.skip(f"needs {PACKAGES[base]}")
    options = prepared(base)
    plain = stock(base, options).state_dict()
    adjusted = why_not("LA", base) is None
    unweighted, _, train = trained(f"{base}{'_LA' * adjusted}_ILE", {**options, "la_tau": 0, "ile_lambda": 0})
    found = unweighted.state_dict()
    assert plain.keys() == found.keys()
    assert [name for name in plain if not same(plain[name], found[name])] == []
    expected, captured = main_loss_of_a_batch(unweighted, train, base)
    assert captured == pytest.approx(expected, rel=1e-6)
    for mitigation in (*["LA"] * adjusted, "ILE", "IPS"):
        model, trainer, _ = trained(f"{base}_{mitigation}", options)
        parameters = dict(model.named_parameters())
        assert any(not same(plain[name], value.detach()) for name, value in parameters.items()), mitigation
        (epoch,) = trainer.group_losses
        assert len(epoch["losses"]) == 3
        assert all(math.isfinite(loss) for loss in epoch["losses"])
