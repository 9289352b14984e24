"""The compiled neurons, affines and pools: bit for bit what the readable nodes in torch compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import conv, tiny_images, tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikesim_py.network import Network, build, reference
from spikesim_py.network.executor import node_output, run

INT32 = st.integers(-(2**31), 2**31 - 1)
SIZES = st.tuples(*[st.integers(1, 5)] * 3)


def alone(node: dict[str, Any], shape: tuple[int, ...], values: dict[str, np.ndarray]) -> Network:
    """A network of four time-steps around one node, called `n`."""
    nodes = [{"name": "n", "inputs": ["input"], **node}, conv("c", "n", shape[0], 1, k=1, weight_bits=2)]
    nodes.append({"op": "readout", "name": "out", "inputs": ["c"]})
    description = {"name": "one", "arithmetic": "integer", "time_steps": 4, "input": {"shape": shape, "bits": 1}}
    own = {f"n.{name}": array for name, array in values.items()}
    return build({**description, "nodes": nodes}, {**own, "c.weight": np.zeros((1, shape[0], 1, 1), np.int64)})


def assert_same(network: Network, given: torch.Tensor) -> torch.Tensor:
    """Kernel and twin agree in shape and every value; returns the kernel's output."""
    node = network.by_name["n"]
    fast, readable = (module_output(network, node, [given]) for module_output in (node_output, reference.node_output))
    assert fast.shape == readable.shape
    assert torch.equal(fast.to(torch.int64), readable.to(torch.int64))
    return fast


@st.composite
def lif_nodes(draw: st.DrawFn) -> dict[str, Any]:
    """LIF nodes whose 64-bit arithmetic `build` accepts."""
    signed = draw(st.booleans())
    bits, store = draw(st.integers(1 + signed, 32)), draw(st.integers(0, 2) | st.integers(0, 15))
    shift = draw(st.integers(0, 3) | st.integers(0, min(31, 62 - bits - store)))
    return {
        "op": "lif",
        "leak": {
            "multiplier": draw(st.integers(0, 2**shift)),
            "shift": shift,
            "rounding": draw(st.sampled_from(["floor", "nearest", "toward_zero"])),
        },
        "reset": draw(st.sampled_from(["zero", "subtract"])),
        "overflow": draw(st.sampled_from(["saturate", "wrap"])) if signed else "saturate",
        "signed": signed,
        "membrane_bits": bits,
        "store_shift": store,
    }


@settings(max_examples=150)
@given(
    node=lif_nodes(),
    scale=st.integers(1, 4) | st.integers(1, 31),
    still=st.booleans(),
    shared=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_lif_units_equal_their_readable_twin(node: Any, scale: int, still: bool, shared: bool, seed: int) -> None:
    # small values, of which every one shows in the spikes, and values at which membranes saturate and wrap
    random, top = np.random.default_rng(seed), 2 ** min(31, scale + node["store_shift"])
    drive = random.integers(-top, top, (2, 1 if still else 4, 3, 16, 8)).astype(np.int32)
    theta = random.integers(1, min(2 * top, 2**31), 1 if shared else 3)
    assert_same(alone(node, (3, 16, 8), {"theta": theta}), torch.from_numpy(drive))


@given(data=st.data(), shape=SIZES, shift=st.integers(0, 31))
def test_affines_equal_their_readable_twin(data: Any, shape: Any, shift: int) -> None:
    # the input of the built network is one bit, so that every multiplier passes; a chip's sums go beyond its range
    channel = arrays(np.int64, data.draw(st.sampled_from([1, shape[0]])), elements=st.integers(-(2**30), 2**30))
    network = alone({"op": "affine", "shift": shift}, shape, {k: data.draw(channel) for k in ("multiplier", "bias")})
    assert_same(network, torch.from_numpy(data.draw(arrays(np.int32, (2, 1, *shape), elements=INT32))))


@given(data=st.data(), shape=SIZES, steps=st.sampled_from([1, 4]))
def test_affines_with_parameters_per_step_equal_their_readable_twin(data: Any, shape: Any, steps: int) -> None:
    of_step = arrays(np.int64, (4, data.draw(st.sampled_from([1, shape[0]]))), elements=st.integers(-99, 99))
    node = {"op": "affine", "shift": 2, "per_step": True}
    network = alone(node, shape, {k: data.draw(of_step) for k in ("multiplier", "bias")})
    drive = torch.from_numpy(data.draw(arrays(np.int32, (2, steps, *shape), elements=INT32)))
    made = assert_same(network, drive)
    assert made.shape[1] == 4
    third = min(2, steps - 1)
    plain = alone({"op": "affine", "shift": 2}, shape, {k: network.arrays[f"n.{k}"][2] for k in ("multiplier", "bias")})
    assert torch.equal(made[:, 2:3], node_output(plain, plain.by_name["n"], [drive[:, third : third + 1]]))


@given(
    data=st.data(), size=st.tuples(*[st.integers(1, 7)] * 2), kind=st.sampled_from(["sum", "max"]), byte=st.booleans()
)
def test_pools_equal_their_readable_twin(data: Any, size: Any, kind: str, byte: bool) -> None:
    kernel, stride = (tuple(data.draw(st.integers(1, n)) for n in size) for _ in range(2))
    network = alone({"op": "pool", "kind": kind, "kernel": kernel, "stride": stride}, (3, *size), {})
    elements = st.integers(0, 1) if byte else INT32
    values = data.draw(arrays(np.uint8 if byte else np.int32, (2, 1, 3, *size), elements=elements))
    fast = assert_same(network, torch.from_numpy(values))
    assert fast.dtype == (torch.uint8 if byte else torch.int32)


def test_sums_that_no_byte_holds_are_not_kept_in_bytes() -> None:
    network = alone({"op": "pool", "kernel": (16, 16)}, (1, 16, 16), {})
    assert assert_same(network, torch.ones((1, 1, 1, 16, 16), dtype=torch.uint8)).item() == 256


def test_strided_inputs_are_read_as_they_are_numbered() -> None:
    theta = np.array([2, 3])
    network = alone({"op": "lif"}, (2, 3, 4), {"theta": theta})
    drive = torch.arange(-8, 16, dtype=torch.int32).reshape(1, 1, 4, 3, 2)
    assert_same(network, drive.transpose(2, 4))
    assert_same(network, drive.transpose(2, 4).expand(-1, 4, -1, -1, -1))


def test_more_units_than_one_tile_holds() -> None:
    network = alone({"op": "lif", "reset": "subtract"}, (5, 30, 31), {"theta": np.arange(1, 6)})
    drive = np.random.default_rng(0).integers(-9, 10, (2, 4, 5, 30, 31)).astype(np.int32)
    spikes = assert_same(network, torch.from_numpy(drive))
    assert 0 < int(spikes.sum()) < spikes.numel()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_network_gives_what_its_readable_nodes_give(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, images = tiny_network(), tiny_images(5)
    fast = run(network, images, record=True, batch=batch)
    monkeypatch.setattr("spikesim_py.network.executor.node_output", reference.node_output)
    readable = run(network, images, record=True)
    assert fast.spikes == readable.spikes
    assert sum(fast.spikes.values()) > 0
    np.testing.assert_array_equal(fast.outputs, readable.outputs)
    for name, train in readable.trains.items():
        np.testing.assert_array_equal(fast.trains[name], train)
