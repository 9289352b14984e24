"""The coefficients of the crossbar's circuits, from the component table; see `fit_components.py`.

The laws are those of `spikesim_py/cost/components/`. Every node has rows of every circuit of a 1T1R crossbar with
SAR; mux ratios other than 8, resistances, SRAM (32 nm) and flash (32 and 22 nm) were run at single nodes and are scaled
to the others by `fit_scaled.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.fit_tables import (
    NEUROSIM,
    WIRE_FF_PER_UM,
    Group,
    Row,
    bits,
    energy_fj,
    group,
    least_squares,
    on_ohm,
    one,
    pick,
)

#: NeuroSim's layout in feature sizes: height of a row of gates, width of a finger in it (an inverter has two, a NAND
#: three, a register 24), pitch of a wire past it, width and height of cells
ROW_F, FINGER_F, REGISTER_F, WIRE_F = 28, 3.8, 24 * 3.8, 2.8
RRAM_PITCH_F, SRAM_PITCH_F, SRAM_HEIGHT_F = 12, 28, 10


def fit_cells(rows: Sequence[Row], node: int, vdd: float) -> Group:
    """1T1R cell: 12F x 4F; a word line carries wire and a gate whose width goes with 1/r_on."""
    feature = node * 1e-3
    array = pick(rows, "array", node)
    wire, bit_line = RRAM_PITCH_F * feature * WIRE_FF_PER_UM, 4 * feature * WIRE_FF_PER_UM

    def gate_fj(row: Row) -> float:
        bits_fj = row["cols"] * row["rows"] * bit_line * 0.25
        word_fj = row["mux"] * row["rows"] * row["cols"] * row["rowActivity"] * wire * vdd**2
        return energy_fj(row) - bits_fj - word_fj

    (gate,) = least_squares(
        array,
        gate_fj,
        lambda r: r["mux"] * r["rows"] * r["cols"] * r["rowActivity"] * vdd**2 / on_ohm(r),
    )
    return group(
        "simulator-validated",
        NEUROSIM + " (cell 12F x 4F, wire 0.2 fF/um, access transistor sized to r_on/4)",
        area=(48 * feature**2, "um2"),
        pitch=(RRAM_PITCH_F * feature, "um"),
        word_wire=(wire, "fF"),
        word_gate=(gate, "fF/S"),
        bit_line=(bit_line, "fF"),
        **_settling(rows, node),
    )


def _settling(rows: Sequence[Row], node: int) -> dict[str, tuple[float, str]]:
    """Unfolded transistors (from 25 kOhm up) give base and slope, the folded one of 6 kOhm a drain's part."""
    swept = pick(rows, "array", 32, sweep=("ron_sweep",))
    wide = [r for r in pick(rows, "array", 32) if on_ohm(r) == 6000]
    access, slope = least_squares([r for r in swept if on_ohm(r) > 2e4], lambda r: r["latency_ns"], one, on_ohm)
    drain = (wide[0]["latency_ns"] - access) / 6000 - slope
    here = [r for r in pick(rows, "array", node) if on_ohm(r) == 6000]
    ratio = here[0]["latency_ns"] / wide[0]["latency_ns"]  # resistances were swept at 32 nm only
    return {
        "settle_access": (access * ratio, "ns"),
        "settle_per_ohm": (slope * ratio, "ns/ohm"),
        "settle_drain": (drain * ratio, "ns/ohm"),
        # a gate of 0.6 fF at 6 kOhm is 15F wide, the cell 4F high: four fingers
        "fold_ohm": (21900.0, "ohm"),
    }


def row_capacitance_ff(row: Row, cell: Group) -> float:
    per_cell = cell["word_wire"]["value"] + cell["word_gate"]["value"] / on_ohm(row)
    return float(row["cols"] * per_cell)


def fit_row_driver(rows: Sequence[Row], node: int, cell: Group, register_fj: float) -> Group:
    """Two registers a row are clocked in every phase; the rest goes with the active rows."""
    data = pick(rows, "wlNewSwitchMatrix", node)
    (area,) = least_squares(data, lambda r: r["area_um2"], lambda r: r["rows"])
    (leak,) = least_squares(data, lambda r: r["leakage_uW"], lambda r: r["rows"])
    phases = lambda r: r["mux"] * r["rows"]  # noqa: E731
    (active,) = least_squares(
        data, lambda r: energy_fj(r) - 2 * register_fj * phases(r), lambda r: phases(r) * r["rowActivity"]
    )
    base, drive, wire = least_squares(
        data,
        lambda r: r["latency_ns"],
        one,
        lambda r: row_capacitance_ff(r, cell),
        lambda r: r["cols"] * row_capacitance_ff(r, cell),
    )
    return group(
        "simulator-validated",
        NEUROSIM + ", word-line switch matrix (two registers a row clocked in every phase)",
        area=(area, "um2/row"),
        clock=(2 * register_fj, "fJ/row"),
        active=(active, "fJ/active row"),
        leakage=(leak * 1e6, "pW/row"),
        drive_base=(base, "ns"),
        drive=(drive, "ns/fF"),
        drive_wire=(wire, "ns/fF/col"),
    )


