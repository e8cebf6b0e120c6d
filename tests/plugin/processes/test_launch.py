"""However one of several processes ends, the others end with it, and one line says why."""

from __future__ import annotations

import multiprocessing
import os

import pytest
from together import SHARED, end

from recbole_ile.errors import InputError
from recbole_ile.plugin.processes.launch import ProcessTrace, run_processes

pytestmark = pytest.mark.slow


def test_the_first_error_is_told_and_ends_all_processes() -> None:
    with pytest.raises(InputError, match="the second process does not like its input") as caught:
        run_processes(end, {"config_dict": {}, "how": "wrong input"}, nproc=2, **SHARED)
    assert isinstance(caught.value.__cause__, ProcessTrace)
    assert "together.py" in str(caught.value.__cause__)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSEGV"])
def test_a_killed_process_is_told_and_ends_all_processes(how: str) -> None:
    with pytest.raises(RuntimeError, match=f"process 1 of 2 was ended by {how}"):
        run_processes(end, {"config_dict": {}, "how": how}, nproc=2, **SHARED)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_that_one_process_hears_first_is_none_of_its_errors(how: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_processes(end, {"config_dict": {}, "how": how}, nproc=2, **SHARED)
    assert not multiprocessing.active_children()


def test_a_result_of_any_size_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert len(run_processes(end, {"config_dict": {}, "how": "large result"}, nproc=2, **SHARED)) == 10_000_000
    assert os.environ["OMP_NUM_THREADS"] == "3"
