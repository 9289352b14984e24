"""What a chip costs a network in accuracy, before and after it was tuned to bear weight errors; by range of the ADC.

The chip is `rram_32nm` with 64 x 64 crossbars, 4-bit ADCs, programming errors of 10 % of g_on, whatever the state, the
wires of a cross-point array (1 ohm a segment) and the stuck cells of its description (0.1 % on, 0.1 % off). *Exact* is
the network's own accuracy, by the reference executor on the same images; *loss* is what the chip has less, in points,
with the 95 % interval of paired samples (crossed bootstrap over images and device instances)::

    python -m benchmarks.noise_aware_chip --data-root ~/data --csv chip.csv
    python -m benchmarks.noise_aware_chip --data-root ~/data --data mnist mnist-w4
    python -m benchmarks.noise_aware_chip --read a.csv b.csv --csv all.csv

Device instances are 0 to 7 of seed 0; images are the first of the report split. Percentiles and corrections are found
on the first images of the calibration split.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesim_py import load_hardware, load_network
from spikesim_py._files import write_atomic
from spikesim_py.datasets import network_data
from spikesim_py.inference import simulate
from spikesim_py.inference.paired import paired_difference

CHIP: dict[str, Any] = {
    "crossbar.rows": 64,
    "crossbar.cols": 64,
    "adc.bits": 4,
    "device.program_sigma": 0.1,
    "wires.topology": "passive",
}
_GRANULAR: dict[str, Any] = {"adc.range": "granular"}
_CORRECTED: dict[str, Any] = {"adc.range": "granular", "mitigation.recalibrate": "affine"}
_ANALOG: dict[str, Any] = _CORRECTED | {"mapping.subtract": "analog"}
#: what is set beside the chip, by what it is called
SETTINGS: dict[str, dict[str, Any]] = {
    "max": {"adc.range": "max"},
    "granular": _GRANULAR,
    "percentile 99.9": {"adc.range": "percentile", "adc.percentile": 99.9},
    "granular, recalibrated": _CORRECTED,
    "granular, analog subtraction, recalibrated": _ANALOG,
    "granular, analog subtraction, recalibrated, first layer digital": _ANALOG | {"mapping.digital_layers": ["first"]},
}
NETWORKS = ("cifar10-vgg9-quarter-w4u8", "cifar10-vgg9-quarter-w4u8-noise")
#: images of the calibration split that ranges and corrections are found on
_CALIBRATION = 128


@dataclass(frozen=True)
class Row:
    """One network on one chip; accuracies in percent, the loss in points with its interval."""

    network: str
    setting: str
    images: int
    chips: int
    exact: float
    accuracy: float
    worst_chip: float
    loss: float
    low: float
    high: float


def measure(name: str, data: str, settings: list[str], images: int, chips: int) -> Iterator[Row]:
    """A network on the chip in each setting."""
    network = load_network(name)
    report = network_data(network, data, "report", images)
    calibration = network_data(network, data, "calibration")
    calibration = calibration.head(min(_CALIBRATION, len(calibration)))
    exact = network.run(report.images).predictions == report.labels
    for setting in settings:
        hardware = load_hardware("rram_32nm", CHIP | SETTINGS[setting])
        right = simulate(network, hardware, report, chips=chips, calibration=calibration).correct
        lost = paired_difference(np.broadcast_to(exact, right.shape), right, seed=0)
        each = 100 * right.mean(1)
        shown = 100 * lost.value, 100 * lost.interval[0], 100 * lost.interval[1]
        yield Row(network.name, setting, images, chips, 100 * exact.mean(), each.mean(), each.min(), *shown)


def table(rows: list[Row]) -> list[str]:
    """Lines of markdown, one for each row."""
    lines = [
        "| network | setting | exact, % | chip, % | worst chip, % | loss, points | images | chips |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.network} | {row.setting} | {row.exact:.2f} | {row.accuracy:.2f} | {row.worst_chip:.2f} | "
            f"{row.loss:.2f} ({row.low:.2f} to {row.high:.2f}) | {row.images} | {row.chips} |"
        )
    return lines


def as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.__annotations__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows)
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """What `as_csv` wrote."""
    return [
        Row(
            at["network"],
            at["setting"],
            int(at["images"]),
            int(at["chips"]),
            *(float(at[name]) for name in ("exact", "accuracy", "worst_chip", "loss", "low", "high")),
        )
        for at in csv.DictReader(io.StringIO(text))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS, help="bundled names or files")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--data-root")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="(default all)")
    parser.add_argument("--samples", type=int, default=1000, help="images to classify (default 1000)")
    parser.add_argument("--chips", type=int, default=8, help="device instances (default 8)")
    parser.add_argument("--csv", type=Path, help="file to write")
    parser.add_argument("--read", type=Path, nargs="+", metavar="CSV", help="show earlier runs; measure nothing")
    given = parser.parse_args()
    if given.data_root:
        os.environ["SPIKESIM_DATA"] = given.data_root
    rows = [row for path in given.read or () for row in from_csv(path.read_text(encoding="utf-8"))]
    for name in () if given.read else given.networks:
        began = time.perf_counter()
        for row in measure(name, given.data, given.settings, given.samples, given.chips):
            rows.append(row)
            print(f"{time.perf_counter() - began:6.0f} s {table([row])[-1]}", flush=True)
            if given.csv:
                write_atomic(given.csv, as_csv(rows))
    if given.read and given.csv:
        write_atomic(given.csv, as_csv(rows))
    print(*table(rows), sep="\n")


if __name__ == "__main__":
    main()
