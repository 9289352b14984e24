"""Quantization after training: what is exact stays exact, and every refinement errs less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.datasets import load_dataset
from spikesim_py.network import build, load_network, quantize_network
from spikesim_py.network.rounding import best_scales, compensated, rounded


def _network(weight: np.ndarray, theta: float = 4.0, **unit):
    nodes = [
        {
            "op": "linear",
            "name": "fc",
            "inputs": ["input"],
            "in_features": weight.shape[1],
            "out_features": len(weight),
        },
        {"op": "lif", "name": "lif", "inputs": ["fc"], **unit},
        {"op": "readout", "name": "out", "inputs": ["lif"], "mode": "spike_count"},
    ]
    spec = {"shape": (weight.shape[1], 1, 1), "bits": 1, "coding": "events", "encoder": "every_step"}
    description = {"name": "n", "arithmetic": "float", "time_steps": 30, "input": spec, "nodes": nodes}
    arrays = {"fc.weight": weight.astype(np.float32), "lif.theta": np.array([theta], np.float32)}
    return build(description, arrays)


def _events(inputs: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (5, 30, inputs, 1, 1))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    scale=st.sampled_from([0.125, 0.25, 1.0, 2.0]),
    reset=st.sampled_from(["zero", "subtract", "none"]),
    strict=st.booleans(),
    many=st.booleans(),
)
def test_weights_on_a_grid_are_quantized_without_loss(seed, scale, reset, strict, many) -> None:
    weight = np.random.default_rng(seed).integers(-7, 8, (6, 5)) * scale
    net = _network(weight, 5 * scale, reset=reset, strict=strict, max_spikes=9 if many else 1)
    made = quantize_network(net, 4, per_channel=False)
    x = _events(5, seed)
    np.testing.assert_array_equal(made.run(x).outputs, net.run(x.astype(np.float32)).outputs)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_scales_per_channel_never_lose_more(bits: int) -> None:
    weight = np.random.default_rng(bits).normal(size=(20, 30)) * np.linspace(0.1, 3, 20)[:, None]
    errors = []
    for per_channel in (True, False):
        scales = best_scales(weight, bits, per_channel)
        errors.append(((weight - scales[:, None] * rounded(weight, scales, bits)) ** 2).sum())
    assert errors[0] < errors[1]


def test_compensated_rounding_errs_less_where_inputs_are_alike() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 24)) + 0.1 * rng.normal(size=(500, 24))
    weight, moment = rng.normal(size=(10, 24)), rows.T @ rows
    scales = best_scales(weight, 3, True)
    plain, careful = (
        ((weight - scales[:, None] * integers) @ rows.T)
        for integers in (rounded(weight, scales, 3), compensated(weight, scales, 3, moment))
    )
    assert (careful**2).sum() < 0.5 * (plain**2).sum()


def test_a_bias_makes_up_for_what_rounding_loses_on_average() -> None:
    rng = np.random.default_rng(0)
    net = _network(rng.normal(0.2, 1, (8, 40)), 100.0, reset="none", leak={"multiplier": 0.75})
    x = _events(40)
    membranes = []
    for made in (
        net,
        *(quantize_network(net, 2, calibration=x.astype(np.float32), bias_correction=c) for c in (False, True)),
    ):
        seen = {}
        made.run(x, observer=seen.__setitem__)
        last = next(node.inputs[0] for node in made.nodes if node.op == "lif")
        theta = made.arrays["lif.theta"][0] if made is not net else 100.0
        membranes.append(seen[last].double().numpy().mean((0, 1))[:, 0, 0] / theta * 100.0)
    assert np.abs(membranes[2] - membranes[0]).max() < 0.05
    assert np.abs(membranes[1] - membranes[0]).max() > 0.5


def test_a_trained_network_keeps_its_accuracy() -> None:
    """digits-fp: 0.985; at 3 bits one scale per layer has lost seven points, everything together none."""
    net, calibration, report = (
        load_network("digits-fp"),
        *(load_dataset("digits", s) for s in ("calibration", "report")),
    )

    def accuracy(**options) -> float:
        made = quantize_network(net, 3, **options)
        return float((made.run(report.images).predictions == report.labels).mean())

    plain = accuracy(per_channel=False)
    best = accuracy(calibration=calibration.images, membrane_error=True)
    assert plain < 0.95
    assert best > 0.97


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"weight_bits": 9}, "weight_bits = 9: must be from 1 to 8"),
        ({"weight_bits": 4, "membrane_error": True}, "needs calibration samples"),
        ({"weight_bits": 4, "membrane_bits": 2}, "membrane_bits = 2: must be from 4 to 32"),
    ],
)
def test_wrong_options(options, pattern) -> None:
    with pytest.raises(ValueError, match=pattern):
        quantize_network(_network(np.eye(3)), **options)


def test_integer_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="only float networks with weights quantize"):
        quantize_network(load_network("digits-w4"), 4)


@pytest.mark.parametrize(
    "unit",
    [
        {"leak": {"multiplier": 0.9}, "v_leak": 0.5, "v_reset": -0.5, "reset": "zero", "v_min": -1.0},
        {
            "leak": {"multiplier": 0.9},
            "synapse": {"leak": {"multiplier": 0.7}},
            "reset": "subtract",
            "reset_delay": True,
        },
        {"leak": {"multiplier": 0.8}, "order": "input_first", "refractory": 2, "reset": "zero"},
    ],
)
def test_units_of_any_kind_keep_nearly_all_of_their_spikes(unit) -> None:
    net = _network(np.random.default_rng(0).normal(0.1, 1, (12, 20)), 2.0, **unit)
    x = _events(20)
    ours, theirs = (n.run(x, record=True).trains["lif"] for n in (net, quantize_network(net, 8)))
    assert ours.sum() > 50
    assert (ours != theirs).mean() < 0.02
