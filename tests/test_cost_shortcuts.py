"""Values that wait, work that streams, and inferences that cannot end early."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import tiny_network

import spikesim_py as ss
from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost.components import Memory
from spikesim_py.cost.technology import load_technology
from spikesim_py.early_exit import EarlyExit
from spikesim_py.errors import InputError
from spikesim_py.network import Network, build, load_network


def residual(steps: int = 3, once: bool = False) -> Network:
    """Two convolutions of which the second's sums are added to the first's."""
    conv = {"op": "conv", "kernel": (3, 3), "padding": (1, 1), "weight_bits": 4}
    nodes = [
        conv | {"name": "a", "inputs": ["input"], "in_channels": 2, "out_channels": 8},
        {"op": "lif", "name": "la", "inputs": ["a"]},
        conv | {"name": "b", "inputs": ["la"], "in_channels": 8, "out_channels": 8},
        {"op": "lif", "name": "lb", "inputs": ["b"]},
        conv | {"name": "c", "inputs": ["lb"], "in_channels": 8, "out_channels": 8},
        {"op": "add", "name": "sum", "inputs": ["a" if once else "la", "c"]},
        {"op": "lif", "name": "lc", "inputs": ["sum"]},
        {"op": "readout", "name": "out", "inputs": ["lc"]},
    ]
    spec = {"shape": (2, 8, 8), "bits": 4, "encoder": "once"}
    return build({"name": "r", "arithmetic": "shape", "time_steps": steps, "input": spec, "nodes": nodes}, {})


def buffer(network: Network, **fields: Any) -> Any:
    overrides = {name.replace("__", "."): value for name, value in fields.items()}
    return ss.cost(network, "rram_32nm", overrides=overrides, activity=0.1).tree.child("c").child("shortcut_buffer")


def test_what_is_added_waits_in_a_buffer_of_its_size() -> None:
    network, tech = residual(), load_technology(32)
    bits = 8 * 8 * 8  # one-bit spikes of the first layer
    memory, found = Memory(tech, bits), buffer(network)
    assert found.area_um2 == pytest.approx(memory.area_um2)
    interval_ns = ss.cost(network, "rram_32nm", activity=0.1).interval_ns
    moved = 3 * bits * (memory.write_fj + memory.read_fj) * 1e-3
    assert found.energy_pj == pytest.approx(moved + memory.leakage_pw * interval_ns * 1e-9)
    # tick batching holds all time-steps; a pipeline holds one map for each stage in between and one more
    assert buffer(network, schedule__order="layer_first").area_um2 == pytest.approx(Memory(tech, 3 * bits).area_um2)
    assert buffer(network, schedule__pipeline="layer").area_um2 == pytest.approx(Memory(tech, 3 * bits).area_um2)


def test_sums_that_are_made_once_wait_once() -> None:
    network = residual(once=True)
    assert network.constant("a")
    assert not network.constant("la")
    plain, batched = buffer(network), buffer(network, schedule__order="layer_first")
    assert plain.area_um2 == pytest.approx(batched.area_um2)  # the same values in every time-step


def test_a_layer_without_an_add_has_no_such_buffer() -> None:
    assert "shortcut_buffer" not in ss.cost("vgg9-cifar10", "rram_32nm").tree.components()
    assert "shortcut_buffer" in ss.cost("msresnet18-cifar10", "rram_32nm").tree.components()


@pytest.mark.parametrize("lanes", [1, 8, 128])
def test_streams_longer_than_their_layer_show(lanes: int) -> None:
    """One lane pools a 32 x 32 map of 64 channels in 65,536 clocks, whatever the reads take."""
    fast = {"tile.neuron_lanes": lanes, "crossbar.mux": 1, "mapping.copies": {"conv2": 64}}
    network = load_network("vgg9-cifar10")
    layer = ss.cost(network, "rram_32nm", overrides=fast, activity=0.1).tree.child("conv2")
    tiles = ss.map_network(network, ss.load_hardware("rram_32nm", fast)).layers["conv2"].tiles
    stream_ns = network.time_steps * 64 * 32 * 32 / (lanes * tiles)
    pool = layer.child("pool")
    assert pool.busy_ns == pytest.approx(stream_ns)
    assert layer.critical_ns >= stream_ns * (1 - 1e-12)
    assert pool.critical_ns <= pool.busy_ns


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schedule.pipeline": "layer"}, r"schedule.pipeline = 'layer': .* early exit needs 'none'"),
        ({"schedule.pipeline": "time_step"}, r"schedule.pipeline = 'time_step'"),
        ({"schedule.order": "layer_first"}, r"schedule.order = 'layer_first': .* early exit needs 'step_first'"),
        ({"chip.max_tiles": 2, "dram.kind": "lpddr4"}, r"chip.max_tiles = 2: layers take the chip in turn"),
    ],
)
def test_an_exit_that_saves_nothing_is_refused(fields: dict[str, Any], message: str) -> None:
    network, rule = load_network("digits-w4"), EarlyExit("entropy", 0.3, 1.0)
    with pytest.raises(InputError, match=message):
        ss.evaluate(network, "rram_32nm", samples=2, exit=rule, overrides=fields)
    records = {node.name: LayerActivity(0.1) for node in network.layers}
    known = Activity(records, "given", exit=rule.operations(network.classes))
    with pytest.raises(InputError, match=message):
        ss.cost(network, "rram_32nm", activity=known, overrides=fields)
    axes = {name: [value, value] for name, value in fields.items()}
    with pytest.raises(InputError, match=message):
        ss.cost_batch(network, "rram_32nm", axes, activity=known)
    assert ss.cost(network, "rram_32nm", activity=known).tree.components()["exit_unit"].energy_pj > 0


def test_a_difference_names_the_settings() -> None:
    network = tiny_network()
    base = ss.cost(network, "rram_32nm")
    other = ss.cost(network, "rram_32nm", overrides={"adc.bits": 6, "mapping.copies": {"conv1": 2}})
    assert dict(ss.diff(base, other).settings) == {"adc.bits": (5, 6), "mapping.copies.conv1": (None, 2)}
    assert not ss.diff(base, base).settings
