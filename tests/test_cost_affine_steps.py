"""Affines with parameters of their own in every time-step: T sets are held, and nothing behind one is constant."""

from __future__ import annotations

from typing import Any

import pytest

from spikesim_py.cost.components import register
from spikesim_py.cost.technology import load_technology
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.network import Network, build

CHIP, CHANNELS, BITS = load_hardware("rram_32nm"), 6, 8


def network(per_step: bool, steps: int = 4) -> Network:
    conv = {"op": "conv", "inputs": ["input"], "in_channels": 2, "out_channels": CHANNELS, "kernel": (1, 1)}
    nodes: list[dict[str, Any]] = [
        {**conv, "name": "conv", "weight_bits": 4},
        {"op": "affine", "name": "bn", "inputs": ["conv"], "bits": BITS, "per_step": per_step},
        {"op": "lif", "name": "lif", "inputs": ["bn"]},
        {"op": "readout", "name": "out", "inputs": ["lif"], "mode": "spike_count"},
    ]
    spec = {"shape": (2, 5, 5), "bits": 8}
    return build({"name": "n", "arithmetic": "shape", "time_steps": steps, "input": spec, "nodes": nodes}, {})


def affine(of: Network) -> Any:
    return cost(of, CHIP).tree.child("conv").child("affine")


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_every_time_step_has_its_registers(steps: int) -> None:
    one = register(load_technology(CHIP.technology.node_nm), 2 * BITS * CHANNELS)
    more = affine(network(True, steps)).area_um2 - affine(network(False, steps)).area_um2
    assert more == pytest.approx((steps - 1) * one.area_um2)


def test_it_acts_in_every_step_where_a_plain_one_acts_once() -> None:
    own, shared = network(True), network(False)
    assert (own.constant("conv"), own.constant("bn")) == (True, False)
    assert (shared.constant("conv"), shared.constant("bn")) == (True, True)
    assert affine(own).energy_pj > 3 * affine(shared).energy_pj


def test_what_is_buffered_is_what_stays_the_same() -> None:
    """The layer's sums, not what the affine makes of them: as many bits in a workload, whose affines keep the range."""
    own, shared = (cost(network(flag), CHIP).tree.child("conv").child("preactivation_buffer") for flag in (True, False))
    assert own.area_um2 == shared.area_um2
