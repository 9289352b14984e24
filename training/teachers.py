"""Who teaches: a float network from a file, or another recipe's network, which is trained first."""

from __future__ import annotations

from collections.abc import Callable

import torch

from spikesim_py.datasets import Dataset
from spikesim_py.errors import InputError
from spikesim_py.network import load_network, zoo

from .config import TrainingConfig, load_config, recipes
from .export import adopt, float_module, wiring
from .module import SpikingNetwork
from .norms import TdBn

#: images that batch norms are measured on: exact for a channel, as each counts T x H x W times
SETTLE_IMAGES = 1024
Follow = Callable[[TrainingConfig], SpikingNetwork]


def find_teacher(name: str, student: SpikingNetwork, data: Dataset, follow: Follow) -> SpikingNetwork:
    """The teacher in eval mode, fixed; a student of its nodes starts with its weights.

    Args:
        name: a network (bundled or file), or else a recipe (bundled or YAML file).
        follow: trains by a recipe.
    """
    if name.endswith((".yaml", ".yml")) or (name in recipes() and name not in zoo()):
        teacher = follow(load_config(name))
        begin_as(student, teacher)
        return fixed(teacher)
    network, images = load_network(name), data.head(min(len(data), SETTLE_IMAGES)).images
    if network.arithmetic != "float":
        raise InputError(f"teacher {name!r} is {network.arithmetic}: a teacher is a float network")
    if _same_nodes(student, network.model.input, wiring(network)):
        adopt(student, network, images)
    return float_module(network, images)


def fixed(teacher: SpikingNetwork) -> SpikingNetwork:
    """In eval mode and without gradients."""
    return teacher.eval().requires_grad_(False)


@torch.no_grad()
def begin_as(student: SpikingNetwork, teacher: SpikingNetwork) -> None:
    """Where both have the same nodes, give the student the teacher's latent weights, batch norms and leaks."""
    if not _same_nodes(student, teacher.blueprint.model.input, wiring(teacher.blueprint)):
        return
    for name in student.weights:
        student.layer(name).latent.copy_(teacher.layer(name).latent)
        student.layer(name).start()
    for ours, theirs in ((student.norms, teacher.norms), (student.units, teacher.units)):
        values = dict(theirs.named_parameters())
        for name, parameter in ours.named_parameters():
            if name in values:
                parameter.copy_(values[name])


def _same_nodes(student: SpikingNetwork, spec: object, nodes: object) -> bool:
    plain = all(isinstance(norm, TdBn) and not norm.per_step for norm in student.norms.values())
    return plain and student.blueprint.model.input == spec and wiring(student.blueprint) == nodes
