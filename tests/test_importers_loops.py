"""Loops that branch, delays behind weights, and padded maxima, against the equations written out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from importer_files import lif, write_nir

import spikesim_py as ss
from spikesim_py.datasets import Dataset
from spikesim_py.errors import NetworkError
from spikesim_py.importers import import_network
from spikesim_py.inference import simulate
from spikesim_py.network import Network, quantize_network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
STEPS, UNITS, INPUTS = 40, 6, 4
RNG = np.random.default_rng
FC, REC, HEAD = (RNG(i).normal(size=s) for i, s in enumerate([(UNITS, INPUTS), (UNITS, UNITS), (3, UNITS)]))
BIAS = RNG(3).normal(size=UNITS)
Nodes = dict[str, dict[str, Any]]


def _network(path: Path, nodes: Nodes, edges: list[tuple[str, str]], **options: Any) -> Network:
    ends: Nodes = {"input": {"type": "Input", "shape": np.array([INPUTS])}}
    ends |= {"fc": {"type": "Linear", "weight": FC}, "lif": lif(UNITS), "output": {"type": "Output", "shape": [3]}}
    edges = [("input", "fc"), ("fc", "lif"), *edges]
    made = write_nir(path / "net.nir", ends | nodes, edges)
    return import_network(made, reset="zero", time_steps=STEPS, readout="accumulate", **options)


def _events() -> np.ndarray:
    return (RNG(9).random((5, STEPS, INPUTS, 1, 1)) < 0.4).astype(np.int64)


def _spikes(comes_back: Callable[[int, np.ndarray], np.ndarray]) -> np.ndarray:
    """Spikes (samples, T, units) of the LIF units, tau = 2 dt; `comes_back(t, spikes)` is the loop's sum at step t."""
    x = _events()[..., 0, 0]
    out, v = np.zeros((len(x), STEPS, UNITS)), np.zeros((len(x), UNITS))
    for t in range(STEPS):
        v = 0.5 * v + x[:, t] @ FC.T + comes_back(t, out)
        out[:, t] = v > 1
        v = np.where(out[:, t] > 0, 0, v)
    assert 50 < out.sum() < 0.6 * out.size
    return out


def _assert_spikes(net: Network, expected: np.ndarray) -> None:
    trains = net.run(_events(), record=True).trains
    np.testing.assert_array_equal(trains["lif"][..., 0, 0], expected > 0)


BRANCHED: Nodes = {"rec": {"type": "Linear", "weight": REC}, "head": {"type": "Linear", "weight": HEAD}}
BRANCHED_EDGES = [("lif", "rec"), ("rec", "lif"), ("rec", "head"), ("head", "output")]


def _before(t: int, s: np.ndarray, steps: int = 1) -> np.ndarray:
    return s[:, t - steps] if t >= steps else np.zeros_like(s[:, 0])


def test_what_branches_off_a_loop_is_not_late(tmp_path: Path) -> None:
    """The recurrent sums reach the unit a step later, and the head at once."""
    net = _network(tmp_path, BRANCHED, BRANCHED_EDGES)
    spikes = _spikes(lambda t, s: _before(t, s) @ REC.T)
    _assert_spikes(net, spikes)
    answer = (spikes @ REC.T @ HEAD.T).sum(1)
    np.testing.assert_allclose(net.run(_events()).outputs, answer, rtol=1e-4, atol=1e-4)


def test_a_loop_without_branches_delays_spikes(tmp_path: Path) -> None:
    """One bit per unit is remembered instead of a sum."""
    edges = [("lif", "rec"), ("rec", "lif"), ("lif", "head"), ("head", "output")]
    net = _network(tmp_path, BRANCHED, edges)
    assert next(node for node in net.nodes if node.op == "delay").inputs == ("lif",)
    _assert_spikes(net, _spikes(lambda t, s: _before(t, s) @ REC.T))


def test_a_bias_that_branches_comes_back_a_step_late_too(tmp_path: Path) -> None:
    nodes = BRANCHED | {"rec": {"type": "Affine", "weight": REC, "bias": BIAS}}
    net = _network(tmp_path, nodes, BRANCHED_EDGES)
    _assert_spikes(net, _spikes(lambda t, s: s[:, t - 1] @ REC.T + BIAS if t else np.zeros(UNITS)))
    assert "no bias either" in " ".join(net.model.metadata["import"]["notes"])


@pytest.mark.parametrize("steps", [np.full(UNITS, 3), np.arange(1, UNITS + 1)], ids=["alike", "of their own"])
def test_delays_in_a_loop_behind_weights(steps: np.ndarray, tmp_path: Path) -> None:
    nodes = BRANCHED | {"wait": {"type": "Delay", "delay": steps * 1e-4}}
    edges = [("lif", "rec"), ("rec", "wait"), ("wait", "lif"), ("lif", "head"), ("head", "output")]
    net = _network(tmp_path, nodes, edges)
    sums = [lambda t, s, k=k, i=i: _before(t, s, k) @ REC[i] for i, k in enumerate(steps)]
    _assert_spikes(net, _spikes(lambda t, s: np.stack([one(t, s) for one in sums], axis=1)))


