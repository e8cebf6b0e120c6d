"""Every shim that RecBole 1.2 needs on today's libraries; nothing else in this package patches anything.

``apply()`` runs each shim once, however often it is called. A shim acts only where the fault exists, so
that a RecBole that already works behaves as before.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

Shim = Callable[[], None]
_shims: list[Shim] = []
_applied: set[str] = set()


def shim(function: Shim) -> Shim:
    """Add a shim to those that ``apply`` runs, in the order of this file."""
    _shims.append(function)
    return function


def apply() -> None:
    """Run every shim that has not run in this process yet."""
    for function in _shims:
        if function.__name__ not in _applied:
            _applied.add(function.__name__)
            function()


@shim
def numpy_names() -> None:
    """``Config.compatibility_settings`` and the code after it use names that NumPy 2 removed.

    RecBole issue 2215; can go when RecBole no longer reads ``np.float_``.
    """
    import numpy as np

    for name, kind in {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}.items():
        if name not in vars(np):
            setattr(np, name, kind)


@shim
def clustering_modules() -> None:
    """RecBole 1.2.0 imports ``kmeans_pytorch`` with every general model, for LDiffRec alone; NCL needs ``faiss``.

    RecBole requires neither. Where one is missing, scikit-learn's k-means stands in under its name, seeded
    by torch. Can go when RecBole names them among its requirements.
    """

    def fitted(points: Any, n_clusters: int) -> Any:
        import torch
        from sklearn.cluster import KMeans

        return KMeans(n_clusters=n_clusters, n_init=1, random_state=torch.initial_seed() % 2**32).fit(points)

    def kmeans(X: Any, num_clusters: int, **_: Any) -> tuple[Any, Any]:
        import torch

        found = fitted(X.detach().cpu().numpy(), num_clusters)
        return torch.from_numpy(found.labels_).long(), torch.from_numpy(found.cluster_centers_)

    class Kmeans:
        """The part of ``faiss.Kmeans`` that NCL uses; it is its own index of centroids."""

        def __init__(self, d: int, k: int, **_: Any) -> None:
            self.d, self.k, self.index = d, k, self

        def train(self, points: Any) -> None:
            self._found = fitted(points, min(self.k, len(points)))
            self.centroids = self._found.cluster_centers_

        def search(self, points: Any, _: int) -> tuple[None, Any]:
            return None, self._found.predict(points)[:, None]

    stand_ins: dict[str, dict[str, Any]] = {"kmeans_pytorch": {"kmeans": kmeans}, "faiss": {"Kmeans": Kmeans}}
    for name, contents in stand_ins.items():
        if importlib.util.find_spec(name) is None:
            module = types.ModuleType(name, f"Stands in for {name}, through scikit-learn.")
            module.__spec__ = importlib.util.spec_from_loader(name, loader=None)
            for attribute, value in contents.items():
                setattr(module, attribute, value)
            sys.modules[name] = module


@shim
def sparse_update() -> None:
    """LightGCN, NGCF, NCL, GCMC, SpectralCF, KGIN and MCCLK call ``dok_matrix._update``, which SciPy 1.13 removed.

    RecBole issue 2034; can go when RecBole builds its adjacency otherwise.
    """
    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = _add_entries


def _add_entries(matrix: Any, entries: dict[tuple[int, int], Any]) -> None:
    matrix._dict.update(entries)


@shim
def visible_devices() -> None:
    """``Config`` overwrites ``CUDA_VISIBLE_DEVICES``, which takes a Ray trial's GPU away.

    A variable that is already set stays, unless ``gpu_id`` was asked for by name. Can go when RecBole leaves
    the environment alone.
    """
    from recbole.config import Config

    init_device = Config._init_device
    written: list[str] = []  # by a configuration before, which is nobody's assignment

    @functools.wraps(init_device)
    def keep_assignment(self: Any) -> None:
        assigned = os.environ.get("CUDA_VISIBLE_DEVICES")
        init_device(self)
        if assigned is not None and assigned not in written and "gpu_id" not in self.external_config_dict:
            os.environ["CUDA_VISIBLE_DEVICES"] = assigned
        else:
            written[:] = [os.environ["CUDA_VISIBLE_DEVICES"]]

    Config._init_device = keep_assignment


@shim
def fast_parser() -> None:
    """``Dataset`` reads atomic files with pandas' parser in Python, which takes several times as long as that in C.

    Since pandas 3, with which we compared them, the one in C reads what both read alike. Can go when RecBole leaves
    the choice to pandas.
    """
    import pandas as pd
    from recbole.data.dataset import dataset as module

    from recbole_ile.plugin import atomic_parser

    class PandasWithFastParser:
        """pandas, but plain files are read by its parser in C."""

        read_csv = staticmethod(functools.partial(atomic_parser.read_csv, pd.read_csv))

        def __getattr__(self, name: str) -> Any:
            return getattr(pd, name)

    if int(pd.__version__.split(".")[0]) >= 3:
        module.pd = PandasWithFastParser()


@shim
def filled_columns() -> None:
    """``Dataset`` fills missing values with ``df[column].fillna(inplace=True)``, which pandas 3 silently ignores.

    Can go when RecBole assigns the filled column.
    """
    import pandas as pd
    from recbole.data.dataset import Dataset
    from recbole.data.dataset import dataset as module
    from recbole.utils import FeatureType

    if int(pd.__version__.split(".")[0]) < 3:
        return
    pandas = module.pd

    class PandasThatFillsSequences:
        """pandas, but a sequence column has no missing values after it was read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(pandas, name)

        @staticmethod
        def read_csv(*arguments: Any, **keywords: Any) -> Any:
            frame = pandas.read_csv(*arguments, **keywords)
            sequences = [column for column in frame if str(column).endswith("_seq")]
            return frame.fillna(dict.fromkeys(sequences, ""))

    fill_nan = Dataset._fill_nan

    @functools.wraps(fill_nan)
    def assign_filled(self: Any) -> None:
        for name in self.feat_name_list:
            table = getattr(self, name)
            for field in table:
                kind = self.field2type[field]
                if kind == FeatureType.TOKEN:
                    table[field] = table[field].fillna(0)
                elif kind == FeatureType.FLOAT:
                    table[field] = table[field].fillna(table[field].mean())
        fill_nan(self)

    def unwarned(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*arguments: Any, **keywords: Any) -> Any:
            with warnings.catch_warnings():  # pandas says that RecBole's own filling does nothing; it need not
                warnings.simplefilter("ignore", pd.errors.ChainedAssignmentError)
                return method(*arguments, **keywords)

        return call

    module.pd = PandasThatFillsSequences()
    Dataset._fill_nan = unwarned(assign_filled)
    Dataset._load_feat = unwarned(Dataset._load_feat)


