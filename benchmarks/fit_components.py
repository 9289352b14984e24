"""Fit the coefficients of `configs/technology/cmos_<node>nm.yaml` to component tables.

    python benchmarks/fit_components.py COMPONENTS.csv ROUTERS.csv LINKS.csv --out configs/technology

COMPONENTS.csv: circuits of NeuroSim V1.3 (388f421), called one at a time (columns of
`tests/reference/neurosim_components.csv`); ROUTERS.csv and LINKS.csv: DSENT (gem5 b1a44b89). The laws are ours
and stand in `spikesim_py/cost/components/`; this script finds their numbers by least squares on relative
errors. A node without measurements of a circuit takes those of 32 nm, scaled, and is graded `assumed`.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

NODES = (65, 45, 32, 22)
NEUROSIM = "NeuroSim V1.3 (388f421), LSTP, run per component"
Row = dict[str, Any]
Group = dict[str, Any]

# NeuroSim's H-tree (fJ per bit and mm at a toggle rate of 0.25), read off at every node
HTREE_FJ_PER_BIT_MM = {65: 82.7, 45: 68.2, 32: 55.05, 22: 48.7}
# NeuroSim's ripple adder and flip-flop per bit: um2, fJ per operation, nW
ADDER_32 = {"area": 2.94, "energy": 2.04, "leakage": 0.223, "time": 0.110}
FLIP_FLOP_32 = {"area": 2.69, "energy": 9.54, "share_validated": 0.5}
# NeuroSim's 16 Kb SRAM buffer at 32 nm (128 rows): fJ per bit; area and leakage are per-cell facts
BUFFER_32 = {"rows": 128, "read_fj": 13.3, "write_fj": 9.1, "edge_um2": 6.5}
# a 32 nm inverter of NeuroSim's table leaks 0.6 of it at 22 nm (adder: 0.134 / 0.223 nW per bit)
WIRE_FF_PER_UM = 0.2
# Horowitz, "Computing's energy problem", ISSCC 2014, 45 nm, 0.9 V: FP32 pJ and um2
FP32_45 = {"multiply_pj": 3.7, "add_pj": 0.9, "multiply_um2": 7700.0, "add_um2": 4184.0, "volt": 0.9}


def read_rows(path: Path) -> list[Row]:
    """Rows of a CSV with its numbers as numbers; lines that start with # are comments."""
    with path.open(encoding="utf-8") as stream:
        return [
            {key: _number(value) for key, value in row.items()}
            for row in csv.DictReader(line for line in stream if not line.startswith("#"))
        ]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def pick(table: Iterable[Row], component: str, node: int = 32, /, **where: Any) -> list[Row]:
    """Rows of one component at one node; `sweep` may be a tuple of sweeps."""
    sweeps = where.pop("sweep", ("all_sar", "mux_sweep", "act_sweep", "ron_sweep"))
    return [
        row
        for row in table
        if row["component"] == component
        and row["node_nm"] == node
        and row["sweep"] in sweeps
        and all(row[key] == value for key, value in where.items())
    ]


def least_squares(
    rows: Sequence[Row], target: Callable[[Row], float], *terms: Callable[[Row], float]
) -> list[float]:
    """Coefficients of `target ~ sum c_i term_i`, minimizing relative errors."""
    weight = np.array([1.0 / target(row) for row in rows])
    matrix = np.array([[term(row) for term in terms] for row in rows]) * weight[:, None]
    solution, *_ = np.linalg.lstsq(matrix, np.ones(len(rows)), rcond=None)
    return [float(value) for value in solution]


def one(_: Row) -> float:
    return 1.0


def bits(row: Row) -> float:
    return math.log2(row["levels"])


def on_ohm(row: Row) -> float:
    """Cell resistance at the highest level: 6 kOhm, but for the sweep that names it by its column resistance."""
    if row["sweep"] != "ron_sweep":
        return 6000.0
    return min((6e3, 25e3, 1e5, 1e6), key=lambda r: abs(math.log(r * 0.11 / row["meanColRes_ohm"])))


def group(grade: str, source: str, **values: tuple[float, str]) -> Group:
    coefficients = {name: {"value": float(f"{v:.5g}"), "unit": u} for name, (v, u) in values.items()}
    return {"grade": grade, "source": source, **coefficients}


