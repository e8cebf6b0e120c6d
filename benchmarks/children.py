"""A program in a process of its own, whose memory and compiled code are nobody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def answer_of(code: str, arguments: list[Any], folders: list[Path], threads: int) -> Any:
    """Return what a program prints last, read as JSON.

    Args:
        code: of the program; its first argument is ``arguments`` as JSON.
        arguments: of the program.
        folders: where it finds packages before elsewhere.
        threads: that OpenMP gets.
    """
    paths = os.pathsep.join(map(str, folders))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])
