"""The training loop: seeded, single-threaded, deterministic; and the one call that does everything."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from spikesim_py import __version__
from spikesim_py._files import write_atomic
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import InputError
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, load_network

from . import losses
from .activity import measure_activity
from .config import Distillation, TrainingConfig, load_config, recipes
from .export import adopt, export, float_module
from .hardware_aware import Crossbars
from .module import SpikingNetwork
from .networks import architecture
from .running import Answer

Tensor = torch.Tensor
_SETTLE_IMAGES = 1024  # enough for exact statistics of a channel: each image counts T x H x W times
_REPORT_CHIPS = 8
_SETTLE_CHIPS = 32  # a channel's mean and variance are to be those of the chip, not of one device instance


@dataclass(frozen=True)
class Epoch:
    """One pass over the training split: mean losses (before their weights) and accuracy while training.

    From `hardware.start_epoch` on, they are those of the network on device instances of the chip.
    """

    epoch: int
    epochs: int
    learning_rate: float
    task_loss: float
    logits_loss: float
    membrane_loss: float
    train_accuracy: float


Progress = Callable[[Epoch], None]


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Attributes:
        path: where the network was saved.
        network: the exported network.
        accuracy: its share of right answers on the report split, in exact arithmetic.
        chip_accuracy: the same on the chip that it was trained through, mean over 8 device instances; None without.
        history: one record per epoch.
    """

    path: Path
    network: Network
    accuracy: float
    chip_accuracy: float | None
    history: tuple[Epoch, ...]