def fit_columns(rows: Sequence[Row], node: int) -> dict[str, Group]:
    (shifter,) = least_squares(pick(rows, "wllevelshifter", node), lambda r: r["area_um2"], lambda r: r["rows"])
    return {
        "column_driver_rram": fit_lines(rows, "slSwitchMatrix", node, "source-line switch matrix"),
        "level_shifter": group(
            "simulator-validated", NEUROSIM + ", write voltage above 1.5 V", area=(shifter, "um2/line")
        ),
    }


def fit_lines(rows: Sequence[Row], component: str, node: int, name: str, **where: object) -> Group:
    """A circuit at every line, idle while reading."""
    data = pick(rows, component, node, **where)
    (area,) = least_squares(data, lambda r: r["area_um2"], lambda r: r["cols"])
    (leak,) = least_squares(data, lambda r: r["leakage_uW"], lambda r: r["cols"])
    return group("simulator-validated", f"{NEUROSIM}, {name}", area=(area, "um2/line"), leakage=(leak * 1e6, "pW/line"))


def select_load(rows: Sequence[Row], node: int) -> tuple[float, float, float]:
    """Base time of 8 ways, time per minimum gate on a select line, and width of the gates in ohm/row."""
    data = [r for r in pick(rows, "muxDecoder", node, mux=8.0) if r["area_um2"]]

    def solve(width: float) -> tuple[float, list[float]]:
        terms = (one, lambda r: r["cols"] / 8 * max(1.0, width * r["rows"] / on_ohm(r)))
        found = least_squares(data, lambda r: r["latency_ns"], *terms)
        off = [sum(c * t(r) for c, t in zip(found, terms, strict=True)) / r["latency_ns"] - 1 for r in data]
        return float(np.sum(np.square(off))), found

    width = min(np.arange(40.0, 60.0, 0.1), key=lambda w: solve(w)[0])
    base, load = solve(width)[1]
    return base, load, float(width)


def fit_mux(rows: Sequence[Row], node: int, width: float) -> Group:
    """Pass gates of at least minimum width, wider (`width`, ohm/row) where columns conduct well."""
    data = [r for r in pick(rows, "mux", node) if r["area_um2"]]
    needed = lambda r: width * r["rows"] / on_ohm(r)  # noqa: E731
    column_fj = lambda r: energy_fj(r) / r["cols"]  # noqa: E731
    (gate,) = least_squares([r for r in data if needed(r) <= 1], column_fj, one)
    (time,) = least_squares([r for r in data if needed(r) <= 1], lambda r: r["latency_ns"], one)
    way_um2 = (ROW_F * node * 1e-3) * (RRAM_PITCH_F * node * 1e-3)
    # two ways were run at 32 nm, 128 x 128: a single row of unfolded gates
    pair = [r for r in pick(rows, "mux", 32) if r["mux"] == 2]
    pair_um2 = pair[0]["area_um2"] / 256 / 0.032**2 * (node * 1e-3) ** 2 if pair else way_um2
    return group(
        "simulator-validated",
        NEUROSIM + ", pass gates sized to the column, a row of 28F per way",
        area=(way_um2, "um2/col/way"),
        area_pair=(pair_um2, "um2/col/way"),
        gate=(gate, "fJ/col"),
        width=(width, "ohm/row"),
        **wide_gates(data, needed, gate, time),
    )


def wide_gates(
    data: Sequence[Row], needed: Callable[[Row], float], gate: float, time: float
) -> dict[str, tuple[float, str]]:
    """Charge and time of gates that are wider than minimum."""
    wide = [r for r in data if needed(r) > 1]
    column_fj = lambda r: energy_fj(r) / r["cols"]  # noqa: E731
    fixed, slope = least_squares(wide, column_fj, one, needed)
    (resistance,) = least_squares(wide, lambda r: r["latency_ns"], lambda r: (fixed + slope * needed(r)) / needed(r))
    return {
        "fixed": (fixed, "fJ/col"),
        "wide": (slope, "fJ/col/gate"),
        "pass_time": (time, "ns"),
        "pass_wide": (resistance, "ns/fJ"),
    }


