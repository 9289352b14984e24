"""Converters in other figures than the library's own: one calibration per file, all in the same terms.

An anchor replaces energy, time and area of the chip's converter. What the converter draws from its column stays the
library's: the column is connected for the same share of a conversion. None of the anchors states a leakage that was
measured; it is taken as 0, like that of NeuroSim's SAR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...._arrays import Real
from ....hardware import AdcAnchor, Hardware
from ...technology import Technology
from .mnsim import mnsim
from .survey import survey
from .zigzag_imc import zigzag_imc

if TYPE_CHECKING:
    from ..adc import Converter

__all__ = ["anchored", "mnsim", "survey", "zigzag_imc"]


def anchored(own: Converter, tech: Technology, hardware: Hardware, bits: Real) -> Converter:
    """The library's own converter in the figures of the chip's `cost.adc_anchor`."""
    anchor = hardware.cost.adc_anchor
    if anchor is AdcAnchor.ZIGZAG_IMC:
        return zigzag_imc(own, bits, hardware.crossbar.rows, tech.node_nm, tech.vdd_volt)
    if anchor is AdcAnchor.SURVEY:
        return survey(own, bits, tech.node_nm)
    return mnsim(own, bits) if anchor is AdcAnchor.MNSIM else own
