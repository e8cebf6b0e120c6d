"""Shims for faults of RecBole 1.2, Ray and torch on today's libraries; what this package plants is in ``hooks``.

``SHIMS.apply()`` runs each shim once, however often it is called. Where a fault is gone, its shim changes nothing that
a user sees.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from recbole_ile.plugin.patching import Patches, StandIn

SHIMS = Patches()


@SHIMS.add
def numpy_names() -> None:
    """``Config.compatibility_settings`` and the code after it use names that NumPy 2 removed.

    RecBole issue 2215; can go when RecBole no longer reads ``np.float_``.
    """
    import numpy as np

    for name, kind in {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}.items():
        if name not in vars(np):
            setattr(np, name, kind)


@SHIMS.add
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


@SHIMS.add
def sparse_update() -> None:
    """LightGCN, NGCF, NCL, GCMC, SpectralCF, KGIN and MCCLK call ``dok_matrix._update``, which SciPy 1.13 removed.

    RecBole issue 2034; can go when RecBole builds its adjacency otherwise.
    """
    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = _add_entries


def _add_entries(matrix: Any, entries: dict[tuple[int, int], Any]) -> None:
    matrix._dict.update(entries)


@SHIMS.add
def optimizers_without_compiler() -> None:
    """Making an optimizer imports torch's compiler, for more than a second, to say that nothing there is compiled.

    Where nobody else has imported the compiler nothing is compiled, and the methods are called as they are. PyTorch
    2.6 to 2.13; can go when ``torch._compile._disable_dynamo`` asks whether the compiler is there.
    """
    from torch.optim import Optimizer

    def plainly(method: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if "torch._dynamo" not in sys.modules:
                return method(*arguments, **keywords)
            setattr(method, DISABLED, None)  # and torch finds its own way
            return wrapper(*arguments, **keywords)

        wrapper = getattr(Optimizer, method.__name__)
        return call

    for name in ("add_param_group", "state_dict", "load_state_dict"):
        method = getattr(getattr(Optimizer, name), "__wrapped__", None)
        if method is not None and getattr(method, DISABLED, None) is None:
            setattr(method, DISABLED, plainly(method))


DISABLED = "__dynamo_disable"
"""Where torch keeps what it calls in place of a method that is not to be compiled."""


@SHIMS.add
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


@SHIMS.add
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

    def read_csv_with_whole_sequences(*arguments: Any, **keywords: Any) -> Any:
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

    module.pd = StandIn(pandas, read_csv=read_csv_with_whole_sequences)
    Dataset._fill_nan = unwarned(assign_filled)
    Dataset._load_feat = unwarned(Dataset._load_feat)


@SHIMS.add
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


@SHIMS.add
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
    vars(ray)["tune"] = Tune("ray.tune")
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


@SHIMS.add
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


@SHIMS.add
def anomaly_detection() -> None:
    """SINE's module, imported with every sequential model, turns torch's detection of anomalies on in the process.

    All training after it is slower, and one that meets NaN ends in torch's words. Can go when SINE leaves it alone.
    """
    from recbole.config import configurator

    get_model = configurator.get_model

    @functools.wraps(get_model)
    def leave_it_alone(name: str) -> Any:
        with importing_models():
            return get_model(name)

    configurator.get_model = leave_it_alone


@contextlib.contextmanager
def importing_models() -> Iterator[None]:
    """Leave torch's detection of anomalies as it is while a module of RecBole's models is imported within.

    The reason and the end are those of ``anomaly_detection``.
    """
    import torch

    before = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    try:
        yield
    finally:
        torch.autograd.set_detect_anomaly(*before)


@contextlib.contextmanager
def ray_servers_apart() -> Iterator[None]:
    """Start Ray's servers within this context in sessions of their own, which a signal to our group does not reach.

    Else ``timeout``, a batch system or a shell ends them together with this process, and Ray's C++ side ends a driver
    whose raylet does not answer at once, without a word and with 1, before it can say how to go on. Where the system
    ends them with their parent, they are not left behind. Can go when ``ray.init`` starts them apart.
    """
    from ray._private import services, utils

    usual = getattr(services, "ConsolePopen", None)
    if sys.platform == "win32" or usual is None or not utils.detect_fate_sharing_support():
        yield
        return
    names = vars(services)
    names["ConsolePopen"] = functools.partial(usual, start_new_session=True)
    try:
        yield
    finally:
        names["ConsolePopen"] = usual


@contextlib.contextmanager
def without_ray_reports() -> Iterator[None]:
    """Keep Ray within this context from printing what its own processes say when one of them ends.

    ``ray.init(log_to_driver=False)`` silences the workers alone: when the raylet ends, the last lines of its log, some
    twenty with the state of its counters, are printed to the standard output. Can go when ``log_to_driver`` holds for
    ``listen_error_messages``, too.
    """
    from ray._private import worker

    usual = getattr(worker, "print_to_stdstream", None)
    worker.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        if usual is not None:
            worker.print_to_stdstream = usual
