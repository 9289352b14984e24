"""Sums of conversion energies over reads; `reference.py` says the same in plain NumPy.

One thread, rows and reads in ascending order, float64 sums of energies: the result depends on nothing but the cells and
the reads, to the last bit. A BLAS product would be no faster at the densities of spikes, and rounds differently for
another number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Array = Any  # numpy arrays of the element types named in the docstrings
_Function = TypeVar("_Function", bound=Callable[..., Any])

#: a float32: its fraction has 23 bits, its exponent is stored with 127 added
_FRACTION, _BIAS = 23, 127
_LOWEST = np.float32(1 - _BIAS)
_MASK, _STEP = (1 << _FRACTION) - 1, np.float32(2.0**-_FRACTION)
_ZERO, _HALF, _ONE, _ROOT_2 = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0**0.5)
#: log2 m = 1/2 + 2/ln 2 (s + s^3/3 + s^5/5 + ...), s = (m - sqrt 2) / (m + sqrt 2), |s| < 0.172: 7e-9 is left out
_LOG = tuple(np.float32(2 / np.log(2) / k) for k in (1, 3, 5, 7, 9))
#: 2^f = sum (f ln 2)^k / k!, |f| <= 1/2: 1.2e-7 is left out
_EXP = tuple(np.float32(np.log(2) ** k / f) for k, f in enumerate((1, 1, 2, 6, 24, 120, 720)))


def _kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@_kernel
def add_conversions(
    cells: Array, active: Array, base: float, slope: float, exponent: float, dark: float, scratch: Array, sums: Array
) -> None:
    """``sums[j] += sum over reads i of E(G_ij)``, ``G_ij = sum of cells[k, j] over the active rows k``.

    E is a `ConversionLaw`. Rows are added in float32, in ascending order; idle ones cost nothing.

    Args:
        cells: (rows, columns) float32, each 0 or a normal number; powers of sums must not overflow.
        active: (reads, rows) uint8.
        base, slope, exponent, dark: of the law, in fJ and the unit of the cells.
        scratch: (3, columns) int32.
        sums: (columns,) float64, in fJ.
    """
    reads, rows = active.shape
    columns = sums.size
    g = scratch[0].view(np.float32)
    for i in range(reads):
        for j in range(columns):
            g[j] = _ZERO
        for k in range(rows):
            if active[i, k]:
                for j in range(columns):
                    g[j] += cells[k, j]
        if exponent == 1.0:
            for j in range(columns):
                sums[j] += base + slope * np.float64(g[j]) if g[j] > _ZERO else dark
        else:
            _add_powers(g, scratch[0], base, slope, exponent, dark, scratch[1], scratch[2], sums)


@_kernel
def _add_powers(
    g: Array, bits: Array, base: float, slope: float, exponent: float, dark: float, a: Array, b: Array, sums: Array
) -> None:
    """``sums[j] += E(g[j])`` with ``g^exponent = 2^(exponent * log2 g)`` in float32, to 2e-6.

    `bits` is the memory of g as int32, `a` and `b` are scratch of the same type and size.
    """
    fractions, scales, alpha = a.view(np.float32), b.view(np.float32), np.float32(exponent)
    for j in range(sums.size):
        m = _ONE + np.float32(bits[j] & _MASK) * _STEP
        s = (m - _ROOT_2) / (m + _ROOT_2)
        t = s * s
        series = _LOG[0] + t * (_LOG[1] + t * (_LOG[2] + t * (_LOG[3] + t * _LOG[4])))
        y = alpha * (np.float32((bits[j] >> _FRACTION) - _BIAS) + (_HALF + s * series))
        n = np.floor(y + _HALF)
        f = y - n
        fractions[j] = _EXP[0] + f * (
            _EXP[1] + f * (_EXP[2] + f * (_EXP[3] + f * (_EXP[4] + f * (_EXP[5] + f * _EXP[6]))))
        )
        b[j] = (np.int32(max(n, _LOWEST)) + np.int32(_BIAS)) << _FRACTION
    for j in range(sums.size):
        conducted = base + slope * np.float64(fractions[j] * scales[j])
        sums[j] += conducted if g[j] > _ZERO else dark
