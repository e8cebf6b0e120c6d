"""Every model of RecBole goes all the way: trained, read back, evaluated, continued and recommended from.

Each plain, each with all its mitigations at once, and each mitigation alone on a model of every kind; what works is
what ``doctor --models`` says. The options are those that RecBole's own tests give its models.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import recbole.utils
import torch
from model_data import (
    BY_LISTS,
    BY_SAMPLES,
    BY_VALUES,
    KINDS,
    MAIN_PART,
    N_USERS,
    NAME,
    VARIANTS,
    options_of,
    why_not,
    write_model_data,
)
from recbole.data.transform import construct_transform
from recbole.utils import KGDataLoaderState, get_flops, init_seed

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.catalogue.mitigations import Stage, known_mitigations
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.support import missing_packages
from recbole_ile.plugin.checkpoints.pretrained_models import safe_loading
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.losses.observers import ModuleObserver
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trainer import get_trainer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

ONE_OF_A_KIND = {"general": "NeuMF", "context-aware": "FM", "sequential": "STAMP", "knowledge-aware": "CKE"}
LABELLED = [model for model, kind in KINDS.items() if kind == "context-aware"]
VALUED = ["DIN", "DIEN"]
"""The models of other kinds that RecBole evaluates by the values of sampled items."""
TRADITIONAL = ("ADMMSLIM", "EASE", "IALS", "ItemKNN", "Pop", "Random", "SLIMElastic")
"""The models that train for one epoch whatever is asked for."""


class Case(NamedTuple):
    """A model's name and what it is run with beside the options of its base."""

    name: str
    options: dict[str, Any]

    def __str__(self) -> str:
        further = ",".join(f"{key}={value}" for key, value in self.options.items() if key != "train_neg_sample_args")
        return f"{self.name}-{further}" if self.options else self.name


def mitigated(base: str) -> str:
    """The name of a model with all mitigations that work on it."""
    return "_".join([base, *(each for each in known_mitigations() if why_not(each, base) is None)])


def cases() -> list[Case]:
    alone = [
        f"{base}_{mitigation}"
        for base in ONE_OF_A_KIND.values()
        for mitigation in known_mitigations()
        if why_not(mitigation, base) is None
    ]
    names = [name for base in KINDS for name in (base, mitigated(base))]
    plain = [Case(name, {}) for name in dict.fromkeys([*names, *alone])]
    return [*plain, *(Case(base, options) for base, options in VARIANTS)]


@pytest.fixture(scope="session")
def models_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_data(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def _quick(models_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One cache of the data set for all; threads would wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("RECBOLE_ILE_CACHE", str(models_data / "cache"))
    yield
    torch.set_num_threads(threads)


def prepared(base: str, data: Path) -> dict[str, Any]:
    """The options of a model, whose pre-training, if it has one, is done here."""
    options = {**options_of(base), "data_path": str(data)}
    if base == "S3Rec":
        stage = {"train_stage": "pretrain", "pretrain_epochs": 1, "save_step": 1}
        pretrained = run_recbole_ile(base, NAME, config_dict={**options, **stage})["checkpoint"]
        options |= {"train_stage": "finetune", "pre_model_path": str(Path(pretrained).absolute())}
    return options


def check_result(result: dict[str, Any]) -> None:
    values = result["test_result"]
    assert values
    assert all(math.isfinite(value) for value in values.values())
    if "upd@5" in values:
        assert 0.0 <= values["upd@5"] <= math.log(2)
        assert sum(row["recommendation_share"] for row in result["test_by_item_group"]) == pytest.approx(1.0)
    for epoch in result["group_losses"]:
        assert all(math.isfinite(loss) for loss in epoch["losses"] if loss is not None)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_model_goes_all_the_way(case: Case, models_data: Path) -> None:
    name = ModelName.parse(case.name)
    base, mitigations = name.base, name.suffixes
    missing = missing_packages(base)
    if missing:
        with pytest.raises(InputError, match=rf"model {base} needs .* not installed: {' and '.join(missing)}"):
            run_recbole_ile(case.name, NAME, config_dict=options_of(base))
        return
    options = {**prepared(base, models_data), **case.options}
    trained = run_recbole_ile(case.name, NAME, config_dict=options)
    check_result(trained)
    checkpoint = trained["checkpoint"]
    again = run_recbole_ile(checkpoint=checkpoint)
    assert again["test_result"] == trained["test_result"]
    assert json.loads(Path(trained["output_dir"], "result.json").read_text())["model"] == case.name
    if case.options:
        return
    ways = [BY_LISTS, BY_SAMPLES, *[BY_VALUES] * (base in VALUED)]
    for way in ways:
        check_result(run_recbole_ile(checkpoint=checkpoint, config_dict=way))
    further = {**options, "epochs": 2}
    if "PUFR" in mitigations or base in TRADITIONAL or base == "RaCT":
        with pytest.raises(InputError, match=r"nothing to continue|not that of checkpoint|cannot be continued"):
            run_recbole_ile(config_dict=further, resume=checkpoint)
    else:
        continued = run_recbole_ile(config_dict=further, resume=checkpoint)
        check_result(continued)
        assert continued["checkpoint"] == checkpoint
    assert main(["recommend", f"--checkpoint={checkpoint}", "--all", "--k=3", "--out=lists.csv"]) == 0
    lists = pd.read_csv("lists.csv")
    assert len(lists) == 3 * N_USERS
    assert lists["score"].notna().all()


class Learner(NamedTuple):
    """A model after an epoch, its trainer and the loader of its batches."""

    model: Any
    trainer: Any
    train: Any


def after_an_epoch(name: str, options: dict[str, Any], stock: bool = False) -> Learner:
    """Train a model of ours, or RecBole's own as its ``quick_start`` makes it but seeded as we seed.

    By RecBole's own seeding GCMC, NGCF and SpectralCF differ from themselves with two threads.
    """
    with quiet_recbole():
        config = IleConfig(name, NAME, config_dict=options)
        seed_everything(config)
        data = prepare_data(config)
        if stock:
            seed_everything(config)
            with safe_loading():
                model = recbole.utils.get_model(name)(config, data.train._dataset)
            get_flops(model, data.dataset, config["device"], logging.getLogger(), construct_transform(config))
            trainer = recbole.utils.get_trainer(config["MODEL_TYPE"], name)(config, model)
        else:
            model = build_model(config, data)
            trainer = get_trainer(config)(config, model)
        if hasattr(model, "e_step"):
            model.e_step()
        trainer._train_epoch(data.train, 0)
        return Learner(model, trainer, data.train)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other)) and torch.equal(one.isnan(), other.isnan())


