"""Devices and layers of chosen cells, for the tests of devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim_py.crossbar.device import column_cells
from spikesim_py.hardware import Device, Hardware, load_hardware
from spikesim_py.mapping import Cells, map_network
from spikesim_py.network import build

#: every statistical test of devices fails on a correct model with this probability; seeds are fixed
FALSE_ALARM = 1e-4
#: all that can differ from cell to cell in the bundled chips' cells, switched off
EXACT = {"device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.0}
PLAIN = EXACT | {"device.program_sigma": 0.0}
DAY_S = 86_400.0


def chip(name: str = "rram_32nm", **fields: Any) -> Hardware:
    """A bundled chip without faults; fields of the device by name, `__` for a dot."""
    return load_hardware(name, EXACT | {f"device.{key.replace('__', '.')}": value for key, value in fields.items()})


def device(name: str = "rram_32nm", **fields: Any) -> Device:
    return chip(name, **fields).device


def cells_of(levels: np.ndarray, hardware: Hardware) -> Cells:
    """A linear layer whose column 0 holds `levels` (rows, outputs)."""
    rows, outputs = levels.shape
    fields = {"in_features": rows, "out_features": outputs, "weight_bits": hardware.device.cell_bits + 1}
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"]} | fields,
        {"op": "readout", "name": "out", "inputs": ["fc"], "mode": "last"},
    ]
    shape = {"shape": (rows, 1, 1), "bits": 1}
    description = {"name": "cells", "arithmetic": "integer", "time_steps": 1, "input": shape, "nodes": nodes}
    description["nodes"].insert(0, {"op": "flatten", "name": "flat", "inputs": ["input"]})
    nodes[1]["inputs"] = ["flat"]
    network = build(description, {"fc.weight": levels.T.astype(np.int16)})
    return map_network(network, hardware).cells("fc")


def stored(
    level: int, hardware: Hardware, *, shape: tuple[int, int] = (256, 256), seed: int = 0, fresh: bool = False
) -> np.ndarray:
    """Cells of one chip that were all meant to hold `level`: (rows, outputs)."""
    cells = cells_of(np.full(shape, level), hardware)
    return column_cells(cells, 0, hardware, seed=seed, chip=0, fresh=fresh)[0]


def microsiemens(levels: np.ndarray, hardware: Hardware) -> np.ndarray:
    """Conductance of cells, written out from its definition."""
    made = hardware.device
    on = 1e6 / made.r_on_ohm
    off = on / made.on_off_ratio
    return off + levels * (on - off) / (2**made.cell_bits - 1)
