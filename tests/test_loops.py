"""Delays and loops: against a naive loop over time-steps, and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import conv, lif, random_weights
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.errors import NetworkError
from spikesim_py.network import Network, build, load_network, reference
from spikesim_py.network.executor import exact_product

STEPS = 6


def linear(name: str, source: str, rows: int, outputs: int, **more: Any) -> dict[str, Any]:
    fields = {"op": "linear", "name": name, "inputs": [source], "in_features": rows, "out_features": outputs}
    return {**fields, "weight_bits": 4, **more}


def loop_network(
    seed: int = 0, delay: int = 1, arithmetic: str = "integer", coding: str = "events", **unit: Any
) -> Network:
    """linear - add - LIF with a recurrent linear layer around the LIF, a second layer that reads it, a readout."""
    rng = np.random.default_rng(seed)
    spec = {"shape": (5, 1, 1), "bits": 2, "coding": coding}
    spec |= {"encoder": "every_step"} if coding == "events" else {}
    nodes = [
        {"op": "delay", "name": "z", "inputs": ["l"], "steps": delay},
        linear("rec", "z", 7, 7),
        linear("ff", "input", 5, 7),
        {"op": "add", "name": "sum", "inputs": ["ff", "rec"]},
        lif("l", "sum", reset="subtract", membrane_bits=10, **unit),
        linear("fc", "l", 7, 3),
        {"op": "readout", "name": "out", "inputs": ["fc"]},
    ]
    shape = {"name": "loop", "arithmetic": arithmetic, "time_steps": STEPS, "input": spec, "nodes": nodes}
    if arithmetic == "shape":
        return build(shape, {})
    arrays = {name: random_weights(rng, size, 4) for name, size in SHAPES.items()} | {"l.theta": np.array([6])}
    if arithmetic == "float":
        nodes[4]["leak"] = {"multiplier": 0.5}
        for node in nodes:
            node.pop("weight_bits", None)
        arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    return build(shape, arrays)


SHAPES = {"rec.weight": (7, 7), "ff.weight": (7, 5), "fc.weight": (3, 7)}


def events(samples: int = 9, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (samples, STEPS, 5, 1, 1)).astype(np.uint8)


def naive(network: Network, frames: np.ndarray, delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (T, 7) and answer of one sample, by a loop over time-steps."""
    w = {name: network.weight(name).astype(float) for name in ("rec", "ff", "fc")}
    v, spikes, answer = np.zeros(7), [], np.zeros(3)
    for t in range(STEPS):
        past = spikes[t - delay] if t >= delay else np.zeros(7)
        u = np.floor(v / 2) if network.arithmetic == "integer" else v / 2
        u = u + w["ff"] @ frames[t].ravel() + w["rec"] @ past
        s = (u >= 6).astype(float)
        v = u - 6 * s
        spikes.append(s)
        answer += w["fc"] @ s
    return np.stack(spikes), answer


@pytest.mark.parametrize("arithmetic", ["integer", "float"])
@pytest.mark.parametrize("delay", [1, 3])
def test_a_recurrent_layer_equals_a_loop_over_time(arithmetic: str, delay: int) -> None:
    for seed in range(4):
        network, frames = loop_network(seed, delay, arithmetic), events(seed=seed)
        result = network.run(frames.astype(np.float32) if arithmetic == "float" else frames, record=True)
        for sample, frame in enumerate(frames):
            spikes, answer = naive(network, frame, delay)
            assert np.array_equal(result.trains["l"][sample, ..., 0, 0], spikes)
            assert np.array_equal(result.outputs[sample], answer)
        assert 0.05 < result.trains["l"].mean() < 0.95


@pytest.mark.parametrize("batch", [1, 2, 9])
@pytest.mark.parametrize("unit", [{}, {"max_spikes": 3, "refractory": 1, "synapse": {}}])
def test_a_loop_does_not_depend_on_the_batch(batch: int, unit: dict[str, Any]) -> None:
    network = loop_network(**unit)
    whole, parts = network.run(events(), record=True), network.run(events(), record=True, batch=batch)
    assert np.array_equal(whole.outputs, parts.outputs)
    assert np.array_equal(whole.trains["l"], parts.trains["l"])
    assert whole.spikes == parts.spikes == {"l": int(whole.trains["l"].sum())}


