"""Rewrite a pickle for torch's weights-only reader, and inert stand-ins for what it may mention."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from typing import Any

import numpy as np
import scipy.sparse

PROTOCOL = 2
"""The one protocol that ``torch.load(weights_only=True)`` reads; RecBole writes 4."""


class Reference:
    """Stands for a class that a checkpoint only names; it cannot be made, called or given a state."""

    def __new__(cls, *_: Any) -> Reference:
        raise pickle.UnpicklingError("it constructs a class that it may only name")


class Matrix:
    """Stands for ``numpy.matrix`` where an array says that it is one."""


class StoredDtype:
    """The type of stored numbers, or of an array of Python objects; anything else is refused."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in "biufO":
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

    def restore(self) -> Any:
        if self.value.dtype.kind == "O":
            for place in np.ndindex(self.value.shape):
                self.value[place] = restore(self.value[place])
        return np.asmatrix(self.value) if self.is_matrix else self.value


class StoredSparse:
    """A sparse matrix of SciPy, of the class ``kind``; SciPy checks its parts when it is restored."""

    kind: Any

    def restore(self) -> Any:
        parts = {name: restore(value) for name, value in vars(self).items()}
        shape = parts.get("_shape", parts.get("shape"))
        if self.kind.__name__.startswith("lil"):
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


def restore(value: Any) -> Any:
    """Replace the stand-ins in nested dictionaries, lists and tuples by what they stand for."""
    if isinstance(value, StoredArray | StoredSparse):
        return value.restore()
    if isinstance(value, StoredDtype):
        return value.dtype
    if isinstance(value, dict):
        for key in value:
            value[key] = restore(value[key])
        return value
    if type(value) in (list, tuple):
        return type(value)(restore(entry) for entry in value)
    return value


def to_protocol_2(data: bytes) -> tuple[bytes, set[str]]:
    """Rewrite a pickle of protocol up to 4 in protocol 2, executing none of it.

    Returns:
        The rewritten pickle, and the dotted names of the globals that it mentions.

    Raises:
        pickle.UnpicklingError: for an instruction that has no counterpart there, or an unreadable pickle.
    """
    output: list[bytes] = []
    names: set[str] = set()
    pushed: list[str | None] = []  # the string that an output entry pushes, None if it does otherwise
    memo: dict[int, str | None] = {}

    def emit(code: bytes, text: str | None = None) -> None:
        output.append(code)
        pushed.append(text)

    def emit_string(text: str) -> None:
        encoded = text.encode("utf-8", "surrogatepass")
        emit(pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded, text)

    def emit_global(module: str, name: str) -> None:
        names.add(f"{module}.{name}")
        emit(pickle.GLOBAL + f"{module}\n{name}\n".encode())

    def memoize(index: int) -> None:
        memo[index] = pushed[-1]
        if pushed[-1] is None:  # a string is repeated instead, so that STACK_GLOBAL can take it back
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
