"""The command: what it takes, what it prints and writes, and what a user sees when something is wrong."""

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

import pytest
from atomic import tiny_lines, write_atomic

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.commands.arguments import parse_options
from recbole_ile.errors import InputError

ROOT = Path(__file__).parents[2]
FAST = ["--epochs=2", "--show_progress=False", "--state=ERROR"]
TINY = ["--dataset=tiny", "--topk=2", "--valid_metric=NDCG@2", *FAST]


def only(pattern: str) -> Path:
    found = list(Path("saved").glob(pattern))
    assert len(found) == 1, found
    return found[0]


@pytest.mark.trains
def test_a_run_prints_its_tables_and_writes_its_files(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model=BPR_ILE", f"--data_path={tiny}", *TINY]) == 0
    printed = capsys.readouterr().out
    for word in ("ndcg", "upd", "niche", "mainstream", "head", "mid", "tail", "% recommendation", "recall@2"):
        assert word in printed
    checkpoint, folder = only("*.pth"), only("*/")
    assert folder == checkpoint.with_suffix("")
    result = json.loads((folder / "result.json").read_text())
    assert result["checkpoint"] == str(checkpoint)
    assert {"ndcg@2", "upd@2", "ad@2", "ee@2"} <= set(result["test_result"])
    assert [row["group"] for row in result["test_by_user_group"]] == ["niche", "2", "3", "4", "mainstream"]
    assert [row["group"] for row in result["test_by_item_group"]] == ["head", "mid", "tail"]
    assert sum(row["items"] for row in result["test_by_item_group"]) == 8
    assert sum(row["training_share"] for row in result["test_by_item_group"]) == pytest.approx(1.0)
    assert result["config"]["ile_distance"] == "mad"
    assert {"python", "torch", "recbole"} <= set(result["versions"])
    rows = list(csv.DictReader((folder / "group_losses.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "0", "0", "1", "1", "1"]
    assert [row["group"] for row in rows[:3]] == ["head", "mid", "tail"]
    assert (folder / "group_losses.png").read_bytes().startswith(b"\x89PNG")
    assert not list(Path("saved").rglob("*.partial"))
    assert list(Path("log").rglob("*.log"))


@pytest.mark.trains
def test_tensorboard_gets_the_group_losses(tiny: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert main(["--model=BPR_ILE", f"--data_path={tiny}", *TINY]) == 0
    events = EventAccumulator(str(next(Path("log_tensorboard").iterdir())))
    events.Reload()
    for group in ("head", "mid", "tail"):
        assert [scalar.step for scalar in events.Scalars(f"Group_loss/{group}")] == [0, 1]


@pytest.mark.trains
def test_the_ile_term_stands_apart_in_the_log(tiny: Path) -> None:
    assert main(["--model=BPR_ILE", f"--data_path={tiny}", *TINY[:-1]]) == 0
    log = next(Path("log").rglob("*.log")).read_text()
    assert "train_loss1" in log
    assert "train_loss2" in log
    assert "FLOPs" in log
    assert "The running environment" in log


@pytest.mark.trains
@pytest.mark.parametrize("script", [[str(ROOT / "run_recbole_ile.py")], ["-m", "recbole_ile"]])
def test_every_way_to_write_an_option(tiny: Path, script: list[str]) -> None:
    Path("a.yaml").write_text("learning_rate: 0.5\nembedding_size: 4\n")
    Path("b.yaml").write_text("learning_rate: 0.25\n")
    words = ["-m", "BPR_ILE", "-d", "tiny", "--config_files", "a.yaml b.yaml", "--data_path", str(tiny), *TINY[1:]]
    words += ["--ile_lambda", "0.5", "--eval_args.split.RS=[0.6,0.2,0.2]", "--nproc=1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seen = subprocess.run([sys.executable, *script, *words], capture_output=True, text=True, env=environment)
    assert seen.returncode == 0, seen.stderr
    settings = json.loads((only("*/") / "result.json").read_text())["config"]
    assert (settings["learning_rate"], settings["embedding_size"], settings["ile_lambda"]) == (0.25, 4, 0.5)
    assert settings["eval_args"]["split"] == {"RS": [0.6, 0.2, 0.2]}
    assert settings["eval_args"]["group_by"] == "user"


def without_times_and_paths(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in ("checkpoint", "output_dir", "seconds")}


@pytest.mark.trains
def test_the_same_seed_gives_the_same_result() -> None:
    options = {"epochs": 3, "show_progress": False, "user_inter_num_interval": "[100,inf)"}
    first, second, other = (
        run_recbole_ile("BPR_ILE", "ml-100k", config_dict={**options, "seed": seed}) for seed in (5, 5, 6)
    )
    stored = [json.loads((Path(run["output_dir"]) / "result.json").read_text()) for run in (first, second)]
    assert without_times_and_paths(stored[0]) == without_times_and_paths(stored[1])
    assert first["checkpoint"] != second["checkpoint"]
    assert first["test_result"] != other["test_result"]


@pytest.mark.trains
def test_a_killed_run_can_be_continued() -> None:
    words = ["--model=BPR_ILE", "--dataset=ml-100k", "--epochs=5000", "--show_progress=False", "--seed=3"]
    words += ["--user_inter_num_interval=[200,inf)", "--stopping_step=5000"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [sys.executable, str(ROOT / "run_recbole_ile.py"), *words], env=environment, stderr=subprocess.DEVNULL
    )
    states = set()
    while len(states) < 3:  # the file was replaced while training went on
        states.update((path.stat().st_ino, path.stat().st_mtime_ns) for path in Path("saved").glob("*.pth"))
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    checkpoint = only("*.pth")
    from recbole_ile.plugin.checkpoints.files import read_checkpoint

    reached = read_checkpoint(checkpoint)["epoch"]
    result = run_recbole_ile(resume=checkpoint, config_dict={"epochs": reached + 4})
    assert [epoch["epoch"] for epoch in result["group_losses"]] == list(range(reached + 4))
    assert result["model"] == "BPR_ILE"
    assert result["checkpoint"] == str(checkpoint)
    assert (Path(result["output_dir"]) / "result.json").is_file()
    content = checkpoint.read_bytes()
    with pytest.raises(InputError, match="there is nothing to continue"):
        run_recbole_ile(resume=checkpoint, config_dict={"epochs": 1})
    assert checkpoint.read_bytes() == content


@pytest.mark.trains
def test_a_function_call_reads_no_command_line(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["notebook", "--model=NoSuchModel", "--epochs=7"])
    options = {"data_path": str(tiny), "epochs": 1, "topk": 2, "valid_metric": "NDCG@2"}
    result = run_recbole_ile("BPR", "tiny", config_dict=options, saved=False)
    assert result["checkpoint"] is None
    assert len(result["group_losses"]) == 1
    assert not list(Path("saved").iterdir())


@pytest.mark.trains
def test_a_feature_can_group_the_items(tiny: Path) -> None:
    makers = {"a": "x", "b": "x", "c": "y", "d": "y", "e": "z", "f": "z", "g": "z", "h": ""}
    lines = ["item_id:token maker:token", *(f"{item} {maker}" for item, maker in makers.items())]
    (tiny / "tiny" / "tiny.item").write_text("".join(line.replace(" ", "\t") + "\n" for line in lines))
    options = {"data_path": str(tiny), "epochs": 1, "topk": 2, "valid_metric": "UPD@2", "item_group_field": "maker"}
    result = run_recbole_ile("BPR_ILE", "tiny", config_dict=options)
    rows = {row["group"]: row["items"] for row in result["test_by_item_group"]}
    assert rows == {"x": 2, "y": 2, "z": 3, "(none)": 1}
    assert next(iter(rows)) == "x"
    with pytest.raises(InputError, match=r"item_group_field makr is no column of tiny.item, did you mean maker\?"):
        run_recbole_ile("BPR_ILE", "tiny", config_dict={**options, "item_group_field": "makr"})
    (tiny / "tiny" / "tiny.item").write_text("item_id:token\tmaker\na\tx\n")
    with pytest.raises(InputError, match=r"tiny.item: column 'maker' of the header is not `name:type`"):
        run_recbole_ile("BPR_ILE", "tiny", config_dict=options)


WRONG = [
    (["--model=BPR_ILE"], "no dataset"),
    (["--dataset=tiny"], "no model"),
    (["--model=BPR_IEL"], "unknown model BPR_IEL, did you mean BPR_ILE?"),
    (["--model=BPR_ILE", "--ile_lambda=-1"], "ile_lambda=-1"),
    (["--model=BPR_ILE", "--ile_distance=sdt"], "did you mean std?"),
    (["--model=BPR_ILE", "--item_group_split=[0.5,0.6]"], "add up to 1"),
    (["--model=BPR_ILE", "--topk=9"], "topk=[9] is not allowed; tiny has 8 items"),
    (["--model=BPR_ILE", "--metrics=['NDGC']"], "did you mean ndcg?"),
    (["--model=BPR_ILE", "--ile_lamda=1"], "unknown option ile_lamda, did you mean ile_lambda?"),
    (["--model=BPR_ILE", "--dataset=tinny"], "dataset tinny not found, did you mean tiny?"),
    (["--model=BPR_ILE", "--config_files=nowhere.yaml"], "nowhere.yaml does not exist"),
    (["--model=BPR_ILE", "--preset=papre"], "unknown preset"),
    (["--model=BPR_ILE", "--resume=nowhere.pth"], "nowhere.pth does not exist"),
    (["--model=BPR_ILE", "--nproc=4096"], "nproc=4096 is not allowed; this machine has"),
    (["--model=Pop", "--nproc=2"], "Pop follows no gradient"),
    (["--model=BPR_ILE", "--nproc=2", "--world_size=1"], "world_size=1 is not allowed"),
    (["--model=BPR_ILE", "--epochs"], "has no value"),
    (["--model=BPR_ILE", "--clip_grad_norm=5"], "clip_grad_norm=5 is not allowed; it takes a dictionary such as"),
    (["--model=BPR_ILE", "--clip_grad_norm={'norm': 5}"], "its entries are max_norm, norm_type"),
    (["--model=BPR_ILE", "--nproc=x"], "--nproc: invalid int value: 'x'"),
    (["--model=BPR_ILE", "--ile_distance=STD"], "did you mean std?"),
    (["--model=BPR_ILE", "--valid_metric=NDCG"], "needs a k of topk=[2], as in NDCG@2"),
    (["--model=BPR_ILE", "--train_neg_sample_args=None"], "needs negative items"),
    (["--model=BPR_ILE", "--eval_args.mode=labeled"], "ranking metrics need full"),
    (["--model=BPR_ILE", "--encoding=nope"], "encoding='nope'"),
    (["--model=BPR_ILE", "--item_group_field=5"], "item_group_field=5"),
    (["--model=BPR_ILE", "--checkpoint_dir=5"], "checkpoint_dir=5"),
    (["--model=BPR_ILE", "--dataset=../tiny"], "is a path"),
    (["--model=BPR_ILE", "word"], "unexpected argument word"),
    (["--model=BPR_ILE", "--seed=1", "--seed=2"], "given twice"),
    (["--model=BPR_ILE", "--topk=__import__('os').system('touch ran')"], "topk="),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[words[-1][2:40] for words, _ in WRONG])
def test_wrong_input_is_one_line_and_exit_code_2(
    tiny: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {word.partition("=")[0] for word in words}
    defaults = [f"--data_path={tiny}", "--topk=2", "--valid_metric=NDCG@2"]
    if words != ["--model=BPR_ILE"] and "--dataset" not in given:
        defaults.append("--dataset=tiny")
    if "--topk=9" in words:
        words = [*words, "--valid_metric=NDCG@9"]
    chosen = [word for word in defaults if word.partition("=")[0] not in {w.partition("=")[0] for w in words}]
    assert main([*words, *chosen]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert not any("Traceback" in line for line in lines)
    assert not Path("ran").exists()
    assert not list(Path().rglob("*.pth"))


HEADER = "user_id:token item_id:token"
MALFORMED = [
    (["user_id:token rating:float", "a 1"], "has no column item_id (ITEM_ID_FIELD)"),
    (["user_id:token item_id:token item_id:token", "a b c"], "names column item_id 2 times"),
    ([HEADER, HEADER, "a b"], "the header stands there twice"),
    ([HEADER, "a b", "c d", HEADER], "the header is repeated among the interactions"),
    ([HEADER], "has a header but no lines below it"),
    ([HEADER, "a b c", "d e"], "line 2 has 3 fields and the header 2"),
    ([HEADER, " b", "a "], "no interactions are left: 1 interaction without a user (first: line 2); 1 interaction"),
    ([HEADER, 'a "b', "c d", 'e f"', 'g "h"'], "line 2 has a field whose quotation mark does not close"),
    ([HEADER + " rating:float", "a b 1", "c d one"], "line 3, column rating: 'one' is not a number"),
    ([HEADER + " sizes:float_seq", "a b 1", "c d 2,x"], "line 3, column sizes: '2,x' is not a number"),
    (["\ufeff" + HEADER, "a b"], "byte-order mark"),
    ([HEADER, "a x", "a y", "a z"], "has 1 user"),
    (["user item", "a b"], "is not `name:type`"),
    (["user_id:token item_id:tokn", "a b"], "is not `name:type`"),
    ([""], "is not `name:type`"),
]


@pytest.mark.parametrize(("lines", "message"), MALFORMED, ids=[message for _, message in MALFORMED])
def test_a_malformed_data_set_is_one_line_and_exit_code_2(
    tmp_path: Path, lines: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_atomic(tmp_path, "tiny", lines)
    columns = [column.partition(":")[0] or "user_id" for column in lines[0].split(" ")]
    assert main(["--model=BPR_ILE", f"--data_path={tmp_path}", f"--load_col={ {'inter': columns} }", *TINY]) == 2
    printed = capsys.readouterr().err
    assert message in printed.splitlines()[-1]
    assert "tiny" in printed.splitlines()[-1]
    assert "Traceback" not in printed


def test_a_binary_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_atomic(tmp_path, "tiny", tiny_lines())
    path.write_bytes(b"\xff\xfe\x00" * 9)
    assert main(["--model=BPR", f"--data_path={tmp_path}", *TINY]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(InputError):
        main(["--debug", "--model=BPR_IEL", "--dataset=ml-100k"])


def test_another_error_is_one_line_and_exit_code_1(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from recbole_ile.plugin.runs import pipeline

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(pipeline, "get_trainer", broken)
    assert main(["--model=BPR", f"--data_path={tiny}", *TINY]) == 1
    assert "error: RuntimeError: out of paper (--debug shows where)" in capsys.readouterr().err


def test_an_unwritable_folder_is_said(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("blocked").write_text("a file where a folder should be")
    assert main(["--model=BPR", f"--data_path={tiny}", "--checkpoint_dir=blocked/saved", *TINY]) == 2
    assert "checkpoint_dir" in capsys.readouterr().err
    assert Path("blocked").read_text() == "a file where a folder should be"


def test_options_are_read_as_written() -> None:
    assert parse_options(["--a=1", "--b", "2", "--c==x", "--d", "-1"]) == {"a": "1", "b": "2", "c": "=x", "d": "-1"}


@pytest.mark.trains
def test_several_models_are_compared(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model=BPR,BPR_ILE", f"--data_path={tiny}", *TINY]) == 0
    side_by_side = capsys.readouterr().out.split("side by side")[1]
    assert "BPR_ILE" in side_by_side
    rows = {line.split("│")[1].strip(): line for line in side_by_side.splitlines() if "@2" in line}
    assert "lower" in rows["upd@2"]
    assert "higher" in rows["ee@2"]
    assert len(list(Path("saved").glob("*.pth"))) == 2
    assert main(["--model=BPR,NoSuchModel", f"--data_path={tiny}", *TINY]) == 2
    assert len(list(Path("saved").glob("*.pth"))) == 2


@pytest.mark.trains
def test_a_run_is_continued_only_with_what_it_was_started_with(tiny: Path) -> None:
    options = {"data_path": str(tiny), "epochs": 1, "topk": 2, "valid_metric": "NDCG@2"}
    checkpoint = run_recbole_ile("BPR_ILE", "tiny", config_dict=options)["checkpoint"]
    content = Path(checkpoint).read_bytes()
    for model, changed in (("LightGCN", {}), (None, {"valid_metric": "UPD@2"}), (None, {"learner": "sgd"})):
        with pytest.raises(InputError, match="continued with what it was started with"):
            run_recbole_ile(model, resume=checkpoint, config_dict={"epochs": 4, **changed})
    assert Path(checkpoint).read_bytes() == content
    Path("more.yaml").write_text("epochs: 3\n")
    result = run_recbole_ile(resume=checkpoint, config_file_list=["more.yaml"])
    assert [epoch["epoch"] for epoch in result["group_losses"]] == [0, 1, 2]


@pytest.mark.trains
def test_a_split_without_test_part_has_no_test_result(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model=BPR", f"--data_path={tiny}", "--eval_args.split.RS=[0.6,0.4,0.0]", *TINY]) == 0
    assert "nothing to test on" in capsys.readouterr().out


@pytest.mark.trains
@pytest.mark.parametrize("model", ["EASE", "Pop_CP", "BPR"])
def test_a_model_of_fewer_epochs_than_a_validation_waits_for_is_validated_after_the_last(
    tiny: Path, model: str
) -> None:
    assert main([f"--model={model}", f"--data_path={tiny}", "--eval_step=5", *TINY]) == 0
    assert json.loads((only("*/") / "result.json").read_text())["best_valid_result"]["ndcg@2"] >= 0


@pytest.mark.trains
def test_a_path_with_a_blank_is_one_configuration_file(tiny: Path) -> None:
    Path("my settings.yaml").write_text("embedding_size: 3\n")
    assert main(["--model=BPR", f"--data_path={tiny}", "--config_files", "my settings.yaml", *TINY]) == 0
    assert json.loads((only("*/") / "result.json").read_text())["config"]["embedding_size"] == 3
