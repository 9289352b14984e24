"""The total that training minimizes."""

from __future__ import annotations

import torch
from torch import nn

from .module import SpikingNetwork
from .terms import Seen, Term

Tensor = torch.Tensor


class Objective(nn.Module):
    """A recipe's total loss, with what its losses learn.

    Args:
        terms: by name. student, teacher: networks to compare, the latter where a loss needs it.
    """

    def __init__(self, terms: dict[str, Term], student: SpikingNetwork, teacher: SpikingNetwork | None) -> None:
        super().__init__()
        self.terms, self.learned = terms, nn.ModuleDict()
        for name, term in terms.items():
            if term.taught and teacher is not None and (part := term.learned(student, teacher)) is not None:
                self.learned[name] = part

    @property
    def taught(self) -> bool:
        """Whether a teacher must answer."""
        return any(term.taught for term in self.terms.values())

    def forward(self, seen: Seen, epoch: int, epochs: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The total in an epoch, and each loss before its weight."""
        learned = dict(self.learned.items())
        each = {name: term.loss(seen, learned.get(name)) for name, term in self.terms.items()}
        weighed = [self.terms[name].weight_at(epoch, epochs) * loss for name, loss in each.items()]
        return sum(weighed[1:], weighed[0]), each
