"""The crossbar engine against installable peers, in the same run: `python -m benchmarks.peers`.

One thread each: set OMP_NUM_THREADS=1 and NUMBA_NUM_THREADS=1, as `make bench` does.

The peers run in the interpreter that `SPIKESIM_PEERS` names (default: this one), as they need older libraries::

    python -m venv peers && peers/bin/pip install aihwkit rich scipy sigfig pathvalidate
    peers/bin/pip install --no-deps badcrossbar    # its pycairo only draws
    SPIKESIM_PEERS=peers/bin/python make bench

A peer that is not there is skipped, with the reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Row, best, show
from spikesim_py.crossbar import ProgrammedLayer, program
from spikesim_py.crossbar.wires import Wires, transfer_matrix
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import build

#: one thread; and memory that is not given back after every operation, with which aihwkit is up to twice as fast
_AT_ITS_BEST = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_AT_ITS_BEST |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**32)}
_VECTORS = 1000
_AGREES = 1e-9
_ALIKE = 0.99
_RATE = 0.15


@dataclass(frozen=True)
class PeerRun:
    """Seconds per run of a peer, and what it computed."""

    seconds: float
    outputs: NDArray[Any]


def peer(name: str, **job: Any) -> PeerRun | str:
    """Run a job of `peer_runs` in the peers' interpreter; the reason if it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.npz"
        np.savez(path, **job)
        command = [os.environ.get("SPIKESIM_PEERS", sys.executable), "-m", "benchmarks.peer_runs", name, str(path)]
        try:
            told = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | _AT_ITS_BEST)
        except (OSError, subprocess.CalledProcessError) as error:
            text = getattr(error, "stderr", None) or str(error)
            return str(text).strip().splitlines()[-1]
        return PeerRun(float(told.stdout.split()[-1]), np.load(path.with_suffix(".out.npy")))


def skipped(name: str, reason: str) -> list[Row]:
    return [(f"{name}: skipped, {reason}", "", "", "")]


def badcrossbar_rows() -> list[Row]:
    """Column currents of 1,000 vectors at 64 x 64, segments of 1 ohm."""
    random = np.random.default_rng(0)
    ohms, volts = random.uniform(1e4, 2e5, (64, 64)), 0.2 * (random.random((_VECTORS, 64)) < _RATE)
    theirs = peer("badcrossbar", ohms=ohms, volts=volts, segment=1.0)
    if isinstance(theirs, str):
        return skipped("badcrossbar", theirs)
    wires, conductance = Wires(), 1 / ohms
    matrix = transfer_matrix(conductance, wires)
    gap = np.abs(volts @ matrix - theirs.outputs).max() / theirs.outputs.max()
    if gap > _AGREES:
        raise RuntimeError(f"badcrossbar: currents differ by {gap:.0e} of the largest: at most {_AGREES:.0e} expected")

    once = best(lambda: transfer_matrix(conductance, wires), seconds=2)
    vectors = best(lambda: volts @ matrix)
    return [
        (f"badcrossbar, {_VECTORS} vectors at 64 x 64", f"{theirs.seconds * 1e3:.0f} ms", "1x", ""),
        (
            f"matrix and {_VECTORS} vectors, {gap:.0e} from badcrossbar",
            f"{(once + vectors) * 1e3:.2f} ms",
            f"{theirs.seconds / (once + vectors):.0f}x",
            ">= 100x",
        ),
        (
            f"{_VECTORS} vectors, matrix known",
            f"{vectors * 1e3:.2f} ms",
            f"{theirs.seconds / vectors:.0f}x",
            ">= 100x",
        ),
    ]


