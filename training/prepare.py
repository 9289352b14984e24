"""What must fit before training begins: the data, the untrained network, what its teacher sees, its chip."""

from __future__ import annotations

import torch

from spikesim_py.datasets import Dataset, class_count, load_dataset
from spikesim_py.datasets.request import parse
from spikesim_py.errors import InputError
from spikesim_py.mapping import map_network
from spikesim_py.network import Network

from .config import TrainingConfig
from .export import export
from .hardware_aware import Crossbars
from .loop import pixels
from .module import SpikingNetwork
from .networks import architecture
from .objective import Objective
from .pruning import Pruner
from .teachers import fixed, seen_by
from .terms import Seen


def training_data(recipe: TrainingConfig) -> Dataset:
    return load_dataset(recipe.dataset, "train", recipe.samples, steps=recipe.architecture.time_steps)


def module_of(recipe: TrainingConfig, data: Dataset) -> SpikingNetwork:
    """An untrained network; raises `InputError` where the recipe's names do not fit its layers."""
    blueprint = blueprint_of(recipe, data)
    try:
        module = SpikingNetwork(blueprint, recipe.arithmetic, recipe.neuron, recipe.architecture.norm)
        if recipe.pruning is not None:
            Pruner(module, recipe.pruning)  # what cannot be pruned is refused now, and checkpoints find their masks
    except InputError as error:
        raise InputError(f"recipe {recipe.name!r}: {error}") from None
    return module


def blueprint_of(recipe: TrainingConfig, data: Dataset) -> Network:
    wanted, shape = recipe.architecture, data.images.shape
    events = len(shape) == 5
    if events and shape[1] != wanted.time_steps:
        raise InputError(
            f"recipe {recipe.name!r}: architecture.time_steps = {wanted.time_steps}: {data.name} has {shape[1]} frames"
        )
    channels, height, width = shape[-3:]
    try:
        return architecture(
            wanted.name,
            wanted.options,
            input_shape=(channels, height, width),
            input_bits=int(data.images.max()).bit_length(),
            classes=class_count(recipe.dataset) if recipe.samples else int(data.labels.max()) + 1,
            time_steps=wanted.time_steps,
            leak=wanted.leak,
            reset=wanted.reset,
            width=wanted.width,
            coding="events" if events else "direct",
        )
    except InputError as error:
        raise InputError(f"recipe {recipe.name!r}: {error}") from None


def frames_for(recipe: TrainingConfig, ours: Network, theirs: Network, data: Dataset) -> Dataset:
    """The data as the teacher takes them; raises `InputError` if it cannot see what the student sees."""
    spec = ours.model.input
    events = spec.coding == "events"
    if (spec.model_copy(update={"bits": theirs.model.input.bits}) if events else spec) != theirs.model.input:
        raise InputError(f"recipe {recipe.name!r}: teacher {theirs.name!r} takes other inputs than the student")
    if events and ours.time_steps != theirs.time_steps and not parse(recipe.dataset).dt_us:
        for name, term in recipe.terms.items():
            if getattr(term, "match", None) == "first":
                raise InputError(
                    f"recipe {recipe.name!r}: losses.{name}.match = 'first': of {theirs.time_steps} frames of the "
                    f"teacher, the first {ours.time_steps} are another time than the student's; must be mean or strided"
                )
    return seen_by(theirs, recipe, data)


def crossbars_for(recipe: TrainingConfig, module: SpikingNetwork) -> Crossbars | None:
    """The crossbars to train through."""
    if recipe.hardware is None:
        return None
    network, hardware = export(module, recipe.name), recipe.hardware.load()
    map_network(network, hardware)  # a network that does not fit the chip is refused now, not after hours
    return Crossbars(network, hardware, seed=recipe.seed, chips=recipe.hardware.chips)


@torch.no_grad()
def rehearse(recipe: TrainingConfig, module: SpikingNetwork, data: Dataset, other: TrainingConfig) -> None:
    """One small batch beside an untrained teacher: what cannot be is refused before the teacher trains for hours.

    Changes nothing, and draws no random numbers.
    """
    with torch.random.fork_rng(devices=[]):
        teacher = fixed(module_of(other, training_data(other)))
        frames = frames_for(recipe, module.blueprint, teacher.blueprint, data)
        crossbars_for(recipe, module)
        try:
            objective = Objective(recipe.terms, module, teacher)
            ours, theirs = (
                network(pixels(seen.head(min(2, len(seen)))))
                for network, seen in ((module.eval(), data), (teacher, frames))
            )
            objective(Seen(ours, theirs, torch.from_numpy(data.labels[:2].copy())), 1, recipe.optimization.epochs)
        except InputError as error:
            raise InputError(f"recipe {recipe.name!r}: {error}") from None
