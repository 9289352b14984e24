"""A vector of right-hand sides as a type of the compiled kernels, so that loops carry it in registers.

A compiler that meets a loop over right-hand sides in Python stores and reloads every carried value, because it sees
arrays that might overlap. LLVM splits the vectors where registers are narrower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from ..simd import _call, _data, _load, _splat, _store, _vector, _zero

#: right-hand sides in a vector
LANES = 16

_VECTOR = _vector(ir.DoubleType(), LANES)
_BYTES = 64  # of a cache line


def _vectorised(function: Any) -> Callable[..., Any]:
    """A numba intrinsic; its first parameter is numba's."""
    return cast(Callable[..., Any], intrinsic(function))


class Lanes(types.Type):
    """LANES float64 values."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


_LANES = Lanes()


def aligned(*shape: int) -> Any:
    """Uninitialised float64 array that starts at a cache line, so that no vector of it crosses one."""
    count = int(np.prod(shape))
    raw = np.empty(count + _BYTES // 8)
    start = -(raw.ctypes.data // 8) % (_BYTES // 8)
    return raw[start : start + count].reshape(shape)


@_vectorised
def nought(typing):  # type: ignore[no-untyped-def]
    """All lanes 0."""
    return _LANES(), lambda context, builder, kinds, arguments: _zero(_VECTOR)


@_vectorised
def load(typing, array, index):  # type: ignore[no-untyped-def]
    """Lanes from element `index` of a contiguous float64 array on."""

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        return _load(builder, _data(context, builder, kinds.args[0], arguments[0]), arguments[1], _VECTOR)

    return _LANES(array, types.int64), generate


@_vectorised
def store(typing, array, index, lanes):  # type: ignore[no-untyped-def]
    """Write lanes from element `index` of a contiguous float64 array on."""

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        _store(builder, arguments[2], _data(context, builder, kinds.args[0], arguments[0]), arguments[1])
        return context.get_dummy_value()

    return types.void(array, types.int64, _LANES), generate


@_vectorised
def mix(typing, a, x, b, y):  # type: ignore[no-untyped-def]
    """``a x + b y`` for numbers a, b and lanes x, y; the sum is fused, so y is the one to carry through a loop."""

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        a, x, b, y = arguments
        return _fused(builder, b, y, builder.fmul(_splat(builder, a, LANES), x))

    return _LANES(types.float64, _LANES, types.float64, _LANES), generate


@_vectorised
def add(typing, a, x, y):  # type: ignore[no-untyped-def]
    """``a x + y`` for a number a and lanes x, y."""

    def generate(context, builder, kinds, arguments):  # type: ignore[no-untyped-def]
        return _fused(builder, *arguments)

    return _LANES(types.float64, _LANES, _LANES), generate


def _fused(builder: Any, a: Any, x: Any, y: Any) -> Any:
    return _call(builder, f"llvm.fmuladd.v{LANES}f64", _VECTOR, [_splat(builder, a, LANES), x, y])
