"""`python -m benchmarks.noc_models`: how far the event and the analytic NoC are from the cycle-exact one.

Writes docs/noc_models.csv, one row per setting and load, and docs/images/noc_models.svg.
"""

from __future__ import annotations

import csv
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.noc_models_plot import save
from benchmarks.timing import Row, show
from spikesim_py.noc.fabric import Fabric, Fidelity, NocResult, Packets, Pipeline
from spikesim_py.noc.fidelity import run
from spikesim_py.noc.queueing import estimate_load, link_capacity
from spikesim_py.noc.router import partners
from spikesim_py.noc.router.synthetic import bernoulli

DOCS = Path(__file__).resolve().parent.parent / "docs"
#: pipeline, virtual channels, slots of their buffers
ROUTERS: tuple[tuple[Pipeline, int, int], ...] = (
    ("A", 1, 4),
    ("A", 2, 8),
    ("A", 4, 8),
    ("B", 2, 4),
    ("B", 2, 8),
    ("B", 4, 4),
    ("C", 2, 8),
    ("D", 2, 8),
)
TRAFFIC = ((4, "uniform"), (8, "uniform"), (8, "transpose"), (8, "bitcomp"))
FLITS = (1, 4, 10)
#: of the capacity of the busiest link
SHARES = (0.2, 0.4, 0.6, 0.8)
CYCLES, WARMUP = 6000, 1000


class Point(NamedTuple):
    """One load of one router: mean latencies in cycles, makespans, and seconds of the two simulations."""

    pipeline: str
    width: int
    traffic: str
    packet_flits: int
    vcs: int
    buffer_flits: int
    flit_rate: float
    cycle: float
    event: float
    analytic: float
    analytic_load: float
    trusted: bool
    cycle_makespan: float
    event_makespan: float
    cycle_s: float
    event_s: float


def rates(width: int, traffic: str) -> np.ndarray:
    """(nodes, nodes) flits per cycle if every node sends one."""
    nodes = width * width
    partner = partners(traffic, Fabric(width, width))
    return np.full((nodes, nodes), 1 / nodes) if partner is None else np.eye(nodes)[partner]


def point(fabric: Fabric, traffic: str, flits: int, share: float) -> Point:
    """A load, simulated and estimated."""
    each = rates(fabric.width, traffic)
    busiest = estimate_load(each * 1e-6, flits, fabric).link_load.max() * 1e6
    rate = min(share * link_capacity(fabric, flits) / busiest, 1.0)
    packets = bernoulli(fabric, partners(traffic, fabric), flits, rate, CYCLES, seed=0)
    (cycle, cycle_s), (event, event_s) = (_timed(packets, fabric, name) for name in ("cycle", "event"))
    means = [float(result.latency_cycles[packets.cycle >= WARMUP].mean()) for result in (cycle, event)]
    found = estimate_load(each * rate, flits, fabric)
    return Point(
        *(fabric.pipeline, fabric.width, traffic, flits, fabric.vcs, fabric.buffer_flits, round(rate, 4)),
        *(round(value, 2) for value in (*means, found.mean_latency_cycles)),
        *(round(found.largest_load, 3), not found.warnings, cycle.duration_cycles, event.duration_cycles),
        *(round(cycle_s, 4), round(event_s, 4)),
    )


def _timed(packets: Packets, fabric: Fabric, fidelity: Fidelity) -> tuple[NocResult, float]:
    start = time.process_time()
    return run(packets, fabric, fidelity), time.process_time() - start


def points() -> list[Point]:
    """The grid."""
    point(Fabric(4, 4), "uniform", 1, 0.1)  # compiles
    return [
        point(Fabric(width, width, vcs, slots, pipeline), traffic, flits, share)
        for (pipeline, vcs, slots), (width, traffic), flits, share in product(ROUTERS, TRAFFIC, FLITS, SHARES)
    ]


def errors(found: list[Point], model: str) -> np.ndarray:
    """Relative errors of the mean latency."""
    return np.array([getattr(at, model) / at.cycle - 1 for at in found])


def error_rows(found: list[Point]) -> list[Row]:
    """Errors where the analytic model trusts itself, and of the event model up to 60 % of capacity and beyond."""
    trusted = [at for at in found if at.trusted]
    rows = []
    for name, some, model in (
        ("analytic, where it does not warn", trusted, "analytic"),
        ("event, the same loads", trusted, "event"),
        ("event, all loads", found, "event"),
    ):
        error = abs(errors(some, model))
        within = f"{(error <= 0.1).mean():.1%} within 10 %"
        rows.append((f"{name}: {len(some)} loads", f"mean {error.mean():.1%}, worst {error.max():.1%}", within, ""))
    speed = sum(at.cycle_s for at in found) / sum(at.event_s for at in found)
    makespan = abs(np.array([at.event_makespan / at.cycle_makespan - 1 for at in found]))
    rows.append(("event, makespan", f"mean {makespan.mean():.1%}, worst {makespan.max():.1%}", "", ""))
    rows.append(("event, speed over cycle", "", f"{speed:.1f}x", ">= 3x"))
    return rows


def main() -> None:
    found = points()
    with (DOCS / "noc_models.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Point._fields)
        writer.writerows(found)
    save(found, DOCS / "images" / "noc_models.svg")
    show("mean latency against the cycle-exact NoC", error_rows(found))


if __name__ == "__main__":
    main()