def scaled(reference: Group, source: str, **factors: float) -> Group:
    """A group of another node, scaled by the kind of quantity that the unit names."""
    out: Group = {"grade": "assumed", "source": source}
    for name, entry in reference.items():
        if not isinstance(entry, dict):
            continue
        quantity = _quantity(entry["unit"])
        value = entry["value"] * factors.get(quantity, 1.0)
        out[name] = {"value": float(f"{value:.5g}"), "unit": entry["unit"]}
    return out


def _quantity(unit: str) -> str:
    head = unit.split("/")[0]
    return {"um2": "area", "fJ": "energy", "uW": "energy", "pW": "leakage", "ns": "time", "fF": "cap"}.get(head, "")


def fit_cells(rows: Sequence[Row], node: int, vdd: float) -> Group:
    """1T1R cell: 12F x 4F; a word line carries wire and a gate whose width goes with 1/r_on."""
    feature = node * 1e-3
    array = pick(rows, "array", node)
    wire, bit_line = 12 * feature * WIRE_FF_PER_UM, 4 * feature * WIRE_FF_PER_UM

    def gate_pj(row: Row) -> float:
        bits_pj = row["cols"] * row["rows"] * bit_line * 0.25e-3
        word_pj = row["mux"] * row["rows"] * row["cols"] * row["rowActivity"] * wire * vdd**2 * 1e-3
        return float(row["energy_pJ_per_full_bitplane_read"]) - bits_pj - word_pj

    exact = [row for row in array if row["sweep"] != "act_sweep"]
    (gate,) = least_squares(
        exact,
        gate_pj,
        lambda r: r["mux"] * r["rows"] * r["cols"] * r["rowActivity"] * vdd**2 * 1e-3 / on_ohm(r),
    )
    if node == 32:
        base, slope = least_squares(exact, lambda r: r["latency_ns"], one, on_ohm)
    else:
        base, slope = exact[0]["latency_ns"], 0.0
    return group(
        "simulator-validated",
        NEUROSIM + " (cell 12F x 4F, wire 0.2 fF/um, access transistor sized to r_on/4)",
        area=(48 * feature**2, "um2"),
        word_wire=(wire, "fF"),
        word_gate=(gate, "fF/S"),
        bit_line=(bit_line, "fF"),
        settle_base=(base, "ns"),
        settle_per_ohm=(slope, "ns/ohm"),
    )


def row_capacitance_ff(row: Row, cell: Group) -> float:
    per_cell = cell["word_wire"]["value"] + cell["word_gate"]["value"] / on_ohm(row)
    return float(row["cols"] * per_cell)


def fit_row_driver(rows: Sequence[Row], node: int, cell: Group) -> Group:
    data = pick(rows, "wlNewSwitchMatrix", node)
    (area,) = least_squares(data, lambda r: r["area_um2"], lambda r: r["rows"])
    (leak,) = least_squares(data, lambda r: r["leakage_uW"], lambda r: r["rows"])
    full = lambda r: r["energy_pJ_per_full_bitplane_read"]  # noqa: E731
    phases = lambda r: r["mux"] * r["rows"] * 1e-3  # noqa: E731
    if node == 32:
        clock, active = least_squares(data, full, phases, lambda r: phases(r) * r["rowActivity"])
    else:  # one activity only: split as measured at 32 nm
        share = fit_row_driver(rows, 32, fit_cells(rows, 32, 0.9))
        ratio = share["active"]["value"] / share["clock"]["value"]
        (clock,) = least_squares(data, full, lambda r: phases(r) * (1 + ratio * r["rowActivity"]))
        active = ratio * clock
    time = least_squares(
        data,
        lambda r: r["latency_ns"],
        lambda r: row_capacitance_ff(r, cell),
        lambda r: r["cols"] * row_capacitance_ff(r, cell),
    )
    return group(
        "simulator-validated",
        NEUROSIM + ", word-line switch matrix",
        area=(area, "um2/row"),
        clock=(clock, "fJ/row"),
        active=(active, "fJ/active row"),
        leakage=(leak * 1e6, "pW/row"),
        drive=(time[0], "ns/fF"),
        drive_wire=(time[1], "ns/fF/col"),
    )


