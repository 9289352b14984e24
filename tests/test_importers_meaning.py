"""What an imported unit computes: written out by hand, from NIR, snnTorch, Lava and SpikeSim."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from importer_files import inputs_of, lava_file, lif, nir_file, refused, write_nir
from peers import peer
from unit_states import unit_states

from spikesim_py.importers import AssumedWarning, import_network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")


def _nested(tmp_path, inner_name: str, extra: tuple = ()):
    inner = {
        "type": "NIRGraph",
        "nodes": {
            "input": {"type": "Input", "shape": np.array([5])},
            "lif1": lif(5),
            "w_rec": {"type": "Linear", "weight": np.random.default_rng(1).normal(size=(5, 5))},
            "output": {"type": "Output", "shape": np.array([5])},
            **{name: lif(5) for name in extra},
        },
        "edges": [("input", inner_name), (inner_name, "w_rec"), ("w_rec", inner_name), (inner_name, "output")],
    }
    nodes = {
        "input": {"type": "Input", "shape": np.array([4])},
        "fc": {"type": "Linear", "weight": np.random.default_rng(0).normal(size=(5, 4))},
        "layer": inner,
        "output": {"type": "Output", "shape": np.array([5])},
    }
    return write_nir(tmp_path / "nested.nir", nodes, [("input", "fc"), ("fc", "layer"), ("layer", "output")])


def test_a_nested_graph_is_the_same_as_a_flat_one(tmp_path) -> None:
    flat = import_network(nir_file(tmp_path)[0], time_steps=50)
    for name in ("lif1", "lif"):  # the second names a node that is not there, and can mean only one
        nested = import_network(_nested(tmp_path, name), time_steps=50)
        x = inputs_of(flat)
        np.testing.assert_array_equal(nested.run(x).outputs, flat.run(x).outputs)
    assert "edges name 'lif', which is no node" in " ".join(nested.model.metadata["import"]["notes"])


def test_an_edge_that_could_mean_two_nodes_is_refused(tmp_path) -> None:
    refused(_nested(tmp_path, "lif", extra=("lif2",)), "edges name 'lif', which is no node")


@pytest.mark.parametrize(("reset", "steps"), [("zero", [4, 8, 12, 16]), ("subtract", [4, 7, 10, 14])])
def test_one_file_means_two_networks_and_says_so(reset: str, steps: list[int], tmp_path) -> None:
    """IF, threshold 1, constant input 0.3: after the 4th step, then by the convention (thresholds are exceeded)."""
    unit = {"type": "IF", "r": np.ones(1), "v_threshold": np.ones(1)}
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.array([[0.3]])},
        "if": unit,
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "if.nir", nodes, [("input", "fc"), ("fc", "if"), ("if", "output")])
    with pytest.warns(AssumedWarning, match="reset = zero is assumed"):
        import_network(path)
    net = import_network(path, reset=reset, time_steps=16)
    train = net.run(np.ones((1, 16, 1, 1, 1), np.float32), record=True).trains["if"].reshape(-1)
    assert (np.flatnonzero(train) + 1).tolist() == steps


@pytest.mark.parametrize("r", [1.0, 1e4])
def test_an_integrator_counts_its_input_as_it_is(r: float, tmp_path) -> None:
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.array([[0.5]])},
        "i": {"type": "I", "r": np.array([r])},
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "i.nir", nodes, [("input", "fc"), ("fc", "i"), ("i", "output")])
    net = import_network(path, dt=1e-4, time_steps=4, readout="last")
    assert net.run(np.ones((1, 4, 1, 1, 1), np.float32)).outputs.item() == 2.0


@pytest.mark.parametrize("decay", ["euler", "exponential"])
def test_a_leaky_unit_follows_its_analytic_solution(decay: str, tmp_path) -> None:
    """tau dv/dt = v_leak - v + R I: exact at every step by the exponential rule, to first order by Euler's."""
    tau, dt, r, leak, steps = 1e-2, 1e-4, 2.0, 0.5, 200
    unit = {"type": "LI", "tau": np.array([tau]), "r": np.array([r]), "v_leak": np.array([leak])}
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.array([[1.0]])},
        "li": unit,
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "li.nir", nodes, [("input", "fc"), ("fc", "li"), ("li", "output")])
    net = import_network(path, dt=dt, decay=decay, time_steps=steps, readout="last")
    v = net.run(np.ones((1, steps, 1, 1, 1), np.float32)).outputs.item()
    exact = (leak + r) * (1 - np.exp(-steps * dt / tau))
    assert v == pytest.approx(exact, rel=1e-4 if decay == "exponential" else 2e-2)


