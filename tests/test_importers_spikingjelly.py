"""SpikingJelly networks run here as they run there, spike by spike and membrane by membrane."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peers import peer
from unit_states import unit_states

from spikesim_py.importers import import_network

STEPS, SAMPLES = 100, 3
pytestmark = pytest.mark.filterwarnings("ignore")
MODULE = "spikingjelly.activation_based"


def _units(kind: str, **options):
    """Two units of a kind, the second with another threshold."""
    neuron = peer(f"{MODULE}.neuron")
    make = getattr(neuron, kind)
    decays = {"CUBALIFNode": {"c_decay": 0.7, "v_decay": 0.8}, "LIFNode": {"tau": 3.0}}.get(kind, {})
    decays |= {"init_tau": 2.5} if kind == "ParametricLIFNode" else {}
    return [make(**decays, v_threshold=threshold, **options) for threshold in (0.6, 0.4)]


def _stack(kind: str, **options) -> torch.nn.Sequential:
    torch.manual_seed(1)
    first, second = _units(kind, **options)
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), first, torch.nn.Linear(30, 10), second)
    with torch.no_grad():
        for layer in net[::2]:
            layer.weight *= 6
    return net


def _run(net, x: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Spikes and membranes (samples, T, ...) of every unit."""
    seen = {index: [] for index, layer in enumerate(net) if hasattr(layer, "v_threshold")}
    with torch.no_grad():
        for step in range(x.shape[1]):
            value = torch.from_numpy(x[:, step])
            for index, layer in enumerate(net):
                value = layer(value)
                if index in seen:
                    seen[index].append((value, layer.v.clone()))
    return [tuple(torch.stack(part, 1).numpy() for part in zip(*steps, strict=True)) for steps in seen.values()]


def _assert_same(made, net, x: np.ndarray) -> None:
    shaped = x if x.ndim == 5 else x[..., None, None]
    trains, states = made.run(shaped, record=True).trains, unit_states(made, shaped)
    for name, (spikes, v) in zip(trains, _run(net, x), strict=True):
        assert spikes.sum() > 20
        np.testing.assert_array_equal(trains[name].reshape(spikes.shape), spikes)
        np.testing.assert_allclose(states[name][0].reshape(v.shape), v, rtol=1e-5, atol=1e-5)


def _inputs(*shape: int) -> np.ndarray:
    return (np.random.default_rng(0).random((SAMPLES, STEPS, *shape)) < 0.3).astype(np.float32)


@pytest.mark.parametrize("kind", ["IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode"])
@pytest.mark.parametrize("v_reset", [0.0, None, -0.25])
def test_spike_trains_are_those_of_the_framework(kind: str, v_reset: float | None) -> None:
    net = _stack(kind, v_reset=v_reset)
    _assert_same(import_network(net, "spikingjelly", time_steps=STEPS, fold="affine"), net, _inputs(20))


@pytest.mark.parametrize("kind", ["SimpleIFNode", "SimpleLIFNode"])
@pytest.mark.parametrize("v_reset", [0.0, -0.25, 0.2])
def test_simple_units_start_at_zero(kind: str, v_reset: float) -> None:
    options = {"tau": 3.0, "decay_input": True} if kind == "SimpleLIFNode" else {}
    net = _stack(kind, v_reset=v_reset, **options)
    _assert_same(import_network(net, "spikingjelly", time_steps=STEPS, fold="affine"), net, _inputs(20))


@pytest.mark.parametrize("decay_input", [True, False])
def test_inputs_may_decay_with_the_membrane(decay_input: bool, tmp_path) -> None:
    net = _stack("LIFNode", decay_input=decay_input)
    torch.save(net, tmp_path / "net.pt")
    _assert_same(import_network(tmp_path / "net.pt", "spikingjelly", time_steps=STEPS, fold="affine"), net, _inputs(20))


