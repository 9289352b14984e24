"""The kernel that reads real cells: float32 sums of rows or of ladders, read noise, and the converter."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..inputs.kernels import unpack
from ..inputs.layout import Layout
from ..kernels import TILE, Array, finish, from_line, kernel
from ..ladder.circuit import Ladder
from ..ladder.kernels import ladder_noise, ladder_sums
from ..noise.kernels import noise
from ..simd import LANES, add_rows, convert_real, ones
from .conversion import Conversion


@kernel
def _convert_tables(
    sums: Array,
    columns: int,
    outputs: int,
    first: int,
    block: int,
    shift: Array,
    adc: Conversion,
    cut: Array,
    value: Array,
    to: int,
) -> None:
    """As `convert_real`, with the thresholds of each column's own converter."""
    codes = adc.thresholds.shape[1]
    for k in range(adc.factor.size):
        for o in range(outputs):
            x = np.float64(sums[k * columns + o]) * adc.scale[k] + (shift[k] - adc.half[k])
            table = adc.table[block, k, first + o]
            below, above = 0, codes
            while below < above:
                middle = (below + above) // 2
                if adc.thresholds[table, middle] <= x:
                    below = middle + 1
                else:
                    above = middle
            # beyond the ends by a whole code: cut off
            cut[0] += np.int32(x < adc.low - 0.5 or x >= adc.high + 0.5)
            value[to + o] += np.float64(adc.factor[k]) * (adc.low + below)


@kernel
def _add_noise(
    sums: Array, spread: Array, more: Array, base: float, outputs: int, drawn: Array, state: Any, counter: int
) -> None:
    """Normal errors of variance `spread` (columns,) + base + more^2 (kinds,) added to the sums of the outputs."""
    noise(state, counter, drawn)
    columns = drawn.size // more.size
    for k in range(more.size):
        own, first = more[k] * more[k] + np.float32(base), k * columns
        # slices, so that the loop counts from 0 and becomes a vector loop
        total, part = sums[first : first + outputs], spread[first : first + outputs]
        normal = drawn[first : first + outputs]
        for o in range(outputs):
            total[o] += np.sqrt(part[o] + own) * normal[o]


@kernel
def _real_conversion(
    line: Array,
    layout: Layout,
    start: int,
    end: int,
    block: int,
    tile: tuple[int, int],
    cells: Array,
    variance: Array,
    ladder: Ladder,
    adc: Conversion,
    outputs: int,
    group: int,
    key: tuple[int, int, int],
    active: Array,
    held: tuple[Array, Array, Array, Array],
    scratch: Array,
    drawn: Array,
    cut: Array,
    value: Array,
    counted: Array,
) -> int:
    """One conversion at every position of a tile; returns the idle segments."""
    # names of their own: an array that is taken from a tuple inside the loop costs more than the loop's work
    origin, place, words, row, pitch = layout.origin, layout.place, layout.words, layout.row, layout.pitch
    sums, spread, part, part_spread = held
    scale, factor, shift, half, own = adc.scale, adc.factor, adc.half.copy(), adc.half, adc.noise
    kinds, width, converted, idle = factor.size, cells.shape[1], drawn.size, 0
    columns, low, high = converted // kinds, np.float32(adc.low), np.float32(adc.high)
    varies, tables, gated = variance.size > 0, adc.thresholds.shape[0] > 0, ladder.rows > 0
    noisy = varies or own.max() > 0 or adc.row_variance > 0
    state, number, groups = key
    blocks = layout.ends.size
    for p in range(tile[0], tile[1]):
        total = 0
        for s in range(start, end):
            before, first = total, origin[p] + place[s]
            if not gated:
                for w in range(words[s]):
                    word = line[first + w * pitch]
                    if word != 0:
                        add_rows(cells, width, word, row[s] + 64 * w, total == 0, sums)
                        if varies:
                            add_rows(variance, width, word, row[s] + 64 * w, total == 0, spread)
                        total += ones(word)
            else:
                count = unpack(line, first, pitch, words[s], row[s], active)
                if count > 0:
                    if varies:
                        ladder_noise(cells, variance, active, count, row[s], ladder, part, part_spread, scratch)
                    else:
                        ladder_sums(cells, active, count, row[s], ladder, part, scratch)
                    for c in range(width):
                        sums[c] = part[c] + (sums[c] if total > 0 else np.float32(0))
                        spread[c] = part_spread[c] + (spread[c] if total > 0 else np.float32(0))
                    total += count
            idle += total == before
        if total == 0:
            if not adc.always:
                continue
            sums[:] = 0
            spread[:] = 0
        counted[p - tile[0]] += total
        if adc.paired:
            for c in range(converted):
                sums[c] -= sums[converted + c]
                spread[c] += spread[converted + c]
        if adc.dummy:
            beside = sums[width - LANES]
            for c in range(converted):
                sums[c] -= beside
        if noisy:
            counter = ((number + p) * blocks + block) * groups + group
            _add_noise(sums, spread, own, total * adc.row_variance, outputs, drawn, state, counter)
        if adc.background != 0:
            for k in range(kinds):
                shift[k] = np.float32(half[k] + total * adc.background * np.float64(scale[k]))
        to = (p - tile[0]) * columns
        if tables:
            _convert_tables(sums, columns, outputs, group * outputs, block, shift, adc, cut, value, to)
        else:
            convert_real(sums, 0, kinds, columns, scale, shift, low, high, factor, cut, value, to)
        if adc.removed != 0:
            removed = 0.0
            for k in range(kinds):
                removed += factor[k] * np.floor(total * adc.removed * np.float64(scale[k]) + 0.5)
            for o in range(columns):
                value[to + o] -= removed
    return idle