def test_a_unit_that_leaks_above_its_threshold_spikes_by_itself(tmp_path) -> None:
    """v_leak = 1.2, threshold 1, tau = 10 ms: a spike every tau ln(1.2 / 0.2) = 17.9 ms."""
    nodes = {
        "input": {"type": "Input", "shape": np.array([1])},
        "fc": {"type": "Linear", "weight": np.ones((1, 1))},
        "lif": lif(1, tau=1e-2, v_leak=1.2),
        "output": {"type": "Output", "shape": np.array([1])},
    }
    path = write_nir(tmp_path / "lif.nir", nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")])
    net = import_network(path, dt=1e-4, decay="exponential", time_steps=1000)
    train = net.run(np.zeros((1, 1000, 1, 1, 1), np.float32), record=True).trains["lif"].reshape(-1)
    period = 1e-2 * np.log(1.2 / 0.2) / 1e-4
    times = np.flatnonzero(train) + 1
    assert len(times) == 5
    np.testing.assert_allclose(np.diff([0, *times]), period, atol=1)


def test_pools_scales_delays_and_thresholds(tmp_path) -> None:
    """Every primitive without a membrane, against NumPy."""
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
    sizes = {"stride": np.array([1, 1]), "dilation": np.array([1, 1]), "groups": 1}
    pool = {"kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    nodes = {
        "input": {"type": "Input", "shape": np.array([2, 8, 8])},
        "conv": {"type": "Conv2d", "weight": kernel, "bias": bias, "padding": "same", **sizes},
        "scale": {"type": "Scale", "scale": np.array([1.0, 2.0, -1.0]).reshape(3, 1, 1) * np.ones((3, 8, 8))},
        "delay": {"type": "Delay", "delay": np.full((3, 8, 8), 2e-4)},
        "avg": {"type": "AvgPool2d", **pool},
        "sum": {"type": "SumPool2d", **pool},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "threshold": {"type": "Threshold", "threshold": np.full(12, -0.5)},
        "output": {"type": "Output", "shape": np.array([12])},
    }
    names = list(nodes)
    path = write_nir(tmp_path / "all.nir", nodes, list(itertools.pairwise(names)))
    net = import_network(path, dt=1e-4, time_steps=5)
    x = rng.integers(0, 2, (2, 5, 2, 8, 8)).astype(np.float32)
    with torch.no_grad():
        sums = torch.nn.functional.conv2d(
            torch.from_numpy(x).flatten(0, 1).double(), torch.from_numpy(kernel), torch.from_numpy(bias), padding="same"
        ) * torch.tensor([1.0, 2.0, -1.0]).reshape(3, 1, 1)
        late = sums.reshape(2, 5, 3, 8, 8).roll(2, 1)
        late[:, :2] = 0
        pooled = torch.nn.functional.avg_pool2d(late.flatten(0, 1), 2)
        pooled = torch.nn.functional.avg_pool2d(pooled, 2) * 4
    expected = (pooled.flatten(1) > -0.5).reshape(2, 5, 12).sum(1)
    np.testing.assert_array_equal(net.run(x).outputs, expected.numpy())


def test_a_convolution_along_one_dimension(tmp_path) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 2, 3))
    nodes = {
        "input": {"type": "Input", "shape": np.array([2, 9])},
        "conv": {
            "type": "Conv1d",
            "weight": kernel,
            "bias": np.zeros(3),
            "stride": 2,
            "padding": 1,
            "dilation": 2,
            "groups": 1,
        },
        "li": {"type": "I", "r": np.ones((3, 4))},
        "output": {"type": "Output", "shape": np.array([3, 4])},
    }
    path = write_nir(tmp_path / "one.nir", nodes, [("input", "conv"), ("conv", "li"), ("li", "output")])
    net = import_network(path, time_steps=3, readout="last")
    x = rng.integers(0, 2, (2, 3, 2, 1, 9)).astype(np.float32)
    sums = torch.nn.functional.conv1d(
        torch.from_numpy(x).flatten(0, 1)[:, :, 0].double(), torch.from_numpy(kernel), stride=2, padding=1, dilation=2
    )
    np.testing.assert_allclose(net.run(x).outputs, sums.reshape(2, 3, -1).sum(1).numpy(), atol=1e-5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(threshold=st.floats(0.2, 3), beta=st.floats(0, 1), seed=st.integers(0, 99))
def test_strict_thresholds_never_spike_more(threshold: float, beta: float, seed: int) -> None:
    arrays = {"fc.weight": np.random.default_rng(seed).integers(-2, 3, (5, 4)).astype(float)}
    arrays |= {"lif.threshold": np.array(threshold), "lif.beta": np.array(beta)}
    counts = []
    for strict in (False, True):
        net = import_network(arrays, "snntorch", strict=strict, reset="none", time_steps=8)
        counts.append(sum(net.run(inputs_of(net)).spikes.values()))
    assert counts[1] <= counts[0]


def test_lava_units_are_lavas_own_arithmetic(tmp_path) -> None:
    """Against lava's fixed-point model written out in integers."""
    path, options = lava_file(tmp_path)
    net = import_network(path, **options, time_steps=60)
    x = (np.random.default_rng(3).random((1, 60, 4, 1, 1)) < 0.3).astype(np.int64)
    trains, states = net.run(x, record=True).trains, unit_states(net, x)
    with peer("h5py").File(path) as file:
        weights = [file[f"layer/{i}/weight"][()].astype(np.int64) for i in range(2)]
    spikes = x[0, :, :, 0, 0]
    for index, weight in enumerate(weights):
        u, v, out, seen = np.zeros(len(weight), np.int64), np.zeros(len(weight), np.int64), [], []
        for step in range(60):
            u = np.sign(u) * (np.abs(u) * (4096 - 1024) >> 12) + (weight @ spikes[step] << 6)
            v = np.sign(v) * (np.abs(v) * (4096 - 512) >> 12) + u
            fired = v > 20 << 6
            v[fired] = 0
            out.append(fired)
            seen.append((v.copy(), u.copy()))
        spikes = np.array(out).astype(np.int64)
        assert spikes.sum() > 10
        np.testing.assert_array_equal(trains[f"layer{index}_units"][0, :, :, 0, 0], spikes)
        for ours, other in zip(states[f"layer{index}_units"], np.swapaxes(seen, 0, 1), strict=True):
            np.testing.assert_array_equal(ours[0, :, :, 0, 0], other)
    bits = [node.weight_bits for node in net.nodes if node.op == "linear"]
    assert bits == [7, 7]  # even weights to 118 are stored without their zero


def test_spikesims_quantizer_has_no_zero() -> None:
    from spikesim_py.importers.spikesim_vgg9 import quantized

    levels = np.unique(quantized(np.linspace(-1, 1, 10_001), 4)) * 8
    assert levels.tolist() == [*range(-8, 0), *range(1, 9)]
