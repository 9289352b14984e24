"""SRAM buffers in banks: input maps, membranes, sign masks, weights of a digital design.

area = a per bit + e sqrt(bits) per bank; reading or writing a bit costs r sqrt(bits of the bank), because the
bit line spans the bank's rows. One line of 128 bits moves per clock and bank.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import ceil, maximum, sqrt
from ..technology import Technology
from ..tree import Grade


@dataclass(frozen=True)
class Memory:
    """`bits` of SRAM."""

    tech: Technology
    bits: float

    @property
    def banks(self) -> int:
        return maximum(1, ceil(self.bits / self.tech["memory"]["bank"]))

    @property
    def _lines(self) -> float:
        """Lines of one bank (square banks)."""
        return sqrt(self.bits / self.banks)

    @property
    def area_um2(self) -> float:
        law = self.tech["memory"]
        return self.bits * law["cell_area"] + self.banks * self._lines * law["edge_area"]

    @property
    def leakage_pw(self) -> float:
        return self.bits * self.tech["memory"]["leakage"]

    @property
    def read_fj(self) -> float:
        """Per bit."""
        return self._lines * self.tech["memory"]["read"]

    @property
    def write_fj(self) -> float:
        """Per bit."""
        return self._lines * self.tech["memory"]["write"]

    @property
    def line_bits(self) -> float:
        """Bits that move per clock."""
        return self.tech["memory"]["line"]

    @property
    def grade(self) -> Grade:
        return self.tech["memory"].grade

    @property
    def source(self) -> str:
        return self.tech["memory"].source
