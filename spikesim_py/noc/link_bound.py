"""The busiest link of a transfer between two runs of tiles under XY routing.

Every tile of run a sends equally to every tile of run b. A flit goes along its source's row and then along its
destination's column, so that of all pairs ::

    (tiles of a in row y, column <= x) (tiles of b in columns > x)     pass the link from (x, y) to (x + 1, y)
    (tiles of a in rows <= y) (tiles of b in column x, rows > y)       pass the link from (x, y) to (x, y + 1)

and likewise backwards; 1 / a leave by each injection port, 1 / b by each ejection port. Whole rows of width w above
whole rows: 1 / w at the border of rows, and floor(w^2 / 4) / (w a) at the middle of every row of a.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._arrays import Real, is_array


def busiest_link(a_first: Real, a_count: Real, b_first: Real, b_count: Real, width: Real, snake: bool) -> Real:
    """Share of all flits that the busiest link or port carries; exact.

    Runs are the places `first` to `first` + `count` - 1 in the order of placement: row by row, or as a `snake`.
    """
    if is_array(a_first, a_count, b_first, b_count, width):
        from .kernels import busiest_links

        return busiest_links(a_first, a_first + a_count, b_first, b_first + b_count, width, snake)
    if a_count == 1 or b_count == 1:  # all flits leave or enter by one port
        return 1.0
    rows = -(-max(a_first + a_count, b_first + b_count) // width)
    a, b = (_tiles(*run, width, rows, snake) for run in ((a_first, a_count), (b_first, b_count)))
    east, west = _eastward(a, b), _eastward(a[:, ::-1], b[:, ::-1])
    # backwards in time, a y-link is the first leg of a route from b to a
    north, south = _eastward(b.T, a.T), _eastward(b.T[:, ::-1], a.T[:, ::-1])
    return max(east, west, north, south, a_count, b_count) / (a_count * b_count)


def _tiles(first: int, count: int, width: int, rows: int, snake: bool) -> NDArray[np.int64]:
    """(rows, width) ones where a run has a tile."""
    order = np.arange(rows * width).reshape(rows, width)
    if snake:
        order[1::2] = order[1::2, ::-1]
    return ((order >= first) & (order < first + count)).astype(np.int64)


def _eastward(a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
    """Most pairs over a link of the first leg towards higher columns."""
    beyond = b.sum() - b.sum(0).cumsum()
    return int((a.cumsum(1) * beyond).max())