def test_only_the_loop_runs_step_by_step() -> None:
    network, calls, exact = loop_network(), list[tuple[str, int]](), exact_product(loop_network())

    def product(node: Any, x: torch.Tensor) -> torch.Tensor:
        calls.append((node.name, x.shape[1]))
        return exact(node, x)

    network.run(events(), product=product)
    assert network.looped == {"z", "rec", "sum", "l"}
    assert calls == [("ff", STEPS), *[("rec", 1)] * STEPS, ("fc", STEPS)]


def test_a_constant_input_enters_a_loop() -> None:
    """Directly coded images, whose layer runs once, drive a loop as the same events in every step do."""
    images = events()[:, 0]
    direct, stream = loop_network(coding="direct"), loop_network()
    repeated = np.repeat(images[:, None], STEPS, axis=1)
    assert np.array_equal(direct.run(images).outputs, stream.run(repeated).outputs)
    assert direct.runs_once("ff")


def test_a_loop_without_feedback_is_no_loop() -> None:
    """Recurrent weights of zero: the answer is that of the feed-forward network."""
    network = loop_network()
    arrays = dict(network.arrays) | {"rec.weight": np.zeros((7, 7), np.int16)}
    model = network.model.model_dump(mode="python")
    plain = [
        n | ({"inputs": ["ff"]} if n["name"] == "l" else {})
        for n in model["nodes"]
        if n["name"] not in ("z", "rec", "sum")
    ]
    without = build(model | {"nodes": plain}, {name: a for name, a in arrays.items() if name != "rec.weight"})
    assert np.array_equal(build(network.model, arrays).run(events()).outputs, without.run(events()).outputs)


