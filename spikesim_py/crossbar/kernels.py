"""The kernels that multiply: inputs packed to bits, column sums, conversion and shift-add, fused per read.

Two engines share this shape. `read_whole` sums whole-number cells, by population counts of packed bits or by
adding the rows of active inputs, and converts in integers. `read_real` adds float32 cells (programming errors,
wires, off currents, circuit errors of converters, read noise). `reference.py` says the same in plain NumPy.

Rows are added in ascending order, so that a sum does not depend on the batch or on the number of threads; real
sums are rounded to float32 at every addition: at 1,024 active rows the error is below 1024 * 2^-24 of full scale.

A *segment* is the rows of one crossbar, a *conversion* one or several segments whose sums join before the
converter. Inputs are packed 64 rows to a word. Where kernel positions have crossbars of their own, all of them
read the same words (one set per pixel): no patch is ever copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from .ladder.circuit import Ladder
from .ladder.kernels import ladder_noise, ladder_sums
from .simd import (
    LANES,
    PACKED,
    add_rows,
    bits_of,
    convert_counted,
    convert_real,
    convert_sums,
    float_of,
    lowest,
    ones,
    pack_word,
    round_off,
)

Array = Any  # numpy arrays of the element types named in the docstrings
_Function = TypeVar("_Function", bound=Callable[..., Any])
#: positions whose sums are kept in the cache at once
_TILE = 64
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Layout(NamedTuple):
    """Where a layer's rows lie: arrays of one element per segment, but for `ends` and `origin`.

    Attributes:
        origin: (positions,) int64, first word of every output position's first site.
        place: first word of a segment beyond it. words: how many.
        row: its first row in a group's cells.
        ends: (conversions,) last segment + 1 of each.
        pitch: distance between the words of a site: how many sites there are.
    """

    origin: Array
    place: Array
    words: Array
    row: Array
    ends: Array
    pitch: int


class Scaling(NamedTuple):
    """The converter behind ideal columns of whole sums, and the digital circuit behind it.

    ``code_k(x) = min(max((x * scale[k] + half[k]) >> shift, low), high)``, exact for every sum that can occur.
    """

    scale: Array  # (kinds,) int64
    half: Array  # (kinds,) int64
    shift: int
    low: int
    high: int
    cuts: bool  # whether a sum can occur whose code is beyond low..high
    factor: Array  # (kinds,) int64: weight of a code in the digital sum, in unit/steps levels


class Conversion(NamedTuple):
    """The converter behind real columns, and the digital circuit behind it. Arrays are float32, (kinds,).

    ``code_k(x) = clip(floor(x * scale[k] + half[k]), low, high)``; or, with `thresholds`, low + how many of them
    are at most ``x * scale[k]``.
    """

    scale: Array  # codes per level
    half: Array
    low: float
    high: float
    factor: Array  # weight of a code in the digital sum, in unit/steps levels
    background: float  # levels that every active row adds to a column's sum beyond its cells
    removed: float  # levels per active row that are subtracted, in whole codes, after the converter
    always: bool  # whether a conversion takes place without an active row
    thresholds: Array  # (tables, high - low) float64, or no table
    table: Array  # (conversions, kinds, outputs over all groups) int32
    noise: Array  # (kinds,) float32: rms of a normal error of every conversion, in levels
    row_variance: float  # variance that every active row adds to every column, in levels^2
    paired: bool  # whether the second half of the columns is subtracted from the first before the converter
    dummy: bool  # whether LANES columns of off cells follow, the first of which is subtracted from all others


def _kernel(function: _Function) -> _Function:
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


def _divides(function: _Function) -> _Function:
    """A kernel that never divides by zero: the test for it would keep its loop from becoming a vector loop."""
    return cast(_Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


# ------------------------------------------------------------------------------------------------------ inputs


@_kernel
def pack(
    flat: Array,
    offsets: Array,
    bounds: Array,
    sites: tuple[int, int],
    steps: tuple[int, int],
    stride: int,
    packed: Array,
) -> None:
    """Pack one bit per row, site and plane.

    Args:
        flat: (reads, values) uint8 or int32, padded inputs.
        offsets: (rows,) int64, value of each packed row at the first site of the first group.
        bounds: (words + 1,) int64, rows bounds[w]..bounds[w + 1] make up word w, its lowest bit first.
        sites: rows and columns of sites. steps: values between them.
        stride: values between groups.
        packed: (reads, planes, groups, words * sites) uint64, filled; all sites of a word lie together.
    """
    height, width = sites
    together = width // PACKED * PACKED if steps[1] == 1 else 0
    for n in range(packed.shape[0]):
        values = flat[n]
        for plane in range(packed.shape[1]):
            for g in range(packed.shape[2]):
                line = packed[n, plane, g]
                for w in range(bounds.size - 1):
                    first, last = bounds[w], bounds[w + 1]
                    for y in range(height):
                        base, at = g * stride + y * steps[0], (w * height + y) * width
                        pack_word(values, base, offsets, first, last, plane, line, at, together)
                        for x in range(together, width):
                            word = np.uint64(0)
                            for row in range(first, last):
                                bit = np.uint64((values[base + offsets[row] + x * steps[1]] >> plane) & 1)
                                word |= bit << np.uint64(row - first)
                            line[at + x] = word


@_kernel
def count_ones(flat: Array, planes: int, totals: Array) -> None:
    """Add the number of ones in the digits of every value, over all reads, to `totals` (values,) int32."""
    for n in range(flat.shape[0]):
        values = flat[n]
        if planes == 1:
            for i in range(values.size):
                totals[i] += np.int32(values[i])
        else:
            for i in range(values.size):
                totals[i] += np.int32(ones(np.uint64(values[i])))


@_kernel
def add_ones(flat: Array, planes: int, readers: Array, totals: Array) -> None:
    """Add the ones in the digits of every read's values, each as often as it is read, to `totals` (reads,) int64.

    `readers` (values,) int32 says how often.
    """
    for n in range(flat.shape[0]):
        values, total = flat[n], 0
        if planes == 1:
            for i in range(values.size):
                total += np.int64(values[i]) * readers[i]
        else:
            for i in range(values.size):
                total += ones(np.uint64(values[i])) * readers[i]
        totals[n] += total


@_kernel
def _unpack(line: Array, first: int, pitch: int, words: int, row: int, active: Array) -> int:
    """Row numbers of the set bits of `words` words, `pitch` apart, ascending, into `active`; returns how many."""
    count = 0
    for w in range(words):
        word = line[first + w * pitch]
        base, end = row + w * 64, count + ones(word)
        # eight at a time: a branch per bit costs more than the bits
        at = count
        while at < end:
            for j in range(8):
                active[at + j] = base + lowest(word)
                word &= word - np.uint64(1)
            at += 8
        count = end
    return count


# ------------------------------------------------------------------------------------------------------ output


@_kernel
def _finish(
    value: Array, counted: Array, count: int, unit: float, steps: float, offset: float, tile: Array, out: Array
) -> None:
    """Digital sums (positions, columns) in unit/steps levels to whole numbers, rounded once, less counted offsets."""
    inverse = unit / steps
    half = 0.5 + 0.25 / steps  # sums over steps are multiples of 1/steps: keeps float64 off the ties
    columns = tile.shape[1]
    flat = tile.reshape(tile.size)
    for p in range(count):
        round_off(value, p * columns, inverse, half, offset * counted[p], columns, flat)
    for o in range(out.shape[0]):
        for p in range(count):
            out[o, p] = tile[p, o]


# ------------------------------------------------------------------------------------------------ whole numbers


@_kernel
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


@_kernel
def _add_conversion(
    line: Array,
    layout: Layout,
    start: int,
    end: int,
    tile: tuple[int, int],
    cells: Array,
    kinds: int,
    scaling: Scaling,
    active: Array,
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
            count = _unpack(line, origin[p] + place[s], pitch, words[s], row[s], active)
            if count > 0:
                add_rows(cells, width, active, 0, count, total == 0, sums, 0, width)
            idle += count == 0
            total += count
        if total == 0:
            continue
        counted[p - tile[0]] += total
        convert_sums(sums, kinds, columns, scale, half, shift, low, high, factor, cut, value, (p - tile[0]) * columns)
    return idle


@_kernel
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
    value, counted, tile = np.empty(_TILE * columns), np.empty(_TILE), np.empty((_TILE, columns), np.int32)
    inputs = np.empty(2 * int(layout.words.sum()), np.uint32)
    active = np.empty(64 * int(layout.words.max()) + 8, np.int64)
    sums = np.empty(kinds * columns, np.int32)
    cut = np.zeros(LANES, np.int32)
    small = scaling.scale.astype(np.int32), scaling.half.astype(np.int32), scaling.factor.astype(np.int32)
    clipped = 0
    for n in range(packed.shape[0]):
        for g in range(groups):
            for begin in range(0, layout.origin.size, _TILE):
                span = (begin, min(begin + _TILE, layout.origin.size))
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
                                packed[n, plane, g], layout, start, end, span, cells[g], kinds, scaling, active, sums,
                                cut, value, counted,
                            )  # fmt: skip
                        for s in range(start, end):
                            first += 2 * digits * layout.words[s]
                        start = end
                rows = out[n, g * outputs : (g + 1) * outputs, span[0] : span[1]]
                _finish(value, counted, span[1] - span[0], unit, steps, offset, tile, rows)
                clipped += cut.sum()
                cut[:] = 0
    return clipped


# ------------------------------------------------------------------------------------------------------- noise


@_kernel
def _mix(word: Any) -> Any:
    """SplitMix64's finalizer, as in `draws`."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@_kernel
