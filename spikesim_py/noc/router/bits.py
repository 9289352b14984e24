"""Sets as bit masks, and how the kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_Function = TypeVar("_Function", bound=Callable[..., Any])


# Nothing allocates, so Numba's reference counts (`_nrt`) are off: they cost ten times the rest.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def compiled(function: _Function) -> _Function:
    """A kernel."""
    return cast(_Function, njit(**_OPTIONS)(function))


def inlined(function: _Function) -> _Function:
    """A part of a kernel."""
    return cast(_Function, njit(**_OPTIONS, forceinline=True)(function))


def _lowest(typing: Any, mask: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


#: index of the lowest bit that is set
lowest = cast(Callable[[int], int], intrinsic(_lowest))


@inlined
def first(mask: int, pointer: int) -> int:
    """A round-robin arbiter: the first bit at or after `pointer`, else the first of all."""
    after = mask >> pointer
    if after:
        return pointer + lowest(after)
    return lowest(mask)
