"""The losses that a recipe may name, each with its weight and options: what they see of a batch, and when.

Equations, sources and what is reconstructed: `training.losses`, one file each. A teacher is a spiking network here:
where a method compares with an artificial network's activations, the teacher's firing rates stand for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import torch
from pydantic import Field, field_validator, model_serializer
from torch import nn

from spikesim_py.errors import InputError

from . import losses
from ._part import Part, Positive, Share
from .losses.bkdsnn import WEIGHT as _BKDSNN_WEIGHT
from .losses.im import WEIGHT as _IM_WEIGHT
from .losses.qsnn import WEIGHT as _QSNN_WEIGHT
from .losses.rmp import THRESHOLD
from .losses.steps import Matching
from .losses.temporal_self import Direction, Scheme
from .module import SpikingNetwork
from .running import Answer

Tensor = torch.Tensor
_Stage = TypeVar("_Stage")
_Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Seen:
    """A batch as losses see it: answers of the student and of its teacher (None without), and the labels."""

    ours: Answer
    teacher: Answer | None
    labels: Tensor

    @property
    def theirs(self) -> Answer:
        assert self.teacher is not None
        return self.teacher


class Term(Part):
    """One loss of the total.

    Attributes:
        taught: whether it needs a teacher.
        is_task: whether it takes the place of the cross-entropy.
    """

    taught: ClassVar[bool] = False
    is_task: ClassVar[bool] = False
    weight: Share = 1.0

    def weight_at(self, epoch: int, epochs: int) -> float:
        """The weight in epoch 1..`epochs`."""
        return self.weight

    def learned(self, student: SpikingNetwork, teacher: SpikingNetwork) -> nn.Module | None:
        """What the loss itself learns, if anything. Raises `InputError` for networks that it cannot compare."""
        return None

    @abstractmethod
    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        """The loss of a batch, before its weight."""


class CrossEntropy(Term):
    is_task = True

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.task(seen.ours.logits, seen.labels)


class Tet(Term):
    is_task = True
    share: Annotated[float, Field(ge=0, le=1)] = 0.05
    target: float = 1.0

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.tet(seen.ours.step_logits, seen.labels, self.share, self.target)


class _Taught(Term):
    taught = True


class KdsnnResponse(_Taught):
    is_task = True
    share: Annotated[float, Field(ge=0, le=1)]
    temperature: Positive

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        ours, theirs = seen.ours.logits, seen.theirs.logits
        return losses.response_distillation(ours, theirs, seen.labels, self.temperature, self.share)


class Logits(_Taught):
    temperature: Positive = 2.0

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.logit_distillation(seen.ours.logits, seen.theirs.logits, self.temperature)


class FocalLogits(Logits):
    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        ours, theirs = seen.ours.logits, seen.theirs.logits
        return losses.focal_logit_distillation(ours, theirs, seen.labels, self.temperature)


class Sei(_Taught):
    temperature: Positive = 1.0

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.sei_distillation(seen.ours.step_logits, seen.theirs.logits, self.temperature)


class _Stagewise(_Taught):
    """Compares stage by stage, unit by unit."""

    def learned(self, student: SpikingNetwork, teacher: SpikingNetwork) -> nn.Module | None:
        ours, theirs = _stage_shapes(student), _stage_shapes(teacher)
        if ours != theirs:
            raise InputError(
                f"teacher {teacher.blueprint.name!r} has another architecture than the student: stages of "
                f"{_shown(theirs)} and {_shown(ours)} units cannot be compared one by one"
            )
        return None


class Membrane(_Stagewise):
    match: Matching = "first"

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.membrane_distillation(seen.ours.membranes, seen.theirs.membranes, self.match)


class S2nn(Membrane):
    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.membrane_features(seen.ours.membranes, seen.theirs.membranes, self.match)


class Spike(_Taught):
    window: _Count = 2
    stride: _Count = 1
    spatial: _Count = 1
    channels: Literal["each", "mean"] = "each"

    def learned(self, student: SpikingNetwork, teacher: SpikingNetwork) -> nn.Module | None:
        _same_number(student, teacher)
        return None

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        how = self.window, self.stride, self.spatial, self.channels
        return losses.spike_distillation(seen.ours.spikes, seen.theirs.spikes, *how)


class Lasnn(_Taught):
    def learned(self, student: SpikingNetwork, teacher: SpikingNetwork) -> nn.Module | None:
        _same_number(student, teacher)
        return None

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.attention_distillation(seen.ours.spikes, seen.theirs.spikes)


class _Feature(_Taught):
    """Compares the last maps larger than a pixel, with layers that are learned beside the student's."""

    def learned(self, student: SpikingNetwork, teacher: SpikingNetwork) -> nn.Module | None:
        ours, theirs = (_stage_shapes(network)[_feature(network)] for network in (student, teacher))
        if ours[1:] != theirs[1:]:
            raise InputError(f"teacher {teacher.blueprint.name!r}: features of {theirs} units, the student's of {ours}")
        return self.aligned(ours[0], theirs[0])

    @abstractmethod
    def aligned(self, channels: int, teacher_channels: int) -> nn.Module:
        """The loss as a module."""

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        assert learned is not None
        made: Tensor = learned(*(_last_map(answer.spikes) for answer in (seen.ours, seen.theirs)))
        return made


