"""Links between runs of tiles, for one mesh or a hundred thousand.

Distances under XY routing are those along x plus those along y. Along one axis, over all u below m and v below M >= m::

    sum |u - v| = m (m^2 - 1) / 3 + m M (M - m) / 2
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._arrays import Real, ceil, floor, is_array, maximum, minimum, where
from ..mapping import Mesh


@dataclass(frozen=True)
class Run:
    """Tiles of one layer: consecutive in the order of placement."""

    first: Real
    count: Real

    @property
    def end(self) -> Real:
        return self.first + self.count


class Distances:
    """Links between runs of tiles on one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def total(self, a: Run, b: Run) -> Real:
        """Links between every tile of `a` and every tile of `b`."""
        if is_array(a.first, a.end, b.first, b.end, self._mesh.width):
            from .kernels import distance_sums

            snake = self._mesh.snake
            return distance_sums(a.first, a.end, b.first, b.end, self._mesh.width, snake)
        return (
            self._prefix(a.end, b.end)
            - self._prefix(a.first, b.end)
            - self._prefix(a.end, b.first)
            + self._prefix(a.first, b.first)
        )

    def _prefix(self, a: int, b: int) -> float:
        """Links between the first `a` and the first `b` tiles."""
        width = self._mesh.width
        (rows_a, rest_a), (rows_b, rest_b) = divmod(a, width), divmod(b, width)
        along_x = rows_a * rows_b * _below(width, width) + rows_a * _below(width, rest_b)
        along_x += rows_b * _below(rest_a, width)
        if self._mesh.snake and (rows_a - rows_b) % 2:  # one of the last rows runs backwards
            along_x += _below(width, rest_b) - _below(width - rest_a, rest_b)
        else:
            along_x += _below(rest_a, rest_b)
        along_y = width * width * _below(rows_a, rows_b) + rest_a * rest_b * abs(rows_a - rows_b)
        return along_x + along_y + width * (rest_b * _to(rows_a, rows_b) + rest_a * _to(rows_b, rows_a))

    def among(self, run: Run, count: Real) -> Real:
        """Mean links between two of `count` consecutive tiles (2 or more) somewhere in a run.

        Those of a window in one row, and of one that has its middle where a row ends; each as often as there are such.
        """
        width, windows = self._mesh.width, run.count - count + 1
        low, high = self._rows(run)
        whole = windows <= 1
        inside = count * (count * count - 1) / 3
        start = where(whole, run.first, maximum(width - floor(count / 2), 0))
        across = self.total(Run(start, count), Run(start, count))
        share = where(whole, 1.0, minimum((high - low) * (count - 1) / maximum(windows, 1), 1.0))
        return (share * across + (1.0 - share) * inside) / (count * (count - 1))

    def spread(self, run: Run, count: Real) -> Real:
        """Most links between two of `count` consecutive tiles somewhere in a run, or a little more."""
        width = self._mesh.width
        low, high = self._rows(run)
        wrapped = where(high > low, ceil((count - 1) / width) + width - 1, count - 1)
        reach = count - 1 if self._mesh.snake else wrapped
        return minimum(reach, self.farthest(run, run))

    def farthest(self, a: Run, b: Run) -> Real:
        """Most links between a tile of `a` and one of `b`, or a little more: corners of the boxes around them."""
        (low_a, high_a), (low_b, high_b) = self._rows(a), self._rows(b)
        rows = maximum(high_b - low_a, high_a - low_b)
        width = self._mesh.width - 1
        return maximum(rows, 0) + where(rows <= 0, minimum(maximum(a.end - b.first, b.end - a.first) - 1, width), width)

    def _rows(self, run: Run) -> tuple[Real, Real]:
        last = run.end - 1
        width = self._mesh.width
        if is_array(last, width, run.first):
            return np.floor(run.first / width), np.floor(last / width)
        return run.first // width, last // width


def _below(a: int, b: int) -> float:
    """Sum of |u - v| over u < a, v < b."""
    low, high = min(a, b), max(a, b)
    return low * (low * low - 1) / 3 + low * high * (high - low) / 2


def _to(count: int, place: int) -> float:
    """Sum of |u - place| over u < count."""
    low, over = min(count, place), max(count - place, 1) - 1
    return low * place - low * (low - 1) / 2 + over * (over + 1) / 2
