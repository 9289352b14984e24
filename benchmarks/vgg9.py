"""VGG9 at T = 5 on CIFAR-shaped images, programming, encoder and neurons included: `python -m benchmarks.vgg9`.

One thread: set OMP_NUM_THREADS=1 and NUMBA_NUM_THREADS=1, as `make bench` does.

The network has SpikeSim's VGG9 shape, random 4-bit weights, and a threshold per channel at which its units spike at
a chosen rate on the chip itself: wires and errors would otherwise silence it or flood it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import Row, show
from spikesim_py.crossbar import program
from spikesim_py.crossbar.wires import forget
from spikesim_py.datasets import Dataset
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network
from spikesim_py.mapping.digital import digital_layers
from spikesim_py.network import Conv, Lif, Linear, Network, build, load_network
from spikesim_py.network.executor import Product, check_input, exact_product, node_output

#: crossbars of 64 rows, whose sums an ADC of 7 bits holds; 4-bit weights in four one-bit slices
_CHIP = {"mapping.rows": "spikeflow", "mapping.signs": "offset", "crossbar.rows": 64, "crossbar.cols": 64}
_ENOUGH = {"adc.bits": 7}
CHIPS: dict[str, dict[str, Any]] = {
    "ideal": {"device.ideal": True},
    "ideal, first layer digital": {"device.ideal": True, "mapping.digital_layers": ["first"]},
    "variation": {},
    # cells of 60 kohm: at 6 kohm, segments of 1 ohm take so much that no threshold makes all layers spike
    "passive wires": {"wires.topology": "passive", "device.r_on_ohm": 60_000},
    "gated": {"wires.topology": "gated_1t1r", "device.r_on_ohm": 60_000},
}
GOALS = {"ideal": "<= 25 ms", "ideal, first layer digital": "<= 25 ms", "variation": "<= 80 ms"}
ACTIVITY = 0.15
IMAGES = 100
_PEAK_GB = 2


def chip(name: str) -> Hardware:
    return load_hardware("rram_32nm", _CHIP | _ENOUGH | CHIPS[name])


def images(count: int) -> Dataset:
    """Uniform random bytes (count, 3, 32, 32)."""
    pixels = np.random.default_rng(1).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    return Dataset("random", pixels, np.zeros(count, np.int64))


def vgg9(activity: float, hardware: Hardware) -> Network:
    """The network whose every LIF layer spikes at a rate of `activity` on this chip."""
    shape, random = load_network("vgg9-cifar10"), np.random.default_rng(0)
    arrays: dict[str, NDArray[np.int64]] = {}
    for node in shape.layers:
        weight = random.integers(-7, 8, node.weight_shape)
        mean = weight.mean(tuple(range(1, weight.ndim)), keepdims=True)  # a channel of negative sum would be silent
        arrays[f"{node.name}.weight"] = np.rint(weight - mean).clip(-8, 7).astype(np.int64)
    arrays |= {f"{node.name}.theta": np.ones(1, np.int64) for node in shape.nodes if isinstance(node, Lif)}
    network = build(shape.model.model_dump() | {"arithmetic": "integer", "activity": {}}, arrays)
    multiply, values = on_chip(network, hardware), {"input": check_input(network, images(2).images)}
    for node in network.nodes:
        (source,) = (values[name] for name in node.inputs)
        if isinstance(node, Conv | Linear):
            values[node.name] = multiply(node, source)
            continue
        if isinstance(node, Lif):
            theta = thresholds(network, node, source, activity)
            network = replace(network, arrays={**network.arrays, f"{node.name}.theta": theta})
        values[node.name] = node_output(network, node, [source])
    return network


def on_chip(network: Network, hardware: Hardware) -> Product:
    """The products as `simulate` makes them."""
    mapping, exact, digital = map_network(network, hardware), exact_product(network), digital_layers(network, hardware)

    def multiply(node: Conv | Linear, x: torch.Tensor) -> torch.Tensor:
        if node.name in digital:
            return exact(node, x)
        values, _ = program(mapping, node.name).multiply(x.flatten(0, 1).numpy())
        return torch.from_numpy(values).reshape(*x.shape[:2], *values.shape[1:])

    return multiply


def thresholds(network: Network, node: Lif, source: torch.Tensor, activity: float) -> NDArray[np.int64]:
    """Per channel, the lowest threshold at which units spike at a rate of at most `activity`, by bisection."""
    low = np.ones(source.shape[2], np.int64)
    high = np.full_like(low, network.time_steps * max(1, int(source.max())))
    while (low < high).any():
        theta = (low + high) // 2
        tried = replace(network, arrays={f"{node.name}.theta": theta})
        too_often = node_output(tried, node, [source]).float().mean((0, 1, 3, 4)).numpy() > activity
        low, high = np.where(too_often, theta + 1, low), np.where(too_often, high, theta)
    return low


def cpu_seconds(action: Callable[[], Any], runs: int = 2) -> float:
    """The least CPU time of some runs: time per core, whatever else the machine does."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return min(taken)