def fit_columns(rows: Sequence[Row], node: int) -> dict[str, Group]:
    matrix, shifter = pick(rows, "slSwitchMatrix", node), pick(rows, "wllevelshifter", node)
    (area,) = least_squares(matrix, lambda r: r["area_um2"], lambda r: r["cols"])
    (leak,) = least_squares(matrix, lambda r: r["leakage_uW"], lambda r: r["cols"])
    (lines,) = least_squares(shifter, lambda r: r["area_um2"], lambda r: r["rows"])
    return {
        "column_driver_rram": group(
            "simulator-validated",
            NEUROSIM + ", source-line switch matrix",
            area=(area, "um2/col"),
            leakage=(leak * 1e6, "pW/col"),
        ),
        "level_shifter": group(
            "simulator-validated", NEUROSIM + ", write voltage above 1.5 V", area=(lines, "um2/line")
        ),
    }


def fit_mux(rows: Sequence[Row], node: int, component_sweeps: tuple[str, ...] = ("all_sar",)) -> Group:
    """Pass gates (at least minimum width, wider where columns conduct well) and their select lines."""
    sram = component_sweeps == ("sram_sweep",)
    extra = ("mux_sweep", "ron_sweep") if node == 32 and not sram else ()
    data = [r for r in pick(rows, "mux", node, sweep=component_sweeps + extra) if r["area_um2"] and r["mux"] > 2]
    decode = [
        r for r in pick(rows, "muxDecoder", node, sweep=component_sweeps + extra) if r["latency_ns"] and r["mux"] > 2
    ]
    (area,) = least_squares(data, lambda r: r["area_um2"], lambda r: r["cols"] * r["mux"])
    unit = _minimum_gate(rows, node)
    width = [
        r["energy_pJ_per_full_bitplane_read"] * 1e3 / r["cols"] / unit / (r["rows"] / (1.0 if sram else on_ohm(r)))
        for r in data
        if r["energy_pJ_per_full_bitplane_read"] * 1e3 / r["cols"] > 1.05 * unit
    ]
    per_row = float(np.exp(np.mean(np.log(width))))
    gates = lambda r: max(1.0, 0.86 * per_row * r["rows"] / (1.0 if sram else on_ohm(r)))  # noqa: E731
    base, line = least_squares(
        decode,
        lambda r: r["latency_ns"],
        lambda r: math.log2(r["mux"]),
        lambda r: r["cols"] / r["mux"] * gates(r),
    )
    (mux_ns,) = least_squares(data, lambda r: r["latency_ns"], one)
    return group(
        "simulator-validated",
        NEUROSIM + (", pass gates of SRAM columns" if sram else ", pass gates sized to the column"),
        area=(area, "um2/col/way"),
        gate=(unit, "fJ/col"),
        width=(per_row, "1/row" if sram else "ohm/row"),
        pass_time=(mux_ns, "ns"),
        select_base=(base, "ns/address bit"),
        select_line=(line, "ns/gate"),
    )


def _minimum_gate(rows: Sequence[Row], node: int) -> float:
    """Energy of a minimum pass gate, from the smallest array: fJ per column."""
    smallest = pick(rows, "mux", node, sweep=("all_sar",), rows=32.0)
    return float(smallest[0]["energy_pJ_per_full_bitplane_read"] * 1e3 / 32)


def fit_decoder(rows: Sequence[Row], node: int) -> Group:
    """Powers of the ways; their exponents are those between 8 and 32 ways at 32 nm."""
    eight = pick(rows, "muxDecoder", node, sweep=("all_sar",))[0]
    low, high = (pick(rows, "muxDecoder", 32, sweep=("mux_sweep",), mux=m)[0] for m in (8.0, 32.0))
    power = lambda key: math.log(high[key] / low[key]) / math.log(4)  # noqa: E731
    return group(
        "simulator-validated",
        NEUROSIM + ", column decoder (8 ways; exponents between 8 and 32 ways at 32 nm)",
        area=(eight["area_um2"], "um2"),
        area_power=(power("area_um2"), "-"),
        switch=(eight["energy_pJ_per_full_bitplane_read"] * 1e3 / 8, "fJ"),
        switch_power=(power("energy_pJ_per_full_bitplane_read") - 1, "-"),
        leakage=(eight["leakage_uW"] * 1e6, "pW"),
        leakage_power=(power("leakage_uW"), "-"),
    )


