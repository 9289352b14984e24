"""Sums of distances and busiest links of many meshes at once, the row loop of a pass over designs.

Readable twins: `Distances` in `analytic.py` (a run of tiles is the difference of two prefixes of the order of
placement, so four sums of two prefixes give any two runs), and `busiest_link` in `link_bound.py`.
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


@njit(cache=True)
def _in_row(first: float, end: float, y: float, width: float, snake: bool) -> tuple[float, float]:
    """Columns [low, high) of a run of tiles in one row; empty at either end where it has none."""
    low, high = min(max(first - y * width, 0.0), width), min(max(end - y * width, 0.0), width)
    return (width - high, width - low) if snake and y % 2.0 != 0.0 else (low, high)


@njit(cache=True)
def _left(first: float, end: float, x: float, width: float, snake: bool) -> float:
    """Tiles of a run in columns below x."""
    low_row, high_row = math.floor(first / width), math.floor((end - 1.0) / width)
    low, high = _in_row(first, end, low_row, width, snake)
    tiles = min(max(x, low), high) - low
    if high_row > low_row:
        low, high = _in_row(first, end, high_row, width, snake)
        tiles += min(max(x, low), high) - low + (high_row - low_row - 1.0) * x
    return tiles


@njit(cache=True)
def _tallest(first: float, end: float, width: float, snake: bool) -> float:
    """Most tiles of a run in one column."""
    if end <= first:
        return 0.0
    low_row, high_row = math.floor(first / width), math.floor((end - 1.0) / width)
    if low_row == high_row:
        return 1.0
    low, high = _in_row(first, end, low_row, width, snake)
    other_low, other_high = _in_row(first, end, high_row, width, snake)
    return high_row - low_row + (1.0 if max(low, other_low) < min(high, other_high) else 0.0)


@vectorize(["float64(float64, float64, float64, float64, float64, boolean)"], cache=True)  # type: ignore[no-untyped-call, untyped-decorator]
def busiest_links(first_a: float, end_a: float, first_b: float, end_b: float, width: float, snake: bool) -> float:
    """Largest share of the flits from all of [first_a, end_a) to all of [first_b, end_b) on one link or port."""
    a, b = end_a - first_a, end_b - first_b
    most = max(a, b)
    if min(a, b) <= 1.0:
        return 1.0
    low_row, high_row = math.floor(first_a / width), math.floor((end_a - 1.0) / width)
    rows = int(min(high_row - low_row + 1.0, 3.0))  # rows between the first and the last are alike
    for x in range(1, int(width)):
        left_b = _left(first_b, end_b, x, width, snake)
        for i in range(rows):
            y = high_row if i == 2 else low_row + i
            low, high = _in_row(first_a, end_a, y, width, snake)
            left_a = min(max(x, low), high) - low
            most = max(most, left_a * (b - left_b), (high - low - left_a) * left_b)
    lowest, highest = min(first_a, first_b), max(end_a, end_b)
    for y in range(math.floor(lowest / width) + 1, math.floor((highest - 1.0) / width) + 1):
        border = y * width
        before = min(max(border, first_a), end_a) - first_a
        most = max(most, before * _tallest(max(first_b, border), end_b, width, snake))
        most = max(most, (a - before) * _tallest(first_b, min(end_b, border), width, snake))
    return most / (a * b)