def simulated(network: Network, hardware: Hardware, count: int, runs: int = 2) -> float:
    """CPU seconds of a simulation of `count` images, programming included."""
    return cpu_seconds(lambda: simulate(network, hardware, images(count)), runs)


def rate(network: Network, hardware: Hardware) -> float:
    """Mean rate of the LIF layers on a few images."""
    layers = simulate(network, hardware, images(5)).activity.layers.values()
    return float(np.mean([layer.output_rate for layer in layers if layer.output_rate is not None]))


def chip_rows() -> list[Row]:
    """Milliseconds per image of 100, against the exact network in torch convolutions."""
    plain = vgg9(ACTIVITY, chip("ideal"))
    peer = cpu_seconds(lambda: plain.run(images(IMAGES).images, batch=4)) / IMAGES
    rows = [("exact network, torch convolutions", f"{peer * 1e3:.1f} ms", "1.0x", "")]
    another: dict[str, float] = {}
    for name in CHIPS:
        forget()
        network, hardware, count = vgg9(ACTIVITY, chip(name)), chip(name), IMAGES // 4 if name == "gated" else IMAGES
        what = f"{name}, {rate(network, hardware):.0%} spikes"
        few, many = (simulated(network, hardware, number) for number in (5, count))
        another[name] = (many - few) / (count - 5)
        rows.append(
            (
                f"{what}: per image of {count}, programming included",
                f"{many / count * 1e3:.1f} ms",
                f"{many / count / peer:.1f}x",
                GOALS.get(name, ""),
            )
        )
        if name == "passive wires":
            goal = f"<= {another['variation'] * 1e3:.1f} ms: variation"
            more = another[name]
            rows.append(("  another image", f"{more * 1e3:.1f} ms", f"{more / peer:.1f}x", goal))
            forget()
            solved = simulated(network, hardware, 5, runs=1)
            rows.append(("  its matrices, once per chip", f"{solved - few:.1f} s", "", ""))
    return rows


def growth_rows() -> list[Row]:
    """How the cost grows with images and with spikes."""
    rows: list[Row] = []
    for name in ("ideal", "variation"):
        network, hardware = vgg9(ACTIVITY, chip(name)), chip(name)
        taken = [simulated(network, hardware, count) for count in (25, 50, 100)]
        early, late = (taken[1] - taken[0]) / 25 * 1e3, (taken[2] - taken[1]) / 50 * 1e3
        what = f"{name}: another image, from 25 to 50 and from 50 to 100"
        rows.append((what, f"{early:.1f}, {late:.1f} ms", f"{late / early:.2f}x", "0.8x to 1.2x"))
        marginal = []
        for activity in (0.05, 0.1, 0.2):
            network = vgg9(activity, hardware)
            marginal.append((simulated(network, hardware, 35) - simulated(network, hardware, 5)) / 30 * 1e3)
        what = f"{name}: another image at 5, 10 and 20 % spikes"
        measured = ", ".join(f"{milliseconds:.1f}" for milliseconds in marginal)
        rows.append((what, f"{measured} ms", f"{marginal[2] / marginal[0]:.1f}x", "<= 4x"))
    return rows


def peak_rows() -> list[Row]:
    """Peak memory of a process that simulates and does nothing else."""
    rows = []
    for name in ("ideal", "variation", "passive wires"):
        told = subprocess.run([sys.executable, "-m", __spec__.name, name], check=True, capture_output=True, text=True)
        rows.append((f"{name}: peak memory", f"{float(told.stdout):.2f} GB", "", f"<= {_PEAK_GB} GB"))
    return rows


def peak(name: str) -> float:
    """Peak memory of this process after 100 images, in GB; `ru_maxrss` would hold that of the process before exec."""
    simulate(vgg9(ACTIVITY, chip(name)), chip(name), images(IMAGES))
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e6


def vgg9_rows() -> list[Row]:
    torch.set_num_threads(1)
    return [*chip_rows(), *growth_rows(), *peak_rows()]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(peak(sys.argv[1]))
    else:
        show("VGG9, T = 5, 64 x 64 crossbars, 4 one-bit slices, 7-bit ADCs", vgg9_rows())