def fit_sar(rows: Sequence[Row], node: int) -> Group:
    """Converter apart from the column current, whose share of the conversion time is `column_duty`."""
    data = pick(rows, "sarADC(all)", node, sweep=("all_sar",))
    adcs = lambda r: r["cols"] / r["mux"]  # noqa: E731
    power = lambda r: r["energy_pJ_per_full_bitplane_read"] * 1e3 / r["cols"] / (bits(r) + 1)  # noqa: E731
    current = lambda r: 0.25e6 / r["meanColRes_ohm"]  # noqa: E731  # uW at 0.5 V
    if len({bits(r) for r in data}) > 1:
        area = least_squares(data, lambda r: r["area_um2"] / adcs(r), one, bits)
        base, slope, duty = least_squares(data, power, one, bits, current)
    else:  # one resolution: base to slope as at 32 nm
        known = fit_sar(rows, 32)
        ratio = known["area_bit"]["value"] / known["area_base"]["value"]
        (a0,) = least_squares(data, lambda r: r["area_um2"] / adcs(r), lambda r: 1 + ratio * bits(r))
        area = [a0, a0 * ratio]
        ratio = known["power_bit"]["value"] / known["power_base"]["value"]
        base, duty = least_squares(data, power, lambda r: 1 + ratio * bits(r), current)
        slope = base * ratio
    return group(
        "simulator-validated",
        NEUROSIM + ", SAR converter at 3 to 8 bits, 1 ns per bit and one to sample",
        area_base=(area[0], "um2"),
        area_bit=(area[1], "um2/bit"),
        power_base=(base, "uW"),
        power_bit=(slope, "uW/bit"),
        time_bit=(1.0, "ns"),
        column_duty=(duty, "-"),
    )


def fit_flash(rows: Sequence[Row], node: int) -> Group:
    amplifier = pick(rows, "MLSA(all)", node, sweep=("all_mlsa",))
    encoder = pick(rows, "MLSAencoder", node, sweep=("all_mlsa",))
    levels = lambda r: r["levels"]  # noqa: E731
    adcs = 16.0
    (comparator,) = least_squares(amplifier, lambda r: r["area_um2"] / adcs, lambda r: r["levels"] - 1)
    code = least_squares(encoder, lambda r: r["area_um2"] / adcs, one, lambda r: r["levels"] ** 2)
    both = [
        {**a, "sum": (a["energy_pJ_per_full_bitplane_read"] + e["energy_pJ_per_full_bitplane_read"]) * 1e3 / 128}
        for a, e in zip(amplifier, encoder, strict=True)
    ]
    constant, level = least_squares(both, lambda r: r["sum"], one, levels)
    time = least_squares(encoder, lambda r: r["latency_ns"] + 1.0, one, levels)
    (leak,) = least_squares(encoder, lambda r: r["leakage_uW"] / adcs, levels)
    current_fj = 0.25e6 / amplifier[0]["meanColRes_ohm"]  # 1 ns at 0.5 V
    return group(
        "simulator-validated",
        NEUROSIM + ", multi-level sense amplifiers and encoder, 3 to 8 bits (constant energy read as column current)",
        comparator_area=(comparator, "um2"),
        encoder_base=(code[0], "um2"),
        encoder_square=(code[1], "um2"),
        level=(level, "fJ"),
        time_base=(time[0], "ns"),
        time_level=(time[1], "ns"),
        leakage=(leak * 1e6, "pW/level"),
        sense_time=(1.0, "ns"),
        column_duty=(constant / current_fj, "-"),
    )


