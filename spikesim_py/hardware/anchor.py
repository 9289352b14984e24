"""Whose figures a chip's converters cost: calibrations that can be chosen."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from .adc import Adc, AdcKind


class AdcAnchor(StrEnum):
    """Where the energy, time and area of a conversion come from. At 5 bits the four differ tenfold."""

    NEUROSIM = "neurosim"  # the library's own circuits, fitted to NeuroSim V1.3; every kind of converter
    ZIGZAG_IMC = "zigzag_imc"  # equations that ZigZag-IMC fitted to three 28 nm SRAM macros; SAR
    SURVEY = "survey"  # a good published converter of this resolution and speed: regression on Murmann's survey
    MNSIM = "mnsim"  # MNSIM 2.0's table of published SAR converters of 4, 6 and 8 bits

    def refusal(self, adc: Adc) -> str:
        """Why this anchor has no figures for a chip's converters; empty if it has."""
        if self is AdcAnchor.NEUROSIM:
            return ""
        kinds, widths, shown = _SCOPE[self]
        if adc.kind not in kinds:
            return f"has figures for {', '.join(kinds)}, not for adc.kind = {adc.kind.value!r}"
        for name, bits in {"bits": adc.bits, **{f"layer_bits.{k}": v for k, v in adc.layer_bits.items()}}.items():
            if bits not in widths:
                return f"has figures for {shown} bits, not for adc.{name} = {bits}"
        return ""

    @classmethod
    def of(cls, adc: Adc) -> tuple[AdcAnchor, ...]:
        """Every anchor that has figures for a chip's converters."""
        return tuple(anchor for anchor in cls if not anchor.refusal(adc))


#: kinds and resolutions that an anchor has figures for, and the latter in words
_SCOPE: dict[AdcAnchor, tuple[Collection[AdcKind], Collection[int], str]] = {
    AdcAnchor.ZIGZAG_IMC: ((AdcKind.SAR,), range(2, 13), "2 to 12"),
    AdcAnchor.SURVEY: ((AdcKind.SAR, AdcKind.FLASH, AdcKind.RAMP), range(4, 13), "4 to 12"),
    AdcAnchor.MNSIM: ((AdcKind.SAR,), (4, 6, 8), "4, 6 and 8"),
}
