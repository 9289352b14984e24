"""The study file under load: `python -m benchmarks.sweep_store [FOLDER]`; two processes, one thread each.

A million costs swept, stored and read again; rows of eight writers through one driver.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Row, best, show
from spikesim_py import cost
from spikesim_py.sweep import Store, cost_sweep, designs, load_space, load_study
from spikesim_py.sweep.executors import executor
from spikesim_py.sweep.run import columns
from spikesim_py.sweep.store import BLOCK
from spikesim_py.sweep.store.bulk import encode
from spikesim_py.sweep.store.results import design_row

#: 1,036,800 designs
MILLION: dict[str, Any] = {
    "name": "million",
    "network": "digits-w4",
    "chip": "rram_32nm",
    "axes": {
        "technology.node_nm": [22, 32, 45, 65],
        "device.cell_bits": [1, 2, 4],
        "crossbar.rows": [32, 64, 96, 128, 256, 512],
        "crossbar.cols": [32, 64, 96, 128, 256, 512],
        "adc.bits": [3, 4, 5, 6, 7, 8],
        "crossbar.mux": [2, 4, 8, 16, 32],
        "pe.crossbars": [2, 4, 8, 16],
        "tile.pes": [2, 4, 8, 16],
        "technology.clock_mhz": [100.0, 250.0, 500.0, 750.0, 1000.0],
    },
}
FOUR = ["crossbar.rows", "energy_pj", "latency_ns", "area_um2"]
WRITERS, ROWS, BATCHES = 8, 500, 60


def sweep_rows(folder: Path) -> Iterator[Row]:
    """Sweep, file, and reading."""
    path = folder / "million.db"
    start = time.perf_counter()
    study = cost_sweep(MILLION, store=path, workers=2)
    seconds, count = time.perf_counter() - start, study.bulk_sweeps()[0].stored
    yield f"{count:,} costs swept and stored, 2 processes", f"{seconds:.1f} s", "", "<= 60 s per million"
    yield "its file", f"{path.stat().st_size / 1e6:.1f} MB", f"{path.stat().st_size / count:.1f} B per design", ""
    for names in (FOUR, ["edap", "tops_per_watt", "tops_per_mm2", "utilization"]):
        yield f"read {', '.join(names)}", f"{best(lambda n=names: study.costs(n)):.3f} s", "", "<= 0.2 s"  # type: ignore[misc]
    yield "four columns of noise, which do not pack", f"{best(lambda: read_noise(noise(folder))):.3f} s", "", "<= 0.2 s"


@cache
def noise(folder: Path) -> Path:
    """A bulk sweep of a million random numbers in each of four columns."""
    path, rng = folder / "noise.db", np.random.default_rng(0)
    with Store.write(path, load_space(MILLION), resume=True) as store:
        number = store.bulk.begin("noise", {}, 2**20)
        for start in range(0, 2**20, BLOCK):
            store.bulk.add(number, start, BLOCK, {f"noise{i}": encode(rng.random(BLOCK)) for i in range(4)})
    return path


def read_noise(path: Path) -> None:
    load_study(path).costs([f"noise{i}" for i in range(4)])


@cache
def template() -> tuple[Any, ...]:
    """The row of a real design with its whole report."""
    space = load_space({"network": "digits-w4", "chip": "rram_32nm", "axes": {"adc.bits": [5]}})
    (point,) = designs(space)
    report = cost(point.network, point.hardware)
    return design_row(0, point, report, columns(point, report))


def write(batch: int) -> list[tuple[Any, ...]]:
    """What a writer sends: rows of `ROWS` designs."""
    row = template()
    return [
        (f"{batch}.{i}", batch * ROWS + i, *row[2:7], bytes(bytearray(row[7])), row[8])  # one of its own: sent whole
        for i in range(ROWS)
    ]


def writer_rows(folder: Path) -> Iterator[Row]:
    """Eight processes make rows, the driver stores them, a transaction for each batch."""
    path, times = folder / "rows.db", list[float]()
    with (
        Store.write(path, load_space(MILLION), resume=True) as store,
        closing(executor("local", WRITERS)(write, range(2 * BATCHES))) as outcomes,
    ):
        for _, _, rows in outcomes:
            store.add_rows(rows)
            times.append(time.perf_counter())
    rate = ROWS * BATCHES / (times[-1] - times[-1 - BATCHES])  # processes start meanwhile, and stop being busy at last
    size = len(template()[7]) + len(template()[6])
    yield (
        f"rows of {WRITERS} writers, each with a report ({size / 1000:.1f} kB)",
        f"{rate:,.0f} rows/s",
        "",
        ">= 10,000",
    )


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        show("study file", [*sweep_rows(Path(name)), *writer_rows(Path(name))])


if __name__ == "__main__":
    import_module("benchmarks.sweep_store").main()  # workers find its functions by that name