def train(
    config: str | Path | TrainingConfig,
    *,
    output: str | Path | None = None,
    log: str | Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train a network by a recipe and save it.

    Only the `train` split is learnt from, and the last epoch's network is the one kept. The stored accuracy
    is that of the exported network on the reference executor, on the `report` split; the stored activity is
    measured on the `calibration` split. A recipe with `hardware` gives a network for that chip: batch norms hold
    what its sums are there, so that it is better on the chip than in exact arithmetic.

    Args:
        config: bundled recipe, YAML file or `TrainingConfig`.
        output: `.safetensors` file to write; default is the recipe's name in the current folder.
        log: CSV file to write, one line per epoch.
        progress: called after every epoch.

    Raises:
        InputError: the recipe, its dataset or its teacher cannot be used.
    """
    recipe = load_config(config)
    module, history = fit(recipe, progress)
    if log is not None:
        write_atomic(log, _table(history))
    network = finish(module, recipe, _command(config))
    path = Path(output) if output is not None else Path(f"{recipe.name}.safetensors")
    network.save(path)
    metadata = network.model.metadata
    return Trained(path, network, metadata["test_accuracy"], metadata.get("chip_accuracy"), history)


def fit(recipe: TrainingConfig, progress: Progress | None = None) -> tuple[SpikingNetwork, tuple[Epoch, ...]]:
    """The trained module, in eval mode, and its history."""
    data = load_dataset(recipe.dataset, "train")
    with deterministic(recipe.seed):
        blueprint = _blueprint(recipe, data)
        module = SpikingNetwork(blueprint, recipe.arithmetic, recipe.neuron, recipe.architecture.norm)
        teacher = _teacher(recipe.distillation, module, data)
        crossbars = _crossbars(recipe, module)
        history = tuple(_epochs(module, teacher, crossbars, recipe, data, progress or (lambda epoch: None)))
        sample = _pixels(data.head(min(len(data), _SETTLE_IMAGES)))
        if crossbars is not None:
            crossbars.chips = _SETTLE_CHIPS
        module.settle(shifted(sample, recipe.optimization.shift_pixels))  # as it was trained
        module.product = None
    return module, history


@torch.no_grad()
def finish(module: SpikingNetwork, recipe: TrainingConfig, command: str) -> Network:
    """The exported network with its measured accuracy, activity and origin in the description."""
    network = export(module, recipe.name)
    report = load_dataset(recipe.dataset, "report")
    correct = int((network.run(report.images).predictions == report.labels).sum())
    activity = measure_activity(network, load_dataset(recipe.dataset, "calibration"))
    bits, chip = recipe.quantization, recipe.hardware
    metadata = {
        "dataset": recipe.dataset,
        "weight_bits": bits.weight_bits if bits else 32,
        "membrane_bits": bits.membrane_bits if bits else 32,
        "seed": recipe.seed,
        "test_accuracy": correct / len(report),
        "test_correct": correct,
        "test_samples": len(report),
        "test_split": "report",
        "activity_split": "calibration",
        "command": command,
        "recipe": recipe.model_dump(mode="json"),
        "made_with": {"spikesim_py": __version__, "torch": torch.__version__, "numpy": np.__version__},
    }
    if chip is not None:
        right = simulate(network, chip.load(), report, chips=_REPORT_CHIPS).correct
        metadata |= {"chip_accuracy": float(right.mean()), "chip_instances": _REPORT_CHIPS}
    return export(module, recipe.name, metadata, activity)


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Seeded, on one thread, with deterministic kernels; the caller's settings come back afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)


def _blueprint(recipe: TrainingConfig, data: Dataset) -> Network:
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
            classes=int(data.labels.max()) + 1,
            time_steps=wanted.time_steps,
            leak=wanted.leak,
            reset=wanted.reset,
            width=wanted.width,
            coding="events" if events else "direct",
        )
    except InputError as error:
        raise InputError(f"recipe {recipe.name!r}: {error}") from None


def _teacher(how: Distillation | None, student: SpikingNetwork, data: Dataset) -> SpikingNetwork | None:
    """The teacher as a module in eval mode; the student starts from its weights."""
    if how is None:
        return None
    network, images = load_network(how.teacher), data.head(min(len(data), _SETTLE_IMAGES)).images
    adopt(student, network, images)
    return float_module(network, images)


def _crossbars(recipe: TrainingConfig, module: SpikingNetwork) -> Crossbars | None:
    """The crossbars to train through."""
    if recipe.hardware is None:
        return None
    network, hardware = export(module, recipe.name), recipe.hardware.load()
    map_network(network, hardware)  # a network that does not fit the chip is refused now, not after hours
    return Crossbars(network, hardware, seed=recipe.seed, chips=recipe.hardware.chips)


def _epochs(
    module: SpikingNetwork,
    teacher: SpikingNetwork | None,
    crossbars: Crossbars | None,
    recipe: TrainingConfig,
    data: Dataset,
    progress: Progress,
) -> Iterator[Epoch]:
    how = recipe.optimization
    images, labels = _pixels(data), torch.from_numpy(data.labels.copy())
    batches = len(labels) // how.batch
    if not batches:
        raise InputError(
            f"recipe {recipe.name!r}: optimization.batch = {how.batch}: {data.name} has {len(data)} images"
        )
    optimizer = torch.optim.AdamW(_groups(module, how.weight_decay), lr=how.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, how.epochs * batches)
    module.train()
    warm_up = recipe.quantization.warm_up if recipe.quantization else 0
    if warm_up:
        module.quantize(False)
    for epoch in range(1, how.epochs + 1):
        rate = float(schedule.get_last_lr()[0])
        if warm_up and epoch == warm_up + 1:
            module.quantize()
        module.temper((epoch - 1) / max(how.epochs - 1, 1))
        if crossbars is not None and recipe.hardware is not None and epoch >= recipe.hardware.start_epoch:
            module.product = crossbars
            crossbars.calibrate(export(module, recipe.name), data)
        sums = np.zeros(4)
        for picked in torch.randperm(len(labels))[: batches * how.batch].reshape(batches, -1):
            x, y = shifted(images[picked], how.shift_pixels), labels[picked]
            answer = module(x)
            terms = _losses(answer, y, teacher(x) if teacher else None, recipe.distillation)
            optimizer.zero_grad()
            _total(terms, recipe.distillation).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            right = (answer.logits.argmax(1) == y).float().mean()
            sums += [*(float(term.detach()) for term in terms), float(right)]
        done = Epoch(epoch, how.epochs, rate, *(sums / batches).tolist())
        progress(done)
        yield done


def _groups(module: SpikingNetwork, decay: float) -> list[dict[str, Any]]:
    """Parameters with weight decay, and those that no decay should move."""
    spared = module.methods_parameters()
    others = [p for p in module.parameters() if not any(p is other for other in spared)]
    groups = [{"params": others, "weight_decay": decay}]
    return [*groups, {"params": spared, "weight_decay": 0.0}] if spared else groups


def _pixels(data: Dataset) -> Tensor:
    return torch.from_numpy(data.images.astype(np.float32))


def _losses(
    ours: Answer, labels: Tensor, theirs: Answer | None, how: Distillation | None
) -> tuple[Tensor, Tensor, Tensor]:
    task = losses.task(ours.logits, labels)
    if theirs is None or how is None:
        return task, task.new_zeros(()), task.new_zeros(())
    return (
        task,
        losses.logit_distillation(ours.logits, theirs.logits, how.temperature),
        losses.membrane_distillation(ours.membranes, theirs.membranes),
    )


def _total(terms: tuple[Tensor, Tensor, Tensor], how: Distillation | None) -> Tensor:
    task, logits, membranes = terms
    return task if how is None else task + how.logits_weight * logits + how.membrane_weight * membranes


def shifted(images: Tensor, pixels: int) -> Tensor:
    """Each image (samples, C, H, W) moved by up to `pixels` along either axis, zeros moving in."""
    samples, _, height, width = images.shape
    padded = F.pad(images, [pixels] * 4)
    corner = torch.randint(0, 2 * pixels + 1, (2, samples, 1))
    rows, columns = corner[0] + torch.arange(height), corner[1] + torch.arange(width)
    which = torch.arange(samples)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def _table(history: tuple[Epoch, ...]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    return text.getvalue()


def _command(config: Any) -> str:
    """How to make it again, by bundled name or file name: no folder of this machine is recorded."""
    if isinstance(config, TrainingConfig):
        return "training.train(TrainingConfig(**recipe))"
    path = Path(config)
    bundle = recipes().get(path.stem)
    known = bundle is not None and (str(config) == path.stem or bundle.resolve() == path.resolve())
    return f"spikesim train {path.stem if known else path.name}"
