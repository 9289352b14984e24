"""The kernels' twin in plain NumPy: what they compute, one read at a time, to test them against."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .programmed import ProgrammedLayer


def multiply(layer: ProgrammedLayer, x: NDArray[Any]) -> NDArray[np.int32]:
    """As `ProgrammedLayer.multiply`: bit for bit the same output, hundreds of times slower."""
    flat, window = layer.window.flatten(x), layer.window
    channels, height, width = window.output_shape
    groups = len(layer.cells)
    out = np.empty((len(flat), groups, channels // groups, height * width), np.int32)
    for n, values in enumerate(flat):
        for p, base in enumerate(window.bases):
            for g in range(groups):
                rows = values[base + g * window.group_stride + window.offsets[layer.order]]
                out[n, g, :, p] = _output(layer, layer.cells[g], rows.astype(np.int64))
    return out.reshape(-1, channels, height, width)


def _output(layer: ProgrammedLayer, cells: NDArray[Any], values: NDArray[np.int64]) -> NDArray[np.int32]:
    """Outputs of one group for one vector of input values."""
    outputs = layer.window.output_shape[0] // len(layer.cells)
    kinds = len(layer.coefficient)
    total, counted = np.zeros(outputs, np.int64), np.zeros(outputs, np.int64)
    starts = np.append(0, layer.ends[layer.converts])
    for plane in range(layer.window.planes):
        active = (values >> plane) & 1 == 1
        for start, end in pairwise(starts):
            rows = np.arange(start, end)[active[start:end]]
            sums = _sum_rows(cells[rows], layer.sum_dtype).reshape(-1, outputs)
            codes = _codes(layer, sums[:kinds], len(rows))
            total += (codes * layer.coefficient.astype(np.int64)[:, None]).sum(0) << plane
            masked = sums[kinds] if len(sums) > kinds else np.full(outputs, len(rows))
            counted += masked.astype(np.int64) << plane
    adc = layer.adc
    product = (2 * total * adc.step + adc.steps) // (2 * adc.steps) - int(layer.conversion.offset) * counted
    saturated: NDArray[np.int64] = np.clip(product, -(2**31), 2**31 - 1)
    return saturated.astype(np.int32)


def _sum_rows(cells: NDArray[Any], dtype: type) -> NDArray[Any]:
    """Column sums, row after row in `dtype`, as the kernel adds them."""
    sums: NDArray[Any] = np.zeros(cells.shape[1], dtype)
    for row in cells:
        sums = (sums + row).astype(dtype)
    return sums


def _codes(layer: ProgrammedLayer, sums: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Clipped codes less the counted background."""
    adc, conversion = layer.adc, layer.conversion
    current = count * conversion.background * conversion.scale
    if sums.dtype.kind == "i" and not conversion.background:
        codes = adc.code(sums.astype(np.int64))
    else:
        codes = np.floor(sums.astype(np.float64) * conversion.scale + (0.5 + current)).astype(np.int64)
    removed = int(np.floor(current + 0.5)) if conversion.counted else 0
    clipped: NDArray[np.int64] = np.clip(codes, adc.low, adc.high)
    return clipped - removed
