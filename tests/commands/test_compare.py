"""``compare``: from one command to the table, the figures and the page."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from recbole_ile.cli import main
from recbole_ile.commands.arguments import Settings
from recbole_ile.commands.compare import columns
from recbole_ile.experiments.engine import workers
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName

QUICK = ["--dataset=ml-100k", "--epochs=2", "--user_inter_num_interval=[200,inf)", "--pufr_members=2"]
FOLDER = Path("saved/comparisons/BPR-ml-100k")
FILES = ("report.html", "table.csv", "table.md", "table.tex", "per_user.parquet")
FIGURES = ("group_losses", "user_groups", "item_groups", "trade_off")


def compare(*words: str) -> int:
    return main(["compare", *QUICK, *words])


def compared() -> list[str]:
    """The methods in the table, in its order."""
    return list(dict.fromkeys(pd.read_csv(FOLDER / "table.csv")["method"]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods=BPR_IEL"], "unknown model BPR_IEL"),
        (["--methods=BPR_ILE:sdt"], "sdt is no distance, did you mean std?"),
        (["--methods=BPR_ILE:std:ile_lambda=-1"], "ile_lambda=-1"),
        (["--base=BPR_ILE"], "base=BPR_ILE is mitigated already"),
        (["--model=NeuMF"], "option model=NeuMF: a comparison takes --base=NeuMF, or --methods"),
        (["--seeds=0"], "seeds=0 is not allowed; it is at least 1"),
        (["--jobs=0"], "jobs=0 is not allowed; it is at least 1"),
        (["--preset=papper"], "unknown preset papper"),
        (["--epocs=3"], "unknown option epocs, did you mean epochs?"),
        (["--metrics=['MRR','NDCG','UPD']"], "leave out ad@10, a column of the comparison"),
        (["--resume=nowhere"], "holds no comparison"),
    ],
)
def test_wrong_input_is_one_line_before_anything_starts(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "workers", lambda *_: pytest.fail("processes were started"))
    assert main(["compare", *words]) == 2 if "--resume=nowhere" in words else compare(*words) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert message in printed
    assert not Path("saved/comparisons").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_the_papers_comparison_ends_in_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--seeds=2") == 0
    printed = capsys.readouterr().out
    assert "10 trainings" in printed, "BPR, CP and PUFR share one"
    assert "Holm" in printed
    assert all((FOLDER / name).stat().st_size > 0 for name in FILES)
    assert all((FOLDER / f"{name}.{kind}").stat().st_size > 0 for name in FIGURES for kind in ("png", "pdf"))
    assert compared() == ["BPR", "BPR_IPS", "BPR_CP", "BPR_PUFR", "BPR_ILE:std", "BPR_ILE:ent", "BPR_ILE:mad"]
    users = pd.read_parquet(FOLDER / "per_user.parquet")
    assert set(users["method"]) == set(compared())
    by_method = users.groupby(["method", "seed"])["ndcg@10"].mean().groupby("method").mean()
    table = pd.read_csv(FOLDER / "table.csv")
    known = table[table["metric"] == "ndcg@10"].set_index("method")["mean"]
    assert by_method[known.index].to_numpy() == pytest.approx(known.to_numpy(), abs=1e-4)

    # The base of the comparison is the run of the same name, and its seed.
    assert main(["run", "--model=BPR", *QUICK[:3], "--seed=2021", "--show_progress=False"]) == 0
    (result,) = Path("saved").glob("BPR-*/result.json")
    metrics = json.loads(result.read_text())["test_result"]
    tests = Ledger(FOLDER, "comparison").tests()
    plans = {trial["id"]: trial["training"] for trial in Ledger(FOLDER, "comparison").planned()}
    (own,) = [
        point["metrics"]
        for name, point in tests.items()
        for trial, ranking in [json.loads(name)]
        if plans[trial] == {"model": "BPR_PUFR_CP", "seed": 2021} and len(ranking) == 2
    ]
    assert own == metrics

    capsys.readouterr()
    assert compare("--seeds=2", "--methods=BPR_CP,BPR_CP:cp_weight=0.5,BPR_ILE:std") == 0
    assert "all 4 trainings are there already" in capsys.readouterr().out
    assert compared() == ["BPR", "BPR_CP", "BPR_CP:cp_weight=0.5", "BPR_ILE:std"]
    assert compare("--seeds=2", "--learning_rate=0.01") == 2, "another setting is another comparison"


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_method_that_fails_is_told_and_the_others_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--seeds=1", "--methods=BPR,BPR_IPS,BPR:embedding_size=100000000000"]
    assert compare(*words, "--max_failures=0") == 1
    printed = capsys.readouterr().out
    assert "BPR:embedding_size=100000000000 failed with seed 2020" in printed
    assert compared() == ["BPR", "BPR_IPS"]
    assert "failed with seed 2020" in (FOLDER / "report.html").read_text()


@pytest.mark.slow
def test_an_interrupted_comparison_goes_on_where_it_was() -> None:
    words = [word for word in QUICK if word != "--epochs=2"]
    words += ["--epochs=12", "--seeds=4", "--methods=BPR,BPR_IPS", "--jobs=1"]
    run = subprocess.Popen(
        [sys.executable, "-m", "recbole_ile", "compare", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ledger = Ledger(FOLDER, "comparison")
    deadline = time.time() + 240
    while not ledger.outcomes() and run.poll() is None:
        assert time.time() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    printed, _ = run.communicate(timeout=120)
    assert run.returncode == 130
    assert f"recbole-ile compare --resume={FOLDER.resolve()} goes on" in printed
    finished = ledger.outcomes()
    assert 1 <= len(finished) < 8
    assert main(["compare", f"--resume={FOLDER}"]) == 0
    assert {name: ledger.outcomes()[name] for name in finished} == finished, "what was finished is not trained again"
    assert main(["compare", f"--resume={FOLDER}", "--seeds=5"]) == 2
    assert compared() == ["BPR", "BPR_IPS"]


def test_what_metrics_asks_for_beyond_the_default_is_a_column() -> None:
    names = ["ndcg@5", "ndcg@10", "recall@10", "upd@10", "ad@10", "ee@10", "aplt@5", "aplt@10", "poplift@10", "gauc"]
    settings = Settings(ModelName.parse("BPR"), "tiny", {}, 0, names, Metric.parse("ndcg@10"))
    usual = ["ndcg@10", "upd@10", "ad@10", "ee@10"]
    assert list(map(str, columns(settings))) == [*usual, "aplt@10", "poplift@10", "gauc"]
    assert list(map(str, columns(dataclasses.replace(settings, metrics=names[:6])))) == usual
