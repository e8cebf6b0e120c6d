"""``sweep``: from one command to the report, through crashes, failures and lost machines."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from browser import in_a_browser
from page_checks import look_like, looking
from refusals import assert_refused_before_start

from recbole_ile.cli import main
from recbole_ile.experiments.engine import running
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.plugin.catalogue.model_names import ModelName

QUICK = ["--dataset=ml-100k", "--epochs=2", "--user_inter_num_interval=[200,inf)"]
FOLDER = Path("saved/sweeps/BPR_ILE-ml-100k")


def sweep(*words: str) -> int:
    return main(["sweep", *QUICK, *words])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model=BPR_ILE", "--grid", "ile_lamda=0.1"], "unknown option ile_lamda, did you mean ile_lambda?"),
        (["--model=BPR_ILE", "--grid", "cp_weight=0.1"], "which model BPR_ILE is without; try BPR_ILE_CP"),
        (["--model=BPR_ILE", "--epocs=3"], "unknown option epocs, did you mean epochs?"),
        (["--model=BPR_ILE", "--objectives=ndgc@10,upd@10"], "ndgc@10 is not evaluated, did you mean ndcg@10?"),
        (["--model=BPR_ILE", "--objectives=ndcg@10"], "a trade-off has two metrics at least"),
        (["--model=BPR_ILE", "--search=gird"], "search=gird is not allowed, did you mean grid?"),
        (["--model=BPR_ILE", "--scheduler=hyperband"], "it is one of fifo, asha"),
        (["--model=BPR_ILE", "--num_samples=0"], "num_samples=0 is not allowed; it is at least 1"),
        (["--model=BPR_ILE", "--cpus_per_trial=0"], "cpus_per_trial=0 is not allowed"),
        (["--model=BPR_ILE", "--space=none.yaml"], "space none.yaml is neither a file nor one of"),
        (["--model=BPR_ILE_CP", "--search=optuna", "--uniform", "cp_weight=0,1"], "cp_weight acts in ranking"),
        (["--model=BPR_ILE", "--require=upd@10=0.07"], "upd@10=0.07 is not allowed; it is written metric@k<=number"),
        (["--model=BPR_ILE", "--require=udp@10<=0.07"], "udp@10 is not evaluated, did you mean upd@10?"),
        (["--model=BPR_ILE", "--require=upd@10>=0.07"], "of upd@10 less is better; write <="),
        (
            ["--model=BPR_ILE", "--require=poplift@10>=0.1", "--metrics=['MRR','NDCG','UPD','PopLift']"],
            "of poplift@10 what is nearer 0 is better; write <=",
        ),
        (["--model=BPR_ILE", "--require=upd@10<=0.07", "--max_loss=0.1"], "options max_loss and require"),
        (["--model=BPR"], "no mitigation to be swept by default"),
        (["--model=BPR_ILE", "--grid", "ile_lambda=1", "--uniform", "ile_lambda=0,1"], "ile_lambda is given twice"),
        (["--model=BPR_ILE", "--resume=nowhere"], "holds no sweep"),
    ],
)
def test_wrong_input_is_one_line_before_anything_starts(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused_before_start([*QUICK, *words], message, capsys, monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_sweep_ends_in_the_report_and_its_setting_can_be_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--model=BPR_ILE_CP", "--grid", "ile_lambda=0.1,0.3", "--grid", "cp_weight=0.0,0.9", "--grid", "seed=1,2"]
    assert sweep(*words, "--max_concurrent=2") == 0
    folder = Path("saved/sweeps/BPR_ILE_CP-ml-100k")
    names = ("trials.csv", "front.csv", "best.yaml", "front.png", "front.pdf", "lambda.png", "report.html")
    assert all((folder / name).stat().st_size > 0 for name in names)
    points = rows(folder / "trials.csv")
    assert len(points) == 10
    assert {point["status"] for point in points} == {"done"}
    assert len({point["trial"] for point in points}) == 6
    front = rows(folder / "front.csv")
    assert all(point["seeds"] == "2" and float(point["test_ndcg@10"]) > 0 for point in front)
    (best,) = [point for point in front if point["recommended"] == "True"]
    best_method = best["method"]
    printed = capsys.readouterr().out
    assert "→" in printed
    assert "The methods of BPR_ILE_CP on ml-100k, test part" in printed
    methods = rows(folder / "methods" / "table.csv")
    assert {row["model"] for row in methods} == {"BPR", "BPR_ILE", "BPR_ILE_CP"}
    assert all(json.loads(row["seeds"]) == [1, 2] for row in methods)
    volumes = {row["method"]: row for row in rows(folder / "volumes.csv")}
    assert list(volumes) == ["BPR_ILE", "BPR_ILE_CP", "all together"]
    assert float(volumes["all together"]["share"]) == 1.0
    (of_best,) = [row for row in methods if row["model"] == best_method and row["metric"] == "ndcg@10"]
    assert float(of_best["mean"]) == pytest.approx(float(best["test_ndcg@10"]), abs=1e-6)

    assert main(["run", "--config_files", str(folder / "best.yaml"), "--show_progress=False"]) == 0
    (result,) = Path("saved").glob("*/result.json")
    again = json.loads(result.read_text())
    settings = yaml.safe_load((folder / "best.yaml").read_text())
    (own,) = [
        point
        for point in points
        if all(float(point[key]) == settings[key] for key in ("ile_lambda", "cp_weight", "seed"))
    ]
    assert again["best_valid_result"]["ndcg@10"] == pytest.approx(float(own["valid_ndcg@10"]), abs=2e-3)
    assert float(best["ile_lambda"]) == settings["ile_lambda"]

    capsys.readouterr()
    trained = {name: entry["seconds"] for name, entry in Ledger(folder).outcomes().items()}
    added = ["--model=BPR_ILE_CP", "--grid", "ile_lambda=0.1,0.3", "--grid", "cp_weight=0.5", "--grid", "seed=1,2"]
    assert sweep(*added) == 0
    assert "all 6 trials are there already" in capsys.readouterr().out
    assert {name: entry["seconds"] for name, entry in Ledger(folder).outcomes().items()} == trained
    assert len(rows(folder / "trials.csv")) == 14, "a new weight of CP needs no training"

    assert main(["sweep", f"--resume={folder}", "--require=upd@10<=0.6", "--objectives=ndcg@10,ad@10"]) == 0
    assert "the most accurate that meets upd@10<=0.6" in capsys.readouterr().out
    (best,) = [point for point in rows(folder / "front.csv") if point["recommended"] == "True"]
    assert float(best["valid_ndcg@10"]) == max(float(row["valid_ndcg@10"]) for row in rows(folder / "front.csv"))

    here = Ledger(folder).tests()
    (folder / "tests.json").unlink()
    monkeypatch.setattr(running, "BRIEF", -1.0)
    assert main(["sweep", f"--resume={folder}"]) == 0
    there = Ledger(folder).tests()
    assert len(there) > 1
    assert there == {name: here[name] for name in there}, "workers evaluate as this process does"


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_bad_value_fails_alone_and_is_tried_again_on_resume(capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep("--model=BPR_ILE", "--grid", "ile_lambda=-1,0.3") == 1
    printed = capsys.readouterr().out
    assert "ile_lambda=-1" in printed
    assert "1 of 3 trials failed" in printed
    points = {point["ile_lambda"]: point for point in rows(FOLDER / "trials.csv")}
    assert points["-1.0"]["status"] == "failed"
    assert "a number of at least 0" in points["-1.0"]["reason"]
    assert points["0.3"]["status"] == "done"
    assert (FOLDER / "report.html").is_file()
    kept = {name: entry for name, entry in Ledger(FOLDER).outcomes().items() if entry["status"] == "done"}
    assert main(["sweep", f"--resume={FOLDER}"]) == 1
    after = Ledger(FOLDER).outcomes()
    assert all(after[name] == entry for name, entry in kept.items())


@pytest.mark.slow
@pytest.mark.parametrize("place", [[], ["--address=local"]], ids=["pool", "Ray"])
def test_a_killed_sweep_goes_on_where_it_was(place: list[str]) -> None:
    words = ["sweep", *QUICK, "--epochs=6", "--model=BPR_ILE", "--grid", "ile_lambda=0.1,0.2,0.3,0.4,0.5"]
    words.remove("--epochs=2")
    run = subprocess.Popen(
        [sys.executable, "-m", "recbole_ile", *words, "--max_concurrent=1", *place],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    ledger = Ledger(FOLDER)
    try:
        wait_for(lambda: len(ledger.outcomes()) >= 2 or run.poll() is not None)
    finally:
        children = psutil.Process(run.pid).children(recursive=True)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    finished = ledger.outcomes()
    assert 2 <= len(finished) < 6
    left = psutil.wait_procs(children, timeout=30)[1]
    assert place or not left, "nothing goes on without it"
    assert main(["sweep", f"--resume={FOLDER}"]) == 0
    outcomes = ledger.outcomes()
    assert len(outcomes) == 6
    assert {name: outcomes[name] for name in finished} == finished, "what was finished is not trained again"
    assert len(rows(FOLDER / "trials.csv")) == 6
    assert main(["sweep", f"--resume={FOLDER}", "--grid", "ile_lambda=0.7"]) == 2


@pytest.mark.slow
def test_an_interrupted_sweep_reports_on_what_is_there() -> None:
    words = [*QUICK, "--epochs=12", "--model=BPR_ILE", "--grid", "ile_lambda=0.1,0.2,0.3,0.4,0.5,0.6"]
    words = [word for word in words if word != "--epochs=2"] + ["--max_concurrent=1"]
    run = subprocess.Popen(
        [sys.executable, "-m", "recbole_ile", "sweep", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: Ledger(FOLDER).outcomes() or run.poll() is not None)
    run.send_signal(signal.SIGINT)
    printed, _ = run.communicate(timeout=120)
    assert run.returncode == 130
    assert f"recbole-ile sweep --resume={FOLDER.resolve()} goes on" in printed
    assert (FOLDER / "report.html").is_file()
    assert 1 <= len(Ledger(FOLDER).outcomes()) < 7


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
@pytest.mark.parametrize(
    "words",
    [
        ["--search=random", "--uniform", "ile_lambda=0,1", "--choice", "ile_distance=std,mad", "--num_samples=3"],
        ["--search=optuna", "--loguniform", "ile_lambda=0.01,1", "--num_samples=3"],
        ["--search=optuna", "--num_samples=2"],
        ["--scheduler=asha", "--grid", "ile_lambda=0.1,50.0", "--epochs=8"],
    ],
    ids=["random", "optuna", "optuna with alternatives", "asha"],
)
def test_every_search_ends_in_a_report(words: list[str]) -> None:
    options = [word for word in QUICK if word.partition("=")[0] not in [each.partition("=")[0] for each in words]]
    assert main(["sweep", "--model=BPR_ILE", *options, *words]) == 0
    statuses = {entry["status"] for entry in Ledger(FOLDER).outcomes().values()}
    assert statuses <= {"done", "stopped"}
    assert len(Ledger(FOLDER).outcomes()) in (3, 4)
    assert (FOLDER / "report.html").is_file()


@pytest.mark.slow
def test_a_sweep_outlives_a_machine_of_its_cluster() -> None:
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        words = ["--model=BPR_ILE", "--grid", "ile_lambda=0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9", *QUICK]
        words[words.index("--epochs=2")] = "--epochs=40"  # one machine is not through before the other has begun
        run = subprocess.Popen(
            [sys.executable, "-m", "recbole_ile", "sweep", *words, f"--address={cluster.address}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        ledger = Ledger(FOLDER)
        wait_for(lambda: len({each["node"] for each in ledger.outcomes().values()}) == 2 or run.poll() is not None)
        assert run.poll() is None
        cluster.remove_node(lost, allow_graceful=False)
        printed, _ = run.communicate(timeout=240)
        assert run.returncode == 0, printed
        assert [entry["status"] for entry in ledger.outcomes().values()] == ["done"] * 10
    finally:
        cluster.shutdown()
        ray.shutdown()


@pytest.mark.slow
def test_more_than_any_machine_has_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep("--model=BPR_ILE", "--cpus_per_trial=4096") == 2
    assert "cpus_per_trial=4096 is more than any machine has" in capsys.readouterr().err
    assert sweep("--model=BPR_ILE", "--address=127.0.0.1:1") == 2
    assert "no Ray cluster can be reached there" in capsys.readouterr().err


def wait_for(condition: Any, seconds: float = 240.0) -> None:
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline
        time.sleep(0.05)


@pytest.mark.slow
@in_a_browser
def test_the_page_shows_a_point_when_it_is_clicked(page: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    with looking(page) as driver:
        look_like(driver, 1300, dark=False)
        wait_for(lambda: driver.find_elements(By.CSS_SELECTOR, "#front .scatterlayer .point"), 30)
        details = driver.find_element(By.ID, "details")
        assert "ile_lambda=0.3 (recommended)" in details.text
        assert "test" in details.text
        assert "<script>" in driver.find_element(By.TAG_NAME, "h1").text, "a title is text, whatever it holds"
        traces = driver.find_elements(By.CSS_SELECTOR, "#front .scatterlayer .trace")
        baseline = next(trace for trace in traces if len(trace.find_elements(By.CSS_SELECTOR, ".point")) == 1)
        point = baseline.find_element(By.CSS_SELECTOR, ".point")
        ActionChains(driver).move_to_element(point).perform()
        wait_for(
            lambda: "baseline" in "".join(e.text for e in driver.find_elements(By.CSS_SELECTOR, ".hoverlayer")), 10
        )
        ActionChains(driver).move_to_element(point).click().perform()
        wait_for(lambda: "baseline" in details.text, 10)
        assert "recbole-ile run --model=BPR_ILE" in details.text
        assert "mainstream" in details.text
        assert GROUP in details.text
        assert "ran" not in driver.title
        Select(driver.find_element(By.ID, "axis")).select_by_visible_text("ad@10")
        wait_for(lambda: "ad@10 (higher" in driver.find_element(By.ID, "front").text, 10)
        weights = driver.find_element(By.ID, "weights")
        assert len(weights.find_elements(By.CSS_SELECTOR, ".scatterlayer .point")) == 3 * 3, "a panel a metric"
        assert "(lower is better, nats)" in weights.text
        assert "ile_lambda" in weights.text
        by_keyboard = driver.find_element(By.CSS_SELECTOR, "#all button")
        by_keyboard.send_keys("\n")
        chosen = driver.switch_to.active_element
        assert chosen.tag_name == "h2", "what is shown has the focus"
        assert chosen.text.startswith(by_keyboard.text)


GROUP = "<img src=x onerror=document.title='ran'><script>document.title='ran'</script>"
"""A provider's name as a stranger's data may have it."""


@pytest.fixture
def page() -> Path:
    """A page whose points are known by hand."""
    from recbole_ile.commands.sweep_request import Sweep
    from recbole_ile.experiments.sweep.selection import candidates, selected
    from recbole_ile.metric import Metric
    from recbole_ile.report.sweep.files import page_content, write_page

    groups = {"by_user_group": [{"group": "mainstream", "users": 3}], "by_item_group": [{"group": GROUP, "items": 2}]}
    outcomes = [
        {
            "id": str(number),
            "status": "done",
            "training": {"ile_distance": "mad", "ile_lambda": weight} if weight else {"ile_lambda": 0.0},
            "points": [{"ranking": {}, "metrics": {"ndcg@10": ndcg, "upd@10": upd, "ad@10": upd}, **groups}],
        }
        for number, (weight, ndcg, upd) in enumerate([(0.0, 0.3, 0.2), (0.1, 0.31, 0.15), (0.3, 0.295, 0.1)])
    ]
    objectives = [Metric.parse("ndcg@10"), Metric.parse("upd@10")]
    found = selected(candidates(outcomes, ModelName.parse("BPR_ILE"), {}), objectives, 0.05)
    tests: dict[int, Any] = {2: {**groups, "mean": {"ndcg@10": 0.28}, "spread": {"ndcg@10": 0.0}}}
    about = Sweep("BPR_ILE", "tiny", {}, 0, [], objectives[0], objectives, 0.05, [])
    title = "BPR_ILE on <script>tiny</script>"
    fairness = [objectives[1], Metric.parse("ad@10")]
    write_page(Path("report.html"), page_content(title, ["A sentence."], found, tests, objectives, fairness, about))
    return Path("report.html")
