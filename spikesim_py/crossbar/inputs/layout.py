"""Where the rows of a layer lie: in words of packed inputs, in crossbars, and in conversions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._arrays import ceil_div
from ...hardware import RowMapping
from ...mapping import Cells
from ..kernels import Array
from .kernels import add_ones, count_ones, pack
from .window import Window

_WORD = 64


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


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a layer in the order of reading, conversion after conversion, crossbar after crossbar.

    Attributes:
        order: (rows,) matrix row of each row read.
        segments: rows of each crossbar, as slices of `order`. blocks: which of `Cells.row_blocks` they are.
        ends: (conversions,) last segment + 1 of each.
        layout: the same for the kernels.
        offsets: (packed rows,) input value of every packed row.
        bounds: (words + 1,) packed rows of each word.
        sites, steps: how many sets of packed rows there are, down and across, and values between them.
    """

    order: NDArray[np.int64]
    segments: tuple[slice, ...]
    blocks: NDArray[np.int64]
    ends: NDArray[np.int64]
    layout: Layout
    offsets: NDArray[np.int64]
    bounds: NDArray[np.int64]
    sites: tuple[int, int]
    steps: tuple[int, int]

    def pack(self, flat: NDArray[Any], window: Window, groups: int) -> NDArray[np.uint64]:
        """Inputs (reads, values) as bits: (reads, planes, groups, words * sites)."""
        packed = np.empty((len(flat), window.planes, groups, self.words * self.layout.pitch), np.uint64)
        pack(flat, self.offsets, self.bounds, self.sites, self.steps, window.group_stride, packed)
        return packed

    @property
    def words(self) -> int:
        """Words of one site."""
        return len(self.bounds) - 1

    @property
    def bytes_per_read(self) -> int:
        """Size of one read's packed inputs, per plane and group."""
        return 8 * self.words * self.layout.pitch

    def lines(self, cells: NDArray[np.int8], digits: int) -> NDArray[np.uint32]:
        """Binary digits of cells (groups, rows, columns), packed as inputs are; see `whole.kernels.read_whole`."""
        groups, _, columns = cells.shape
        parts, start = [], 0
        for end in self.ends:
            segments = self.segments[start:end]
            for digit in reversed(range(digits)):
                for rows in segments:
                    bits = (cells[:, rows] >> digit) & 1
                    padded = np.zeros((groups, ceil_div(bits.shape[1], _WORD) * _WORD, columns), np.uint8)
                    padded[:, : bits.shape[1]] = bits
                    packed = np.packbits(padded, axis=1, bitorder="little").transpose(0, 2, 1)
                    words = np.ascontiguousarray(packed).view("<u4").astype(np.uint32)
                    parts.append(words.transpose(0, 2, 1))
            start = end
        return np.ascontiguousarray(np.concatenate(parts, axis=1))


def row_layout(cells: Cells, window: Window, mapping_rows: RowMapping) -> Rows:
    """The rows of a layer's crossbars; see `Rows`.

    Where kernel positions have crossbars of their own, the packed rows are the channels at a pixel, and a
    kernel position is a site beside the first. Otherwise they are the rows of the matrix at an output pixel.
    """
    order = np.concatenate(cells.conversion_blocks)
    segments, blocks, ends = _segments(cells, order)
    taps, (_, height, width) = len(window.taps), window.padded
    if mapping_rows is RowMapping.SPIKEFLOW:
        tap = np.array([order[rows.start] % taps for rows in segments])
        block = np.array([order[rows.start] // taps for rows in segments])  # first channel
        sizes = {int(first): rows.stop - rows.start for first, rows in zip(block, segments, strict=True)}
        # all pixels in a row: they lie together in the input
        site, starts, sites, steps = window.taps[tap], window.bases, (1, height * width), (0, 1)
        offsets = np.arange(window.channels) * (height * width)
    else:
        block = np.array([rows.start for rows in segments])
        sizes = {rows.start: rows.stop - rows.start for rows in segments}
        site, sites = np.zeros(len(segments), np.int64), window.output_shape[1:]
        starts, steps = np.arange(sites[0] * sites[1]), (window.stride[0] * width, window.stride[1])
        offsets = window.offsets[order]
    at, bounds = _words(sizes)
    pitch = sites[0] * sites[1]
    layout = Layout(
        origin=np.asarray(starts, np.int64),
        place=np.array([at[int(first)] for first in block], np.int64) * pitch + site,
        words=np.array([ceil_div(rows.stop - rows.start, _WORD) for rows in segments], np.int64),
        row=np.array([rows.start for rows in segments], np.int64),
        ends=ends,
        pitch=pitch,
    )
    return Rows(order, segments, blocks, ends, layout, np.asarray(offsets, np.int64), bounds, sites, steps)


def _words(sizes: dict[int, int]) -> tuple[dict[int, int], NDArray[np.int64]]:
    """First word of every block of packed rows, and the rows of each word, from {first row: rows} of the blocks."""
    at, bounds = {}, [0]
    for first in sorted(sizes):
        at[first] = len(bounds) - 1
        bounds += [min(first + done + _WORD, first + sizes[first]) for done in range(0, sizes[first], _WORD)]
    return at, np.array(bounds, np.int64)


def _segments(cells: Cells, order: NDArray[np.int64]) -> tuple[tuple[slice, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Where each crossbar's rows lie in the order of reading, which it is, and the last + 1 of every conversion."""
    crossbar = np.empty_like(order)
    for index, rows in enumerate(cells.row_blocks):
        crossbar[rows] = index
    bounds = [0, *(np.flatnonzero(np.diff(crossbar[order])) + 1).tolist(), len(order)]
    segments = tuple(slice(a, b) for a, b in pairwise(bounds))
    converted = np.cumsum([len(rows) for rows in cells.conversion_blocks])
    ends = np.searchsorted(bounds[1:], converted).astype(np.int64) + 1
    return segments, crossbar[order[bounds[:-1]]], ends


def row_hits(flat: NDArray[Any], window: Window, groups: int) -> NDArray[np.int64]:
    """(groups, rows) how often each row was active over all reads, positions and planes; rows in matrix order."""
    totals = np.zeros(flat.shape[1], np.int32)
    count_ones(flat, window.planes, totals)
    values = totals.reshape(window.padded)
    hits = np.empty((groups, window.channels, len(window.taps)), np.int64)
    for tap, pixels in enumerate(_pixels(window)):
        hits[:, :, tap] = values[:, *pixels].sum((1, 2), dtype=np.int64).reshape(groups, -1)
    return hits.reshape(groups, -1)


def input_ones(flat: NDArray[Any], window: Window, planes: int) -> NDArray[np.int64]:
    """(reads,) ones in the digits of a read's values, each counted for every row that it drives."""
    channels, *size = window.padded
    readers = np.zeros(size, np.int32)
    for pixels in _pixels(window):
        readers[pixels] += 1
    totals = np.zeros(len(flat), np.int64)
    add_ones(flat, planes, np.tile(readers.ravel(), channels), totals)
    return totals


def _pixels(window: Window) -> Iterator[tuple[slice, slice]]:
    """The pixels of a padded input that each kernel position reads."""
    _, height, width = window.output_shape
    sy, sx = window.stride
    for offset in window.taps:
        y, x = divmod(int(offset), window.padded[2])
        yield slice(y, y + (height - 1) * sy + 1, sy), slice(x, x + (width - 1) * sx + 1, sx)
