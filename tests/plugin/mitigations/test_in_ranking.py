"""CP and PUFR in evaluation, in a case study, in checkpoints and under other settings afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from atomic import tiny_lines
from recbole.data import create_dataset, data_preparation
from recbole.utils import case_study, init_seed
from rich_data import LABELS, LOADED

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.reranking import calibrated_popularity, put_first
from recbole_ile.plugin.runs.restoring import load_model_and_data

pytestmark = pytest.mark.usefixtures("undrawn")
FAST = {"epochs": 2, "show_progress": False, "state": "ERROR"}
ACTIVE = {"user_inter_num_interval": "[100,inf)"}
SMALL = {"topk": 2, "valid_metric": "NDCG@2", "cp_candidates": 4, **FAST}


def on_movielens(model: str | None, **options: Any) -> dict[str, Any]:
    return run_recbole_ile(model, "ml-100k", config_dict={**FAST, **ACTIVE, **options})


def own_lists(checkpoint: str, k: int = 10) -> tuple[torch.Tensor, Any, Any]:
    model, _, data = load_model_and_data(checkpoint)
    users = data.test.entries.numpy()
    return case_study.full_sort_topk(users, model, data.test, k)[1], model, data


@pytest.mark.trains
def test_without_weight_the_lists_are_the_base_models() -> None:
    results = [
        on_movielens("BPR"),
        on_movielens("BPR_CP", cp_weight=0),
        on_movielens("BPR_PUFR", pufr_weight=0, pufr_members=2),
    ]
    base, cp, pufr = results
    for other in (cp, pufr):
        assert other["test_result"] == base["test_result"]
        assert other["best_valid_result"] == base["best_valid_result"]
        assert other["group_losses"] == base["group_losses"]
    lists = [own_lists(result["checkpoint"])[0] for result in results]
    assert torch.equal(lists[0], lists[1])
    assert torch.equal(lists[0], lists[2])


@pytest.mark.trains
def test_what_is_trained_and_which_epoch_is_the_best_do_not_depend_on_the_reranking() -> None:
    base, cp = on_movielens("BPR", epochs=5), on_movielens("BPR_CP", epochs=5, cp_weight=0.95)
    parameters = [load_model(result["checkpoint"]).state_dict() for result in (base, cp)]
    assert all(torch.equal(parameters[0][name], parameters[1][name]) for name in parameters[0])
    settings = {"config_dict": {"cp_weight": 0.95}, "checkpoint": base["checkpoint"]}
    afterwards = run_recbole_ile("BPR_CP", **settings)
    for part in ("best_valid_score", "best_valid_result", "test_result", "test_by_item_group"):
        assert cp[part] == afterwards[part]
    assert cp["best_valid_result"] != base["best_valid_result"]


@pytest.mark.trains
def test_lists_are_calibrated_everywhere_and_never_name_what_was_seen() -> None:
    trained = on_movielens("BPR_CP", cp_weight=0.9, cp_candidates=50)
    lists, model, data = own_lists(trained["checkpoint"])
    users = data.test.entries.numpy()
    base = load_model(on_movielens("BPR")["checkpoint"])
    base.load_state_dict(model.state_dict())
    scores = case_study.full_sort_scores(users, base, data.test)
    values, items = scores.topk(50)
    groups, profiles = model._cp_tastes.groups[items], model._cp_tastes.profiles[torch.from_numpy(users)]
    places = calibrated_popularity(values, groups, profiles, 10, 0.9)
    assert torch.equal(lists, items.gather(1, places))
    assert torch.isfinite(scores.gather(1, lists)).all()
    relevant = data.test._dataset.inter_matrix(form="csr")[users].toarray() > 0
    hits = np.take_along_axis(relevant, lists.numpy(), axis=1)
    assert trained["test_result"]["precision@10"] == pytest.approx(hits.mean(), abs=1e-4)


@pytest.mark.trains
def test_a_case_study_with_our_loaders_is_recboles() -> None:
    model, config, data = load_model_and_data(on_movielens("BPR", epochs=1)["checkpoint"])
    init_seed(config["seed"], True)
    stock = data_preparation(config, create_dataset(config))[2]
    some = data.test.entries[:50].numpy()
    ours, theirs = (case_study.full_sort_scores(some, model, loader) for loader in (data.test, stock))
    assert torch.equal(ours, theirs)
    assert torch.isinf(ours).sum() > len(some)


@pytest.mark.trains
def test_upd_falls_with_the_weight_and_needs_no_training() -> None:
    base = on_movielens("BPR", epochs=5)
    found = [
        run_recbole_ile("BPR_CP", config_dict={"cp_weight": weight}, checkpoint=base["checkpoint"])
        for weight in (0.0, 0.5, 0.9, 1.0)
    ]
    deviations = [result["test_result"]["upd@10"] for result in found]
    assert deviations == sorted(deviations, reverse=True)
    assert deviations[-1] < deviations[0] / 2
    assert found[0]["test_result"] == base["test_result"]
    assert Path(found[3]["output_dir"], "result.json").is_file()
    assert found[3]["output_dir"] != found[2]["output_dir"]


@pytest.mark.slow
@pytest.mark.trains
@pytest.mark.parametrize("mode", ["full", "uni20"])
@pytest.mark.parametrize("kind", ["item", "pair"])
def test_a_stored_ensemble_ranks_as_it_did(mode: str, kind: str) -> None:
    options = {"pufr_members": 3, "pufr_uncertainty": kind, "eval_args.mode": mode}
    trained = on_movielens("BPR_PUFR_CP", **options)
    again = run_recbole_ile(None, checkpoint=trained["checkpoint"])
    assert again["test_result"] == trained["test_result"]
    plain = run_recbole_ile("BPR", checkpoint=trained["checkpoint"])
    assert plain["test_result"] != trained["test_result"]


@pytest.mark.trains
def test_members_are_runs_of_their_own() -> None:
    ensemble = load_model(on_movielens("BPR_PUFR", pufr_members=2, seed=11)["checkpoint"])
    first, second = (member.user_embedding.weight for member in (ensemble, ensemble.members[0]))
    assert torch.equal(first, load_model(on_movielens("BPR", seed=11)["checkpoint"]).user_embedding.weight)
    assert not torch.isclose(first, second).any(dim=1).all()
    members = (ensemble, ensemble.members[0])
    n_users = ensemble.n_users - 1
    means = [member.full_sort_predict(users(ensemble)).view(n_users, -1).mean(dim=0) for member in members]
    expected = torch.stack(means).double().std(dim=0, correction=0)
    torch.testing.assert_close(ensemble.item_uncertainty.double(), expected, rtol=1e-3, atol=1e-5)


def users(model: Any) -> dict[str, torch.Tensor]:
    return {model.USER_ID: torch.arange(1, model.n_users)}


@pytest.mark.slow
def test_models_that_score_pairs_or_sequences_have_ensembles_too(tiny: Path) -> None:
    options = {**SMALL, "data_path": str(tiny), "pufr_members": 2, "pufr_uncertainty": "pair"}
    for kind in ("item", "pair"):
        result = run_recbole_ile("NeuMF_PUFR_CP", "tiny", config_dict={**options, "pufr_uncertainty": kind})
        assert 0.0 <= result["test_result"]["ndcg@2"] <= 1.0
    sequences = {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 3, "pufr_members": 2}
    assert on_movielens("GRU4Rec_PUFR", **{**sequences, "epochs": 1})["test_by_item_group"]


@pytest.mark.trains
@pytest.mark.parametrize("mode", ["full", "uni3"])
def test_context_aware_models_which_know_no_user_field_rerank_too(rich: Path, mode: str) -> None:
    ranking = {"threshold": {"rating": 3}, "eval_args.mode": mode, "metrics": ["NDCG", "UPD"], "topk": 2}
    options = {**SMALL, **ranking, "data_path": str(rich), "load_col": LOADED, "pufr_members": 2}
    base = run_recbole_ile("FM", "rich", config_dict=options)
    calibrated = run_recbole_ile("FM_CP", "rich", config_dict={**options, "cp_weight": 1.0})
    assert calibrated["test_result"]["upd@2"] < base["test_result"]["upd@2"]
    for kind in ("item", "pair"):
        result = run_recbole_ile("FM_PUFR_CP", "rich", config_dict={**options, "pufr_uncertainty": kind})
        assert 0.0 <= result["test_result"]["ndcg@2"] <= 1.0


@pytest.mark.trains
@pytest.mark.parametrize("model", ["FM_CP", "FM_PUFR"])
def test_without_lists_reranking_changes_nothing(rich: Path, model: str) -> None:
    options = {**FAST, **LABELS, "data_path": str(rich), "load_col": LOADED, "pufr_members": 2}
    base = run_recbole_ile("FM", "rich", config_dict=options)
    assert run_recbole_ile(model, "rich", config_dict=options)["test_result"] == base["test_result"]


@pytest.mark.trains
def test_one_member_is_the_base_model_with_a_warning(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = {**SMALL, "data_path": str(tiny), "state": "WARNING"}
    base = run_recbole_ile("BPR", "tiny", config_dict=options)
    one = run_recbole_ile("BPR_PUFR", "tiny", config_dict={**options, "pufr_members": 1})
    assert one["test_result"] == base["test_result"]
    assert "pufr_members=1 knows no uncertainty" in caplog.text


@pytest.mark.trains
def test_mitigations_in_training_and_in_ranking_compose(tiny: Path) -> None:
    for name in ("BPR_IPS_CP", "BPR_ILE_CP", "LightGCN_ILE_PUFR_CP", "EASE_CP"):
        result = run_recbole_ile(name, "tiny", config_dict={**SMALL, "data_path": str(tiny), "pufr_members": 2})
        assert type(load_model(result["checkpoint"])).__name__ == name
        assert 0.0 <= result["test_result"]["upd@2"] <= np.log(2)


@pytest.mark.trains
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model=BPR_PUFR"], "has no members, which PUFR needs"),
        (["--model=LightGCN_CP"], "which holds a BPR: without training it can be BPR"),
        (["--learning_rate=0.3"], "option learning_rate=0.3 is not that of checkpoint"),
        (["--dataset=ml-100k"], "option dataset=ml-100k is not that of checkpoint"),
        (["--cp_weight=2"], "option cp_weight=2 is not allowed"),
        (["--resume=other.pth"], "evaluate the one or continue the other"),
        (["--nproc=2"], "--checkpoint evaluates in one process"),
    ],
)
def test_what_a_checkpoint_cannot_be_evaluated_under(
    tiny: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    saved = run_recbole_ile("BPR", "tiny", config_dict={**SMALL, "data_path": str(tiny)})["checkpoint"]
    assert main(["run", f"--checkpoint={saved}", *options]) == 2
    assert message in capsys.readouterr().err


def test_lists_come_first_and_the_others_keep_their_order() -> None:
    scores = torch.tensor([[-torch.inf, 5.0, 4.0, 3.0, 2.0], [-torch.inf, 1e6, -1e6, 0.0, -torch.inf]])
    found = put_first(scores.clone(), torch.tensor([[4, 2], [3, 0]]))
    assert found.argsort(dim=1, descending=True, stable=True)[0].tolist() == [4, 2, 1, 3, 0]
    assert found.argsort(dim=1, descending=True, stable=True)[1].tolist()[:3] == [3, 1, 2]
    assert found[1, 4] == -torch.inf


def test_scores_from_elsewhere_get_the_lists_of_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split(" ") for line in tiny_lines()[1:]]
    Path("train.inter").write_text("user_id:token\titem_id:token\n" + "".join(f"{r[0]}\t{r[1]}\n" for r in rows))
    names = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    rng = np.random.default_rng(1)
    table = pd.DataFrame([(user, item, rng.normal()) for user in names[0] for item in names[1]])
    table.columns = pd.Index(["user", "item", "score"])
    table.to_csv("scores.csv", index=False)
    table.to_parquet("scores.parquet", index=False)
    for suffix in ("csv", "parquet"):
        assert main(["rerank", f"--scores=scores.{suffix}", "--train=train.inter", "--k=3", "--cp_weight=0"]) == 0
    lists = pd.read_csv("scores-reranked.csv", dtype={"user": str, "item": str})
    pd.testing.assert_frame_equal(lists, pd.read_parquet("scores-reranked.parquet"), check_dtype=False)
    seen = {(row[0], row[1]) for row in rows}
    fresh = table[[(u, i) not in seen for u, i in zip(table["user"], table["item"], strict=True)]]
    for user, own in lists.groupby("user"):
        expected = fresh[fresh["user"] == user].nlargest(3, "score")
        assert own["item"].tolist() == expected["item"].tolist()
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
    assert "lists in scores-reranked.csv" in capsys.readouterr().out
    assert main(["rerank", "--scores=scores.csv", "--train=train.inter", "--cp_weight=1", "--cp_normalize=minmax"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scores=scors.csv"], "does not exist, did you mean scores.csv?"),
        (["--scores=text.csv"], "'high' is not a number"),
        (["--scores=twice.csv"], "name user u and item i twice"),
        (["--scores=train.inter", "--out=x.csv"], "have no column user"),
        (["--scores=scores.csv", "--user_field=usr_id"], "has no column usr_id, did you mean user_id?"),
        (["--scores=scores.csv", "--cp_wieght=1"], "unknown option cp_wieght, did you mean cp_weight?"),
        (["--scores=scores.csv", "--cp_weight=2"], "option cp_weight=2 is not allowed"),
        (["--scores=scores.csv", "--k=0"], "option k=0 is not allowed"),
        (["--scores=scores.csv", "--out=lists.txt"], "written as .csv or .parquet"),
    ],
)
def test_wrong_files_to_rerank_are_told_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    Path("train.inter").write_text("user_id:token\titem_id:token\nu\ti\n")
    Path("scores.csv").write_text("user,item,score\nu,j,0.5\n")
    Path("text.csv").write_text("user,item,score\nu,j,high\n")
    Path("twice.csv").write_text("user,item,score\nu,i,1\nu,i,2\n")
    assert main(["rerank", "--train=train.inter", *words]) == 2
    printed = capsys.readouterr().err
    assert printed.count("error: ") == 1
    assert message in printed


@pytest.mark.trains
def test_the_results_of_an_evaluation_hold_its_settings(tiny: Path) -> None:
    saved = run_recbole_ile("BPR", "tiny", config_dict={**SMALL, "data_path": str(tiny)})["checkpoint"]
    assert main(["run", "--model=BPR_CP", f"--checkpoint={saved}", "--cp_weight=0.97"]) == 0
    (result,) = Path(saved).with_suffix("").glob("evaluation-1/result.json")
    content = json.loads(result.read_text())
    assert content["model"] == "BPR_CP"
    assert content["config"]["cp_weight"] == 0.97