def fit_decoder(rows: Sequence[Row], node: int) -> Group:
    """2, 8 and 32 ways at 32 nm; other nodes keep its proportions and their own 8 ways."""
    two, eight, many = (pick(rows, "muxDecoder", 32, mux=ways)[0] for ways in (2.0, 8.0, 32.0))
    here = pick(rows, "muxDecoder", node, mux=8.0)[0]
    phase_fj = lambda r: energy_fj(r) / r["mux"]  # noqa: E731
    base, load, _ = select_load(rows, node)
    base32, load32, width = select_load(rows, 32)
    bit_fj, line_fj = np.linalg.solve([[3, 8], [5, 32]], [phase_fj(eight), phase_fj(many)])
    um2 = lambda width_f: ROW_F * width_f * (node * 1e-3) ** 2  # noqa: E731
    (line,) = least_squares([eight, many], lambda r: r["area_um2"] / r["mux"] - _decoder_growth(r), one)
    nand = 223 / 9  # a full adder of 9 NANDs leaks 0.223 nW
    inverter = two["leakage_uW"] * 1e6
    nor = [(r["leakage_uW"] * 1e6 - k * inverter - n * nand) / 2**k for r, k, n in ((eight, 3, 4), (many, 5, 8))]
    gates = lambda r: r["cols"] / r["mux"] * max(1.0, width * r["rows"] / on_ohm(r))  # noqa: E731
    fan_out = many["latency_ns"] - base32 - load32 * gates(many)
    direct = two["latency_ns"] / gates(two)
    energy, leakage = (here[key] / eight[key] for key in ("energy_pJ_per_full_bitplane_read", "leakage_uW"))
    time = base / base32
    return group(
        "simulator-validated",
        NEUROSIM + ", column decoder (2, 8 and 32 ways at 32 nm; 8 ways elsewhere)",
        line=(line * (node / 32) ** 2, "um2/line"),
        line_wire=(um2(WIRE_F), "um2/line/wire"),
        line_input=(um2(FINGER_F), "um2/line/input"),
        switch_bit=(bit_fj * energy, "fJ/bit"),
        switch_line=(line_fj * energy, "fJ/line"),
        leakage_inverter=(inverter * leakage, "pW"),
        leakage_nand=(nand * leakage, "pW"),
        leakage_nor=((3 * nor[0] - 2 * nor[1]) * leakage, "pW"),
        leakage_input=((nor[1] - nor[0]) * leakage, "pW"),
        time_base=((base32 - 8 * fan_out / 24) * time, "ns"),
        time_line=(fan_out / 24 * time, "ns/line"),
        load=(load, "ns/gate"),
        load_direct=(direct * load / load32, "ns/gate"),
    )


def _decoder_growth(row: Row) -> float:
    """um2 of a line's wires and NOR inputs."""
    address = math.log2(row["mux"])
    return float(ROW_F * (2 * address * WIRE_F + math.ceil(address / 2) * FINGER_F) * (row["node_nm"] * 1e-3) ** 2)


def fit_sar(rows: Sequence[Row], node: int) -> Group:
    """Converter apart from the column current, whose share of the conversion time is `column_duty` at 1 mS."""
    data = pick(rows, "sarADC(all)", node)
    adcs = lambda r: r["cols"] / r["mux"]  # noqa: E731
    watts = lambda r: energy_fj(r) / r["cols"] / (bits(r) + 1)  # noqa: E731  # uW
    areas, powers = [one, bits], [one, bits]
    if len({bits(r) for r in data}) == 1:  # base to slope as between the nodes around it
        near = [fit_sar(rows, n) for n in (32, 65)]
        share = (node - 32) / (65 - 32)
        ratio = [(1 - share) * a + share * b for a, b in zip(*map(_slopes, near), strict=True)]
        areas, powers = ([lambda r, k=k: 1 + k * bits(r)] for k in ratio)
    area = least_squares(data, lambda r: r["area_um2"] / adcs(r), *areas)

    def solve(power: float) -> tuple[float, list[float]]:
        terms = [*powers, lambda r: 250.0 * (1e3 / r["meanColRes_ohm"]) ** power]
        found = least_squares(data, watts, *terms)
        off = [sum(c * t(r) for c, t in zip(found, terms, strict=True)) / watts(r) - 1 for r in data]
        return float(np.sum(np.square(off))), found

    power = min(np.arange(0.98, 1.02, 0.00025), key=lambda p: solve(p)[0])
    *watt, duty = solve(power)[1]
    if len(area) == 1:
        area, watt = [area[0], area[0] * ratio[0]], [watt[0], watt[0] * ratio[1]]
    return group(
        "simulator-validated",
        NEUROSIM + ", SAR converter at 3 to 8 bits, 1 ns per bit and one to sample",
        area_base=(area[0], "um2"),
        area_bit=(area[1], "um2/bit"),
        power_base=(watt[0], "uW"),
        power_bit=(watt[1], "uW/bit"),
        time_bit=(1.0, "ns"),
        column_duty=(duty, "-"),
        column_power=(float(power), "-"),
    )


def _slopes(law: Group) -> tuple[float, float]:
    value = lambda key: law[key]["value"]  # noqa: E731
    return value("area_bit") / value("area_base"), value("power_bit") / value("power_base")
