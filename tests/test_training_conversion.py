"""Conversion: what an artificial network learns, integrate-and-fire units answer in the mean over time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import training
from spikesim_py.datasets import load_dataset
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.network import Network, build, quantize_network
from training import Float, Integer, Neuron, SpikingNetwork, architecture, export
from training.methods import clip_floor_shift, started
from training.neurons import lif
from training.trainer import fit

LEVELS = 4
INPUT = {"input_shape": (2, 6, 6), "input_bits": 3, "classes": 5}
RECIPE = """\
seed: 1
architecture: {channels: [8, 16], pool_after: [1, 2], time_steps: 8, leak: 1, reset: subtract}
optimization: {epochs: 12, learning_rate: 5.0e-3}
conversion: {levels: 4}
"""

pytestmark = pytest.mark.usefixtures("one_thread")


def uniform(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def blueprint(name: str = "convnet", time_steps: int = LEVELS, channels: tuple[int, ...] = (6, 5)) -> Network:
    options = {"channels": channels, "pool_after": (1,)} if name == "convnet" else {}
    width = 1 if name == "convnet" else 1 / 16
    return architecture(name, options, **INPUT, time_steps=time_steps, leak=1.0, reset="subtract", width=width)


def converted(nodes: Network, images: torch.Tensor, levels: int = LEVELS) -> SpikingNetwork:
    """Untrained, with batch norms whose units are at all levels."""
    torch.manual_seed(0)
    module = SpikingNetwork(nodes, Float(), Neuron(levels=levels))
    with torch.no_grad():
        for norm in module.norms.values():
            torch.nn.init.uniform_(norm.gamma, 0.3, 0.7)
            torch.nn.init.uniform_(norm.beta, 0.2, 0.8)
    module.settle(images)
    return module


def images_of(samples: int, seed: int = 0) -> torch.Tensor:
    drawn = np.random.default_rng(seed).integers(0, 8, (samples, *INPUT["input_shape"]))
    return torch.from_numpy(drawn.astype(np.float32))


@torch.no_grad()
def as_activations(module: SpikingNetwork, images: torch.Tensor) -> torch.Tensor:
    module.analog = True
    outputs = module(images).outputs / module.blueprint.time_steps
    module.eval()
    return outputs


def of_steps(network: Network, time_steps: int) -> Network:
    return build(network.model.model_dump() | {"time_steps": time_steps}, network.arrays)


def accuracy(network: Network) -> float:
    data = load_dataset("digits", "report")
    return float((network.run(data.images).outputs.argmax(1) == data.labels).mean())


# ---- one unit


def test_the_activation_by_hand():
    z = torch.tensor([-1.0, 0.1, 0.125, 0.4, 0.85, 0.88, 9.0])
    assert clip_floor_shift(z, 4).tolist() == [0, 0, 0.25, 0.5, 0.75, 1, 1]


def test_its_slope_is_one_inside_and_zero_outside():
    z = torch.tensor([-0.01, 0.3, 0.65, 1.01]).requires_grad_()
    clip_floor_shift(z, 4).sum().backward()
    assert z.grad.tolist() == [0, 1, 1, 0]


@given(levels=st.integers(1, 12), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_a_unit_fires_at_the_activations_rate_after_as_many_steps_as_levels(levels, seed):
    """With constant input: exactly, away from the edges of the steps."""
    z = 4 * uniform(1, 1, 200, 1, 1, seed=seed) - 2
    edge = (z * levels + 0.5) % 1
    z = z[..., ((edge - edge.round()).abs() > 1e-9).flatten(), :, :]
    one = torch.ones((), dtype=z.dtype)
    spikes, _ = lif(started(z, levels), levels, one, one, "subtract")
    assert torch.allclose(spikes.mean(1), clip_floor_shift(z, levels)[:, 0])


@pytest.mark.parametrize("steps", [1, 2, 8, 64])
def test_its_rate_is_within_half_a_step_and_errs_to_neither_side(steps):
    z, one = uniform(1, 1, 20_000, 1, 1), torch.ones((), dtype=torch.float64)
    spikes, _ = lif(started(z, steps), steps, one, one, "subtract")
    error = spikes.mean(1) - z[:, 0]
    assert error.abs().max() <= 0.5 / steps + 1e-9
    assert abs(float(error.mean())) < 0.01 / steps


# ---- a network


@pytest.mark.parametrize("name", ["convnet", "resnet20", "msresnet18"])
@pytest.mark.parametrize("time_steps", [1, 4, 9])
def test_what_is_exported_spikes_as_the_module(name, time_steps):
    images = images_of(8)
    module = converted(blueprint(name, time_steps), images)
    network = export(module, name)
    assert all(node.v_init == 0.5 for node in network.nodes if node.op == "lif")
    result = network.run(images.numpy().astype(np.uint8), record=True)
    with torch.no_grad():
        answer = module(images)
    for stage, train in zip(answer.stages, answer.spikes, strict=True):
        assert np.array_equal(train.numpy().astype(bool), result.trains[stage]), stage
    np.testing.assert_allclose(answer.outputs.numpy(), result.outputs, rtol=1e-5, atol=1e-5)
    assert 0 < np.mean([train.mean() for train in result.trains.values()]) < 1


def test_one_stage_answers_as_its_activations_after_as_many_steps_as_levels():
    """Its drive is constant, so that the conversion is exact."""
    images = images_of(32)
    module = converted(blueprint(channels=(6,)), images)
    network, want = export(module, "one"), as_activations(module, images)
    answers = {t: of_steps(network, t).run(images.numpy().astype(np.uint8)).outputs / t for t in (2, LEVELS, 7)}
    np.testing.assert_allclose(answers[LEVELS], want.numpy(), rtol=1e-4, atol=1e-5)
    for steps in (2, 7):
        assert np.abs(answers[steps] - want.numpy()).max() > 0.01


def test_deeper_networks_come_near_their_activations_as_time_goes_on():
    """Fine levels, so that the limit of the rates, clip(z, 0, 1), is the activation nearly."""
    images = images_of(32)
    module = converted(blueprint(channels=(6, 5, 4)), images, levels=64)
    network, want = export(module, "deep"), as_activations(module, images).numpy()
    x = images.numpy().astype(np.uint8)
    errors = [float(np.abs(of_steps(network, t).run(x).outputs / t - want).mean()) for t in (2, 8, 32, 128)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.05 * errors[0]


def test_it_trains_as_activations_and_measures_batch_norms_on_them():
    images = images_of(16)
    module = converted(blueprint(), images)
    assert not module.analog
    answer = module.train()(images)
    answer.logits.sum().backward()
    assert module.weights["conv1"].latent.grad.abs().max() > 0
    levels = torch.cat([h.flatten() for h in answer.spikes]) * LEVELS
    assert torch.equal(levels, levels.round())
    assert len(levels.unique()) == LEVELS + 1
    measured = module.norm("norm2").mean.clone()
    module.settle(images)
    assert torch.allclose(module.norm("norm2").mean, measured, atol=1e-5)


# ---- a recipe


def test_a_converted_network_of_digits_loses_less_with_more_time_steps(tmp_path):
    path = tmp_path / "qcfs.yaml"
    path.write_text(RECIPE)
    module, _ = fit(training.load_config(path))
    network, data = export(module, "qcfs"), load_dataset("digits", "report")
    answers = as_activations(module, torch.from_numpy(data.images.astype(np.float32))).argmax(1).numpy()
    own = float((answers == data.labels).mean())
    found = {steps: accuracy(of_steps(network, steps)) for steps in (1, 2, 4, 8, 16)}
    print(f"activations: {own:.2%}; " + ", ".join(f"T = {t}: {share:.2%}" for t, share in found.items()))
    assert own > 0.9
    assert found[1] < found[4] < own + 0.01
    assert found[8] > own - 0.02
    calibration = load_dataset("digits", "calibration").images
    whole = quantize_network(of_steps(network, 8), 8, calibration=calibration)
    assert accuracy(whole) > found[8] - 0.02


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{levels: 4}", "{levels: 0}", "conversion.levels = 0"),
        ("seed: 1", "quantization: {weight_bits: 4, membrane_bits: 8}", "conversion: trains in floats; not with quan"),
        (
            "seed: 1",
            "losses: {rmp: }",
            "conversion: an artificial network learns, without spikes or time-steps; not with ",
        ),
        ("seed: 1", "distillation: {teacher: digits-fp}", "not with losses.logits"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(tmp_path, old, new, message):
    path = tmp_path / "qcfs.yaml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        training.load_config(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("leak: 1, reset: subtract", "", "'qcfs': conversion: node 'lif1': leak = 0.5, reset = 'zero': must be 1"),
        ("reset:", "norm: tebn, reset:", "conversion: learn_leak = False, norm = 'tebn': must be False, and the same"),
        ("reset:", "learn_leak: true, reset:", "conversion: learn_leak = True, norm = 'tdbn'"),
        ("channels: [8, 16], pool_after: [1, 2]", "name: spikformer", "node 'pool3': products and maxima of spikes"),
    ],
)
def test_a_network_that_does_not_convert_is_refused_before_it_trains(tmp_path, old, new, message):
    path = tmp_path / "qcfs.yaml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(InputError) as caught:
        training.train(path, output=tmp_path / "net.safetensors")
    assert message in str(caught.value)


def test_events_do_not_convert():
    nodes = architecture("vgg5", **INPUT, leak=1.0, reset="subtract", width=1 / 16, coding="events")
    with pytest.raises(InputError, match=r"conversion: input.coding = 'events': a unit needs the same input"):
        SpikingNetwork(nodes, Float(), Neuron(levels=4))


def test_integers_are_those_of_the_exported_network():
    with pytest.raises(InputError, match="conversion: trains in floats: quantize the network that it exports"):
        SpikingNetwork(blueprint(), Integer(4, 8), Neuron(levels=4))