def fit_shift_add(rows: Sequence[Row], node: int, inputs: bool) -> Group:
    """Registers and adders; slices and input bits widen them."""
    name = "shiftAddInput" if inputs else "shiftAddWeight"
    sweeps = ("all_sar", "mux_sweep", "sram_sweep") if node == 32 else ("all_sar",)
    data = [r for r in pick(rows, name, node, sweep=sweeps) if r["adc"] == "SAR"]
    if len({bits(r) for r in data}) == 1:
        known = fit_shift_add(rows, 32, inputs)
        at32 = pick(rows, name, 32, sweep=("all_sar",), levels=32.0, rows=128.0)[0]
        here = pick(rows, name, node, sweep=("all_sar",), levels=32.0, rows=128.0)[0]
        ratio = {
            "area": here["area_um2"] / at32["area_um2"],
            "energy": here["energy_pJ_per_full_bitplane_read"] / at32["energy_pJ_per_full_bitplane_read"],
            "leakage": here["leakage_uW"] / at32["leakage_uW"],
            "time": here["latency_ns"] / at32["latency_ns"],
        }
        return {**scaled(known, f"{NEUROSIM}, one point per node", **ratio), "grade": "simulator-validated"}
    units, slices = (lambda r: r["cols"] / r["mux"]), (lambda r: r["synapseBit"] / r["cellBit"])
    per_unit = lambda key: lambda r: r[key] / units(r)  # noqa: E731
    ops = (lambda r: max(r["mux"] / slices(r), 1) * units(r)) if inputs else (lambda r: r["cols"])
    spent = [r for r in data if r["energy_pJ_per_full_bitplane_read"]]
    fj = lambda r: r["energy_pJ_per_full_bitplane_read"] * 1e3 / ops(r)  # noqa: E731
    single = len({slices(r) for r in data}) == 1
    if single:  # one cell width: what a slice adds is as at 32 nm, in proportion to what a bit adds
        known = fit_shift_add(rows, 32, inputs)
        part = lambda kind: known[f"{kind}_slice"]["value"] / known[f"{kind}_bit"]["value"]  # noqa: E731
        way = known["area_way"]["value"] / known["area_bit"]["value"]
        a_base, a_bit = least_squares(
            data, per_unit("area_um2"), one, lambda r: bits(r) + part("area") * slices(r) + way * r["mux"]
        )
        a_slice, a_way = a_bit * part("area"), a_bit * way
        e_base, e_bit = least_squares(spent, fj, one, lambda r: bits(r) + part("energy") * slices(r))
        e_slice = e_bit * part("energy")
        l_base, l_bit = least_squares(data, per_unit("leakage_uW"), one, bits)
    else:
        a_base, a_bit, a_slice, a_way = least_squares(
            data, per_unit("area_um2"), one, bits, slices, lambda r: r["mux"]
        )
        e_bit, e_slice, e_base = least_squares(spent, fj, bits, slices, one)
        l_base, l_bit = least_squares(data, per_unit("leakage_uW"), one, bits)
    t_base, t_bit = least_squares([r for r in data if r["cellBit"] == 2], lambda r: r["latency_ns"], one, bits)
    return group(
        "simulator-validated",
        f"{NEUROSIM}, shift-add over {'input planes (8-bit inputs)' if inputs else 'weight slices'}",
        area_base=(a_base, "um2"),
        area_bit=(a_bit, "um2/bit"),
        area_slice=(a_slice, "um2/slice"),
        area_way=(a_way, "um2/way"),
        energy_base=(e_base, "fJ"),
        energy_bit=(e_bit, "fJ/bit"),
        energy_slice=(e_slice, "fJ/slice"),
        time_base=(t_base, "ns"),
        time_bit=(t_bit, "ns/bit"),
        leakage_base=(l_base * 1e6, "pW"),
        leakage_bit=(l_bit * 1e6, "pW/bit"),
    )


