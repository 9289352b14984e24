"""What writing a network into a chip costs, once, apart from every inference.

Every cell that holds part of a weight is written, whatever its level, from any state; cells without a weight are off as
made. A try is one programming pulse (`device.write_energy_pj`, `device.write_ns`: whatever the device needs to get from
any state to another) and, with write-verify, a read of the cell: the current of a mid-level cell and one conversion.
Writing goes row by row, with the weights' columns of a row at once and all crossbars at once, so that a row takes as
long as its slowest cell; a read of the row then takes all phases of the column mux (assumed).
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..activity import LayerActivity
from ..mapping import Mapping
from .components.array import cell_fj
from .crossbar_parts import MIDDLE_LEVEL, read_of
from .parts import Layer
from .technology import load_technology
from .tree import Grade

_FIELDS = ("device.write_energy_pj", "device.write_ns")


@dataclass(frozen=True)
class Programming:
    """Writing a network into a chip once.

    Attributes:
        cells: that hold part of a weight. pulses: programming pulses; mean number, over chips. reads: to verify them.
        energy_pj, time_ns: of all of them.
        grade: how far the energy can be trusted; the time rests on the assumed order. source: of a pulse's figures.
    """

    cells: int
    pulses: float
    reads: float
    energy_pj: float
    time_ns: float
    grade: Grade
    source: str


def programming_cost(mapping: Mapping, pending: MappingType[str, NDArray[np.float64]]) -> Programming | None:
    """The cost of writing a mapped network; None where the chip does not state its device's pulses.

    Args:
        pending: layer on crossbars to the share of its cells that need more than j tries, j = 0, 1, ...
    """
    hardware = mapping.hardware
    device, verify = hardware.device, hardware.mitigation.write_verify_tolerance is not None
    if device.write_energy_pj is None or device.write_ns is None:
        return None
    tech = load_technology(hardware.technology.node_nm)
    cells, pulses, energy_pj, times_ns = 0, 0.0, 0.0, [0.0]
    for name, share in pending.items():
        plan = mapping.layers[name]
        layer = Layer(plan, mapping.network, hardware, tech, LayerActivity(0.0), 1.0, 1.0)
        read, held = read_of(layer), plan.groups * plan.rows * plan.columns * hardware.word_lines
        tries = held * float(share.sum())
        read_pj = (read.adc.energy_fj + cell_fj(hardware, read.adc, MIDDLE_LEVEL)) * 1e-3 if verify else 0.0
        cells, pulses = cells + held, pulses + tries
        energy_pj += tries * (device.write_energy_pj + read_pj)
        slowest = float((1 - (1 - share) ** min(plan.columns, hardware.weight_columns)).sum())
        try_ns = device.write_ns + (hardware.crossbar.mux * read.phase_ns if verify else 0.0)
        times_ns.append(layer.crossbar_inputs * hardware.word_lines * slowest * try_ns)
    grade: Grade = "sourced" if hardware.is_sourced(_FIELDS[0]) and not verify else "assumed"
    source = "; ".join(dict.fromkeys(hardware.sources.get(name, "given") for name in _FIELDS))
    return Programming(cells, pulses, pulses if verify else 0.0, energy_pj, max(times_ns), grade, source)
