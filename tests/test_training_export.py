"""The exported network is the module: spike for spike, output for output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import InputError
from spikesim_py.evaluate import cost
from spikesim_py.network import Network, load_network
from training import Float, Integer, Neuron, SpikingNetwork, architecture, export, load_config, measure_activity
from training.export import adopt, float_module
from training.networks import ARCHITECTURES
from training.norms import NORMS
from training.quantizers import WEIGHTS, Arithmetic
from training.trainer import fit

RECIPES = ("digits-fp", "digits-w1", "digits-w2", "digits-w4", "digits-w8")
INPUT: dict[str, Any] = {"input_shape": (2, 6, 6), "input_bits": 3, "classes": 5}
#: one of every weight quantizer, with what else there is spread over them
INTEGERS = {
    "sign": Integer(1, 8),
    "sign, edges of 8 bits": Integer(1, 1, edge_bits=8),
    "qsnn": Integer(1, 4, weights="qsnn", edge_bits=8),
    "sub_bit": Integer(1, 8, weights="sub_bit", kernel_bits=3, edge_bits=8),
    "mean_step": Integer(4, 10, per_channel=True),
    "lsq": Integer(2, 4, weights="lsq", membranes="learned", per_channel=True),
    "dorefa": Integer(3, 2, weights="dorefa", power_of_two=True),
    "mint": Integer(2, 2, weights="mint", membranes="shared"),
    "mint, membranes of its own": Integer(8, 16, 12, weights="mint", membranes="learned"),
    "sigmoid_sum": Integer(4, 12, weights="sigmoid_sum", per_channel=True),
    "filled": Integer(4, 8, weights="filled", per_channel=True),
}


def small(
    time_steps: int = 3, reset: str = "zero", leak: float = 0.5, name: str = "convnet", **options: Any
) -> Network:
    options = {"channels": (3, 4), "pool_after": (2,)} | options
    return architecture(name, options, **INPUT, time_steps=time_steps, reset=reset, leak=leak)


def random_module(
    blueprint: Network, arithmetic: Arithmetic, seed: int = 0, neuron: Neuron | None = None, norm: str = "tdbn"
) -> SpikingNetwork:
    """Untrained, with batch norms that let a good part of the units fire, and whatever is learned moved a little."""
    torch.manual_seed(seed)
    module = SpikingNetwork(blueprint, arithmetic, neuron, norm)
    with torch.no_grad():
        for kind in module.norms.values():
            torch.nn.init.normal_(kind.gamma, 1.0, 0.5)
            if hasattr(kind, "beta"):
                torch.nn.init.normal_(kind.beta, 0.3, 0.5)
            if hasattr(kind, "p"):
                torch.nn.init.uniform_(kind.p, 0.5, 1.5)
        for parameter in module.methods_parameters():
            parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
    module.settle(torch.from_numpy(images_for(blueprint, 8, seed).astype(np.float32)))
    return module


def images_for(network: Network, samples: int, seed: int = 1) -> np.ndarray:
    spec = network.model.input
    shape = spec.shape if spec.coding == "direct" else (network.time_steps, *spec.shape)
    return np.random.default_rng(seed).integers(0, 2**spec.bits, (samples, *shape), dtype=np.uint8)


def assert_same(module: SpikingNetwork, network: Network, images: np.ndarray) -> float:
    """Every spike of every stage and every output; returns the share of units that fired."""
    result = network.run(images, record=True, batch=256)
    outputs: list[torch.Tensor] = []
    spikes: list[list[torch.Tensor]] = []
    with torch.no_grad():
        for start in range(0, len(images), 256):
            answer = module(torch.from_numpy(images[start : start + 256].astype(np.float32)))
            outputs.append(answer.outputs)
            spikes.append(answer.spikes)
    assert list(answer.stages) == list(result.trains)
    for name, trains in zip(answer.stages, zip(*spikes, strict=True), strict=True):
        assert np.array_equal(torch.cat(trains).numpy().astype(bool), result.trains[name]), name
    ours = torch.cat(outputs).numpy()
    if network.arithmetic == "integer":
        assert np.array_equal(ours, result.outputs)
    else:
        np.testing.assert_allclose(ours, result.outputs, rtol=1e-5, atol=1e-5)
    return float(np.mean([train.mean() for train in result.trains.values()]))


def _thousand_images() -> np.ndarray:
    images = load_dataset("digits", "train").images
    random = np.random.default_rng(0).integers(0, 32, (1000 - len(images), *images.shape[1:]), dtype=np.uint8)
    return np.concatenate([images, random])


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in ("digits-w2", "digits-w8") else []) for name in RECIPES],
)
def test_a_trained_network_spikes_as_its_module_on_a_thousand_images(name):
    recipe = load_config(name)
    quick = recipe.model_copy(update={"optimization": recipe.optimization.model_copy(update={"epochs": 1})})
    module, _ = fit(quick)
    assert 0 < assert_same(module, export(module, name), _thousand_images()) < 1


@given(
    seed=st.integers(0, 10_000),
    bits=st.sampled_from([None, (1, 4), (1, 8), (2, 6), (3, 8), (4, 10), (8, 12), (8, 16), (2, 1), (4, 3)]),
    reset=st.sampled_from(["zero", "subtract"]),
    steps=st.integers(1, 6),
    leak=st.sampled_from([0.5, 0.25, 0.9, 1.0, 0.0]),
    pools=st.sampled_from([(), (1,), (2,), (1, 2)]),
    hidden=st.sampled_from([(), (7,)]),
)
@settings(deadline=None, max_examples=30)
def test_any_convnet_exports_spike_for_spike(seed, bits, reset, steps, leak, pools, hidden):
    blueprint = small(steps, reset, leak, pool_after=pools, hidden=hidden)
    module = random_module(blueprint, Integer(*bits) if bits else Float(), seed)
    assert 0 < assert_same(module, export(module, "random"), images_for(blueprint, 16, seed)) < 1


def _pairs() -> list[Any]:
    """Every architecture with every quantizer; beside the full suite, three of each, so that every one of both runs."""
    table = [(i + j, name, how) for i, name in enumerate(ARCHITECTURES) for j, how in enumerate(["float", *INTEGERS])]
    return [pytest.param(name, how, marks=[pytest.mark.slow] if number % 3 else []) for number, name, how in table]


@pytest.mark.parametrize(("name", "how"), _pairs())
def test_every_architecture_with_every_quantizer_exports_spike_for_spike(name, how):
    if name == "convnet":
        blueprint = small()
    elif name == "sei_convnet":
        blueprint = small(name=name, channels=(4, 4, 8, 6), pool_after=(2,))  # kept, pooled and grown, and averaged
    else:
        size = 32 if name in ("vgg11", "vgg16") else 8
        shape = (3, size, size)
        blueprint = architecture(name, input_shape=shape, input_bits=8, classes=4, time_steps=2, width=1 / 16)
    module = random_module(blueprint, INTEGERS.get(how, Float()))
    network = export(module, name)
    assert 0 < assert_same(module, network, images_for(blueprint, 8)) < 1
    if how == "mean_step":
        assert cost(network, "rram_32nm").tree.energy_pj > 0


@pytest.mark.parametrize("neuron", [Neuron(learn_leak=True), Neuron(decay_input=True), Neuron("atan", True, True)])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("arithmetic", [Float(), Integer(4, 8), Integer(2, 4, weights="lsq", membranes="learned")])
def test_every_neuron_and_norm_exports_spike_for_spike(arithmetic, norm, neuron):
    for reset in ("zero", "subtract"):
        blueprint = small(4, reset)
        module = random_module(blueprint, arithmetic, neuron=neuron, norm=norm)
        network = export(module, "n")
        assert 0 < assert_same(module, network, images_for(blueprint, 16)) < 1
        per_step = [node.per_step for node in network.nodes if node.op == "affine"]
        assert per_step == [NORMS[norm].per_step] * len(per_step)


@pytest.mark.parametrize("arithmetic", [Float(), Integer(4, 8)])
def test_events_export_spike_for_spike(arithmetic):
    blueprint = architecture("vgg5", **INPUT | {"input_bits": 1}, width=1 / 16, coding="events")
    module = random_module(blueprint, arithmetic)
    assert 0 < assert_same(module, export(module, "events"), images_for(blueprint, 16)) < 1


def test_quantization_after_a_warm_up_exports_what_it_starts_from():
    module = SpikingNetwork(small(), Integer(2, 8, weights="lsq"))
    module.quantize(False)
    x = torch.from_numpy(images_for(module.blueprint, 8).astype(np.float32))
    module.settle(x)
    assert export(module, "warm").arithmetic == "float"
    steps = module.methods_parameters()
    with torch.no_grad():
        module.weights["conv1"].latent.mul_(5)
    before = [float(step.detach()) for step in steps]
    module.quantize()
    assert [float(step.detach()) / old for step, old in zip(steps, before, strict=True)] == pytest.approx([5, 1, 1])
    module.settle(x)
    assert_same(module, export(module, "cold"), images_for(module.blueprint, 8))


@pytest.mark.parametrize("name", sorted(name for name, kind in WEIGHTS.items() if kind.most > 1))
@pytest.mark.parametrize("bits", [2, 8])
def test_stored_weights_use_their_bits(name, bits):
    network = export(random_module(small(), Integer(bits, 8, weights=name)), "bits")
    largest = max(int(np.abs(network.weight(layer.name)).max()) for layer in network.layers)
    top = 2 ** (bits - 1) - 1
    assert 0.75 * top <= largest <= top  # learned steps were moved by up to 30 %
    assert {layer.weight_bits for layer in network.layers} == {bits}


def test_sub_bit_weights_are_words_of_a_codebook_and_their_file_says_what_they_need():
    module = random_module(small(channels=(16, 16)), Integer(1, 8, weights="sub_bit", kernel_bits=4))
    network = export(module, "s2nn", {"seed": 0})
    assert len(np.unique(network.weight("conv2").reshape(-1, 9), axis=0)) == 16
    assert {layer.weight_bits for layer in network.layers} == {1}
    assert network.model.metadata == {
        "seed": 0,
        "stored_bits_per_weight": pytest.approx({"conv1": 4 / 9 + 0.5, "conv2": 4 / 9 + 1 / 16, "fc": 1}),
    }
    assert_same(module, network, images_for(module.blueprint, 16))


def test_a_range_of_the_batch_is_refused():
    module = random_module(small(), Integer(4, 4, membranes="batch"))
    one, eight = images_for(small(), 1), images_for(small(), 8)
    with torch.no_grad():
        alone = module(torch.from_numpy(one.astype(np.float32))).membranes[1]
        together = module(torch.from_numpy(np.concatenate([one, eight]).astype(np.float32))).membranes[1]
    assert not torch.equal(alone[0], together[0])  # why no chip can do it
    with pytest.raises(InputError, match="membranes = 'batch': a range that is taken from the current batch"):
        export(module, "batch")


def test_an_exported_network_survives_its_file(tmp_path):
    module = random_module(small(), Integer(4, 1), norm="tebn")
    network = export(module, "small", {"seed": 0}, {"fc": 0.25})
    network.save(tmp_path / "small.safetensors")
    again = load_network(tmp_path / "small.safetensors")
    assert again.model == network.model
    assert all(np.array_equal(again.arrays[name], array) for name, array in network.arrays.items())


def test_adopting_a_float_network_gives_its_membranes_back():
    original = random_module(small(), Float(), 3)
    network, images = export(original, "teacher"), images_for(small(), 64, 3)
    x = torch.from_numpy(images.astype(np.float32))
    with torch.no_grad():
        ours, theirs = float_module(network, images)(x), original(x)
    for a, b in zip(ours.membranes, theirs.membranes, strict=True):
        assert (a - b).abs().quantile(0.99) < 1e-4


@pytest.mark.parametrize("learn_leak", [False, True])
def test_a_teacher_whose_input_decays_teaches_as_its_file_spikes(learn_leak):
    """Its thresholds are not 1: the teacher's are, and its batch norms make up for it."""
    module = random_module(small(), Float(), 3, neuron=Neuron(decay_input=True, learn_leak=learn_leak))
    network, images = export(module, "teacher"), images_for(small(), 64, 3)
    assert all(network.arrays[f"{node.name}.theta"] > 1.5 for node in network.nodes if node.op == "lif")
    x = torch.from_numpy(images.astype(np.float32))
    with torch.no_grad():
        ours, theirs = float_module(network, images)(x), module(x)
    for a, b in zip(ours.membranes, theirs.membranes, strict=True):
        assert (a - b).abs().quantile(0.99) < 1e-4


