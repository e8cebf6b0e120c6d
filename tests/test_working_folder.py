"""Modules that lie where the user works are a stranger's: no process that a command starts imports them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from atomic import tiny_lines, write_atomic

MODULES = ("signal", "random", "torch", "recbole", "numpy", "pandas", "ray", "yaml")
TINY = ["--data_path=data", "--dataset=tiny", "--topk=2", "--valid_metric=NDCG@2", "--epochs=1"]
SWEEP = ["sweep", "--model=BPR_ILE", "--grid", "ile_lambda=0.1", "--objectives=ndcg@2,upd@2", *TINY]
COMMANDS = {
    "run": ["run", "--model=BPR", "--nproc=2", "--show_progress=False", *TINY],
    "sweep": SWEEP,
    "sweep with Ray": [*SWEEP, "--address=local"],
    "compare": ["compare", "--methods=BPR", "--seeds=1", *TINY],
}


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two processes need two cores")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_strangers_modules_are_not_imported(name: str) -> None:
    write_atomic(Path("data"), "tiny", tiny_lines())
    for module in MODULES:
        Path(f"{module}.py").write_text(f"open({str(Path('ran').resolve())!r}, 'a').write(__name__)\n")
    command = [Path(sys.executable).parent / "recbole-ile", *COMMANDS[name]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not Path("ran").exists(), Path("ran").read_text()
    assert done.returncode == 0, done.stdout + done.stderr
