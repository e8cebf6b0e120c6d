"""SIGTERM and SIGHUP end every command as Ctrl-C does: nothing is lost, nothing is left, how to go on is said."""

from __future__ import annotations

import io
import logging
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from atomic import tiny_lines, write_atomic

from recbole_ile.cli import main
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import TellingWriter, start_logging, stop_logging
from recbole_ile.signals import follows_from_interruption, interrupting, postponed, stop_if_interrupted

LONG = ["--data_path=data", "--dataset=tiny", "--topk=2", "--valid_metric=NDCG@2", "--stopping_step=1000000"]
RUN = ["run", "--model=BPR_ILE", *LONG, "--epochs=1000000", "--show_progress=False"]
FIRST_ENDS = ["--objectives=ndcg@2,upd@2", "--grid", "epochs=1,1000000", "--name=own", "--max_concurrent=1"]
COMMANDS: dict[str, list[str]] = {
    "run": RUN,
    "run --nproc=2": [*RUN, "--nproc=2"],
    "sweep": ["sweep", "--model=BPR", *LONG, *FIRST_ENDS],
    "compare": ["compare", *LONG, "--methods=BPR:epochs=1000000", "--seeds=1", "--name=own", "--jobs=1"],
}
COMMANDS |= {f"{name} --address=local": [*COMMANDS[name], "--address=local"] for name in ("sweep", "compare")}
ADVICE = {"run": "--resume=", "sweep": "sweep --resume=", "compare": "compare --resume="}


def is_under_way(name: str) -> bool:
    """Whether there is something that may not be lost."""
    folder = Path("saved") / {"sweep": "sweeps", "compare": "comparisons"}.get(name.split()[0], "") / "own"
    return bool(list(Path().glob("saved/*.pth") if name.startswith("run") else folder.glob("trials/*.json")))


def start(name: str, **options: Any) -> subprocess.Popen[bytes]:
    write_atomic(Path("data"), "tiny", tiny_lines())
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "recbole_ile", *COMMANDS[name]]
    with Path("printed").open("wb") as file:
        usual: dict[str, Any] = {"stdout": file, "stderr": subprocess.STDOUT, "start_new_session": True}
        process = subprocess.Popen(command, env=environment, **{**usual, **options})
    wait_for(lambda: is_under_way(name) or process.poll() is not None)
    assert process.poll() is None, Path("printed").read_text()
    return process


