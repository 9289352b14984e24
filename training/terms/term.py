"""What every loss of a recipe is: what it sees of a batch, what it learns, and how much it weighs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from .._part import Part, Share
from ..module import SpikingNetwork
from ..running import Answer

Tensor = torch.Tensor


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
