"""Training in compiled loops is training: the same losses, parameters, optimiser and reports as with autograd."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich_data import LOADED, SMALL
from rich_training import prepare

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.models.bpr import BPR
from recbole_ile.plugin.training import pair_training
from recbole_ile.plugin.training.behaviour import Behaviour
from recbole_ile.plugin.training.pair_training import PairTraining

pytestmark = pytest.mark.trains

SAMPLED = {"distribution": "popularity", "sample_num": 2, "alpha": 0.5, "dynamic": False, "candidate_num": 0}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "BPR": ("BPR", {}),
    "LA": ("BPR_LA", {}),
    "IPS": ("BPR_IPS", {}),
    **{name: ("BPR_ILE", {"ile_distance": name, "ile_lambda": 0.5}) for name in ("ent", "mad", "range", "std")},
    "IPS by powers, normalised": ("BPR_IPS", {"ips_power": 0.7, "ips_clip": 0.3, "ips_normalize": True}),
    "GDRO": ("BPR_GDRO", {"gdro_step": 0.2}),
    "PCC": ("BPR_PCC", {"pcc_weight": 0.2}),
    "all": ("BPR_LA_ILE_IPS", {}),
    "all that there are": ("BPR_LA_ILE_PCC_IPS_GDRO", {"gdro_step": 0.2, "ips_normalize": True}),
    "re-ranked": ("BPR_ILE_EP_CP", {}),
    "Adam with decay": ("BPR_ILE", {"weight_decay": 0.01}),
    "AdamW": ("BPR", {"learner": "adamw", "weight_decay": 0.1}),
    "SGD": ("BPR_ILE", {"learner": "sgd", "learning_rate": 0.5}),
    "two negatives by popularity": ("BPR", {"train_neg_sample_args": SAMPLED}),
    "one batch": ("BPR_ILE", {"train_batch_size": 100_000}),
    "RecBole's order": ("BPR", {"shuffle": False}),
}
AUTOGRAD: dict[str, tuple[str, dict[str, Any]]] = {
    "fast_loader": ("BPR", {"fast_loader": False}),
    "learner": ("BPR", {"learner": "adagrad"}),
    "clip_grad_norm": ("BPR", {"clip_grad_norm": {"max_norm": 5}}),
    "another model": ("LightGCN", {}),
    "scores that are changed": ("BPR_PD", {}),
    "a model with tables of the same names": ("NNCF_LA_ILE_IPS", {}),
}


@pytest.fixture
def small(rich: Path) -> dict[str, Any]:
    further = {"metrics": ["NDCG", "UPD"], "state": "ERROR", "learning_rate": 0.003, "show_progress": False}
    return {**SMALL, "train_batch_size": 16, **further, "data_path": str(rich), "load_col": LOADED}


def assert_alike(one: Any, other: Any) -> None:
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(value, other.model.state_dict()[name], rtol=1e-3, atol=1e-4)
    if "GDRO" in one.config.name.suffixes:
        torch.testing.assert_close(one.model.gdro_shares, other.model.gdro_shares, rtol=1e-4, atol=1e-5)
    for own, theirs in zip(one.history.epochs, other.history.epochs, strict=True):
        np.testing.assert_allclose(own["losses"], theirs["losses"], rtol=1e-4)
    states = [trainer.optimizer.state_dict()["state"] for trainer in (one, other)]
    assert states[0].keys() == states[1].keys()
    for number, state in states[0].items():
        assert state.keys() == states[1][number].keys()
        for name, value in state.items():
            assert value.dtype == states[1][number][name].dtype
            torch.testing.assert_close(value, states[1][number][name], rtol=1e-2, atol=2e-5)


@pytest.mark.parametrize("case", CASES)
def test_epochs_are_those_of_autograd(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    name, further = CASES[case]
    (own, batches), (other, same) = (prepare(name, {**small, **further}) for _ in range(2))
    assert PairTraining.supports(own, batches)
    losses = [own._train_epoch(batches, epoch) for epoch in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(PairTraining, "supports", staticmethod(lambda *_: False))
        expected = [other._train_epoch(same, epoch) for epoch in range(3)]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert_alike(own, other)


@pytest.mark.parametrize("first", ["compiled", "autograd"])
def test_an_epoch_goes_on_where_the_other_way_left_off(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    (own, batches), (other, same) = (prepare("BPR_ILE", small) for _ in range(2))
    for epoch in range(4):
        with monkeypatch.context() as patch:
            if (epoch % 2 == 0) == (first == "autograd"):
                patch.setattr(PairTraining, "supports", staticmethod(lambda *_: False))
            own._train_epoch(batches, epoch)
    for epoch in range(4):
        other._train_epoch(same, epoch)
    assert_alike(own, other)


@pytest.mark.parametrize("case", AUTOGRAD)
def test_what_is_not_compiled_is_trained_with_autograd(small: dict[str, Any], case: str) -> None:
    name, further = AUTOGRAD[case]
    trainer, batches = prepare(name, {**small, **further})
    assert not PairTraining.supports(trainer, batches)


def test_a_loss_of_ones_own_is_trained_with_autograd(small: dict[str, Any]) -> None:
    trainer, batches = prepare("BPR", small)
    assert PairTraining.supports(trainer, batches)

    class Own(BPR):
        def calculate_loss(self, interaction: Any) -> torch.Tensor:
            return 2 * super().calculate_loss(interaction)

    class Watching(Behaviour):
        key = "watching"

        def after_batch(self, training: Any, loss: torch.Tensor) -> None:
            pass

    trainer.behaviours.append(Watching())
    assert not PairTraining.supports(trainer, batches)
    trainer.behaviours.pop()
    trainer.model.__class__, plain = Own, type(trainer.model)
    assert not PairTraining.supports(trainer, batches)
    trainer.model.__class__ = plain
    trainer.model.calculate_loss = lambda _: torch.zeros((), requires_grad=True)
    assert not PairTraining.supports(trainer, batches)


def test_a_distance_of_ones_own_is_trained_with_autograd(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, batches = prepare("BPR_ILE", small)
    monkeypatch.setitem(DISTANCES, trainer.model.ile_distance, torch.amax)
    assert not PairTraining.supports(trainer, batches)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_bits(small: dict[str, Any], threads: int) -> None:
    before = torch.get_num_threads()
    states = []
    for number in (threads, 1):
        torch.set_num_threads(number)
        trainer, batches = prepare("BPR_ILE", small)
        losses = [trainer._train_epoch(batches, epoch) for epoch in range(3)]
        states.append((losses, trainer.model.state_dict()))
    torch.set_num_threads(before)
    assert states[0][0] == states[1][0]
    assert all(torch.equal(value, states[1][1][name]) for name, value in states[0][1].items())


def test_a_loss_that_is_not_finite_names_its_batch_and_parts(small: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"in batch \d+ of epoch 0, with base loss .*, ILE term .*ile_distance=mad"):
        run_recbole_ile("BPR_ILE", "rich", config_dict={**small, "learning_rate": 1e38, "epochs": 2})


def test_what_a_behaviour_finds_between_epochs_is_up_to_date(small: dict[str, Any]) -> None:
    trainer, batches = prepare("BPR", {**small, "train_batch_size": 2})
    trainer._train_epoch(batches, 0)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.optimizer.step()  # without gradients, it moves nothing
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())
    steps = {float(state["step"]) for state in trainer.optimizer.state.values()}
    assert steps == {float(len(batches))}


@pytest.mark.parametrize("wrong", [-1, 10_000])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_row_that_does_not_exist_is_refused(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, place: int, wrong: int
) -> None:
    trainer, batches = prepare("BPR", small)
    pairs = batches.pairs(0)
    pairs[place][3] = wrong
    monkeypatch.setattr(batches, "pairs", lambda _: pairs)
    with pytest.raises(IndexError, match="index out of range"):
        trainer._train_epoch(batches, 0)


def test_compiling_is_told_once(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trainer, batches = prepare("BPR", small)
    trainer._train_epoch(batches, 0)
    with caplog.at_level(logging.INFO):
        PairTraining(trainer).close()
        assert "compiling the training step" not in caplog.text
        monkeypatch.setattr(pair_training, "COMPILED_STEP", "no such file")
        PairTraining(trainer).close()
    assert "compiling the training step" in caplog.text


def test_a_checkpoint_holds_torchs_own_optimizer(small: dict[str, Any]) -> None:
    run_recbole_ile("BPR_ILE", "rich", config_dict={**small, "epochs": 2})
    (path,) = Path("saved").glob("*.pth")
    state = read_checkpoint(path)["optimizer"]["state"]
    assert {name: tuple(value.shape) for name, value in state[0].items()}.keys() == {"step", "exp_avg", "exp_avg_sq"}
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros_like(each["exp_avg"])) for each in state.values()])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    optimizer.step()
