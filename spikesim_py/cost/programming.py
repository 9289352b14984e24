"""What writing a network into a chip costs: once, or again and again against drift or in a chip that is too small.

Every cell that holds part of a weight is written, whatever its level, from any state; cells without a weight are off as
made. A try is one programming pulse (`device.write_energy_pj`, `device.write_ns`: whatever the device needs to get from
any state to another) and, with write-verify, a read of the cell: the current of a mid-level cell and one conversion.
Writing goes row by row, with the weights' columns of a row at once and all crossbars at once, so that a row takes as
long as its slowest cell; a read of the row then takes all phases of the column mux (assumed).

A cell is taken to be worn out after `device.endurance_cycles` pulses. A refresh writes the whole network anew, and
the chip does not infer meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..activity import LayerActivity
from ..errors import ConfigError
from ..hardware import DeviceKind, Hardware
from ..mapping import LayerPlan, Mapping
from .components import Memory
from .components.array import cell_fj
from .crossbar_parts import MIDDLE_LEVEL, read_of
from .parts import Layer
from .technology import Technology, load_technology
from .tree import Grade

_FIELDS = ("device.write_energy_pj", "device.write_ns")


@dataclass(frozen=True)
class Refresh:
    """Writing all weights anew every `period_s` seconds.

    Attributes:
        energy_pj: per inference, where one follows the other. power_uw: mean. share: of the time, without inferences.
        lifetime_s: until the mean cell is worn out; None where its endurance is unknown.
    """

    period_s: float
    energy_pj: float
    power_uw: float
    share: float
    lifetime_s: float | None


@dataclass(frozen=True)
class Programming:
    """Writing a network into a chip once.

    Attributes:
        cells: that hold part of a weight. pulses: programming pulses; mean number, over chips. reads: to verify them.
        energy_pj, time_ns: of all of them.
        grade: how far the energy can be trusted; the time rests on the assumed order. source: of a pulse's figures.
        endurance_cycles: pulses that a cell endures; None where unknown.
        loads: of the network until the mean cell is worn out. inferences: the same on a chip that is too small, where
            every inference writes a cell in every round; None where weights stay.
        refresh: against drift; None without `mitigation.refresh_s`.
    """

    cells: int
    pulses: float
    reads: float
    energy_pj: float
    time_ns: float
    grade: Grade
    source: str
    endurance_cycles: float | None = None
    loads: float | None = None
    inferences: float | None = None
    refresh: Refresh | None = None


@dataclass(frozen=True)
class Writing:
    """Writing one layer once."""

    cells: int
    pulses: float
    energy_pj: float
    time_ns: float


def programming_cost(
    mapping: Mapping, pending: MappingType[str, NDArray[np.float64]], interval_ns: float = 0.0
) -> Programming | None:
    """The cost of writing a mapped network; None where the chip does not state its device's pulses.

    Args:
        pending: layer on crossbars to the share of its cells that need more than j tries, j = 0, 1, ...
        interval_ns: between inferences, for a refresh's share of their energy.

    Raises:
        ConfigError: a refresh takes longer than the time until the next one.
    """
    hardware = mapping.hardware
    device, verify = hardware.device, hardware.mitigation.write_verify_tolerance is not None
    if device.write_energy_pj is None:
        return None
    tech = load_technology(hardware.technology.node_nm)
    layers = [write_layer(mapping, tech, mapping.layers[name], share) for name, share in pending.items()]
    cells, pulses = sum(layer.cells for layer in layers), sum((layer.pulses for layer in layers), 0.0)
    energy_pj = sum((layer.energy_pj for layer in layers), 0.0)
    time_ns = max([0.0, *(layer.time_ns for layer in layers)])
    grade: Grade = "sourced" if hardware.is_sourced(_FIELDS[0]) and not verify else "assumed"
    source = "; ".join(dict.fromkeys(hardware.sources.get(name, "given") for name in _FIELDS))
    loads = device.endurance_cycles * cells / pulses if device.endurance_cycles and pulses else None
    rounds = int(mapping.rounds)
    return Programming(
        cells,
        pulses,
        pulses if verify else 0.0,
        energy_pj,
        time_ns,
        grade,
        source,
        endurance_cycles=device.endurance_cycles,
        loads=loads,
        inferences=loads / rounds if loads and rounds > 1 else None,
        refresh=_refresh(hardware, energy_pj, time_ns, loads, interval_ns),
    )


def write_layer(
    mapping: Mapping, tech: Technology, plan: LayerPlan, share: NDArray[np.float64] | None = None
) -> Writing:
    """Writing one layer: its cells once, unverified, or as often as `share` says (see `programming_cost`).

    Weights of a digital layer go into its buffers; SRAM cells without a stated pulse are written as a buffer's are.

    Raises:
        ConfigError: the chip does not state its device's pulses.
    """
    hardware, clock_ns = mapping.hardware, 1e3 / mapping.hardware.technology.clock_mhz
    if plan.digital:
        bits = plan.rows * plan.outputs * plan.weight_bits
        buffer = Memory(tech, bits)
        return Writing(0, 0.0, bits * buffer.write_fj * 1e-3, bits / buffer.line_bits * clock_ns)
    device, verify = hardware.device, hardware.mitigation.write_verify_tolerance is not None
    layer = Layer(plan, mapping.network, hardware, tech, LayerActivity(0.0), 1.0, 1.0)
    held = plan.copies * plan.groups * plan.rows * plan.columns * hardware.word_lines
    lines = layer.crossbar_inputs * hardware.word_lines
    if device.write_energy_pj is None or device.write_ns is None:
        if device.kind is not DeviceKind.SRAM:
            raise ConfigError(f"device.write_energy_pj, write_ns: are needed to write {device.kind.value} cells anew")
        pulse_fj = Memory(tech, held, lines=hardware.crossbar.rows).write_fj
        return Writing(held, held, held * pulse_fj * 1e-3, lines * clock_ns)
    if share is None:
        return Writing(held, held, held * device.write_energy_pj, lines * device.write_ns)
    read = read_of(layer)
    tries = held * float(share.sum())
    read_pj = (read.adc.energy_fj + cell_fj(hardware, read.adc, MIDDLE_LEVEL)) * 1e-3 if verify else 0.0
    slowest = float((1 - (1 - share) ** min(plan.columns, hardware.weight_columns)).sum())
    try_ns = device.write_ns + (hardware.crossbar.mux * read.phase_ns if verify else 0.0)
    return Writing(held, tries, tries * (device.write_energy_pj + read_pj), lines * slowest * try_ns)


def _refresh(
    hardware: Hardware, energy_pj: float, time_ns: float, loads: float | None, interval_ns: float
) -> Refresh | None:
    period_s = hardware.mitigation.refresh_s
    if period_s is None:
        return None
    share = time_ns * 1e-9 / period_s
    if share >= 1:
        raise ConfigError(f"mitigation.refresh_s = {period_s:g}: writing the network takes {time_ns * 1e-9:.4g} s")
    interval_s = interval_ns * 1e-9 / (1 - share)
    lifetime_s = loads * period_s if loads else None
    return Refresh(period_s, energy_pj * interval_s / period_s, energy_pj / period_s * 1e-6, share, lifetime_s)
