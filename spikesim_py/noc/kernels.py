"""Sums of distances on the mesh for many meshes at once; the readable twin is `Distances` in `analytic.py`.

The row loop of a pass over designs: a run of tiles is a prefix of the order of placement, so four sums of two prefixes
give any two runs.
"""

from __future__ import annotations

import math

from numba import njit, vectorize


@njit(cache=True)
def _below(a: float, b: float) -> float:
    low, high = min(a, b), max(a, b)
    return low * (low * low - 1.0) / 3.0 + low * high * (high - low) / 2.0


@njit(cache=True)
def _to(count: float, place: float) -> float:
    low = min(count, place)
    over = max(count - place, 1.0) - 1.0
    return low * place - low * (low - 1.0) / 2.0 + over * (over + 1.0) / 2.0


@njit(cache=True)
def _prefix(a: float, b: float, width: float, snake: bool) -> float:
    rows_a, rows_b = math.floor(a / width), math.floor(b / width)
    rest_a, rest_b = a - rows_a * width, b - rows_b * width
    along_x = rows_a * rows_b * _below(width, width) + rows_a * _below(width, rest_b) + rows_b * _below(rest_a, width)
    if snake and (rows_a - rows_b) % 2 != 0:
        along_x += _below(width, rest_b) - _below(width - rest_a, rest_b)
    else:
        along_x += _below(rest_a, rest_b)
    along_y = width * width * _below(rows_a, rows_b) + rest_a * rest_b * abs(rows_a - rows_b)
    return along_x + along_y + width * (rest_b * _to(rows_a, rows_b) + rest_a * _to(rows_b, rows_a))


@vectorize(["float64(float64, float64, float64, float64, float64, boolean)"], cache=True)  # type: ignore[no-untyped-call, untyped-decorator]
def distance_sums(first_a: float, end_a: float, first_b: float, end_b: float, width: float, snake: bool) -> float:
    """Links between every tile of [first_a, end_a) and every tile of [first_b, end_b), in the order of placement."""
    total = _prefix(end_a, end_b, width, snake)
    if first_a > 0.0:
        total -= _prefix(first_a, end_b, width, snake)
    if first_b > 0.0:
        total -= _prefix(end_a, first_b, width, snake)
        if first_a > 0.0:
            total += _prefix(first_a, first_b, width, snake)
    return total