def delayed(steps: int, own: np.ndarray | None = None, order: int = 0) -> Network:
    """LIF units behind a layer, and the same behind a delay of the layer's inputs."""
    nodes = [
        {"op": "delay", "name": "d", "inputs": ["input"], "steps": steps},
        linear("a", "d", 5, 4),
        lif("l", "a"),
        {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
    ]
    if order == 1:  # the delay comes first in the list, and reads ahead without a loop
        nodes = [
            {"op": "delay", "name": "d", "inputs": ["a"], "steps": steps},
            linear("a", "input", 5, 4),
            lif("l", "d"),
            nodes[-1],
        ]
    spec = {"shape": (5, 1, 1), "bits": 2, "coding": "events", "encoder": "every_step"}
    shape = {"name": "d", "arithmetic": "integer", "time_steps": STEPS, "input": spec, "nodes": nodes}
    arrays = {"a.weight": np.random.default_rng(3).integers(-3, 8, (4, 5)), "l.theta": np.array([5])}
    return build(shape, arrays | ({} if own is None else {"d.steps": own}))


@pytest.mark.parametrize("order", [0, 1])
@given(steps=st.integers(1, STEPS + 1))
def test_a_delay_shifts_the_train(order: int, steps: int) -> None:
    """Nothing happens before it, and then what would have happened without it."""
    late = delayed(steps, order=order)
    x = events()
    shifted, plain = late.run(x, record=True).trains["l"], delayed(1, np.array([0])).run(x, record=True).trains["l"]
    assert not late.looped
    assert not shifted[:, :steps].any()
    assert np.array_equal(shifted[:, steps:], plain[:, : max(STEPS - steps, 0)])


def test_delays_of_their_own() -> None:
    """Every input has its delay; the layer reads each from its own time-step."""
    own, x = np.array([0, 1, 2, 3, 1]), events()
    moved = np.zeros_like(x)
    for unit, k in enumerate(own):
        moved[:, k:, unit] = x[:, : STEPS - k, unit]
    late, plain = delayed(3, own), delayed(1, np.array([0]))
    assert np.array_equal(late.run(x).outputs, plain.run(moved).outputs)


def test_delays_of_their_own_in_a_loop() -> None:
    network = loop_network(delay=2)
    own = {"z.steps": np.array([1, 2, 1, 2, 2, 1, 1])}
    both = [loop_network(delay=k).run(events(), record=True).trains["l"] for k in (1, 2)]
    mixed = build(network.model, dict(network.arrays) | own).run(events(), record=True).trains["l"]
    assert not any(np.array_equal(mixed, one) for one in both)
    same = build(network.model, dict(network.arrays) | {"z.steps": np.full((7, 1, 1), 2)})
    assert np.array_equal(same.run(events(), record=True).trains["l"], both[1])


def test_a_convolution_can_recur() -> None:
    nodes = [
        conv("c", "input", 1, 2, weight_bits=4),
        {"op": "delay", "name": "z", "inputs": ["p"]},
        conv("r", "z", 2, 2, weight_bits=4),
        {"op": "add", "name": "sum", "inputs": ["c", "r"]},
        lif("l", "sum"),
        {"op": "pool", "name": "p", "inputs": ["l"], "kind": "max", "kernel": (3, 3), "stride": (1, 1)}
        | {"padding": (1, 1)},
        {"op": "readout", "name": "out", "inputs": ["p"], "mode": "spike_count"},
    ]
    spec = {"shape": (1, 4, 4), "bits": 3}
    rng = np.random.default_rng(0)
    arrays = {"c.weight": random_weights(rng, (2, 1, 3, 3), 4), "r.weight": random_weights(rng, (2, 2, 3, 3), 4)}
    arrays["l.theta"] = np.array([9])
    network = build({"name": "conv", "arithmetic": "integer", "time_steps": 4, "input": spec, "nodes": nodes}, arrays)
    assert network.edges["p"].shape == (2, 4, 4)
    x = rng.integers(0, 8, (5, 1, 4, 4)).astype(np.uint8)
    seen: dict[str, torch.Tensor] = {}
    network.run(x, observer=lambda name, value: seen.__setitem__(name, value))
    for name in ("r", "sum", "l", "p", "z"):  # every node's output follows from the others', over all time-steps
        node: Any = network.by_name[name]
        sources = [seen[source] for source in node.inputs]
        value = (
            exact_product(network)(node, sources[0]) if name == "r" else reference.node_output(network, node, sources)
        )
        assert torch.equal(value.to(torch.int64), seen[name].to(torch.int64))


def test_files_and_tables_have_loops(tmp_path: Any) -> None:
    network = loop_network(delay=2, synapse={"leak": {"multiplier": 3, "shift": 2}}, refractory=1, max_spikes=3)
    network.save(tmp_path / "loop.safetensors")
    again = load_network(tmp_path / "loop.safetensors")
    assert again.model == network.model
    assert np.array_equal(again.run(events()).outputs, network.run(events()).outputs)
    text = network.describe()
    for said in ("2 time-steps later", "synapse 3 >> 2", "up to 3 spikes", "refractory 1"):
        assert said in text


def changed(name: str, **fields: Any) -> dict[str, Any]:
    model: dict[str, Any] = loop_network().model.model_dump(mode="python")
    return model | {"nodes": [n | fields if n["name"] == name else n for n in model["nodes"]]}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (changed("z", inputs=["rec"]), "node 'z': is in a loop without units"),
        (changed("z", inputs=["out"]), "node 'z': reads 'out', which no node is"),
        (changed("z", inputs=["k"]), "node 'z': reads 'k', which no node is"),
        (changed("rec", inputs=["l"]), r"reads 'l', which no earlier node is.*loops close through a delay"),
        (changed("sum", inputs=["rec", "rec"]), "node 'z': is in a loop that no input enters"),
        (changed("ff", out_features=8), r"array 'ff.weight': shape \(7, 5\): must be \(8, 5\)"),
        (changed("z", steps=0), "steps = 0"),
    ],
)
def test_bad_loops_are_refused(description: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        build(description, loop_network().arrays)


@pytest.mark.parametrize(("steps", "message"), [([0] * 7, "holds 0: delays here are from 1 to 1"), ([0.5], "dtype")])
def test_bad_delays_are_refused(steps: Any, message: str) -> None:
    network = loop_network()
    with pytest.raises(NetworkError, match=message):
        build(network.model, dict(network.arrays) | {"z.steps": np.array(steps)})