def test_convolutions_normalization_and_average_pools() -> None:
    neuron, layer = peer(f"{MODULE}.neuron"), peer(f"{MODULE}.layer")
    torch.manual_seed(2)
    net = torch.nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, bias=False),
        layer.BatchNorm2d(4),
        neuron.IFNode(v_threshold=0.5),
        layer.AvgPool2d(2),
        layer.Conv2d(4, 6, 3, stride=2, groups=2),
        neuron.LIFNode(tau=2.0, v_threshold=0.1, v_reset=None),
        layer.Flatten(),
        layer.Linear(6 * 1 * 1, 10),
        neuron.IFNode(v_threshold=0.3),
    )
    bn = net[1]
    for values, low in ((bn.running_mean, -0.2), (bn.running_var, 0.5), (bn.weight.data, 0.5), (bn.bias.data, 0.0)):
        values.copy_(low + torch.rand(4))
    with torch.no_grad():
        for index in (0, 4, 7):
            net[index].weight *= 4 + 4 * (index == 4)
    net.eval()
    made = import_network(net, "spikingjelly", time_steps=STEPS, fold="affine", input_shape=(2, 8, 8))
    _assert_same(made, net, _inputs(2, 8, 8))


@pytest.mark.parametrize("v_reset", [0.0, -0.25])
@pytest.mark.parametrize("kind", ["IFNode", "LIFNode", "CUBALIFNode"])
def test_through_a_nir_file(kind: str, v_reset: float, tmp_path) -> None:
    export = peer(f"{MODULE}.nir_exchange").export_to_nir
    net = _stack(kind, v_reset=v_reset)
    export(net, torch.zeros(1, 20), tmp_path / "net.nir")
    for unit in net[1::2]:
        unit.reset()
    made = import_network(tmp_path / "net.nir", convention="spikingjelly", time_steps=STEPS, fold="affine")
    _assert_same(made, net, _inputs(20))


def test_a_state_dict_with_an_architecture(tmp_path) -> None:
    net = _stack("ParametricLIFNode", v_reset=None)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    (tmp_path / "net.yaml").write_text(
        "input: {shape: [20]}\ntime_steps: 100\nlayers:\n- {type: Linear, arrays: '0'}\n"
        "- {type: ParametricLIFNode, arrays: '1', v_threshold: 0.6, v_reset: null}\n- {type: Linear, arrays: '2'}\n"
        "- {type: ParametricLIFNode, arrays: '3', v_threshold: 0.4, v_reset: null}\n"
    )
    made = import_network(tmp_path / "net.pt", "spikingjelly", architecture=str(tmp_path / "net.yaml"), fold="affine")
    _assert_same(made, net, _inputs(20))


def test_a_state_dict_alone_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="keep neither time constants nor thresholds: give an architecture"):
        import_network({"0.weight": torch.zeros(2, 2)}, "spikingjelly")


@pytest.mark.parametrize("form", ["module", "pickle"])
def test_a_unit_in_two_places_is_refused(form: str, tmp_path) -> None:
    """SpikingJelly runs them on one membrane; two would spike otherwise. Shared weights are no such thing."""
    unit, layer = _units("IFNode")[0], torch.nn.Linear(20, 20)
    source = torch.nn.Sequential(layer, unit, layer, unit)
    if form == "pickle":
        torch.save(source, tmp_path / "net.pt")
        source = tmp_path / "net.pt"
    with pytest.raises(ValueError, match="module '3': is the same unit as '1'"):
        import_network(source, "spikingjelly")
    twice = torch.nn.Sequential(layer, unit, layer, _units("IFNode")[1])
    assert len(import_network(twice, "spikingjelly").layers) == 2


@pytest.mark.parametrize(
    ("decode", "mode", "warned"),
    [("last-mem", "last", False), ("mean-mem", "accumulate", False), ("max-mem", "accumulate", True)],
)
def test_how_a_silent_unit_is_decoded_is_the_readout(decode: str, mode: str, warned: bool) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(20, 5), peer(f"{MODULE}.neuron").NonSpikingIFNode(decode=decode))
    made = import_network(net, "spikingjelly")
    assert made.nodes[-1].mode == mode
    assert any("readout" in line for line in made.model.metadata["import"]["assumed"]) == warned
    assert import_network(net, "spikingjelly", readout="last").nodes[-1].mode == "last"


def test_an_unknown_unit_is_named() -> None:
    neuron = peer(f"{MODULE}.neuron")
    with pytest.raises(ValueError, match="module '1': is a KLIFNode, which is not read"):
        import_network(torch.nn.Sequential(torch.nn.Linear(2, 2), neuron.KLIFNode()), "spikingjelly", input_shape=(2,))
