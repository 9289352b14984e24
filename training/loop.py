"""The training loop: seeded, on a CPU deterministic; it can stop anywhere and go on from its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spikesim_py.datasets import Dataset, network_data
from spikesim_py.errors import EvaluationError, InputError

from . import checkpoint
from .augment import augmented, shifted
from .config import TrainingConfig
from .export import export
from .hardware_aware import Crossbars
from .module import SpikingNetwork
from .objective import Objective
from .pruning import Pruner
from .teachers import SETTLE_IMAGES
from .terms import Seen

Tensor = torch.Tensor
_SETTLE_CHIPS = 32  # a channel's mean and variance are to be those of the chip, not of one device instance
_MOMENTUM = 0.9
_EVALUATED = 256  # images at a time
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Epoch:
    """One pass over the training split: mean losses (before their weights) and accuracy while training.

    From `hardware.start_epoch` on, they are those of the network on device instances of the chip.

    Attributes:
        losses: by name, the task's first.
        search_accuracy: on the search split, behind the epoch, where `optimization.patience` asks for it.
    """

    epoch: int
    epochs: int
    learning_rate: float
    losses: Mapping[str, float]
    train_accuracy: float
    search_accuracy: float | None = None

    @property
    def task_loss(self) -> float:
        return next(iter(self.losses.values()))

    def row(self) -> dict[str, float]:
        """One line of a log."""
        first = {"epoch": self.epoch, "epochs": self.epochs, "learning_rate": self.learning_rate}
        named = {f"{name}_loss": loss for name, loss in self.losses.items()}
        search = {} if self.search_accuracy is None else {"search_accuracy": self.search_accuracy}
        return first | named | {"train_accuracy": self.train_accuracy} | search


Report = Callable[[tuple[Epoch, ...]], None]


class Run:
    """All that moves while a recipe is followed.

    Args:
        module: the network that learns. teacher: in eval mode, if any.
        crossbars: to train through, from `hardware.start_epoch` on.
        device: where the module computes; it comes back to the CPU when training ends.
        frames: the data as the teacher takes them, where it takes events in another number of frames.

    Attributes:
        history: the epochs so far.
    """

    def __init__(
        self,
        recipe: TrainingConfig,
        module: SpikingNetwork,
        teacher: SpikingNetwork | None,
        crossbars: Crossbars | None,
        data: Dataset,
        device: torch.device = CPU,
        frames: Dataset | None = None,
    ) -> None:
        self.pruner = None if recipe.pruning is None else Pruner(module, recipe.pruning)
        self.recipe, self.module, self.crossbars, self.data = recipe, module.to(device), crossbars, data
        self.teacher, self.device = None if teacher is None else teacher.to(device), device
        how = recipe.optimization
        self._batches = len(data) // how.batch
        if not self._batches:
            raise InputError(
                f"recipe {recipe.name!r}: optimization.batch = {how.batch}: {data.name} has {len(data)} images"
            )
        try:
            self.objective = Objective(recipe.terms, module, teacher).to(device)
        except InputError as error:
            raise InputError(f"recipe {recipe.name!r}: {error}") from None
        self.optimizer = self._optimizer()
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, how.epochs * self._batches)
        self.history: tuple[Epoch, ...] = ()
        self._best: dict[str, Tensor] | None = None
        self._images, self._labels = pixels(data).to(device), torch.from_numpy(data.labels.copy()).to(device)
        self._frames = self._images if frames is None or frames is data else pixels(frames).to(device)
        module.weight_noise = how.weight_noise
        warm_up = recipe.quantization.warm_up if recipe.quantization else 0
        self._warm_up = warm_up
        if warm_up:
            module.quantize(False)

    # --------------------------------------------------------------------------------------------------- checkpoints

    def state(self) -> checkpoint.State:
        """Where training stands, between two epochs."""
        return {
            "device": self.device.type,
            "module": self.module.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "quantized": self.module.quantized,
            "drawn": self.crossbars.drawn if self.crossbars is not None else {},
            "best": self._best,
            "random": _random_state(self.device),
            "history": [vars(epoch) | {"losses": dict(epoch.losses)} for epoch in self.history],
        }

    def go_on(self, state: checkpoint.State) -> None:
        """Stand where `state` was taken; see `checkpoint.reading` for one that is damaged.

        Raises:
            InputError: it was taken on another kind of device, whose random numbers are others.
        """
        where = state.get("device", self.device.type)
        if where != self.device.type:
            raise InputError(f"was written by a run on {where!r}: go on there, not on {self.device.type!r}")
        self.history = tuple(Epoch(**epoch) for epoch in state["history"])
        if len(self.history) > self.recipe.optimization.epochs:
            raise ValueError(f"{len(self.history)} epochs of {self.recipe.optimization.epochs}")
        if state["best"] is not None:
            self.module.load_state_dict(state["best"])  # whether it fits
        self.module.load_state_dict(state["module"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.module.quantized, self._best = bool(state["quantized"]), state["best"]
        if self.crossbars is not None:
            self.crossbars.drawn = state["drawn"]
        _set_random_state(self.device, state["random"])

    # --------------------------------------------------------------------------------------------------------- epochs

    def train(self, report: Report) -> None:
        """Train to the end, or until patience does.

        Raises:
            EvaluationError: a loss, or what is learned, has ceased to be finite.
            InputError: a loss cannot be taken of this network and its teacher.
        """
        while len(self.history) < self.recipe.optimization.epochs and not self._impatient():
            number = len(self.history) + 1
            try:
                epoch = self._epoch(number)
            except ArithmeticError:  # integers of what is not finite
                raise self._diverged(number, "a weight") from None
            if not all(map(math.isfinite, epoch.losses.values())):
                raise self._diverged(number, "a loss")
            if not all(bool(p.isfinite().all()) for p in self.module.parameters()):
                raise self._diverged(number, "a weight")
            self.history += (epoch,)
            report(self.history)
        self._finish()

    def _diverged(self, epoch: int, what: str) -> EvaluationError:
        return EvaluationError(
            f"recipe {self.recipe.name!r}: epoch {epoch}: {what} is not finite any more; try a smaller "
            f"optimization.learning_rate than {self.recipe.optimization.learning_rate:g}"
        )

    def _epoch(self, epoch: int) -> Epoch:
        how, module = self.recipe.optimization, self.module
        module.train()
        rate = float(self.schedule.get_last_lr()[0])
        if self._warm_up and epoch == self._warm_up + 1:
            module.quantize()
        module.temper((epoch - 1) / max(how.epochs - 1, 1))
        if self.pruner is not None:
            self.pruner.begin(epoch)
        if self._through_chip(epoch):
            assert self.crossbars is not None
            assert self.recipe.hardware is not None
            if epoch == self.recipe.hardware.start_epoch:  # until now, batch norms may hold nothing
                module.settle(self._images[:SETTLE_IMAGES])
                module.train()
            module.product = self.crossbars
            self.crossbars.calibrate(export(module, self.recipe.name), self.data)
        used, losses = self._batches * how.batch, dict[str, Tensor]()
        right = torch.zeros((), device=self.device)
        for picked in torch.randperm(len(self._labels), device=self.device)[:used].reshape(self._batches, -1):
            each, share = self._step(*self._batch(picked), self._labels[picked], epoch)
            losses = {name: losses.get(name, 0) + loss.detach().double() for name, loss in each.items()}
            right += share
        means = {name: float(total) / self._batches for name, total in losses.items()}
        search = self._searched() if how.patience else None
        return Epoch(epoch, how.epochs, rate, means, float(right) / self._batches, search)

    def _batch(self, picked: Tensor) -> tuple[Tensor, Tensor]:
        """A batch as the student and as its teacher see it, augmented alike."""
        if self._frames is self._images:
            x = self._augmented(self._images[picked])
            return x, x
        drawn = _random_state(self.device)
        x = self._augmented(self._images[picked])
        _set_random_state(self.device, drawn)  # draws are one for each sample, whatever its frames
        return x, self._augmented(self._frames[picked])

    def _step(self, x: Tensor, frames: Tensor, y: Tensor, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        with self._precision():
            answer = self.module(x)
        taught = None
        if self.teacher is not None and self.objective.taught:
            with torch.no_grad(), self._precision():
                taught = self.teacher(frames)
        try:
            total, each = self.objective(Seen(answer, taught, y), epoch, self.recipe.optimization.epochs)
        except InputError as error:
            raise InputError(f"recipe {self.recipe.name!r}: {error}") from None
        if self.pruner is not None:
            total, each = self.pruner.with_lasso(total, each)
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        self.schedule.step()
        return each, (answer.logits.argmax(1) == y).float().mean()

    def _precision(self) -> AbstractContextManager[Any]:
        half = self.recipe.optimization.autocast is not None
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if half else nullcontext()

    def _augmented(self, images: Tensor) -> Tensor:
        return augmented(shifted(images, self.recipe.optimization.shift_pixels), self.recipe.augmentation)

    def _optimizer(self) -> torch.optim.Optimizer:
        how = self.recipe.optimization
        if how.optimizer == "sgd":
            return torch.optim.SGD(self._groups(), lr=how.learning_rate, momentum=_MOMENTUM, nesterov=True)
        return torch.optim.AdamW(self._groups(), lr=how.learning_rate)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters with weight decay, and those that no decay should move."""
        spared = self.module.methods_parameters()
        learned = [*self.module.parameters(), *self.objective.parameters()]
        others = [p for p in learned if not any(p is other for other in spared)]
        groups = [{"params": others, "weight_decay": self.recipe.optimization.weight_decay}]
        return [*groups, {"params": spared, "weight_decay": 0.0}] if spared else groups

    def _through_chip(self, epoch: int) -> bool:
        chip = self.recipe.hardware
        return self.crossbars is not None and chip is not None and epoch >= chip.start_epoch

    # ------------------------------------------------------------------------------------------------- early stopping

    def _searched(self) -> float:
        """Accuracy on the search split; keeps the network if it is the best so far."""
        module, images = self.module, self._images[:SETTLE_IMAGES]
        drawn, instances = _random_state(self.device), dict(self.crossbars.drawn) if self.crossbars is not None else {}
        module.settle(images)
        accuracy = accuracy_of(module, network_data(module.blueprint, self.recipe.dataset, "search"))
        _set_random_state(self.device, drawn)  # so that looking changes nothing
        if self.crossbars is not None:
            self.crossbars.drawn = instances
        if len(self.history) + 1 >= self._first and accuracy > max(self._scores, default=-1.0):
            self._best = {name: value.clone() for name, value in module.state_dict().items()}
        return accuracy

    @property
    def _first(self) -> int:
        """The first epoch that may be the best: the network is quantized and pruned by then, and meets its chip."""
        chip, pruning = self.recipe.hardware, self.recipe.pruning
        return max(self._warm_up + 1, chip.start_epoch if chip else 1, pruning.end_epoch if pruning else 1)

    @property
    def _scores(self) -> list[float]:
        """Accuracies on the search split, from `_first` on."""
        return [epoch.search_accuracy or 0.0 for epoch in self.history[self._first - 1 :]]

    def _impatient(self) -> bool:
        patience, scores = self.recipe.optimization.patience, self._scores
        return patience is not None and bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= patience

    def _finish(self) -> None:
        if self._best is not None:
            self.module.load_state_dict(self._best)
        if self._through_chip(len(self.history)) and self.crossbars is not None:
            self.crossbars.calibrate(export(self.module, self.recipe.name), self.data)  # of the network that is kept
            self.module.product, self.crossbars.chips = self.crossbars, _SETTLE_CHIPS
        sample = self._images[:SETTLE_IMAGES]
        self.module.settle(shifted(sample, self.recipe.optimization.shift_pixels))  # as it was trained
        self.module.product = None
        self.module.to(CPU)
        if self.teacher is not None:
            self.teacher.to(CPU)