def layer(weights: NDArray[np.int64], size: tuple[int, int], **chip: Any) -> ProgrammedLayer:
    """A convolution on 64-row crossbars: one pair of cells per 4-bit weight, subtracted before an ADC of 8 bits."""
    outputs, channels, height, width = weights.shape
    nodes = [
        {"op": "conv", "name": "c", "inputs": ["input"], "in_channels": channels, "out_channels": outputs}
        | {"kernel": (height, width), "padding": (height // 2, width // 2), "weight_bits": 4},
        {"op": "lif", "name": "l", "inputs": ["c"]},
        {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
    ]
    spec = {"shape": (channels, *size), "bits": 1}
    network = build(
        {"name": "conv", "arithmetic": "integer", "time_steps": 1, "input": spec, "nodes": nodes},
        {"c.weight": weights, "l.theta": np.array([1])},
    )
    fields = {"mapping.rows": "spikeflow", "mapping.subtract": "analog", "mapping.baseline": "none"}
    fields |= {"device.cell_bits": 3, "adc.bits": 8, "crossbar.rows": 64, "crossbar.cols": 128}
    return program(map_network(network, load_hardware("rram_32nm", fields | chip)), "c")


def conv_rows(kernel: int) -> list[Row]:
    """64 to 64 channels on 16 x 16 pixels, batch 32, per product of a vector and a 64 x 64 tile."""
    random = np.random.default_rng(0)
    weights = random.integers(-7, 8, (64, 64, kernel, kernel))
    spikes = (random.random((32, 64, 16, 16)) < _RATE).astype(np.uint8)
    exact = layer(weights, (16, 16), **{"device.ideal": True, "adc.bits": 12}).multiply(spikes)[0]
    products, size = 32 * 16 * 16 * kernel**2, f"{kernel} x {kernel} convolution"
    taken: dict[str, float] = {}
    for what, adc_alone in (("DAC and ADC", False), ("ADC alone", True)):
        theirs = peer("aihwkit", weights=weights / 7, spikes=spikes, adc_alone=adc_alone)
        if isinstance(theirs, str):
            return skipped("aihwkit", theirs)
        check_same(theirs, exact)
        taken[f"aihwkit, {size}, {what}"] = theirs.seconds
    for what, ideal in (("ideal cells", True), ("programming errors", False)):
        chip = layer(weights, (16, 16), **{"device.ideal": ideal})
        taken[f"{size}, ADC, {what}"] = best(lambda chip=chip: chip.multiply(spikes, threads=1), seconds=2)
    first = next(iter(taken.values()))
    return [
        (what, f"{seconds / products * 1e9:.0f} ns", f"{first / seconds:.1f}x", "" if "aihwkit" in what else ">= 10x")
        for what, seconds in taken.items()
    ]


def drop_rows() -> list[Row]:
    """One 64 x 64 array with wires, per product."""
    random = np.random.default_rng(0)
    weights = random.integers(-7, 8, (64, 64, 1, 1))
    spikes = (random.random((32, 64, 16, 16)) < _RATE).astype(np.uint8)
    vectors = spikes[0].reshape(64, -1)[:, :20].T
    theirs = peer("aihwkit_drop", weights=weights[:, :, 0, 0] / 7, spikes=vectors)
    if isinstance(theirs, str):
        return skipped("aihwkit, IR drop", theirs)
    check_same(theirs, vectors @ weights[:, :, 0, 0].T)
    chip = layer(weights, (16, 16), **{"wires.topology": "passive", "device.r_on_ohm": 60_000})
    each = theirs.seconds / len(vectors)
    taken = best(lambda: chip.multiply(spikes, threads=1), seconds=2) / (32 * 16 * 16)
    return [
        ("aihwkit, 64 x 64 with IR drop along columns", f"{each * 1e3:.1f} ms", "1x", ""),
        ("64 x 64 with all wires, matrix known", f"{taken * 1e9:.0f} ns", f"{each / taken:.0f}x", ">= 10x"),
    ]


def check_same(theirs: PeerRun, exact: NDArray[Any]) -> None:
    """The peer computed the product that we asked for."""
    likeness = np.corrcoef(theirs.outputs.ravel(), exact.ravel())[0, 1]
    if likeness < _ALIKE:
        raise RuntimeError(f"peer: its products correlate with the exact ones by {likeness:.3f}: {_ALIKE} expected")


def peer_rows() -> list[Row]:
    return [*badcrossbar_rows(), *conv_rows(3), *conv_rows(1), *drop_rows()]


if __name__ == "__main__":
    show("against peers, 15 % spikes", peer_rows())
