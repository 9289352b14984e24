"""Fit the coefficients of `configs/technology/cmos_<node>nm.yaml` to component tables.

    python -m benchmarks.fit_components COMPONENTS.csv ROUTERS.csv LINKS.csv --out configs/technology

COMPONENTS.csv: circuits of NeuroSim V1.3 (388f421), called one at a time (columns of
`tests/reference/neurosim_components.csv`); ROUTERS.csv and LINKS.csv: DSENT (gem5 b1a44b89). The laws are ours
and stand in `spikesim_py/cost/components/`; `fit_circuits.py`, `fit_logic.py` and `fit_scaled.py` find their numbers
by least squares on relative errors. A node without measurements of a circuit takes those of 32 nm, scaled, and is
graded `assumed`.
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
    fit_mux,
    fit_row_driver,
    fit_sar,
    select_load,
)
from benchmarks.fit_logic import fit_logic
from benchmarks.fit_scaled import fit_flash, fit_sram, node_factors, scale_flash, scale_sram
from benchmarks.fit_tables import NEUROSIM, Group, Row, group, least_squares, one, pick, read_rows

NODES = (65, 45, 32, 22)

# NeuroSim's H-tree (fJ per bit and mm at a toggle rate of 0.25), read off at every node
HTREE_FJ_PER_BIT_MM = {65: 82.7, 45: 68.2, 32: 55.05, 22: 48.7}
# NeuroSim's SRAM buffers at 32 nm: lines, columns, um2, fJ per bit read and written, ns per line
BUFFERS_32 = (
    {"lines": 64, "columns": 128, "um2": 3055, "read": 6.7, "write": 5.0, "ns": 0.72},
    {"lines": 128, "columns": 128, "um2": 5515, "read": 13.3, "write": 9.1, "ns": 0.96},
    {"lines": 256, "columns": 256, "um2": 20440, "read": 26.6, "write": 15.4, "ns": 1.77},
    {"lines": 1024, "columns": 256, "um2": 78297, "read": 106, "write": 58.9, "ns": 4.50},
    {"lines": 2048, "columns": 512, "um2": 307275, "read": 213, "write": 113.8, "ns": 8.79},
)
# NeuroSim's register file at 32 nm, per bit: um2, fJ read, fJ written (0.5 to 1.3, by size)
REGISTER_FILE_32 = {"um2": 2.63, "read_fj": 9.6, "write_fj": 0.9}
# Horowitz, "Computing's energy problem", ISSCC 2014, 45 nm, 0.9 V: FP32 pJ and um2
FP32_45 = {"multiply_pj": 3.7, "add_pj": 0.9, "multiply_um2": 7700.0, "add_um2": 4184.0, "volt": 0.9}


def derived(groups: dict[str, Group], node: int, dynamic: float, time: float) -> dict[str, Group]:
    """Buffers, register files and H-tree from single figures at 32 nm."""
    feature, measured = node / 32, node == 32
    register_pw = groups["digital"]["register_leakage"]["value"]
    scaling = "" if measured else "; area by F2, energy by F Vdd2, time as adders"
    return {
        "memory": _memory(groups["cell_sram"]["leakage"]["value"], node, dynamic, time, scaling),
        "register_file": group(
            "sourced" if measured else "assumed",
            f"{NEUROSIM}, register file at 32 nm{scaling}; leakage of its flip-flops",
            area=(REGISTER_FILE_32["um2"] * feature**2, "um2/bit"),
            read=(REGISTER_FILE_32["read_fj"] * dynamic, "fJ/bit"),
            write=(REGISTER_FILE_32["write_fj"] * dynamic, "fJ/bit"),
            leakage=(register_pw, "pW/bit"),
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


def _memory(cell_pw: float, node: int, dynamic: float, time: float, scaling: str) -> Group:
    feature, cell = node / 32, 280 * 0.032**2
    lines, columns = (lambda r: r["lines"]), (lambda r: r["columns"])
    # relative to the whole area: the edges are a tenth of it
    share = [{**b, "edge": b["um2"] - cell * b["lines"] * b["columns"]} for b in BUFFERS_32]
    line_um2, column_um2 = least_squares(share, lambda r: r["edge"], lines, columns)
    (read,) = least_squares(BUFFERS_32, lambda r: r["read"], lines)
    write_base, write = least_squares(BUFFERS_32, lambda r: r["write"], one, lines)
    base_ns, line_ns, column_ns = least_squares(BUFFERS_32, lambda r: r["ns"], one, lines, columns)
    return group(
        "sourced" if node == 32 else "assumed",
        f"{NEUROSIM}, SRAM buffers of 8 to 1024 Kb at 32 nm{scaling}; banks of 16 Kb and 128-bit lines are ours",
        cell_area=(cell * feature**2, "um2/bit"),
        line_area=(line_um2 * feature**2, "um2/line"),
        column_area=(column_um2 * feature**2, "um2/col"),
        read=(read * dynamic, "fJ/bit/line"),
        write_base=(write_base * dynamic, "fJ/bit"),
        write=(write * dynamic, "fJ/bit/line"),
        time_base=(base_ns * time, "ns"),
        time_line=(line_ns * time, "ns/line"),
        time_column=(column_ns * time, "ns/col"),
        leakage=(cell_pw, "pW/bit"),
        bank=(16384, "bit"),
        line=(128, "bit"),
    )


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
                "write_pj": r["E_write_pJ"],
                "read_pj": r["E_read_pJ"],
                "crossbar_pj": r["E_xbar_pJ"],
                "arbiter_pj": r["E_arb_pJ"],
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
    keys = ("write_pj", "read_pj", "crossbar_pj", "arbiter_pj", "clock_pj", "area_um2")
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
    dynamic = node / 32 * (vdd / vdd32) ** 2
    logic, logic32 = fit_logic(rows, node), fit_logic(rows, 32)
    factors = node_factors(logic["digital"], logic32["digital"], node)
    cells = fit_cells(rows, node, vdd)
    mux = fit_mux(rows, node, select_load(rows, node)[2])
    groups: dict[str, Any] = {
        "process": group(
            "simulator-validated",
            NEUROSIM + "; margin: its factor beta on the sensing cycle",
            vdd=(vdd, "V"),
            sense_margin=(1.4, "-"),
        ),
        "cell_rram": cells,
        "row_driver_rram": fit_row_driver(rows, node, cells, logic["digital"]["register"]["value"]),
        **fit_columns(rows, node),
        "column_mux_rram": mux,
        "decoder": fit_decoder(rows, node),
        "sar_adc": fit_sar(rows, node),
        **logic,
    }
    _, load32, width32 = select_load(rows, 32)
    sram = fit_sram(rows, fit_mux(rows, 32, width32), load32)
    groups |= sram if node == 32 else scale_sram(sram, node, factors, dynamic)
    measured = pick(rows, "MLSA(all)", node, sweep=("all_mlsa",))
    groups |= fit_flash(rows, node) if measured else scale_flash(rows, node, factors)
    return groups | derived(groups, node, dynamic, factors["time"]) | {"fp32": floating_point(node, vdd)}


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
    lines += ["  routers:  # 5 ports; pJ per flit (write a buffer, read it, crossbar, arbiters), pJ per clock"]
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
