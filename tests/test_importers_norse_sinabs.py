"""Norse and Sinabs networks, exported to NIR by their own exporters, spike here as they do there."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from peers import peer
from unit_states import unit_states

from spikesim_py.importers import import_network

STEPS, SAMPLES = 100, 3
pytestmark = pytest.mark.filterwarnings("ignore")


def _inputs(*shape: int) -> np.ndarray:
    return (np.random.default_rng(0).random((SAMPLES, STEPS, *shape)) < 0.3).astype(np.float32)


def _linear(inputs: int, outputs: int, scale: float) -> torch.nn.Linear:
    layer = torch.nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight *= scale
    return layer


def _assert_same(made, theirs: list[np.ndarray], x: np.ndarray, states: list[tuple] = ()) -> None:
    """Spikes are equal, and so are states (v, and i where there is one), but for the rounding of float32."""
    shaped = x if x.ndim == 5 else x[..., None, None]
    seen: dict[str, np.ndarray] = {}  # a record has no counts of several spikes per step
    made.run(shaped, observer=lambda name, value: seen.setdefault(name, value.numpy()))
    units = [node.name for node in made.nodes if node.op == "lif"]
    assert len(units) == len(theirs)
    for name, other in zip(units, theirs, strict=True):
        assert other.sum() > 20
        np.testing.assert_array_equal(seen[name].reshape(other.shape), other)
    ours = unit_states(made, shaped) if states else {}
    for name, parts in zip(ours, states, strict=True):
        for mine, other in zip(ours[name], parts, strict=False):
            assert other.std() > 0.01
            np.testing.assert_allclose(mine.reshape(other.shape), other, rtol=1e-5, atol=1e-5)


# Norse --------------------------------------------------------------------------------------------------------------


def _norse_units(kind: str):
    norse = peer("norse.torch")
    if kind == "LIFBoxCell":
        # the exporter wants tensors of the layer's shape
        make, functional = norse.LIFBoxCell, norse.functional.lif_box.LIFBoxParameters
        fields = {"tau_mem_inv": 200.0, "v_th": 0.4, "v_leak": 0.0}
    elif kind == "LIFBoxCell, leaking to 0.2":
        make, functional = norse.LIFBoxCell, norse.functional.lif_box.LIFBoxParameters
        fields = {"tau_mem_inv": 200.0, "v_th": 0.4, "v_leak": 0.2}
    elif kind == "LIFCell":
        make, functional = norse.LIFCell, norse.functional.lif.LIFParameters
        fields = {"tau_mem_inv": 200.0, "tau_syn_inv": 300.0, "v_th": 0.4, "v_leak": 0.0}
    else:
        make, functional = norse.IAFCell, norse.functional.iaf.IAFParameters
        fields = {"v_th": 0.8}
    return [make(functional(**{key: torch.full((n,), value) for key, value in fields.items()})) for n in (30, 10)]


@pytest.mark.parametrize("kind", ["LIFBoxCell", "LIFBoxCell, leaking to 0.2", "LIFCell", "IAFCell"])
def test_norse(kind: str, tmp_path) -> None:
    norse, nir = peer("norse.torch"), peer("nir")
    torch.manual_seed(1)
    first, second = _norse_units(kind)
    scale = 1.0 if kind == "IAFCell" else 5.0
    net = norse.SequentialState(_linear(20, 30, scale), first, _linear(30, 10, scale), second)
    graph = peer("norse.torch.utils.export_nir").to_nir(net, torch.zeros(20))
    nir.write(tmp_path / "net.nir", graph)
    x, spikes, seen = _inputs(20), ([], []), ([], [])
    states = [None, None]
    with torch.no_grad():
        for step in range(STEPS):
            value = torch.from_numpy(x[:, step])
            for index, (layer, unit) in enumerate(((net[0], first), (net[2], second))):
                value, states[index] = unit(layer(value), states[index])
                spikes[index].append(value)
                seen[index].append(_norse_state(states[index], unit.p))
    theirs = [torch.stack(part, 1).numpy() for part in spikes]
    made = import_network(tmp_path / "net.nir", convention="norse", time_steps=STEPS, fold="affine", input_shape=(20,))
    _assert_same(made, theirs, x, [tuple(torch.stack(p, 1).numpy() for p in zip(*s, strict=True)) for s in seen])


def _norse_state(state, p) -> tuple[torch.Tensor, ...]:
    """Membrane, and current where there is one: norse stores it decayed, before its gain dt / tau; ours drove v."""
    i = state.i * 1e-3 * p.tau_mem_inv / (1 - 1e-3 * p.tau_syn_inv) if hasattr(state, "i") else None
    return (state.v,) if i is None else (state.v, i)


def _recurrent(v_leak: float, autapses: bool):
    """A recurrent layer between a matrix and another layer, over time: norse's own modules."""
    norse = peer("norse.torch")
    torch.manual_seed(2)
    numbers = {"tau_mem_inv": 200.0, "tau_syn_inv": 300.0, "v_th": 0.4, "v_leak": v_leak}
    p = norse.LIFParameters(**{key: torch.tensor(value) for key, value in numbers.items()})
    recurrent = norse.LIFRecurrent(40, 30, p, autapses=autapses, record_states=True)
    last = norse.LIF(p, record_states=True)
    return norse.SequentialState(_linear(20, 40, 3.0), recurrent, _linear(30, 10, 5.0), last)


