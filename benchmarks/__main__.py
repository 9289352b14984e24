"""`make bench` (which sets one thread): the speed of each room against a peer in the same run, as ratios."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from spikesim_py._files import write_atomic
from spikesim_py.crossbar import program
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build

from .cost_model import batch_rows, idle_rows, report_rows
from .gate import BASELINE, failures, load, rebased
from .ladder import ladder_rows
from .neuron_share import neuron_rows
from .neurosim_vgg8 import neurosim_rows
from .noc import exact_rows, speed_rows
from .noc_case import IMAGES, NETWORK, case_rows
from .noc_models import error_rows, points
from .peers import peer_rows
from .record import Section, ratios, run
from .spikingjelly_energy import rows as spikingjelly_rows
from .timing import Row, best
from .training_step import TITLE, training_rows
from .vgg9 import vgg9_rows
from .wires import wires_rows


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


#: 64-row products of one run of the layer: images x positions x kernel positions
PRODUCTS = 32 * 16 * 16 * 9
#: the layer on crossbars: fields of the chip, engine, goals in ns per 64-row product and in times of the peer
_ONE_COLUMN = {"device.cell_bits": 4, "mapping.baseline": "none"}
LAYERS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("ideal cells, 4 slices, 5-bit ADC (range: max)", {"device.ideal": True}, "<= 60 ns", "<= 1.0x"),
    (
        "ideal cells, 4 slices, 4-bit ADC that clips (range: granular)",
        {"device.ideal": True, "adc.bits": 4, "adc.range": "granular"},
        "<= 60 ns",
        "<= 1.0x",
    ),
    ("programming errors, 4 slices", {}, "<= 200 ns", "<= 3x"),
    (
        "passive wires of 1 ohm (once the matrices are there), 4 slices",
        {"wires.topology": "passive"},
        "<= 200 ns",
        "<= 3x",
    ),
    ("read noise on top, 4 slices", {"device.read.noise": "white", "device.read.sigma": 0.01}, "<= 1400 ns", ""),
    ("programming errors, one 4-bit cell per weight (64 columns)", _ONE_COLUMN, "", ""),
    (
        "gated 1T1R, exact ladder at every read (64 columns)",
        _ONE_COLUMN | {"wires.topology": "gated_1t1r"},
        "<= 400 ns",
        "",
    ),
)


def crossbar_rows() -> list[Row]:
    """The crossbar engine against a plain float32 convolution of the same layer."""
    network = conv_layer()
    spikes = (np.random.default_rng(1).random((32, 64, 16, 16)) < 0.15).astype(np.uint8)
    plain, weight = torch.from_numpy(spikes).float(), torch.tensor(network.weight("c").tolist()).float()
    torch.set_num_threads(1)
    conv = torch.nn.functional.conv2d
    peer = best(lambda: conv(plain, weight, padding=1), 2)
    rows = [("torch conv2d, float32, NCHW", f"{peer * 1e3:.2f} ms", "1.0x", "")]
    last = plain.to(memory_format=torch.channels_last), weight.to(memory_format=torch.channels_last)
    half = last[0].bfloat16(), last[1].bfloat16()
    for name, (x, w) in (("float32, channels_last", last), ("bfloat16, channels_last", half)):
        taken = best(lambda x=x, w=w: conv(x, w, padding=1))
        rows.append((f"torch conv2d, {name}", f"{taken * 1e3:.2f} ms", f"{taken / peer:.1f}x", "(printed)"))
    base = {"mapping.rows": "spikeflow", "mapping.signs": "offset", "crossbar.rows": 64, "crossbar.cols": 64}
    for name, fields, each, goal in LAYERS:
        layer = program(map_network(network, load_hardware("rram_32nm", base | fields)), "c", seed=0, chip=0)
        taken = best(lambda layer=layer: layer.multiply(spikes, threads=1), 2)
        measured = f"{taken * 1e3:.2f} ms, {taken / PRODUCTS * 1e9:.0f} ns"
        rows.append((name, measured, f"{taken / peer:.2f}x", ", ".join(filter(None, (each, goal)))))
    return rows


def start_rows() -> list[Row]:
    """Cold starts, whole processes."""
    help_s = best(lambda: process("-m", "spikesim_py.cli", "--help"))
    evaluate_s = best(lambda: process("-m", "spikesim_py.cli", "evaluate", "digits-w4", "rram_32nm"))
    return [
        ("spikesim --help", f"{help_s:.2f} s", "", "< 0.3 s"),
        ("spikesim evaluate digits-w4 rram_32nm (600 images)", f"{evaluate_s:.2f} s", "", "< 10 s"),
    ]


def process(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


SECTIONS: dict[str, Section] = {
    "crossbar": Section(
        "one layer, 64 to 64 channels, 3x3, 16x16, batch 32, 15 % spikes; ns per 64-row product", crossbar_rows, (0, 1)
    ),
    "wires": Section("exact transfer matrix of a passive crossbar", wires_rows, (0,)),
    "ladder": Section("gated ladder", ladder_rows, (0,)),
    "peers": Section("installable peers", peer_rows, (0,)),
    "training": Section(TITLE, training_rows),
    "batch": Section("cost model, designs per CPU second of one core", batch_rows, (0,)),
    "report": Section("cost model, one report", report_rows),
    "neurosim": Section("NeuroSim's VGG8, read by read", neurosim_rows, (0,)),
    "spikingjelly": Section("SpikeSim's energy against SpikingJelly's", spikingjelly_rows),
    "idle": Section("the floor: energy per time-step of VGG8 by input activity", idle_rows),
    "neurons": Section("the neuron module's share of the area, VGG9 at SpikeSim's operating point", neuron_rows),
    "noc-exact": Section("network on chip against BookSim2's results", exact_rows, (1, 2, 3)),
    "noc-speed": Section("network on chip, simulated per CPU second, against BookSim2's published speed", speed_rows),
    "noc-case": Section(f"network on chip, {NETWORK} with spikes of {IMAGES} images", case_rows, (0,)),
    "start": Section("cold start", start_rows),
    # the longest last
    "vgg9": Section("VGG9 at T = 5, 100 CIFAR-shaped images; per image and core", vgg9_rows, (0, 1)),
    "noc-models": Section(
        "network on chip, faster models against the cycle model over 384 loads", lambda: error_rows(points()), (0,)
    ),
}


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(list(SECTIONS)))
@click.option("-o", "--output", default="runs/benchmarks.json", help="Where the JSON goes.", show_default=True)
@click.option("--gate", "gated", is_flag=True, help="Run what the baseline guards; exit 1 if a ratio is worse.")
@click.option(
    "--from", "stored", type=click.Path(exists=True, dir_okay=False), help="Do not run: take the JSON of a run."
)
@click.option("--rebase", is_flag=True, help="Take the values of the run for the baseline.")
def main(sections: tuple[str, ...], output: str, gated: bool, stored: str | None, rebase: bool) -> None:
    """Run all SECTIONS, or some, and write one JSON with machine, versions, seeds and results."""
    if stored is not None and not (gated or rebase):
        raise click.UsageError("--from goes with --gate or --rebase")
    baseline = load()
    guarded = {name.partition(":")[0] for name in baseline}
    asked = sections or [key for key in SECTIONS if not gated or key in guarded]
    record: dict[str, Any] = {"sections": {}}
    if stored is None:
        for record in run({key: SECTIONS[key] for key in asked}):
            write_atomic(output, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        click.echo(f"wrote {output}")
    else:
        record = json.loads(Path(stored).read_text(encoding="utf-8"))
    if rebase:
        if lost := sorted(set(baseline) - set(ratios(record))):
            raise click.ClickException(f"--rebase: the run has no {'; '.join(lost)}")
        text = json.dumps(rebased(baseline, ratios(record)), indent=1, ensure_ascii=False)
        click.echo(f"wrote {write_atomic(BASELINE, text + chr(10))}")
    broken = [f"{key}: {about['error']}" for key, about in record["sections"].items() if "error" in about]
    mine = {name: guard for name, guard in baseline.items() if not sections or name.partition(":")[0] in sections}
    worse = failures(mine, ratios(record)) if gated else []
    for line in broken + worse:
        click.echo(line, err=True)
    if broken or worse:
        sys.exit(1)
    if gated:
        click.echo(f"all {len(mine)} ratios hold")


if __name__ == "__main__":
    main()
