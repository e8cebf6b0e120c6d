"""Read safely what a model was pre-trained to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.checkpoints.parameters import first_member


@contextlib.contextmanager
def safe_loading() -> Iterator[None]:
    """Read checkpoints safely within this context where RecBole's models call ``torch.load`` themselves.

    S3Rec, RaCT, ConvNCF, NAIS, NeuMF and KD_DAGFM read what they were pre-trained to when they are made.
    The reason, the issue and the end are those of ``hooks.reading.safe_checkpoints``.
    """

    def read_pretrained(path: Any, map_location: Any = None, **_: Any) -> dict[str, Any]:
        stored = read_checkpoint(path, map_location)
        learned = stored["config"].name.learned
        state = {name: value for name, value in first_member(stored["state_dict"]).items() if name not in learned}
        return {**stored, "state_dict": state}

    unsafe = torch.load
    vars(torch)["load"] = read_pretrained
    try:
        yield
    finally:
        torch.load = unsafe
