"""snnTorch networks run here as they run there, spike by spike, from modules, pickles, state dicts and NIR files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peers import peer
from unit_states import unit_states

from spikesim_py.importers import AssumedWarning, import_network

STEPS, SAMPLES = 100, 3
pytestmark = pytest.mark.filterwarnings("ignore")


def _inputs(seed: int = 0, size: int = 20) -> np.ndarray:
    return (np.random.default_rng(seed).random((SAMPLES, STEPS, size, 1, 1)) < 0.3).astype(np.float32)


def _run(layers: list, x: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """Spikes, membranes and currents (samples, T, units) of every unit of a stack of snnTorch layers."""
    seen: list[list[tuple[torch.Tensor, ...]]] = [[] for _ in layers]
    with torch.no_grad():
        for step in range(x.shape[1]):
            value = torch.from_numpy(x[:, step, :, 0, 0])
            for index, layer in enumerate(layers):
                value = layer(value)
                if index % 2:
                    current = next((getattr(layer, n) for n in ("syn", "syn_exc") if hasattr(layer, n)), 0 * layer.mem)
                    seen[index].append((value, layer.mem.clone(), current.clone()))
    return [tuple(torch.stack(part, 1).numpy() for part in zip(*steps, strict=True)) for steps in seen if steps]


def _assert_same(net, layers, x) -> None:
    """Spikes are equal, and so are states, but for the rounding of float32 (sums of another order)."""
    trains, states = net.run(x, record=True).trains, unit_states(net, x)
    theirs = _run(layers, x)
    assert len(trains) == len(theirs)
    for name, (spikes, mem, syn) in zip(trains, theirs, strict=True):
        assert spikes.sum() > 20
        np.testing.assert_array_equal(trains[name][..., 0, 0], spikes)
        if not net.by_name[name].reset_delay and net.by_name[name].reset == "zero":
            mem = np.where(spikes > 0, 0, mem)  # theirs is zeroed when the next step begins
        for ours, other in zip(states[name], (mem, syn), strict=True):
            np.testing.assert_allclose(ours[..., 0, 0], other, rtol=1e-5, atol=1e-5)


def _units(kind: str, **options):
    make = getattr(peer("snntorch"), kind)
    first = {"Leaky": {"beta": 0.9}, "Synaptic": {"alpha": 0.8, "beta": 0.9}, "Lapicque": {"beta": 0.9}}[kind]
    options |= {"init_hidden": True, "surrogate_disable": True}  # surrogates are closures, which no pickle holds
    return [make(**first, threshold=threshold, **options) for threshold in (1.0, 0.7)]


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("kind", ["Leaky", "Synaptic"])
@pytest.mark.parametrize("form", ["module", "pickle", "state_dict"])
def test_spike_trains_are_those_of_the_framework(kind: str, reset: str, form: str, tmp_path) -> None:
    torch.manual_seed(1)
    first, second = _units(kind, reset_mechanism=reset)
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), first, torch.nn.Linear(30, 10), second)
    source = net
    if form == "pickle":
        source = tmp_path / "net.pt"
        torch.save(net, source)
    elif form == "state_dict":
        source = net.state_dict()
    made = import_network(source, "snntorch", time_steps=STEPS, fold="affine")
    _assert_same(made, list(net), _inputs())


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_lapicque_units_with_their_own_gain(reset: str) -> None:
    torch.manual_seed(1)
    first, second = _units("Lapicque", reset_mechanism=reset)
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), first, torch.nn.Linear(30, 10), second)
    with torch.no_grad():
        net[0].weight *= 10
        net[2].weight *= 10
    _assert_same(import_network(net, "snntorch", time_steps=STEPS, fold="affine"), list(net), _inputs())


@pytest.mark.parametrize("reset", ["zero", "none"])
@pytest.mark.parametrize("form", ["module", "pickle", "architecture"])
@pytest.mark.parametrize("decays", [(0.9, 0.8), (1.0, 0.5), (0.7, 0.0), "each"])
def test_alpha_units_are_one_current_that_resets_with_the_membrane(decays, form: str, reset: str, tmp_path) -> None:
    torch.manual_seed(1)
    alpha, beta = (0.6 + 0.4 * torch.rand(30), 0.6 * torch.rand(30)) if decays == "each" else decays
    unit = peer("snntorch").Alpha(alpha, beta, 0.6, init_hidden=True, surrogate_disable=True, reset_mechanism=reset)
    net = source = torch.nn.Sequential(torch.nn.Linear(20, 30), unit)
    with torch.no_grad():
        net[0].weight *= 4
    options = {}
    if form == "pickle":
        source = tmp_path / "net.pt"
        torch.save(net, source)
    elif form == "architecture":
        source = net.state_dict()
        (tmp_path / "net.yaml").write_text("layers:\n- {type: Linear, arrays: '0'}\n- {type: Alpha, arrays: '1'}\n")
        options = {"architecture": str(tmp_path / "net.yaml")}
    made = import_network(source, "snntorch", time_steps=STEPS, fold="affine", **options)
    assert not [line for line in made.model.metadata["import"]["assumed"] if "input_bits" not in line]
    x = _inputs()
    trains, ((mem, current),) = made.run(x, record=True).trains, unit_states(made, x).values()
    ((spikes, theirs, excited),) = _run(list(net), x)
    ((ours,), gain) = trains.values(), next(a for name, a in made.arrays.items() if name.endswith(".multiplier"))
    assert spikes.sum() > 20
    np.testing.assert_array_equal(ours[..., 0, 0], spikes)
    np.testing.assert_allclose(mem[..., 0, 0], theirs, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(current[..., 0, 0], excited * gain.reshape(-1), rtol=1e-5, atol=1e-4)


def test_alpha_units_that_subtract_are_refused() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), peer("snntorch").Alpha(0.9, 0.8, reset_mechanism="subtract"))
    with pytest.raises(ValueError, match="module '1': reset_mechanism = 'subtract' of an Alpha takes a threshold"):
        import_network(net, "snntorch")


def test_a_state_dict_does_not_tell_alpha_from_synaptic() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), peer("snntorch").Alpha(0.9, 0.8))
    with pytest.warns(AssumedWarning, match="architecture = none is assumed: the arrays of '1' may be an Alpha's, too"):
        import_network(net.state_dict(), "snntorch")


@pytest.mark.parametrize("kind", ["RLeaky", "RSynaptic"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("dense", [True, False])
def test_recurrent_units_read_their_last_spikes(kind: str, dense: bool, reset: str) -> None:
    snn = peer("snntorch")
    torch.manual_seed(2)
    decay = {"beta": 0.9} | ({"alpha": 0.7} if kind == "RSynaptic" else {})
    shape = {"linear_features": 30} if dense else {"V": torch.rand(30), "all_to_all": False}
    unit = getattr(snn, kind)(**decay, **shape, init_hidden=True, reset_mechanism=reset)
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), unit)
    _assert_same(import_network(net, "snntorch", time_steps=STEPS, fold="affine"), list(net), _inputs())


def test_thresholds_and_decays_of_their_own() -> None:
    snn = peer("snntorch")
    torch.manual_seed(3)
    unit = snn.Leaky(beta=torch.rand(30), threshold=0.5 + torch.rand(30), init_hidden=True)
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), unit)
    _assert_same(import_network(net, "snntorch", time_steps=STEPS, fold="affine"), list(net), _inputs())


@pytest.mark.parametrize("kind", ["Leaky", "Synaptic"])
def test_through_a_nir_file(kind: str, tmp_path) -> None:
    peer("snntorch")
    nir, export = peer("nir"), peer("snntorch.export_nir").export_to_nir
    torch.manual_seed(4)
    decay = {"beta": torch.full((30,), 0.9), "threshold": torch.full((30,), 0.8)}
    decay |= {"alpha": torch.full((30,), 0.7)} if kind == "Synaptic" else {}
    first, second = (getattr(peer("snntorch"), kind)(**decay, init_hidden=True) for _ in range(2))
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), first, torch.nn.Linear(30, 30), second)
    nir.write(tmp_path / "net.nir", export(net, torch.zeros(20)))
    for unit in (first, second):
        unit.reset_mem()
    made = import_network(tmp_path / "net.nir", convention="snntorch", time_steps=STEPS, fold="affine")
    assert made.model.metadata["import"]["semantics"]["dt"] == 1e-4
    _assert_same(made, list(net), _inputs())


def test_resets_at_once() -> None:
    """As in snnTorch where no membrane reaches two thresholds; the import says that it differs beyond."""
    torch.manual_seed(5)
    net = torch.nn.Sequential(torch.nn.Linear(20, 30), _units("Leaky", reset_delay=False)[0])
    with torch.no_grad():
        net[0].weight *= 0.7
    made = import_network(net, "snntorch", time_steps=STEPS, fold="affine")
    assert not made.by_name["n1"].reset_delay
    assert "twice its threshold" in " ".join(made.model.metadata["import"]["assumed"])
    _assert_same(made, list(net), _inputs())


def test_a_convolution_needs_an_architecture() -> None:
    snn = peer("snntorch")
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), snn.Leaky(beta=0.5, init_hidden=True))
    with pytest.raises(ValueError, match="give an architecture"):
        import_network(net.state_dict(), "snntorch")


def test_what_is_assumed_is_warned_of() -> None:
    snn = peer("snntorch")
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), snn.Leaky(beta=0.5, init_hidden=True))
    with pytest.warns(AssumedWarning, match="time_steps = 16 is assumed") as told:
        import_network(net, "snntorch")
    assert not any("reset_delay" in str(one.message) for one in told)  # a module has it
    with pytest.warns(AssumedWarning, match="reset_delay = True is assumed"):
        import_network(net.state_dict(), "snntorch")


def test_a_reset_at_once_is_said_to_differ_above_twice_the_threshold() -> None:
    """One pulse of 2.6 thresholds: snnTorch spikes once; one threshold per spike makes two."""
    leaky = peer("snntorch").Leaky(
        beta=0.9, reset_mechanism="subtract", reset_delay=False, init_hidden=True, surrogate_disable=True
    )
    line = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(line.weight)
    x = np.zeros((1, 6, 1, 1, 1), np.float32)
    x[0, 0] = 2.6
    with pytest.warns(AssumedWarning, match="exceeds twice its threshold"):
        net = import_network(torch.nn.Sequential(line, leaky), "snntorch", time_steps=6, fold="affine")
    ((theirs, *_),) = _run([line, leaky], x)
    (ours,) = net.run(x, record=True).trains.values()
    assert theirs.sum() == 1
    assert ours.sum() == 2
