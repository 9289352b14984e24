"""Losses that need no teacher: the task's, a network's own time-steps, and regularizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import torch
from pydantic import Field
from torch import nn

from spikesim_py.errors import InputError

from .. import losses
from .._part import Positive, Share
from ..losses.im import WEIGHT as _IM_WEIGHT
from ..losses.qsnn import WEIGHT as _QSNN_WEIGHT
from ..losses.rmp import THRESHOLD
from ..losses.temporal_self import Direction, Scheme
from .term import Seen, Term

Tensor = torch.Tensor
_Stage = TypeVar("_Stage")


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
        if self.stages == "inner" and len(stages) < 3:
            raise InputError(f"stages = 'inner': the network has {len(stages)} stages, none between; must be 'all'")
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
