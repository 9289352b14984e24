"""The H-tree of a tile: repeated wires between its port and its PEs.

Over a square of side s the path from root to leaf is 1.2 s (NeuroSim: 2.5, 5.0 and 9.5 mm at sides of 2, 4 and
8 mm). A tree with n leaves has 1.5 s (sqrt(n) - 1) of wire.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._arrays import Real, sqrt, where
from ..technology import Technology
from ..tree import Grade

#: wire of a tree over a square, in sides times (sqrt(leaves) - 1)
WIRE_SIDES = 1.5


@dataclass(frozen=True)
class HTree:
    """A tree over `leaves` equal blocks that take `area_um2` together; a single leaf needs no tree."""

    tech: Technology
    leaves: Real
    covered_um2: Real

    @property
    def _side_mm(self) -> Real:
        return where(self.leaves > 1, sqrt(self.covered_um2) * 1e-3, 0.0)

    @property
    def path_mm(self) -> Real:
        """From root to leaf."""
        return self.tech["htree"]["depth"] * self._side_mm

    @property
    def bit_fj(self) -> Real:
        """One bit from root to leaf or back."""
        return self.tech["htree"]["energy"] * self.path_mm

    @property
    def time_ns(self) -> Real:
        return self.tech["htree"]["delay"] * self.path_mm

    @property
    def area_um2(self) -> Real:
        law = self.tech["htree"]
        wire_mm = WIRE_SIDES * self._side_mm * (sqrt(self.leaves) - 1)
        return law["area"] * law["width"] * wire_mm

    @property
    def grade(self) -> Grade:
        return self.tech["htree"].grade

    @property
    def source(self) -> str:
        return self.tech["htree"].source
