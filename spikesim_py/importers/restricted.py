"""Pickles, opened without running anything that they name.

A pickle is a program: it may import and call anything. Here it can only build lists, tuples, dictionaries, sets and
texts, and name arrays: the functions with which torch and numpy rebuild theirs have harmless twins below, and every
other class or function becomes an empty `Stub` that keeps what it was called and given. Reads of the stream, sizes and
keys are bounded, so that no stream of a few bytes costs seconds or gigabytes.

The interpreter of opcodes is the standard library's own in Python (`pickle._Unpickler`), with every opcode that
imports, calls or sets replaced. Its twin in C would allocate whatever a memo index asks for.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from ..errors import NetworkError

#: reads of a stream, of which every opcode takes one to three: about half a second
_MAX_READS = 400_000
#: bytes of one text or number
_MAX_ITEM_BYTES = 2**26
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
class _Dtype:
    name: str


@dataclass(frozen=True)
class _Call:
    """A function of ours that stands for one of theirs."""

    kind: str
    run: Callable[..., Any] = field(repr=False)


def load(stream: IO[bytes], path: Path) -> Any:
    """The object at the stream's place, of lists, dictionaries, texts, numbers, and the classes above.

    Raises:
        NetworkError: it is not a pickle, is truncated, or asks for what is refused.
    """
    reader = _Reader(stream)
    try:
        return _Unpickler(reader).load()
    except Refused as error:
        raise NetworkError(f"{path}: {error}") from None
    except (
        pickle.UnpicklingError,
        struct.error,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        MemoryError,
        AssertionError,
        RecursionError,
        ImportError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise NetworkError(f"{path}: is not a readable pickle ({reason})") from None


class _Reader:
    """A stream that counts reads, and refuses long ones."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.reads = stream, 0

    def _count(self, size: int) -> None:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise Refused(f"its pickle has more than {_MAX_READS} reads: it is not a checkpoint")
        if size > _MAX_ITEM_BYTES:
            raise Refused(f"its pickle holds an item of {size} bytes (at most {_MAX_ITEM_BYTES})")

    def read(self, size: int) -> bytes:
        self._count(size)
        return self.stream.read(size)

    def readline(self) -> bytes:
        self._count(0)
        return self.stream.readline(4096)

    def readinto(self, buffer: Any) -> int:
        self._count(len(buffer))
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _key(key: Any) -> Any:
    """A key of a dictionary or a set: what cannot be chosen to collide with others."""
    small = isinstance(key, int) and -_INT < key < _INT
    if not (small or key is None or isinstance(key, str | bytes | float)):
        raise Refused(f"its pickle has a {type(key).__name__} among its keys")
    return key


def _mapping(pairs: Any = ()) -> dict[Any, Any]:
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
    if not isinstance(function, _Call) or not isinstance(arguments, tuple):
        raise Refused("its pickle rebuilds a tensor of an unknown type")
    return function.run(*arguments)


def _encoded(text: Any, encoding: Any = "utf-8") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "utf-8"):
        raise Refused("its pickle encodes what is not a text")
    return text.encode(encoding)


def _dtype(name: Any, *_: Any) -> _Dtype:
    if not isinstance(name, str) or len(name) > 8:
        raise Refused(f"its pickle names the type {str(name)[:80]!r}")
    return _Dtype(name)


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    if not isinstance(dtype, _Dtype) or not isinstance(raw, bytes) or len(raw) > 16:
        raise Refused("its pickle has a number that is none")
    return Array((), dtype.name, False, raw)


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any = "C") -> Array:
    if not isinstance(raw, bytes) or not isinstance(dtype, _Dtype):
        raise Refused("its pickle holds an array that is not of numbers")
    return Array(_sizes(shape), dtype.name, order == "F", raw)


def _set(items: Any = ()) -> set[Any]:
    return {_key(item) for item in items}


def _reconstructor(kind: Any, _base: Any = None, _state: Any = None) -> Stub:
    return Stub(kind.kind if isinstance(kind, Unknown) else "object")


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _mapping,
    ("collections", "defaultdict"): lambda *_: {},
    ("builtins", "dict"): _mapping,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
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


def _global(module: str, name: str) -> Any:
    if (module, name) in _CALLS:
        return _Call(f"{module}.{name}", _CALLS[module, name])
    if module in ("torch", "torch.storage", "torch.cuda"):
        if name.removesuffix("Storage") in DTYPES and name.endswith("Storage"):
            return _Dtype(DTYPES[name.removesuffix("Storage")])
        if name in _TORCH_DTYPES:
            return _Dtype(name)
    return Unknown(f"{module}.{name}"[:256])


