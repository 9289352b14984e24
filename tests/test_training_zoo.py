"""The trained files that ship: what their metadata says is what they do."""

from __future__ import annotations

import pytest

from spikesim_py.datasets import load_dataset
from spikesim_py.network import load_network, zoo
from training import TrainingConfig, finish, fit, load_config, measure_activity

BITS = {"digits-fp": 32, "digits-w1": 1, "digits-w2": 2, "digits-w4": 4, "digits-w8": 8}
#: weight bits of the quarter-width VGG9s; first and last layer of few bits keep 8
CIFAR = {"w1u4": {1, 8}, "w2u4": {2, 8}, "w4u4": {4}, "w4u8": {4}, "w4u8-noise": {4}, "w8u8": {8}}


def test_all_five_ship():
    assert set(zoo()) >= set(BITS)


@pytest.mark.parametrize("name", BITS)
def test_a_file_reaches_exactly_the_accuracy_it_states(name):
    network, report = load_network(name), load_dataset("digits", "report")
    metadata = network.model.metadata
    right = int((network.run(report.images).predictions == report.labels).sum())
    assert (right, len(report)) == (metadata["test_correct"], metadata["test_samples"])
    assert right / len(report) == metadata["test_accuracy"]
    assert metadata["test_accuracy"] >= (0.975 if name == "digits-fp" else 0.93)


@pytest.mark.parametrize("name", BITS)
def test_a_file_describes_itself(name):
    network = load_network(name)
    metadata = network.model.metadata
    assert network.name == name
    assert metadata["weight_bits"] == BITS[name]
    assert metadata["dataset"] == "digits"
    assert metadata["command"] == f"spikesim train {name}"
    assert TrainingConfig(**metadata["recipe"]) == load_config(name)
    assert metadata["seed"] == metadata["recipe"]["seed"]
    if name != "digits-fp":
        assert network.arithmetic == "integer"
        assert {layer.weight_bits for layer in network.layers} == {BITS[name]}


@pytest.mark.parametrize("name", BITS)
def test_a_file_stores_the_activity_of_the_calibration_split(name):
    network = load_network(name)
    measured = measure_activity(network, load_dataset("digits", "calibration"))
    assert network.model.activity == pytest.approx(measured)
    assert set(measured) == {"conv1", "conv2", "conv3", "fc"}


@pytest.mark.parametrize(
    ("name", "dataset", "images", "bits"),
    [
        *((f"cifar10-vgg9-quarter-{kind}", "cifar10", "CIFAR-10 (JPEG)", bits) for kind, bits in CIFAR.items()),
        ("mnist-w4", "mnist", "mnist", {4}),
    ],
)
def test_a_network_whose_data_do_not_ship_describes_itself(name, dataset, images, bits):
    """What it answers there is measured by `benchmarks.zoo`."""
    network = load_network(name)
    metadata = network.model.metadata
    assert TrainingConfig(**metadata["recipe"]) == load_config(network.name)
    assert (metadata["dataset"], metadata["images"]) == (dataset, images)
    assert metadata["test_accuracy"] == metadata["test_correct"] / metadata["test_samples"]
    assert {layer.weight_bits for layer in network.layers} == bits
    assert set(network.model.activity) == {layer.name for layer in network.layers}


def test_every_bit_width_is_the_same_network():
    shapes = {tuple(layer.weight_shape for layer in load_network(name).layers) for name in BITS}
    assert shapes == {((16, 1, 3, 3), (32, 16, 3, 3), (64, 32, 3, 3), (10, 256))}


@pytest.mark.slow
@pytest.mark.parametrize("name", BITS)
def test_training_again_gives_the_network_that_ships(name):
    """Within 1.5 points: float32 sums differ between machines, and with how later versions order them."""
    recipe = load_config(name)
    again = finish(fit(recipe)[0], recipe, "test")
    assert again.model.metadata["test_accuracy"] == pytest.approx(
        load_network(name).model.metadata["test_accuracy"], abs=0.015
    )
