"""Networks: semantics against a naive executor, files, quantization, and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import conv, lif, tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.errors import DataError, InputError, NetworkError
from spikesim_py.network import Network, build, load_network, quantize, workloads
from spikesim_py.network.model import RESERVED_FIELDS, RESERVED_OPS


def naive_lif(a: list[int], theta: int, node: Any, steps: int) -> list[int]:
    """One neuron in plain Python: leak, add, compare, reset, floor-shift, saturate or wrap."""
    v, spikes, half = 0, [], 2 ** (node.membrane_bits - 1)
    for t in range(steps):
        u, divisor = (v << node.store_shift) * int(node.leak.multiplier), 2**node.leak.shift
        if node.leak.rounding == "floor":
            u = u // divisor
        elif node.leak.rounding == "nearest":
            u = (2 * u + divisor) // (2 * divisor)
        else:
            u = abs(u) // divisor * (1 if u >= 0 else -1)
        u += a[min(t, len(a) - 1)]
        fired = u >= theta
        if fired:
            u = 0 if node.reset == "zero" else u - theta
        v = u >> node.store_shift
        v = max(-half, min(half - 1, v)) if node.overflow == "saturate" else (v + half) % (2 * half) - half
        spikes.append(int(fired))
    return spikes


@given(
    inputs=st.lists(st.integers(0, 7), min_size=1, max_size=1),
    weight=st.integers(-8, 7),
    theta=st.integers(1, 60),
    leak=st.tuples(st.integers(0, 8), st.sampled_from(["floor", "nearest", "toward_zero"])),
    reset=st.sampled_from(["zero", "subtract"]),
    storage=st.tuples(st.integers(2, 8), st.sampled_from(["saturate", "wrap"]), st.integers(0, 3)),
)
def test_lif_dynamics_equal_a_neuron_in_plain_python(
    inputs: Any, weight: int, theta: int, leak: Any, reset: str, storage: Any
) -> None:
    node = lif("l", "fc", reset=reset, membrane_bits=storage[0], overflow=storage[1], store_shift=storage[2])
    node["leak"] = {"multiplier": leak[0], "shift": 3, "rounding": leak[1]}
    description = {
        "name": "neuron",
        "arithmetic": "integer",
        "time_steps": 9,
        "input": {"shape": (1, 1, 1), "bits": 3},
        "nodes": [
            {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 1, "out_features": 1}
            | {"weight_bits": 4},
            node,
            {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
        ],
    }
    network = build(description, {"fc.weight": np.array([[weight]]), "l.theta": np.array([theta])})
    result = network.run(np.array(inputs, dtype=np.uint8).reshape(1, 1, 1, 1), record=True)
    expected = naive_lif([weight * inputs[0]], theta, network.by_name["l"], 9)
    assert result.trains["l"].ravel().astype(int).tolist() == expected
    assert result.outputs[0, 0] == sum(expected) == result.spikes["l"]


def naive_layers(network: Network, image: np.ndarray) -> np.ndarray:
    """The tiny network's first convolution by loops."""
    weight = network.weight("conv1").astype(int)
    padded = np.pad(image.astype(int), ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((6, 6, 6), dtype=int)
    for o, y, x in np.ndindex(out.shape):
        out[o, y, x] = (weight[o] * padded[:, y : y + 3, x : x + 3]).sum()
    return out


def test_convolution_equals_loops(tiny: Network) -> None:
    seen: dict[str, np.ndarray] = {}
    images = tiny_images(2)
    tiny.run(images, observer=lambda name, value: seen.__setitem__(name, value.numpy()))
    for image, value in zip(images, seen["conv1"], strict=True):
        assert np.array_equal(value[0], naive_layers(tiny, image))
    assert seen["conv1"].shape[1] == 1  # computed once, although T = 3
    pooled = seen["lif1"].astype(int)
    windows = pooled[..., :-1, :-1] + pooled[..., 1:, :-1] + pooled[..., :-1, 1:] + pooled[..., 1:, 1:]
    assert np.array_equal(seen["pool1"], windows)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_results_do_not_depend_on_the_batch(tiny: Network, batch: int) -> None:
    images = tiny_images(7)
    whole, parts = tiny.run(images, record=True), tiny.run(images, batch=batch, record=True)
    assert np.array_equal(whole.outputs, parts.outputs)
    assert whole.spikes == parts.spikes
    assert all(np.array_equal(whole.trains[name], parts.trains[name]) for name in whole.trains)


def test_encoding_once_or_at_every_step_gives_the_same_answer(tiny: Network) -> None:
    model = tiny.model.model_dump(mode="python")
    model["input"]["encoder"] = "every_step"
    again = build(model, tiny.arrays)
    assert np.array_equal(again.run(tiny_images()).outputs, tiny.run(tiny_images()).outputs)
    assert not again.runs_once("conv1")
    assert tiny.runs_once("conv1")


def test_a_constant_event_stream_equals_direct_coding(tiny: Network) -> None:
    model = tiny.model.model_dump(mode="python")
    model["input"] |= {"encoder": "every_step", "coding": "events"}
    frames = np.repeat(tiny_images()[:, None], tiny.time_steps, axis=1)
    assert np.array_equal(build(model, tiny.arrays).run(frames).outputs, tiny.run(tiny_images()).outputs)


def test_large_sums_stay_exact() -> None:
    """Sums beyond 2^24 would be rounded in float32."""
    n, value = 4000, 65535
    description = {
        "name": "wide",
        "arithmetic": "integer",
        "time_steps": 1,
        "input": {"shape": (n, 1, 1), "bits": 16},
        "nodes": [
            {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": n, "out_features": 1}
            | {"weight_bits": 4},
            {"op": "readout", "name": "out", "inputs": ["fc"], "mode": "last"},
        ],
    }
    weight = np.full((1, n), 7, dtype=np.int8)
    weight[0, 0] = 6
    x = np.full((1, n, 1, 1), value, dtype=np.uint16)
    assert build(description, {"fc.weight": weight}).run(x).outputs[0, 0] == (7 * n - 1) * value


def test_files_round_trip(tiny: Network, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    tiny.save(path)
    again = load_network(path)
    assert again.model == tiny.model
    assert again.arrays.keys() == tiny.arrays.keys()
    assert all(np.array_equal(again.arrays[name], tiny.arrays[name]) for name in tiny.arrays)
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.safetensors"]


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_truncated_files_are_one_clear_line(tiny: Network, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.safetensors"
    tiny.save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(NetworkError, match="not a network file, or is truncated") as caught:
        load_network(path)
    assert "cut.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_saving_into_an_impossible_place_is_an_input_error(tiny: Network, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        tiny.save(tmp_path / "file" / "net.safetensors")
    with pytest.raises(NetworkError, match=r"ends in \.safetensors"):
        tiny.save(tmp_path / "net.npz")


def test_a_foreign_safetensors_file_is_named(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(NetworkError, match="without a 'spikesim' description"):
        load_network(tmp_path / "x.safetensors")
    save_file({"a": np.zeros(3)}, tmp_path / "y.safetensors", metadata={"spikesim": "{"})
    with pytest.raises(NetworkError, match="is not JSON"):
        load_network(tmp_path / "y.safetensors")
    save_file({"a": np.zeros(3)}, tmp_path / "z.safetensors", metadata={"spikesim": json.dumps([1])})
    with pytest.raises(NetworkError, match="not a JSON object"):
        load_network(tmp_path / "z.safetensors")


def changed(node: str | None = None, drop: str | None = None, **fields: Any) -> dict[str, Any]:
    model: dict[str, Any] = tiny_network().model.model_dump(mode="python")
    if node is None:
        return model | fields
    nodes = [n | fields if n["name"] == node else n for n in model["nodes"] if n["name"] != drop]
    return model | {"nodes": nodes}


BAD = [
    (changed("conv2", inputs=["input"]), "node 'conv2': in_channels = 6: but 'input' has 2"),
    (changed("fc", in_features=35), r"array 'fc.weight': shape \(3, 36\): must be \(3, 35\)"),
    (changed("conv2", inputs=["pol1"]), "reads 'pol1', which no earlier node is; did you mean 'pool1'"),
    (changed("conv2", inputs=["fc"]), "reads 'fc', which no earlier node is"),
    (changed("lif1", membrane_bits=0), "membrane_bits = 0: input should be greater than or equal to 1"),
    (changed("lif1", membrane_bits=1), "membrane_bits = 1: must be at least 2, or 1 with signed = false"),
    (changed("lif1", signed=False, overflow="wrap"), "overflow = 'wrap': must be 'saturate' with signed = false"),
    (changed("lif1", name="lif 1"), "string should match pattern"),
    (changed("conv1", kernel=(9, 9), padding=(0, 0)), "shape"),
    (changed("conv1", op="conw"), "op = 'conw': unknown operation; did you mean 'conv'"),
    (changed("conv1", colour="red"), "colour: unknown key"),
    (changed("conv1", groups=4), "groups = 4: must divide"),
    (changed("conv1", weight_bits=3), "array 'conv1.weight': holds -8: weight_bits = 3 allows -4 to 3"),
    (changed("conv1", weight_bits=1), "weights must be -1 or"),
    (changed("conv1", weight_bits=None), "weight_bits: is missing"),
    (changed("lif2", name="lif1"), "node 'lif1': the name is taken"),
    (changed("lif1", leak={"multiplier": 3, "shift": 1}), "must be at most 2\\^shift = 2"),
    (changed("flat", drop="flat", op="flatten"), "reads 'flat'"),
    (changed(time_steps=0), "time_steps = 0"),
    (changed(format_version=2), "format_version = 2: this version reads 1"),
    (changed(activity={"conv9": 0.1}), "activity.conv9: is not a layer; did you mean 'conv"),
    (changed(activity={"conv1": 1.5}), "activity.conv1 = 1.5"),
    (changed(input={"shape": (2, 6, 6), "bits": 3, "coding": "events"}), "use 'every_step'"),
    (changed("out", op="flatten"), "unknown key|must have one readout"),
    (changed("lif1", name="shared"), "node 'shared': the name is reserved"),
    (changed("lif1", membrane_bits=32, store_shift=15, leak={"multiplier": 1, "shift": 16}), "must be at most 62"),
]


@pytest.mark.parametrize(("description", "message"), BAD)
def test_bad_descriptions_name_node_value_and_rule(description: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message) as caught:
        build(description, tiny_network().arrays, "net.safetensors")
    assert str(caught.value).startswith("net.safetensors: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("op", RESERVED_OPS)
def test_reserved_operations_are_refused_by_name(op: str) -> None:
    with pytest.raises(NetworkError, match=f"op = '{op}': .*not supported yet"):
        build(changed("pool1", op=op), tiny_network().arrays)


@pytest.mark.parametrize("field", RESERVED_FIELDS)
def test_reserved_fields_are_refused_by_name(field: str) -> None:
    with pytest.raises(NetworkError, match=f"{field}: is not a field: "):
        build(changed("lif1", **{field: 1}), tiny_network().arrays)


def arrays_with(**replaced: Any) -> dict[str, Any]:
    arrays = dict(tiny_network().arrays)
    for name, array in replaced.items():
        arrays[name.replace("__", ".")] = array
    return {name: array for name, array in arrays.items() if array is not None}


BAD_ARRAYS = [
    (arrays_with(conv1__weight=None), "array 'conv1.weight' is missing"),
    (arrays_with(extra=np.zeros(2, dtype=int)), "array 'extra': no node uses it"),
    (arrays_with(lif1__theta=np.zeros(6, dtype=int)), "thresholds must be positive"),
    (
        arrays_with(lif1__theta=np.ones(5, dtype=int)),
        r"'lif1.theta': shape \(5,\): must be \(1,\), \(6,\) or \(6, 6, 6\)",
    ),
    (arrays_with(fc__weight=np.ones((3, 36), dtype=np.float32)), "dtype float32: an integer network has"),
    (arrays_with(lif1__theta=np.full(6, 2**63 + 5, dtype=np.uint64)), "holds values beyond int32"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS)
def test_bad_arrays_are_named(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        build(tiny_network().model, arrays)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 2, 6, 5), dtype=np.uint8), r"shape \(2, 2, 6, 5\): must be \(samples, 2, 6, 6\)"),
        (np.full((1, 2, 6, 6), 8), "int64 from 8 to 8: must be integers from 0 to 7"),
        (np.zeros((1, 2, 6, 6)), "float64 from 0.0 to 0.0: must be integers"),
        (np.zeros((0, 2, 6, 6), dtype=np.uint8), "no samples"),
    ],
)
def test_bad_inputs_are_refused(tiny: Network, x: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tiny.run(x)


@pytest.mark.parametrize("name", list(workloads()))
def test_workloads_load_describe_and_refuse_to_run(name: str) -> None:
    network = load_network(name)
    assert network.arithmetic == "shape"
    assert network.classes == (101 if name.endswith("101") else 10)
    assert all(node.name in network.describe() for node in network.nodes)
    with pytest.raises(NetworkError, match="shape-only workload"):
        network.run(np.zeros((1, 3, 32, 32), dtype=np.uint8))


def test_vgg9_has_the_weights_and_products_of_the_paper() -> None:
    """papers: 5.94 M weights, 4.20 M of them fully connected; 190.5 M convolution MACs before pooling."""
    network = load_network("vgg9-cifar10")
    weights = {node.name: int(np.prod(node.weight_shape)) for node in network.layers}
    macs = network.macs
    assert sum(weights.values()) == 5_938_880
    assert weights["fc1"] + weights["fc2"] == 4_204_544
    assert sum(count for name, count in macs.items() if name.startswith("conv")) == 190_513_152


def float_network(seed: int = 0, affine: bool = True) -> Network:
    rng = np.random.default_rng(seed)
    middle = [{"op": "affine", "name": "bn", "inputs": ["c"]}] if affine else []
    description = {
        "name": "float",
        "arithmetic": "float",
        "time_steps": 4,
        "input": {"shape": (1, 6, 6), "bits": 4},
        "nodes": [
            conv("c", "input", 1, 8),
            *middle,
            lif("l", "bn" if affine else "c", leak={"multiplier": 0.5}, reset="subtract"),
            {"op": "flatten", "name": "f", "inputs": ["l"]},
            {"op": "linear", "name": "fc", "inputs": ["f"], "in_features": 288, "out_features": 5},
            {"op": "readout", "name": "out", "inputs": ["fc"]},
        ],
    }
    arrays = {
        "c.weight": rng.normal(0, 1, (8, 1, 3, 3)).astype(np.float32),
        "bn.multiplier": rng.uniform(0.03, 0.1, 8).astype(np.float32),
        "bn.bias": rng.normal(0, 0.2, 8).astype(np.float32),
        "l.theta": np.array([1.0 if affine else 9.0], dtype=np.float32),
        "fc.weight": rng.normal(0, 1, (5, 288)).astype(np.float32),
    }
    return build(description, {k: v for k, v in arrays.items() if affine or not k.startswith("bn")})


@pytest.mark.parametrize("affine", [True, False])
def test_quantizing_converges_to_the_float_network(affine: bool) -> None:
    network = float_network(affine=affine)
    x = np.random.default_rng(3).integers(0, 16, (60, 1, 6, 6)).astype(np.uint8)
    exact = network.run(x, record=True)
    differing = []
    for bits in (2, 4, 8):
        integer = quantize(network, bits)
        assert integer.arithmetic == "integer"
        differing.append((integer.run(x, record=True).trains["l"] != exact.trains["l"]).mean())
    assert differing[0] > differing[1] > differing[2]
    assert differing[2] < 0.01


def test_quantize_refuses_what_it_cannot_do(tiny: Network) -> None:
    with pytest.raises(NetworkError, match="only float networks quantize"):
        quantize(tiny, 4)
    with pytest.raises(NetworkError, match="weight_bits = 9"):
        quantize(float_network(), 9)
    model = float_network(affine=False).model.model_dump(mode="python")
    narrow = [node | ({"membrane_bits": 3} if node["op"] == "lif" else {}) for node in model["nodes"]]
    network = build(model | {"nodes": narrow}, float_network(affine=False).arrays)
    with pytest.raises(NetworkError, match="exceeds membrane_bits = 3"):
        quantize(network, 8)


def test_one_bit_weights_keep_sign_and_mean() -> None:
    weight = float_network().weight("fc")
    integer = quantize(float_network(), 1).weight("fc")
    assert np.array_equal(integer, np.where(weight >= 0, 1, -1))


def test_max_pool_of_spikes_is_their_or() -> None:
    model = tiny_network().model.model_dump(mode="python")
    nodes = [node | ({"kind": "max"} if node["op"] == "pool" else {}) for node in model["nodes"]]
    network = build(model | {"nodes": nodes}, tiny_network().arrays)
    seen: dict[str, np.ndarray] = {}
    network.run(tiny_images(), observer=lambda name, value: seen.__setitem__(name, value.numpy()))
    s = seen["lif1"].astype(bool)
    assert np.array_equal(
        seen["pool1"].astype(bool), s[..., :-1, :-1] | s[..., 1:, :-1] | s[..., :-1, 1:] | s[..., 1:, 1:]
    )
    assert network.edges["pool1"].bits == 1


def test_a_network_without_layers_is_refused() -> None:
    description = {
        "name": "empty",
        "arithmetic": "shape",
        "time_steps": 1,
        "input": {"shape": (1, 1, 1), "bits": 1},
        "nodes": [{"op": "readout", "name": "out", "inputs": ["input"]}],
    }
    with pytest.raises(NetworkError, match="has no layer with weights"):
        build(description, {})


def test_many_spikes_add_up_beyond_a_byte() -> None:
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 1, "out_features": 1, "weight_bits": 2},
        {"op": "lif", "name": "l", "inputs": ["fc"]},
        {"op": "add", "name": "a", "inputs": ["l"] * 300},
        {"op": "readout", "name": "out", "inputs": ["a"], "mode": "last"},
    ]
    spec = {"shape": (1, 1, 1), "bits": 1}
    description = {"name": "sum", "arithmetic": "integer", "time_steps": 1, "input": spec, "nodes": nodes}
    network = build(description, {"fc.weight": np.array([[1]]), "l.theta": np.array([1])})
    assert network.run(np.ones((1, 1, 1, 1), dtype=np.uint8)).outputs[0, 0] == 300


def test_float_arrays_are_kept_as_the_executor_computes() -> None:
    network = float_network()
    doubled = {name: array.astype(np.float64) * (1 + 1e-12) for name, array in network.arrays.items()}
    assert all(array.dtype == np.float32 for array in build(network.model, doubled).arrays.values())


def test_hostile_descriptions_are_network_errors(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "long.safetensors", metadata={"spikesim": "9" * 5000})
    with pytest.raises(NetworkError, match="is not JSON"):
        load_network(tmp_path / "long.safetensors")
    (tmp_path / "loop.yaml").write_text("crossbar: &a\n  rows: *a\n")
    with pytest.raises(NetworkError, match="used again by an alias"):
        load_network(tmp_path / "loop.yaml")
