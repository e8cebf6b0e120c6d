"""Whether files that are read may run code, because the user said so."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

_trusting = contextvars.ContextVar("trusting_checkpoints", default=False)


@contextlib.contextmanager
def trusting_checkpoints(trust: bool) -> Iterator[None]:
    """Let ``read_checkpoint`` unpickle freely, which runs any code that is stored, if ``trust`` says so."""
    token = _trusting.set(trust)
    try:
        yield
    finally:
        _trusting.reset(token)


def is_trusting() -> bool:
    """Tell whether files that are read now may run code, because the user said so."""
    return _trusting.get()