def noise(state: Any, counter: int, drawn: Array) -> None:
    """Standard normal numbers of one conversion, float32, into `drawn` (an even number of them).

    Box and Muller (Annals of Mathematical Statistics 29, 1958) on the two halves of a SplitMix64 word per pair:
    number i and number i + n/2 share one. Logarithm, sine and cosine are polynomials of our own, good to 3e-7, so
    that the loop is a vector loop and the bits do not depend on a library; the largest number is 6.7.
    """
    half = drawn.size // 2
    _box_muller(_mix(state + np.uint64(counter) * _GOLDEN), drawn[:half], drawn[half:])


@_divides
def _box_muller(key: Any, first: Array, second: Array) -> None:
    for i in range(first.size):
        word = _mix(key + np.uint64(i) * _GOLDEN)
        u = np.float32(np.int64(word >> np.uint64(32))) + np.float32(0.5)  # 2^32 times a uniform number, not 0
        # ln(u / 2^32) = (exponent - 32) ln 2 + ln(mantissa), mantissa in 0.75..1.5
        bits = bits_of(u) - np.int32(0x3F400000)
        exponent = np.float32(np.int32(bits >> np.int32(23)))
        f = float_of(np.int32((bits & np.int32(0x7FFFFF)) + np.int32(0x3F400000))) - np.float32(1)
        s = f / (np.float32(2) + f)
        z = s * s
        log = np.float32(2) * s * (
            np.float32(1)
            + z * (np.float32(1 / 3) + z * (np.float32(1 / 5) + z * (np.float32(1 / 7) + z * np.float32(1 / 9))))
        )  # fmt: skip
        log = log + (exponent - np.float32(32)) * np.float32(np.log(2))
        square = np.float32(-2) * log
        radius = np.sqrt(square if square > np.float32(0) else np.float32(0))
        # angle in -pi/4..pi/4 and one of four quadrants
        turn = np.int32(np.int32(word & np.uint64(0x3FFFFFFF)) - np.int32(0x20000000))
        quadrant = np.int32((word >> np.uint64(30)) & np.uint64(3))
        a = (np.float32(turn) + np.float32(0.5)) * np.float32(np.pi / 2**31)
        b = a * a
        sine = a * (
            np.float32(1)
            + b * (np.float32(-1 / 6) + b * (np.float32(1 / 120) + b * np.float32(-1 / 5040)))
        )  # fmt: skip
        cosine = np.float32(1) + b * (
            np.float32(-1 / 2) + b * (np.float32(1 / 24) + b * (np.float32(-1 / 720) + b * np.float32(1 / 40320)))
        )
        swap, minus = (quadrant & np.int32(1)) == np.int32(1), (quadrant & np.int32(2)) == np.int32(2)
        x, y = (cosine if swap else sine), (sine if swap else cosine)
        first[i] = radius * (-x if minus else x)
        second[i] = radius * (-y if swap != minus else y)


