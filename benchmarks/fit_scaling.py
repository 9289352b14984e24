"""Write `configs/technology/cmos_{14,10,7}nm.yaml`: the circuits of 22 nm, scaled by published tables.

    python -m benchmarks.fit_scaling --out configs/technology

Factors of area, energy and delay: A. Stillmaker and B. Baas, "Scaling equations for the accurate prediction of CMOS
device performance from 180 nm to 7 nm", Integration 58 (2017) 74-81: its area matrix and its polynomials in the supply
(low-power devices). The tables were read from their transcription in nodeScale (NanoCAD, UCLA, a912c60). They know no
22 nm: its values continue the power law between 32 and 20 nm, at the supply of the 22 nm file.

NeuroSim's own figures go before the tables where we have any: the power of its SAR converter (a closed form of its
low-power devices at every node), the converter's area and the area of a whole sub-array at 14 and 7 nm (10 nm: the
power law between them). `docs/scaling.md` holds what `comparison` prints: how far tables and NeuroSim disagree.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import yaml

from benchmarks.fit_components import to_yaml

BASE, NODES = 22, (14, 10, 7)
STILLMAKER = "Stillmaker and Baas, Integration 58 (2017) 74-81"
NEUROSIM = "NeuroSim V1.3"

# supplies in V of NeuroSim's low-power devices: IRDS 2016 (14 nm) and 2017 (10, 7 nm)
VDD = {14: 0.80, 10: 0.75, 7: 0.70}
# area over that of 7 nm (the last row of the area matrix)
AREA = {32: 7.8, 20: 3.6, 14: 2.9, 10: 1.7, 7: 1.0}
# low-power devices: a2, a1, a0 of the energy and a3, a2, a1, a0 of the delay, polynomials in the supply
ENERGY = {
    32: (0.9559, -0.7823, 0.471),
    20: (0.2632, -0.14, 0.06841),
    14: (0.1556, -0.06472, 0.03066),
    10: (0.1261, -0.0518, 0.02769),
    7: (0.09365, -0.03409, 0.02043),
}
DELAY = {
    32: (-325.9, 1374.0, -1922.0, 913.2),
    20: (-160.5, 514.1, -558.6, 217.5),
    14: (-85.37, 271.6, -292.2, 111.4),
    10: (-71.76, 228.6, -246.3, 93.91),
    7: (-61.79, 196.1, -210.3, 79.55),
}
# NeuroSim, 128 x 128 cells of 6 kohm, 5-bit SAR, 8 columns per converter: a converter, the whole sub-array
SAR_UM2 = {22: 124.2, 14: 70.2, 7: 17.5}
SUB_ARRAY_UM2, SUB_ARRAY_PJ = {22: 7715.0, 14: 4744.0, 7: 1347.0}, {22: 103.9, 14: 81.7, 7: 50.2}
CELLS, CELL_F2, CONVERTERS, CONVERSIONS = 128 * 128, 48, 16, 128
# NeuroSim's SAR: power = base + bit x bits (uW) and a column current that goes with `column` (W)
SAR_POWER = {
    22: {"uW": 4.3753, "uW/bit": 0.538, "column": 0.072341},
    14: {"uW": 2.5681, "uW/bit": 0.3132, "column": 0.061085},
    10: {"uW": 1.5073, "uW/bit": 0.1823, "column": 0.051580},
    7: {"uW": 0.8847, "uW/bit": 0.1061, "column": 0.043555},
}
SAR_22_FJ, SAR_22_WITH_COLUMN_FJ = 42.4, 673.9
# 6T cells in um2: Natarajan, Auth (both Intel), Wu (TSMC), each at IEDM
SRAM_UM2 = {14: 0.0588, 10: 0.0312, 7: 0.027}
SRAM_SOURCE = {14: "Natarajan et al., IEDM 2014", 10: "Auth et al., IEDM 2017", 7: "Wu et al., IEDM 2016"}
#: circuits of a sub-array, whose area NeuroSim's totals give
SUB_ARRAY = (
    "row_driver",
    "column_driver",
    "precharger",
    "write_driver",
    "column_mux",
    "level_shifter",
    "decoder",
    "shift_add",
)

Group = dict[str, Any]


def polynomial(coefficients: tuple[float, ...], volt: float) -> float:
    """Coefficients from the highest power down."""
    return math.fsum(c * volt**power for power, c in enumerate(reversed(coefficients)))


def between(node: float, a: int, b: int, at_a: float, at_b: float) -> float:
    """The power law through (a, at_a) and (b, at_b), at `node`."""
    return float(at_a * (at_b / at_a) ** (math.log(node / a) / math.log(b / a)))


def table_factors(node: int, base_volt: float) -> dict[str, float]:
    """Area, energy and delay of `node` over those of 22 nm, by the tables."""

    def at_base(table: dict[int, tuple[float, ...]]) -> float:
        return between(BASE, 32, 20, polynomial(table[32], base_volt), polynomial(table[20], base_volt))

    return {
        "area": AREA[node] / between(BASE, 32, 20, AREA[32], AREA[20]),
        "energy": polynomial(ENERGY[node], VDD[node]) / at_base(ENERGY),
        "delay": polynomial(DELAY[node], VDD[node]) / at_base(DELAY),
    }


def of_neurosim(figures: dict[int, float], node: int) -> float:
    """NeuroSim's figure over that of 22 nm; 10 nm by the power law between 14 and 7 nm."""
    value = figures[node] if node in figures else between(node, 14, 7, figures[14], figures[7])
    return value / figures[BASE]


