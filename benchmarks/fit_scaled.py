"""Circuits that were run at 32 nm (SRAM) or at 32 and 22 nm (flash), and their scaling to the other nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.fit_circuits import (
    FINGER_F,
    REGISTER_F,
    ROW_F,
    SRAM_HEIGHT_F,
    SRAM_PITCH_F,
    fit_lines,
    fit_sar,
    select_load,
    wide_gates,
)
from benchmarks.fit_tables import NEUROSIM, Group, Row, bits, energy_fj, group, least_squares, one, pick, scaled


def fit_sram(rows: Sequence[Row], gate: Group, load: float) -> dict[str, Group]:
    """6T array at 32 nm: cell, precharge, word-line switch matrix, column circuits; `gate` and `load` as in 1T1R."""
    get = lambda name: [r for r in pick(rows, name, 32, sweep=("sram_sweep",)) if r["adc"] == "SAR"]  # noqa: E731
    array, word, charge = (get(name) for name in ("array", "wlSwitchMatrix", "precharger"))
    (area,) = least_squares(array, lambda r: r["area_um2"], lambda r: r["rows"] * r["cols"])
    (pre,) = least_squares(charge, energy_fj, lambda r: r["mux"] * r["rows"] * r["cols"])
    line = (one, lambda r: r["rows"], lambda r: r["rows"] ** 2)
    settle, precharge = (least_squares(data, lambda r: r["latency_ns"], *line) for data in (array, charge))
    return {
        "cell_sram": group(
            "simulator-validated",
            NEUROSIM + ", 6T cell of 280 F2, bit lines precharged in every mux phase",
            area=(area, "um2"),
            pitch=(SRAM_PITCH_F * 0.032, "um"),
            precharge=(pre, "fJ/cell"),
            leakage=(_cell_leakage(rows), "pW"),
            **_line_times("settle", settle),
            **_line_times("charge", precharge),
        ),
        "row_driver_sram": _row_driver(word),
        "precharger": fit_lines(rows, "precharger", 32, "precharger", sweep=("sram_sweep",), adc="SAR"),
        "write_driver": fit_lines(rows, "sramWriteDriver", 32, "write driver", sweep=("sram_sweep",), adc="SAR"),
        "column_mux_sram": _mux(get("mux"), get("muxDecoder"), gate, load),
    }


def _line_times(name: str, found: Sequence[float]) -> dict[str, tuple[float, str]]:
    units = {"base": "ns", "row": "ns/row", "row_square": "ns/row/row"}
    return {f"{name}_{part}": (value, unit) for (part, unit), value in zip(units.items(), found, strict=True)}


def _row_driver(data: Sequence[Row]) -> Group:
    """Registers beside the rows; pass gates as wide as 1 / cols, which switch with the active rows."""
    row_fj, gate_fj = least_squares(
        data, lambda r: energy_fj(r) / r["mux"], lambda r: r["rows"], lambda r: r["rows"] / r["cols"]
    )
    (leak,) = least_squares(data, lambda r: r["leakage_uW"], lambda r: r["rows"])
    base, drive = least_squares(data, lambda r: r["latency_ns"], one, lambda r: r["cols"] ** 2)
    activity, feature = data[0]["rowActivity"], 0.032
    return group(
        "simulator-validated",
        NEUROSIM + ", word-line switch matrix at a row activity of 0.17",
        row_height=(ROW_F * feature, "um"),
        line_height=(SRAM_HEIGHT_F * feature, "um"),
        register_width=(REGISTER_F * feature, "um"),
        gate_width=(4 * FINGER_F * feature, "um"),
        gate_cols=(336.0, "cols"),  # 320 to 352: 11, 6 and 2 gates at 32, 64 and 256 columns
        clock=(row_fj, "fJ/row"),
        active_gate=(gate_fj / activity, "fJ col/active row"),
        leakage=(leak * 1e6, "pW/row"),
        drive_base=(base, "ns"),
        drive=(drive, "ns/col/col"),
    )


def _mux(gates: Sequence[Row], decoder: Sequence[Row], narrow: Group, load: float) -> Group:
    """Width from the load on the select lines: cols / ways gates that are as wide as the column is long."""
    _, slope = least_squares(decoder, lambda r: r["latency_ns"], one, lambda r: r["cols"] / r["mux"] * r["rows"])
    width = slope / load
    area = (ROW_F * 0.032) * (SRAM_PITCH_F * 0.032)
    pair = narrow["area_pair"]["value"] / narrow["area"]["value"]
    gate, time = narrow["gate"]["value"], narrow["pass_time"]["value"]
    return group(
        "simulator-validated",
        NEUROSIM + ", pass gates of SRAM columns",
        area=(area, "um2/col/way"),
        area_pair=(area * pair, "um2/col/way"),
        gate=(gate, "fJ/col"),
        width=(width, "1/row"),
        **wide_gates(gates, lambda r: width * r["rows"], gate, time),
    )


def _cell_leakage(rows: Sequence[Row]) -> float:
    """pW per 6T cell: what a sub-array leaks beyond its parts (NeuroSim leaves the column decoder out here)."""
    data = [r for r in rows if r["sweep"] == "sram_sweep" and r["adc"] == "SAR" and r["component"] != "muxDecoder"]
    totals = [r for r in data if r["component"].startswith("subarray_total")]
    parts = {size: -sum(r["leakage_uW"] for r in data if r["rows"] == size) for size in (r["rows"] for r in totals)}
    cells = lambda r: 2 * r["leakage_uW"] + parts[r["rows"]]  # noqa: E731  # the total is among the parts
    (leakage,) = least_squares(totals, cells, lambda r: r["rows"] * r["cols"])
    return leakage * 1e6


def node_factors(here: dict[str, Any], there: dict[str, Any], node: int) -> dict[str, float]:
    """What scales a circuit of 32 nm to a node: areas with F2, the rest as adder and register do."""
    ratio = lambda key: here[key]["value"] / there[key]["value"]  # noqa: E731
    both = lambda logic: logic["adder"]["value"] + logic["register"]["value"]  # noqa: E731
    return {
        "area": (node / 32) ** 2,
        "length": node / 32,
        "energy": both(here) / both(there),
        "leakage": ratio("adder_leakage"),
        "time": ratio("adder_time"),
    }


def scale_sram(groups: dict[str, Group], node: int, factors: dict[str, float], dynamic: float) -> dict[str, Group]:
    source = f"{NEUROSIM} at 32 nm; to {node} nm as adders and registers, areas with F2, bit lines with F Vdd2"
    out = {name: scaled(entry, source, **factors) for name, entry in groups.items()}
    out["cell_sram"]["area"]["value"] = float(f"{SRAM_PITCH_F * SRAM_HEIGHT_F * (node * 1e-3) ** 2:.5g}")
    out["cell_sram"]["precharge"]["value"] = float(f"{groups['cell_sram']['precharge']['value'] * dynamic:.5g}")
    return out


def fit_flash(rows: Sequence[Row], node: int) -> dict[str, Group]:
    """Sense amplifiers, and gates of as many inputs as there are levels."""
    amplifier = pick(rows, "MLSA(all)", node, sweep=("all_mlsa",))
    code = pick(rows, "MLSAencoder", node, sweep=("all_mlsa",))
    levels = lambda r: r["levels"]  # noqa: E731
    adcs = lambda r: r["cols"] / r["mux"]  # noqa: E731
    (comparator,) = least_squares(amplifier, lambda r: r["area_um2"] / adcs(r), lambda r: r["levels"] - 1)
    current, level = least_squares(
        amplifier,
        lambda r: energy_fj(r) / r["cols"],
        lambda r: 0.25e6 / r["meanColRes_ohm"],  # fJ of 1 ns at 0.5 V
        lambda r: r["levels"] - 1,
    )
    gates = (bits, levels, lambda r: r["levels"] * bits(r))
    fj = least_squares(code, lambda r: energy_fj(r) / r["cols"], *gates)
    leak = least_squares(code, lambda r: r["leakage_uW"] * 1e6 / adcs(r), *gates)
    time = least_squares(code, lambda r: r["latency_ns"], one, levels, bits)
    fold = 48  # levels: 8 to 32 take one fold, 64 two, 256 six
    (row,) = least_squares(
        code, lambda r: r["area_um2"] / adcs(r), lambda r: (r["levels"] - 1) * math.ceil(r["levels"] / fold)
    )
    return {
        "flash_adc": group(
            "simulator-validated",
            NEUROSIM + ", multi-level sense amplifiers, current mode, at 3 to 8 bits",
            comparator_area=(comparator, "um2"),
            level=(level, "fJ"),
            sense_time=(1.0, "ns"),
            column_duty=(current, "-"),
        ),
        "flash_encoder": group(
            "simulator-validated",
            NEUROSIM + ", encoder of the multi-level sense amplifiers",
            row=(row, "um2"),
            fold=(fold, "levels"),
            energy_bit=(fj[0], "fJ/bit"),
            energy_level=(fj[1], "fJ/level"),
            energy_input=(fj[2], "fJ/input"),
            leakage_bit=(leak[0], "pW/bit"),
            leakage_level=(leak[1], "pW/level"),
            leakage_input=(leak[2], "pW/input"),
            time_base=(time[0], "ns"),
            time_level=(time[1], "ns/level"),
            time_bit=(time[2], "ns/bit"),
        ),
    }


def scale_flash(rows: Sequence[Row], node: int, factors: dict[str, float]) -> dict[str, Group]:
    """Amplifiers and their column current go as the SAR's do, to the power found between 22 and 32 nm."""
    known = fit_flash(rows, 32)
    factors = factors | {"time": select_load(rows, node)[0] / select_load(rows, 32)[0]}
    source = (
        f"{NEUROSIM} at 32 and 22 nm; to {node} nm the encoder as adders and column decoder, amplifiers as the SAR, "
        "areas with F2"
    )
    out = {name: scaled(entry, source, **factors) for name, entry in known.items()}
    out["flash_adc"]["sense_time"]["value"] = known["flash_adc"]["sense_time"]["value"]
    if node == 22:  # from 32 nm alone
        return out
    small = fit_flash(rows, 22)

    def power(key: str, base: float, to: float) -> float:
        """The law through 22 and 32 nm in a quantity that is `base` times larger at 32 nm and `to` times here."""
        law = known["flash_adc"][key]["value"] / small["flash_adc"][key]["value"]
        return float(f"{known['flash_adc'][key]['value'] * to ** (math.log(law) / math.log(base)):.5g}")

    comparator, duty = ({n: _sar(rows, n)[i] for n in (22, 32, node)} for i in (0, 1))
    out["flash_adc"]["level"]["value"] = power(
        "level", comparator[32] / comparator[22], comparator[node] / comparator[32]
    )
    out["flash_adc"]["column_duty"]["value"] = power("column_duty", duty[32] / duty[22], duty[node] / duty[32])
    return out


def _sar(rows: Sequence[Row], node: int) -> tuple[float, float]:
    """Power of a 5-bit converter and the share of its time for the column."""
    law = fit_sar(rows, node)
    value = lambda key: law[key]["value"]  # noqa: E731
    return value("power_base") + 5 * value("power_bit"), value("column_duty")
