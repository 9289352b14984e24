"""Inputs packed to bits and back, and their ones counted."""

from __future__ import annotations

import numpy as np

from ..kernels import Array, kernel
from ..simd import PACKED, lowest, ones, pack_word


@kernel
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


@kernel
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


@kernel
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


@kernel
def unpack(line: Array, first: int, pitch: int, words: int, row: int, active: Array) -> int:
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