def test_a_loop_of_convolutions_may_branch(tmp_path: Path) -> None:
    """Its shape is told by what else its unit reads."""
    kernel = RNG(0).normal(size=(2, 2, 3, 3)) * 0.5
    size = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1, "bias": np.zeros(2)}
    unit = lif(1) | {key: np.full((2, 5, 5), value[0]) for key, value in lif(1).items() if key != "type"}
    nodes: Nodes = {
        "input": {"type": "Input", "shape": np.array([2, 5, 5])},
        "conv": {"type": "Conv2d", "weight": kernel, **size},
        "lif": unit,
        "rec": {"type": "Conv2d", "weight": kernel[::-1].copy(), **size},
        "sum": {"type": "SumPool2d", "kernel_size": [5, 5], "stride": [5, 5], "padding": [0, 0]},
        "output": {"type": "Output", "shape": np.array([2])},
    }
    edges = [("input", "conv"), ("conv", "lif"), ("lif", "rec"), ("rec", "lif"), ("rec", "sum"), ("sum", "output")]
    net = import_network(write_nir(tmp_path / "conv.nir", nodes, edges), time_steps=8, readout="accumulate")
    x = (RNG(1).random((2, 8, 2, 5, 5)) < 0.4).astype(np.int64)
    conv = lambda a, k: torch.nn.functional.conv2d(torch.from_numpy(a), torch.from_numpy(k.copy()), padding=1).numpy()  # noqa: E731
    v = back = np.zeros((2, 2, 5, 5))
    answer, trains = np.zeros((2, 2)), net.run(x, record=True).trains["lif"]
    for t in range(8):
        v = 0.5 * v + conv(x[:, t].astype(float), kernel) + back
        spikes = (v > 1).astype(float)
        np.testing.assert_array_equal(trains[:, t], spikes > 0)
        v, back = np.where(spikes > 0, 0, v), conv(spikes, kernel[::-1])
        answer += back.sum((2, 3))
    np.testing.assert_allclose(net.run(x).outputs, answer, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["branch", "delay"])
def test_sums_that_wait_quantize_and_run_on_a_chip(kind: str, tmp_path: Path) -> None:
    """8 bits keep nearly every spike; on ideal devices behind a lossless converter the chip has the same ones."""
    if kind == "branch":
        edges = [("lif", "rec"), ("rec", "lif"), ("rec", "after"), ("after", "head"), ("head", "output")]
        net = _network(tmp_path, BRANCHED | {"after": lif(UNITS)}, edges)
    else:
        nodes = BRANCHED | {"wait": {"type": "Delay", "delay": np.full(UNITS, 2e-4)}}
        edges = [("lif", "rec"), ("rec", "wait"), ("wait", "lif"), ("lif", "head"), ("head", "output")]
        net = _network(tmp_path, nodes, edges)
    made = quantize_network(net, 8, calibration=_events())
    delay = next(node for node in made.nodes if node.op == "delay")
    assert made.edges[delay.name].signed
    ours, theirs = (one.run(_events(), record=True).trains["lif"] for one in (made, net))
    assert (ours != theirs).mean() < 0.03
    data = Dataset("made", _events().astype(np.uint8), np.zeros(5, np.int64))
    chip = ss.load_hardware("rram_32nm", {"device.ideal": True, "adc.bits": 10})
    result = simulate(made, chip, data)
    assert result.activity.layers["rec"].rate == pytest.approx(ours.mean())
    assert ss.cost(made, chip).energy_pj > 0


@pytest.mark.parametrize("padding", [1, (1, 0)])
def test_padded_maxima_of_spikes(padding: Any) -> None:
    snn = pytest.importorskip("snntorch")
    torch.manual_seed(0)
    pool = torch.nn.MaxPool2d(3, 2, padding)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), snn.Leaky(beta=0.5, init_hidden=True), pool)
    made = import_network(net, "snntorch", input_shape=(2, 8, 8), time_steps=5, readout="accumulate", fold="affine")
    x = (RNG(0).random((4, 5, 2, 8, 8)) < 0.3).astype(np.float32)
    with torch.no_grad():
        theirs = sum(net(torch.from_numpy(x[:, t])) for t in range(5))
    assert 0 < theirs.mean() < 5
    np.testing.assert_array_equal(made.run(x).outputs, theirs.flatten(1))


def test_padded_maxima_of_signed_sums_are_refused() -> None:
    """A zero would win over sums below it, where PyTorch pads with minus infinity."""
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.MaxPool2d(3, 2, 1))
    with pytest.raises(NetworkError, match="padding: a maximum is padded with the least number"):
        import_network(net, "snntorch", input_shape=(2, 8, 8), time_steps=5)
