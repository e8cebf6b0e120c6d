"""IALS as a model of RecBole: solved once, from the training part, and read back without being solved again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_data import NAME, options_of, write_model_data

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.implicit_feedback import solve_user

pytestmark = pytest.mark.trains
SMALL = {"ials_factors": 6, "ials_iterations": 3}


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    return {**options_of("IALS"), "data_path": str(write_model_data(tmp_path / "data")), **SMALL}


def test_the_same_seed_gives_the_same_bits_and_batches_do_not_matter(options: dict[str, Any]) -> None:
    def vectors(**further: Any) -> list[bytes]:
        model = load_model(run_recbole_ile("IALS", NAME, config_dict={**options, **further})["checkpoint"])
        return [each.numpy().tobytes() for each in (model.user_factors, model.item_factors)]

    first, threads = vectors(), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert vectors(train_batch_size=7) == first
    finally:
        torch.set_num_threads(threads)
    parts = {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO"}}
    assert vectors(**parts, seed=3) != vectors(**parts)


def test_a_checkpoint_gives_every_ranking_without_training(options: dict[str, Any]) -> None:
    trained = run_recbole_ile("IALS", NAME, config_dict=options)
    again = run_recbole_ile(checkpoint=trained["checkpoint"])
    assert again["test_result"] == trained["test_result"]
    asked = {**options, "ep_weight": 0.5}
    afterwards = run_recbole_ile("IALS_EP_CP", config_dict={"ep_weight": 0.5}, checkpoint=trained["checkpoint"])
    assert afterwards["test_result"] == run_recbole_ile("IALS_EP_CP", NAME, config_dict=asked)["test_result"]
    assert afterwards["test_result"]["upd@5"] < trained["test_result"]["upd@5"]
    words = [f"--checkpoint={trained['checkpoint']}", "--all", "--k=3", "--out=lists.csv"]
    assert main(["recommend", *words]) == 0


def test_the_items_vectors_serve_a_history_that_training_did_not_see(options: dict[str, Any]) -> None:
    model = load_model(run_recbole_ile("IALS", NAME, config_dict=options)["checkpoint"])
    items = model.item_factors[1:].numpy()
    history = np.array([2, 5, 11])
    scores = items @ solve_user(items, history, alpha=5.0, reg=0.01)
    others = np.delete(scores, history)
    assert scores[history].mean() > others.mean()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--ials_factors=0", "option ials_factors=0 is not allowed"),
        ("--ials_reg=0", "option ials_reg=0 is not allowed"),
        ("--ials_alfa=3", "unknown option ials_alfa, did you mean ials_alpha?"),
        ("--nproc=2", "follows no gradient and needs one process"),
    ],
)
def test_what_an_option_may_not_be_is_one_line(option: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--model=IALS", "--dataset=ml-100k", option]) == 2
    assert words in capsys.readouterr().err


def test_a_weight_that_drowns_what_is_observed_is_told(
    options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    def told(**further: float) -> str:
        run_recbole_ile("IALS", NAME, config_dict={**options, **further, "state": "WARNING"})
        return "".join(capfd.readouterr())

    assert "option ials_reg" not in told()
    warning = told(ials_reg=50.0)
    assert "option ials_reg=50: on " in warning
    found = re.search(r"ials_reg=(\S+) or a larger ials_alpha", warning)
    assert found
    assert "option ials_reg" not in told(ials_reg=float(found[1])), "what is proposed is no reason to warn again"
