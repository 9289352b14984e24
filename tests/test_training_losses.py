"""Losses: gradients against finite differences, known values, lower bounds, and that descent reaches the minimum."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import LABELS, Loss, Tensor, descend, double, slope

from spikesim_py.errors import InputError
from training import losses
from training.losses._features import over_time

pytestmark = pytest.mark.usefixtures("one_thread")


#: name -> loss of a student and a teacher of one shape, that shape; what a student that is its teacher scores 0 in
TEACHERS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[int, ...]]] = {
    "logits": (lambda s, t: losses.logit_distillation(s, t, 2.0), (3, 4)),
    "focal": (lambda s, t: losses.focal_logit_distillation(s, t, LABELS), (3, 4)),
    "membrane": (lambda s, t: losses.membrane_distillation([s, s**2], [t, t**2]), (3, 4, 2, 3, 3)),
    "features": (lambda s, t: losses.membrane_features([s, s**2], [t, t**2]), (3, 4, 2, 3, 3)),
    "spike": (lambda s, t: losses.spike_distillation([s], [t], 2, 1, 2), (3, 4, 2, 3, 3)),
    "spike of the mean": (lambda s, t: losses.spike_distillation([s], [t], channels="mean"), (3, 4, 2, 3, 3)),
    "attention": (lambda s, t: losses.attention_distillation([s], [over_time(t)]), (3, 4, 2, 3, 3)),
    "rate": (lambda s, t: losses.RateFeature(2, 2)(s, over_time(t)), (3, 4, 2, 3, 3)),
}


#: name -> loss of one tensor, its shape
ALONE: dict[str, tuple[Loss, tuple[int, ...]]] = {
    "task": (lambda z: losses.task(z, LABELS), (3, 4)),
    "tet": (lambda z: losses.tet(z, LABELS), (3, 2, 4)),
    "rmp": (lambda u: losses.rmp([u, 3 * u]), (3, 4, 2, 2, 2)),
    "im": (lambda u: losses.information_maximization([u, u**2]), (3, 4, 2, 2, 2)),
    "rates": (lambda s: losses.spike_regulation([s, s**2]), (3, 4, 2, 2, 2)),
    "sei": (lambda z: losses.sei_distillation(z, double(3, 4, seed=9).to(z.dtype), 2.0), (3, 2, 4)),
    "response": (
        lambda z: losses.response_distillation(z, double(3, 4, seed=9).to(z.dtype), LABELS, 2.0, 0.3),
        (3, 4),
    ),
}


@pytest.mark.parametrize("name", sorted(TEACHERS.keys() - {"focal"}))  # a weight without gradient: its own test below
def test_gradients_towards_the_student_are_those_of_finite_differences(name: str):
    loss, shape = TEACHERS[name]
    theirs = double(*shape, seed=1)
    assert torch.autograd.gradcheck(lambda s: loss(s, theirs), double(*shape, seed=2).requires_grad_())


@pytest.mark.parametrize("name", ALONE)
def test_gradients_of_losses_without_a_teacher_are_those_of_finite_differences(name: str):
    loss, shape = ALONE[name]
    assert torch.autograd.gradcheck(loss, double(*shape, seed=3).requires_grad_())


@pytest.mark.parametrize("name", TEACHERS)
def test_a_student_that_is_its_teacher_has_nothing_to_learn(name: str):
    loss, shape = TEACHERS[name]
    same = double(*shape, seed=4)
    assert float(loss(same, same)) == pytest.approx(0, abs=1e-12)
    assert slope(lambda s: loss(s, same), same).abs().max() < 1e-7


@pytest.mark.parametrize("name", TEACHERS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_the_order_of_samples_does_not_matter_and_no_loss_is_negative(name: str, seed: int):
    loss, shape = TEACHERS[name]
    ours, theirs = double(*shape, seed=seed), double(*shape, seed=seed + 1)
    value = float(loss(ours, theirs))
    assert value > 0
    if name != "focal":  # whose labels would have to move along
        assert float(loss(ours.flip(0), theirs.flip(0))) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("logits", 4), ("membrane", 20), ("features", 20), ("spike", 60), ("spike of the mean", 100), ("rate", 0.5)],
)
def test_descent_reaches_the_teacher(name: str, rate: float):
    loss, shape = TEACHERS[name]
    theirs = 0.3 * double(*shape, seed=5)
    start = 0.3 * double(*shape, seed=6)
    assert descend(start, lambda s: loss(s, theirs), 2000, rate) < 1e-3 * float(loss(start, theirs))


@pytest.mark.parametrize(
    "call",
    [
        lambda: losses.logit_distillation(torch.zeros(2, 3), torch.zeros(2, 1), 1.0),
        lambda: losses.membrane_distillation([torch.zeros(2, 3, 1, 1, 1)], [torch.zeros(2, 3, 1, 2, 2)]),
        lambda: losses.spike_distillation([torch.zeros(2, 3, 1, 1, 1)], [torch.zeros(2, 3, 2, 1, 1)]),
        lambda: losses.attention_distillation([torch.zeros(2, 3, 1, 2, 2)], [torch.zeros(2, 1, 1, 1)]),
        lambda: losses.RateFeature(2, 2)(torch.zeros(1, 2, 2, 1, 1), torch.zeros(1, 2, 3, 3)),
    ],
)
def test_shapes_that_would_broadcast_are_refused(call: Callable[[], Tensor]):
    with pytest.raises(InputError, match=r"shape of the student \(.*\), of the teacher"):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.tet(torch.zeros(3, 4), LABELS), r"logits: shape \(3, 4\)"),
        (lambda: losses.tet(torch.zeros(3, 2, 4), LABELS, 1.5), "weight = 1.5"),
        (lambda: losses.logit_distillation(torch.zeros(1, 2), torch.zeros(1, 2), 0.0), "temperature = 0"),
        (lambda: losses.membrane_distillation([], []), "stages = 0"),
        (lambda: losses.rmp([]), "stages = 0"),
        (lambda: losses.rmp([torch.zeros(1)], 0), "threshold = 0"),
        (lambda: losses.rmp_weight(5, 4), "epoch = 5"),
        (lambda: losses.spike_regulation([]), "stages = 0"),
        (lambda: losses.information_maximization([]), "stages = 0"),
        (lambda: losses.spike_distillation([torch.zeros(1, 2, 3)], [torch.zeros(1, 2, 3)], 0), "window = 0"),
        (lambda: losses.spike_distillation([torch.zeros(1, 2, 3)], [torch.zeros(1, 2, 3)], 1, 1, 2), "spatial = 2"),
        (lambda: losses.sei_distillation(torch.zeros(3, 4), torch.zeros(3, 4)), "logits: shapes"),
        (lambda: losses.temporal_self_distillation(torch.zeros(3, 1, 4), 1.0), "T at least 2"),
        (lambda: losses.temporal_self_distillation(torch.zeros(3, 2, 4), 1.0, "up"), "direction = 'up'"),
        (lambda: losses.temporal_self_distillation(torch.zeros(3, 2, 4), 1.0, scheme="all"), "scheme = 'all'"),
        (lambda: losses.response_distillation(torch.zeros(1, 2), torch.zeros(1, 2), LABELS[:1], 1.0, 2), "share = 2"),
        (lambda: losses.standardized(torch.zeros(4, 1, 1, 1)), "one weight per output"),
        (lambda: losses.BlurredFeature(2, 2, 1.0), "drop = 1.0"),
        (lambda: losses.match_steps(torch.zeros(1, 2), 3), "student = 3: must be 1 to 2"),
        (lambda: losses.match_steps(torch.zeros(1, 2), 1, "last"), "matching = 'last'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call: Callable[[], Tensor], message: str):
    with pytest.raises(InputError, match=message):
        call()
