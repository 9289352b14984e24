"""What integer nodes without a matrix compute, compiled: LIF units, affines and pools.

`reference.py` says the same in torch. All arithmetic is int64, in which nothing overflows that `build` accepts;
what leaves is cut to its own width, as torch does. One thread: a unit-step takes a quarter of a nanosecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from .units import Lif

Array = Any  # numpy arrays of the element types named in the docstrings
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: units whose membranes are kept in the first cache at once
_TILE = 1024
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def _kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


class Dynamics(NamedTuple):
    """A LIF node without branches: every choice is a number.

    ``s = (v << store) * multiplier; s += always + (negative if s < 0 else 0); u = (s >> shift) + a``;
    where ``u >= theta`` the unit spikes and ``u = (u - theta) & kept``;
    ``v = clip(u >> store, low, high)``, of which `bits` bits are kept.
    """

    store: int
    multiplier: int
    always: int
    negative: int
    shift: int
    kept: int
    low: int
    high: int
    bits: int


def dynamics(node: Lif) -> Dynamics:
    """The numbers of a node of an integer network."""
    shift, rounding = node.leak.shift, node.leak.rounding
    saturates = node.overflow == "saturate"
    return Dynamics(
        store=node.store_shift,
        multiplier=int(node.leak.multiplier),
        always=(1 << shift) >> 1 if rounding == "nearest" else 0,
        negative=(1 << shift) - 1 if rounding == "toward_zero" else 0,
        shift=shift,
        kept=0 if node.reset == "zero" else -1,
        low=node.stored[0] if saturates else _LOWEST,
        high=node.stored[1] if saturates else _HIGHEST,
        bits=64 if saturates else node.membrane_bits,
    )


@_kernel
def spikes_of(a: Array, theta: Array, node: Dynamics, spikes: Array) -> None:
    """Run LIF units through time.

    Args:
        a: (samples, 1 or T, units) int32, contiguous: what drives them; one step stands for all.
        theta: (units,) int32.
        node: their dynamics.
        spikes: (samples, T, units) uint8, filled.
    """
    store, multiplier, always, negative, shift, kept, low, high, bits = node
    unused = 64 - bits
    units, last = a.shape[2], a.shape[1] - 1
    membranes = np.empty(_TILE, np.int64)
    for n in range(a.shape[0]):
        for first in range(0, units, _TILE):
            end = min(first + _TILE, units)
            v, level = membranes[: end - first], theta[first:end]
            v[:] = 0
            for t in range(spikes.shape[1]):
                drive, out = a[n, min(t, last), first:end], spikes[n, t, first:end]
                for i in range(v.size):
                    scaled = (v[i] << store) * multiplier
                    scaled += always + ((scaled >> 63) & negative)
                    u = (scaled >> shift) + drive[i]
                    fired = u >= level[i]
                    u = (u - level[i]) & kept if fired else u
                    v[i] = (min(max(u >> store, low), high) << unused) >> unused
                    out[i] = fired


@_kernel
def scale(a: Array, multiplier: Array, bias: Array, shift: int, out: Array) -> None:
    """``out[n, i] = (a[n, i] * multiplier[s, i] + bias[s, i]) >> shift``, s = n modulo their sets.

    All int32 and contiguous; a: (n, values), multiplier and bias: (sets, values).
    """
    for n in range(a.shape[0]):
        line, into, gain, offset = a[n], out[n], multiplier[n % len(multiplier)], bias[n % len(bias)]
        for i in range(line.size):
            into[i] = (np.int64(line[i]) * gain[i] + offset[i]) >> shift


@_kernel
def pool(x: Array, kernel: tuple[int, int], step: tuple[int, int], largest: bool, out: Array) -> None:
    """Sum or maximum of windows.

    Args:
        x: (maps, H, W) uint8 or int32, contiguous.
        kernel, step: rows and columns of a window, and between windows.
        largest: whether to take the maximum.
        out: (maps, h, w) of the same type, filled.
    """
    line = np.empty(x.shape[2], np.int64)
    for n in range(x.shape[0]):
        for y in range(out.shape[1]):
            for row in range(kernel[0]):
                more = x[n, y * step[0] + row]
                for i in range(line.size):
                    value = np.int64(more[i])
                    if row > 0:
                        value = max(value, line[i]) if largest else value + line[i]
                    line[i] = value
            for j in range(out.shape[2]):
                total = line[j * step[1]]
                for i in range(j * step[1] + 1, j * step[1] + kernel[1]):
                    total = max(total, line[i]) if largest else total + line[i]
                out[n, y, j] = total
