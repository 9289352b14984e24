"""The kernel that reads whole cells: sums by counting bits or by adding rows, and the converter in integers."""

from __future__ import annotations

import numpy as np

from ..inputs.layout import Layout
from ..kernels import TILE, Array, finish, kernel
from ..simd import LANES, add_rows, convert_counted, convert_sums, ones
from .scaling import Scaling


@kernel
def _count_conversion(
    line: Array,
    layout: Layout,
    start: int,
    end: int,
    first: int,
    tile: tuple[int, int],
    lines: Array,
    digits: int,
    kinds: int,
    scaling: Scaling,
    small: tuple[Array, Array, Array],
    inputs: Array,
    cut: Array,
    value: Array,
    counted: Array,
) -> int:
    """One conversion at every position of a tile, by counting bits; returns the idle segments."""
    origin, place, words, pitch = layout.origin, layout.place, layout.words, layout.pitch
    scale, half, factor = small
    shift, high, cuts = np.int32(scaling.shift), np.int32(scaling.high), scaling.cuts
    width = lines.shape[1]
    idle, columns = 0, width // kinds
    if end - start == 1 and words[start] == 1 and digits == 1:
        # a crossbar of up to 64 rows of one-bit cells: loops over segments, words and digits fall away
        for p in range(tile[0], tile[1]):
            word = line[origin[p] + place[start]]
            if word == 0:
                idle += 1
                continue
            counted[p - tile[0]] += ones(word)
            inputs[0] = np.uint32(word & np.uint64(0xFFFFFFFF))
            inputs[1] = np.uint32(word >> np.uint64(32))
            to = (p - tile[0]) * columns
            if cuts:
                convert_counted(
                    inputs, 2, lines, first, 1, width, 0, kinds, columns, scale, half, shift, high, True, factor, cut,
                    value, to,
                )  # fmt: skip
            else:
                convert_counted(
                    inputs, 2, lines, first, 1, width, 0, kinds, columns, scale, half, shift, high, False, factor, cut,
                    value, to,
                )  # fmt: skip
        return idle
    for p in range(tile[0], tile[1]):
        total = at = 0
        for s in range(start, end):
            count, begin = 0, origin[p] + place[s]
            for w in range(words[s]):
                word = line[begin + w * pitch]
                inputs[at] = np.uint32(word & np.uint64(0xFFFFFFFF))
                inputs[at + 1] = np.uint32(word >> np.uint64(32))
                count += ones(word)
                at += 2
            idle += count == 0
            total += count
        if total > 0:
            counted[p - tile[0]] += total
            to = (p - tile[0]) * columns
            convert_counted(
                inputs, at, lines, first, digits, width, 0, kinds, columns, scale, half, shift, high, True, factor, cut,
                value, to,
            )  # fmt: skip
    return idle


@kernel
def _add_conversion(
    line: Array,
    layout: Layout,
    start: int,
    end: int,
    tile: tuple[int, int],
    cells: Array,
    kinds: int,
    scaling: Scaling,
    sums: Array,
    cut: Array,
    value: Array,
    counted: Array,
) -> int:
    """One conversion at every position of a tile, by adding rows; returns the idle segments."""
    origin, place, words, row, pitch = layout.origin, layout.place, layout.words, layout.row, layout.pitch
    scale, half, factor = scaling.scale, scaling.half, scaling.factor
    shift, low, high = scaling.shift, scaling.low, scaling.high
    width = cells.shape[1]
    idle, columns = 0, width // kinds
    for p in range(tile[0], tile[1]):
        total = 0
        for s in range(start, end):
            before, first = total, origin[p] + place[s]
            for w in range(words[s]):
                word = line[first + w * pitch]
                if word != 0:
                    add_rows(cells, width, word, row[s] + 64 * w, total == 0, sums)
                    total += ones(word)
            idle += total == before
        if total == 0:
            continue
        counted[p - tile[0]] += total
        convert_sums(sums, kinds, columns, scale, half, shift, low, high, factor, cut, value, (p - tile[0]) * columns)
    return idle


@kernel
def read_whole(
    packed: Array,
    layout: Layout,
    cells: Array,
    lines: Array,
    digits: int,
    count_bits: bool,
    scaling: Scaling,
    unit: float,
    steps: float,
    offset: float,
    idle: Array,
    out: Array,
) -> int:
    """Every read of crossbars whose cells are whole numbers.

    Args:
        packed: (reads, planes, groups, words * sites) uint64, from `pack`.
        layout: where the rows lie.
        cells: (groups, rows, kinds * columns) int8; columns are outputs padded to a multiple of LANES.
        lines: (groups, 2 * digits * words of all segments, kinds * columns) uint32: the cells' binary digits, packed
            as the inputs are, in half words; conversion after conversion, highest digit first. Empty if bits are not
            counted.
        digits: binary digits of a cell.
        count_bits: whether to count bits (else rows are added).
        scaling: the converter. unit, steps: digital sums count in unit/steps levels.
        offset: subtracted per active input.
        idle: (reads,) int64, to which the reads of a crossbar without an active row are added.
        out: (reads, groups * outputs, positions) int32, filled.

    Returns:
        clipped conversions
    """
    groups, planes, kinds = cells.shape[0], packed.shape[1], scaling.factor.size
    columns, outputs = cells.shape[2] // kinds, out.shape[1] // groups
    value, counted, tile = np.empty(TILE * columns), np.empty(TILE), np.empty((TILE, columns), np.int32)
    inputs = np.empty(2 * int(layout.words.sum()), np.uint32)
    sums = np.empty(kinds * columns, np.int32)
    cut = np.zeros(LANES, np.int32)
    small = scaling.scale.astype(np.int32), scaling.half.astype(np.int32), scaling.factor.astype(np.int32)
    clipped = 0
    for n in range(packed.shape[0]):
        for g in range(groups):
            for begin in range(0, layout.origin.size, TILE):
                span = (begin, min(begin + TILE, layout.origin.size))
                value[:] = 0
                counted[:] = 0
                for plane in range(planes - 1, -1, -1):
                    if plane < planes - 1:
                        value *= 2
                        counted *= 2
                    start = first = 0
                    for end in layout.ends:
                        if count_bits:
                            idle[n] += _count_conversion(
                                packed[n, plane, g], layout, start, end, first, span, lines[g], digits, kinds,
                                scaling, small, inputs, cut, value, counted,
                            )  # fmt: skip
                        else:
                            idle[n] += _add_conversion(
                                packed[n, plane, g], layout, start, end, span, cells[g], kinds, scaling, sums,
                                cut, value, counted,
                            )  # fmt: skip
                        for s in range(start, end):
                            first += 2 * digits * layout.words[s]
                        start = end
                rows = out[n, g * outputs : (g + 1) * outputs, span[0] : span[1]]
                finish(value, counted, span[1] - span[0], unit, steps, offset, tile, rows)
                clipped += cut.sum()
                cut[:] = 0
    return clipped
