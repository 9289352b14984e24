"""Layers of one convolution behind converters, for the tests of converters."""

from __future__ import annotations

from typing import Any

import numpy as np
from conftest import conv, random_weights

from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.mapping import LayerPlan, map_network
from spikesim_py.network import Network, build

#: probability that a correct model fails a statistical test; seeds are fixed
FALSE_ALARM = 1e-6


def one_layer(groups: int = 1, taps: int = 3, channels: int = 10, outputs: int = 6, bits: int = 3) -> Network:
    node = conv("c", "input", channels * groups, outputs, taps, groups=groups, weight_bits=bits)
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": 1,
        "input": {"shape": (channels * groups, 4, 4), "bits": 1},
        "nodes": [node, {"op": "readout", "name": "out", "inputs": ["c"]}],
    }
    weight = np.maximum(random_weights(np.random.default_rng(0), (outputs, channels, taps, taps), bits), -3)
    return build(description, {"c.weight": weight})


def chip(**overrides: Any) -> Hardware:
    return load_hardware("rram_32nm", {key.replace("__", "."): value for key, value in overrides.items()})


def planned(hardware: Hardware, **shape: int) -> LayerPlan:
    return map_network(one_layer(**shape), hardware).layers["c"]
