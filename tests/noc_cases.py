"""Networks and chips that more than one test of the NoC's traffic uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from conftest import conv, lif, tiny_network

from spikesim_py.network import Network, build

SMALL = {"crossbar.rows": 8, "crossbar.cols": 24, "pe.crossbars": 1}
CHIPS: list[dict[str, Any]] = [
    {"tile.pes": 2},
    {"tile.pes": 3, "mapping.signs": "offset"},
    {"tile.pes": 5, "mapping.rows": "spikeflow"},
    {"tile.pes": 9, "mapping.rows": "spikeflow", "mapping.tap_sum": "adc_shared_serial"},
]


def branched_network(steps: int = 2) -> Network:
    """Integer: a padded first layer behind a pool of the input, a branch with stride, an add, overlapping pools."""
    rng = np.random.default_rng(3)
    nodes = [
        {"op": "pool", "name": "p0", "inputs": ["input"], "kernel": (2, 2), "stride": (1, 1)},
        conv("a", "p0", 2, 5, weight_bits=3),
        lif("la", "a"),
        conv("b", "la", 5, 6, stride=(2, 2), weight_bits=3),
        conv("c", "la", 5, 6, k=1, stride=(2, 2), weight_bits=3),
        {"op": "add", "name": "sum", "inputs": ["b", "c"]},
        lif("ls", "sum"),
        {"op": "pool", "name": "p1", "inputs": ["ls"], "kernel": (2, 2), "stride": (1, 1), "kind": "max"},
        {"op": "flatten", "name": "f", "inputs": ["p1"]},
        {"op": "linear", "name": "fc", "inputs": ["f"], "in_features": 24, "out_features": 3, "weight_bits": 3},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    spec = {"shape": (2, 6, 6), "bits": 2}
    arrays = {
        "a.weight": rng.integers(-4, 4, (5, 2, 3, 3)).astype(np.int16),
        "b.weight": rng.integers(-4, 4, (6, 5, 3, 3)).astype(np.int16),
        "c.weight": rng.integers(-4, 4, (6, 5, 1, 1)).astype(np.int16),
        "fc.weight": rng.integers(-4, 4, (3, 24)).astype(np.int16),
        "la.theta": np.array([3]),
        "ls.theta": np.array([3]),
    }
    return build(
        {"name": "branched", "arithmetic": "integer", "time_steps": steps, "input": spec, "nodes": nodes}, arrays
    )


def attention_network(steps: int = 2) -> Network:
    """Integer: queries, keys and values of spikes, both products, spikes of them, and a shortcut around all that."""
    rng = np.random.default_rng(5)
    point = {"in_channels": 8, "out_channels": 8, "kernel": (1, 1), "weight_bits": 3}
    nodes: list[dict[str, Any]] = [conv("e", "input", 2, 8, weight_bits=3), lif("le", "e")]
    for name in "qkv":
        nodes += [{"op": "conv", "name": name, "inputs": ["le"], **point}, lif(f"l{name}", name)]
    nodes += [
        {"op": "product", "name": "qk", "inputs": ["lq", "lk"], "over": "channels", "heads": 2},
        {"op": "product", "name": "qkv", "inputs": ["qk", "lv"], "over": "tokens", "heads": 2},
        lif("la", "qkv"),
        {"op": "conv", "name": "o", "inputs": ["la"], **point},
        {"op": "add", "name": "sum", "inputs": ["o", "e"]},
        lif("ls", "sum"),
        {"op": "flatten", "name": "f", "inputs": ["ls"]},
        {"op": "linear", "name": "fc", "inputs": ["f"], "in_features": 48, "out_features": 3, "weight_bits": 3},
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    arrays = {f"{name}.weight": rng.integers(-2, 4, (8, 8, 1, 1)).astype(np.int16) for name in "qkvo"}
    arrays |= {
        "e.weight": rng.integers(-2, 4, (8, 2, 3, 3)).astype(np.int16),
        "fc.weight": rng.integers(-4, 4, (3, 48)).astype(np.int16),
    }
    arrays |= {f"l{name}.theta": np.array([3]) for name in "eqkvas"}
    spec = {"shape": (2, 2, 3), "bits": 2}
    return build(
        {"name": "attention", "arithmetic": "integer", "time_steps": steps, "input": spec, "nodes": nodes}, arrays
    )


NETWORKS = {"tiny": tiny_network(), "branched": branched_network(), "attention": attention_network()}
COPIED = {
    "tiny": {"conv1": 5, "conv2": 2},
    "branched": {"a": 4, "b": 2, "c": 3},
    "attention": {"e": 2, "k": 3, "v": 5, "o": 2},
}