class Kdsnn(_Feature):
    weight: Share  # none is known

    def aligned(self, channels: int, teacher_channels: int) -> nn.Module:
        return losses.RateFeature(channels, teacher_channels)


class Bkdsnn(_Feature):
    weight: Share = _BKDSNN_WEIGHT
    drop: Annotated[float, Field(ge=0, lt=1)] = 0.15

    def aligned(self, channels: int, teacher_channels: int) -> nn.Module:
        return losses.BlurredFeature(channels, teacher_channels, self.drop)


class TemporalSelf(Term):
    temperature: Positive = 2.0
    direction: Direction = "strong_to_weak"
    scheme: Scheme = "simultaneous"

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.temporal_self_distillation(seen.ours.step_logits, self.temperature, self.direction, self.scheme)


class _Regularizer(Term):
    """Averages over stages: all, or (as the authors' code does) all but the first and the last."""

    stages: Literal["inner", "all"] = "inner"

    def picked(self, stages: Sequence[_Stage]) -> Sequence[_Stage]:
        return stages[1:-1] if self.stages == "inner" else stages


class Rmp(_Regularizer):
    weight: Share = 0.1  # in the last epoch
    threshold: Positive = THRESHOLD

    def weight_at(self, epoch: int, epochs: int) -> float:
        return losses.rmp_weight(epoch, epochs, self.weight)

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.rmp(self.picked(seen.ours.membranes), self.threshold)


class Im(_Regularizer):
    weight: Share = _IM_WEIGHT

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.information_maximization(self.picked(seen.ours.membranes))


class Qsnn(_Regularizer):
    weight: Share = _QSNN_WEIGHT

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        return losses.spike_regulation(self.picked(seen.ours.spikes))


class Losses(Part):
    """Losses by name, absent unless named; the cross-entropy is there unless another task loss is.

    The total is their sum in this order, each times its weight.
    """

    cross_entropy: CrossEntropy | None = None
    tet: Tet | None = None
    kdsnn_response: KdsnnResponse | None = None
    logits: Logits | None = None
    focal_logits: FocalLogits | None = None
    membrane: Membrane | None = None
    s2nn: S2nn | None = None
    spike: Spike | None = None
    lasnn: Lasnn | None = None
    kdsnn: Kdsnn | None = None
    bkdsnn: Bkdsnn | None = None
    sei: Sei | None = None
    temporal_self: TemporalSelf | None = None
    rmp: Rmp | None = None
    im: Im | None = None
    qsnn: Qsnn | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _as_they_are(cls, value: Any) -> Any:
        """``rmp:`` alone is the loss with its defaults."""
        return {} if value is None else value

    @model_serializer(mode="wrap")
    def _named(self, dump: Any) -> dict[str, Any]:
        return {name: term for name, term in dump(self).items() if term is not None}

    def terms(self) -> dict[str, Term]:
        """Those that were named, in order of the sum."""
        named: dict[str, Term] = {name: term for name in type(self).model_fields if (term := getattr(self, name))}
        return named


def _stage_shapes(network: SpikingNetwork) -> list[tuple[int, int, int]]:
    return [network.blueprint.edges[name].shape for name in network.units]


def _shown(shapes: list[tuple[int, int, int]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def _same_number(student: SpikingNetwork, teacher: SpikingNetwork) -> None:
    ours, theirs = len(student.units), len(teacher.units)
    if ours != theirs:
        raise InputError(f"teacher {teacher.blueprint.name!r} has {theirs} stages, the student {ours}")


def _feature(network: SpikingNetwork) -> int:
    return _last_larger([shape[1:] for shape in _stage_shapes(network)])


def _last_map(spikes: list[Tensor]) -> Tensor:
    return spikes[_last_larger([tuple(stage.shape[3:]) for stage in spikes])]


def _last_larger(sizes: Sequence[tuple[int, ...]]) -> int:
    """The last stage whose map is larger than a pixel; the last, if none is."""
    return next((index for index in reversed(range(len(sizes))) if max(sizes[index]) > 1), len(sizes) - 1)
