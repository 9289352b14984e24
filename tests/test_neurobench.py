"""NeuroBench's metrics: its own package gives the same on the same networks; laws; footprints by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import conv, lif, random_weights, tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from peers import peer
from torch.nn import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, Sequential

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.errors import DataError, InputError
from spikesim_py.footprint import footprint_bits, parameters
from spikesim_py.importers import export_bundle, import_network
from spikesim_py.network import Network, build
from spikesim_py.network.reference import Units
from spikesim_py.network.states import stored_states
from spikesim_py.neurobench import fan_out, measured

STEPS, SAMPLES = 6, 5
#: what snnTorch keeps in buffers for itself
BOOKKEEPING = ("graded_spikes_factor", "reset_mechanism_val")


def convolutional(snn: Any, **options: Any) -> list[torch.nn.Module]:
    """Strides, padding that is not hit alike by all taps, groups, and sums that are no spikes."""
    first = Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 1))
    units = [snn.Leaky(beta=0.9, threshold=0.3, init_hidden=True, **options) for _ in range(2)]
    grouped = Conv2d(4, 6, 3, padding=2, groups=2, bias=False)
    return [first, units[0], AvgPool2d(2), grouped, units[1], MaxPool2d(2), Flatten(), Linear(6 * 2 * 3, 10)]


def dense(snn: Any, **options: Any) -> list[torch.nn.Module]:
    unit = snn.Synaptic(alpha=0.7, beta=0.9, threshold=torch.rand(20) + 0.2, init_hidden=True, **options)
    return [Flatten(), Linear(2 * 8 * 7, 20), unit, Linear(20, 10, bias=False)]


def recurrent(snn: Any, **options: Any) -> list[torch.nn.Module]:
    unit = snn.RLeaky(beta=0.9, threshold=0.4, linear_features=20, init_hidden=True, **options)
    unit.recurrent = Linear(20, 20, bias=False)  # two biases of one sum are one on import
    return [Flatten(), Linear(2 * 8 * 7, 20), unit, Linear(20, 10)]


def made(layers: Any, reset: str = "subtract", late: bool = True) -> Sequential:
    """A network of snnTorch's units; weights in 64ths, some of them zero, so that sums are exact in any order."""
    snn, options = peer("snntorch"), {"reset_mechanism": reset, "reset_delay": late}
    torch.manual_seed(0)
    last = snn.Leaky(beta=0.8, threshold=0.2, init_hidden=True, output=True, **options)
    net = Sequential(*layers(snn, **options), last)
    for module in net.modules():
        if isinstance(module, Conv2d | Linear):
            for values in module.parameters(recurse=False):
                values.data = (64 * values.data).round() / 64
            module.weight.data[torch.rand_like(module.weight) < 0.3] = 0
    return net


def spikes(rate: float = 0.3) -> torch.Tensor:
    return (torch.rand((SAMPLES, STEPS, 2, 8, 7), generator=torch.Generator().manual_seed(1)) < rate).float()


def theirs(net: Sequential, x: torch.Tensor, batch: int = 1) -> dict[str, Any]:
    """What NeuroBench's benchmark returns."""
    static, workload = peer("neurobench.metrics.static"), peer("neurobench.metrics.workload")
    model = peer("neurobench.models").SNNTorchModel(net)
    data = torch.utils.data.TensorDataset(x, torch.zeros(len(x)))
    names = ("ActivationSparsity", "ActivationSparsityByLayer", "MembraneUpdates", "SynapticOperations")
    metrics = [[static.Footprint, static.ConnectionSparsity], [getattr(workload, name) for name in names]]
    loader = torch.utils.data.DataLoader(data, batch_size=batch)
    with torch.no_grad():
        found: dict[str, Any] = peer("neurobench.benchmarks").Benchmark(model, loader, [], [], metrics).run(quiet=True)
    return found


