"""Who teaches: a float network from a file, or another recipe's network, which is trained first."""

from __future__ import annotations

from collections.abc import Callable

import torch

from spikesim_py.datasets import Dataset, network_data
from spikesim_py.errors import InputError
from spikesim_py.importers import load_network
from spikesim_py.network import Network, zoo

from .config import TrainingConfig, load_config, recipes
from .export import adopt, float_module, same_architecture
from .module import SpikingNetwork
from .norms import TdBn

#: images that batch norms are measured on: exact for a channel, as each counts T x H x W times
SETTLE_IMAGES = 1024
Follow = Callable[[TrainingConfig], SpikingNetwork]


def find_teacher(recipe: TrainingConfig, student: SpikingNetwork, data: Dataset, follow: Follow) -> SpikingNetwork:
    """The recipe's teacher in eval mode, fixed; a student of its nodes starts with its weights.

    Args:
        data: what the student is trained on.
        follow: trains by a recipe.
    """
    assert recipe.distillation is not None
    name = recipe.distillation.teacher
    if (stage := recipe_of(name)) is not None:
        teacher = follow(stage)
        begin_as(student, teacher)
        return fixed(teacher)
    network = load_network(name)
    if network.arithmetic != "float":
        raise InputError(f"teacher {name!r} is {network.arithmetic}: a teacher is a float network")
    images = seen_by(network, recipe, data).images[:SETTLE_IMAGES]
    if _same_nodes(student, network):
        adopt(student, network, images)
    return float_module(network, images)


def recipe_of(name: str) -> TrainingConfig | None:
    """The recipe of this name (bundled or YAML file); None if it names a network."""
    return load_config(name) if name.endswith((".yaml", ".yml")) or (name in recipes() and name not in zoo()) else None


def seen_by(teacher: Network, recipe: TrainingConfig, data: Dataset) -> Dataset:
    """Training data as a teacher takes them: events come in its own number of frames, images as they are."""
    spec, frames = teacher.model.input, data.images
    if spec.coding != "events" or (teacher.time_steps == frames.shape[1] and frames.max() < 2**spec.bits):
        return data
    return network_data(teacher, recipe.dataset, "train", recipe.samples)


def fixed(teacher: SpikingNetwork) -> SpikingNetwork:
    """In eval mode and without gradients."""
    return teacher.eval().requires_grad_(False)


@torch.no_grad()
def begin_as(student: SpikingNetwork, teacher: SpikingNetwork) -> None:
    """Where both have the same nodes, give the student the teacher's latent weights, batch norms and leaks."""
    if not (_same_nodes(student, teacher.blueprint) and _plain(teacher)):
        return
    for name in student.weights:
        student.layer(name).latent.copy_(teacher.layer(name).kept())
        student.layer(name).start()
    for ours, theirs in ((student.norms, teacher.norms), (student.units, teacher.units)):
        values = dict(theirs.named_parameters())
        for name, parameter in ours.named_parameters():
            if name in values:
                parameter.copy_(values[name])


def _same_nodes(student: SpikingNetwork, teacher: Network) -> bool:
    return _plain(student) and same_architecture(student.blueprint, teacher)


def _plain(module: SpikingNetwork) -> bool:
    """Whether its batch norms have no parameters per time-step."""
    return all(isinstance(norm, TdBn) and not norm.per_step for norm in module.norms.values())