def wait_for(condition: Callable[[], Any], seconds: float = 180.0) -> None:
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline
        time.sleep(0.1)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run; where nobody asks how they ended, ended ones stay as zombies."""
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def assert_ended(process: subprocess.Popen[bytes], children: list[psutil.Process], code: int) -> None:
    assert process.wait(timeout=90) == code, Path("printed").read_text()
    wait_for(lambda: not alive(children), 5)


@pytest.fixture
def kept() -> Iterator[None]:
    """Nothing that ended is damaged or lost."""
    yield
    for folder, kind in (("sweeps", "sweep"), ("comparisons", "comparison")):
        if (path := Path("saved", folder, "own")).exists():
            ledger = Ledger(path, kind)
            assert len(ledger.outcomes()) == 1
            assert len(ledger.planned()) == 2
            assert ledger.damaged == set()


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_ends_a_command(name: str, number: signal.Signals) -> None:
    process = start(name)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children or name == "run"
    process.send_signal(number)
    assert_ended(process, children, 128 + number)
    last = Path("printed").read_text().splitlines()[-1]
    assert last.startswith("interrupted; ")
    assert ADVICE[name.split()[0]] in last
    assert "Traceback" not in Path("printed").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("name", ["run --nproc=2", "sweep", "sweep --address=local"])
def test_a_signal_to_all_processes_ends_a_command(name: str) -> None:
    """As ``timeout``, a batch system or ``systemd`` sends it, twice."""
    process = start(name)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert_ended(process, children, 128 + signal.SIGTERM)
    assert "interrupted; " in Path("printed").read_text().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("name", ["run", "sweep", "sweep --address=local"])
def test_a_terminal_that_is_closed_ends_a_command(name: str) -> None:
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = start(name, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal)
    os.close(theirs)
    children = psutil.Process(process.pid).children(recursive=True)
    os.close(ours)
    assert_ended(process, children, 128 + signal.SIGHUP)


@pytest.mark.slow
def test_a_command_under_nohup_does_not_hear_that_a_terminal_is_closed() -> None:
    process = start("run", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("name", "server"), [("sweep", "raylet"), ("compare", "raylet"), ("sweep", "gcs_server")])
def test_ray_that_is_killed_is_one_line(name: str, server: str) -> None:
    process = start(f"{name} --address=local")
    children = psutil.Process(process.pid).children(recursive=True)
    (killed,) = [child for child in children if child.name() == server]
    killed.kill()
    assert_ended(process, children, 1)
    last = Path("printed").read_text().splitlines()
    assert len([line for line in last if "done" not in line]) <= 2
    assert last[-1].startswith("error: Ray's process on this machine ended")
    assert f"recbole-ile {name} --resume=" in last[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_signals_belong_to_a_command_only_while_it_runs(number: signal.Signals) -> None:
    heard = []
    usual = signal.signal(number, lambda *_: heard.append("caller"))
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
    try:
        with interrupting() as interruptions:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
            signal.raise_signal(number)
            assert interruptions.exit_code == 128 + number
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        signal.raise_signal(number)
        assert main(["run", "--nothing=1"]) == 2
        signal.raise_signal(number)
        assert heard == ["caller"] * 2
    finally:
        signal.signal(number, usual)
        signal.signal(signal.SIGINT, interrupt)


def test_what_a_signal_leads_to_is_known_by_what_it_came_of() -> None:
    assert not follows_from_interruption(RuntimeError("a writer fails"))
    stopped = RuntimeError("a writer that was stopped half-way")
    stopped.__context__ = KeyboardInterrupt()
    assert follows_from_interruption(stopped)
    circle, other = RuntimeError("one"), RuntimeError("other")
    circle.__cause__, other.__context__ = other, circle
    assert not follows_from_interruption(circle)
    with interrupting() as interruptions:
        stop_if_interrupted()
        interruptions.received = signal.SIGTERM
        assert follows_from_interruption(RuntimeError("whatever comes then"))
        with pytest.raises(KeyboardInterrupt):  # what the signal raised in a destructor was lost
            stop_if_interrupted()


def test_an_ignored_signal_stays_ignored() -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupting() as interruptions:
            signal.raise_signal(signal.SIGHUP)
            assert interruptions.received is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, usual)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_waits_for_what_must_not_be_interrupted(number: signal.Signals) -> None:
    reached = []
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    others = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGTERM, signal.SIGHUP)}  # nohup ignores it

    def start_some() -> None:
        with postponed():
            with postponed():
                signal.raise_signal(number)
                reached.append("inside")
            reached.append("the end")

    try:
        with interrupting(), pytest.raises(KeyboardInterrupt):
            start_some()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        for each, handler in {**others, signal.SIGINT: usual}.items():
            signal.signal(each, handler)
    assert reached == ["inside", "the end"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_of_tensorboard_is_not_interrupted(number: signal.Signals) -> None:
    told, usual = [], signal.signal(signal.SIGINT, signal.default_int_handler)

    class Writer:
        def add_scalar(self) -> None:
            signal.raise_signal(number)
            told.append("whole")

    try:
        with interrupting(), pytest.raises(KeyboardInterrupt):
            TellingWriter(Writer()).add_scalar()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert told == ["whole"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_line_of_the_log_ends_before_a_signal_interrupts(tiny: Path, number: signal.Signals) -> None:
    """Else what the command says last begins in the middle of a line."""

    class Torn(io.StringIO):
        """A stream to which colorama writes a line in pieces, between which a signal comes."""

        def write(self, text: str) -> int:
            if "epoch" in text:
                signal.raise_signal(number)
            return super().write(text)

    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        start_logging(
            IleConfig("BPR", "tiny", config_dict={"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2"})
        )
        own = [each for each in root.handlers if each not in before]
        files = [each for each in own if isinstance(each, logging.FileHandler)]
        (shown,) = [each for each in own if isinstance(each, logging.StreamHandler) and each not in files]
        for handler in (shown, *files):
            before_it, handler.stream = handler.stream, Torn()
            with interrupting(), pytest.raises(KeyboardInterrupt):
                root.info("an epoch")
            assert handler.stream.getvalue().count("\n") == 1
            handler.stream = before_it
    finally:
        stop_logging()
        signal.signal(signal.SIGINT, usual)
