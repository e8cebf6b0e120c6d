"""Adam whose step costs what the looked-up rows of embeddings cost, whatever the size of the tables.

Adam moves every row in every step, also one without a gradient. Here such steps wait until somebody reads the row. An
embedding that is read otherwise than by looking rows up is brought up to date before, and from then on has the
optimiser's own steps: what the model computes is always what it computes with ``torch.optim.Adam``, up to rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from recbole_ile.kernels.adam_rows import Adam, empty_gaps
from recbole_ile.kernels.adam_tables import TableParts, catch_up, table_parts, take_row_steps

LEAST_PARAMETERS = 1 << 18
"""Parameters of a table from which on a step of all of them is worth avoiding."""
LEAST_SHARE = 4
"""Rows that a table has at least for each one that a batch looks up."""
AT_ONCE = 1 << 16
"""Rows that are brought up to date together."""
_PLAIN = {"weight_decay": 0, "amsgrad": False, "maximize": False, "differentiable": False, "capturable": False}
_PLAIN_EMBEDDING = {"max_norm": None, "scale_grad_by_freq": False, "sparse": False}


class RowwiseAdam(torch.optim.Adam):
    """Takes the steps of another Adam, those of tables row by row; the state is that of the other one.

    Until ``close``, the tables have sparse gradients and rows may wait for their steps. After it, all parameters and
    the whole state are those of ``torch.optim.Adam``.

    Args:
        optimizer: whose steps are taken; ``has_plain_adam`` accepted it.
        tables: of its parameters, from ``find_tables``.
    """

    def __init__(self, optimizer: torch.optim.Adam, tables: Iterable[LookedUpTable]) -> None:
        super().__init__([{**group, "params": list(group["params"])} for group in optimizer.param_groups])
        self.state, self.param_groups = optimizer.state, optimizer.param_groups
        self._tables = list(tables)
        self._look_ups = LookUps(self._tables)

    def look_ups(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the tables may be read."""
        return self._look_ups if any(table.held for table in self._tables) else contextlib.nullcontext()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step of everything that has a gradient; those of the tables' rows are gone afterwards."""
        loss = None
        if closure is not None:
            with torch.enable_grad(), self.look_ups():
                loss = closure()
        (group,) = self.param_groups
        beta1, beta2 = group["betas"]
        adam = Adam(float(group["lr"]), float(beta1), float(beta2), float(group["eps"]))
        for table in self._tables:
            table.take_step(self.state, adam)
        super().step()
        return loss

    def close(self) -> None:
        """Bring all rows up to date and give the embeddings back as they were."""
        for table in self._tables:
            table.let_go()


class LookedUpTable:
    """The parameters of one or several embeddings, and what waits for them, until something else than look-ups comes.

    Args:
        weight: ``[R, d]`` float32 parameters.
        embeddings: the modules that hold them.

    Attributes:
        storage: the address of their memory.
        held: whether its rows may wait; once let go, the table has the optimiser's own steps.
    """

    def __init__(self, weight: torch.Tensor, embeddings: list[torch.nn.Embedding]) -> None:
        self.storage = weight.untyped_storage().data_ptr()
        self.held = True
        self._weight, self._embeddings = weight, embeddings
        self._looked_up = 0
        self._state: dict[str, Any] = {}
        self._parts: TableParts | None = None
        for embedding in embeddings:
            embedding.sparse = True

    def look_up(self, indices: torch.Tensor) -> None:
        """Bring the rows up to date that are about to be looked up."""
        self._looked_up += indices.numel()
        if self._parts is not None:
            self._catch_up(indices.detach().reshape(-1).to(torch.int64).numpy())

    def let_go(self) -> None:
        """Bring all rows up to date, if it was held."""
        if self.held:
            self.held = False
            for embedding in self._embeddings:
                embedding.sparse = False
            self._catch_up_all()
            self._parts = None

    def take_step(self, state: dict[torch.Tensor, dict[str, Any]], adam: Adam) -> None:
        """Take the step of the rows that have gradients, and of those to come that waits.

        Where all rows have a gradient, or so many that nothing is gained, the step is left to the optimiser.
        """
        gradient, looked_up, self._looked_up = self._weight.grad, self._looked_up, 0
        if gradient is None:
            return
        moved = self._weight.untyped_storage().data_ptr() != self.storage
        if moved or not gradient.is_sparse or LEAST_SHARE * looked_up > len(self._weight):
            self.let_go()
        if not self.held:
            self._weight.grad = gradient.to_dense()
            return
        if self._parts is None or adam != self._adam:
            self._begin(state[self._weight], adam)
        assert self._parts is not None
        rows, values = gradient._indices()[0].numpy(), gradient._values().contiguous().numpy()
        take_row_steps(rows, values, int(self._state["step"]) + 1, self._parts, adam, self._gaps)
        self._state["step"] += 1
        self._weight.grad = None

    def _begin(self, state: dict[str, Any], adam: Adam) -> None:
        """Go on from a state in which no row waits, with these settings."""
        self._catch_up_all()
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(self._weight) for _ in range(2))
        self._state, self._adam = state, adam
        self._gaps = empty_gaps(adam, self._weight.shape[1])
        weights, means, squares = (part.detach().numpy() for part in (self._weight, *_moments(state)))
        self._parts = table_parts(weights, means, squares, int(state["step"]))

    def _catch_up_all(self) -> None:
        if self._parts is not None:
            n_rows = len(self._parts.weights)
            for first in range(0, n_rows, AT_ONCE):
                self._catch_up(np.arange(first, min(first + AT_ONCE, n_rows)))

    def _catch_up(self, rows: np.ndarray) -> None:
        assert self._parts is not None
        catch_up(rows, int(self._state["step"]), self._parts, self._adam, self._gaps)


