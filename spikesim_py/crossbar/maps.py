"""One crossbar as a picture: what every cell conducts, and what of the read voltage it sees through the wires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..hardware import Hardware, Topology
from ..mapping import Cells, Mapping
from .effective import crossbar_siemens, level_siemens, stored_levels
from .ladder.circuit import ladder_of
from .ladder.reference import cell_shares
from .repair import repaired
from .wires import Wires, circuit, solve_transfer

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CrossbarMaps:
    """One crossbar of a layer.

    Attributes:
        layer: its layer. crossbar: its number in the layer. crossbars: how many the layer has (without copies).
        rows, columns: used by weights, from the first on; the others hold off cells.
        siemens: (crossbar rows, crossbar columns) conductance as stored, without read noise.
        delivered: the same shape: what a cell adds to its column's current, all used rows being active, over what its
            conductance alone would: the rest stays in wires and access transistors. NaN where it conducts nothing, or
            no row is driven. None without wires, and where inactive rows float.
    """

    layer: str
    crossbar: int
    crossbars: int
    rows: int
    columns: int
    siemens: Floats
    delivered: Floats | None

    @property
    def ir_loss(self) -> float | None:
        """Share of the whole current that the wires take while all used rows are active."""
        if self.delivered is None:
            return None
        held = self.siemens[: self.rows, : self.columns]
        return float(1 - np.nansum(held * self.delivered[: self.rows, : self.columns]) / held.sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, but for the arrays."""
        return vars(self) | {"ir_loss": self.ir_loss}


def crossbar_maps(mapping: Mapping, layer: str, crossbar: int = 0, *, seed: int = 0, chip: int = 0) -> CrossbarMaps:
    """The maps of one crossbar of one chip.

    Args:
        mapping: a network on a chip.
        layer: name of a layer on crossbars. crossbar: its number, groups by row blocks by column blocks.
        seed, chip: name the device instance, as in `program`.

    Raises:
        InputError: the layer is on no crossbars or has fewer, or its crossbars are digital.
        NetworkError: the network has no weights.
    """
    hardware = mapping.hardware
    if layer not in mapping.layers or not mapping.layers[layer].crossbars:
        raise InputError(f"layer {layer!r}: is on no crossbars")
    if hardware.digital_crossbar:
        raise InputError(f"adc.kind = {hardware.adc.kind.value!r}: its cells hold bits and conduct into no column")
    cells = repaired(mapping.cells(layer), hardware, seed=seed, chip=chip)
    values = stored_levels(cells, hardware, seed, chip)
    every = crossbar_siemens(values, cells, hardware)
    blocks, groups, col_blocks = every.shape[:3]
    total = blocks * groups * col_blocks
    if not 0 <= crossbar < total:
        raise InputError(f"crossbar = {crossbar}: layer {layer!r} has {total} (0 to {total - 1})")
    group, rest = divmod(crossbar, blocks * col_blocks)
    block, col_block = divmod(rest, col_blocks)
    siemens = every[block, group, col_block]
    rows, columns = _used(cells, block, col_block)
    return CrossbarMaps(layer, crossbar, total, rows, columns, siemens, _delivered(siemens, rows, hardware))


def _used(cells: Cells, block: int, col_block: int) -> tuple[int, int]:
    """Rows and columns of a crossbar that weights lie in."""
    columns = cells.levels.shape[2] // cells.word_lines
    rows = len(cells.row_blocks[block]) * cells.word_lines
    return rows, min(cells.usable_columns, columns - col_block * cells.usable_columns)


def _delivered(siemens: Floats, rows: int, hardware: Hardware) -> Floats | None:
    wires = circuit(hardware)
    if wires is None or wires.inactive_rows == "floating":
        return None
    if wires.topology is Topology.GATED_1T1R:
        return _gated(siemens, rows, wires, hardware)
    passed = solve_transfer(siemens, wires).matrix
    return np.divide(passed, siemens, out=np.full_like(siemens, np.nan), where=siemens > 0)


def _gated(siemens: Floats, rows: int, wires: Wires, hardware: Hardware) -> Floats:
    """Voltage of every cell and its access transistor, as a share of the read voltage, times what the latter leaves."""
    unit, behind = level_siemens(hardware), 1 + wires.access_ohm * siemens
    ladder = ladder_of(wires, hardware.crossbar.rows, unit)
    shares = cell_shares(siemens / behind / unit, np.arange(rows), 0, ladder)
    delivered = np.full_like(siemens, np.nan)
    delivered[:rows] = (shares[::-1] if ladder.mirrored else shares) / behind[:rows]
    return delivered