@kernel
def read_real(
    packed: Array,
    layout: Layout,
    cells: Array,
    variance: Array,
    ladder: Ladder,
    adc: Conversion,
    unit: float,
    steps: float,
    offset: float,
    state: int,
    first_read: int,
    every: int,
    idle: Array,
    out: Array,
) -> int:
    """Every read of crossbars whose cells are real numbers.

    Args:
        packed, layout, unit, steps, offset, idle, out: as in `read_whole`.
        cells: (groups, rows, columns) float32; kinds * outputs (padded to a multiple of LANES) of them, twice that
            where paired, and LANES more with a dummy.
        variance: the same for the variance of one read of each cell, in levels^2; or (groups, 0, 0).
        ladder: the wires of gated columns; with `rows` = 0 there are none, and currents add up.
        adc: the converter.
        state, first_read, every: of the read noise: its stream, the number of the first read in the dataset, and from
            one read's number to the next one's.

    Returns:
        clipped conversions
    """
    groups, planes, kinds, width = cells.shape[0], packed.shape[1], adc.factor.size, cells.shape[2]
    converted = (width - LANES if adc.dummy else width) // (2 if adc.paired else 1)
    columns, outputs, positions = converted // kinds, out.shape[1] // groups, layout.origin.size
    value = from_line(np.empty(TILE * columns + LANES), TILE * columns)
    counted, tile = np.empty(TILE), np.empty((TILE, columns), np.int32)
    most = 64 * int(layout.words.max())
    active = np.empty(most + 8, np.int64)
    work = from_line(np.zeros(4 * width + LANES, np.float32), 4 * width).reshape(4, width)
    held = work[0], work[1], work[2], work[3]
    # what the ladders need, if there are any
    scratch = np.empty((7 + (2 * most if variance.size > 0 else 0) if ladder.rows > 0 else 0, width), np.float32)
    drawn, cut = np.empty(converted, np.float32), np.zeros(LANES, np.int32)
    clipped = 0
    for n in range(packed.shape[0]):
        for g in range(groups):
            for begin in range(0, positions, TILE):
                span = (begin, min(begin + TILE, positions))
                value[:] = 0
                counted[:] = 0
                for plane in range(planes - 1, -1, -1):
                    if plane < planes - 1:
                        value *= 2
                        counted *= 2
                    key = (state, ((first_read + n * every) * planes + plane) * positions, groups)
                    for block in range(layout.ends.size):
                        idle[n] += _real_conversion(
                            packed[n, plane, g], layout, layout.ends[block - 1] if block > 0 else 0,
                            layout.ends[block], block, span, cells[g], variance[g], ladder, adc, outputs, g, key,
                            active, held, scratch, drawn, cut, value, counted,
                        )  # fmt: skip
                rows = out[n, g * outputs : (g + 1) * outputs, span[0] : span[1]]
                finish(value, counted, span[1] - span[0], unit, steps, offset, tile, rows)
                clipped += cut.sum()
                cut[:] = 0
    return clipped
