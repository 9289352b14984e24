"""Buffers: SRAM in banks (input maps, membranes, sign masks, weights of a digital design) and register files.

SRAM: area = cells + a per line + b per column of a bank; reading or writing a bit costs a base and a bit line, which
spans the bank's lines; a line takes t0 + t1 lines + t2 columns. NeuroSim's SRAM buffers of 8 to 1024 Kb at 32 nm
(64 to 2048 lines) are met within 1 % in area, reading and time and 5 % in writing. One line of 128 bits moves per
clock and bank.

Register file: flip-flops; reading a bit clocks it, writing switches its input.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real, ceil, maximum, sqrt
from ..technology import Technology
from ..tree import Grade


@dataclass(frozen=True)
class Memory:
    """`bits` of SRAM in banks of at most `bank_bits`, each of `lines` lines (a technology's banks, square)."""

    tech: Technology
    bits: Real
    bank_bits: Real | None = None
    lines: Real | None = None

    @property
    def banks(self) -> Real:
        most = self.tech["memory"]["bank"] if self.bank_bits is None else self.bank_bits
        return maximum(1, ceil(self.bits / most))

    @property
    def _lines(self) -> Real:
        """Lines of one bank."""
        return sqrt(self.bits / self.banks) if self.lines is None else self.lines

    @property
    def _columns(self) -> Real:
        return self._lines if self.lines is None else self.bits / self.banks / self.lines

    @property
    def area_um2(self) -> Real:
        law = self.tech["memory"]
        edges = self._lines * law["line_area"] + self._columns * law["column_area"]
        return self.bits * law["cell_area"] + self.banks * edges

    @property
    def leakage_pw(self) -> Real:
        return self.bits * self.tech["memory"]["leakage"]

    @property
    def read_fj(self) -> Real:
        """Per bit."""
        return self._lines * self.tech["memory"]["read"]

    @property
    def write_fj(self) -> Real:
        """Per bit."""
        return self.tech["memory"]["write_base"] + self._lines * self.tech["memory"]["write"]

    @property
    def line_ns(self) -> Real:
        """Access to one line."""
        law = self.tech["memory"]
        return law["time_base"] + self._lines * law["time_line"] + self._columns * law["time_column"]

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


@dataclass(frozen=True)
class RegisterFile:
    """`bits` of flip-flops that are read and written by line: larger than SRAM, without its bit lines."""

    tech: Technology
    bits: Real

    @property
    def area_um2(self) -> Real:
        return self.bits * self.tech["register_file"]["area"]

    @property
    def leakage_pw(self) -> Real:
        return self.bits * self.tech["register_file"]["leakage"]

    @property
    def read_fj(self) -> float:
        """Per bit."""
        return self.tech["register_file"]["read"]

    @property
    def write_fj(self) -> float:
        """Per bit."""
        return self.tech["register_file"]["write"]

    @property
    def line_bits(self) -> float:
        """Bits that move per clock."""
        return self.tech["memory"]["line"]

    @property
    def grade(self) -> Grade:
        return self.tech["register_file"].grade

    @property
    def source(self) -> str:
        return self.tech["register_file"].source
