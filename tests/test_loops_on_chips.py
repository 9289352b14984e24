"""Networks with loops and units of every kind on chips: accuracy, activity, traffic and cost, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_loops import SHAPES, STEPS, events, linear, loop_network

from spikesim_py.cost.tree import CostNode
from spikesim_py.datasets import Dataset
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import simulate
from spikesim_py.inference import simulation as simulation_module
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, quantize
from spikesim_py.noc import flows, owners
from spikesim_py.noc.traffic import traffic

NOISY = {"device.read.noise": "white", "device.read.sigma": 0.3, "device.program_sigma": 0.1}
SMALL = {"crossbar.rows": 4, "crossbar.cols": 16, "pe.crossbars": 1, "tile.pes": 1, "adc.bits": 8}


def data(samples: int = 9) -> Dataset:
    return Dataset("loop", events(samples), np.arange(samples) % 3)


@pytest.mark.parametrize("overrides", [{"device.ideal": True, "adc.bits": 8}, {"mapping.digital_layers": ["rec"]}])
def test_an_ideal_chip_runs_the_loop_exactly(overrides: dict[str, Any]) -> None:
    network = loop_network()
    chip = load_hardware("rram_32nm", {"device.ideal": True, "adc.bits": 8} | overrides)
    run = simulate(network, chip, data(), quality=True)
    exact = network.run(events(), record=True)
    assert run.correct[0].tolist() == (exact.predictions == np.arange(9) % 3).tolist()
    spikes = exact.trains["l"]
    assert run.activity.layers["fc"].rate == pytest.approx(spikes.mean())
    assert run.activity.layers["rec"].rate == pytest.approx(spikes[:, :-1].sum() / spikes.size)  # one step later
    assert run.activity.layers["rec"].output_rate == pytest.approx(spikes.mean())
    assert run.quality is not None
    assert all(layer.error_rms == 0 and layer.spike_mismatch in (0, None) for layer in run.quality.values())


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_noisy_loop_does_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """Read noise is named by sample and time-step, whatever the order of the reads."""
    network, chip = loop_network(), load_hardware("rram_32nm", NOISY)
    results = []
    for size in (9, 2, 1):
        monkeypatch.setattr(simulation_module, "batch_size", lambda _, size=size: size)
        results.append(simulate(network, chip, data(), quality=True, engine=engine))
    first, *others = results
    for other in others:
        assert np.array_equal(first.correct_by_step, other.correct_by_step)
        assert first.activity == other.activity
        assert first.quality == other.quality
        assert first.activity.to_dict() == other.activity.to_dict()
    assert first.quality is not None
    assert first.quality["rec"].error_rms > 0
    assert first.quality["rec"].own_mismatch is not None


def test_a_loop_reads_what_a_layer_without_one_reads() -> None:
    """Noise of a layer in a loop is that of the same layer, name and inputs outside of it: fed by recorded spikes."""
    network, chip = loop_network(), load_hardware("rram_32nm", NOISY)
    seen: dict[str, Any] = {}

    def probe(number: int, layer: Any, x: Any) -> None:
        seen[layer.name] = layer, x

    simulate(network, chip, data(), probe=probe)
    layer, x = seen["rec"]
    assert x.shape == (9 * STEPS, 7, 1, 1)
    whole, _ = layer.multiply(x)
    for t in range(STEPS):
        step, _ = layer.multiply(x[t::STEPS], first_read=t, every=STEPS)
        assert np.array_equal(step, whole[t::STEPS])


def component(node: CostNode, layer: str, name: str) -> CostNode | None:
    return next((c for b in node.children if b.name == layer for c in b.children if c.name == name), None)


def unit_cost(chip: dict[str, Any] | None = None, **unit: Any) -> CostNode:
    return cost(loop_network(**unit), load_hardware("rram_32nm", chip or {})).tree


@pytest.mark.parametrize(
    ("unit", "bits"),
    [
        ({"synapse": {"bits": 12}}, 12),
        ({"refractory": 3}, 2),
        ({"refractory": 4}, 3),
        ({"reset_delay": True, "max_spikes": 3}, 2),
    ],
)
def test_state_is_stored(unit: dict[str, Any], bits: int) -> None:
    """Memory grows with every bit that a unit remembers, and is read and written in every step."""
    plain, more = (component(tree, "ff", "membrane_memory") for tree in (unit_cost(), unit_cost(**unit)))
    assert plain is not None
    assert more is not None
    assert more.area_um2 > plain.area_um2
    assert more.energy_pj > plain.energy_pj
    wide = build(_membranes(10 + bits), loop_network().arrays)
    same = component(cost(wide, "rram_32nm").tree, "ff", "membrane_memory")
    assert same is not None
    assert more.area_um2 == pytest.approx(same.area_um2)


def _membranes(bits: int) -> dict[str, Any]:
    model: dict[str, Any] = loop_network().model.model_dump(mode="python")
    return model | {"nodes": [n | ({"membrane_bits": bits} if n["name"] == "l" else {}) for n in model["nodes"]]}


@pytest.mark.parametrize(
    "unit",
    [{"v_leak": 3}, {"v_min": -9}, {"synapse": {}}, {"refractory": 2}, {"max_spikes": 2}, {"order": "input_first"}],
)
def test_the_neuron_unit_pays_for_what_units_do(unit: dict[str, Any]) -> None:
    plain, more = (component(tree, "ff", "neuron_unit") for tree in (unit_cost(), unit_cost(**unit)))
    assert plain is not None
    assert more is not None
    free = "order" in unit  # another order of the same adders
    assert (more.area_um2 == plain.area_um2) is free
    assert (more.energy_pj == pytest.approx(plain.energy_pj)) is free


def test_more_spikes_per_step_take_more_subtractions_and_wires() -> None:
    trees = [unit_cost(max_spikes=most) for most in (1, 3, 15)]
    energies = [component(tree, "ff", "neuron_unit").energy_pj for tree in trees]  # type: ignore[union-attr]
    assert energies[0] < energies[1] < energies[2]
    assert [loop_network(max_spikes=most).edges["l"].bits for most in (1, 3, 15)] == [1, 2, 4]
    plans = [map_network(loop_network(max_spikes=most), load_hardware("rram_32nm")) for most in (1, 15)]
    assert [plan.layers["rec"].input_bits for plan in plans] == [1, 4]  # planes, one after the other


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_delays_are_stored(delay: int) -> None:
    part = component(unit_cost(delay=delay), "ff", "delay_buffer")
    assert part is not None
    assert part.energy_pj > 0
    if delay > 1:
        assert part.area_um2 > component(unit_cost(), "ff", "delay_buffer").area_um2  # type: ignore[union-attr]


def test_levels_of_their_own_are_stored() -> None:
    network = loop_network()
    trees = []
    for own in ({}, {"l.v_init": np.arange(7)}, {"l.v_init": np.arange(7).reshape(7, 1, 1)}):
        trees.append(cost(build(network.model, dict(network.arrays) | own), "rram_32nm").tree)
    parts = [component(tree, "ff", "neuron_parameters") for tree in trees]
    assert parts[0] is None
    assert parts[1] is not None
    assert parts[1].area_um2 > 0
    assert parts[2] is not None
    assert parts[2].energy_pj > 0  # read in every update


def test_a_loop_sends_to_its_own_tiles() -> None:
    """What the units make goes to the recurrent layer; a tile keeps what it needs itself."""
    network = loop_network()
    assert owners(network) == {"input": None, "ff": "ff", "rec": "rec"} | dict.fromkeys(("sum", "l", "z"), "ff") | {
        "fc": "fc",
        "out": "fc",
    }
    mapping = map_network(network, load_hardware("rram_32nm", SMALL))
    activity = simulate(network, mapping.hardware, data()).activity
    sent = {(flow.layer, flow.target, flow.kind) for flow in flows(mapping, activity)}
    assert {("ff", "rec", "spikes"), ("ff", "fc", "spikes"), ("rec", "ff", "shortcut")} <= sent
    for found in (flows(mapping, activity), traffic(mapping, activity).transfers):
        around = next(flow for flow in found if (flow.layer, flow.target) == ("ff", "rec"))
        assert around.steps == STEPS


def own_loop() -> Network:
    """A layer that reads its own units: its tiles send to each other."""
    nodes = [
        linear("in", "input", 5, 24),
        {"op": "lif", "name": "a", "inputs": ["in"]},
        {"op": "delay", "name": "z", "inputs": ["l"]},
        {"op": "add", "name": "both", "inputs": ["a", "z"]},
        linear("rec", "both", 24, 24),
        {"op": "lif", "name": "l", "inputs": ["rec"]},
        {"op": "delay", "name": "y", "inputs": ["k"]},
        linear("own", "y", 24, 24),
        {"op": "add", "name": "sum", "inputs": ["l", "own"]},
        {"op": "lif", "name": "k", "inputs": ["sum"]},
        {"op": "readout", "name": "out", "inputs": ["k"], "mode": "spike_count"},
    ]
    spec = {"shape": (5, 1, 1), "bits": 2, "coding": "events", "encoder": "every_step"}
    return build({"name": "own", "arithmetic": "shape", "time_steps": 4, "input": spec, "nodes": nodes}, {})


def test_own_tiles_exchange_but_do_not_send_to_themselves() -> None:
    network = own_loop()
    mapping = map_network(network, load_hardware("rram_32nm", SMALL | {"crossbar.rows": 8, "crossbar.cols": 64}))
    assert owners(network)["k"] == "own"
    activity = cost(network, mapping.hardware).activity
    tiles = mapping.layers["own"].tiles
    (closed,) = (f for f in flows(mapping, activity) if (f.layer, f.target, f.kind) == ("own", "own", "spikes"))
    (found,) = (
        t for t in traffic(mapping, activity).transfers if (t.layer, t.target, t.kind) == ("own", "own", "spikes")
    )
    assert tiles > 1
    assert not found.flits.diagonal().any()
    assert tiles <= (found.packets > 0).sum() <= tiles * (tiles - 1)  # those that hold what another needs
    assert closed.flits == pytest.approx(found.flits.sum(), rel=0.25)
    assert closed.flit_links == pytest.approx((found.flits * found.links).sum(), rel=0.25)
    one = map_network(network, load_hardware("rram_32nm"))
    assert [f.flits for f in flows(one, activity) if (f.layer, f.target, f.kind) == ("own", "own", "spikes")] == [0]


REFUSED = [
    ({"schedule.pipeline": "time_step"}, "schedule.pipeline = 'time_step': layer 'rec' is in a loop"),
    ({"schedule.pipeline": "layer"}, "schedule.pipeline = 'layer': layer 'rec' is in a loop"),
    ({"schedule.order": "layer_first"}, "schedule.order = 'layer_first': layer 'rec' is in a loop"),
    (SMALL | {"chip.max_tiles": 8, "dram.kind": "lpddr4"}, "chip.max_tiles = 8: .*'rec' is in a loop"),
]


@pytest.mark.parametrize(("overrides", "message"), REFUSED)
def test_schedules_that_a_loop_forbids_are_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cost(loop_network(), load_hardware("rram_32nm", overrides))


def test_what_would_be_wrong_is_refused() -> None:
    with pytest.raises(ConfigError, match="'z': op = 'delay': the library spikesim_released does not know"):
        cost(loop_network(), load_hardware("spikesim_released"))
    chip = load_hardware("rram_32nm", {"mitigation.recalibrate": "bias", "mitigation.recalibrate_images": 3})
    with pytest.raises(InputError, match="layer 'rec' is in a loop"):
        simulate(loop_network(), chip, data(), calibration=data())
    with pytest.raises(InputError, match=r"'z': quantize knows LIF units.*this delay has more"):
        quantize(loop_network(arithmetic="float"), 4)


def test_a_loop_is_evaluated_end_to_end() -> None:
    """Float networks on multiply-accumulators, too; and the percentile range, calibrated on the same loop."""
    network, hardware = loop_network(), load_hardware("rram_32nm")
    measured = cost(network, hardware, activity=simulate(network, hardware, data()).activity)
    assert 0 < measured.energy_pj != cost(network, hardware).energy_pj
    digital = cost(loop_network(arithmetic="float"), "rram_32nm").tree
    assert component(digital, "ff", "delay_buffer") is not None
    chip = load_hardware("rram_32nm", {"adc.range": "percentile", "adc.bits": 3})
    assert simulate(loop_network(), chip, data(), calibration=data()).correct.shape == (1, 9)
    assert set(SHAPES) == {"rec.weight", "ff.weight", "fc.weight"}


def test_an_affine_with_numbers_per_unit_reads_them() -> None:
    """Registers per channel, a memory per unit: the same multiplier, and more energy."""
    model: dict[str, Any] = loop_network().model.model_dump(mode="python")
    nodes = [n | ({"inputs": ["bn"]} if n["name"] == "l" else {}) for n in model["nodes"]]
    nodes.insert(4, {"op": "affine", "name": "bn", "inputs": ["sum"]})
    parts = []
    for shape in ((7,), (7, 1, 1)):
        arrays = dict(loop_network().arrays) | {"bn.multiplier": np.full(shape, 2), "bn.bias": np.full(shape, 1)}
        parts.append(component(cost(build(model | {"nodes": nodes}, arrays), "rram_32nm").tree, "ff", "affine"))
    channel, unit = parts
    assert channel is not None
    assert unit is not None
    assert unit.energy_pj > channel.energy_pj