def test_a_teacher_may_have_more_time_steps():
    network, images = export(random_module(small(4), Float()), "teacher"), images_for(small(), 16)
    student = SpikingNetwork(small(2), Integer(8, 12))
    adopt(student, network, images)
    student.settle(torch.from_numpy(images.astype(np.float32)))
    assert np.array_equal(student.weights["fc"].latent.detach().numpy(), network.weight("fc"))
    assert float_module(network, images).blueprint.time_steps == 4


@pytest.mark.parametrize("arithmetic", [Integer(4, 10), Float()])
def test_a_teacher_that_does_not_fit_is_refused(arithmetic):
    teacher = export(random_module(small(channels=(3, 5)), arithmetic), "other")
    images = np.zeros((2, *INPUT["input_shape"]), dtype=np.uint8)
    with pytest.raises(InputError, match="teacher 'other'"):
        adopt(SpikingNetwork(small(), Float()), teacher, images)


def test_activity_agrees_with_counting_by_hand():
    network = export(random_module(small(), Integer(4, 10), 1), "small")
    images = images_for(network, 5)
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


@pytest.mark.parametrize("neuron", [None, Neuron(learn_leak=True, decay_input=True)])
@pytest.mark.parametrize("exponent", [-30, -12, 14])
def test_ranges_beyond_reason_still_export_spike_for_spike(exponent, neuron):
    """A learned range that training has driven far off: thresholds stay what float32 and int32 hold exactly."""
    blueprint = small(3, "subtract", 0.99)
    module = SpikingNetwork(blueprint, Integer(4, 16, membranes="learned"), neuron)
    with torch.no_grad():
        for memory in module.ranges.values():
            memory.exponent.fill_(exponent)
    images = images_for(blueprint, 8)
    module.settle(torch.from_numpy(images.astype(np.float32)))
    network = export(module, "far")
    assert_same(module, network, images)
    assert all(1 <= network.arrays[f"{node.name}.theta"] <= 2**23 for node in network.nodes if node.op == "lif")


def test_a_bias_beyond_its_word_says_why():
    module = random_module(small(), Integer(4, 8))
    with torch.no_grad():
        module.norms["norm1"].beta.fill_(1e12)
    with pytest.raises(InputError, match=r"node 'norm1': a bias of .* does not fit 32 bits: has training diverged"):
        export(module, "far")


def test_one_bit_in_a_part_of_a_transformer_exports_spike_for_spike():
    for name, pattern in (("spikformer", "*_ffn?"), ("sei_spikformer", "*_ffn?*")):
        blueprint = architecture(name, input_shape=(3, 8, 8), input_bits=8, classes=4, time_steps=2, width=1 / 16)
        module = random_module(blueprint, Integer(4, 8, layer_bits={pattern: 1}))
        network = export(module, name)
        bits = {layer.name: layer.weight_bits for layer in network.layers}
        assert {layer for layer, stored in bits.items() if stored == 1} == {layer for layer in bits if "_ffn" in layer}
        assert 0 < assert_same(module, network, images_for(blueprint, 4)) < 1