def fit_sram_cells(rows: Sequence[Row]) -> dict[str, Group]:
    """6T array at 32 nm: cell, precharge, word-line switch matrix, column drivers."""
    get = lambda name: [r for r in pick(rows, name, 32, sweep=("sram_sweep",)) if r["adc"] == "SAR"]  # noqa: E731
    energy = lambda r: r["energy_pJ_per_full_bitplane_read"] * 1e3  # noqa: E731
    array, word, charge, write = (get(n) for n in ("array", "wlSwitchMatrix", "precharger", "sramWriteDriver"))
    (area,) = least_squares(array, lambda r: r["area_um2"], lambda r: r["rows"] * r["cols"])
    (pre,) = least_squares(charge, energy, lambda r: r["mux"] * r["rows"] * r["cols"])
    settle = least_squares(array, lambda r: r["latency_ns"], lambda r: r["rows"], lambda r: r["rows"] ** 2)
    base_area, row_area = least_squares(word, lambda r: r["area_um2"], one, lambda r: r["rows"])
    phase, row_fj = least_squares(word, energy, lambda r: r["mux"], lambda r: r["mux"] * r["rows"])
    (leak,) = least_squares(word, lambda r: r["leakage_uW"], lambda r: r["rows"])
    (drive,) = least_squares(word, lambda r: r["latency_ns"], lambda r: r["cols"] ** 2)
    (c_area,) = least_squares(charge, lambda r: r["area_um2"], lambda r: r["cols"])
    (w_area,) = least_squares(write, lambda r: r["area_um2"], lambda r: r["cols"])
    (c_leak,) = least_squares(charge, lambda r: r["leakage_uW"], lambda r: r["cols"])
    (w_leak,) = least_squares(write, lambda r: r["leakage_uW"], lambda r: r["cols"])
    return {
        "cell_sram": group(
            "simulator-validated",
            NEUROSIM + ", 6T cell of 280 F2, bit lines precharged in every mux phase",
            area=(area, "um2"),
            precharge=(pre, "fJ/cell"),
            settle_row=(settle[0], "ns/row"),
            settle_row_square=(settle[1], "ns/row/row"),
            leakage=(_cell_leakage(rows), "pW"),
        ),
        "row_driver_sram": group(
            "simulator-validated",
            NEUROSIM + ", word-line switch matrix at a row activity of 0.17",
            area_base=(base_area, "um2"),
            area=(row_area, "um2/row"),
            phase=(phase, "fJ"),
            clock=(row_fj, "fJ/row"),
            leakage=(leak * 1e6, "pW/row"),
            drive=(drive, "ns/col/col"),
        ),
        "column_driver_sram": group(
            "simulator-validated",
            NEUROSIM + ", precharger and write driver",
            area=(c_area + w_area, "um2/col"),
            leakage=((c_leak + w_leak) * 1e6, "pW/col"),
        ),
    }


def _cell_leakage(rows: Sequence[Row]) -> float:
    """pW per 6T cell: what the parts of the largest array leave of its total leakage."""
    data = [r for r in rows if r["sweep"] == "sram_sweep" and r["adc"] == "SAR" and r["rows"] == 256]
    total = next(r["leakage_uW"] for r in data if r["component"].startswith("subarray_total"))
    parts = sum(r["leakage_uW"] for r in data if not r["component"].startswith("subarray_total"))
    return float((total - parts) * 1e6 / 256**2)


def derived(groups: dict[str, Group], node: int, vdd: float, vdd32: float) -> dict[str, Group]:
    """Adders and registers from the fitted shift-add; buffers and H-tree from single figures."""
    slope = groups["shift_add"]
    adder_share = ADDER_32["energy"] / (
        ADDER_32["energy"] + FLIP_FLOP_32["energy"] * FLIP_FLOP_32["share_validated"]
    )
    area_share = ADDER_32["area"] / (ADDER_32["area"] + FLIP_FLOP_32["area"])
    energy_bit, area_bit = slope["energy_bit"]["value"], slope["area_bit"]["value"]
    leak_bit = slope["leakage_bit"]["value"]
    leak_share = ADDER_32["leakage"] * 1e3 / 464.4
    feature, dynamic = node / 32, (node / 32) * (vdd / vdd32) ** 2
    cell_leak = groups["cell_sram"]["leakage"]["value"]
    measured = node == 32
    buffer_source = f"{NEUROSIM}, SRAM buffer of 16 Kb at 32 nm" + (
        "" if measured else "; area by F2, energy by F Vdd2"
    )
    return {
        "digital": group(
            "sourced",
            f"{NEUROSIM}: shift-add per bit, split into ripple adder and flip-flop as at 32 nm",
            adder_area=(area_bit * area_share, "um2/bit"),
            adder=(energy_bit * adder_share, "fJ/bit"),
            adder_time=(slope["time_bit"]["value"], "ns/bit"),
            adder_leakage=(leak_bit * leak_share, "pW/bit"),
            register_area=(area_bit * (1 - area_share), "um2/bit"),
            register=(energy_bit * (1 - adder_share), "fJ/bit"),
            register_leakage=(leak_bit * (1 - leak_share), "pW/bit"),
        ),
        "memory": group(
            "simulator-validated" if measured else "assumed",
            buffer_source + "; banks of 16 Kb and 128-bit lines are ours",
            cell_area=(280 * (node * 1e-3) ** 2, "um2/bit"),
            edge_area=(BUFFER_32["edge_um2"] * feature**2, "um2/line"),
            read=(BUFFER_32["read_fj"] / BUFFER_32["rows"] * dynamic, "fJ/bit/line"),
            write=(BUFFER_32["write_fj"] / BUFFER_32["rows"] * dynamic, "fJ/bit/line"),
            leakage=(cell_leak, "pW/bit"),
            bank=(16384, "bit"),
            line=(128, "bit"),
        ),
        "htree": group(
            "simulator-validated" if measured else "assumed",
            f"{NEUROSIM}, H-tree at a toggle rate of 0.25; delay and area per mm as at 32 nm, area by F2",
            energy=(HTREE_FJ_PER_BIT_MM[node], "fJ/bit/mm"),
            delay=(0.61, "ns/mm"),
            area=(22.7 * feature**2, "um2/bit/mm"),
            depth=(1.2, "mm/mm"),
            width=(128, "bit"),
        ),
    }


