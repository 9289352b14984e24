"""How NeuroSim spreads a layer over tiles, inferred from its runs: tiles and speed-ups agree exactly.

4 x 4 crossbars make a PE. Layers whose kernel positions have crossbars of their own take tiles of 9 PEs, one per
position; all others take tiles of 2 x 2 PEs. What a tile has left is filled with copies of the layer.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.neurosim_vgg8 import CELL_BITS, WEIGHT_BITS, Shape, row_blocks

#: cells of a weight
SLICES = WEIGHT_BITS // CELL_BITS
#: crossbars along a side of a PE, and PEs along a side of a tile without kernel positions
PE_SPAN, TILE_SPAN = 4, 2


@dataclass(frozen=True)
class Placed:
    """A layer on tiles of crossbars of `size` x `size`."""

    shape: Shape
    size: int

    @property
    def split(self) -> bool:
        """Whether kernel positions have crossbars of their own."""
        return self.shape.kernel > 1 and self._blocks[0].stop < self.shape.rows

    @property
    def columns(self) -> int:
        return self.shape.outputs * SLICES

    @property
    def crossbars(self) -> int:
        """That one copy needs."""
        return len(self._blocks) * -(-self.columns // self.size)

    @property
    def row_tiles(self) -> int:
        return -(-(self.shape.channels if self.split else self.shape.rows) // self._side)

    @property
    def column_tiles(self) -> int:
        return -(-self.columns // self._side)

    @property
    def tiles(self) -> int:
        return self.row_tiles * self.column_tiles

    @property
    def pes_per_tile(self) -> int:
        return self.shape.kernel**2 if self.split else TILE_SPAN**2

    @property
    def pes(self) -> int:
        return self.tiles * self.pes_per_tile

    @property
    def copies(self) -> int:
        """NeuroSim's "speed-up"."""
        return self.pes * PE_SPAN**2 // self.crossbars

    def lanes(self, per_pe: int) -> int:
        """Adder trees of a tile: PEs stand side by side where they do not hold kernel positions."""
        return per_pe * (1 if self.split else TILE_SPAN)

    @property
    def partial_sums(self) -> int:
        """Values that PEs send per output."""
        if self.split:
            return self.row_tiles * self.pes_per_tile
        return -(-self.shape.rows // (PE_SPAN * self.size))

    @property
    def _side(self) -> int:
        return PE_SPAN * self.size * (1 if self.split else TILE_SPAN)

    @property
    def _blocks(self) -> list[slice]:
        return list(row_blocks(self.shape, self.size))
