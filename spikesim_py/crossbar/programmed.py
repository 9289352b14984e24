"""A layer written into crossbars, and read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..hardware import Baseline, Hardware, Subtract
from ..mapping import Cells, Mapping, ceil_div
from .adc import Adc, layer_adc
from .device import background_levels, column_cells
from .kernels import Conversion, read
from .window import Window, layer_window

#: reads that are worth a thread of their own: below, starting it takes longer than the work
_READS_PER_THREAD = 512


@dataclass(frozen=True)
class Reads:
    """What happened while a layer was read.

    Attributes:
        reads: read vectors: samples x time-steps x positions x planes.
        hits: (groups, rows) how often each row was active, rows in the network's order.
        idle: reads of a crossbar (along the rows) without an active row. possible_idle: all of them.
        clipped: conversions whose code was cut off. conversions: all of them.
    """

    reads: int
    hits: NDArray[np.int64]
    idle: int
    possible_idle: int
    clipped: int
    conversions: int

    def __add__(self, other: Reads) -> Reads:
        return Reads(
            self.reads + other.reads,
            self.hits + other.hits,
            self.idle + other.idle,
            self.possible_idle + other.possible_idle,
            self.clipped + other.clipped,
            self.conversions + other.conversions,
        )


@dataclass(frozen=True, eq=False)
class ProgrammedLayer:
    """One layer's crossbars on one chip.

    Attributes:
        name: the layer.
        cells: (groups, rows, columns) in levels above the off state: int8 where all are whole, else float32.
            Rows lie in the order of reading, crossbar after crossbar; columns slice-major (slice and sign,
            then output), then one counting column per output where only masked inputs are counted.
        order: (rows,) the matrix row of each row of `cells`.
        ends: (crossbars along the rows,) last row + 1 of each.
        converts: whether the sums are converted after that crossbar, or its currents join the next one's.
        coefficient: (columns per output,) weight of each conversion in the digital sum.
        adc: the converter.
        conversion: the converter as the kernel takes it.
        window: which input value drives which row.
        stored: (groups, rows) mean ideal level of a row's cells over 2^cell_bits - 1, rows in matrix order.
    """

    name: str
    cells: NDArray[Any]
    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    converts: NDArray[np.bool_]
    coefficient: NDArray[np.float64]
    adc: Adc
    conversion: Conversion
    window: Window
    stored: NDArray[np.float64]

    @property
    def sum_dtype(self) -> type:
        """Type of a column's sum: the narrowest integer that holds it, or float32."""
        if self.cells.dtype.kind == "f":
            return np.float32
        return np.int16 if self.adc.full_scale < 2**15 else np.int32

    def multiply(self, x: NDArray[Any], threads: int | None = None) -> tuple[NDArray[np.int32], Reads]:
        """``W . x`` as the crossbars compute it.

        Args:
            x: (reads, C, H, W) unsigned integers.
            threads: at most this many (None: `NUMBA_NUM_THREADS`); the result does not depend on it.

        Returns:
            (reads, output C, H, W) saturated to int32, and what happened meanwhile.
        """
        flat, window = self.window.flatten(x), self.window
        channels, height, width = window.output_shape
        out = np.empty((len(flat), channels, height * width), np.int32)
        limit = threads or numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        workers = min(limit, ceil_div(out[:, 0].size, _READS_PER_THREAD))
        parts = list(_shares(len(flat), workers))
        if len(parts) == 1:
            done = [self._read(flat, out)]
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                done = list(pool.map(lambda part: self._read(flat[part], out[part]), parts))
        return out.reshape(-1, channels, height, width), sum(done[1:], done[0])

    def _read(self, flat: NDArray[Any], out: NDArray[np.int32]) -> Reads:
        window, (groups, rows, columns) = self.window, self.cells.shape
        ordered = np.zeros((groups, rows), np.int64)
        idle, clipped = read(
            flat,
            window.bases,
            window.offsets[self.order],
            window.group_stride,
            window.planes,
            self.cells,
            self.ends,
            self.converts,
            self.coefficient,
            self.conversion,
            np.zeros(columns, self.sum_dtype),
            out,
            ordered,
        )
        reads = len(flat) * len(window.bases) * window.planes
        hits = np.empty_like(ordered)
        hits[:, self.order] = ordered
        conversions = reads * int(self.converts.sum()) * len(self.coefficient) * window.output_shape[0]
        return Reads(reads, hits, idle, reads * groups * len(self.ends), clipped, conversions)


