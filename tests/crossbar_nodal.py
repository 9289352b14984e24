"""A layer of a chip computed the long way, for the tests of crossbars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from spikesim_py.crossbar.device import column_cells
from spikesim_py.crossbar.wires import circuit
from spikesim_py.crossbar.wires.nodal import column_currents
from spikesim_py.hardware import Hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network


class Nodal:
    """A layer computed the long way: every crossbar a matrix of conductances, every read a nodal solve."""

    def __init__(self, network: Network, hardware: Hardware, seed: int = 0) -> None:
        mapping = map_network(network, hardware)
        self.network, self.hardware = network, hardware
        self.plan, self.cells = mapping.layers["c"], mapping.cells("c")
        device, kinds = hardware.device, self.cells.columns.count
        on = 1 / device.r_on_ohm
        self.off = on / device.on_off_ratio
        self.unit = (on - self.off) / (2**device.cell_bits - 1)
        crossbar = hardware.crossbar
        self.siemens = np.full((self.plan.crossbars, crossbar.rows, crossbar.cols), self.off)
        for kind in range(kinds):
            levels = column_cells(self.cells, kind, hardware, seed=seed, chip=0)
            for (group, row, output), level in np.ndenumerate(levels):
                place = self.cells.place(group, row, output * kinds + kind)
                self.siemens[place] = self.off + float(level) * self.unit
        self._known: dict[tuple[int, bytes], np.ndarray] = {}

    def currents(self, crossbar: int, volts: np.ndarray) -> np.ndarray:
        """(columns,) A at -1, 0 or 1 V on the rows, less the dummy column's."""
        key = crossbar, volts.tobytes()
        if key not in self._known:
            wires = circuit(self.hardware)
            if wires is None:
                solved = volts @ self.siemens[crossbar]
            else:
                solved = column_currents(self.siemens[crossbar], wires, volts)
            self._known[key] = solved - solved[-1] if self.hardware.dummy_columns else solved
        return self._known[key]

    def sums(self, driven: np.ndarray, group: int, conversion: np.ndarray) -> np.ndarray:
        """(columns of the matrix,) levels that one conversion of the matrix rows `conversion` meets.

        The two cells of an interleaved pair have one column, and word lines of opposite sign.
        """
        cells, total = self.cells, np.zeros(self.cells.levels.shape[2])
        pairs_share = self.hardware.mapping.subtract.value == "interleaved"
        for block in cells.row_blocks:
            if not np.isin(block, conversion).all():
                continue
            for column in range(len(total)):
                crossbar, _, line = cells.place(group, block[0], column)
                volts = np.zeros(self.hardware.crossbar.rows)
                for row in block[driven[block]]:
                    if pairs_share:
                        volts[cells.place(group, row, column | 1)[1]] = -1
                    volts[cells.place(group, row, column & ~1 if pairs_share else column)[1]] = 1
                total[column] += self.currents(crossbar, volts)[line]
        return total / self.unit

    def product(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(reads, positions, outputs), and where a current lies within 1e-4 LSB of a tie."""
        chip, plan, columns = self.hardware, self.plan, self.cells.columns
        subtract = chip.mapping.subtract.value
        signed = subtract != "digital"
        high = 2 ** (chip.adc.bits - signed) - 1
        low = -high - 1 if signed else 0
        scale = max(len(rows) for rows in self.cells.conversion_blocks) * (2**chip.device.cell_bits - 1)
        lsb = max(1, scale / high)
        background = self.off / self.unit if chip.baseline.value == "digital_count" else 0.0
        driven = patches(self.network, x)
        out, near = np.zeros((*driven.shape[:2], plan.outputs)), np.zeros((*driven.shape[:2], plan.outputs), bool)
        for (n, p, g, plane), bits in planes(driven, plan.input_bits):
            outputs = slice(g * plan.outputs // plan.groups, (g + 1) * plan.outputs // plan.groups)
            for conversion in self.cells.conversion_blocks:
                carried = self.sums(bits, g, conversion).reshape(-1, columns.count)
                weight = columns.coefficient
                if subtract == "analog":
                    carried = carried - np.roll(carried, -1, axis=1)
                if signed:
                    carried, weight = carried[:, ::2], weight[::2]
                at = carried / lsb + 0.5
                codes = np.clip(np.floor(at), low, high) - np.floor(bits[conversion].sum() * background / lsb + 0.5)
                out[n, p, outputs] += 2.0**plane * lsb * codes @ weight
                near[n, p, outputs] |= (np.abs(at - np.round(at)) < 1e-4).any(1)
            met = bits.sum() if self.cells.mask is None else bits @ self.cells.mask[g].astype(int)
            out[n, p, outputs] -= 2.0**plane * self.cells.offset * met
        return np.floor(out + 0.5), near


def patches(network: Network, x: np.ndarray) -> np.ndarray:
    """Values on the rows, (reads, positions, groups, rows), by torch's im2col."""
    node = network.layers[0]
    if node.op == "linear":
        return x.reshape(len(x), 1, 1, -1)
    columns = torch.nn.functional.unfold(
        torch.from_numpy(x).double(), node.kernel, padding=node.padding, stride=node.stride
    )
    return columns.unflatten(1, (node.groups, -1)).permute(0, 3, 1, 2).numpy().astype(int)


def planes(driven: np.ndarray, count: int) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """(read, position, group, plane) and which rows are driven."""
    for n, p, g in np.ndindex(driven.shape[:3]):
        for plane in range(count):
            yield (n, p, g, plane), (driven[n, p, g] >> plane) & 1 == 1
