"""Networks on chips: ideal ones spike as the reference executor does, and activity is what a naive count finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import conv, lif, random_weights, tiny_images, tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.crossbar import program, programmed
from spikesim_py.datasets import Dataset
from spikesim_py.errors import InputError
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import Simulation, chip_varies, simulate, simulation
from spikesim_py.inference.tally import units_behind
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, build, run

LOSSLESS: dict[str, Any] = {"device.ideal": True, "adc.bits": 12}
SIGNS = ["differential", "offset", "offset_negative", "twos_complement"]


def dataset(network: Network, samples: int = 12, seed: int = 1) -> Dataset:
    images = tiny_images(samples, network.model.input.bits, seed)
    labels = np.random.default_rng(seed).integers(0, network.classes, samples)
    return Dataset("tiny", images, labels)


def trains(network: Network, hardware: Hardware, x: np.ndarray) -> Any:
    """The spike trains of a network whose products run on crossbars."""
    mapping = map_network(network, hardware)

    def product(node: Any, value: torch.Tensor) -> torch.Tensor:
        out = program(mapping, node.name).multiply(value.flatten(0, 1).numpy())[0]
        return torch.from_numpy(out).unflatten(0, value.shape[:2])

    return run(network, x, product=product, record=True)


def assert_same_spikes(network: Network, hardware: Hardware, x: np.ndarray) -> None:
    plain, mapped = run(network, x, record=True), trains(network, hardware, x)
    assert np.array_equal(mapped.outputs, plain.outputs)
    for name, train in plain.trains.items():
        assert np.array_equal(mapped.trains[name], train), name


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("cell_bits", [1, 2, 3, 4])
@pytest.mark.parametrize("signs", SIGNS)
def test_an_ideal_chip_spikes_as_the_reference_does(signs: str, cell_bits: int, bits: int) -> None:
    fields = LOSSLESS | {"mapping.signs": signs, "device.cell_bits": cell_bits, "crossbar.rows": 8}
    assert_same_spikes(tiny_network(bits=bits), load_hardware("rram_32nm", fields), tiny_images())


@given(
    seed=st.integers(0, 2**20),
    bits=st.sampled_from([1, 2, 4, 8]),
    input_bits=st.integers(1, 9),
    signs=st.sampled_from([*SIGNS, "analog"]),
    rows=st.sampled_from(
        [("unrolled", "adc_per_crossbar")]
        + [("spikeflow", tap) for tap in ("adc_per_crossbar", "adc_shared_serial", "analog_sum")]
    ),
    cell_bits=st.integers(1, 4),
    crossbar_rows=st.integers(1, 64),
)
def test_any_ideal_chip_spikes_as_the_reference_does(
    seed: int, bits: int, input_bits: int, signs: str, rows: Any, cell_bits: int, crossbar_rows: int
) -> None:
    fields = LOSSLESS | {"mapping.rows": rows[0], "mapping.tap_sum": rows[1]}
    fields |= {"mapping.signs": signs} if signs != "analog" else {"mapping.subtract": "analog"}
    fields |= {"device.cell_bits": cell_bits, "crossbar.rows": crossbar_rows}
    network = tiny_network(seed, bits, input_bits)
    x = np.random.default_rng(seed).integers(0, 2**input_bits, (3, 2, 6, 6))
    assert_same_spikes(network, load_hardware("rram_32nm", fields), x)


def pooled_network(seed: int, pool: int, lif2: dict[str, Any], mode: str) -> Network:
    """conv - affine - LIF - sum pool - conv - affine - LIF + pooled spikes - linear: values above 1 everywhere."""
    rng = np.random.default_rng(seed)
    nodes: list[dict[str, Any]] = [
        conv("conv1", "input", 2, 4, weight_bits=3),
        {"op": "affine", "name": "norm1", "inputs": ["conv1"], "shift": 3},
        lif("lif1", "norm1", store_shift=1),
        {"op": "pool", "name": "pool", "inputs": ["lif1"], "kernel": (pool, pool), "stride": (1, 1)},
        conv("conv2", "pool", 4, 4, weight_bits=4),
        {"op": "affine", "name": "norm2", "inputs": ["conv2"], "shift": 5},
        lif("lif2", "norm2", **lif2),
        {"op": "add", "name": "sum", "inputs": ["lif2", "pool"]},
        {"op": "flatten", "name": "flat", "inputs": ["sum"]},
        {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 4 * (7 - pool) ** 2, "out_features": 3}
        | {"weight_bits": 2},
        {"op": "readout", "name": "out", "inputs": ["fc"], "mode": mode},
    ]
    description = {"name": "pooled", "arithmetic": "integer", "time_steps": 3, "nodes": nodes}
    description["input"] = {"shape": (2, 6, 6), "bits": 3}
    arrays = {
        "conv1.weight": random_weights(rng, (4, 2, 3, 3), 3),
        "conv2.weight": random_weights(rng, (4, 4, 3, 3), 4),
        "fc.weight": random_weights(rng, (3, 4 * (7 - pool) ** 2), 2),
        "lif1.theta": rng.integers(1, 20, 4),
        "lif2.theta": rng.integers(1, 20, 4),
    }
    for name in ("norm1", "norm2"):
        arrays |= {f"{name}.multiplier": rng.integers(-40, 40, 4), f"{name}.bias": rng.integers(-400, 400, 4)}
    return build(description, arrays)


@pytest.mark.parametrize("signs", [*SIGNS, "analog"])
@given(
    seed=st.integers(0, 2**20),
    pool=st.integers(1, 4),
    membrane_bits=st.integers(2, 8),
    overflow=st.sampled_from(["saturate", "wrap"]),
    reset=st.sampled_from(["zero", "subtract"]),
    mode=st.sampled_from(["accumulate", "last"]),
)
@settings(max_examples=8)
def test_pools_membranes_and_affines_are_the_references(
    signs: str, seed: int, pool: int, membrane_bits: int, overflow: str, reset: str, mode: str
) -> None:
    """Sums of k x k spikes are read as bit planes of values up to k^2, and sums with shortcuts of them above that."""
    fields = {"membrane_bits": membrane_bits, "overflow": overflow, "reset": reset}
    network = pooled_network(seed, pool, fields, mode)
    assert network.edges["pool"].high == pool**2
    scheme = {"mapping.subtract": "analog"} if signs == "analog" else {"mapping.signs": signs}
    chip = load_hardware("rram_32nm", LOSSLESS | scheme | {"crossbar.rows": 16, "device.cell_bits": 2})
    assert map_network(network, chip).layers["conv2"].input_bits == (pool**2).bit_length()
    x = np.random.default_rng(seed).integers(0, 8, (3, 2, 6, 6))
    assert_same_spikes(network, chip, x)


def test_an_ideal_chip_is_as_right_as_the_reference() -> None:
    network = tiny_network()
    data = dataset(network, 40)
    result = simulate(network, load_hardware("rram_32nm", LOSSLESS), data, chips=3)
    right = run(network, data.images).predictions == data.labels
    assert np.array_equal(result.correct, np.stack([right] * 3))
    assert all(record.clip_rate == 0 for record in result.activity.layers.values())


def test_activity_is_what_a_naive_count_finds() -> None:
    network, samples = tiny_network(), 7
    data = dataset(network, samples)
    hardware = load_hardware("rram_32nm", LOSSLESS | {"crossbar.rows": 4})
    result = simulate(network, hardware, data)
    inputs: dict[str, torch.Tensor] = {"input": torch.from_numpy(data.images.astype(np.int32))[:, None]}
    plain = run(network, data.images, observer=lambda name, value: inputs.update({name: value}))
    assert result.activity.origin == "measured"
    assert result.activity.samples == samples
    for node in network.layers:
        record = result.activity.layers[node.name]
        source = network.edges[node.inputs[0]]
        rows = naive_rows(node, inputs[node.inputs[0]].flatten(0, 1))  # (reads, groups, rows)
        planes = np.stack([(rows >> plane) & 1 for plane in range(source.bits)])
        assert record.rate == pytest.approx(planes.mean())
        blocks = np.array_split(planes, range(4, planes.shape[-1], 4), axis=-1)
        assert record.idle_reads == pytest.approx(np.mean([(block.sum(-1) == 0).mean() for block in blocks]))
        cells = map_network(network, hardware).cells(node.name).levels
        met = planes.sum((0, 1))[..., None] * cells
        assert record.background == pytest.approx(met.sum() / (planes.sum((0, 1))[..., None] * (cells >= 0)).sum())
    conv1 = result.activity.layers["conv1"].output_rate
    assert conv1 == pytest.approx(plain.spikes["lif1"] / (samples * 3 * 6 * 36))
    assert result.activity.layers["fc"].output_rate is None


def naive_rows(node: Any, x: torch.Tensor) -> np.ndarray:
    """What drives the rows of a layer, by torch's own im2col: (reads x positions, groups, rows)."""
    if not hasattr(node, "kernel"):
        return x.flatten(1)[:, None].numpy().astype(np.int64)
    columns = F.unfold(x.double(), node.kernel, padding=node.padding, stride=node.stride)
    grouped = columns.unflatten(1, (node.groups, -1)).permute(0, 3, 1, 2)
    return grouped.flatten(0, 1).numpy().astype(np.int64)


