"""Random tensors and gradient descent, for the tests of losses."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch

Tensor = torch.Tensor


Loss = Callable[[Tensor], Tensor]


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def double(*shape: int, seed: int) -> Tensor:
    return normal(*shape, seed=seed).double()


def descend(start: Tensor, loss: Loss, steps: int = 300, rate: float = 1.0) -> float:
    """The loss after gradient descent, which must not have risen on the way from one tenth to the next."""
    free, seen = start.clone().requires_grad_(), []
    for step in range(steps):
        value = loss(free)
        if step % (steps // 10) == 0:
            seen.append(float(value.detach()))
        (slope,) = torch.autograd.grad(value, free)
        free = (free - rate * slope).detach().requires_grad_()
    seen.append(float(loss(free.detach())))
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(seen))
    return seen[-1]


def slope(loss: Loss, at: Tensor) -> Tensor:
    free = at.clone().requires_grad_()
    return torch.autograd.grad(loss(free), free)[0]


LABELS = torch.tensor([0, 2, 1])
