"""The network on chip against BookSim2: bursts to the cycle, loads within sampling noise, and speed.

BookSim2's speeds are user CPU of the C++ program on the machine of the reference runs; ours are CPU time of the whole
call (drawing the traffic, simulating, statistics), so ratios hold as far as the machines are alike.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

from spikesim_py.noc.router import Load, burst, load

from .timing import Row, show

REFERENCE = Path(__file__).resolve().parent.parent / "tests" / "reference"
#: flit-hops per CPU second of BookSim2 over the golden runs, slowest and fastest
BOOKSIM2_HOPS = 0.35e6, 0.9e6
#: what, arguments, goal, BookSim2's cycles per CPU second of the same case where it is known
SPEEDS: tuple[tuple[str, dict[str, Any], str, float | None], ...] = (
    ("8x8, 1 flit, 2 VCs of 8, rate 0.02", {"flit_rate": 0.02}, ">= 5x", 48_978),
    ("8x8, 1 flit, 2 VCs of 8, rate 0.1", {"flit_rate": 0.1}, ">= 5x", None),
    ("8x8, 4 flits, 2 VCs of 8, rate 0.1", {"flit_rate": 0.1, "packet_flits": 4}, ">= 5x", None),
    ("8x8, 4 flits, 2 VCs of 8, rate 0.2", {"flit_rate": 0.2, "packet_flits": 4}, ">= 2x", 10_196),
    ("8x8, 4 flits, 4 VCs of 8, rate 0.4", {"flit_rate": 0.4, "packet_flits": 4, "vcs": 4}, ">= 2x", None),
    ("16x16, 1 flit, 2 VCs of 8, rate 0.02", {"flit_rate": 0.02, "mesh": (16, 16)}, ">= 5x", None),
)


def exact_rows() -> list[Row]:
    """All bursts and all loads of the reference tables."""
    bursts = _table("noc_bursts.csv")
    exact = sum(_same(row) for row in bursts)
    rows = [("deterministic bursts, duration and latencies to the digit", f"{exact} of {len(bursts)}", "", "all")]
    loads = _table("noc_golden.csv")
    errors = [_error(row) for row in loads]
    good = sum(abs(error) <= allowed for error, allowed in errors)
    worst = max((abs(error) for error, _ in errors), default=0.0)
    name = "Bernoulli loads, mean latency within 1 % or 3 SE (3 seeds)"
    return [*rows, (name, f"{good} of {len(loads)}", f"worst {worst:.2%}", "all")]


def speed_rows() -> list[Row]:
    """Flit-hops (routers that flits visit) and cycles per CPU second of one core."""
    rows = []
    for name, fields, goal, peer in SPEEDS:
        result, seconds = min((_timed(fields) for _ in range(3)), key=lambda one: one[1])
        hops, cycles = result.link_flits.sum() / seconds, result.cycles / seconds
        ratio = f"{cycles / peer:.1f}x" if peer else f"{hops / BOOKSIM2_HOPS[1]:.1f}-{hops / BOOKSIM2_HOPS[0]:.0f}x"
        rows.append((name, f"{hops / 1e6:.1f} M hops/s, {cycles:,.0f} cycles/s", ratio, goal))
    return rows


def _timed(fields: dict[str, Any]) -> tuple[Load, float]:
    start = time.process_time()
    result = load(**fields)
    return result, time.process_time() - start


def _table(name: str) -> list[dict[str, str]]:
    lines = (REFERENCE / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _arguments(row: dict[str, str]) -> dict[str, Any]:
    names = {"packet_flits": "packet_size", "vcs": "num_vcs", "buffer_flits": "vc_buf_size"}
    numbers = {name: int(row[column]) for name, column in names.items()}
    return {"mesh": (int(row["k"]),) * 2, "traffic": row["traffic"], "pipeline": row["pipe"], **numbers}


def _same(row: dict[str, str]) -> bool:
    result = burst(**_arguments(row), packets_per_node=int(row["batch_size"]))
    mean = f"{result.mean_latency_cycles:.6g}"
    extremes = int(result.latency_cycles.min()), int(result.latency_cycles.max())
    ends = result.duration_cycles == int(row["duration_cycles"])
    return ends and mean == row["plat_avg"] and extremes == (int(row["plat_min"]), int(row["plat_max"]))


def _error(row: dict[str, str]) -> tuple[float, float]:
    """Relative error of the mean latency, and what is allowed."""
    expected, noise = float(row["plat_mean"]), float(row["plat_se"])
    seeds = [load(**_arguments(row), flit_rate=float(row["offered_flit_rate"]), seed=seed) for seed in (1, 2, 3)]
    mean = sum(one.mean_latency_cycles for one in seeds) / len(seeds)
    return mean / expected - 1, max(0.01, 3 * noise / expected)


if __name__ == "__main__":
    show("network on chip against BookSim2's results", exact_rows())
    show("network on chip, simulated per CPU second, against BookSim2's published speed", speed_rows())