def floating_point(node: int, vdd: float) -> Group:
    """FP32 units of a digital design: area goes with F2, energy with F and with Vdd2 against 45 nm's 0.9 V."""
    feature = node / 45
    energy = feature * (1.0 if node == 45 else (vdd / FP32_45["volt"]) ** 2)
    source = "Horowitz, ISSCC 2014, 45 nm at 0.9 V" + ("" if node == 45 else "; area by F2, energy by F Vdd2")
    return group(
        "sourced" if node == 45 else "assumed",
        source + "; an array of 32 x 32 lanes is ours",
        multiply=(FP32_45["multiply_pj"] * 1e3 * energy, "fJ"),
        add=(FP32_45["add_pj"] * 1e3 * energy, "fJ"),
        multiply_area=(FP32_45["multiply_um2"] * feature**2, "um2"),
        add_area=(FP32_45["add_um2"] * feature**2, "um2"),
        side=(32, "lanes"),
    )


def fit_noc(routers: Sequence[Row], links: Sequence[Row], node: int) -> dict[str, Any]:
    """DSENT's table at its nodes; at 65 nm each figure continues the power law between 32 and 45 nm."""
    if node != 65:
        source = f"DSENT (gem5 b1a44b89), Bulk{node}LVT, 1 GHz, random data"
        mine = [r for r in routers if r["tech"] == f"Bulk{node}LVT"]
        wires = [r for r in links if r["tech"] == f"Bulk{node}LVT"]
        base, per_mm = least_squares(wires, lambda r: r["E_send_pJ"], one, lambda r: r["length_m"] * 1e3)
        table = [
            {
                "flit_bits": int(r["flit_bits"]),
                "vcs": int(r["vcs"]),
                "buffer_flits": int(r["buf_per_vc"]),
                "flit_pj": r["E_flit_router_pJ"],
                "clock_pj": r["E_clk_pJ_per_cycle"],
                "area_um2": r["area_um2"],
            }
            for r in mine
        ]
        wire = {"base_pj": base, "per_mm_pj": per_mm, "repeater_um2": wires[0]["active_um2"], "bits": 64}
        return {"grade": "simulator-validated", "source": source, "link": _round(wire), "routers": table}
    near, far = fit_noc(routers, links, 45), fit_noc(routers, links, 32)
    law = math.log(65 / 45) / math.log(45 / 32)
    up = lambda a, b: float(f"{a * (a / b) ** law:.5g}")  # noqa: E731
    keys = ("flit_pj", "clock_pj", "area_um2")
    table = [{**a, **{k: up(a[k], b[k]) for k in keys}} for a, b in zip(near["routers"], far["routers"], strict=True)]
    wire = {k: v if k == "bits" else up(v, far["link"][k]) for k, v in near["link"].items()}
    source = "assumed: DSENT (gem5 b1a44b89) at 32 and 45 nm continued to 65 nm by the power law between them"
    return {"grade": "assumed", "source": source, "link": wire, "routers": table}


def _round(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, int) else float(f"{v:.5g}") for k, v in values.items()}


