"""A NIR file on three chips, on N-MNIST: `python -m benchmarks.nmnist_table --data-root DIR -o docs/nmnist.csv`.

`nmnist-w4` leaves as a NIR file and comes back as any other file does: in float, with weights that are quantized to 4
bits after training, calibrated on recordings that are neither trained nor reported on. Each row is what
`spikesim evaluate net.nir CHIP --weight-bits 4 --data nmnist --chips 8 --set ...` prints.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spikesim_py as ss
from spikesim_py._files import write_atomic
from spikesim_py.datasets import network_data
from spikesim_py.datasets.places import VARIABLE
from spikesim_py.importers import export_nir, import_network
from spikesim_py.network import Network, quantize_network
from spikesim_py.report import Report

DATA, TRAINED, BITS, CHIPS = "nmnist", "nmnist-w4", 4, 8
#: seconds per frame: a tenth of a recording's 300 ms
DT = 0.03
#: chips, and what is overridden; 7 bits lose nothing that 5 do where 128 rows of one-bit cells are read
DESIGNS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((chip, given) for chip in ("sram_32nm", "rram_32nm") for given in ({}, {"adc.bits": 7})),
    ("pcm_hermes2023", {}),
)


def networks(folder: Path) -> tuple[Network, Network, Network]:
    """The trained network, what its NIR file holds, and that on crossbars."""
    trained = ss.load_network(TRAINED)
    read = import_network(export_nir(trained, folder / "nmnist.nir", DT))
    calibration = network_data(read, DATA, "calibration").images
    return trained, read, quantize_network(read, BITS, calibration=calibration)


def rows() -> Iterator[dict[str, str]]:
    """One row per network and chip."""
    with TemporaryDirectory() as folder:
        trained, read, quantized = networks(Path(folder))
    yield _exact(trained, "trained, integers")
    yield _row("NIR, FP32 digital", "sram_32nm", "no crossbars", ss.evaluate(read, "sram_32nm", data=DATA))
    yield _exact(quantized, f"NIR, {BITS}-bit weights")
    for chip, given in DESIGNS:
        for devices, more in (("ideal", {"device.ideal": True}), ("real", {})):
            count = 1 if more else CHIPS
            report = ss.evaluate(quantized, chip, data=DATA, chips=count, overrides=given | more)
            yield _row(f"NIR, {BITS}-bit weights", chip, devices, report)


def _exact(network: Network, name: str) -> dict[str, str]:
    """Exact arithmetic, without a chip."""
    from spikesim_py.inference import accuracy_interval

    data = network_data(network, DATA)
    value, (low, high) = accuracy_interval((network.run(data.images).predictions == data.labels)[None], seed=0)
    return {
        "network": name,
        "chip": "none (exact)",
        "accuracy": f"{value:.4f}",
        "low": f"{low:.4f}",
        "high": f"{high:.4f}",
    }


def _row(name: str, chip: str, devices: str, report: Report) -> dict[str, str]:
    assert report.measured is not None
    low, high = report.measured.interval
    bits = report.hardware["adc"]["bits"] if report.cost.crossbars else ""
    return {
        "network": name,
        "chip": chip,
        "devices": devices,
        "instances": str(len(report.measured.chips)),
        "adc_bits": str(bits),
        "accuracy": f"{report.measured.value:.4f}",
        "low": f"{low:.4f}",
        "high": f"{high:.4f}",
        "energy_uj": f"{report.energy_pj * 1e-6:.4g}",
        "latency_ms": f"{report.latency_ns * 1e-6:.4g}",
        "area_mm2": f"{report.area_um2 * 1e-6:.4g}",
        "edap_js_mm2": f"{report.edap:.4g}",
        "tops_per_watt": f"{report.tops_per_watt:.4g}",
    }


def table() -> str:
    """The rows as CSV."""
    made, text = list(rows()), io.StringIO()
    writer = csv.DictWriter(text, list(made[-1]), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(made)
    return text.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", help="folder that has NMNIST/Train and NMNIST/Test (default: SPIKESIM_DATA)")
    parser.add_argument("-o", "--output", help="CSV file to write; default is the terminal")
    options = parser.parse_args()
    if options.data_root:
        os.environ[VARIABLE] = options.data_root
    found = table()
    print(write_atomic(options.output, found) if options.output else found)
