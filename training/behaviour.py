"""What the units of a run's network do, beside those of its teacher: membranes, firing rates, fidelity.

Both are taken as they stand in the run's checkpoints (the best so far, where training has patience), in exact
arithmetic, on the first images of the calibration split. Batch norms are measured on the training split, as they are
when training ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikesim_py.datasets import Dataset, network_data
from spikesim_py.errors import InputError

from . import checkpoint as checkpoints
from .augment import shifted
from .config import TrainingConfig
from .fidelity import Fidelity, Record, dead_share, fidelity
from .loop import pixels
from .module import SpikingNetwork
from .prepare import module_of, training_data
from .teachers import SETTLE_IMAGES, find_teacher, fixed
from .trainer import teachers_checkpoint

#: images whose records are kept; bins of a histogram
IMAGES, BINS = 200, 60
#: values of one record, at most: 200 MB of float32
_MOST = 50_000_000


@dataclass(frozen=True)
class Histogram:
    """Membranes before the reset, in thresholds: shares of all values in equal bins of `low` to `high`."""

    low: float
    high: float
    student: tuple[float, ...]
    teacher: tuple[float, ...] | None


@dataclass(frozen=True)
class Behaviour:
    """What the units of a network and of its teacher do on the same images.

    Attributes:
        epoch: of the student's checkpoint. images: how many were shown. data: data set and split.
        rates, dead: of every stage, mean spikes per unit and time-step, and the share of units that never fire: of
            the student, and of the teacher if there is one.
        membranes: of every stage.
        fidelity: stage to its fidelity, where the two can be compared.
        note: why they cannot, or what else to know.
    """

    epoch: int
    images: int
    data: str
    rates: Mapping[str, tuple[float, float | None]]
    dead: Mapping[str, tuple[float, float | None]]
    membranes: Mapping[str, Histogram]
    fidelity: Mapping[str, Fidelity]
    note: str


def behaviour(recipe: TrainingConfig, checkpoint: Path, images: int = IMAGES) -> Behaviour:
    """Look into a run, at work or ended.

    Raises:
        InputError: the checkpoint is missing, damaged, or another recipe's; the data or the teacher are not here.
    """
    data = training_data(recipe)
    module, teacher, epoch = _standing(recipe, checkpoint, data)
    shown = network_data(module.blueprint, recipe.dataset, "calibration")
    shown = shown.head(min(images, len(shown)))
    ours = _records(module, shown)
    theirs = _records(teacher, _as_seen(teacher, recipe, shown)) if teacher is not None else {}
    compared, why = _compared(ours, theirs)
    notes = [why] if why else []
    if recipe.optimization.patience is not None:
        notes.append("the best network so far")
    if recipe.hardware is not None:
        notes.append(
            f"trained through {recipe.hardware.chip}: shown in exact arithmetic, with batch norms measured there"
        )
    stages = {name: (record, theirs.get(name)) for name, record in ours.items()}
    return Behaviour(
        epoch,
        len(shown),
        shown.name,
        {name: (_rate(a), None if b is None else _rate(b)) for name, (a, b) in stages.items()},
        {name: (dead_share(a.spikes), None if b is None else dead_share(b.spikes)) for name, (a, b) in stages.items()},
        {name: _histogram(a.membranes, None if b is None else b.membranes) for name, (a, b) in stages.items()},
        compared,
        "; ".join(notes),
    )


def _standing(
    recipe: TrainingConfig, checkpoint: Path, data: Dataset
) -> tuple[SpikingNetwork, SpikingNetwork | None, int]:
    """A run's network in eval mode, its teacher, and how many epochs it has had."""
    state = checkpoints.load(checkpoint, recipe)
    if state is None:
        raise InputError(f"{checkpoint.name}: there is no such checkpoint: nothing has been trained yet")
    module = module_of(recipe, data)

    def follow(other: TrainingConfig) -> SpikingNetwork:
        return _standing(other, teachers_checkpoint(checkpoint), training_data(other))[0]

    teacher = find_teacher(recipe, module, data, follow) if recipe.distillation is not None else None
    with checkpoints.reading(checkpoint.name):
        epochs, random = len(state["history"]), torch.as_tensor(state["random"])
        module.load_state_dict(state["module"] if state["best"] is None else state["best"])
        module.quantized = bool(state["quantized"])
    with torch.random.fork_rng(devices=[]):
        now = torch.get_rng_state()
        if (random.shape, random.dtype) == (
            now.shape,
            now.dtype,
        ):  # a GPU's is another: then up to a shift of the images
            torch.set_rng_state(random)
        module.settle(shifted(pixels(data)[:SETTLE_IMAGES], recipe.optimization.shift_pixels))
    return fixed(module), teacher, epochs


def _as_seen(teacher: SpikingNetwork, recipe: TrainingConfig, shown: Dataset) -> Dataset:
    """The same images as the teacher takes them: events in its own number of frames."""
    spec = teacher.blueprint.model.input
    if spec.coding != "events" or teacher.blueprint.time_steps == shown.images.shape[1]:
        return shown
    return network_data(teacher.blueprint, recipe.dataset, "calibration").head(len(shown))


@torch.no_grad()
def _records(module: SpikingNetwork, data: Dataset) -> dict[str, Record]:
    """Stage to what it did; fewer images where there are many units."""
    sizes = sum(edge.size for name, edge in module.blueprint.edges.items() if name in module.units)
    most = max(1, _MOST // max(sizes * module.blueprint.time_steps, 1))
    answer = module(pixels(data)[:most])
    made = zip(answer.stages, answer.spikes, answer.membranes, strict=True)
    return {name: Record(spikes.numpy(), membranes.numpy()) for name, spikes, membranes in made}


def _compared(ours: Mapping[str, Record], theirs: Mapping[str, Record]) -> tuple[dict[str, Fidelity], str]:
    if not theirs:
        return {}, "it has no teacher to be held against"
    try:
        return fidelity(ours, theirs), ""
    except InputError as error:
        return {}, f"no fidelity: {error}"


def _rate(record: Record) -> float:
    return float(record.spikes.mean())


def _histogram(student: NDArray[Any], teacher: NDArray[Any] | None) -> Histogram:
    """Between the outermost thousandths of both; what lies beyond counts in the outermost bins."""
    both = np.concatenate([part.ravel() for part in (student, teacher) if part is not None])
    low, high = (float(edge) for edge in np.quantile(both, [0.001, 0.999]))
    low, high = min(low, 0.0), max(high, 1.2)

    def shares(values: NDArray[Any]) -> tuple[float, ...]:
        counts = np.histogram(np.clip(values, low, high), BINS, (low, high))[0]
        return tuple((counts / values.size).tolist())

    return Histogram(low, high, shares(student), None if teacher is None else shares(teacher))
