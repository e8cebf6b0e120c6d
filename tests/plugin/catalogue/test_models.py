"""Model names and the classes composed for them."""

from __future__ import annotations

import pickle

import pytest
from recbole.model.general_recommender import BPR, LightGCN, MultiVAE, NeuMF

from recbole_ile import InputError, get_model
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import model_names


def test_names_split_into_base_and_mitigations() -> None:
    for text, base, suffixes in (
        ("BPR", "BPR", ()),
        ("BPR_ILE", "BPR", ("ILE",)),
        ("KD_DAGFM_ILE", "KD_DAGFM", ("ILE",)),
        ("BPR_ILE_IPS", "BPR", ("ILE", "IPS")),
        ("ILE", "ILE", ()),
    ):
        name = ModelName.parse(text)
        assert (name.base, name.suffixes, str(name)) == (base, suffixes, text)


def test_a_name_knows_what_is_trained_and_what_acts() -> None:
    name = ModelName.parse("BPR_LA_ILE_PUFR_CP")
    assert str(name.trained) == "BPR_LA_ILE"
    assert [each.suffix for each in name.ranking] == ["PUFR", "CP"]
    assert name.ensemble
    assert not name.trained.ensemble
    of_cp = {"cp_weight", "cp_candidates", "cp_normalize", "cp_divergence", "cp_field"}
    assert name.ranking_keys == {"pufr_weight", "pufr_uncertainty", *of_cp}
    assert not name.acting(name.neutral()).mitigations
    acting = name.acting({**name.neutral(), "cp_weight": 0.5})
    assert str(acting) == "BPR_CP"
    assert name.idle_keys(acting) >= {"la_tau", "ile_lambda", "pufr_weight"}
    assert "pufr_members" not in name.idle_keys(acting)
    assert pickle.loads(pickle.dumps(name)) == name


def test_what_acts_on_the_scores_of_a_trained_model() -> None:
    for text, settings, acting in (
        ("BPR_PD_LAP_EP", {"pd_inject": 0.0, "ep_weight": 0.4}, ["LAP", "EP"]),
        ("BPR_PD_ILE_EP", {"pd_inject": 0.5, "ep_weight": 0.0}, ["PD"]),
    ):
        mitigations = ModelName.parse(text).mitigations
        assert [each.suffix for each in mitigations if each.acts_in_ranking(settings)] == acting


def test_a_mitigation_named_twice_is_refused_with_the_right_name() -> None:
    with pytest.raises(InputError, match=r"write it as BPR_ILE$"):
        ModelName.parse("BPR_ILE_ILE")
    with pytest.raises(InputError, match=r"write it as BPR_ILE_IPS$"):
        ModelName.parse("BPR_IPS_ILE")


def test_models_are_recboles_or_subclasses_of_them() -> None:
    assert get_model("NeuMF") is NeuMF
    assert issubclass(get_model("MultiVAE_IPS"), MultiVAE)
    assert issubclass(get_model("BPR"), BPR)
    assert issubclass(get_model("BPR_ILE"), BPR)
    assert issubclass(get_model("LightGCN_ILE"), LightGCN)
    assert get_model("BPR_ILE") is get_model("BPR_ILE")


def test_composed_classes_survive_pickling() -> None:
    for name in ("BPR_ILE", "MultiVAE_IPS", "SASRec_ILE_IPS"):
        assert pickle.loads(pickle.dumps(get_model(name))) is get_model(name)


@pytest.mark.parametrize(
    ("name", "miss"),
    [("BPR_IEL", "BPR_ILE"), ("bpr", "BPR"), ("LigthGCN", "LightGCN"), ("NeuMF_IL", "NeuMF_ILE"), ("IAL", "IALS")],
)
def test_an_unknown_model_names_the_near_miss(name: str, miss: str) -> None:
    with pytest.raises(InputError, match=f"unknown model {name}, did you mean {miss}\\?"):
        get_model(name)


def test_a_model_without_a_loss_says_why_and_what_works() -> None:
    with pytest.raises(InputError, match=r"EASE_ILE: EASE is solved in closed form.*; try BPR, .*, MultiVAE"):
        get_model("EASE_ILE")
    with pytest.raises(InputError, match=r"Pop_IPS: Pop counts and does not learn.*try BPR"):
        get_model("Pop_IPS")
    with pytest.raises(InputError, match=r"IALS_LA: IALS is solved by alternating least squares.*; try BPR, "):
        get_model("IALS_LA")
    with pytest.raises(InputError, match=r"LightGBM_ILE: LightGBM grows trees.*try BPR"):
        get_model("LightGBM_ILE")


def test_model_names_are_those_of_recbole_and_ours() -> None:
    names = model_names()
    assert {"BPR", "LightGCN", "SASRec", "DeepFM", "KGAT", "EASE", "IALS"} <= set(names)
    assert len(names) == len(set(names))
