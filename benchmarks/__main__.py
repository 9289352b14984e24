"""`make bench` (which sets one thread): the speed of each room against a peer in the same run, as ratios."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import spikesim_py as ss
from spikesim_py.crossbar import program
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, load_network


def best(action: Callable[[], Any], seconds: float = 1.0) -> float:
    """The shortest of many runs, in seconds, after one run that compiles and caches."""
    action()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def conv_layer() -> Network:
    """64 to 64 channels, 3x3, 16x16, one-bit inputs, 4-bit weights."""
    nodes = [
        {"op": "conv", "name": "c", "inputs": ["input"], "in_channels": 64, "out_channels": 64}
        | {"kernel": (3, 3), "padding": (1, 1), "weight_bits": 4},
        {"op": "lif", "name": "l", "inputs": ["c"]},
        {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
    ]
    spec = {"shape": (64, 16, 16), "bits": 1}
    weight = np.random.default_rng(0).integers(-8, 8, (64, 64, 3, 3))
    description = {"name": "conv", "arithmetic": "integer", "time_steps": 1, "input": spec, "nodes": nodes}
    return build(description, {"c.weight": weight, "l.theta": np.array([9])})


def crossbar_rows() -> list[tuple[str, str, str, str]]:
    """The crossbar engine against a plain float32 convolution of the same layer."""
    network = conv_layer()
    spikes = (np.random.default_rng(1).random((32, 64, 16, 16)) < 0.15).astype(np.uint8)
    plain, weight = torch.from_numpy(spikes).float(), torch.tensor(network.weight("c").tolist()).float()
    torch.set_num_threads(1)
    peer = best(lambda: torch.nn.functional.conv2d(plain, weight, padding=1))
    rows = [("torch conv2d, float32, NCHW", f"{peer * 1e3:.2f} ms", "1.0x", "")]
    base = {"mapping.rows": "spikeflow", "mapping.signs": "offset", "crossbar.rows": 64}
    for name, fields, goal in (
        ("crossbars, ideal cells, 4 one-bit slices", {"device.ideal": True}, "<= 1.0x"),
        ("crossbars, programming errors, 4 slices", {}, "<= 3x"),
    ):
        mapping = map_network(network, load_hardware("rram_32nm", base | fields))
        layer = program(mapping, "c", seed=0, chip=0)
        taken = best(lambda layer=layer: layer.multiply(spikes, threads=1))
        rows.append((name, f"{taken * 1e3:.2f} ms", f"{taken / peer:.1f}x", goal))
    return rows


def cost_rows() -> list[tuple[str, str, str, str]]:
    """Full reports with their trees per second, against the published time of one NeuroSim point."""
    rows = [("NeuroSim V1.3, one VGG8 point (published run: 80 s)", "0.0125 /s", "1x", "")]
    for name in ("vgg8-cifar10", "vgg9-cifar10"):
        network, chip = load_network(name), load_hardware("rram_32nm")
        taken = best(lambda network=network, chip=chip: ss.cost(network, chip))
        rows.append((f"cost tree of {name}", f"{1 / taken:.0f} /s", f"{80 / taken:.0f}x", "<= 50 ms each"))
    return rows


def start_rows() -> list[tuple[str, str, str, str]]:
    """Cold starts, whole processes."""
    help_s = best(lambda: run("-m", "spikesim_py.cli", "--help"))
    evaluate_s = best(lambda: run("-m", "spikesim_py.cli", "evaluate", "digits-w4", "rram_32nm"))
    return [
        ("spikesim --help", f"{help_s:.2f} s", "", "< 0.3 s"),
        ("spikesim evaluate digits-w4 rram_32nm (600 images)", f"{evaluate_s:.2f} s", "", "< 10 s"),
    ]


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def main() -> None:
    out = Console(width=118)
    out.print(f"{platform.processor() or platform.machine()}, one thread, torch {torch.__version__}")
    for title, rows in (
        ("one layer, 64 to 64 channels, 3x3, 16x16, batch 32, 15 % spikes", crossbar_rows()),
        ("cost model", cost_rows()),
        ("cold start", start_rows()),
    ):
        table = Table(title=title, title_justify="left")
        for name in ("what", "measured", "ratio", "goal"):
            table.add_column(name, justify="left" if name == "what" else "right")
        for row in rows:
            table.add_row(*row)
        out.print(table)


if __name__ == "__main__":
    main()
