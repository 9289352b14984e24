"""The read kernels' twin in plain NumPy: what they compute, one read at a time, to test them against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .ladder.reference import ladder_currents
from .noise.reference import noise
from .simd import LANES

if TYPE_CHECKING:
    from .programmed import ProgrammedLayer


def read(
    layer: ProgrammedLayer,
    flat: NDArray[Any],
    number: int,
    every: int,
    idle: NDArray[np.int64],
    out: NDArray[np.int32],
) -> int:
    """Fill `out` (reads, C, positions) for inputs `flat` (reads, values): reads `number`, `number` + `every`, ...

    Bit for bit what the kernels compute, hundreds of times slower; adds idle reads to `idle` (reads,), returns
    clipped conversions.
    """
    window, clipped = layer.window, 0
    outputs = layer.outputs
    for n, values in enumerate(flat):
        counts = [0, 0]
        cells = layer.cells if layer.scaling is not None else layer.real_cells(number + n * every)
        for p, base in enumerate(window.bases):
            for g in range(len(cells)):
                driven = values[base + g * window.group_stride + window.offsets[layer.rows.order]].astype(np.int64)
                place = ((number + n * every) * window.planes, len(window.bases), p, g)
                product = _output(layer, cells[g], driven, g, place, counts)
                out[n, g * outputs : (g + 1) * outputs, p] = product
        idle[n] += counts[0]
        clipped += counts[1]
    return clipped


def _output(
    layer: ProgrammedLayer,
    cells: NDArray[Any],
    driven: NDArray[np.int64],
    group: int,
    place: tuple[int, int, int, int],
    counts: list[int],
) -> NDArray[np.int32]:
    """Outputs of one group for one vector of input values."""
    total, counted, steps = np.zeros(layer.outputs, np.int64), 0, layer.adc.steps
    read, positions, p, g = place
    for plane in range(layer.window.planes):
        start = 0
        for block, end in enumerate(layer.rows.ends):
            segments, first = layer.rows.segments[start:end], start
            start = end
            active = [np.flatnonzero((driven[rows] >> plane) & 1) + rows.start for rows in segments]
            counts[0] += sum(len(rows) == 0 for rows in active)
            ones = sum(map(len, active))
            if ones == 0 and not layer.conversion.always:
                continue
            conversion = (((read + plane) * positions + p) * len(layer.rows.ends) + block) * len(layer.cells) + g
            sums = _sums(layer, cells, group, first, segments, active, conversion)
            codes, clipped = _codes(layer, sums, ones, block, group)
            counts[1] += clipped
            weights = layer.conversion.factor.astype(np.int64) * layer.adc.unit
            total += (codes * weights[:, None]).sum(0) << plane
            counted += ones << plane
    product = (2 * total + steps) // (2 * steps) - int(layer.plain_offset) * counted
    return np.clip(product, -(2**31), 2**31 - 1).astype(np.int32)


def _sums(
    layer: ProgrammedLayer,
    cells: NDArray[Any],
    group: int,
    first: int,
    segments: tuple[slice, ...],
    active: list[NDArray[np.int64]],
    conversion: int,
) -> NDArray[Any]:
    """What the columns of one conversion carry, (kinds, padded outputs); rows are added one after the other."""
    adc = layer.conversion
    sums: NDArray[Any] = np.zeros(cells.shape[1], np.int64 if layer.scaling is not None else np.float32)
    spread = np.zeros(cells.shape[1], np.float32)
    noisy = layer.variance.size > 0 or adc.noise.max() > 0 or adc.row_variance > 0
    for number, (segment, rows) in enumerate(zip(segments, active, strict=True), first):
        read = (int(layer.rows.blocks[number]), group, rows - segment.start)
        if layer.solved is not None and layer.solved.variance is not None and len(rows):
            spread = spread + _padded(layer, layer.solved.variance(*read))
        if layer.solved is not None and layer.solved.currents is not None:
            sums = sums + (_padded(layer, layer.solved.currents(*read)) if len(rows) else 0)
            continue
        if layer.ladder.rows:
            sigma = layer.variance[group] if layer.variance.size else None
            current, variance = ladder_currents(cells, rows, segment.start, layer.ladder, sigma)
            sums, spread = sums + current, spread + variance
            continue
        for row in rows:
            sums = sums + cells[row]
            if layer.variance.size and layer.solved is None:
                spread = spread + layer.variance[group, row]
    if adc.dummy:
        sums, spread, beside = sums[:-LANES], spread[:-LANES], sums[-LANES]
    if adc.paired:
        half = len(sums) // 2
        sums, spread = sums[:half] - sums[half:], spread[:half] + spread[half:]
    if adc.dummy:
        sums = sums - beside
    if noisy:
        base = np.float32(sum(map(len, active)) * adc.row_variance)
        more = np.repeat(adc.noise * adc.noise + base, len(sums) // layer.kinds)
        drawn = noise(np.uint64(layer.noise_state), conversion, len(sums))
        sums = (sums + np.sqrt(spread + more) * drawn).astype(np.float32)
    return sums.reshape(layer.kinds, -1)[:, : layer.outputs]


def _padded(layer: ProgrammedLayer, columns: NDArray[np.float64]) -> NDArray[np.float32]:
    """(kinds, outputs) as the kernels lay columns out."""
    width = layer.cells.shape[2] // layer.kinds
    padded = np.zeros((layer.kinds, width), np.float32)
    padded[:, : layer.outputs] = columns
    return padded.ravel()


def _codes(
    layer: ProgrammedLayer, sums: NDArray[Any], ones: int, block: int, group: int
) -> tuple[NDArray[np.int64], int]:
    """Clipped codes (kinds, outputs) less the removed background, and how many were cut off."""
    adc, ideal = layer.conversion, layer.adc
    if layer.scaling is not None:
        code = np.stack([ideal.code(total, kind) for kind, total in enumerate(sums)])
        kept = np.clip(code, ideal.low, ideal.high)
        return kept, int((code != kept).sum())
    scale = adc.scale.astype(np.float64)
    shift = (adc.half + ones * adc.background * scale).astype(np.float32)
    if len(adc.thresholds):
        x = sums.astype(np.float64) * scale[:, None] + (shift - adc.half)[:, None]
        table = adc.table[block, :, group * layer.outputs : (group + 1) * layer.outputs]
        kept = adc.low + (adc.thresholds[table] <= x[..., None]).sum(-1)
        cut = int(((x < adc.low - 0.5) | (x >= adc.high + 0.5)).sum())
    else:
        code = np.floor(sums * adc.scale[:, None] + shift[:, None])
        kept = np.clip(code, np.float32(adc.low), np.float32(adc.high))
        cut = int((code != kept).sum())
    removed = np.floor(ones * adc.removed * scale + 0.5)
    return (kept - removed[:, None]).astype(np.int64), cut