def periphery_um2() -> dict[int, float]:
    """A sub-array without its cells and converters."""
    cells = {node: CELLS * CELL_F2 * (node * 1e-3) ** 2 for node in SAR_UM2}
    return {node: SUB_ARRAY_UM2[node] - CONVERTERS * SAR_UM2[node] - cells[node] for node in SAR_UM2}


def unit_factors(node: int, base_volt: float) -> dict[str, float]:
    """Factor of each kind of coefficient, named by its unit without what it is per (but for wires and gates)."""
    table, feature, volt = table_factors(node, base_volt), node / BASE, VDD[node] / base_volt
    return {
        "um2": table["area"],
        "fJ": table["energy"],
        "uW": table["energy"],  # of a fixed time
        "ns": table["delay"],
        "pW": feature * volt,  # off-current per um of width as it is (LSTP): width x supply
        "fF": feature,  # wires: 0.2 fF/um at every node
        "fF/S": table["energy"] / volt**2,  # gates of a given conductance: C = E / V2
        "ns/ohm": feature,  # a cell that charges wires
        "ns/fJ": table["delay"] / table["energy"],  # a gate that charges its drain
        "ns/fF/col": 1 / feature,  # wire resistance of a cell: length F over cross-section F2
        "fJ/bit/mm": volt**2,  # repeated wires: the same fF/mm
        "pJ/mm": volt**2,
    }


#: units of what does not change: drivers are sized to their load, RC per cell2 and repeated wires do not gain
CONSTANT = ("-", "V", "bit", "line", "lanes", "cols", "levels", "mm", "ohm", "1")
CONSTANT += ("ns/fF", "ns/mm", "ns/row/row", "ns/col/col")


def factor(unit: str, factors: dict[str, float]) -> float:
    """Of a coefficient's unit: the whole unit if it is named, else its first word."""
    for key in (unit, unit.replace("/", " ").split()[0]):
        if key in CONSTANT:
            return 1.0
        if key in factors:
            return factors[key]
    raise ValueError(f"unit {unit!r}: no rule for how it scales")


def scaled(name: str, group: Group, node: int, base_volt: float) -> Group:
    """One group of 22 nm at `node`."""
    factors, notes = unit_factors(node, base_volt), [group["source"], f"{BASE} to {node} nm by {STILLMAKER}"]
    exact: dict[str, float] = {}
    grade = "assumed"
    if name == "process":
        grade, notes, exact = "sourced", [f"supply of {NEUROSIM}'s low-power devices (IRDS)"], {"vdd": VDD[node]}
    elif name == "sar_adc":
        ratio = {key: value / SAR_POWER[BASE][key] for key, value in SAR_POWER[node].items()}
        factors |= ratio | {"um2": of_neurosim(SAR_UM2, node), "ns": 1.0}
        exact = {"column_duty": group["column_duty"]["value"] * ratio["column"]}
        grade = "sourced" if node in SAR_UM2 else "assumed"
        between_nodes = "" if node in SAR_UM2 else ", between 14 and 7 nm"
        notes[1] = f"{BASE} to {node} nm by its own power law and its area at 5 bits{between_nodes}"
    elif name == "flash_adc":
        factors |= {"ns": 1.0}
        notes.append(f"sensing of 1 ns at every node ({NEUROSIM})")
    elif name == "cell_rram":
        exact = {"area": CELL_F2 * (node * 1e-3) ** 2}
        factors["um"] = node / BASE
        notes.append(f"area {CELL_F2} F2 ({NEUROSIM})")
    elif name in ("cell_sram", "memory"):
        exact = {"area" if name == "cell_sram" else "cell_area": SRAM_UM2[node]}
        factors["um"] = node / BASE
        notes.append(f"cell of {SRAM_SOURCE[node]}")
    elif name.removesuffix("_rram").removesuffix("_sram") in SUB_ARRAY:
        factors |= {"um2": of_neurosim(periphery_um2(), node)}
        between_nodes = "" if node in SAR_UM2 else ", between 14 and 7 nm"
        notes.append(f"area: {NEUROSIM}'s sub-array without cells and converters{between_nodes}")
    factors.setdefault("um", math.sqrt(factors["um2"]))
    out: Group = {"grade": grade, "source": "; ".join(notes)}
    for key, entry in group.items():
        if isinstance(entry, dict):
            value = exact.get(key, entry["value"] * factor(entry["unit"], factors))
            out[key] = {"value": float(f"{value:.5g}"), "unit": entry["unit"]}
    return out


