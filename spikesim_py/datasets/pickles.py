"""Pickles of plain data, read without running anything that is in them.

A pickle is a program: it may name any function and call it. Here it can name the few things that bytes and arrays
are written with, and each stands for one that only keeps numbers. Python's own slow unpickler runs it, whose memory is
bounded by the file's size (the C one allocates what a file claims).
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

_MAX_BYTES = 2**29
_DTYPES = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f4", "f8", "b1"}


class _Kind:
    """In the place of `numpy.dtype`'s result; keeps the byte order that its state names."""

    __slots__ = ("order", "text")

    def __init__(self, text: Any) -> None:
        name = text.decode("ascii") if isinstance(text, bytes) else text
        if name not in _DTYPES:
            raise DataError(f"arrays of {str(name)[:40]!r}: only numbers are read")
        self.text, self.order = name, "<"

    def __setstate__(self, state: Any) -> None:
        self.order = ">" if state[1] in (">", b">") else "<"


class _Array:
    """In the place of an array; made of raw bytes when its state comes."""

    __slots__ = ("value",)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, raw = state
        if not isinstance(kind, _Kind) or not isinstance(raw, bytes) or not isinstance(shape, tuple):
            raise DataError("an array that is not made of bytes")
        if not all(isinstance(size, int) and size >= 0 for size in shape):
            raise DataError(f"an array of shape {shape}")
        dtype = np.dtype(kind.order + kind.text)
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise DataError(f"an array of shape {shape} with {len(raw)} bytes")
        self.value: NDArray[Any] = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


class _Call:
    """A callable without attributes, so that no pickle can change it."""

    __slots__ = ("_make",)
    _make: Any

    def __init__(self, make: Any) -> None:
        object.__setattr__(self, "_make", make)

    def __setattr__(self, name: str, value: Any) -> None:
        raise DataError(f"sets {name!r} of a function")

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)


def _latin1(text: Any, codec: Any) -> bytes:
    """What Python 3 writes bytes with in the old protocols."""
    if codec not in ("latin1", b"latin1") or not isinstance(text, str):
        raise DataError(f"encodes {type(text).__name__} as {codec!r}")
    return text.encode("latin1")


def _allowed() -> dict[tuple[str, str], _Call]:
    array, inert = _Call(lambda *_: _Array()), _Call(lambda *_: None)
    known = {("numpy", "dtype"): _Call(lambda text, *_: _Kind(text)), ("_codecs", "encode"): _Call(_latin1)}
    for module in ("__builtin__", "builtins"):
        known[module, "bytes"] = _Call(lambda: b"")  # Python 3 writes an empty byte string as a call
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        known[module, "_reconstruct"] = array
    return known | {("numpy", "ndarray"): inert}


class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _allowed().get((module, name))
        if known is None:
            raise DataError(f"names {module}.{name}: only lists, dicts, texts, numbers and arrays of numbers are read")
        return known

    def get_extension(self, code: int) -> Any:
        raise DataError(f"names extension {code}")

    def persistent_load(self, pid: Any) -> Any:
        raise DataError("refers to an object outside the file")


def read_pickle(path: Path) -> dict[bytes, Any]:
    """The dict that a file holds, with byte strings as keys, as the CIFAR files have it; arrays are plain arrays.

    Raises:
        DataError: the file is damaged, larger than 512 MiB, no dict, or names anything but arrays of numbers.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"has {path.stat().st_size} bytes: at most {_MAX_BYTES}")
        found = _Unpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # a malformed program can fail in any way
        raise DataError(f"{path}: is no pickle that can be read: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}: holds a {type(found).__name__}, not a dict")
    plain = {}
    for key, value in found.items():
        name = key.encode() if isinstance(key, str) else key
        plain[name] = getattr(value, "value", None) if isinstance(value, _Array) else value
    return plain
