"""How far the component library is from a table of circuits (columns of `tests/reference/neurosim_components.csv`).

    python -m benchmarks.calibration TABLE.csv [--held-out] [--plot OUT.svg]

Every row is predicted by the public `subarray`. Printed are, per component and quantity, the rows, the median and the
worst relative error; the exit status is 1 where a median is above 1 %, an error above 5 %, or a whole sub-array off by
more than 3 %. With `--held-out` whole groups of rows (a resolution, a size, a mux ratio ...) are taken out of
the table, the coefficients fitted to the rest, and the errors of what was taken out are printed too.

Left out are quantities that the table gives as 0. SRAM rows with MLSA are read one word line at a time, without a
converter: of their array, precharger and total only areas are compared, and not the total's; their shift-adds have
log2(rows) + 1 bits.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fit_components import NODES, fit
from benchmarks.fit_tables import Row, bits, on_ohm, read_rows
from spikesim_py.cost.components import Block, subarray
from spikesim_py.cost.technology import Group, Technology, load_technology
from spikesim_py.hardware import Hardware, load_hardware

MEDIAN, WORST, WHOLE = 0.01, 0.05, 0.03
TOTAL = "subarray_total(used)"
#: column of the table, and the quantity of a `Block`
QUANTITIES = {
    "area": ("area_um2", "area_um2"),
    "latency": ("latency_ns", "latency_ns"),
    "energy": ("energy_pJ_per_full_bitplane_read", "energy_pj"),
    "leakage": ("leakage_uW", "leakage_uw"),
}
BLOCKS = {
    "array": "array",
    "wlNewSwitchMatrix": "row_driver",
    "wlSwitchMatrix": "row_driver",
    "slSwitchMatrix": "source_driver",
    "wllevelshifter": "level_shifter",
    "bllevelshifter": "level_shifter",
    "sllevelshifter": "level_shifter",
    "mux": "column_mux",
    "muxDecoder": "decoder",
    "sarADC(all)": "adc",
    "MLSA(all)": "adc",
    "MLSAencoder": "encoder",
    "shiftAddWeight": "shift_add",
    "shiftAddInput": "input_shift_add",
    "precharger": "precharger",
    "sramWriteDriver": "write_driver",
    TOTAL: "total",
}


@dataclass(frozen=True)
class Check:
    """One number of the table and ours."""

    component: str
    quantity: str
    row: Row
    reference: float
    predicted: float

    @property
    def error(self) -> float:
        return abs(self.predicted / self.reference - 1)


def by_word_line(row: Row) -> bool:
    """Whether NeuroSim reads the array one word line at a time."""
    return bool(row["cell"] == "sram" and row["adc"] != "SAR")


@lru_cache(maxsize=512)
def _hardware(
    node: int, sram: bool, flash: bool, rows: int, mux: int, adc_bits: int, r_on: float, cell: int
) -> Hardware:
    return load_hardware(
        "sram_32nm" if sram else "rram_32nm",
        {
            "technology.node_nm": node,
            "device.read_volt": 0.5,
            "device.r_on_ohm": r_on,
            "device.cell_bits": cell,
            "crossbar.rows": rows,
            "crossbar.cols": rows,
            "crossbar.mux": mux,
            "adc.bits": adc_bits,
            "adc.kind": "flash" if flash else "sar",
        },
    )


def hardware_of(row: Row) -> Hardware:
    """The crossbar that a row of the table was run for."""
    sram = row["cell"] == "sram"
    return _hardware(
        int(row["node_nm"]),
        sram,
        row["adc"] != "SAR" and not sram,
        int(row["rows"]),
        int(row["mux"]),
        int(math.log2(row["rows"])) + 1 if by_word_line(row) else int(bits(row)),
        20e3 if sram else on_ohm(row),
        int(row["cellBit"]),
    )


def blocks_of(row: Row, tech: Technology) -> dict[str, Block]:
    return subarray(
        tech,
        hardware_of(row),
        row_activity=row["rowActivity"],
        column_ohm=row["meanColRes_ohm"],
        input_bits=int(row["inputBit"]),
        weight_bits=int(row["synapseBit"]),
    )


def checks(rows: Iterable[Row], tech_of: Callable[[int], Technology] = load_technology) -> list[Check]:
    """Every number of the table that is not 0, with our prediction."""
    out, known = [], {}
    for row in rows:
        key = tuple(value for name, value in row.items() if name not in ("component", *dict(QUANTITIES.values())))
        if key not in known:
            known[key] = blocks_of(row, tech_of(int(row["node_nm"])))
        block = known[key].get(BLOCKS[row["component"]])
        for quantity, (column, field) in QUANTITIES.items():
            if row[column] and block is not None and not _unlike(row, quantity):
                share = 1 / 3 if row["component"].endswith("levelshifter") else 1.0  # of square arrays
                out.append(Check(row["component"], quantity, row, row[column], share * getattr(block, field)))
    return out


def _unlike(row: Row, quantity: str) -> bool:
    """What a read by word lines has otherwise."""
    other = row["component"] == TOTAL or (quantity != "area" and row["component"] in ("array", "precharger"))
    return by_word_line(row) and other


@dataclass(frozen=True)
class Summary:
    component: str
    quantity: str
    errors: np.ndarray

    @property
    def median(self) -> float:
        return float(np.median(self.errors))

    @property
    def worst(self) -> float:
        return float(self.errors.max())

    @property
    def holds(self) -> bool:
        return self.worst <= WHOLE if self.component == TOTAL else self.median <= MEDIAN and self.worst <= WORST


def summaries(found: Iterable[Check]) -> list[Summary]:
    """One per component and quantity, in the order of the names above."""
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    for check in found:
        errors[check.component, check.quantity].append(check.error)
    order = [(name, quantity) for name in BLOCKS for quantity in QUANTITIES]
    return [Summary(*key, np.array(errors[key])) for key in order if key in errors]


def technology_from(rows: Sequence[Row], node: int) -> Technology:
    """Coefficients fitted to `rows`, as the configuration file would hold them."""

    def read(name: str, entry: dict[str, Any]) -> Group:
        known = {key: value for key, value in entry.items() if isinstance(value, dict)}
        values, units = ({key: value[part] for key, value in known.items()} for part in ("value", "unit"))
        return Group(name, entry["grade"], entry["source"], values, units)

    groups = {name: read(name, entry) for name, entry in fit(rows, node).items()}
    return Technology(node, groups, load_technology(node).noc)


#: groups of rows that are taken out together: name, and whether a row belongs to it
def held_out_groups(rows: Sequence[Row]) -> dict[str, Callable[[Row], bool]]:
    """Resolutions, sizes, activities, resistances and mux ratios, each as a whole."""
    groups: dict[str, Callable[[Row], bool]] = {}

    def add(sweep: str, key: str, name: str, get: Callable[[Row], float]) -> None:
        for value in sorted({get(row) for row in rows if row["sweep"] == sweep}):
            inside = lambda row, value=value: row["sweep"] == sweep and get(row) == value  # noqa: E731
            groups[f"{name} {key} {value:g}"] = inside

    add("all_sar", "bits", "SAR", bits)
    add("all_sar", "rows", "SAR", lambda r: float(r["rows"]))
    add("all_mlsa", "bits", "MLSA", bits)
    add("sram_sweep", "rows", "SRAM", lambda r: float(r["rows"]))
    add("act_sweep", "activity", "SAR", lambda r: float(r["rowActivity"]))
    add("ron_sweep", "r_on", "SAR", on_ohm)
    add("mux_sweep", "ways", "SAR", lambda r: float(r["mux"]))
    groups["MLSA at 22 nm"] = lambda r: r["sweep"] == "all_mlsa" and r["node_nm"] == 22
    return groups


def held_out(rows: Sequence[Row]) -> dict[str, list[Check] | str]:
    """Errors of every group after a fit without it, or why there is none."""
    out: dict[str, list[Check] | str] = {}
    for name, inside in held_out_groups(rows).items():
        rest = [r for r in rows if not inside(r)]
        known = {r["node_nm"] for r in rest}
        taken = [r for r in rows if inside(r) and r["node_nm"] in known]
        try:
            fitted = {node: technology_from(rest, node) for node in {int(r["node_nm"]) for r in taken}}
            out[name] = checks(taken, fitted.__getitem__)
        except IndexError:  # a fit found none of the rows that tell a coefficient
            out[name] = "the law needs these rows"
    return out


def markdown(found: Sequence[Summary]) -> list[str]:
    """Rows of a table: component, quantity, n, median and worst error in percent."""
    head = ["| component | quantity | rows | median error | worst error | |", "|---|---|--:|--:|--:|---|"]
    body = [
        f"| {s.component} | {s.quantity} | {len(s.errors)} | {s.median:.2%} | {s.worst:.2%} | "
        f"{'' if s.holds else 'above the bound'} |"
        for s in found
    ]
    return head + body


def held_out_markdown(found: dict[str, list[Check] | str]) -> list[str]:
    lines = ["| taken out | numbers | median error | worst error | worst at |", "|---|--:|--:|--:|---|"]
    for name, result in found.items():
        if isinstance(result, str):
            lines.append(f"| {name} | | | | {result} |")
            continue
        worst = max(result, key=lambda check: check.error)
        median = float(np.median([check.error for check in result]))
        where = f"{worst.component} {worst.quantity}"
        lines.append(f"| {name} | {len(result)} | {median:.2%} | {worst.error:.2%} | {where} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--held-out", action="store_true", help="also fit without whole groups of rows")
    parser.add_argument("--plot", type=Path, help="prediction against table, as SVG")
    given = parser.parse_args(arguments)
    rows = [row for row in read_rows(given.table) if row["node_nm"] in NODES]
    found = checks(rows)
    parts = summaries(found)
    print("\n".join(markdown(parts)))
    if given.held_out:
        print("\n" + "\n".join(held_out_markdown(held_out(rows))))
    if given.plot:
        from benchmarks.calibration_plot import save

        save(found, given.plot)
        print(f"\nwrote {given.plot}")
    broken = [f"{s.component} {s.quantity}" for s in parts if not s.holds]
    print(
        f"\n{len(found)} numbers; " + (f"above the bound: {', '.join(broken)}" if broken else "all within the bounds")
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