@torch.no_grad()
def accuracy_of(module: SpikingNetwork, data: Dataset) -> float:
    """Share of right answers of a module in eval mode: those of the exported network."""
    images, labels = pixels(data), torch.from_numpy(data.labels.copy())
    where = next(module.parameters()).device
    answers = [module(part.to(where)).outputs.argmax(1).cpu() for part in torch.split(images, _EVALUATED)]
    return float((torch.cat(answers) == labels).double().mean())


def pixels(data: Dataset) -> Tensor:
    return torch.from_numpy(data.images.astype(np.float32))


def _random_state(device: torch.device) -> Tensor:
    return torch.get_rng_state() if device.type == "cpu" else torch.cuda.get_rng_state(device)


def _set_random_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cpu":
        torch.set_rng_state(state)
    else:
        torch.cuda.set_rng_state(state, device)


@contextmanager
def deterministic(seed: int, device: torch.device = CPU) -> Iterator[None]:
    """Seeded, on one thread, with deterministic kernels; the caller's settings come back afterwards.

    On a GPU kernels are those that run fastest: there the same seed gives the same result within rounding only.
    """
    on_cpu = device.type == "cpu"
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    tuned = torch.backends.cudnn.benchmark
    with torch.random.fork_rng(devices=[] if on_cpu else [device]):
        try:
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(on_cpu)
            torch.backends.cudnn.benchmark = not on_cpu
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.backends.cudnn.benchmark = tuned
            torch.set_num_threads(threads)
