"""The entries of ``eval_args`` and ``train_neg_sample_args``: what stock RecBole runs on is taken, the rest refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich_data import IN_ORDER, LABELS, LOADED, SMALL, config

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.config.eval_rules import check_evaluation, check_negatives
from recbole_ile.plugin.runs.preparation import build_model, prepare_data

SPLITS = [{"RS": [0.8, 0.1, 0.1]}, {"RS": [8, 1, 1]}, {"RS": [1, 0, 1]}, {"LS": "valid_and_test"}, {"LS": "test_only"}]
WRONG_SPLITS = [
    {"RS": [0.8, 0.2]},
    {"RS": [0.7, 0.1, 0.1, 0.1]},
    {"RS": [0.8, -0.1, 0.3]},
    {"RS": [0, 0.5, 0.5]},
    {"RS": ["a", "b", "c"]},
    {"RS": [float("nan"), 1, 1]},
    {"RS": "0.8,0.1,0.1"},
    {"RS": []},
    {"LS": "valid"},
    {"LS": None},
    {"RS": [0.8, 0.1, 0.1], "LS": "valid_only"},
    {"XX": [1]},
    {},
    None,
    "RS",
    0.8,
]


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_that_recbole_makes_is_taken(split: Any) -> None:
    check_evaluation({"split": split})


@pytest.mark.parametrize("split", WRONG_SPLITS)
def test_no_other_split_is(split: Any) -> None:
    with pytest.raises(InputError, match=r"^option eval_args\.split.* is not allowed.*; it takes "):
        check_evaluation({"split": split})


@pytest.mark.parametrize("mode", ["full", "labeled", "uni100", "pop1", {"valid": "uni5", "test": "full"}, {}])
def test_a_mode_that_recbole_has_is_taken(mode: Any) -> None:
    check_evaluation({"mode": mode})


@pytest.mark.parametrize("mode", ["uni", "uni0", "uni-1", "pop1.5", "half", "", 3, None, ["full"], {"test": "un5"}])
def test_no_other_mode_is(mode: Any) -> None:
    with pytest.raises(InputError, match=r"^option eval_args\.mode.* is not allowed; it takes full, labeled"):
        check_evaluation({"mode": mode})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"group_by": "item"}, "eval_args.group_by='item' is not allowed; it takes user or none"),
        ({"order": "XO"}, "eval_args.order='XO' is not allowed; it takes RO, TO"),
        ({"ordr": "TO"}, r"unknown option eval_args.ordr, did you mean order\?"),
        ({"mode": {"tset": "full"}}, "unknown option eval_args.mode.tset, did you mean test"),
        ("full", "eval_args='full' is not allowed; it takes a dictionary"),
        (None, "eval_args=None"),
    ],
)
def test_other_entries_have_rules_too(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_evaluation(given)


def test_groups_are_users_or_none() -> None:
    for group in ("user", "none", "None", None):
        check_evaluation({"group_by": group})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample_num": 0}, "sample_num=0 is not allowed; it takes a whole number of at least 1"),
        ({"sample_num": 1.5}, "sample_num=1.5"),
        ({"alpha": "abc"}, "alpha='abc' is not allowed; it takes a number of at least -30"),
        ({"alpha": 1e6}, "alpha=1000000.0"),
        ({"distribution": "unifrom"}, "distribution='unifrom' is not allowed, did you mean uniform"),
        ({"dynamic": "yes"}, "dynamic='yes'"),
        ({"dynamic": True}, "dynamic=True needs a train_neg_sample_args.candidate_num of at least 1, not 0"),
        ({"candidate_num": -1}, "candidate_num=-1"),
        ({"sample": 1}, "unknown option train_neg_sample_args.sample, did you mean sample_num"),
        ([], r"train_neg_sample_args=\[\] is not allowed; it takes a dictionary"),
        ("uniform", "train_neg_sample_args='uniform'"),
    ],
)
def test_what_negatives_are_not(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_negatives(given)


def test_what_negatives_are() -> None:
    for given in (None, "None", {}, {"distribution": None}, {"distribution": "none", "sample_num": "none"}):
        check_negatives(given)
    check_negatives({"distribution": "popularity", "alpha": -0.5, "sample_num": 3, "dynamic": True, "candidate_num": 2})


@pytest.mark.trains
@pytest.mark.parametrize("without", [None, "None", "none", {"distribution": None}, {"distribution": "none"}])
@pytest.mark.parametrize("model", ["MultiVAE", "MultiDAE", "RecVAE", "MacridVAE", "CDAE", "ENMF", "DiffRec", "RaCT"])
def test_a_model_that_takes_no_negatives_trains_without(rich: Path, model: str, without: Any) -> None:
    settings = config(rich, model, train_neg_sample_args=without)
    assert settings["train_neg_sample_args"]["distribution"] == "none"
    if without is None:
        options = {**SMALL, "data_path": str(rich), "train_neg_sample_args": None, "pretrain_epochs": 1, "save_step": 1}
        assert run_recbole_ile(model, "rich", config_dict=options, saved=model == "RaCT")["test_result"]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        *((model, {}) for model in ("BPR", "LightGCN_ILE", "SimpleX", "FPMC", "TransRec", "CKE", "RippleNet", "MKR")),
        *((model, {"loss_type": "BPR"}) for model in ("SINE", "GRU4Rec")),
    ],
)
def test_one_that_takes_them_says_so(rich: Path, model: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^option train_neg_sample_args=None: {model} .* needs "):
        config(rich, model, train_neg_sample_args=None, **options)


@pytest.mark.parametrize("model", ["SINE", "SASRec", "GRU4Rec_ILE"])
def test_a_loss_over_all_items_takes_no_negatives(rich: Path, model: str) -> None:
    settings = config(rich, model, train_neg_sample_args=None, MAX_ITEM_LIST_LENGTH=3, **IN_ORDER)
    data = prepare_data(settings)
    batch = next(iter(data.train))
    assert "neg_item_id" not in batch
    assert build_model(settings, data).calculate_loss(batch) is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eval_args.mode": "uni1000000"}, r"option eval_args.mode='uni1000000' .* at most 1000 negatives"),
        ({"train_neg_sample_args.sample_num": 10**6}, r"sample_num=1000000 is not allowed; .* at most 1000 negatives"),
        (
            {"train_neg_sample_args": {"dynamic": True, "sample_num": 40, "candidate_num": 50}},
            "sample_num=40 with candidate_num=50 is not allowed",
        ),
        ({"topk": 16, "valid_metric": "NDCG@16"}, r"topk=\[16\] is not allowed; rich has 15 items"),
        ({"embedding_size": 10**9}, r"option embedding_size=1000000000 is not allowed; .* make it at most"),
    ],
)
def test_the_data_set_bounds_what_is_asked_of_it(rich: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare_data(config(rich, "BPR", **options))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("BPR", {"metrics": ["NDCG", "AUC"]}, "metrics=.* takes metrics of one kind, of values .AUC. or of lists"),
        ("BPR", {"metrics": ["AUC"]}, "eval_args.mode='full' is not allowed; metrics=.*labeled, uni<N> or pop<N>"),
        ("SASRec", {"eval_args.order": "RO", "train_neg_sample_args": None}, "order='RO' .*takes TO"),
        ("BPR", {"transform": "mask_itemseq"}, "transform='mask_itemseq' .*BPR is no sequential model and takes None"),
        ("BPR_PUFR", {"seed": 2**32 - 1}, "seed=4294967295 is not allowed; .*it takes at most 4294967291"),
        ("SASRec", {"n_heads": 3, "train_neg_sample_args": None}, "n_heads=3 .* divides hidden_size=64"),
        ("KD_DAGFM", {**LABELS, "teacher": "CINComp"}, "teacher='CINComp' is not allowed, .*it takes CrossNet, CIN"),
        ("KD_DAGFM", {**LABELS, "teacher": "exit()"}, "teacher='exit.*' is not allowed"),
        (
            "KD_DAGFM",
            {**LABELS, "phase": "distillation", "warm_up": ""},
            "warm_up='' .* with phase='distillation' it takes the path",
        ),
        ("NeuMF", {"use_pretrain": True}, "mf_pretrain_path=None .* use_pretrain=True it takes the path of a file"),
        ("ConvNCF", {"train_method": "after_pretrain"}, "pre_model_path='' is not allowed"),
        ("S3Rec", {"train_stage": "finetune", "train_neg_sample_args": None}, "pre_model_path='' is not allowed"),
        ("NAIS", {"pretrain_path": "nowhere.pth"}, "pretrain_path='nowhere.pth' is not allowed"),
    ],
)
def test_what_only_the_whole_configuration_shows(rich: Path, model: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(rich, model, load_col=LOADED, **options)


def test_the_last_seed_serves_one_copy(rich: Path) -> None:
    assert config(rich, "BPR_PUFR", seed=2**32 - 5)["seed"] == 2**32 - 5
    assert config(rich, "BPR", seed=2**32 - 1)["seed"] == 2**32 - 1
