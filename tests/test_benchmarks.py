"""Every benchmark runs and prints its table; what it says is for a quiet machine to tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
QUICK = {
    "training.py": ["--rounds=1", "--models", "BPR", "BPR_ILE"],
    "evaluation.py": ["--rounds=1", "--memory"],
    "kills.py": ["--runs=2", "--sweeps=1", "--epochs=4", "--users=[300,inf)"],
    "looked_up.py": ["--models", "NeuMF", "--batches=2", "--millions=0.02", "--users=2000", "--items=500"],
    "mechanism.py": ["--models=BPR", "--weights=0,1", "--epochs=8", "--out=mechanism.png"],
    "mitigation_overhead.py": ["--rounds=1", "--model", "MultiVAE"],
    "prices.py": ["--rounds=1", "--users=2000", "--items=300"],
    "quality.py": ["--epochs=1", "--seeds", "0"],
    "recommend.py": ["--rounds=1", "--users=2000", "--items=500", "--folder"],
    "reranking.py": ["--rounds=1", "--users=1000"],
    "scale.py": ["--millions", "0.05", "--stock_millions", "0.05", "--exponents", "1.0", "--epochs=1"],
    "startup.py": ["--rounds=1"],
    "wide.py": ["--dataset=ml-100k", "--stock", "--epochs=1", "--evaluate=50"],
    "sweep.py": ["--rounds=1", "--epochs=1"],
}
COMPARED = {
    "kills.py": "kill -9 of BPR_ILE",
    "mechanism.py": "all, last epoch",
    "mitigation_overhead.py": "MultiVAE_LA",
    "prices.py": "prices, 20 steps",
    "reranking.py": "times as fast as a loop over users",
}
"""What a benchmark compares with, where that is not stock RecBole."""


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_benchmark_prints_its_table(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), *QUICK[name]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},  # nothing that is looked for is broken
    )
    assert done.returncode == 0, done.stderr
    assert "━" in done.stdout
    assert COMPARED.get(name, "stock") in done.stdout


@pytest.mark.slow
def test_the_share_of_an_option_is_what_the_front_loses_without_it() -> None:
    Path("sweep").mkdir()
    Path("sweep/trials.csv").write_text(
        "trial,status,model,ile_lambda,valid_ndcg@10,valid_upd@10\n"
        "a,done,BPR_ILE,0.0,0.2,0.2\nb,done,BPR_ILE,0.0,0.1,0.3\nc,done,BPR_ILE,0.5,0.2,0.1\nd,failed,BPR_ILE,1.0,,\n"
        "e,done,BPR_ILE,0.0,0.3,0.3\n"
    )
    command = [sys.executable, str(BENCHMARKS / "share_of_option.py"), "sweep", "--objectives=ndcg@10,upd@10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    assert "50.0%" in done.stdout, "a box of 0.1 by 0.2, of which 0.1 by 0.1 is there without it"
    assert "0.5" in done.stdout.splitlines()[-1]