@shim
def sequence_lengths() -> None:
    """``series.agg(len)`` was the length of each entry and is that of the series since pandas 3.

    RecBole reads every sequence feature with it, ml-100k's ``class`` for instance. Can go when it uses
    ``series.map(len)``.
    """
    import builtins

    import pandas as pd

    if isinstance(pd.Series([[], []]).agg(len), pd.Series):
        return

    def length(values: Any) -> Any:
        return values.map(builtins.len) if isinstance(values, pd.Series) else builtins.len(values)

    for name in ("dataset", "kg_dataset", "sequential_dataset"):
        vars(importlib.import_module(f"recbole.data.dataset.{name}"))["len"] = length


@shim
def quick_start_without_ray() -> None:
    """``recbole.quick_start`` imports Ray at its top, which takes seconds, for one function of it.

    Ray is imported when that function asks for it. Can go when RecBole imports it there.
    """
    if "recbole.quick_start.quick_start" in sys.modules or "ray" in sys.modules:
        return

    class Tune(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            return getattr(importlib.import_module("ray.tune"), name)

    ray = types.ModuleType("ray")
    ray.tune = Tune("ray.tune")  # type: ignore[attr-defined]
    with _temporary_modules({"ray": ray}):
        importlib.import_module("recbole.quick_start.quick_start")


@contextlib.contextmanager
def _temporary_modules(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)


@shim
def numbers_in_collector() -> None:
    """``Collector.get_data_struct`` of RecBole 1.2.1 calls ``.cpu()`` on counts and counters.

    Can go when it leaves what is no tensor alone.
    """
    import recbole
    import torch
    from recbole.evaluator import Collector

    if recbole.__version__ != "1.2.1":
        return
    get_data_struct = Collector.get_data_struct

    @functools.wraps(get_data_struct)
    def tensors_only(self: Any) -> Any:
        collected = self.data_struct._data_dict
        others = {name: value for name, value in collected.items() if not isinstance(value, torch.Tensor)}
        for name in others:
            del collected[name]
        struct = get_data_struct(self)
        collected.update(others)
        struct._data_dict.update(others)
        return struct

    Collector.get_data_struct = tensors_only


@shim
def users_in_collector() -> None:
    """``Trainer`` makes a ``Collector`` that keeps no user ids and knows no profiles, which UPD needs.

    Ours collects more only for metrics that ask for it. Can go when RecBole lets a trainer choose its collector.
    """
    from recbole.trainer import trainer

    from recbole_ile.plugin.collector import ListCollector

    trainer.Collector = ListCollector


@shim
def one_tensorboard() -> None:
    """``Trainer`` makes a TensorBoard folder in each of several processes, though all would write the same.

    Only the first process gets a writer, which says in one line that the disk is full. Can go when RecBole does so.
    """
    from recbole.trainer import trainer

    from recbole_ile.files import unwritable
    from recbole_ile.plugin.logs import SilentWriter, TellingWriter
    from recbole_ile.plugin.process_group import rank

    get_tensorboard = trainer.get_tensorboard

    @functools.wraps(get_tensorboard)
    def of_first(logger: Any) -> Any:
        if rank() != 0:
            return SilentWriter()
        try:
            return TellingWriter(get_tensorboard(logger))
        except OSError as error:
            raise unwritable("log_tensorboard", error) from error

    trainer.get_tensorboard = of_first


@shim
def tensorboard_threads() -> None:
    """TensorBoard's writing thread raises what it tells the next caller anyway, so that Python prints a traceback.

    Can go when ``tensorboard.summary.writer.event_file_writer`` only keeps the error.
    """
    hook = threading.excepthook

    @functools.wraps(hook)
    def unless_told(arguments: threading.ExceptHookArgs) -> None:
        told = issubclass(arguments.exc_type, OSError) and type(arguments.thread).__name__ == "_AsyncWriterThread"
        if not told:
            hook(arguments)

    threading.excepthook = unless_told


@shim
def safe_checkpoints() -> None:
    """RecBole reads checkpoints with ``torch.load``, which since torch 2.6 refuses the ``Config`` in them.

    Reading goes through the allow-list of ``plugin.checkpoint``, writing uses the pickle protocol that it
    can read; the model of a checkpoint may be a composed one. RecBole issue 2212; can go when RecBole stores
    its configuration as plain data.
    """
    import torch
    from recbole.quick_start import quick_start
    from recbole.trainer import trainer

    from recbole_ile.plugin.checkpoint import read_checkpoint, write_checkpoint
    from recbole_ile.plugin.registry import get_model

    class SafeTorch:
        """torch, but checkpoints are read and written safely."""

        load = staticmethod(read_checkpoint)
        save = staticmethod(write_checkpoint)

        def __getattr__(self, name: str) -> Any:
            return getattr(torch, name)

    trainer.torch = SafeTorch()
    load_data_and_model = quick_start.load_data_and_model
    quick_start.get_model = get_model

    @functools.wraps(load_data_and_model)
    def load_safely(model_file: str) -> Any:
        with safe_loading():
            return load_data_and_model(model_file)

    quick_start.load_data_and_model = load_safely
    sys.modules["recbole.quick_start"].load_data_and_model = load_safely  # type: ignore[attr-defined]


@shim
def reranked_case_study() -> None:
    """``full_sort_scores`` and ``full_sort_topk`` mask history after the model has scored, and then make lists.

    For a model with ``rerank`` they return the re-ranked ones. Can go when RecBole lets a model see masked scores.
    """
    from recbole.utils import case_study

    masked_scores = case_study.full_sort_scores

    def reranked(uid_series: Any, model: Any, test_data: Any, device: Any, k: int) -> Any:
        import torch

        scores = masked_scores(uid_series, model, test_data, device)
        if not hasattr(model, "rerank"):
            return scores
        users = torch.as_tensor(uid_series)
        if test_data.is_sequential:
            rows = (test_data.dataset.inter_feat[test_data.dataset.uid_field] == users[:, None]).nonzero()[:, 1]
            batch = test_data.dataset[rows]
        else:
            batch = test_data.dataset.join(_interaction(test_data.dataset.uid_field, users))
        return model.rerank(scores, batch.to(scores.device), torch.arange(len(batch)), k)

    @functools.wraps(masked_scores)
    def full_sort_scores(uid_series: Any, model: Any, test_data: Any, device: Any = None) -> Any:
        return reranked(uid_series, model, test_data, device, max(test_data.config["topk"]))

    @functools.wraps(case_study.full_sort_topk)
    def full_sort_topk(uid_series: Any, model: Any, test_data: Any, k: int, device: Any = None) -> Any:
        return reranked(uid_series, model, test_data, device, k).topk(k)

    case_study.full_sort_scores = full_sort_scores
    case_study.full_sort_topk = full_sort_topk


def _interaction(field: str, values: Any) -> Any:
    from recbole.data.interaction import Interaction

    return Interaction({field: values})


@contextlib.contextmanager
def safe_loading() -> Iterator[None]:
    """Read checkpoints safely within this context where RecBole's models call ``torch.load`` themselves.

    S3Rec, RaCT, ConvNCF, NAIS, NeuMF and KD_DAGFM read what they were pre-trained to when they are made.
    The reason, the issue and the end are those of ``safe_checkpoints``.
    """
    import torch

    from recbole_ile.plugin.checkpoint import read_checkpoint

    unsafe = torch.load
    torch.load = read_checkpoint  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.load = unsafe
