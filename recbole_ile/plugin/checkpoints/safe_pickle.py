"""Rewrite a pickle for torch's weights-only reader, and inert stand-ins for what it may mention."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from typing import Any

import numpy as np
import scipy.sparse
import torch

PROTOCOL = 2
"""The one protocol that ``torch.load(weights_only=True)`` reads; RecBole writes 4."""
LONGEST_REPEATED = 256
"""Characters of a text that is written again where it occurs again, as names of classes do; a longer one is kept."""
LONGEST_FACTOR = 64
"""How many times as long a rewritten pickle may be."""


class Reference:
    """Stands for a class that a checkpoint only names; it cannot be made, called or given a state."""

    def __new__(cls, *_: Any) -> Reference:
        raise pickle.UnpicklingError("it constructs a class that it may only name")


class LeftOut:
    """Stands for a module that RecBole stores next to the parameters, and for whatever that module holds.

    DIN, DIEN, SASRecF, GRU4RecF and FDSA store one, with the whole data set in it. Its parameters are among those of
    the model, so that nothing is lost with it; it takes any arguments and any state, and looks at none.
    """

    def __new__(cls, *_: Any) -> LeftOut:
        return object.__new__(cls)

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...


LEFT_OUT = (
    *("recbole.model.layers.", "recbole.data.", "recbole.sampler.", "torch.nn.modules."),
    *("recbole_ile.plugin.config.config.IleConfig", "recbole_ile.plugin.data.popularity.TrainingPopularity"),
    *("functools.partial", "logging.getLogger", "builtins.set", "__builtin__.set"),
)
"""What ``LeftOut`` stands for, by how the names begin."""


class Matrix:
    """Stands for ``numpy.matrix`` where an array says that it is one."""


class StoredDtype:
    """The type of stored numbers, or of an array of Python objects; anything else is refused."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in "biufOU":
            raise pickle.UnpicklingError(f"it holds an array of type {code!r}")

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">") and self.dtype.kind != "O":
            self.dtype = self.dtype.newbyteorder(state[1])


class StoredArray:
    """An array of numbers, or of what else the checkpoint may hold."""

    def __init__(self, kind: Any = None, *_: Any) -> None:
        self.is_matrix = kind is Matrix
        self.value: Any = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, stored, fortran, content = state
        if stored.dtype.kind == "O":
            flat = np.empty(len(content), dtype=object)
            flat[:] = list(content)
        else:
            flat = np.frombuffer(bytes(content), dtype=stored.dtype).copy()
        self.value = flat.reshape(shape, order="F" if fortran else "C")

    def restore(self, known: Restored) -> Any:
        if self.value.dtype.kind == "U":
            raise pickle.UnpicklingError(f"it holds an array of type {self.value.dtype.str[1:]!r}")
        if self.value.dtype.kind == "O":
            for place in np.ndindex(self.value.shape):
                self.value[place] = restore(self.value[place], known)
        return np.asmatrix(self.value) if self.is_matrix else self.value


class StoredSparse:
    """A sparse matrix of SciPy, of the class ``kind``; SciPy checks its parts when it is restored."""

    kind: Any

    def restore(self, known: Restored) -> Any:
        parts = {name: restore(value, known) for name, value in vars(self).items()}
        shape: Any = parts.get("_shape", parts.get("shape"))
        if self.kind.__name__.startswith("lil"):
            if len(parts["rows"]) != shape[0] or len(parts["data"]) != shape[0]:
                raise pickle.UnpicklingError("it holds a matrix whose rows are not as many as its shape says")
            matrix = self.kind(shape, dtype=parts["dtype"])
            matrix.rows, matrix.data = parts["rows"], parts["data"]
            return matrix
        return self.kind((parts["data"], parts["indices"], parts["indptr"]), shape=shape)


def _sparse_kind(name: str) -> type[StoredSparse]:
    return type(f"Stored_{name}", (StoredSparse,), {"kind": getattr(scipy.sparse, name)})


def stored_scalar(stored: StoredDtype, raw: Any) -> Any:
    """Return the number of a NumPy scalar."""
    if stored.dtype.kind == "O":
        raise pickle.UnpicklingError("it holds a scalar that is no number")
    return np.frombuffer(bytes(raw), dtype=stored.dtype)[0]


