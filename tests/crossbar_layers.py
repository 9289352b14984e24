"""Circuits by name and layers of one kind of node, for the tests of crossbars."""

from __future__ import annotations

from typing import Any

import numpy as np
from conftest import random_weights

from spikesim_py.crossbar import ProgrammedLayer, program
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build

SIGNS = [
    {"mapping.signs": "differential"},
    {"mapping.signs": "differential", "mapping.subtract": "analog"},
    {"mapping.signs": "differential", "mapping.subtract": "interleaved"},
    {"mapping.signs": "offset"},
    {"mapping.signs": "offset_negative"},
    {"mapping.signs": "twos_complement"},
]


DIGITAL, ANALOG, INTERLEAVED, OFFSET, MASKED, TWOS = SIGNS


ROWS = [
    {"mapping.rows": "unrolled"},
    {"mapping.rows": "spikeflow"},
    {"mapping.rows": "spikeflow", "mapping.tap_sum": "adc_shared_serial"},
    {"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum"},
]


NO_OHM = {f"wires.{name}": 0 for name in ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm")}


PASSIVE = {"wires.topology": "passive"}


PSEUDO = {"wires.topology": "pseudo_1t1r", "device.access_ohm": 300.0}


GATED = {"wires.topology": "gated_1t1r"}


FLOATING = PASSIVE | {"wires.inactive_rows": "floating"}


WHITE = {"device.read.noise": "white", "device.read.sigma": 0.1}


ADJOINT = PASSIVE | WHITE | {"wires.read_noise": "adjoint"}


TELEGRAPH = {
    "device.read.noise": "telegraph",
    "device.read.telegraph_amplitude": 0.8,
    "device.read.tau_high_s": 3e-5,
    "device.read.tau_low_s": 1e-5,
}


NOISES = [{}, WHITE, TELEGRAPH]
EXACT_CELLS = {f"device.{name}": 0.0 for name in ("program_sigma", "stuck_on_rate", "stuck_off_rate")}


def one_layer(
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int] = (6, 4, 4),
    outputs: int = 4,
    kernel: tuple[int, int] | None = (3, 3),
    bits: int = 4,
    input_bits: int = 2,
    steps: int = 1,
    **fields: Any,
) -> Network:
    """A convolution (or, without a kernel, a linear layer) that is read at every one of `steps` time-steps."""
    node: dict[str, Any] = {"name": "c", "weight_bits": bits}
    if kernel is None:
        features = int(np.prod(shape))
        weights = (outputs, features)
        node |= {"op": "linear", "inputs": ["flat"], "in_features": features, "out_features": outputs}
        before = [{"op": "flatten", "name": "flat", "inputs": ["input"]}]
    else:
        weights = (outputs, shape[0] // fields.get("groups", 1), *kernel)
        node |= {"op": "conv", "inputs": ["input"], "in_channels": shape[0], "out_channels": outputs, "kernel": kernel}
        node |= fields
        before = []
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": steps,
        "input": {"shape": shape, "bits": input_bits, "encoder": "every_step"},
        "nodes": [*before, node, {"op": "readout", "name": "out", "inputs": ["c"]}],
    }
    return build(description, {"c.weight": random_weights(rng, weights, bits)})


def inputs(network: Network, rng: np.random.Generator, reads: int, density: float = 0.6) -> np.ndarray:
    """Inputs of the layer, (reads, C, H, W); values have each bit with probability `density`."""
    spec = network.model.input
    planes = rng.random((spec.bits, reads, *spec.shape)) < density
    x = (planes << np.arange(spec.bits)[:, None, None, None, None]).sum(0)
    return x.reshape(reads, -1, 1, 1) if network.layers[0].op == "linear" else x


def chip(*overrides: dict[str, Any], **fields: Any) -> Hardware:
    merged: dict[str, Any] = {"adc.bits": 12, "crossbar.rows": 16, "crossbar.cols": 32}
    for more in overrides:
        merged |= more
    return load_hardware("rram_32nm", merged | {key.replace("__", "."): value for key, value in fields.items()})


def programmed(network: Network, hardware: Hardware, **key: int) -> ProgrammedLayer:
    return program(map_network(network, hardware), "c", **key)
