"""Losses that compare a student with its teacher: answers, membranes, spikes and features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from spikesim_py.errors import InputError

from .. import losses
from .._part import Positive, Share
from ..losses.bkdsnn import WEIGHT as _BKDSNN_WEIGHT
from ..losses.steps import Matching
from ..module import SpikingNetwork
from .term import Seen, Term

Tensor = torch.Tensor
_Count = Annotated[int, Field(ge=1)]


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
        _long_enough(student, teacher)
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
    match: Matching = "first"

    def learned(self, student: SpikingNetwork, teacher: SpikingNetwork) -> nn.Module | None:
        _same_number(student, teacher)
        _long_enough(student, teacher)
        return None

    def loss(self, seen: Seen, learned: nn.Module | None) -> Tensor:
        how = self.window, self.stride, self.spatial, self.channels, self.match
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


def _stage_shapes(network: SpikingNetwork) -> list[tuple[int, int, int]]:
    return [network.blueprint.edges[name].shape for name in network.units]


def _shown(shapes: list[tuple[int, int, int]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def _same_number(student: SpikingNetwork, teacher: SpikingNetwork) -> None:
    ours, theirs = len(student.units), len(teacher.units)
    if ours != theirs:
        raise InputError(f"teacher {teacher.blueprint.name!r} has {theirs} stages, the student {ours}")


def _long_enough(student: SpikingNetwork, teacher: SpikingNetwork) -> None:
    ours, theirs = student.blueprint.time_steps, teacher.blueprint.time_steps
    if ours > theirs:
        raise InputError(f"teacher {teacher.blueprint.name!r} has {theirs} time-steps: too few for a student of {ours}")


def _feature(network: SpikingNetwork) -> int:
    return _last_larger([shape[1:] for shape in _stage_shapes(network)])


def _last_map(spikes: list[Tensor]) -> Tensor:
    return spikes[_last_larger([tuple(stage.shape[3:]) for stage in spikes])]


def _last_larger(sizes: Sequence[tuple[int, ...]]) -> int:
    """The last stage whose map is larger than a pixel; the last, if none is."""
    return next((index for index in reversed(range(len(sizes))) if max(sizes[index]) > 1), len(sizes) - 1)
