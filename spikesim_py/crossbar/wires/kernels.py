"""The relaxation of `transfer.py`, compiled. `reference.py` says the same in plain NumPy.

A *ladder* is a line of nodes joined by segments; every node has a cell to a voltage x at the cell's other side.
It is solved by one pass of elimination and one of substitution in the opposite direction,

    y_i = s_i x_i + t_i y_(i-1),      v_i = p_i y_i + q_i v_(i+1),

where v are the voltages of the line. All coefficients are sums, products and quotients of positive numbers: there is
no subtraction to lose digits in, and segments of 0 ohm are nothing special.

A pass over the rows does all of one sweep: at every row it ends the substitution of the bit lines, solves the word
line, and begins the elimination of the next sweep, in the opposite direction. So one array of state is read and
written once per sweep, in place. Right-hand sides are its fastest axis.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..kernels import kernel
from .lanes import LANES, add, load, mix, nought, store

Array = Any  # float64 arrays unless their docstring says otherwise


class Ladders(NamedTuple):
    """Coefficients of parallel ladders, each (nodes, lines)."""

    s: Array
    t: Array
    p: Array
    q: Array


class Aim(NamedTuple):
    """When the relaxation stops.

    Attributes:
        goal: bound of the error to reach, as a share of the largest current.
        fewest, most: sweeps to make; fewer than `most` also where it is clear that they will not do.
        stride: stop after a multiple of this many.
    """

    goal: float
    fewest: int
    most: int
    stride: int


@kernel
def ladders_to_end(cells: Array, segment: float, end: Array) -> Ladders:
    """Coefficients of ladders along axis 0, eliminated from their open end 0 towards the last node.

    cells: (nodes, lines) siemens. segment: ohm between neighbours. end: (lines,) ohm between the last node and the
    source behind it, infinite where the ladder is open there too. y_i is the current that nodes 0..i would drive
    through the next segment into a short circuit.
    """
    nodes, lines = cells.shape
    s, t, p, q = np.empty((nodes, lines)), np.empty((nodes, lines)), np.empty((nodes, lines)), np.empty((nodes, lines))
    inward = np.zeros(lines)  # conductance of the nodes before, through the segment in between
    for i in range(nodes - 1):
        for line in range(lines):
            total = cells[i, line] + inward[line]
            kept = 1 / (1 + segment * total)
            inward[line] = kept * total
            s[i, line], t[i, line], p[i, line], q[i, line] = kept * cells[i, line], kept, segment, kept
    i = nodes - 1
    for line in range(lines):
        total = cells[i, line] + inward[line]
        if np.isinf(end[line]):
            t[i, line], p[i, line], q[i, line] = 1 / total if total > 0 else 0.0, 1.0, 0.0
        else:
            kept = 1 / (1 + end[line] * total)
            t[i, line], p[i, line], q[i, line] = kept, end[line], kept
        s[i, line] = t[i, line] * cells[i, line]
    return Ladders(s, t, p, q)


@kernel
def ladders_from_end(cells: Array, segment: float, end: Array) -> Ladders:
    """The same ladders, eliminated from the last node towards the open end 0.

    y_i is the voltage that node i would have if the nodes before it were cut off. Ladders that are open at both ends
    are turned over and eliminated as before.
    """
    nodes, lines = cells.shape
    s, t, p, q = np.empty((nodes, lines)), np.empty((nodes, lines)), np.empty((nodes, lines)), np.empty((nodes, lines))
    is_open = np.isinf(end)
    behind = np.where(is_open, 0.0, end)  # ohm between a node and the source, its own cell left out
    for i in range(nodes - 1, -1, -1):
        for line in range(lines):
            kept = 1 / (1 + behind[line] * cells[i, line])
            inner = behind[line] * kept
            outer = inner + segment
            behind[line] = outer
            open_end = i == 0 or outer == 0
            p[i, line] = 1.0 if open_end else segment / outer
            q[i, line] = 0.0 if open_end else inner / outer
            s[i, line], t[i, line] = inner * cells[i, line], kept
    if is_open.any():
        turned = ladders_to_end(cells[::-1].copy(), segment, end)
        for i in range(nodes):
            k = nodes - 1 - i
            for line in range(lines):
                if is_open[line]:
                    s[i, line], t[i, line] = turned.s[k, line], turned.t[k, line]
                    p[i, line], q[i, line] = turned.p[k, line], turned.q[k, line]
    return Ladders(s, t, p, q)


@kernel
def settle(ladders: Ladders, across: Array) -> Array:
    """Voltages of ladders of `ladders_to_end`, (nodes, lines), for volts `across` at the other side of the cells."""
    nodes, lines = across.shape
    volts, carry = np.empty((nodes, lines)), np.zeros(lines)
    for i in range(nodes):
        for line in range(lines):
            carry[line] = ladders.s[i, line] * across[i, line] + ladders.t[i, line] * carry[line]
            volts[i, line] = carry[line]
    carry[:] = 0
    for i in range(nodes - 1, -1, -1):
        for line in range(lines):
            carry[line] = ladders.p[i, line] * volts[i, line] + ladders.q[i, line] * carry[line]
            volts[i, line] = carry[line]
    return volts


@kernel
def _sweep(
    first: bool,
    upwards: bool,
    word: Ladders,
    back: Ladders,
    onward: Ladders,
    weight: Array,
    source: Array,
    ground: Array,
    state: Array,
    bit: Array,
    node: Array,
    out: Array,
    seen: Array,
) -> None:
    """One pass over the rows. Arrays of vectors are flat.

    Args:
        first: from word lines at 0 V; what `state` holds is not looked at.
        upwards: from the last row, at the sense end, to the first, or the other way.
        word: ladders of the word lines, eliminated from their open ends; (rows, columns).
        back: ladders of the bit lines that are substituted in this direction. onward: that are eliminated in it.
        weight: (rows, columns) siemens; see `seen`.
        source: (columns * LANES,) volts at the end where this pass starts. ground: as many zeros.
        state: (rows * columns * LANES,) y of the bit lines, replaced.
        bit, node: (columns * LANES,) scratch.
        out: (rows * LANES,) currents into the drivers, filled.
        seen: (LANES,) sum of weight times bit-line voltage, filled; what a sweep adds to it bounds the error of every
            current of that sweep (see `transfer.py`).
    """
    rows, columns = weight.shape
    for at in range(0, columns * LANES, LANES):
        store(bit, at, load(source, at))
    total = nought()
    for step in range(rows):
        i = rows - 1 - step if upwards else step
        here = i * columns * LANES
        old, begin = (ground, 0) if first else (state, here)
        carry = nought()
        for j in range(columns):
            at = j * LANES
            volts = mix(back.p[i, j], load(old, begin + at), back.q[i, j], load(bit, at))
            store(bit, at, volts)
            carry = mix(word.s[i, j], volts, word.t[i, j], carry)
            store(node, at, carry)
            total = add(weight[i, j], volts, total)
        store(out, i * LANES, carry)
        before, behind = (source, 0) if step == 0 else (state, (i + 1 if upwards else i - 1) * columns * LANES)
        carry = nought()
        for j in range(columns - 1, -1, -1):
            at = j * LANES
            carry = mix(word.p[i, j], load(node, at), word.q[i, j], carry)
            store(state, here + at, mix(onward.t[i, j], load(before, behind + at), onward.s[i, j], carry))
    store(seen, 0, total)


@kernel
def _relax(
    word: Ladders,
    down: Ladders,
    up: Ladders,
    weight: Array,
    read: Array,
    aim: Aim,
    scratch: Array,
    out: Array,
) -> tuple[int, float]:
    """Up to LANES columns `read`; `weight` and `out` as for `_sweep`, `scratch` as for `relax`, flat.

    Returns:
        (sweeps made, bound of the error of a current in A)
    """
    line = weight.shape[1] * LANES
    source, ground = scratch[:line], scratch[line : 2 * line]
    bit, node, state = scratch[2 * line : 3 * line], scratch[3 * line : 4 * line], scratch[4 * line :]
    scratch[: 2 * line] = 0
    for lane in range(read.size):
        source[read[lane] * LANES + lane] = 1.0
    seen, before = np.zeros(LANES), np.zeros(LANES)
    last = bound = np.inf
    for sweep in range(1, aim.most + 1):
        last = bound
        before[:] = seen
        if sweep % 2:
            _sweep(sweep == 1, True, word, down, up, weight, source, ground, state, bit, node, out, seen)
        else:
            _sweep(False, False, word, up, down, weight, ground, ground, state, bit, node, out, seen)
        bound, goal = np.abs(seen - before).max(), aim.goal * out.max()
        if sweep >= aim.fewest and sweep % aim.stride == 0 and bound <= goal:
            return sweep, bound
        if 0 < goal < bound < last < np.inf and sweep + np.log(goal / bound) / np.log(bound / last) > aim.most:
            return sweep, bound
    return aim.most, bound


@kernel
def relax(
    cells: Array,
    word_ohm: float,
    bit_ohm: float,
    drive_ohm: Array,
    sense_ohm: Array,
    read: Array,
    aim: Aim,
    scratch: Array,
    out: Array,
    matrix: Array,
    ends: Array,
) -> tuple[int, float, bool]:
    """Solve for some columns, each in turn with 1 V at its sense end and 0 V at every other source.

    Args:
        cells, word_ohm, bit_ohm, drive_ohm, sense_ohm: see `reference.Grid`.
        read: int64, the columns.
        aim: when to stop.
        scratch: (rows + 4, columns, LANES) at a cache line. out: (rows, LANES) at one.
        matrix: (rows, columns) currents into the drivers, columns `read` filled.
        ends: (columns, columns) currents into sense ends at 0 V, columns `read` filled if `aim.stride` is 2.

    Returns:
        (most sweeps made, bound of the error of a current into a driver in A, whether the goal was reached)
    """
    rows, columns = cells.shape
    by_row = ladders_to_end(np.ascontiguousarray(cells.T), word_ohm, drive_ohm)
    down, up = ladders_to_end(cells, bit_ohm, sense_ohm), ladders_from_end(cells, bit_ohm, sense_ohm)
    lifted = settle(down, np.ones((rows, columns)))
    weight = cells * settle(by_row, np.ascontiguousarray(lifted.T)).T
    word = Ladders(
        np.ascontiguousarray(by_row.s.T),
        np.ascontiguousarray(by_row.t.T),
        np.ascontiguousarray(by_row.p.T),
        np.ascontiguousarray(by_row.q.T),
    )
    most, error = 0, 0.0
    for first in range(0, read.size, LANES):
        part = read[first : first + LANES]
        sweeps, bound = _relax(word, down, up, weight, part, aim, scratch.reshape(-1), out.reshape(-1))
        most, error = max(most, sweeps), max(error, bound)
        if not bound <= aim.goal * out.max():
            return most, error, False
        for lane in range(part.size):
            matrix[:, part[lane]] = out[:, lane]
            if aim.stride == 2:
                ends[:, part[lane]] = scratch[rows + 3, :, lane]
    return most, error, True