def _called(function: Any, arguments: Any) -> Any:
    if not isinstance(arguments, tuple | list):
        raise Refused("its pickle calls something with no arguments")
    if isinstance(function, _Call):
        return function.run(*arguments)
    if isinstance(function, Unknown):
        return Stub(function.kind, tuple(arguments))
    raise Refused(f"its pickle calls a {type(function).__name__}")


#: untyped, since its opcodes are private
_Interpreter: Any = pickle._Unpickler


class _Unpickler(_Interpreter):  # type: ignore[misc]
    """The standard library's interpreter, without import, call and attributes."""

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(_Interpreter.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        return _global(module, name)

    def get_extension(self, code: int) -> None:
        raise Refused("its pickle uses copyreg extensions")

    def persistent_load(self, saved: Any) -> Storage | Unknown:
        """A storage of torch's: ("storage", type, key, location, elements); a class with its source, in old files."""
        match saved:
            case ("module", Unknown() as kind, *_):
                return kind
            case ("storage", _Dtype(name=dtype), str(key), _, int(elements), *_):
                return Storage(key, dtype, elements)
            case ("storage", Unknown(kind=kind), *_):
                raise Refused(f"its pickle keeps tensors in a {kind}, which is not read")
        raise Refused(f"its pickle refers to {str(saved)[:80]!r}")

    def _frame(self) -> None:  # frames only speed reading up, and would pass by the count of reads
        self.read(8)

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = _called(self.stack[-1], arguments)

    def _new(self) -> None:
        self._reduce()

    def _new_with_keywords(self) -> None:
        keywords = self.stack.pop()
        arguments = self.stack.pop()
        kind = self.stack.pop()
        made = _called(kind, arguments)
        if keywords and isinstance(made, Stub):
            made.state = keywords
        self.append(made)

    def _instance(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        self.append(_called(_global(module, name), tuple(self.pop_mark())))

    def _object(self) -> None:
        items = self.pop_mark()
        self.append(_called(items[0], tuple(items[1:])))

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, Stub):
            made.state = state
        elif isinstance(made, Array):
            _fill(made, state)
        elif isinstance(made, _Dtype):
            if isinstance(state, tuple) and len(state) > 1 and state[1] == ">":
                raise Refused("its pickle holds big-endian numbers")
        elif not isinstance(made, dict | set | type(None) | Tensor):  # attributes of these say nothing about weights
            raise Refused(f"its pickle sets attributes of a {type(made).__name__}")

    def _dictionary(self) -> None:
        items = self.pop_mark()
        self.append(_mapping(zip(items[::2], items[1::2], strict=True)))

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def _set_items(self) -> None:
        self._update(self.pop_mark())

    def _update(self, items: list[Any]) -> None:
        made = self.stack[-1]
        if isinstance(made, dict):
            made.update(_mapping(zip(items[::2], items[1::2], strict=True)))
        elif not isinstance(made, Stub):
            raise Refused(f"its pickle sets items of a {type(made).__name__}")

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        made = self.stack[-1]
        if isinstance(made, list):
            made.extend(items)
        elif not isinstance(made, Stub):
            raise Refused(f"its pickle appends to a {type(made).__name__}")

    def _add_items(self) -> None:
        items, made = self.pop_mark(), self.stack[-1]
        if not isinstance(made, set):
            raise Refused(f"its pickle adds to a {type(made).__name__}")
        made.update(_set(items))

    def _frozen_set(self) -> None:
        self.append(_set(self.pop_mark()))

    def _byte_array(self) -> None:
        """As bytes, which are allocated as they are read."""
        (size,) = struct.unpack("<Q", self.read(8))
        data = self.read(size)
        if len(data) != size:
            raise EOFError("ended within an item")
        self.append(data)

    def _refused(self) -> None:
        raise Refused("its pickle uses buffers, which no checkpoint has")

    for _code, _method in {
        pickle.FRAME: _frame,
        pickle.REDUCE: _reduce,
        pickle.NEWOBJ: _new,
        pickle.NEWOBJ_EX: _new_with_keywords,
        pickle.INST: _instance,
        pickle.OBJ: _object,
        pickle.BUILD: _build,
        pickle.DICT: _dictionary,
        pickle.SETITEM: _set_item,
        pickle.SETITEMS: _set_items,
        pickle.APPEND: _append,
        pickle.APPENDS: _appends,
        pickle.ADDITEMS: _add_items,
        pickle.FROZENSET: _frozen_set,
        pickle.NEXT_BUFFER: _refused,
        pickle.READONLY_BUFFER: _refused,
        pickle.BYTEARRAY8: _byte_array,
    }.items():
        dispatch[_code[0]] = _method


def _fill(array: Array, state: Any) -> None:
    """numpy's state of an array: (version, shape, dtype, Fortran order, bytes)."""
    match state:
        case (int(), tuple(shape), _Dtype(name=dtype), fortran, bytes(raw)):
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
