"""Counter-based random numbers: a cell's draw depends on its name, not on when or where it is drawn.

SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, "Fast splittable pseudorandom number generators"): draw n of a
stream is the mixed ``state + n * golden``. The stream is (seed, chip, layer name), n is the cell, so that the
same seed is the same chip at any crossbar size, batch size or number of threads.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..mapping import Cells

GOLDEN = 0x9E3779B97F4A7C15
_WORD = 2**64 - 1
#: no normal draw is larger: the quantile of the largest uniform draw, 1 - 2^-53
LARGEST_NORMAL = 8.21
#: room for the physical columns of one weight: slice * 2 + sign, at most 16 slices and a sign column
_COLUMNS_PER_WEIGHT = 64


def cell_numbers(cells: Cells, column: int) -> NDArray[np.uint64]:
    """Number of each cell of a physical column in its layer, whatever the crossbars: (groups, rows, outputs)."""
    columns, plan = cells.columns, cells.plan
    index = np.arange(plan.outputs * plan.rows, dtype=np.uint64)  # of the weight in the network's array
    weights = index.reshape(plan.groups, -1, plan.rows).transpose(0, 2, 1)
    kind = int(columns.slice_index[column] * 2 + columns.sign[column])
    return weights * np.uint64(_COLUMNS_PER_WEIGHT) + np.uint64(kind)


def stream(seed: int, chip: int, layer: str, purpose: str = "") -> int:
    """The 64-bit state of one of a layer's streams on one chip; seeds and chips are taken modulo 2^64.

    The stream without a purpose is that of programming.
    """
    state = 0
    for part in (seed, chip, _digest(layer), *([_digest(purpose)] if purpose else ())):
        state = int(mixed(np.array([(state ^ (part & _WORD)) + GOLDEN & _WORD], np.uint64))[0])
    return state


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def uniforms(state: int, counters: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Uniform draws in the open interval (0, 1), one per counter: 52 bits, so that the largest is not rounded to 1."""
    words = mixed(counters * np.uint64(GOLDEN) + np.uint64(state))
    drawn: NDArray[np.float64] = ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return drawn


def normals(state: int, counters: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Standard normal draws, one per counter (inverse of the normal distribution)."""
    drawn: NDArray[np.float64] = ndtri(uniforms(state, counters))
    return drawn


def mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer (Stafford's variant 13)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
