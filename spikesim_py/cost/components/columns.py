"""Column circuits: source-line drivers or SRAM precharge, level shifters for writing, the mux and its decoder.

A pass gate is at least of minimum size, and wider where the column conducts well: w = max(1, k rows / r_on).
The select lines drive cols / ways gates each; the decoder grows with a power of the ways.
"""

from __future__ import annotations

from ..._arrays import is_array, log2, maximum, where
from ...hardware import DeviceKind, Hardware
from ..technology import Technology
from .base import Circuit, nothing

#: share of a pass gate's width that loads its select line (fitted: the rest is drain)
_GATE_SHARE = 0.86


def column_circuits(tech: Technology, hardware: Hardware) -> dict[str, Circuit]:
    """Column drivers, level shifters, and mux with decoder of one crossbar; an action is one mux phase."""
    rows, cols = hardware.crossbar.rows, hardware.crossbar.cols
    sram = hardware.device.kind is DeviceKind.SRAM
    driver = tech["column_driver_sram" if sram else "column_driver_rram"]
    shifter = tech["level_shifter"]
    lines = rows + 2 * cols  # word, bit and source lines
    return {
        "column_driver": Circuit(
            cols * driver["area"], cols * driver["leakage"], 0.0, 0.0, driver.grade, driver.source
        ),
        "level_shifter": nothing(shifter)
        if sram
        else Circuit(lines * shifter["area"], 0.0, 0.0, 0.0, shifter.grade, shifter.source),
        "column_mux": _mux(tech, hardware),
    }


def _mux(tech: Technology, hardware: Hardware) -> Circuit:
    ways, cols = hardware.crossbar.mux, hardware.crossbar.cols
    sram = hardware.device.kind is DeviceKind.SRAM
    gates, decoder = tech["column_mux_sram" if sram else "column_mux_rram"], tech["decoder"]
    if not is_array(ways) and ways == 1:
        return nothing(gates)
    muxed = where(ways > 1, 1.0, 0.0)
    width = gates["width"] * hardware.crossbar.rows / (1.0 if sram else hardware.device.r_on_ohm)
    scale = ways / 8  # the decoder's law is anchored at 8 ways
    select_ns = gates["select_base"] * log2(ways)
    select_ns += gates["select_line"] * cols / ways * maximum(1.0, _GATE_SHARE * width)
    gate_fj = gates["gate"] * cols * maximum(1.0, width) / ways
    return Circuit(
        area_um2=muxed * (gates["area"] * cols * ways + decoder["area"] * scale ** decoder["area_power"]),
        leakage_pw=muxed * decoder["leakage"] * scale ** decoder["leakage_power"],
        energy_fj=muxed * (gate_fj + decoder["switch"] * scale ** decoder["switch_power"]),
        time_ns=muxed * (gates["pass_time"] + select_ns),
        grade=gates.grade,
        source=gates.source,
    )