def loss_of_a_batch(learner: Learner, base: str) -> tuple[Any, Any]:
    """A batch and its loss, the same random numbers drawn for every model that is asked for one."""
    if base == "MKR":
        learner.train.set_mode(KGDataLoaderState.RS)
    init_seed(7, True)
    batch = next(iter(learner.train))
    learner.model.train()
    init_seed(7, True)
    return batch, learner.model.calculate_loss(batch, *([True] if base == "RecVAE" else []))


def total(loss: Any) -> torch.Tensor:
    return sum(loss).reshape(()) if isinstance(loss, tuple) else loss.reshape(())


def main_loss_of_a_batch(learner: Learner, base: str) -> tuple[float, float]:
    """A batch's main loss as the model computes it, and as the captured losses add up to."""
    model = learner.model
    modules: list[torch.Tensor] = []
    if isinstance(model.loss_observer, ModuleObserver):
        model.loss_observer.module.register_forward_hook(lambda *call: modules.append(call[2]))
    batch, loss = loss_of_a_batch(learner, base)
    captured = model.batch_losses
    if base == "ENMF":
        return squared_error(model, batch).item(), (captured.scale * captured.observed().sum()).item()
    own = modules[0] if modules else (loss[0] if isinstance(loss, tuple) else loss)
    return own.item(), (captured.scale * captured.values.sum()).item()


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


MENDED = ("NGCF", "GRU4RecKG", "KSR", "KTUP")
"""Models that stock RecBole evaluates by chance, or cannot train: ours is what a mitigation must leave alone."""
WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "LA": {"la_tau": 0},
    "ILE": {"ile_lambda": 0},
    "PCC": {"pcc_weight": 0},
    "IPS": {"ips_max": 1, "ips_normalize": True},
}
IN_TRAINING = [suffix for suffix, each in known_mitigations().items() if each.stage is Stage.TRAINING]
TRAINED = [base for base in KINDS if why_not("ILE", base) is None and not missing_packages(base)]


@pytest.mark.parametrize("base", TRAINED)
def test_a_mitigation_without_weight_is_stock_recbole_and_with_one_changes_the_loss(
    base: str, models_data: Path
) -> None:
    """Without a weight the parameters are the base model's to the bit, and captured losses make up the main one."""
    options = {**prepared(base, models_data), **MAIN_PART.get(base, {}), "fast_loader": False}
    plain = after_an_epoch(base, options, stock=base not in MENDED).model.state_dict()
    neutral = [each for each in IN_TRAINING if each in WITHOUT_EFFECT and why_not(each, base) is None]
    weightless = {key: value for each in neutral for key, value in WITHOUT_EFFECT[each].items()}
    unweighted = after_an_epoch("_".join([base, *neutral]), {**options, **weightless})
    found = unweighted.model.state_dict()
    assert plain.keys() == found.keys()
    assert [name for name in plain if not same(plain[name], found[name])] == []
    expected, captured = main_loss_of_a_batch(unweighted, base)
    assert captured == pytest.approx(expected, rel=1e-6)
    own = total(loss_of_a_batch(unweighted, base)[1])
    for mitigation in IN_TRAINING:
        if why_not(mitigation, base) is None:
            name = f"{base}_{mitigation}"
            with quiet_recbole():
                config = IleConfig(name, NAME, config_dict=options)
                model = build_model(config, prepare_data(config))
            model.load_state_dict(found)
            if hasattr(model, "e_step"):
                model.e_step()
            weighted = total(loss_of_a_batch(unweighted._replace(model=model), base)[1])
            assert torch.isfinite(weighted), mitigation
            assert not torch.equal(weighted, own), mitigation
            weighted.backward()
            assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters()), mitigation
