"""The exported network is the module: spike for spike, output for output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import InputError
from spikesim_py.network import Network, load_network
from training import Float, Integer, Shape, SpikingConvNet, export, load_config, measure_activity
from training.export import adopt
from training.trainer import fit

RECIPES = ("digits-fp", "digits-w1", "digits-w2", "digits-w4", "digits-w8")
SMALL = Shape((2, 6, 6), 3, (3, 4), (2,), 5, 3, "zero")


def _thousand_images() -> np.ndarray:
    images = load_dataset("digits", "train").images
    random = np.random.default_rng(0).integers(0, 32, (1000 - len(images), *images.shape[1:]), dtype=np.uint8)
    return np.concatenate([images, random])


def _random_module(shape: Shape, arithmetic: Float | Integer, seed: int) -> SpikingConvNet:
    """Untrained, with batch norms that let a good part of the units fire."""
    torch.manual_seed(seed)
    module = SpikingConvNet(shape, arithmetic)
    images = torch.randint(0, 2**shape.input_bits, (8, *shape.input_shape)).float()
    for stage in module.stages:
        torch.nn.init.normal_(stage.norm.gamma, 1.0, 0.5)
        torch.nn.init.normal_(stage.norm.beta, 0.3, 0.5)
    module.settle(images)
    return module


def _assert_same(module: SpikingConvNet, network: Network, images: np.ndarray) -> None:
    result = network.run(images, record=True, batch=256)
    outputs, spikes = [], []
    with torch.no_grad():
        for start in range(0, len(images), 256):
            answer = module(torch.from_numpy(images[start : start + 256].astype(np.float32)))
            outputs.append(answer.outputs)
            spikes.append(answer.spikes)
    for index, trains in enumerate(zip(*spikes, strict=True), start=1):
        ours = torch.cat(trains).numpy().astype(bool)
        assert 0 < ours.mean() < 1
        assert np.array_equal(ours, result.trains[f"lif{index}"])
    ours_out = torch.cat(outputs).numpy()
    if network.arithmetic == "integer":
        assert np.array_equal(ours_out, result.outputs)
    else:
        np.testing.assert_allclose(ours_out, result.outputs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RECIPES)
def test_a_trained_network_spikes_as_its_module_on_a_thousand_images(name):
    recipe = load_config(name)
    quick = recipe.model_copy(update={"optimization": recipe.optimization.model_copy(update={"epochs": 2})})
    module, _ = fit(quick)
    _assert_same(module, export(module, name), _thousand_images())


@given(
    seed=st.integers(0, 10_000),
    bits=st.sampled_from([None, (1, 4), (1, 8), (2, 6), (3, 8), (4, 10), (8, 12), (8, 16)]),
    reset=st.sampled_from(["zero", "subtract"]),
    steps=st.integers(1, 6),
    pools=st.sampled_from([(), (1,), (2,), (1, 2)]),
)
@settings(deadline=None, max_examples=25)
def test_any_module_exports_spike_for_spike(seed, bits, reset, steps, pools):
    shape = replace(SMALL, reset=reset, time_steps=steps, pool_after=pools)
    arithmetic = Integer(*bits, 8) if bits else Float()
    module = _random_module(shape, arithmetic, seed)
    images = np.random.default_rng(seed).integers(0, 8, (32, *shape.input_shape), dtype=np.uint8)
    _assert_same(module, export(module, "random"), images)


def test_an_exported_network_survives_its_file(tmp_path):
    module = _random_module(SMALL, Integer(4, 10, 8), 0)
    network = export(module, "small", {"seed": 0}, {"fc": 0.25})
    network.save(tmp_path / "small.safetensors")
    again = load_network(tmp_path / "small.safetensors")
    assert again.model == network.model
    assert all(np.array_equal(again.arrays[name], array) for name, array in network.arrays.items())


def test_adopting_a_float_network_gives_its_membranes_back():
    original = _random_module(SMALL, Float(), 3)
    network = export(original, "teacher")
    images = np.random.default_rng(3).integers(0, 8, (64, *SMALL.input_shape), dtype=np.uint8)
    copy = SpikingConvNet(SMALL, Float())
    adopt(copy, network, images)
    x = torch.from_numpy(images.astype(np.float32))
    with torch.no_grad():
        ours, theirs = copy.eval()(x), original(x)
    for a, b in zip(ours.membranes, theirs.membranes, strict=True):
        assert (a - b).abs().quantile(0.99) < 1e-4


@pytest.mark.parametrize("arithmetic", [Integer(4, 10, 8), Float()])
def test_a_teacher_that_does_not_fit_is_refused(arithmetic):
    other = replace(SMALL, channels=(3, 5))
    teacher = export(_random_module(other, arithmetic, 0), "other")
    images = np.zeros((2, *SMALL.input_shape), dtype=np.uint8)
    with pytest.raises(InputError, match="teacher 'other'"):
        adopt(SpikingConvNet(SMALL, Float()), teacher, images)


def test_activity_agrees_with_counting_by_hand():
    network = export(_random_module(SMALL, Integer(4, 10, 8), 1), "small")
    images = np.random.default_rng(1).integers(0, 8, (5, *SMALL.input_shape), dtype=np.uint8)
    trains = network.run(images, record=True).trains
    pooled = trains["lif2"].reshape(5, 3, 4, 3, 2, 3, 2).sum((4, 6))  # 0 to 4: three planes
    measured = measure_activity(network, Dataset("random", images, np.zeros(5, dtype=np.int64)))
    assert measured["conv1"] == pytest.approx(_rate_by_hand(images[:, None], planes=3))
    assert measured["conv2"] == pytest.approx(_rate_by_hand(trains["lif1"].astype(int), planes=1))
    assert measured["fc"] == pytest.approx(_popcount(pooled) / (pooled.size * 3))


def _popcount(values: np.ndarray) -> int:
    return sum(bin(value).count("1") for value in values.ravel().tolist())


def _rate_by_hand(x: np.ndarray, planes: int) -> float:
    """Ones in every 3 x 3 window of the zero-padded maps over its lines x planes."""
    padded = np.pad(x, [(0, 0)] * 3 + [(1, 1)] * 2)
    height, width = x.shape[3:]
    ones = lines = 0
    for row in range(height):
        for column in range(width):
            window = padded[..., row : row + 3, column : column + 3]
            ones, lines = ones + _popcount(window), lines + window.size
    return ones / (lines * planes)
