"""Coefficients of adders and registers, from the shift-adds that are built of them; see `fit_components.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from benchmarks.fit_circuits import REGISTER_F, ROW_F
from benchmarks.fit_tables import NEUROSIM, Group, Row, bits, energy_fj, group, least_squares, one, pick

#: um2 of NeuroSim's flip-flop at 32 nm, for circuits that do not lie under an array
REGISTER_UM2_32 = 2.69


def fit_logic(rows: Sequence[Row], node: int) -> dict[str, Group]:
    """Shift-adds over slices have b adders and b + slices registers, over planes b + slices and b + slices + 8."""
    data = [
        row
        for name in ("shiftAddWeight", "shiftAddInput")
        for row in pick(rows, name, node)
        if row["adc"] == "SAR" and energy_fj(row) > 0
    ]
    share = 0.0  # of an adder and a register: what a shift-add spends besides; told apart by two resolutions
    if len({bits(r) for r in data}) == 1:
        known = fit_logic(rows, 32)
        logic, shift = known["digital"], known["shift_add"]
        share = shift["energy_base"]["value"] / (logic["adder"]["value"] + logic["register"]["value"])
    rest: list[Callable[[Row], float]] = [] if share else [one]
    # an adder and its register come in pairs, registers also alone
    adder_fj, register_fj, *base = least_squares(
        data, lambda r: energy_fj(r) / _actions(r), lambda r: adders(r) + share, lambda r: registers(r) + share, *rest
    )
    base_fj = base[0] if base else share * (adder_fj + register_fj)
    units = lambda r: r["cols"] / r["mux"]  # noqa: E731
    adder_pw, register_pw = least_squares(data, lambda r: r["leakage_uW"] * 1e6 / units(r), adders, registers)
    base_ns, adder_ns = least_squares(data, lambda r: r["latency_ns"], one, adders)
    (adder_um2,) = least_squares(data, lambda r: r["area_um2"] / units(r) - _placed_um2(r), adders)
    feature = node * 1e-3
    return {
        "digital": group(
            "simulator-validated",
            NEUROSIM + ": ripple adder and flip-flop, told apart in the shift-adds",
            adder_area=(adder_um2, "um2/bit"),
            adder=(adder_fj, "fJ/bit"),
            adder_time=(adder_ns, "ns/bit"),
            adder_leakage=(adder_pw, "pW/bit"),
            register_area=(REGISTER_UM2_32 * (node / 32) ** 2, "um2/bit"),
            register=(register_fj, "fJ/bit"),
            register_leakage=(register_pw, "pW/bit"),
        ),
        "shift_add": group(
            "simulator-validated",
            NEUROSIM + ", shift-add over weight slices and input planes, adders and registers in rows of 28F",
            energy_base=(base_fj, "fJ"),
            time_base=(base_ns, "ns"),
            row_height=(ROW_F * feature, "um"),
            register_width=(REGISTER_F * feature, "um"),
        ),
    }


def slices(row: Row) -> float:
    return float(row["synapseBit"] / row["cellBit"])


def adders(row: Row) -> float:
    return bits(row) + (slices(row) if row["component"] == "shiftAddInput" else 0)


def registers(row: Row) -> float:
    return bits(row) + slices(row) + (8 if row["component"] == "shiftAddInput" else 0)


def _actions(row: Row) -> float:
    """A plane of an output, or a conversion."""
    return float(row["cols"] / slices(row) if row["component"] == "shiftAddInput" else row["cols"])


def _placed_um2(row: Row) -> float:
    """Whole rows of registers and one of wiring under one shift-add of a 1T1R crossbar."""
    feature = row["node_nm"] * 1e-3
    lanes = row["cols"] / row["mux"]
    per_row = math.floor(row["cols"] * 12 / REGISTER_F)
    return float((1 + math.ceil(lanes * registers(row) / per_row)) * row["mux"] * 12 * ROW_F * feature**2)
