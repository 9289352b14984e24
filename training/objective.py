"""The total that training minimizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from spikesim_py.errors import InputError

from .module import SpikingNetwork
from .terms import Seen, Term

Tensor = torch.Tensor


class Objective(nn.Module):
    """A recipe's total loss, with what its losses learn.

    Args:
        terms: by name. student, teacher: networks to compare, the latter where a loss needs it.

    Raises:
        InputError: now, or when it is called: a loss cannot be taken of these networks.
    """

    def __init__(self, terms: dict[str, Term], student: SpikingNetwork, teacher: SpikingNetwork | None) -> None:
        super().__init__()
        self.terms, self.learned = terms, nn.ModuleDict()
        for name, term in terms.items():
            if term.taught and teacher is not None:
                with _named(name):
                    part = term.learned(student, teacher)
                if part is not None:
                    self.learned[name] = part

    @property
    def taught(self) -> bool:
        """Whether a teacher must answer."""
        return any(term.taught for term in self.terms.values())

    def forward(self, seen: Seen, epoch: int, epochs: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The total in an epoch, and each loss before its weight."""
        learned, each = dict(self.learned.items()), {}
        for name, term in self.terms.items():
            with _named(name):
                each[name] = term.loss(seen, learned.get(name))
        weighed = [self.terms[name].weight_at(epoch, epochs) * loss for name, loss in each.items()]
        return sum(weighed[1:], weighed[0]), each


@contextmanager
def _named(name: str) -> Iterator[None]:
    """An `InputError` inside says which loss it is of."""
    try:
        yield
    except InputError as error:
        raise InputError(f"losses.{name}: {error}") from None
