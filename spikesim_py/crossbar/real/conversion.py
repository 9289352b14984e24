"""The converter behind real columns, and what becomes of the background of off cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...hardware import Baseline, Hardware
from ...mapping import LayerPlan
from ..adc import Adc, Converters
from ..device import background_levels
from ..kernels import Array

#: float32 holds every whole number up to here
_EXACT = 2**24
_NO_TABLE = (np.empty((0, 0)), np.empty((0, 0, 0), np.int32))


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


def plain_conversion(adc: Adc, weights: NDArray[np.int64]) -> Conversion:
    """Ideal converters behind columns without background."""
    scale = adc.steps / np.array(adc.ranges)
    return Conversion(
        scale=scale.astype(np.float32),
        half=np.full(len(scale), 0.5, np.float32),
        low=float(adc.low),
        high=float(adc.high),
        factor=weights.astype(np.float32),
        background=0.0,
        removed=0.0,
        always=False,
        thresholds=_NO_TABLE[0],
        table=_NO_TABLE[1],
        noise=np.zeros(len(scale), np.float32),
        row_variance=0.0,
        paired=False,
        dummy=False,
    )


def layer_conversion(
    adc: Adc,
    weights: NDArray[np.int64],
    plan: LayerPlan,
    hardware: Hardware,
    own: Converters | None,
    gated: bool,
    solved: bool,
) -> Conversion:
    """The converter, and what becomes of the background.

    A dummy column of off cells (taken as exactly g_off) or the analog subtraction of a pair removes it before the
    converter. `none` leaves it in. `digital_count` subtracts ``floor(active rows * background / LSB + 1/2)`` codes
    from every (clipped) code. Gated cells hold it, and a dummy column of theirs is read beside them; solved currents
    hold it too, unless their dummy column was subtracted already.
    """
    plain = plain_conversion(adc, weights)
    pairs, dummy = hardware.signed_sums, hardware.baseline is Baseline.DUMMY_COLUMN
    left = 0.0 if pairs or dummy or hardware.digital_crossbar else background_levels(hardware.device)
    plain = plain._replace(
        background=0.0 if gated or solved else left,
        removed=left if hardware.baseline is Baseline.DIGITAL_COUNT else 0.0,
        paired=gated and pairs,
        dummy=gated and dummy,
    )
    if own is None:
        if int(np.abs(weights).sum()) * max(adc.high, -adc.low) < _EXACT:
            return plain
        # sums that float32 cannot hold exactly: the same codes by thresholds, added in float64
        table = np.zeros((plan.conversion_blocks, len(weights), plan.outputs), np.int32)
        return plain._replace(thresholds=np.arange(adc.low, adc.high)[None] + 0.5, table=table)
    return plain._replace(
        always=not hardware.crossbar.event_driven,
        thresholds=own.thresholds,
        table=own.table,
        noise=(own.noise_lsb * np.array(adc.ranges) / adc.steps).astype(np.float32),
    )