SPARSE_KINDS = {
    f"{layout}_{kind}": _sparse_kind(f"{layout}_{kind}")
    for layout in ("csr", "csc", "lil")
    for kind in ("matrix", "array")
}
NUMPY_STAND_INS: list[Any] = [
    (StoredDtype, "numpy.dtype"),
    (StoredArray, "numpy.ndarray"),
    (Matrix, "numpy.matrix"),
    (Matrix, "numpy.matrixlib.defmatrix.matrix"),
    *(
        (stand_in, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for name, stand_in in (("_reconstruct", StoredArray), ("scalar", stored_scalar))
    ),
]


Restored = dict[int, tuple[Any, Any]]
"""By the ``id`` of what was restored already, it and what became of it."""


def restore(value: Any, known: Restored | None = None) -> Any:
    """Replace the stand-ins in nested dictionaries, lists and tuples by what they stand for.

    What is held in several places is restored once, so that a small file cannot become a large tree.

    Args:
        value: the content of a checkpoint.
        known: what was restored already.

    Raises:
        pickle.UnpicklingError: for what stands for no data, a tensor that is larger than its storage, or a matrix
            larger than its rows.
    """
    known = {} if known is None else known
    if isinstance(value, LeftOut):
        raise pickle.UnpicklingError("it constructs a class that it may only name")
    if isinstance(value, torch.Tensor):
        if value.layout is torch.strided and value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise pickle.UnpicklingError("it holds a tensor that repeats its numbers")
        return value
    if isinstance(value, StoredDtype):
        return value.dtype
    if not isinstance(value, StoredArray | StoredSparse | dict) and type(value) not in (list, tuple):
        return value
    if id(value) in known:
        return known[id(value)][1]
    if isinstance(value, StoredArray | StoredSparse):
        result = value.restore(known)
    elif isinstance(value, dict):
        known[id(value)] = value, value
        for key in value:
            value[key] = restore(value[key], known)
        return value
    else:
        result = type(value)(restore(entry, known) for entry in value)
    known[id(value)] = value, result
    return result


def to_protocol_2(data: bytes) -> tuple[bytes, set[str]]:
    """Rewrite a pickle of protocol up to 4 in protocol 2, executing none of it.

    Returns:
        The rewritten pickle, and the dotted names of the globals that it mentions.

    Raises:
        pickle.UnpicklingError: for an instruction that has no counterpart there, an unreadable pickle, or one that
            would be many times as long.
    """
    output: list[bytes] = []
    names: set[str] = set()
    pushed: list[str | None] = []  # the string that an output entry pushes, None if it does otherwise
    memo: dict[int, str | None] = {}
    room = LONGEST_FACTOR * len(data) + LONGEST_REPEATED

    def emit(code: bytes, text: str | None = None) -> None:
        nonlocal room
        output.append(code)
        pushed.append(text)
        room -= len(code)
        if room < 0:
            raise pickle.UnpicklingError("it repeats a text too often")

    def emit_string(text: str) -> None:
        encoded = text.encode("utf-8", "surrogatepass")
        emit(pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded, text)

    def emit_global(module: str, name: str) -> None:
        names.add(f"{module}.{name}")
        emit(pickle.GLOBAL + f"{module}\n{name}\n".encode())

    def memoize(index: int) -> None:
        text = pushed[-1]
        memo[index] = text = None if text is None or len(text) > LONGEST_REPEATED else text
        if text is None:  # a short string is repeated instead, so that STACK_GLOBAL can take it back
            emit(pickle.LONG_BINPUT + struct.pack("<I", index))

    for opcode, argument, code in _instructions(data):
        match opcode:
            case "PROTO":
                emit(pickle.PROTO + bytes([PROTOCOL]))
            case "FRAME":
                pass
            case "MEMOIZE":
                memoize(len(memo))
            case "BINPUT" | "LONG_BINPUT":
                memoize(argument)
            case "BINGET" | "LONG_BINGET":
                text = memo.get(argument)
                if text is None:
                    emit(code)
                else:
                    emit_string(text)
            case "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8":
                emit_string(argument)
            case "SHORT_BINBYTES" | "BINBYTES" | "BINBYTES8":
                emit_global("_codecs", "encode")
                emit_string(argument.decode("latin1"))
                emit_string("latin1")
                emit(pickle.TUPLE2)
                emit(pickle.REDUCE)
            case "EMPTY_SET":  # which torch does not know: a stand-in that is given its entries as a state
                emit_global("builtins", "set")
                emit(pickle.EMPTY_TUPLE)
                emit(pickle.REDUCE)
            case "ADDITEMS":
                emit(pickle.TUPLE)
                emit(pickle.BUILD)
            case "GLOBAL":
                emit_global(*argument.split(" ", 1))
            case "STACK_GLOBAL":
                module, name = pushed[-2:]
                if module is None or name is None:
                    raise pickle.UnpicklingError("it computes the name of a class")
                del output[-2:], pushed[-2:]
                emit_global(module, name)
            case _:
                emit(code)
    return b"".join(output), names


def _instructions(data: bytes) -> list[tuple[str, Any, bytes]]:
    """List the name, argument and encoding of every instruction."""
    try:
        found = [
            (opcode.name, argument, position or 0)
            for opcode, argument, position in pickletools.genops(io.BytesIO(data))
        ]
    except Exception as error:  # genops raises whatever a damaged argument leads to
        raise pickle.UnpicklingError(f"its pickle is unreadable: {error}") from error
    ends = [position for _, _, position in found[1:]] + [len(data)]
    return [(name, argument, data[start:end]) for (name, argument, start), end in zip(found, ends, strict=True)]
