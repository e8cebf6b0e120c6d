"""The same seed gives the same result, bit for bit, also with several threads and on a GPU."""

from __future__ import annotations

import os
from typing import Any

import torch
from recbole.utils import init_seed


def seed_everything(config: Any) -> None:
    """Seed every source of randomness with ``seed``, and with ``reproducibility`` choose algorithms of fixed order.

    RecBole seeds alone, and models that take rows by index (GCMC, NGCF, SpectralCF, ...) then differ between
    two runs: their gradients are added up by several threads in the order in which these arrive. An operation
    that has no such algorithm (some on GPUs) runs as it is, with PyTorch's warning.

    Args:
        config: RecBole's configuration; ``seed`` and ``reproducibility`` are read.
    """
    reproducible = bool(config["reproducibility"])
    if reproducible:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # Filling fresh memory finds bugs and changes no result.
        switches: Any = torch.utils.deterministic
        switches.fill_uninitialized_memory = False
    # As torch.use_deterministic_algorithms does, which imports torch's compiler for that, for more than a second.
    torch.set_deterministic_debug_mode("warn" if reproducible else "default")
    init_seed(config["seed"], reproducible)
