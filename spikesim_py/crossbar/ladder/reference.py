"""The kernels' twin in plain NumPy: the same steps in the type of the cells, bit for bit in float32.

What lies above two neighbouring points of source line and bit line, the supply included, is a star of three branches
that meet in one inner point: a resistance `common` to the supply, a resistance `left` to the source line, and a
conductance `right` to the bit line. A segment of resistance r makes of them left + r, right / (1 + r right). A cell g
between both lines closes the delta (left + 1 / right, 1 / g), which with more = right + g + g left right is the star

    common + g left / more,   left right / more,   more.

Below the last active cell the source line is open, so that the current, in units of the read voltage and of one
level, is 1 / (common + 1 / right + rest of the bit line). With one supply for all cells left = 0, and right is all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .circuit import Ladder

Array = NDArray[Any]
#: bounds of `right`: the bit line above the first active cell is open, and an ideal one is a short circuit
_OPEN, _SHORT = 1e-12, 1e12


def ladder_currents(
    cells: Array, active: Array, first: int, ladder: Ladder, variances: Array | None = None
) -> tuple[Array, Array]:
    """Currents in levels and their variance, (columns,) each, of one read.

    Args:
        cells: (rows, columns) levels, float32 or float64.
        active: rows that are active, ascending; first: row of `cells` that is row 0 of the crossbar.
        variances: (rows, columns) levels^2 of the cells; None: no read noise.
    """
    variance = np.zeros(cells.shape[1], cells.dtype)
    if not len(active):
        return variance.copy(), variance
    if ladder.source == 0:
        return _one_supply(cells, active, first, ladder, np.zeros_like(cells) if variances is None else variances)
    if variances is not None:
        order, _ = _from_head(active, ladder)
        for row, share in zip(order[::-1], cell_shares(cells, active, first, ladder)[::-1], strict=True):
            square = share * share
            variance = variance + square * square * variances[row]
    return _current(_stars(cells, active, first, ladder)[-1], active, first, ladder), variance


def cell_shares(cells: Array, active: Array, first: int, ladder: Ladder) -> Array:
    """(count, columns) voltage of every active cell, from head to foot, as a share of the read voltage.

    Its square is the change of the current per change of the cell (Tellegen's theorem). From foot to head, the
    currents of both lines below a cell give its voltage; together they are the whole current.
    """
    shares = np.zeros((len(active), cells.shape[1]), cells.dtype)
    if not len(active):
        return shares
    order, gaps = _from_head(active, ladder)
    stars, kind = _stars(cells, active, first, ladder), cells.dtype.type
    total = _current(stars[-1], active, first, ladder)
    from_source, from_bit = np.zeros_like(total), total
    for i in reversed(range(len(active))):
        shares[i] = from_bit / stars[i][2] - stars[i][1] * from_source
        from_source = from_source + cells[order[i]] * shares[i]
        if i > 0:
            source, bit = kind(gaps[i] * ladder.source), kind(gaps[i] * ladder.bit)
            _, left, right = stars[i - 1]
            # near the head the bit line carries a small part, which a difference would not give
            part = (shares[i] + (left + source) * from_source) * (right / (1 + bit * right))
            from_bit = np.where(from_source < kind(0.5) * total, total - from_source, part)
    return shares


def _one_supply(cells: Array, active: Array, first: int, ladder: Ladder, variances: Array) -> tuple[Array, Array]:
    """Currents and variance; a segment passes on the square of what it leaves of a change of `right`."""
    order, gaps = _from_head(active, ladder)
    kind, right, variance = (
        cells.dtype.type,
        np.zeros(cells.shape[1], cells.dtype),
        np.zeros(cells.shape[1], cells.dtype),
    )
    for row, gap in zip(order, gaps, strict=True):
        lost = _lost(right, kind(gap * ladder.bit))
        square = (1 - lost) * (1 - lost)
        variance = variance * (square * square) + variances[row]
        right = right + (cells[row] - right * lost)
    divisor = 1 + kind(_segments_below(active, first, ladder) * ladder.bit + ladder.foot + ladder.head) * right
    square = divisor * divisor
    return right / divisor, variance / (square * square)


def _stars(cells: Array, active: Array, first: int, ladder: Ladder) -> list[tuple[Array, Array, Array]]:
    """(common, left, right) below every active cell, from head to foot."""
    order, gaps = _from_head(active, ladder)
    columns, kind = cells.shape[1], cells.dtype.type
    segments = ladder.rows + 1 - _segments_below(active[-1:] if ladder.mirrored else active[:1], first, ladder)
    common = np.full(columns, segments * ladder.source + ladder.head, cells.dtype)
    left, right = np.zeros(columns, cells.dtype), np.full(columns, _OPEN, cells.dtype)
    stars = []
    for row, gap in zip(order, gaps, strict=True):
        cell, left = cells[row], left + kind(gap * ladder.source)
        right = np.clip(right - right * _lost(right, kind(gap * ladder.bit)), kind(_OPEN), kind(_SHORT))
        more = right + (cell + cell * left * right)
        left = left / more
        common, left, right = common + cell * left, left * right, more
        stars.append((common, left, right))
    return stars


def _current(star: tuple[Array, Array, Array], active: Array, first: int, ladder: Ladder) -> Array:
    common, _, right = star
    rest = right.dtype.type(_segments_below(active, first, ladder) * ladder.bit + ladder.foot)
    return np.asarray(right / (1 + right * (common + rest)))


def _lost(conductance: Array, ohm: Any) -> Array:
    """Share of a conductance that a resistance in series takes."""
    return np.asarray(ohm * conductance / (1 + ohm * conductance))


def _from_head(active: Array, ladder: Ladder) -> tuple[Array, Array]:
    """Active rows from head to foot, and the segments between each and the one before it."""
    order = active[::-1] if ladder.mirrored else active
    return order, np.abs(np.diff(order, prepend=order[:1]))


def _segments_below(active: Array, first: int, ladder: Ladder) -> int:
    """Segments of bit line between the active cell nearest to the foot and the sense resistance."""
    nearest = ladder.rows - 1 - int(active[0] - first) if ladder.mirrored else int(active[-1] - first)
    return ladder.rows - nearest
