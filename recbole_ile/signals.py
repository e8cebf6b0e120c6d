"""SIGTERM and SIGHUP end a command as Ctrl-C does: stopped, nothing lost, and how to go on is said."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_CONSOLE = (1, 2)


class Interruptions:
    """The signals that came since a command began.

    Attributes:
        received: the first of them that was no Ctrl-C.
        advice: how the command goes on, for a thread that has to end the process.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.advice = ""
        self.failure: BaseException | None = None
        self._postponed = self._waiting = False
        self._terminals = [number for number in _CONSOLE if _is_terminal(number)]
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """The exit code of an interrupted command: 128 and the number of the signal."""
        return 128 + int(self.received or signal.SIGINT)

    def install(self) -> None:
        """Take the signals; one that is ignored, as ``nohup`` has it, stays ignored."""
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, self._handle):
                self._before.setdefault(number, handler)
                signal.signal(number, self._handle)

    def remove(self) -> None:
        """Give the signals back to whom they belonged."""
        for number, handler in self._before.items():
            # A handler that was not set from Python cannot be set from Python again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def fail(self, error: BaseException) -> None:
        """Raise an error in the main thread, from any other one."""
        self.failure = error
        os.kill(os.getpid(), signal.SIGTERM)

    def end(self, reason: str) -> NoReturn:
        """End the process from any thread, because the main thread waits for what will never come.

        Args:
            reason: why, if no signal came.
        """
        said = ["interrupted" if self.received else f"error: {reason}", *filter(None, [self.advice])]
        say("; ".join(said))
        os._exit(self.exit_code if self.received else 1)

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Let what comes within this context interrupt at its end."""
        outer, self._postponed = self._postponed, True
        try:
            yield
        finally:
            self._postponed = outer
            if self._waiting and not outer:
                self._waiting = False
                _interrupt(None)

    def _handle(self, number: int, frame: Any) -> None:
        if self.failure is not None:
            error, self.failure = self.failure, None
            raise error
        if self.received is not None:  # a group is often told twice, and what is stopping must not be stopped
            return
        self.received = number
        self._leave_closed_terminals()
        if self._postponed:
            self._waiting = True
        else:
            _interrupt(frame)

    def _leave_closed_terminals(self) -> None:
        """Write to nowhere what a terminal that was closed cannot show, so that the end is not stopped by it."""
        closed = [number for number in self._terminals if not _is_terminal(number)]
        if closed:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for number in closed:
                os.dup2(nowhere, number)
            os.close(nowhere)


@contextlib.contextmanager
def interrupting() -> Iterator[Interruptions]:
    """Have SIGTERM and SIGHUP interrupt the main thread within this context, and leave them as they were."""
    found = Interruptions()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    _active.append(found)
    found.install()
    try:
        yield found
    finally:
        found.remove()
        _active.remove(found)


def active() -> Interruptions | None:
    """Return what takes the signals now, ``None`` outside of a command."""
    return _active[-1] if _active else None


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let Ctrl-C interrupt at the end of this context, and within a command SIGTERM and SIGHUP.

    Only the main thread is ever interrupted; in another one nothing is held back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    current = active()
    with _held_interrupt(), current.postponed() if current else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def ignored(*numbers: int) -> Iterator[None]:
    """Have processes that are started within this context ignore signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def stop_if_interrupted() -> None:
    """Interrupt what goes on although a signal came, because what the signal raised was lost: in a destructor, say.

    Raises:
        KeyboardInterrupt: if SIGTERM or SIGHUP came.
    """
    current = active()
    if current and current.received is not None and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


def follows_from_interruption(error: BaseException) -> bool:
    """Tell whether an error came of an interruption: a writer that was stopped half-way, say, fails on its own.

    Args:
        error: that was raised.
    """
    current = active()
    if current and current.received is not None:
        return True
    origin: BaseException | None = error
    known: set[int] = set()  # what an error came of may in the end be itself
    while origin is not None and id(origin) not in known:
        if isinstance(origin, KeyboardInterrupt):
            return True
        known.add(id(origin))
        origin = origin.__cause__ or origin.__context__
    return False


def heard(number: int) -> None:
    """Take note of a signal that another process of the same command was ended by."""
    current = active()
    if current and number in SIGNALS and current.received is None:
        current.received = number


_active: list[Interruptions] = []


@contextlib.contextmanager
def _held_interrupt() -> Iterator[None]:
    """Hear SIGINT at the end of this context."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):
        yield
        return
    frames: list[Any] = []
    signal.signal(signal.SIGINT, lambda _, frame: frames.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if frames:
            before(signal.SIGINT, frames[0])


def _interrupt(frame: Any) -> None:
    """Do what Ctrl-C would do now, which Ray Tune decides while it runs trials."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _is_terminal(number: int) -> bool:
    with contextlib.suppress(OSError):
        return os.isatty(number)
    return False


def say(line: str) -> None:
    """Print a line to the error stream, if there is still somebody to read it."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