def _shares(count: int, workers: int) -> Iterator[slice]:
    bounds = [count * i // workers for i in range(workers + 1)]
    return (slice(start, end) for start, end in pairwise(bounds) if start < end)


def program(mapping: Mapping, layer: str, *, seed: int = 0, chip: int = 0) -> ProgrammedLayer:
    """Write a layer into the crossbars of one chip.

    Args:
        mapping: a network on a chip.
        layer: name of a convolution or linear layer.
        seed, chip: name the device instance: the same pair has the same errors at any crossbar size.

    Raises:
        NetworkError: the network has no weights.
        MappingError: a weight does not fit its cells.
    """
    network, hardware = mapping.network, mapping.hardware
    cells, adc = mapping.cells(layer), layer_adc(mapping.layers[layer], hardware)
    order = np.concatenate(cells.conversion_blocks)
    ends, converts = _crossbar_ends(cells, order)
    coefficient = cells.columns.coefficient.astype(np.float64)
    columns = [column_cells(cells, k, hardware, seed=seed, chip=chip) for k in range(cells.columns.count)]
    if hardware.mapping.subtract is Subtract.ANALOG:
        # the columns of a pair lie side by side; their currents are subtracted, so their cells may be
        columns = [plus - minus for plus, minus in zip(columns[::2], columns[1::2], strict=True)]
        coefficient = coefficient[::2]
    if cells.mask is not None:
        columns.append(cells.mask.astype(columns[0].dtype))
    top = 2**hardware.device.cell_bits - 1
    whole = columns[0].dtype.kind == "i"
    return ProgrammedLayer(
        name=layer,
        cells=np.ascontiguousarray(np.concatenate(columns, axis=2)[:, order]),
        order=order,
        ends=ends,
        converts=converts,
        coefficient=coefficient,
        adc=adc,
        conversion=_conversion(adc, hardware, cells.offset, whole),
        window=layer_window(network, network.by_name[layer]),  # type: ignore[arg-type]
        stored=cells.levels.mean(axis=2) / top,
    )


def _crossbar_ends(cells: Cells, order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each crossbar ends in the order of reading, and whether its sums are converted there."""
    crossbar = np.empty_like(order)
    for index, rows in enumerate(cells.row_blocks):
        crossbar[rows] = index
    ends = np.append(np.flatnonzero(np.diff(crossbar[order])) + 1, len(order))
    converted = np.cumsum([len(rows) for rows in cells.conversion_blocks])
    return ends, np.isin(ends, converted)


def _conversion(adc: Adc, hardware: Hardware, offset: int, whole: bool) -> Conversion:
    """What the kernel needs.

    Background: a dummy column of off cells (taken as exactly g_off) or the analog subtraction of a pair
    removes it before the converter. `none` leaves it in. `digital_count` subtracts
    ``floor(active rows * background / LSB + 1/2)`` codes from every (clipped) code.
    """
    baseline, background = hardware.baseline, background_levels(hardware.device)
    if baseline is Baseline.DUMMY_COLUMN or hardware.mapping.subtract is Subtract.ANALOG:
        background = 0.0
    scale = adc.steps / adc.step
    # whole sums: x * scale + 1/2 is a multiple of 1 / (2 * step); half of that keeps float64 off the ties
    half = 0.5 + (0.25 / adc.step if whole and not background else 0.0)
    return Conversion(
        scale=scale,
        half=half,
        low=float(adc.low),
        high=float(adc.high),
        step=float(adc.step),
        steps=float(adc.steps),
        background=background,
        counted=baseline is Baseline.DIGITAL_COUNT,
        offset=float(offset),
    )
