"""Architectures: the published layers, any width and input; and what cannot be trained is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from spikesim_py.errors import InputError
from spikesim_py.network import Network, build, load_network
from training import Float, Integer, Neuron, SpikingNetwork, architecture
from training.networks import ARCHITECTURES
from training.units import membrane_groups

CIFAR: dict[str, Any] = {"input_shape": (3, 32, 32), "input_bits": 8, "classes": 10}


def weight_shapes(network: Network) -> list[tuple[int, ...]]:
    return [layer.weight_shape for layer in network.layers]


@pytest.mark.parametrize("name", ["vgg9", "vgg16", "resnet19", "msresnet18"])
def test_at_full_width_an_architecture_is_the_bundled_workload(name):
    ours, bundled = architecture(name, **CIFAR), load_network(f"{name}-cifar10")
    assert weight_shapes(ours) == weight_shapes(bundled)
    assert ours.macs == bundled.macs
    assert [n.name for n in ours.nodes if n.op == "lif"] == [n.name for n in bundled.nodes if n.op == "lif"]


@pytest.mark.parametrize(
    ("name", "weights"), [("vgg5", 8_621_760), ("vgg11", 9_484_992), ("resnet20", 270_896), ("msresnet34", 21_265_088)]
)
def test_weights_at_full_width(name, weights):
    """Counted by hand: MS-ResNet-34 and ResNet-20 are those of the papers plus their convolutional shortcuts."""
    network = architecture(name, **CIFAR)
    assert sum(torch.Size(shape).numel() for shape in weight_shapes(network)) == weights


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"convnet", "sei_convnet"}))
def test_width_scales_every_layer_but_the_ends(name):
    full, half = (weight_shapes(architecture(name, **CIFAR, width=width)) for width in (1.0, 0.5))
    assert half[0][1] == 3
    assert half[-1][0] == 10
    assert [2 * shape[0] for shape in half[:-1]] == [shape[0] for shape in full[:-1]]


def test_inputs_steps_and_neurons_are_free():
    network = architecture(
        "resnet20", input_shape=(2, 24, 20), input_bits=1, classes=7, time_steps=6, coding="events", leak=0.75
    )
    assert (network.time_steps, network.classes, network.model.input.shape) == (6, 7, (2, 24, 20))
    module = SpikingNetwork(network, Float()).train()
    answer = module((torch.rand(4, 6, 2, 24, 20) < 0.3).float())
    assert answer.step_logits.shape == (4, 6, 7)
    assert torch.allclose(answer.logits, answer.step_logits.mean(1))
    assert all(u.shape == s.shape for u, s in zip(answer.membranes, answer.spikes, strict=True))
    assert {float(module.leak(name)) for name in answer.stages} == {0.75}


def test_residual_streams_share_one_membrane_unit():
    groups = membrane_groups(architecture("msresnet18", **CIFAR))
    streams = {groups[name] for name in ("bn1", "s1b1_add", "s1b2_lif1", "s1b2_add", "s2b1_lif1")}
    assert streams == {"bn1"}
    assert groups["s2b1_add"] == groups["s2b1_short_bn"] == groups["s2b2_bn2"] != "bn1"
    assert groups["s1b1_lif2"] == "s1b1_bn1"


def test_a_shortcut_lies_around_every_layer_behind_the_first():
    """Of the drive where the shape stays; else of spikes, channel by channel: few weights, and each output has some."""
    options = {"channels": (4, 4, 6, 3), "pool_after": (2,)}
    network = architecture("sei_convnet", options, **CIFAR)
    found = {node.name: node for node in network.nodes}
    assert found["conv2_sum"].inputs == ("norm2", "norm1")
    shorts = {
        name: (node.inputs, node.groups, node.weight_shape) for name, node in found.items() if name.endswith("_short")
    }
    assert shorts["conv3_short"] == (("pool2",), 2, (6, 2, 1, 1))
    assert shorts["conv4_short"] == (("lif3",), 3, (3, 2, 1, 1))
    assert all(found[f"lif{n}"].inputs == (f"conv{n}_sum",) for n in (2, 3, 4))


def test_the_transformers_feed_forward_layers_have_shortcuts_of_their_own():
    plain, sei = (architecture(name, **CIFAR, width=1 / 8) for name in ("spikformer", "sei_spikformer"))
    groups = membrane_groups(sei)
    for block in range(1, 5):
        assert sei.by_name[f"b{block}_ffn1_lif"].inputs == (f"b{block}_ffn1_sum",)
        assert sei.by_name[f"b{block}_add2"].inputs == (f"b{block}_ffn2_sum", f"b{block}_add1")
        assert groups[f"b{block}_ffn2_short_norm"] == groups["bn5"] != groups[f"b{block}_ffn1_short_norm"]
    layers = {layer.name for layer in sei.layers}
    shorts = layers - {layer.name for layer in plain.layers}
    assert shorts == {f"b{block}_ffn{n}_short" for block in range(1, 5) for n in (1, 2)}
    assert sum(torch.Size(sei.by_name[name].weight_shape).numel() for name in shorts) == 8 * 4 * 48
    module = SpikingNetwork(sei, Integer(4, 8, layer_bits={"*_ffn?*": 1}))
    assert {name for name in module.weights if module.layer(name).quantizer.bits == 1} == {
        name for name in layers if "_ffn" in name
    }


@pytest.mark.parametrize("arithmetic", [Float(), Integer(4, 8), Integer(2, 4, weights="lsq", membranes="learned")])
@pytest.mark.parametrize("name", ["vgg5", "msresnet18", "resnet20"])
def test_every_parameter_gets_a_gradient(name, arithmetic):
    torch.manual_seed(0)
    network = architecture(name, input_shape=(3, 16, 16), input_bits=8, classes=4, width=1 / 8)
    module = SpikingNetwork(network, arithmetic, Neuron("atan", True)).train()
    answer = module(torch.randint(0, 256, (8, 3, 16, 16)).float())
    (answer.logits.square().sum() + sum(u.square().mean() for u in answer.membranes)).backward()
    for found, parameter in module.named_parameters():
        assert parameter.grad is not None, found
        assert torch.isfinite(parameter.grad).all(), found
        assert parameter.grad.abs().sum() > 0, found


def test_training_mode_and_eval_mode_agree_on_the_batch_they_saw():
    """Channels last or first, batch statistics or stored ones: the same integers."""
    torch.manual_seed(0)
    network = architecture("msresnet18", input_shape=(3, 16, 16), input_bits=8, classes=4, width=1 / 8)
    module, x = SpikingNetwork(network, Integer(4, 8)), torch.randint(0, 256, (8, 3, 16, 16)).float()
    with torch.no_grad():
        module.settle(x)
        settled = module(x)
        trained = module.train()(x)
    for ours, theirs in zip(settled.spikes, trained.spikes, strict=True):
        assert torch.equal(ours, theirs)


def chain(*nodes: dict[str, Any]) -> Network:
    shape = {"name": "x", "arithmetic": "float", "time_steps": 2, "input": {"shape": (1, 2, 2), "bits": 1}}
    every = [one("conv", "conv", "input"), *nodes, one("readout", "out", nodes[-1]["name"])]
    return build(shape | {"nodes": every}, {})


def one(op: str, name: str, *inputs: str) -> dict[str, Any]:
    size = {"in_channels": 1, "out_channels": 1, "kernel": (1, 1)} if op == "conv" else {}
    return {"op": op, "name": name, "inputs": inputs} | size


NORM = one("affine", "norm", "conv")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (chain(one("lif", "l", "conv")), "node 'l': LIF units to be trained read"),
        (chain(NORM, one("lif", "l", "norm"), one("add", "a", "norm", "l")), "node 'a': adds membrane drives to other"),
        (chain(NORM, one("pool", "p", "norm"), one("conv", "c", "p")), "node 'c': reads 'p', a membrane drive"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(network, message):
    with pytest.raises(InputError, match=message):
        SpikingNetwork(network, Float())


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"arithmetic": Integer(9, 8, weights="lsq")}, "weights = 'lsq': weight_bits = 9: must be 2 to 8"),
        ({"arithmetic": Integer(4, 8, weights="lsg")}, "weights = 'lsg': unknown; did you mean 'lsq'"),
        ({"arithmetic": Integer(4, 8, membranes="shared")}, "membranes = 'shared': needs weights = 'mint'"),
        ({"neuron": Neuron("atom")}, "surrogate = 'atom': unknown"),
        ({"norm": "bnt"}, "norm = 'bnt': unknown; did you mean 'bntt'"),
    ],
)
def test_unknown_methods_are_refused(how, message):
    with pytest.raises(InputError, match=message):
        SpikingNetwork(architecture("vgg5", **CIFAR, width=1 / 32), **{"arithmetic": Float()} | how)


def test_unknown_and_too_small_are_refused():
    with pytest.raises(InputError, match="did you mean 'vgg16'"):
        architecture("vgg61", **CIFAR)
    with pytest.raises(InputError, match="'vgg16': an input of 16 x 16 pixels is too small: pool13"):
        architecture("vgg16", **CIFAR | {"input_shape": (3, 16, 16)})
    with pytest.raises(InputError, match=r"leak = 1\.0: must be below 1"):
        SpikingNetwork(architecture("vgg5", **CIFAR, width=1 / 32, leak=1.0), Float(), Neuron(decay_input=True))
