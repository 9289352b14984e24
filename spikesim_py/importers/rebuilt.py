"""What a pickle may name: harmless twins of the functions with which torch and numpy rebuild arrays, and empty stubs.

Nothing here runs anything that a file says; what a file states of an array is kept as it states it, and checked when it
is read (`tensors`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_INT = 2**60

#: torch's storages and types: numpy's name, and bytes of an element
DTYPES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
}
_TORCH_DTYPES = {"double", "float", "half", "long", "int", "short", *DTYPES.values()}


class Refused(Exception):
    """What a stream asks for is not done; `load` adds the file's name."""


@dataclass(eq=False)
class Stub:
    """An object of a class that is not loaded: its name, what it was made of, and its attributes."""

    kind: str
    args: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True)
class Unknown:
    """A class or function that is not loaded; calling it makes a `Stub`."""

    kind: str


@dataclass(frozen=True)
class Storage:
    """Where a file keeps the elements of tensors."""

    key: str
    dtype: str
    elements: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage, as the file states it: not checked, not read."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(eq=False)
class Array:
    """A numpy array, as the file states it."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    fortran: bool = False
    raw: bytes = b""


@dataclass(eq=False)
class Dtype:
    name: str


@dataclass(frozen=True)
class Call:
    """A function of ours that stands for one of theirs."""

    kind: str
    run: Callable[..., Any] = field(repr=False)


def _key(key: Any) -> Any:
    """A key of a dictionary or a set: what cannot be chosen to collide with others."""
    small = isinstance(key, int) and -_INT < key < _INT
    if not (small or key is None or isinstance(key, str | bytes)):
        raise Refused(f"its pickle has a {type(key).__name__} among its keys")
    return key


def mapping(pairs: Any = ()) -> dict[Any, Any]:
    items = pairs.items() if isinstance(pairs, dict) else pairs
    if not isinstance(items, Iterable):
        raise Refused("its pickle has a dictionary that is not made of pairs")
    return {_key(key): value for key, value in items}


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or not all(type(n) is int and 0 <= n < _INT for n in value):
        raise Refused(f"its pickle states the shape {str(value)[:80]!r}")
    if len(value) > 16:
        raise Refused(f"its pickle states a shape of {len(value)} dimensions")
    return tuple(value)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
    if not isinstance(storage, Storage) or type(offset) is not int:
        raise Refused("its pickle rebuilds a tensor without a storage")
    size, stride = _sizes(size), _sizes(stride)
    if len(size) != len(stride):
        raise Refused(f"its pickle states the shape {size} with strides {stride}")
    return Tensor(storage, offset, size, stride)


def _from_type(function: Any, _type: Any, arguments: Any, _state: Any = None) -> Any:
    if not isinstance(function, Call) or not isinstance(arguments, tuple):
        raise Refused("its pickle rebuilds a tensor of an unknown type")
    return function.run(*arguments)


def _encoded(text: Any, encoding: Any = "utf-8") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "utf-8"):
        raise Refused("its pickle encodes what is not a text")
    return text.encode(encoding)


def _dtype(name: Any, *_: Any) -> Dtype:
    if not isinstance(name, str) or len(name) > 8:
        raise Refused(f"its pickle names the type {str(name)[:80]!r}")
    return Dtype(name)


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    if not isinstance(dtype, Dtype) or not isinstance(raw, bytes) or len(raw) > 16:
        raise Refused("its pickle has a number that is none")
    return Array((), dtype.name, False, raw)


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any = "C") -> Array:
    if not isinstance(raw, bytes) or not isinstance(dtype, Dtype):
        raise Refused("its pickle holds an array that is not of numbers")
    return Array(_sizes(shape), dtype.name, order == "F", raw)


def a_set(items: Any = ()) -> set[Any]:
    return {_key(item) for item in items}


def _reconstructor(kind: Any, _base: Any = None, _state: Any = None) -> Stub:
    return Stub(kind.kind if isinstance(kind, Unknown) else "object")


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): mapping,
    ("collections", "defaultdict"): lambda *_: {},
    ("builtins", "dict"): mapping,
    ("builtins", "set"): a_set,
    ("builtins", "frozenset"): a_set,
    ("builtins", "list"): lambda items=(): list(items),
    ("builtins", "tuple"): lambda items=(): tuple(items),
    ("_codecs", "encode"): _encoded,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("torch", "Size"): _sizes,
    ("torch", "device"): lambda *_: None,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
    ("torch._utils", "_rebuild_parameter_with_state"): lambda data, *_: data,
    ("torch._tensor", "_rebuild_from_type_v2"): _from_type,
    ("numpy", "ndarray"): lambda *_: Array(),
    ("numpy", "dtype"): _dtype,
    **{(module, "_reconstruct"): lambda *_: Array() for module in ("numpy.core.multiarray", "numpy._core.multiarray")},
    **{(module, "_frombuffer"): _from_buffer for module in ("numpy.core.numeric", "numpy._core.numeric")},
    **{(module, "scalar"): _scalar for module in ("numpy.core.multiarray", "numpy._core.multiarray")},
}


def named(module: str, name: str) -> Any:
    if (module, name) in _CALLS:
        return Call(f"{module}.{name}", _CALLS[module, name])
    if module in ("torch", "torch.storage", "torch.cuda"):
        if name.removesuffix("Storage") in DTYPES and name.endswith("Storage"):
            return Dtype(DTYPES[name.removesuffix("Storage")])
        if name in _TORCH_DTYPES:
            return Dtype(name)
    return Unknown(f"{module}.{name}"[:256])


def called(function: Any, arguments: Any) -> Any:
    if not isinstance(arguments, tuple | list):
        raise Refused("its pickle calls something with no arguments")
    if isinstance(function, Call):
        return function.run(*arguments)
    if isinstance(function, Unknown):
        return Stub(function.kind, tuple(arguments))
    raise Refused(f"its pickle calls a {type(function).__name__}")


def fill(array: Array, state: Any) -> None:
    """numpy's state of an array: (version, shape, dtype, Fortran order, bytes)."""
    match state:
        case (int(), tuple(shape), Dtype(name=dtype), fortran, bytes(raw)):
            array.shape, array.dtype, array.fortran, array.raw = _sizes(shape), dtype, bool(fortran), raw
        case _:
            raise Refused("its pickle holds an array that is not of numbers")


def numbers(array: Array, where: str) -> np.ndarray[Any, Any]:
    """The elements of a numpy array that a file states; raises `Refused` if they do not fit."""
    try:
        dtype = np.dtype(array.dtype)
        if dtype.kind not in "iufb":
            raise Refused(f"{where}: has type {array.dtype!r}: must be numbers")
        flat = np.frombuffer(array.raw, dtype)
        return flat.reshape(array.shape, order="F" if array.fortran else "C")
    except (TypeError, ValueError) as error:
        raise Refused(f"{where}: {error}") from None
