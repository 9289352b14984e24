"""Speed of the cost model: designs per second of `cost_batch`, full reports, and where an idle chip's energy goes."""

from __future__ import annotations

import time

import numpy as np

import spikesim_py as ss
from spikesim_py.hardware import load_hardware
from spikesim_py.network import load_network

from .timing import Row, best

#: published or measured seconds per design point of one VGG8 (MNSIM without its mapping)
PEERS_S = {"NeuroSim V1.3": 80.0, "HISIM": 1.1, "MICSim": 0.69, "MNSIM 2.0": 0.10}
DESIGNS = 40_960


def random_axes(count: int, seed: int = 0) -> dict[str, object]:
    """Ten fields that vary from design to design, so that no result can be shared."""
    draw = np.random.default_rng(seed)
    return {
        "crossbar.rows": draw.choice([32, 64, 128, 256], count),
        "crossbar.cols": draw.choice([32, 64, 128, 256], count),
        "crossbar.mux": draw.choice([4, 8, 16, 32], count),
        "adc.bits": draw.integers(3, 9, count),
        "device.cell_bits": draw.choice([1, 2], count),
        "device.r_on_ohm": draw.uniform(6e3, 1e6, count),
        "pe.crossbars": draw.choice([8, 16, 32], count),
        "tile.pes": draw.choice([2, 4, 8], count),
        "technology.clock_mhz": draw.uniform(200, 2000, count),
        "activity": draw.uniform(0, 1, count),
    }


def batch_rows() -> list[Row]:
    """CPU seconds of one core; the same designs' reports are equal to 1e-12 (tests/test_cost_batch.py)."""
    axes = random_axes(DESIGNS)
    rows = [
        (f"{name}, one VGG8 point ({seconds:g} s)", f"{1 / seconds:.3g} /s", "", "")
        for name, seconds in PEERS_S.items()
    ]
    for name, goal in (("vgg8-cifar10", ">= 20,000 /s"), ("vgg16-cifar10", ">= 20,000 /s"), ("resnet19-cifar10", "")):
        ss.cost_batch(name, "rram_32nm", {k: v[:8] for k, v in axes.items()})  # compiles once
        taken = min(_cpu_seconds(lambda name=name: ss.cost_batch(name, "rram_32nm", axes)) for _ in range(3))
        rate = DESIGNS / taken
        times = (
            ", ".join(f"{rate * s:,.0f}x {peer.split()[0]}" for peer, s in PEERS_S.items()) if "vgg8" in name else ""
        )
        rows.append((f"cost_batch of {name}, 10 fields vary", f"{rate:,.0f} /s", times, goal))
    return rows


def _cpu_seconds(call: object) -> float:
    start = time.process_time()
    call()  # type: ignore[operator]
    return time.process_time() - start


def report_rows() -> list[Row]:
    """Full reports with their trees."""
    rows = []
    for name in ("vgg8-cifar10", "vgg9-cifar10", "vgg16-cifar10", "resnet19-cifar10"):
        network, chip = load_network(name), load_hardware("rram_32nm")
        taken = best(lambda network=network, chip=chip: ss.cost(network, chip))
        rows.append(
            (f"report with tree of {name}", f"{taken * 1e3:.1f} ms", f"{80 / taken:,.0f}x NeuroSim", "<= 50 ms")
        )
    return rows


#: the cells of NeuroSim's chip points: 2 bits, offset codes, no dummy columns
LIKE_NEUROSIM = {
    "device.cell_bits": 2,
    "device.r_on_ohm": 6000,
    "device.on_off_ratio": 150,
    "device.read_volt": 0.5,
    "mapping.signs": "offset",
    "mapping.rows": "spikeflow",
    "mapping.baseline": "none",
}
#: what an idle chip can leave out
GATES = {
    "as it is": {},
    "row_gating": {"crossbar.row_gating": True},
    "event_driven": {"crossbar.event_driven": True},
    "both, zero_skip": {"crossbar.row_gating": True, "crossbar.event_driven": True, "adc.zero_skip": True},
}


def idle_rows() -> list[Row]:
    """VGG8, energy per time-step at 0, 2, 10 and 30 % activity: NeuroSim's floor with one-bit inputs, and ours."""
    rows = [("NeuroSim V1.3, one-bit inputs: 0 / 2 / 10 / 30 %", "4.77 / 7.19 / 12.69 / 26.15 uJ", "", "")]
    network = load_network("vgg8-cifar10")
    for name, fields in GATES.items():
        fields = LIKE_NEUROSIM | fields
        chip, found = load_hardware("rram_32nm", fields), []
        for rate in (0.0, 0.02, 0.10, 0.30):
            found.append(ss.cost(network, chip, activity=rate).energy_pj / network.time_steps * 1e-6)
        parts = ss.cost(network, chip, activity=0.0).tree.components()
        floor = sorted(parts.values(), key=lambda node: -node.energy_pj)[:3]
        where = ", ".join(f"{node.name} {node.energy_pj / network.time_steps * 1e-6:.2f}" for node in floor)
        rows.append((f"ours, {name}", " / ".join(f"{value:.2f}" for value in found) + " uJ", f"floor: {where}", ""))
    return rows