def fit(rows: Sequence[Row], node: int) -> dict[str, Any]:
    """Every group of circuit coefficients of one node."""
    vdd = float(next(r["vdd"] for r in rows if r["node_nm"] == node))
    vdd32 = float(next(r["vdd"] for r in rows if r["node_nm"] == 32))
    feature = node / 32
    dynamic = feature * (vdd / vdd32) ** 2
    shift, shift32 = fit_shift_add(rows, node, False), fit_shift_add(rows, 32, False)
    factors = {
        "area": shift["area_bit"]["value"] / shift32["area_bit"]["value"],
        "energy": shift["energy_bit"]["value"] / shift32["energy_bit"]["value"],
        "leakage": shift["leakage_bit"]["value"] / shift32["leakage_bit"]["value"],
        "time": shift["time_bit"]["value"] / shift32["time_bit"]["value"],
        "cap": feature,
    }
    cells = fit_cells(rows, node, vdd)
    if node != 32:  # r_on was swept at 32 nm only: the bit line's share scales with F
        known = fit_cells(rows, 32, vdd32)["settle_per_ohm"]["value"] * feature
        cells["settle_per_ohm"]["value"] = float(f"{known:.5g}")
        cells["settle_base"]["value"] = float(f"{cells['settle_base']['value'] - 6000 * known:.5g}")
    groups: dict[str, Any] = {
        "process": group(
            "simulator-validated",
            NEUROSIM + "; margin: its factor beta on the sensing cycle",
            vdd=(vdd, "V"),
            sense_margin=(1.4, "-"),
        ),
        "cell_rram": cells,
        "row_driver_rram": fit_row_driver(rows, node, cells),
        **fit_columns(rows, node),
        "column_mux_rram": fit_mux(rows, node),
        "decoder": fit_decoder(rows, node),
        "sar_adc": fit_sar(rows, node),
        "shift_add": shift,
        "input_shift_add": fit_shift_add(rows, node, True),
    }
    sram = {**fit_sram_cells(rows), "column_mux_sram": fit_mux(rows, 32, ("sram_sweep",))}
    sram_source = f"{NEUROSIM} at 32 nm; to {node} nm by the fitted shift-add, cells by F2, wires by F Vdd2"
    if node != 32:
        sram = {name: scaled(entry, sram_source, **factors) for name, entry in sram.items()}
        sram["cell_sram"]["area"]["value"] = float(f"{280 * (node * 1e-3) ** 2:.5g}")
        sram["cell_sram"]["precharge"]["value"] = float(
            f"{fit_sram_cells(rows)['cell_sram']['precharge']['value'] * dynamic:.5g}"
        )
    groups |= sram
    if pick(rows, "MLSA(all)", node, sweep=("all_mlsa",)):
        groups["flash_adc"] = fit_flash(rows, node)
    else:
        source = f"{NEUROSIM} at 32 nm; to {node} nm by the fitted shift-add"
        groups["flash_adc"] = scaled(fit_flash(rows, 32), source, **{**factors, "time": 1.0})
    return groups | derived(groups, node, vdd, vdd32) | {"fp32": floating_point(node, vdd)}


def to_yaml(node: int, groups: dict[str, Any], noc: dict[str, Any]) -> str:
    lines = [
        f"# Circuits of a {node} nm CMOS chip, one group per component; `grade` and `source` hold for the group.",
        "# Written by benchmarks/fit_components.py: do not edit by hand.",
        f"node_nm: {node}",
    ]
    for name, entries in groups.items():
        lines += [f"{name}:", f"  grade: {entries['grade']}", f'  source: "{entries["source"]}"']
        lines += [
            f"  {key}: {{value: {entry['value']:g}, unit: {entry['unit']}}}"
            if entry["unit"] != "-"
            else f'  {key}: {{value: {entry["value"]:g}, unit: "-"}}'
            for key, entry in entries.items()
            if isinstance(entry, dict)
        ]
    lines += ["noc:", f"  grade: {noc['grade']}", f'  source: "{noc["source"]}"']
    lines.append(f"  link: {_flow(noc['link'])}  # pJ per {noc['link']['bits']}-bit flit")
    lines += ["  routers:  # 5 ports; pJ per flit, pJ per clock"]
    lines += [f"    - {_flow(router)}" for router in noc["routers"]]
    return "\n".join(lines) + "\n"


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value:g}" for key, value in values.items()) + "}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("components", "routers", "links"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    rows, routers, links = (read_rows(path) for path in (given.components, given.routers, given.links))
    for node in NODES:
        path = given.out / f"cmos_{node}nm.yaml"
        path.write_text(to_yaml(node, fit(rows, node), fit_noc(routers, links, node)), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
