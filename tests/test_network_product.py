"""Products of two activations: what they compute, how far they reach, what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.activity import resolve_activity
from spikesim_py.datasets import Dataset
from spikesim_py.errors import NetworkError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, full_precision, load_network, quantize
from spikesim_py.noc import traffic

EXACT = {"device.ideal": True, "adc.bits": 12}


def attention(
    channels: int = 4, size: tuple[int, int] = (2, 3), heads: int = 2, steps: int = 3, bits: int = 1, **fields: Any
) -> dict[str, Any]:
    """Queries, keys and values of 1 x 1 convolutions; ``(Q^T K) V`` is the answer."""
    conv = {"op": "conv", "inputs": ["input"], "in_channels": channels, "out_channels": channels, "kernel": (1, 1)}
    nodes: list[dict[str, Any]] = []
    for name in "qkv":
        nodes.append({**conv, "name": name, "weight_bits": 3})
        nodes.append({"op": "lif", "name": f"{name}_lif", "inputs": [name], "membrane_bits": 8})
    nodes += [
        {"op": "product", "name": "qk", "inputs": ["q_lif", "k_lif"], "over": "channels", "heads": heads},
        {"op": "product", "name": "qkv", "inputs": ["qk", "v_lif"], "over": "tokens", "heads": heads},
        {"op": "readout", "name": "out", "inputs": ["qkv"]},
    ]
    spec = {"shape": (channels, *size), "bits": bits, "coding": "events", "encoder": "every_step"}
    made = {"name": "a", "arithmetic": "integer", "time_steps": steps, "input": spec, "nodes": nodes}
    return made | {"nodes": [node | fields.get(node["name"], {}) for node in nodes]}


def weights(description: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    channels, random = description["input"]["shape"][0], np.random.default_rng(seed)
    arrays = {f"{name}.weight": random.integers(-2, 4, (channels, channels, 1, 1)) for name in "qkv"}
    return arrays | {f"{name}_lif.theta": np.array([2]) for name in "qkv"}


def network(seed: int = 0, **fields: Any) -> Network:
    description = attention(**fields)
    return build(description, weights(description, seed))


def events(of: Network, samples: int = 4, seed: int = 1) -> np.ndarray:
    shape = (samples, of.time_steps, *of.model.input.shape)
    return np.random.default_rng(seed).integers(0, 2, shape, dtype=np.uint8)


@given(seed=st.integers(0, 1000), heads=st.sampled_from([1, 2, 4]), size=st.sampled_from([(1, 1), (2, 3), (3, 2)]))
@settings(deadline=None, max_examples=20)
def test_it_is_the_sum_that_its_docstring_says(seed, heads, size):
    made, seen = network(seed, heads=heads, size=size), {}
    trains = made.run(events(made), record=True, observer=lambda name, x: seen.update({name: x.numpy()})).trains
    q, k, v = (trains[f"{name}_lif"].astype(int).reshape(4, 3, heads, 4 // heads, -1) for name in "qkv")
    qk = np.einsum("nthci,nthcj->nthij", q, k)
    assert np.array_equal(seen["qk"], qk)
    assert np.array_equal(seen["qkv"].reshape(v.shape), np.einsum("nthij,nthcj->nthci", qk, v))
    assert qk.max() <= made.edges["qk"].high == 4 // heads
    assert seen["qkv"].max() <= made.edges["qkv"].high == 4 // heads * size[0] * size[1]
    assert made.edges["qk"].low == made.edges["qkv"].low == 0


def test_queries_equal_to_keys_are_symmetric():
    made, seen = network(), {}
    arrays = dict(made.arrays) | {"k.weight": made.weight("q")}
    build(made.model, arrays).run(events(made), observer=lambda name, x: seen.update({name: x.numpy()}))
    assert seen["qk"].any()
    assert np.array_equal(seen["qk"], seen["qk"].swapaxes(3, 4))


def test_an_ideal_chip_computes_it():
    made = network()
    data = Dataset("random", events(made, 8), np.zeros(8, dtype=np.int64))
    found = simulate(made, load_hardware("rram_32nm", EXACT), data)
    wanted = made.run(data.images).predictions == data.labels
    assert np.array_equal(found.correct[0], wanted)


def test_it_survives_its_file_and_quantizes(tmp_path):
    made = network()
    made.save(tmp_path / "a.safetensors")
    assert load_network(tmp_path / "a.safetensors").model == made.model
    description = attention() | {"arithmetic": "float"}
    floats = {name: array.astype(np.float32) for name, array in weights(description).items()}
    fields = {"weight_bits": None, "membrane_bits": 32}
    nodes = [{k: v for k, v in node.items() if k not in fields} for node in description["nodes"]]
    real = build(description | {"nodes": nodes}, floats)
    x = events(real)
    assert np.array_equal(real.run(x).outputs, made.run(x).outputs)
    assert quantize(real, 4).edges["qkv"].shape == real.edges["qkv"].shape


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"qk": {"heads": 3}}, "node 'qk': heads = 3: must divide 4 channels"),
        ({"qk": {"inputs": ["q_lif"]}}, r"nodes.6.product.inputs: tuple should have at least 2 items"),
        ({"qk": {"over": "pixels"}}, "over = 'pixels'"),
        ({"qkv": {"inputs": ["v_lif", "qk"]}}, r"shapes \(4, 2, 3\) and \(2, 6, 6\): the first must be"),
        ({"qkv": {"heads": 4}}, r"the first must be \(4, 6, 6\)"),
        ({"qkv": {"over": "channels"}}, r"shapes \(2, 6, 6\) and \(4, 2, 3\): must be equal"),
    ],
)
def test_operands_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(NetworkError, match=message):
        network(**fields)


def part(of: Network, component: str, chip: str = "rram_32nm") -> float:
    """Energy of the components of one name, in pJ."""
    leaves = [leaf for layer in cost(of, chip).tree.children for leaf in _leaves(layer)]
    return sum(leaf.energy_pj for leaf in leaves if leaf.name == component)


def _leaves(node: Any) -> list[Any]:
    return [leaf for child in node.children for leaf in _leaves(child)] if node.children else [node]


def test_its_energy_is_that_of_its_products_and_steps():
    """Leakage apart: proportional to T, and to (tokens^2 x channels) at equal widths of the sums."""
    one, twice = part(network(steps=2), "product"), part(network(steps=4), "product")
    assert twice == pytest.approx(2 * one, rel=0.1)
    few, many = part(network(size=(4, 4)), "product"), part(network(size=(4, 8)), "product")
    assert 4 * 0.9 < many / few < 4 * 1.5  # sums are one bit wider


def test_operands_of_other_layers_travel_and_wait():
    made = network()
    leaves = {(layer.name, leaf.name) for layer in cost(made, "rram_32nm").tree.children for leaf in _leaves(layer)}
    assert {(layer, part) for layer in "kv" for part in ("product", "shortcut_buffer")} <= leaves
    activity = resolve_activity(0.1, tuple("qkv"), {}, 0.1)
    sent = traffic(map_network(made, load_hardware("rram_32nm")), activity).transfers
    assert {(t.layer, t.target) for t in sent if t.kind == "shortcut"} == {("q", "k"), ("k", "v")}


def test_a_float_network_pays_multiply_accumulates():
    made = full_precision(network(), "digital")
    alone = part(made, "product")
    assert alone > 0
    assert part(full_precision(network(steps=6), "digital"), "product") == pytest.approx(2 * alone, rel=0.01)
