"""Every option of RecBole and of ours ends, whatever its value: it works, or one line says what it takes.

The walk goes over all options of the installed models with a text, 0, a negative, a fraction, a huge number, True, an
empty list and an empty dictionary, up to the end of the first batch (``option_walk``). Options of no model are tried
with one model, and those of the data set with one of each kind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from option_walk import KINDS, MODELS, NOT_HERE, WHOLE, write_data

from recbole_ile.plugin.catalogue.support import PACKAGES

PROCESSES = 2
MINUTES = 15
COSTLY = {
    **dict.fromkeys(("epochs", "n_enc_epochs", "n_dec_epochs"), "so many epochs are trained"),
    "pufr_members": "so many models are trained",
    **dict.fromkeys(
        (
            *("n_layers", "num_layers", "cross_layer_num", "depth", "t_depth", "block_num", "lightgcn_layer"),
            *("item_agg_layer", "low_layers_num", "high_layers_num", "num_basis_functions"),
        ),
        "so many layers are made",
    ),
    **dict.fromkeys(
        ("n_hop", "n_hops", "context_hops", "n_iter", "n_iterations", "step", "hyper_layers"),
        "so many times the graph is gone over",
    ),
    "ials_iterations": "so many times the factors are solved",
    "steps": "so many steps of noise are prepared",
    "k": "so many iterations, or neighbours, are found",
}
"""Options whose cost is their user's wish: a huge number of them is not tried, for the reason given."""
SAYS = ("is not allowed", "are not allowed", "given were", "needs", "it has", "it takes", "known are", "please set")
"""Words with which a line says what is allowed, or what was given and what is usual."""
FILES = {"field_separator": "rich.inter has no column", "data_path": "rich not found: looked for"}
"""Options whose wrong values lead to a line on the file."""


def is_told(row: dict[str, Any]) -> bool:
    """Tell whether a trial worked, or ended with one line that names the option, or the file that it leads to."""
    text, option = row["outcome"], row["option"].split(".")[0]
    if text == "done" or (row["option"], row["value"]) == ("epochs", 2):  # the model as it is, which has to work
        return text == "done"
    if text.startswith("raw ") or "\n" in text:
        return False
    return FILES.get(option, "\n") in text or (option in text and any(words in text for words in SAYS))


@pytest.mark.slow
def test_every_option_works_or_says_what_it_takes(tmp_path: Path) -> None:
    walk = Path(__file__).with_name("option_walk.py")
    running = []
    for part in range(PROCESSES):
        data = write_data(tmp_path / f"data{part}")
        words = [data, f"{part}/{PROCESSES}", str(tmp_path / f"{part}.jsonl"), ",".join(COSTLY)]
        running.append(subprocess.Popen([sys.executable, str(walk), *words], stderr=subprocess.PIPE, text=True))
    for process in running:
        _, errors = process.communicate(timeout=60 * MINUTES)
        assert process.returncode == 0, errors[-2000:]
    rows = [
        json.loads(line) for part in range(PROCESSES) for line in (tmp_path / f"{part}.jsonl").read_text().splitlines()
    ]
    print(f"{len(rows)} pairs of option and value, {sum(row['outcome'] == 'done' for row in rows)} of which work")
    assert {row["model"] for row in rows} == {*WHOLE, *MODELS}
    assert [row for row in rows if not is_told(row)] == []


def test_every_model_is_walked() -> None:
    assert {*MODELS, *NOT_HERE, *PACKAGES} == set(KINDS)
