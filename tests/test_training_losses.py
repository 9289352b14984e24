"""Losses: known values, lower bounds, and that descent reaches the minimum."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.losses import logit_distillation, membrane_distillation, task


def _normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _descend(start: torch.Tensor, loss, steps: int = 300, rate: float = 1.0) -> float:
    free = start.clone().requires_grad_()
    for _ in range(steps):
        (slope,) = torch.autograd.grad(loss(free), free)
        free = (free - rate * slope).detach().requires_grad_()
    return float(loss(free.detach()))


def test_task_of_an_undecided_network_is_log_classes():
    assert float(task(torch.zeros(4, 10), torch.arange(4))) == pytest.approx(math.log(10))


def test_task_descends_towards_zero():
    labels = torch.arange(5)
    assert _descend(torch.zeros(5, 5), lambda z: task(z, labels), steps=2000) < 1e-2


@given(seed=st.integers(0, 1000), temperature=st.floats(0.5, 8))
@settings(deadline=None, max_examples=30)
def test_logit_distillation_is_positive_and_blind_to_a_common_offset(seed, temperature):
    ours, theirs = _normal(6, 10, seed=seed), _normal(6, 10, seed=seed + 1)
    loss = float(logit_distillation(ours, theirs, temperature))
    assert loss > 0
    assert float(logit_distillation(ours + 3, theirs - 2, temperature)) == pytest.approx(loss, rel=1e-3)
    assert float(logit_distillation(theirs, theirs, temperature)) == pytest.approx(0, abs=1e-6)


def test_logit_distillation_of_two_classes_by_hand():
    ours, theirs = torch.zeros(1, 2), torch.tensor([[2 * math.log(3), 0.0]])  # at tau = 2: 3/4 and 1/4
    want = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    assert float(logit_distillation(ours, theirs, 2.0)) == pytest.approx(want, rel=1e-5)


def test_logit_distillation_descends_to_the_teacher():
    theirs = _normal(8, 10, seed=3)
    assert _descend(torch.zeros(8, 10), lambda z: logit_distillation(z, theirs, 2.0), rate=8.0) < 1e-5


def test_membrane_distillation_halves_towards_the_input():
    zeros = [torch.zeros(2, 4, 3, 2, 2)] * 3
    for stage, weight in enumerate((0.25, 0.5, 1.0)):
        off = [u + (2.0 if index == stage else 0.0) for index, u in enumerate(zeros)]
        assert float(membrane_distillation(off, zeros)) == pytest.approx(4 * weight)


def test_membrane_distillation_descends_to_the_teacher():
    theirs = [_normal(2, 4, 3, 2, 2, seed=5), _normal(2, 4, 3, 2, 2, seed=6)]

    def loss(free: torch.Tensor) -> torch.Tensor:
        return membrane_distillation(list(free), theirs)

    assert _descend(torch.zeros(2, 2, 4, 3, 2, 2), loss, rate=20.0) < 1e-6


def test_membrane_distillation_refuses_unequal_depths():
    with pytest.raises(ValueError, match="shorter"):
        membrane_distillation([torch.zeros(1)] * 2, [torch.zeros(1)])
