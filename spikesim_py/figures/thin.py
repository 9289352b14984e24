"""A few thousand points that stand for a million: what is drawn of a study that is too large to be drawn whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Rows = NDArray[np.intp]
#: of the cloud; beyond some thousand markers browsers stop being quick
MOST = 6000
#: cells across and up: a marker hides what lies in its cell
GRID = (96, 54)


def thinned(x: Floats, y: Floats, most: int = MOST) -> Rows:
    """Rows, ascending, of at most `most` points of a plane that look like all of them; every one where that is enough.

    One point of every cell of a grid over the plane, so that no region and no outlier is lost; then, so that dense
    regions look denser, evenly spaced ones of the rest. The same points give the same rows. Points that are not finite
    are left out.

    Args:
        x, y: coordinates as they are drawn (logarithms on a log axis), (points,).
    """
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if known.size <= most:
        return known
    cell = _cells(x[known], GRID[0]) * GRID[1] + _cells(y[known], GRID[1])
    first = np.full(GRID[0] * GRID[1], -1, np.intp)
    first[cell[::-1]] = known[::-1]  # of several, the last assignment stays
    chosen = np.zeros(x.size, bool)
    chosen[spaced(first[first >= 0], most)] = True
    rest = known[~chosen[known]]
    chosen[spaced(rest, most - int(chosen.sum()))] = True
    return np.flatnonzero(chosen)


def spaced(rows: Rows, most: int) -> Rows:
    """At most `most` of some rows, evenly spaced."""
    return rows if rows.size <= most else rows[np.linspace(0, rows.size - 1, max(most, 0)).astype(np.intp)]


def _cells(values: Floats, count: int) -> NDArray[np.int32]:
    low, high = float(values.min()), float(values.max())
    share = (values - low) * (count / ((high - low) or 1.0))
    return np.minimum(share.astype(np.int32), count - 1)
