"""Writing a layer into the crossbars of one chip."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import ceil_div
from ..mapping import Cells, Mapping
from .adc import Adc, converters, layer_adc
from .aligned import aligned
from .device import level_values
from .draws import stream
from .effective import effective_cells
from .inputs.layout import Rows, row_layout
from .inputs.window import Window, layer_window
from .ladder.circuit import Ladder
from .mitigation import drift_correction
from .programmed import ProgrammedLayer
from .real.conversion import layer_conversion, plain_conversion
from .repair import repaired
from .simd import LANES
from .whole.scaling import exact_scaling

#: currents that simply add up
NO_LADDER = Ladder(0, 0.0, 0.0, 0.0, 0.0, False)


def program(mapping: Mapping, layer: str, *, seed: int = 0, chip: int = 0) -> ProgrammedLayer:
    """Write a layer into the crossbars of one chip.

    Args:
        mapping: a network on a chip.
        layer: name of a convolution or linear layer.
        seed, chip: name the device instance: the same pair has the same errors at any crossbar size.

    Raises:
        NetworkError: the network has no weights.
        MappingError: a weight does not fit its cells.
        ConfigError: a column carries more current than can be read.
    """
    network, hardware, plan = mapping.network, mapping.hardware, mapping.layers[layer]
    cells, adc = repaired(mapping.cells(layer), hardware, seed=seed, chip=chip), layer_adc(plan, hardware)
    window = layer_window(network, network.by_name[layer])  # type: ignore[arg-type]
    rows = row_layout(cells, window, hardware.mapping.rows)
    columns = effective_cells(cells, hardware, seed=seed, chip=chip, steps=plan.steps)
    own = converters(mapping, layer, adc, seed=seed, chip=chip, spare=cells.spare)
    solved = columns.solved is not None and columns.solved.currents is not None
    gated, pairs = columns.ladder is not None, hardware.signed_sums
    weights = cells.columns.coefficient[:: 2 if pairs else 1] * (np.array(adc.ranges, np.int64) // adc.unit)
    conversion = layer_conversion(adc, weights, plan, hardware, own, gated, solved)
    off = columns.off if conversion.dummy else None
    # cells between the outputs of two kinds convert to 0, so that none of their codes counts as cut off
    between = columns.off if conversion.dummy else -conversion.background
    values = _laid_out(columns.values, rows, conversion.paired, off, between)
    noisy = columns.variance is not None or columns.telegraph is not None or columns.solved is not None
    whole = values.dtype.kind == "i" and own is None and not (noisy or conversion.background or conversion.removed)

    def telegraph(sample: int) -> NDArray[np.float32]:
        assert columns.telegraph is not None
        changes = columns.telegraph(sample)
        return np.stack([_laid_out(change, rows, conversion.paired, off and 0.0) for change in changes])

    variance = np.empty((len(values), 0, 0), np.float32)
    if columns.variance is not None and np.ptp(columns.variance) == 0 and not gated:
        conversion = conversion._replace(row_variance=float(columns.variance.flat[0]))
    elif columns.variance is not None:
        variance = _laid_out(columns.variance, rows, conversion.paired, off and 0.0)
    return ProgrammedLayer(
        name=layer,
        rows=rows,
        window=window,
        outputs=plan.outputs // plan.groups,
        adc=adc,
        offset=cells.offset,
        cells=aligned(values, np.int8 if whole else np.float32),
        variance=aligned(variance, np.float32),
        scaling=exact_scaling(adc, weights) if whole else None,
        conversion=conversion,
        ladder=columns.ladder or NO_LADDER,
        mask=_counting(cells, layer, rows, window) if cells.mask is not None else None,
        noise_state=stream(seed, chip, layer, "read"),
        stored=level_values(hardware.device)[cells.levels].mean(axis=2) / (2**hardware.device.cell_bits - 1),
        delivered=columns.delivered,
        wire_error=columns.error,
        solved=columns.solved,
        telegraph=telegraph if columns.telegraph is not None else None,
        steps=plan.steps,
        correction=drift_correction(cells, hardware),
    )


def _counting(cells: Cells, layer: str, rows: Rows, window: Window) -> ProgrammedLayer:
    """Counts, per output, of the active inputs that meet a negative weight: a layer of ideal bits."""
    assert cells.mask is not None
    groups, inputs, outputs = cells.mask.shape
    adc = Adc(inputs, (1,), 1, 0, inputs)
    one = np.ones(1, np.int64)
    return ProgrammedLayer(
        name=layer,
        rows=rows,
        window=window,
        outputs=outputs,
        adc=adc,
        offset=0,
        cells=_laid_out(cells.mask[:, :, None].astype(np.int8), rows, False, None),
        variance=np.empty((groups, 0, 0), np.float32),
        scaling=exact_scaling(adc, one),
        conversion=plain_conversion(adc, one),
        ladder=NO_LADDER,
        mask=None,
        noise_state=0,
        stored=np.empty(0),
        delivered=None,
        wire_error=None,
        solved=None,
        telegraph=None,
        steps=1,
    )


def _laid_out(
    columns: NDArray[Any], rows: Rows, paired: bool, dummy: float | None, between: float = 0.0
) -> NDArray[Any]:
    """(groups, rows, kinds, outputs) as kernels take it: rows in the order of reading, outputs padded by `between`.

    Negative columns after the positive ones where `paired`; a block of `dummy` cells at the end if there is one.
    """
    if between:
        columns = columns.astype(np.float32)
    if paired:
        columns = np.concatenate([columns[:, :, ::2], columns[:, :, 1::2]], axis=2)
    groups, height, kinds, outputs = columns.shape
    padded = np.full((groups, height, kinds, ceil_div(outputs, LANES) * LANES), between, columns.dtype)
    padded[..., :outputs] = columns[:, rows.order]
    flat = padded.reshape(groups, height, -1)
    if dummy is None:
        return flat
    return np.concatenate([flat, np.full((groups, height, LANES), dummy, flat.dtype)], axis=2)
