"""Leave the process of whoever calls this package as it was."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import yaml
from tqdm import TMonitor

from recbole_ile.plugin.output.logs import closing_writers, stop_logging

Undo = Callable[[], None]


@contextlib.contextmanager
def leaving_no_trace() -> Iterator[None]:
    """Put back what a run changes in its process, however it ends: with a result, an error or Ctrl-C.

    As before are: the random numbers of Python, NumPy and torch; torch's flags (deterministic algorithms, the filling
    of fresh memory, threads, default dtype, gradients, detection of anomalies, cuDNN); handlers, level and filters of
    every logger; filters of warnings; working directory and environment; signal handlers; ``sys.path``, ``sys.argv``,
    the standard streams (RecBole has colorama wrap them) and the hooks, that of threads too; NumPy's handling of
    errors; how ``yaml.FullLoader`` reads numbers. Ended are the threads of TensorBoard's writers and of progress
    bars, and a run of Weights & Biases that was begun within; files of the log are closed. A run within is what it
    would be without, since it seeds everything before it draws, and so is a model that it leaves.

    What importing ``recbole_ile`` changes stays. It imports torch, NumPy, pandas and RecBole, registers our metrics
    with RecBole, and runs each shim of ``plugin.compat`` and each hook of ``plugin.hooks``: names that NumPy 2 removed,
    stand-ins for ``kmeans_pytorch`` and ``faiss`` where they are missing, ``dok_matrix._update``,
    ``threading.excepthook`` (silent about an error of TensorBoard's thread that its caller is told), and attributes of
    RecBole's own modules. What a run imports (Matplotlib, numba, Ray) stays imported, and a GPU that it made ready
    stays so. A process has each of these things once: of calls that overlap in several threads, the last to end puts
    back what it found.
    """
    parts = (_garbage, _random_numbers, _torch_flags, _loggers, _place, _interpreter, _signals, _progress_bars, _yaml)
    with warnings.catch_warnings(), np.errstate(), contextlib.ExitStack() as undone:
        for part in (*parts, _wandb):
            undone.callback(part())
        undone.callback(stop_logging)
        with closing_writers():
            yield


def _garbage() -> Undo:
    """Free what only refers to itself, figures and a copy of the model for instance, at once instead of some day.

    What was there before is not looked at, which would take longer than a small run.
    """
    if gc.get_freeze_count():  # the caller's, or that of a call around this one
        return lambda: None
    gc.freeze()

    def undo() -> None:
        gc.collect()
        gc.unfreeze()

    return undo


def _random_numbers() -> Undo:
    python, numpy, torchs = random.getstate(), np.random.get_state(), torch.get_rng_state()
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None

    def undo() -> None:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torchs)
        if on_gpus is not None:
            torch.cuda.set_rng_state_all(on_gpus)
        else:  # a seed waits there for the first use of a GPU, or has had it
            torch.cuda.manual_seed_all(torch.initial_seed())

    return undo


def _torch_flags() -> Undo:
    mode = torch.get_deterministic_debug_mode()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    switches: Any = torch.utils.deterministic
    filled = switches.fill_uninitialized_memory
    threads, dtype, gradients = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    anomalies, nans = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    cudnn = {name: getattr(torch.backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")}

    def undo() -> None:
        if only_warned and mode == 0:  # which no mode says
            torch.use_deterministic_algorithms(False, warn_only=True)
        else:
            torch.set_deterministic_debug_mode(mode)
        switches.fill_uninitialized_memory = filled
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        torch.autograd.set_detect_anomaly(anomalies, nans)
        for name, value in cudnn.items():
            setattr(torch.backends.cudnn, name, value)

    return undo


def _loggers() -> Undo:
    manager = logging.root.manager
    known = [logging.root, *(each for each in manager.loggerDict.values() if isinstance(each, logging.Logger))]
    before = [(each, each.level, list(each.handlers), list(each.filters), each.propagate) for each in known]
    disabled = {each: each.disabled for each in known}
    below = manager.disable

    def undo() -> None:
        manager.disable = below
        for logger, level, handlers, filters, propagates in before:
            for handler in [each for each in logger.handlers if each not in handlers]:
                with contextlib.suppress(OSError):
                    handler.close()
            logger.handlers[:], logger.filters[:] = handlers, filters
            logger.propagate, logger.disabled = propagates, disabled[logger]
            if logger.level != level:  # whatever it is, every other logger has to ask anew
                logger.setLevel(level)

    return undo


def _place() -> Undo:
    environment = dict(os.environ)
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        folder = None

    def undo() -> None:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})
        if folder is not None:
            with contextlib.suppress(FileNotFoundError):
                os.chdir(folder)

    return undo


def _interpreter() -> Undo:
    lists: dict[str, Any] = {name: getattr(sys, name) for name in ("path", "argv")}
    contents = {name: list(value) for name, value in lists.items()}
    names = ("stdin", "stdout", "stderr", "excepthook", "unraisablehook", "displayhook")
    found = {name: getattr(sys, name) for name in names}
    hook = threading.excepthook
    colorama = sys.modules.get("colorama.initialise")
    streams = {
        name: value
        for name, value in (vars(colorama).items() if colorama else ())
        if name.startswith(("orig_std", "wrapped_std"))
    }

    def undo() -> None:
        for name, value in lists.items():
            value[:] = contents[name]
            setattr(sys, name, value)
        for name, value in found.items():
            setattr(sys, name, value)
        threading.excepthook = hook
        for name, value in streams.items():
            setattr(colorama, name, value)

    return undo


def _signals() -> Undo:
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # which cannot have changed any
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def undo() -> None:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

    return undo


def _progress_bars() -> Undo:
    def monitors() -> list[Any]:
        return [thread for thread in threading.enumerate() if isinstance(thread, TMonitor)]

    before = monitors()

    def undo() -> None:
        for thread in monitors():
            if thread not in before:
                thread.exit()
                thread.tqdm_cls.monitor = None

    return undo


def _yaml() -> Undo:
    """RecBole adds its reading of numbers to ``yaml.FullLoader`` itself, once more for every configuration."""
    name = "yaml_implicit_resolvers"
    own = vars(yaml.FullLoader).get(name)
    before = own and {character: list(known) for character, known in own.items()}

    def undo() -> None:
        if before is not None:
            setattr(yaml.FullLoader, name, before)
        elif name in vars(yaml.FullLoader):
            delattr(yaml.FullLoader, name)

    return undo


def _wandb() -> Undo:
    def run() -> Any:
        return getattr(sys.modules.get("wandb"), "run", None)

    before = run()

    def undo() -> None:
        if before is None and run() is not None:
            sys.modules["wandb"].finish()

    return undo