def imported(net: Sequential, **options: Any) -> Network:
    return import_network(net, "snntorch", time_steps=STEPS, input_shape=(2, 8, 7), fold="affine", **options)


#: (layers, reset, whether it comes a time-step later); snnTorch's recurrent units compute their layer twice to reset to
#: zero, which NeuroBench counts
CASES = [(layers, *how) for layers in (convolutional, dense, recurrent) for how in (("subtract", True), ("none", True))]
CASES += [(layers, "zero", False) for layers in (convolutional, dense)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("layers", "reset", "late"), CASES)
def test_the_numbers_are_those_of_the_neurobench_package(layers: Any, reset: str, late: bool) -> None:
    net, x = made(layers, reset, late), spikes()
    other = theirs(net, x)
    ours = ss.neurobench(imported(net), x.numpy()).to_dict()
    assert ours["SynapticOperations"] == other["SynapticOperations"]
    assert ours["MembraneUpdates"] == other["MembraneUpdates"]
    assert ours["ActivationSparsity"] == pytest.approx(other["ActivationSparsity"], rel=1e-12)
    by_layer = list(other["ActivationSparsityByLayer"].values())
    assert list(ours["ActivationSparsityByLayer"].values()) == pytest.approx(by_layer, rel=1e-12)
    assert round(ours["ConnectionSparsity"], 4) == other["ConnectionSparsity"]
    own = sum(b.numel() * b.element_size() for name, b in net.named_buffers() if name.endswith(BOOKKEEPING))
    assert ours["Footprint"] == other["Footprint"] - own
    assert 0.01 < ours["ActivationSparsity"] < 0.99
    assert 0 < ours["SynapticOperations"]["Effective_ACs"] < ours["SynapticOperations"]["Dense"]


@pytest.mark.filterwarnings("ignore")
def test_membranes_that_wait_for_their_reset_to_zero_are_reset_at_once_here() -> None:
    """Nothing reads them meanwhile: the spikes are the same, the stored membranes are not."""
    net, x = made(convolutional, "zero"), spikes()
    other, ours = theirs(net, x), ss.neurobench(imported(net), x.numpy())
    assert ours.synaptic_operations.to_dict() == other["SynapticOperations"]
    assert ours.membrane_updates != other["MembraneUpdates"]


@pytest.mark.filterwarnings("ignore")
def test_larger_batches_move_operations_between_their_kinds_only_there() -> None:
    net, x = made(dense), spikes()
    x[0] *= 3  # one sample of numbers, four of spikes
    single, several = (theirs(net, x, batch)["SynapticOperations"] for batch in (1, SAMPLES))
    assert single["Effective_ACs"] > several["Effective_ACs"] > 0
    assert sum(single.values()) == pytest.approx(sum(several.values()), rel=1e-12)
    assert ss.neurobench(imported(net, input_bits=2), x.numpy()).synaptic_operations.to_dict() == single


@pytest.mark.filterwarnings("ignore")
def test_an_image_is_presented_in_every_step_or_once() -> None:
    net, image = made(convolutional), torch.randint(0, 17, (SAMPLES, 2, 8, 7)) / 16
    other = theirs(net, image[:, None].expand(-1, STEPS, -1, -1, -1))
    network = imported(net, coding="direct")
    ours, first = ss.neurobench(network, image.numpy()), network.layers[0].name
    assert ours.synaptic_operations.to_dict() == other["SynapticOperations"]
    assert ours.membrane_updates == other["MembraneUpdates"]
    spec = network.model.input.model_copy(update={"encoder": "once"})
    buffered = build(network.model.model_copy(update={"input": spec}), network.arrays)
    once = ss.neurobench(buffered, image.numpy())
    for layer, counts in once.operations_by_layer.items():
        scaled = {name: value * (STEPS if layer == first else 1) for name, value in counts.to_dict().items()}
        assert scaled == pytest.approx(ours.operations_by_layer[layer].to_dict(), rel=1e-12)