def _nir_of_norse(module: torch.nn.Module):
    """norse 1.1's exporter writes cells alone; a recurrent layer is its cell and two matrices (as in `lif_step`)."""
    norse, nir = peer("norse.torch"), peer("nir")
    mapped = peer("norse.torch.utils.export_nir")._extract_norse_module
    if not isinstance(module, norse.LIF | norse.LIFRecurrent):
        return mapped(module)
    size = int(module.hidden_size) if isinstance(module, norse.LIFRecurrent) else 10
    numbers = (module.p.tau_syn_inv, module.p.tau_mem_inv, module.p.v_leak, module.p.v_th, module.p.v_reset)
    cell = mapped(norse.LIFCell(norse.LIFParameters(*(torch.full((size,), float(value)) for value in numbers))))
    if isinstance(module, norse.LIF):
        return cell
    inside, back = (nir.Linear(w.detach().numpy()) for w in (module.input_weights, module.recurrent_weights))
    ends = {"input": nir.Input(np.array([int(module.input_size)])), "output": nir.Output(np.array([size]))}
    edges = [("input", "w_in"), ("w_in", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    return nir.NIRGraph({**ends, "w_in": inside, "lif": cell, "w_rec": back}, edges)


@pytest.mark.parametrize("form", ["flat", "nested"])
@pytest.mark.parametrize("autapses", [False, True])
@pytest.mark.parametrize("v_leak", [0.0, 0.1])
def test_recurrent_norse(v_leak: float, autapses: bool, form: str, tmp_path) -> None:
    """Spikes of a step come back in the next; flat as nirtorch writes graphs in graphs, and nested."""
    nir, net, x = peer("nir"), _recurrent(v_leak, autapses), _inputs(20)
    if form == "flat":
        graph = peer("nirtorch").extract_nir_graph(net, _nir_of_norse, torch.zeros(1, 1, 20), ignore_dims=(0, 1))
        assert ("1.w_rec", "1.lif") in graph.edges
    else:
        nodes = {f"layer{name}": _nir_of_norse(module) for name, module in net.named_children()}
        nodes = {"input": nir.Input(np.array([20])), **nodes, "output": nir.Output(np.array([10]))}
        graph = nir.NIRGraph(nodes, list(itertools.pairwise(nodes)))
    nir.write(tmp_path / "net.nir", graph)
    with torch.no_grad():
        hidden, first = net[1](net[0](torch.from_numpy(x).transpose(0, 1)))
        out, second = net[3](net[2](hidden))
    theirs = [spikes.transpose(0, 1).numpy() for spikes in (hidden, out)]
    states = [
        tuple(part.transpose(0, 1).numpy() for part in _norse_state(state, net[1].p)) for state in (first, second)
    ]
    made = import_network(tmp_path / "net.nir", convention="norse", time_steps=STEPS, fold="affine")
    assert len(made.looped) > 2
    _assert_same(made, theirs, x, states)


# Sinabs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spikes", ["MultiSpike", "SingleSpike"])
@pytest.mark.parametrize("reset", ["MembraneSubtract", "MembraneReset"])
@pytest.mark.parametrize("kind", ["IAF", "LIF"])
def test_sinabs(kind: str, reset: str, spikes: str, tmp_path) -> None:
    sl, activation, nir = peer("sinabs.layers"), peer("sinabs.activation"), peer("nir")
    torch.manual_seed(1)
    options = {"spike_fn": getattr(activation, spikes), "reset_fn": getattr(activation, reset)()}
    options |= {"tau_mem": torch.full((1,), 4.0), "norm_input": False} if kind == "LIF" else {}
    options["record_states"] = True
    first, second = (getattr(sl, kind)(spike_threshold=torch.tensor([theta]), **options) for theta in (1.0, 0.7))
    net = torch.nn.Sequential(_linear(20, 30, 3.0), first, _linear(30, 10, 3.0), second)
    x = _inputs(20)
    with torch.no_grad():
        one = first(net[0](torch.from_numpy(x)))
        theirs = [one.numpy(), second(net[2](one)).numpy()]
    states = [(unit.recordings["v_mem"].numpy(),) for unit in (first, second)]
    graph = peer("sinabs.nir").to_nir(net, torch.from_numpy(x[:1, :1]))
    nir.write(tmp_path / "net.nir", graph)
    made = import_network(
        tmp_path / "net.nir",
        convention="sinabs",
        reset={"MembraneSubtract": "subtract", "MembraneReset": "zero"}[reset],
        max_spikes=65535 if spikes == "MultiSpike" else 1,
        time_steps=STEPS,
        fold="affine",
        input_shape=(20,),
    )
    _assert_same(made, theirs, x, states)


def test_sinabs_convolutions_with_a_least_membrane(tmp_path) -> None:
    sl, nir = peer("sinabs.layers"), peer("nir")
    torch.manual_seed(2)
    units = [sl.IAFSqueeze(batch_size=1, min_v_mem=-1.0) for _ in range(3)]
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, bias=False, padding=1),
        units[0],
        sl.SumPool2d(2),
        torch.nn.Conv2d(4, 6, 3, bias=False),
        units[1],
        torch.nn.Flatten(),
        _linear(24, 10, 2.0),
        units[2],
    )
    graph = peer("sinabs.nir").to_nir(net, torch.zeros(1, 2, 8, 8))
    graph.infer_types()
    nir.write(tmp_path / "net.nir", graph)
    for unit in units:
        unit.reset_states()
    x = _inputs(2, 8, 8)
    theirs = [[], [], []]
    with torch.no_grad():
        for sample in x:
            value = torch.from_numpy(sample)
            index = 0
            for layer in net:
                value = layer(value)
                if layer in units:
                    theirs[index].append(value.numpy())
                    index += 1
            for unit in units:
                unit.reset_states()
    made = import_network(
        tmp_path / "net.nir", convention="sinabs", v_min=-1, time_steps=STEPS, fold="affine", input_shape=(2, 8, 8)
    )
    _assert_same(made, [np.stack(part) for part in theirs], x)
