"""What a user sees of Ctrl-C and of a full disk, whatever the command."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from recbole_ile.cli import main
from recbole_ile.commands import compare, doctor, recommend, rerank, run, sweep
from recbole_ile.plugin.training.trainer import BehavingTrainer

RUN = ["--dataset=tiny", "--topk=2", "--valid_metric=NDCG@2", "--epochs=9", "--show_progress=False", "--state=ERROR"]


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def said(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [each for each in capsys.readouterr().err.splitlines() if each.startswith("interrupted")]
    return line


@pytest.mark.parametrize("command", [doctor, recommend, rerank])
def test_ctrl_c_of_what_keeps_nothing_says_nothing_more(
    command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "main", interrupted)
    monkeypatch.setattr(command, "add_arguments", lambda _: None)
    assert main([command.__name__.rpartition(".")[2]]) == 130
    assert said(capsys) == "interrupted"


def interrupt_epoch(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    train, begun = BehavingTrainer._train_epoch, []

    def until(*arguments: Any, **keywords: Any) -> Any:
        if len(begun) == number:
            raise KeyboardInterrupt
        begun.append(number)
        return train(*arguments, **keywords)

    monkeypatch.setattr(BehavingTrainer, "_train_epoch", until)


@pytest.mark.trains
@pytest.mark.parametrize(("model", "pattern"), [("BPR_ILE", "*.pth"), ("BPR_PUFR", "*.pth.unfinished")])
def test_ctrl_c_of_a_run_names_what_resumes_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str, pattern: str
) -> None:
    interrupt_epoch(monkeypatch, 2)
    assert main([f"--model={model}", f"--data_path={tiny}", *RUN]) == 130
    (kept,) = Path("saved").glob(pattern)
    assert said(capsys) == f"interrupted; --resume={kept} continues after the best epoch so far"


@pytest.mark.trains
def test_ctrl_c_before_an_epoch_ended_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_epoch(monkeypatch, 0)
    assert main(["--model=BPR_ILE", f"--data_path={tiny}", *RUN]) == 130
    assert said(capsys) == "interrupted; nothing was saved yet"


def test_ctrl_c_of_processes_says_where_the_checkpoint_is(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "run_processes", interrupted)
    monkeypatch.setattr(run, "check_processes", lambda *_: None)
    assert main(["--model=BPR_ILE", f"--data_path={tiny}", "--nproc=2", *RUN]) == 130
    assert "--resume=saved/BPR_ILE-<time>.pth continues" in said(capsys)


@pytest.mark.parametrize(
    ("command", "work", "words", "folder"),
    [
        (sweep, "run_sweep", ["--model=BPR_ILE"], "saved/sweeps/BPR_ILE-tiny"),
        (compare, "_run", [], "saved/comparisons/BPR-tiny"),
    ],
)
def test_ctrl_c_of_a_search_names_its_folder(
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Any,
    work: str,
    words: list[str],
    folder: str,
) -> None:
    monkeypatch.setattr(command, work, interrupted)
    more = ["--objectives=ndcg@2,upd@2"] if command is sweep else []
    assert main([command.NAME, *words, *more, f"--data_path={tiny}", *RUN[:4]]) == 130
    assert said(capsys) == f"interrupted; recbole-ile {command.NAME} --resume={Path(folder).resolve()} goes on"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_takes_nothing_is_one_line_and_exit_code_2(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(number, "no", "some/file")

    monkeypatch.setattr(doctor, "main", full)
    assert main(["doctor"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "some/file" in line
