"""Column circuits: source-line drivers or SRAM precharge, level shifters for writing, the mux and its decoder.

A pass gate is at least of minimum size, and wider where the column conducts well: w = k rows / r_on. Its charge is
that of its drains, f + g w; its time r C with r ~ 1/w. The select line of a way drives cols / ways gates.

The decoder of k address bits has k inverters, 2 bits predecoded by 4 NANDs, and from k = 3 on a NOR per line of
ceil(k/2) inputs, 2 k wires past them; a NAND drives a quarter of the lines. Up to 2 bits the NANDs, or one inverter,
drive the select lines themselves.
"""

from __future__ import annotations

from ..._arrays import Real, bit_length, ceil_div, exp2, floor_div, maximum, where
from ...hardware import DeviceKind, Hardware
from ..technology import Group, Technology
from .base import Circuit, nothing


def column_circuits(tech: Technology, hardware: Hardware) -> dict[str, Circuit]:
    """Column drivers, level shifters, and mux with decoder of one crossbar; an action is one mux phase."""
    sram = hardware.device.kind is DeviceKind.SRAM
    drivers = precharger(tech, hardware) + write_driver(tech, hardware) if sram else source_driver(tech, hardware)
    lines = hardware.crossbar.rows + 2 * hardware.crossbar.cols  # word, bit and source lines
    return {
        "column_driver": drivers,
        "level_shifter": nothing(tech["level_shifter"]) if sram else level_shifter(tech, lines),
        "column_mux": pass_gates(tech, hardware) + decoder(tech, hardware),
    }


def source_driver(tech: Technology, hardware: Hardware) -> Circuit:
    """Switch matrix of the source lines: idle while reading."""
    return _idle(tech["column_driver_rram"], hardware.crossbar.cols)


def precharger(tech: Technology, hardware: Hardware) -> Circuit:
    """Precharge of SRAM bit lines; its energy and time are the array's."""
    return _idle(tech["precharger"], hardware.crossbar.cols)


def write_driver(tech: Technology, hardware: Hardware) -> Circuit:
    """Write drivers of SRAM bit lines: idle while reading."""
    return _idle(tech["write_driver"], hardware.crossbar.cols)


def level_shifter(tech: Technology, lines: Real) -> Circuit:
    """Level shifters of `lines` lines, for write voltages above the supply."""
    law = tech["level_shifter"]
    return Circuit(lines * law["area"], 0.0, 0.0, 0.0, law.grade, law.source)


def _idle(law: Group, count: Real) -> Circuit:
    return Circuit(count * law["area"], count * law["leakage"], 0.0, 0.0, law.grade, law.source)


def _gates(tech: Technology, hardware: Hardware) -> tuple[Group, Real]:
    """The law of the pass gates, and how wide a column asks them to be (in minimum gates)."""
    if hardware.device.kind is DeviceKind.SRAM:
        law = tech["column_mux_sram"]
        return law, law["width"] * hardware.crossbar.rows
    law = tech["column_mux_rram"]
    return law, law["width"] * hardware.crossbar.rows / hardware.device.r_on_ohm


def pass_gates(tech: Technology, hardware: Hardware) -> Circuit:
    """Pass gates of all columns; an action is one mux phase. A crossbar without a mux has none."""
    ways, cols = hardware.crossbar.mux, hardware.crossbar.cols
    law, width = _gates(tech, hardware)
    wide_fj = law["fixed"] + law["wide"] * width
    return Circuit(
        area_um2=cols * ways * where(ways > 2, law["area"], law["area_pair"]),
        leakage_pw=0.0,
        energy_fj=where(width > 1, wide_fj, law["gate"]) * cols / ways,
        time_ns=where(width > 1, law["pass_wide"] * wide_fj / width, law["pass_time"]),
        grade=law.grade,
        source=law.source,
    ).only(ways > 1)


def decoder(tech: Technology, hardware: Hardware) -> Circuit:
    """Decoder of the select lines; an action is one mux phase."""
    ways, law = hardware.crossbar.mux, tech["decoder"]
    width = _gates(tech, hardware)[1]
    bits = bit_length(ways - 1)
    lines, nands, nors = exp2(bits), 4 * floor_div(bits, 2), bits > 2
    load = hardware.crossbar.cols / ways * maximum(1.0, width)
    inputs = ceil_div(bits, 2)
    return Circuit(
        area_um2=where(
            nors,
            lines * (law["line"] + 2 * bits * law["line_wire"] + inputs * law["line_input"]),
            nands * (law["line"] + 2 * law["line_input"]),
        ),
        leakage_pw=bits * law["leakage_inverter"]
        + nands * law["leakage_nand"]
        + where(nors, lines * (law["leakage_nor"] + inputs * law["leakage_input"]), 0.0),
        energy_fj=bits * law["switch_bit"] + where(nors, lines * law["switch_line"], 0.0),
        time_ns=where(nands > 0, law["time_base"], 0.0)
        + where(nors, lines * law["time_line"] + load * law["load"], load * law["load_direct"]),
        grade=law.grade,
        source=law.source,
    ).only(ways > 1)
