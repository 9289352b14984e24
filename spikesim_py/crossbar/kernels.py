"""What the kernels that multiply share. Inputs are packed to bits; column sums, conversion and shift-add are fused.

Two engines share this shape. `whole` sums whole-number cells, by population counts of packed bits or by adding the
rows of active inputs, and converts in integers. `real` adds float32 cells (programming errors, wires, off currents,
circuit errors of converters, read noise). `reference.py` says the same in plain NumPy.

Rows are added in ascending order, so that a sum does not depend on the batch or on the number of threads; real
sums are rounded to float32 at every addition: at 1,024 active rows the error is below 1024 * 2^-24 of full scale.

A *segment* is the rows of one crossbar, a *conversion* one or several segments whose sums join before the
converter. Inputs are packed 64 rows to a word (`inputs`). Where kernel positions have crossbars of their own, all of
them read the same words (one set per pixel): no patch is ever copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from .simd import LANES, round_off

Array = Any  # numpy arrays of the element types named in the docstrings
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: positions whose sums are kept in the cache at once
TILE = 64


def kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


def divides(function: _Function) -> _Function:
    """A kernel that never divides by zero: the test for it would keep its loop from becoming a vector loop."""
    return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@kernel
def from_line(raw: Array, count: int) -> Array:
    """`count` elements of `raw` from a cache line on: it has LANES more, so that one starts there (see `aligned`)."""
    start = -(raw.ctypes.data // raw.itemsize) % LANES
    return raw[start : start + count]


@kernel
def finish(
    value: Array, counted: Array, count: int, unit: float, steps: float, offset: float, tile: Array, out: Array
) -> None:
    """Digital sums (positions, columns) in unit/steps levels to whole numbers, rounded once, less counted offsets."""
    inverse = unit / steps
    half = 0.5 + 0.25 / steps  # sums over steps are multiples of 1/steps: keeps float64 off the ties
    columns = tile.shape[1]
    flat = tile.reshape(tile.size)
    for p in range(count):
        round_off(value, p * columns, inverse, half, offset * counted[p], columns, flat)
    for o in range(out.shape[0]):
        for p in range(count):
            out[o, p] = tile[p, o]
