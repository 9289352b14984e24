"""The NIR authors' own small files, `lif_norse.nir` and `two_lif_neurons.nir`, follow the solution of their equations.

Node by node, with the same numbers, as in github.com/neuromorphs/NIR (BSD-3), versions 0.1.1 and 0.2.0 of the format:
without v_reset, dt or metadata. ``tau dv/dt = v_leak - v + r I`` with constant I has, from 0 on,
``v(t) = (v_leak + r I) (1 - exp(-t / tau))``, and spikes every ``tau ln(u / (u - v_threshold))``, u = v_leak + r I.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from importer_files import write_nir
from unit_states import unit_states

from spikesim_py.importers import import_network
from spikesim_py.network import Network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")


def _lif(tau: float, v_leak: float, v_threshold: float) -> dict[str, Any]:
    numbers = {"tau": tau, "r": 1.0, "v_leak": v_leak, "v_threshold": v_threshold}
    return {"type": "LIF"} | {key: np.array([value]) for key, value in numbers.items()}


ONE, SIZE = np.ones((1, 1), np.float32), np.array([1])
LIF_NORSE = {
    "input": {"type": "Input", "shape": SIZE},
    "0": {"type": "Affine", "weight": ONE, "bias": np.zeros(1, np.float32)},
    "1": _lif(0.0025, 0.0, 0.1),
    "output": {"type": "Output", "shape": SIZE},
}
TWO_LIF = {
    "in": {"type": "Input", "shape": SIZE},
    "linear1": {"type": "Linear", "weight": ONE},
    "lif1": _lif(0.01, 1.2, 1.0),
    "linear2": {"type": "Linear", "weight": ONE},
    "lif2": _lif(0.01, 0.0, 20.0),
    "out": {"type": "Output", "shape": SIZE},
}


def _network(folder: Path, nodes: dict[str, Any], steps: int, **options: Any) -> Network:
    path = write_nir(folder / "net.nir", nodes, list(itertools.pairwise(nodes)))
    return import_network(path, time_steps=steps, **options)


def _response(net: Network, current: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Spikes and membranes (T,) of every unit under a constant current."""
    x = np.full((1, net.time_steps, 1, 1, 1), current, np.float32)
    trains, states = net.run(x, record=True).trains, unit_states(net, x)
    return [train.ravel() for train in trains.values()], [parts[0].ravel() for parts in states.values()]


@pytest.mark.parametrize(
    ("nodes", "tau", "v_leak", "theta", "current"),
    [(LIF_NORSE, 0.0025, 0.0, 0.1, 1), (TWO_LIF, 0.01, 1.2, 1.0, 0), (TWO_LIF, 0.01, 1.2, 1.0, 1)],
    ids=["lif_norse", "two_lif_neurons", "two_lif_neurons with input"],
)
def test_the_first_unit(nodes: Any, tau: float, v_leak: float, theta: float, current: int, tmp_path: Path) -> None:
    """Exact at every step by the exponential rule: a spike at the first step beyond the period, then the same again."""
    top = v_leak + current
    period = tau * np.log(top / (top - theta))
    dt, steps = period / 99.5, 500
    net = _network(tmp_path, nodes, steps, dt=dt, decay="exponential", reset="zero")
    (spikes, *_), (v, *_) = _response(net, current)
    assert np.flatnonzero(spikes).tolist() == [99, 199, 299, 399, 499]
    since = (np.arange(steps) + 1) % 100
    np.testing.assert_allclose(v, top * (1 - np.exp(-since * dt / tau)), rtol=1e-4, atol=1e-6)


def test_eulers_rule_converges_to_it_by_its_first_order(tmp_path: Path) -> None:
    """Half the step, half the error, at v(tau / 50)."""
    errors = []
    for steps in (8, 16, 32):
        net = _network(tmp_path, LIF_NORSE, steps, dt=0.0025 / 50 / steps, decay="euler", reset="zero")
        _, (v,) = _response(net, 1)
        errors.append(v[-1] - (1 - np.exp(-1 / 50)))
    assert errors == sorted(errors, reverse=True)
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, rtol=0.05)


def test_the_second_unit_sums_the_answers_to_the_first_ones_spikes(tmp_path: Path) -> None:
    """A spike is a current of 1 for one step; each leaves (1 - exp(-dt / tau)) exp(-t / tau), far below 20."""
    tau, dt, steps = 0.01, 1e-4, 1000
    net = _network(tmp_path, TWO_LIF, steps, dt=dt, decay="exponential", reset="zero")
    (first, second), (_, v) = _response(net, 1)
    assert first.sum() > 10
    assert not second.any()
    left = (1 - np.exp(-dt / tau)) * np.exp(-np.arange(steps) * dt / tau)
    np.testing.assert_allclose(v, np.convolve(first, left)[:steps], rtol=1e-4, atol=1e-6)
