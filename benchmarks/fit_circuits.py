"""The coefficients of the crossbar's circuits, from the component table; see `fit_components.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.fit_tables import (
    NEUROSIM,
    WIRE_FF_PER_UM,
    Group,
    Row,
    bits,
    group,
    least_squares,
    on_ohm,
    one,
    pick,
    scaled,
)


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
        a_base, a_bit, a_slice, a_way = least_squares(data, per_unit("area_um2"), one, bits, slices, lambda r: r["mux"])
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