class LookUps(TorchDispatchMode):
    """Sees every operation before it is done: rows of tables that it looks up are brought up to date before.

    An operation that reads a table otherwise has its optimiser take it back.

    Args:
        tables: none of whose rows waits yet.
    """

    def __init__(self, tables: Iterable[LookedUpTable]) -> None:
        super().__init__()
        self._tables = {table.storage: table for table in tables}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Tell torch not to guard each call against being compiled, which would take longer than the call."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do an operation, and first what it needs."""
        if self._tables:
            if func is torch.ops.aten.embedding.default:
                table = self._table_of(args[0])
                if table is not None:
                    table.look_up(args[1])
            else:
                self._let_go_of((*args, *kwargs.values()) if kwargs else args)
        return func(*args, **(kwargs or {}))

    def _let_go_of(self, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, torch.Tensor):
                table = self._table_of(value)
                if table is not None:
                    table.let_go()
                    del self._tables[table.storage]
            elif isinstance(value, (list, tuple)):
                self._let_go_of(value)

    def _table_of(self, tensor: torch.Tensor) -> LookedUpTable | None:
        if tensor.layout is not torch.strided:
            return None
        return self._tables.get(tensor.untyped_storage().data_ptr())


def find_tables(model: torch.nn.Module, optimizer: torch.optim.Adam, looked_up: int) -> list[LookedUpTable]:
    """Return the embeddings of a model that are large, and plain enough for steps that wait.

    Args:
        model: on the CPU.
        optimizer: accepted by ``has_plain_adam``.
        looked_up: rows that a batch looks up at least.
    """
    trained = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    by_weight: dict[int, list[torch.nn.Embedding]] = {}
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            by_weight.setdefault(id(module.weight), []).append(module)
    return [
        LookedUpTable(embeddings[0].weight, embeddings)
        for key, embeddings in by_weight.items()
        if key in trained
        and all(map(_is_plain, embeddings))
        and embeddings[0].weight.numel() >= LEAST_PARAMETERS
        and len(embeddings[0].weight) >= LEAST_SHARE * looked_up
        and embeddings[0].weight.requires_grad
        and _is_unhooked(embeddings[0].weight)
        and all(map(_in_memory, (embeddings[0].weight, *_moments(optimizer.state.get(embeddings[0].weight, {})))))
    ]


def has_plain_adam(optimizer: Any) -> bool:
    """Tell whether an optimiser is Adam as ``RowwiseAdam`` knows it."""
    if type(optimizer) is not torch.optim.Adam or len(optimizer.param_groups) != 1:
        return False
    (group,) = optimizer.param_groups
    plain = all(group.get(name, value) == value for name, value in _PLAIN.items())
    return plain and 0 <= group["betas"][0] < 1 and group["eps"] > 0 and not isinstance(group["lr"], torch.Tensor)


def _moments(state: dict[str, Any]) -> list[torch.Tensor]:
    return [state[name] for name in ("exp_avg", "exp_avg_sq") if name in state]


def _is_plain(embedding: torch.nn.Embedding) -> bool:
    own = type(embedding).forward is torch.nn.Embedding.forward and "forward" not in vars(embedding)
    return own and all(getattr(embedding, name) == value for name, value in _PLAIN_EMBEDDING.items())


def _is_unhooked(weight: torch.Tensor) -> bool:
    """Tell whether nobody looks at gradients."""
    return not weight._backward_hooks and not getattr(weight, "_post_accumulate_grad_hooks", None)


def _in_memory(tensor: torch.Tensor) -> bool:
    """Tell whether a table of floats lies in memory of its own."""
    of_floats = tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.is_contiguous()
    return of_floats and tensor.untyped_storage().nbytes() == tensor.element_size() * tensor.numel()
