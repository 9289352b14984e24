"""The kernels that multiply: event-driven sums, conversion and shift-add, fused per read.

One source for whole-number cells (int8, summed in int16 or int32) and real ones (float32, summed in float32);
`reference.py` says the same in plain NumPy. Rows are added in ascending order, one after the other, so that a
sum does not depend on the batch or on the number of threads. Real sums are rounded to float32 at every
addition: at 1,024 active rows the error is below 1024 * 2^-24 of the full scale.

Codes, coefficients and their sums are whole numbers below 2^53, held exactly in float64, which spares
conversions between vector types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

Array = Any  # numpy arrays of the element types named in the docstrings
_Function = TypeVar("_Function", bound=Callable[..., Any])
_INT32_MAX = 2.0**31 - 1


class Conversion(NamedTuple):
    """What a kernel must know of the converter and of the digital circuit behind it.

    code = clip(floor(x * scale + half), low, high) for a column sum x. `half` is 1/2; for whole sums it is
    1/2 + scale / (4 * steps), between the tie and the next sum, so that float64 rounds ties up exactly.
    """

    scale: float  # codes per level
    half: float
    low: float
    high: float
    step: float  # LSB = step / steps levels
    steps: float
    background: float  # levels that every active row adds to a column's sum; 0 if removed before
    counted: bool  # whether active rows x background is subtracted after the converter
    offset: float  # subtracted per counted input value


def _kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


@_kernel
def _select(flat: Array, origin: int, offsets: Array, start: int, end: int, plane: int, active: Array) -> int:
    """Active rows among start..end in bit plane `plane`, in ascending order, into `active`."""
    count = 0
    for row in range(start, end):
        active[count] = row
        count += (flat[origin + offsets[row]] >> plane) & 1
    return count


@_kernel
def _accumulate(cells: Array, active: Array, count: int, sums: Array) -> None:
    """Add the active rows of `cells` to `sums`, row after row (four per pass over the columns)."""
    at = 0
    while at + 4 <= count:
        a, b, c, d = cells[active[at]], cells[active[at + 1]], cells[active[at + 2]], cells[active[at + 3]]
        for i in range(sums.size):
            sums[i] = sums[i] + a[i] + b[i] + c[i] + d[i]
        at += 4
    while at < count:
        a = cells[active[at]]
        for i in range(sums.size):
            sums[i] += a[i]
        at += 1


@_kernel
def _convert(
    sums: Array, count: int, weight: float, coefficient: Array, adc: Conversion, value: Array, counts: Array
) -> int:
    """Convert every column, add the weighted codes to `value`; returns how many codes were clipped."""
    current = count * adc.background * adc.scale
    shift = adc.half + current
    removed = np.floor(current + 0.5) if adc.counted else 0.0
    outputs, clipped = value.size, 0
    for k in range(coefficient.size):
        factor, column = coefficient[k] * weight, sums[k * outputs : (k + 1) * outputs]
        for o in range(outputs):
            code = np.floor(column[o] * adc.scale + shift)
            kept = min(max(code, adc.low), adc.high)
            clipped += code != kept
            value[o] += factor * (kept - removed)
    if adc.offset != 0:
        masked = sums[coefficient.size * outputs :]
        for o in range(outputs):
            counts[o] += weight * (masked[o] if masked.size else count)
    return clipped


@_kernel
def _finish(value: Array, counts: Array, adc: Conversion, out: Array) -> None:
    """The layer's output in whole numbers: codes times LSB, rounded once, less the counted offsets."""
    for o in range(value.size):
        product = np.floor((2 * value[o] * adc.step + adc.steps) / (2 * adc.steps)) - adc.offset * counts[o]
        out[o] = np.int32(min(max(product, -_INT32_MAX - 1), _INT32_MAX))


@_kernel
def read(
    flat: Array,
    bases: Array,
    offsets: Array,
    group_stride: int,
    planes: int,
    cells: Array,
    ends: Array,
    converts: Array,
    coefficient: Array,
    adc: Conversion,
    sums: Array,
    out: Array,
    hits: Array,
) -> tuple[int, int]:
    """Every read of a layer's crossbars.

    Args:
        flat: (reads, values) uint8 or int32, padded inputs.
        bases, offsets, group_stride: see `Window`; offsets in the order of `cells`' rows, int64.
        planes: bits per input value.
        cells: (groups, rows, columns) int8 or float32; columns slice-major, then the masks' counting columns.
        ends: (crossbars along the rows,) int64, last row + 1 of each.
        converts: (crossbars along the rows,) bool, whether its sums are converted after it.
        coefficient: (columns per output,) float64.
        sums: (columns,) zeros, scratch in the type of the sums.
        out: (reads, groups * outputs, positions) int32, filled.
        hits: (groups, rows) int64, how often each row was active; added to.

    Returns:
        (reads of a crossbar without an active row, clipped conversions)
    """
    groups, rows = cells.shape[:2]
    outputs = out.shape[1] // groups
    active = np.empty(rows + 1, np.int64)
    value, counts = np.empty(outputs), np.empty(outputs)
    idle = clipped = 0
    for n in range(flat.shape[0]):
        for p in range(bases.size):
            for g in range(groups):
                origin = bases[p] + g * group_stride
                value[:] = 0
                counts[:] = 0
                for plane in range(planes):
                    start = total = 0
                    for b in range(ends.size):
                        count = _select(flat[n], origin, offsets, start, ends[b], plane, active)
                        idle += count == 0
                        for i in range(count):
                            hits[g, active[i]] += 1
                        _accumulate(cells[g], active, count, sums)
                        start, total = ends[b], total + count
                        if converts[b] and total > 0:
                            clipped += _convert(sums, total, 2.0**plane, coefficient, adc, value, counts)
                            sums[:] = 0
                            total = 0
                _finish(value, counts, adc, out[n, g * outputs : (g + 1) * outputs, p])
    return idle, clipped