def scaled_noc(noc: Group, node: int, base_volt: float) -> Group:
    """Routers and links of 22 nm at `node`: DSENT's devices end at 22 nm."""
    factors = unit_factors(node, base_volt)
    energies = ("write_pj", "read_pj", "crossbar_pj", "arbiter_pj", "clock_pj", "base_pj")
    kinds = dict.fromkeys(energies, "fJ") | {"area_um2": "um2", "repeater_um2": "um2"}

    def row(values: dict[str, float]) -> dict[str, float]:
        kind = {**kinds, "per_mm_pj": "pJ/mm"}
        return {k: float(f"{v * factors[kind[k]]:.5g}") if k in kind else v for k, v in values.items()}

    source = f"assumed: DSENT (gem5 b1a44b89) ends at {BASE} nm; scaled from there by {STILLMAKER}, wires by Vdd2"
    return {"grade": "assumed", "source": source, "link": row(noc["link"]), "routers": [row(r) for r in noc["routers"]]}


def generate(base: dict[str, Any], node: int) -> str:
    """The file of `node` from the parsed file of 22 nm."""
    volt = base["process"]["vdd"]["value"]
    groups = {k: scaled(k, v, node, volt) for k, v in base.items() if isinstance(v, dict) and k != "noc"}
    text = to_yaml(node, groups, scaled_noc(base["noc"], node, volt))
    text = text.replace("benchmarks/fit_components.py", "benchmarks/fit_scaling.py")
    return text.replace(f"node_nm: {node}\n", f"node_nm: {node}\nscaled_from_nm: {BASE}\n")


def comparison(base_volt: float = 0.85) -> str:
    """Markdown: NeuroSim's figures beside the tables' and beside what the files hold, 128 x 128 cells."""
    lines = ["| node | figure | NeuroSim | tables alone | | the files | |", "|---|---|---|---|---|---|---|"]
    column_pj = CONVERSIONS * (SAR_22_WITH_COLUMN_FJ - SAR_22_FJ) * 1e-3
    rest_pj = SUB_ARRAY_PJ[BASE] - column_pj
    for node in (14, 7):
        table, power = table_factors(node, base_volt), SAR_POWER[node]
        cells = CELLS * CELL_F2 * (node * 1e-3) ** 2
        table_area = table["area"] * (CONVERTERS * SAR_UM2[BASE] + periphery_um2()[BASE]) + cells
        sar_pj = CONVERSIONS * 6 * (power["uW"] + 5 * power["uW/bit"]) * 1e-3
        circuits_pj = table["energy"] * (rest_pj - CONVERSIONS * SAR_22_FJ * 1e-3)
        ours_pj = column_pj * power["column"] / SAR_POWER[BASE]["column"] + sar_pj + circuits_pj
        for name, truth, by_table, ours in (
            ("5-bit SAR, um2", SAR_UM2[node], table["area"] * SAR_UM2[BASE], SAR_UM2[node]),
            ("sub-array, um2", SUB_ARRAY_UM2[node], table_area, SUB_ARRAY_UM2[node]),
            ("sub-array, pJ per read", SUB_ARRAY_PJ[node], column_pj + table["energy"] * rest_pj, ours_pj),
        ):
            signs = [f"{value / truth - 1:+.1%}" for value in (by_table, ours)]
            lines.append(f"| {node} nm | {name} | {truth:g} | {by_table:.4g} | {signs[0]} | {ours:.4g} | {signs[1]} |")
    return "\n".join(lines)


def factor_table(base_volt: float = 0.85) -> str:
    """Markdown: the factors over 22 nm, by kind of coefficient."""
    lines = ["| over 22 nm | 14 nm | 10 nm | 7 nm |", "|---|---|---|---|"]
    rows = {
        "Vdd, V": VDD,
        "area (table)": {n: table_factors(n, base_volt)["area"] for n in NODES},
        "area of a sub-array's circuits (NeuroSim)": {n: of_neurosim(periphery_um2(), n) for n in NODES},
        "area of a SAR converter (NeuroSim)": {n: of_neurosim(SAR_UM2, n) for n in NODES},
        "energy (table)": {n: table_factors(n, base_volt)["energy"] for n in NODES},
        "power of a 5-bit SAR converter (NeuroSim)": {n: _sar_uw(n) / _sar_uw(BASE) for n in NODES},
        "column current (NeuroSim)": {n: SAR_POWER[n]["column"] / SAR_POWER[BASE]["column"] for n in NODES},
        "delay (table)": {n: table_factors(n, base_volt)["delay"] for n in NODES},
        "leakage (F Vdd)": {n: unit_factors(n, base_volt)["pW"] for n in NODES},
    }
    lines += [f"| {name} | " + " | ".join(f"{by_node[n]:.3g}" for n in NODES) + " |" for name, by_node in rows.items()]
    return "\n".join(lines)


def _sar_uw(node: int) -> float:
    return SAR_POWER[node]["uW"] + 5 * SAR_POWER[node]["uW/bit"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder with cmos_22nm.yaml")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    base = yaml.safe_load((out / f"cmos_{BASE}nm.yaml").read_text(encoding="utf-8"))
    for node in NODES:
        (out / f"cmos_{node}nm.yaml").write_text(generate(base, node), encoding="utf-8")
    print(factor_table(), comparison(), sep="\n\n")


if __name__ == "__main__":
    main()
