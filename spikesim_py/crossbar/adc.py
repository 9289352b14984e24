"""The converter of a column, in units of one level of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..hardware import AdcRange, Hardware, Subtract
from ..mapping import LayerPlan
from .device import background_levels
from .draws import LARGEST_NORMAL


@dataclass(frozen=True)
class Adc:
    """``code = clip(floor(x / LSB + 1/2), low, high)`` with the rational ``LSB = step / steps`` levels.

    Attributes:
        full_scale: largest sum of ideal cells, in levels: most rows of one conversion x (2^cell_bits - 1).
        step, steps: numerator and denominator of the LSB.
        low, high: first and last code.
    """

    full_scale: int
    step: int
    steps: int
    low: int
    high: int

    @property
    def lsb(self) -> float:
        """Levels per code."""
        return self.step / self.steps

    @property
    def lossless(self) -> bool:
        """Whether every sum of ideal cells has a code of its own."""
        return self.step == self.steps and self.high >= self.full_scale

    def code(self, total: Any) -> Any:
        """The codes, not clipped yet, of whole numbers of levels (int64), in exact integer arithmetic."""
        return (2 * total * self.steps + self.step) // (2 * self.step)


def layer_adc(plan: LayerPlan, hardware: Hardware) -> Adc:
    """The converter of a layer's columns.

    `max`: ``LSB = max(1, full scale / last code)``; `granular`: LSB = 1. A differential pair that is
    subtracted before the converter needs a sign: codes from -2^(bits-1) to 2^(bits-1) - 1.
    """
    signed, bits = hardware.mapping.subtract is Subtract.ANALOG, hardware.adc.bits
    full_scale = plan.max_rows * (2**hardware.device.cell_bits - 1)
    high = 2 ** (bits - signed) - 1
    low = -high - 1 if signed else 0
    if hardware.adc.range is AdcRange.GRANULAR or full_scale <= high:
        return Adc(full_scale, 1, 1, low, high)
    return Adc(full_scale, full_scale, high, low, high)


def is_transparent(plan: LayerPlan, hardware: Hardware) -> bool:
    """Whether more bits cannot change a code: the LSB is one level, and no possible sum reaches the last code.

    Programming errors are bounded, because the draws are.
    """
    adc, device = layer_adc(plan, hardware), hardware.device
    off, top = background_levels(device), 2**device.cell_bits - 1
    error = 0.0 if device.ideal else LARGEST_NORMAL * device.program_sigma * (top + off)
    largest = plan.max_rows * (top + error + off)
    return adc.step == adc.steps and largest + 0.5 < adc.high + 1
