"""MNSIM 2.0's table of SAR converters: 4, 6 and 8 bits (its choices 7, 6, 5), the same at every node.

Energy = power / rate and time = 1 / rate. MNSIM's own code multiplies both by (b + 2): it takes the rates, samples per
second in the papers that it cites, for bits per second. Between its entries there is nothing: the chip's description
refuses other resolutions, and here they are NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...._arrays import Real, where
from ...technology import load_calibration
from .base import in_figures

if TYPE_CHECKING:
    from ..adc import Converter


def mnsim(own: Converter, bits: Real) -> Converter:
    """`own` in the figures of MNSIM's table."""
    law = load_calibration("mnsim")["table"]

    def entry(quantity: str) -> Real:
        found: Real = float("nan")
        for width in (4, 6, 8):
            found = where(bits == width, law[f"{quantity}_{width}b"], found)
        return found

    rate_ghz = entry("rate")
    return in_figures(own, law, area_um2=entry("area"), energy_fj=1e3 * entry("power") / rate_ghz, time_ns=1 / rate_ghz)