@st.composite
def layers(draw: st.DrawFn) -> Network:
    """A convolution of any shape, with some weights zero, or a linear layer; then spikes."""
    number = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    groups, kernel = number(1, 2), (number(1, 3), number(1, 3))
    shape = (2 * number(1, 2), number(3, 6), number(3, 6))
    rng = np.random.default_rng(number(0, 99))
    if draw(st.booleans()):
        cin, cout = shape[0], 2 * number(1, 2)
        placed = {"stride": (number(1, 3), number(1, 3)), "padding": (number(0, 3), number(0, 3))}
        node = conv("layer", "input", cin, cout, groups=groups, weight_bits=4) | {"kernel": kernel} | placed
        weight_shape: tuple[int, ...] = (cout, cin // groups, *kernel)
    else:
        node = {"op": "linear", "name": "layer", "inputs": ["input"], "weight_bits": 4}
        node |= {"in_features": int(np.prod(shape)), "out_features": 3}
        weight_shape = (3, int(np.prod(shape)))
    if node["op"] == "linear":
        shape = (int(np.prod(shape)), 1, 1)
    weights = random_weights(rng, weight_shape, 4) * (rng.random(weight_shape) < draw(st.sampled_from([0.5, 1.0])))
    spec = {"shape": shape, "bits": 2, "coding": "events", "encoder": "every_step"}
    nodes = [node, lif("units", "layer"), {"op": "readout", "name": "out", "inputs": ["units"]}]
    fields = {"name": "one layer", "arithmetic": "integer", "time_steps": 2, "input": spec, "nodes": nodes}
    return build(fields, {"layer.weight": weights, "units.theta": np.array([3])})


def events(network: Network, samples: int = 3, high: int = 3, seed: int = 0) -> np.ndarray:
    spec = network.model.input
    return (
        np.random.default_rng(seed).integers(0, high + 1, (samples, network.time_steps, *spec.shape)).astype(np.uint8)
    )


@given(layers())
def test_effective_operations_are_products_of_what_is_not_zero(network: Network) -> None:
    """As torch counts them: ones in place of what is not zero."""
    layer, x, weight = network.layers[0], events(network), network.weight("layer") != 0
    active, weights = torch.from_numpy(x != 0).double().flatten(0, 1), torch.from_numpy(weight).double()
    if layer.op == "conv":
        run = lambda a, w: torch.conv2d(a, w, None, layer.stride, layer.padding, 1, layer.groups)  # noqa: E731
    else:
        run = lambda a, w: a.flatten(1) @ w.T  # noqa: E731
    found = ss.neurobench(network, x).synaptic_operations
    assert found.effective_acs + found.effective_macs == float(run(active, weights).sum()) / len(x)
    assert found.dense == float(run(torch.ones_like(active), torch.ones_like(weights)).sum()) / len(x)


@given(layers(), st.integers(0, 99))
def test_laws_of_synaptic_operations(network: Network, seed: int) -> None:
    ones, nothing = (np.full_like(events(network), value) for value in (1, 0))
    found = ss.neurobench(network, events(network, seed=seed)).synaptic_operations
    assert 0 <= found.effective_acs + found.effective_macs <= found.dense
    full = ss.neurobench(network, ones).synaptic_operations
    assert full.effective_macs == 0
    connected = fan_out(network, network.layers[0], network.weight("layer") != 0).sum()
    assert full.effective_acs == network.time_steps * connected
    if (network.weight("layer") != 0).all():
        assert full.effective_acs == full.dense
    silent = ss.neurobench(network, nothing)
    assert silent.synaptic_operations.to_dict() == {"Effective_MACs": 0, "Effective_ACs": 0, "Dense": found.dense}
    assert silent.activation_sparsity == 1
    assert silent.membrane_updates == network.edges["units"].size
    assert full.dense <= network.macs["layer"] * network.time_steps  # these have the padding, too


def test_no_number_depends_on_how_samples_are_batched() -> None:
    network, images = tiny_network(), tiny_images(samples=37)
    whole = ss.neurobench(network, images).to_dict()
    each = [ss.neurobench(network, image[None]).to_dict() for image in images]
    for name in ("ActivationSparsity", "MembraneUpdates"):
        assert whole[name] == pytest.approx(np.mean([one[name] for one in each]), rel=1e-12)
    for name, value in whole["SynapticOperations"].items():
        assert value == pytest.approx(np.mean([one["SynapticOperations"][name] for one in each]), rel=1e-12)


def test_membrane_updates_are_changes_of_the_golden_membranes(tmp_path: Any) -> None:
    network, images = tiny_network(steps=7), tiny_images(samples=4)
    export_bundle(network, tmp_path / "rtl", images)
    changes = 0
    for units in ("lif1", "lif2"):
        v = np.load(tmp_path / "rtl" / "golden" / f"{units}.membrane.npy")
        changes += v[:, 0].size + int((np.diff(v, axis=1) != 0).sum())
    assert ss.neurobench(network, images).membrane_updates == changes / 4
    assert 4 * (216 + 36) < changes < 4 * 7 * (216 + 36)


@pytest.mark.parametrize("more", [{}, {"synapse": {"leak": {"shift": 1}, "bits": 8}}, {"refractory": 2}])
def test_compiled_units_store_what_the_readable_ones_do(more: dict[str, Any]) -> None:
    base = tiny_network(steps=6)
    fields = base.model.model_dump()
    fields["nodes"] = [node | more if node["name"] == "lif1" else node for node in fields["nodes"]]
    network = build(fields, base.arrays)
    drive = torch.from_numpy(np.random.default_rng(0).integers(-9, 20, (2, 6, 6, 6, 6)).astype(np.int32))
    node: Any = network.by_name["lif1"]
    readable = Units(network, node, 2)
    for step, states in enumerate(stored_states(network, node, drive)):
        readable.run(drive[:, step : step + 1], 1)
        for ours, theirs in zip(states, readable.stored, strict=True):
            assert torch.equal(ours, theirs)


def test_sparsity_of_connections() -> None:
    network = tiny_network()
    weights = {name: array for name, array in network.arrays.items() if name.endswith(".weight")}
    zeros = sum(int((w == 0).sum()) for w in weights.values())
    assert ss.neurobench(network, tiny_images()).connection_sparsity == zeros / (108 + 108 + 108)
    pruned = build(network.model, network.arrays | {"conv1.weight": np.zeros_like(weights["conv1.weight"])})
    found = ss.neurobench(pruned, tiny_images())
    assert found.connection_sparsity > 1 / 3
    first = found.operations_by_layer["conv1"]
    assert first.effective_macs == first.effective_acs == 0 < first.dense


def test_a_footprint_by_hand() -> None:
    """Weights of 3 bits, biases of 6, a threshold of 5, a decay of 4; membranes, currents, counters; a delay."""
    units = lif("units", "sum", membrane_bits=10, leak={"multiplier": 9, "shift": 4}, refractory=3)
    units["synapse"] = {"leak": {"shift": 1}, "bits": 7}
    linear = {"op": "linear", "in_features": 4, "out_features": 4, "weight_bits": 3}
    nodes = [
        linear | {"name": "fc", "inputs": ["input"]},
        {"op": "affine", "name": "bias", "inputs": ["fc"]},
        {"op": "delay", "name": "past", "inputs": ["units"], "steps": 5},
        linear | {"name": "rec", "inputs": ["past"]},
        {"op": "add", "name": "sum", "inputs": ["bias", "rec"]},
        units,
        {"op": "readout", "name": "out", "inputs": ["units"]},
    ]
    spec = {"shape": (4, 1, 1), "bits": 1, "coding": "events", "encoder": "every_step"}
    fields = {"name": "by hand", "arithmetic": "integer", "time_steps": 2, "input": spec, "nodes": nodes}
    arrays = {
        "fc.weight": np.full((4, 4), -4),
        "bias.multiplier": np.array([1]),
        "bias.bias": np.array([-32, 0, 31, 5]),
        "rec.weight": np.ones((4, 4), int),
        "units.theta": np.array([17]),
    }
    network = build(fields, arrays)
    expected = {"weights": 2 * 16 * 3, "affines": 4 * 6, "units": 5 + 4, "membranes": 4 * (10 + 7 + 2), "delays": 4 * 5}
    assert footprint_bits(network) == expected
    found = measured(network, events(network, high=1))
    assert found.footprint_bits == expected
    assert found.footprint == 2 * 16 + 4 + 2
    scaled = build(network.model, arrays | {"bias.multiplier": np.array([300]), "bias.bias": np.zeros(4, int)})
    assert [numbers for numbers in parameters(scaled) if numbers.kind == "affines"] == [("affines", 1, 9)]
    assert measured(scaled, events(network, high=1)).footprint == 2 * 16 + 2 + 2


def test_fewer_bits_shrink_the_exact_footprint_alone() -> None:
    found = {bits: ss.neurobench(f"digits-w{bits}", samples=2) for bits in (1, 2, 4, 8)}
    weights = [found[bits].footprint_bits["weights"] for bits in (1, 2, 4, 8)]
    assert [count / weights[0] for count in weights] == [1, 2, 4, 8]
    assert ss.neurobench("digits-fp", samples=2).footprint_bits["weights"] == 32 * weights[0]


def test_a_report_has_them_if_asked() -> None:
    chosen: dict[str, Any] = {"samples": 5, "overrides": {"device.ideal": True}}
    report, plain = (ss.evaluate("digits-w1", "rram_32nm", **chosen, **more) for more in ({"neurobench": True}, {}))
    assert report.report_hash == plain.report_hash
    assert plain.neurobench is None
    assert "neurobench" not in plain.to_dict()
    assert report.neurobench == ss.neurobench("digits-w1", samples=5)
    assert report.to_dict()["neurobench"] == report.neurobench.to_dict()
    layer = "conv2"  # reads spikes, and no weight is zero: one-bit operations of the cost model
    synops = report.activity.layers[layer].rate * report.cost.macs[layer] * report.time_steps
    assert report.neurobench.operations_by_layer[layer].effective_acs == pytest.approx(synops, rel=1e-6)


def test_the_command_line_and_the_page_show_them(tmp_path: Any) -> None:
    path, page = tmp_path / "found.json", tmp_path / "report.html"
    shown = CliRunner().invoke(main, ["neurobench", "digits-w4", "--samples", "4", "--json", str(path)])
    assert shown.exit_code == 0
    found = ss.neurobench("digits-w4", samples=4)
    assert json.loads(path.read_text()) == found.to_dict()
    names = (
        "Footprint",
        "ConnectionSparsity",
        "ActivationSparsity",
        "MembraneUpdates",
        "Effective_MACs",
        "Effective_ACs",
    )
    assert all(name in shown.output for name in (*names, "Dense", "conv3", "4 samples of digits/report"))
    assert f"{found.footprint:,} B" in shown.output
    line = ["evaluate", "digits-w4", "rram_32nm", "--samples", "4", "--neurobench", "--html", str(page)]
    report = CliRunner().invoke(main, line)
    assert report.exit_code == 0
    assert all(name in report.output and f"<td>{name}</td>" in page.read_text() for name in names)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(InputError, match="shape-only workload"):
        ss.neurobench("vgg9-cifar10", np.zeros((1, 3, 32, 32), np.uint8))
    with pytest.raises(DataError, match="no samples"):
        ss.neurobench("digits-w4", np.zeros((0, 1, 8, 8), np.uint8))
    with pytest.raises(DataError, match="shape \\(1, 8, 8\\)"):
        ss.neurobench("digits-w4", np.zeros((1, 8, 8), np.uint8))