# ------------------------------------------------------------------------------------------------- real numbers


@_kernel
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


@_kernel
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


@_kernel
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
            count = _unpack(line, origin[p] + place[s], pitch, words[s], row[s], active)
            idle += count == 0
            if count == 0:
                continue
            if not gated:
                add_rows(cells, width, active, 0, count, total == 0, sums, 0, width)
                if varies:
                    add_rows(variance, width, active, 0, count, total == 0, spread, 0, width)
            else:
                if varies:
                    ladder_noise(cells, variance, active, count, row[s], ladder, part, part_spread, scratch)
                else:
                    ladder_sums(cells, active, count, row[s], ladder, part, scratch)
                for c in range(width):
                    sums[c] = part[c] + (sums[c] if total > 0 else np.float32(0))
                    spread[c] = part_spread[c] + (spread[c] if total > 0 else np.float32(0))
            total += count
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


@_kernel
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
    value, counted, tile = np.empty(_TILE * columns), np.empty(_TILE), np.empty((_TILE, columns), np.int32)
    most = 64 * int(layout.words.max())
    active = np.empty(most + 8, np.int64)
    work = np.zeros((4, width), np.float32)
    held = work[0], work[1], work[2], work[3]
    # what the ladders need, if there are any
    scratch = np.empty((7 + (2 * most if variance.size > 0 else 0) if ladder.rows > 0 else 0, width), np.float32)
    drawn, cut = np.empty(converted, np.float32), np.zeros(LANES, np.int32)
    clipped = 0
    for n in range(packed.shape[0]):
        for g in range(groups):
            for begin in range(0, positions, _TILE):
                span = (begin, min(begin + _TILE, positions))
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
                _finish(value, counted, span[1] - span[0], unit, steps, offset, tile, rows)
                clipped += cut.sum()
                cut[:] = 0
    return clipped
