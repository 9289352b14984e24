"""Fit the coefficients of `configs/technology/cmos_<node>nm.yaml` to component tables.

    python -m benchmarks.fit_components COMPONENTS.csv ROUTERS.csv LINKS.csv --out configs/technology

COMPONENTS.csv: circuits of NeuroSim V1.3 (388f421), called one at a time (columns of
`tests/reference/neurosim_components.csv`); ROUTERS.csv and LINKS.csv: DSENT (gem5 b1a44b89). The laws are ours
and stand in `spikesim_py/cost/components/`; `fit_circuits.py` finds their numbers by least squares on relative
errors. A node without measurements of a circuit takes those of 32 nm, scaled, and is graded `assumed`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fit_circuits import (
    fit_cells,
    fit_columns,
    fit_decoder,
    fit_flash,
    fit_mux,
    fit_row_driver,
    fit_sar,
    fit_shift_add,
    fit_sram_cells,
)
from benchmarks.fit_tables import NEUROSIM, Group, Row, group, least_squares, one, pick, read_rows, scaled

NODES = (65, 45, 32, 22)

# NeuroSim's H-tree (fJ per bit and mm at a toggle rate of 0.25), read off at every node
HTREE_FJ_PER_BIT_MM = {65: 82.7, 45: 68.2, 32: 55.05, 22: 48.7}
# NeuroSim's ripple adder and flip-flop per bit: um2, fJ per operation, nW
ADDER_32 = {"area": 2.94, "energy": 2.04, "leakage": 0.223, "time": 0.110}
FLIP_FLOP_32 = {"area": 2.69, "energy": 9.54, "share_validated": 0.5}
# NeuroSim's 16 Kb SRAM buffer at 32 nm (128 rows): fJ per bit; area and leakage are per-cell facts
BUFFER_32 = {"rows": 128, "read_fj": 13.3, "write_fj": 9.1, "edge_um2": 6.5}
# Horowitz, "Computing's energy problem", ISSCC 2014, 45 nm, 0.9 V: FP32 pJ and um2
FP32_45 = {"multiply_pj": 3.7, "add_pj": 0.9, "multiply_um2": 7700.0, "add_um2": 4184.0, "volt": 0.9}


def derived(groups: dict[str, Group], node: int, vdd: float, vdd32: float) -> dict[str, Group]:
    """Adders and registers from the fitted shift-add; buffers and H-tree from single figures."""
    slope = groups["shift_add"]
    adder_share = ADDER_32["energy"] / (ADDER_32["energy"] + FLIP_FLOP_32["energy"] * FLIP_FLOP_32["share_validated"])
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
            "sourced" if measured else "assumed",
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