#: fields of chips whose result might depend on the order of the work
DESIGNS: dict[str, dict[str, Any]] = {
    "static errors": {},
    "white noise": {"device.read.noise": "white", "device.read.sigma": 0.1},
    "telegraph noise": {"device.read.noise": "telegraph", "device.read.telegraph_amplitude": 0.5},
    "converter noise": {"adc.noise_lsb": 0.5},
    "passive wires": {"wires.topology": "passive", "wires.bit_ohm": 20.0},
    "gated cells, noisy": {
        "wires.topology": "gated_1t1r",
        "wires.bit_ohm": 20.0,
        "device.read.noise": "white",
        "device.read.sigma": 0.1,
    },
}


@pytest.mark.parametrize("design", DESIGNS)
def test_batches_and_threads_do_not_change_a_simulation(design: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = DESIGNS[design] | {"crossbar.rows": 8, "adc.bits": 3}
    network, hardware = tiny_network(), load_hardware("rram_32nm", fields)
    data = dataset(network, 9)
    whole = simulate(network, hardware, data, chips=2, seed=5, quality=True)
    monkeypatch.setattr(simulation, "_BATCH_BYTES", 1)
    monkeypatch.setattr(programmed, "_READS_PER_THREAD", 1)
    assert_equal(simulate(network, hardware, data, chips=2, seed=5, quality=True), whole)
    first = simulate(network, hardware, Dataset("t", data.images[:4], data.labels[:4]), chips=1, seed=5)
    assert np.array_equal(first.correct[0], whole.correct[0, :4])


@pytest.mark.parametrize("design", ["static errors", "passive wires"])
def test_without_read_noise_the_order_of_the_samples_does_not_matter(design: str) -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm", DESIGNS[design] | {"adc.bits": 3})
    data, order = dataset(network, 30), np.random.default_rng(0).permutation(30)
    whole = simulate(network, hardware, data, seed=5)
    turned = simulate(network, hardware, Dataset("t", data.images[order], data.labels[order]), seed=5)
    assert np.array_equal(turned.correct[0], whole.correct[0, order])


@pytest.mark.parametrize("design", ["white noise", "telegraph noise", "converter noise"])
def test_noise_is_drawn_anew_for_every_sample_and_chip(design: str) -> None:
    """The same image again and again: without noise, always the same answer."""
    network = tiny_network()
    image = tiny_images(1).repeat(60, axis=0)
    data = Dataset("one", image, run(network, image).predictions)
    quiet = {"device.program_sigma": 0.0, "device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.0}
    plain = simulate(network, load_hardware("rram_32nm", quiet), data, quality=True)
    noisy = simulate(network, load_hardware("rram_32nm", quiet | DESIGNS[design]), data, chips=2, quality=True)
    assert len(set(plain.correct[0].tolist())) == 1
    assert plain.quality is not None
    assert noisy.quality is not None
    assert noisy.quality["conv1"].error_rms > plain.quality["conv1"].error_rms
    sums = [first_sums(network, quiet | DESIGNS[design], image, chip) for chip in range(2)]
    assert len({train.tobytes() for train in sums[0]}) > 30
    assert not np.array_equal(*sums)


def first_sums(network: Network, fields: dict[str, Any], x: np.ndarray, chip: int) -> np.ndarray:
    """The first layer's sums, sample by sample."""
    layer = program(map_network(network, load_hardware("rram_32nm", fields)), "conv1", chip=chip)
    return layer.multiply(x)[0]


def assert_equal(a: Simulation, b: Simulation) -> None:
    assert np.array_equal(a.correct, b.correct)
    assert (a.activity, a.quality) == (b.activity, b.quality)


def test_chips_that_vary_differ_and_others_are_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network()
    data = dataset(network, 60)
    noisy = simulate(network, load_hardware("rram_32nm", {"device.program_sigma": 0.5}), data, chips=3, seed=1)
    assert len({chip.tobytes() for chip in noisy.correct}) == 3
    calls: list[int] = []
    original = simulation._run_chip

    def counted(*given: Any, chip: int, **key: int) -> Simulation:
        calls.append(chip)
        return original(*given, chip=chip, **key)

    monkeypatch.setattr(simulation, "_run_chip", counted)
    result = simulate(network, load_hardware("rram_32nm", {"device.ideal": True}), data, chips=3)
    assert calls == [0]
    assert result.correct.shape == (3, 60)


def float_network() -> Network:
    rng = np.random.default_rng(0)
    description = {
        "name": "float",
        "arithmetic": "float",
        "time_steps": 2,
        "input": {"shape": (2, 6, 6), "bits": 3},
        "nodes": [
            conv("conv1", "input", 2, 4, stride=(2, 2), groups=2),
            {"op": "lif", "name": "lif1", "inputs": ["conv1"], "leak": {"multiplier": 0.5}},
            {"op": "flatten", "name": "flat", "inputs": ["lif1"]},
            {"op": "linear", "name": "fc", "inputs": ["flat"], "in_features": 36, "out_features": 3},
            {"op": "readout", "name": "out", "inputs": ["fc"]},
        ],
    }
    shapes = {"conv1.weight": (4, 1, 3, 3), "fc.weight": (3, 36)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return build(description, arrays | {"lif1.theta": np.ones(1, np.float32)})


def test_a_float_network_runs_in_the_executor_and_its_ones_are_counted() -> None:
    network = float_network()
    data = dataset(network, 9)
    result = simulate(network, load_hardware("rram_32nm"), data, chips=4)
    plain = run(network, data.images)
    assert not chip_varies(network, load_hardware("rram_32nm"))
    assert np.array_equal(result.correct, np.stack([plain.predictions == data.labels] * 4))
    rows = naive_rows(network.layers[0], torch.from_numpy(data.images.astype(np.int64)))
    ones = np.mean([((rows >> plane) & 1).mean() for plane in range(3)])
    record = result.activity.layers["conv1"]
    assert record.rate == pytest.approx(ones)
    assert record.output_rate == pytest.approx(plain.spikes["lif1"] / (9 * 2 * 36))
    assert result.activity.layers["fc"].rate == pytest.approx(record.output_rate)
    assert record.clip_rate is record.idle_reads is record.background is None


def test_units_behind_a_layer_are_found_through_affine_and_add() -> None:
    rng = np.random.default_rng(0)
    nodes: list[dict[str, Any]] = [
        conv("a", "input", 2, 2, weight_bits=2),
        {"op": "affine", "name": "norm", "inputs": ["a"]},
        conv("b", "input", 2, 2, weight_bits=2),
        {"op": "add", "name": "sum", "inputs": ["norm", "b"]},
        lif("units", "sum"),
        {"op": "readout", "name": "out", "inputs": ["units"], "mode": "spike_count"},
    ]
    description = {"name": "add", "arithmetic": "integer", "time_steps": 1, "nodes": nodes}
    description["input"] = {"shape": (2, 6, 6), "bits": 1}
    arrays = {f"{name}.weight": random_weights(rng, (2, 2, 3, 3), 2) for name in "ab"}
    arrays |= {"norm.multiplier": np.array([1]), "norm.bias": np.array([0]), "units.theta": np.array([1])}
    network = build(description, arrays)
    assert units_behind(network, "a") == units_behind(network, "b") == "units"


@settings(max_examples=1)
@given(chips=st.integers(-3, 0))
def test_at_least_one_chip(chips: int) -> None:
    with pytest.raises(InputError, match=r"chips = -?\d+: must be at least 1"):
        simulate(tiny_network(), load_hardware("rram_32nm"), dataset(tiny_network()), chips=chips)
