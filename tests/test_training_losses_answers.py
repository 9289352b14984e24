"""What single losses of answers ask: the task, TET, a teacher, time-steps that teach each other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import LABELS, Tensor, descend, double, normal, slope

from training import losses
from training.losses import logit_distillation, task
from training.losses.logits import softened_kl

pytestmark = pytest.mark.usefixtures("one_thread")


def test_task_of_an_undecided_network_is_log_classes():
    assert float(task(torch.zeros(4, 10), torch.arange(4))) == pytest.approx(math.log(10))


def test_task_descends_towards_zero():
    labels = torch.arange(5)
    assert descend(torch.zeros(5, 5), lambda z: task(z, labels), steps=2000) < 1e-2


@given(seed=st.integers(0, 1000))
def test_tet_asks_more_than_the_mean_answer_and_as_much_of_equal_steps(seed: int):
    logits = double(3, 4, 5, seed=seed)
    assert float(losses.tet(logits, LABELS, 0)) >= float(task(logits.mean(1), LABELS))
    equal = logits[:, :1].expand(-1, 4, -1)
    assert float(losses.tet(equal, LABELS, 0)) == pytest.approx(float(task(equal[:, 0], LABELS)))


def test_tet_alone_on_its_target_is_zero_and_weighs_by_hand():
    logits = torch.full((3, 2, 4), 1.0)
    assert float(losses.tet(logits, LABELS, 1)) == 0
    assert float(losses.tet(logits + 2, LABELS, 0.25)) == pytest.approx(0.75 * math.log(4) + 0.25 * 4)


def test_tet_descends_to_where_its_two_terms_balance():
    """Two classes, z = (a, -b) off the target by as much: at the minimum the slopes of both terms cancel."""
    weight, labels = 0.5, torch.tensor([0])

    def loss(z: Tensor) -> Tensor:
        return losses.tet(z, labels, weight)

    end = torch.ones(1, 1, 2).double()
    for _ in range(3000):
        end = end - 0.5 * slope(loss, end)
    gap = float(end[0, 0, 0] - 1)
    assert gap > 0
    assert float(end[0, 0, 1] - 1) == pytest.approx(-gap)
    assert 1 / (1 + math.exp(2 * gap)) == pytest.approx(gap)  # softmax's error against the pull of the target


@given(seed=st.integers(0, 1000), temperature=st.floats(0.5, 8))
@settings(deadline=None, max_examples=30)
def test_logit_distillation_is_positive_and_blind_to_a_common_offset(seed, temperature):
    ours, theirs = normal(6, 10, seed=seed), normal(6, 10, seed=seed + 1)
    loss = float(logit_distillation(ours, theirs, temperature))
    assert loss > 0
    assert float(logit_distillation(ours + 3, theirs - 2, temperature)) == pytest.approx(loss, rel=1e-3)
    assert float(logit_distillation(theirs, theirs, temperature)) == pytest.approx(0, abs=1e-6)


def test_logit_distillation_of_two_classes_by_hand():
    ours, theirs = torch.zeros(1, 2), torch.tensor([[2 * math.log(3), 0.0]])  # at tau = 2: 3/4 and 1/4
    want = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))
    assert float(logit_distillation(ours, theirs, 2.0)) == pytest.approx(want, rel=1e-5)


def test_logit_distillation_descends_to_the_teacher():
    theirs = normal(8, 10, seed=3)
    assert descend(torch.zeros(8, 10), lambda z: logit_distillation(z, theirs, 2.0), rate=8.0) < 1e-5


def test_focal_weights_are_those_of_the_cross_entropies_and_carry_no_gradient():
    ours, theirs = double(3, 4, seed=1), double(3, 4, seed=2)
    ratio = torch.stack([task(ours[i : i + 1], LABELS[i : i + 1]) for i in range(3)])
    ratio /= torch.stack([task(theirs[i : i + 1], LABELS[i : i + 1]) for i in range(3)])
    weight = 1 - torch.exp(-ratio)

    def fixed(z: Tensor) -> Tensor:
        return (weight * softened_kl(z, theirs, 2.0)).mean()

    assert torch.allclose(losses.focal_logit_distillation(ours, theirs, LABELS, 2.0), fixed(ours))
    slopes = (slope(loss, ours) for loss in (fixed, lambda z: losses.focal_logit_distillation(z, theirs, LABELS, 2.0)))
    assert torch.allclose(*slopes)


def test_focal_weight_vanishes_for_samples_that_the_student_has_learned():
    theirs = double(3, 4, seed=2)
    sure = 50 * torch.nn.functional.one_hot(LABELS, 4).double()
    assert float(losses.focal_logit_distillation(sure, theirs, LABELS)) < 1e-9
    assert float(logit_distillation(sure, theirs, 2.0)) > 1


@given(seed=st.integers(0, 1000))
def test_an_ensemble_that_agrees_one_by_one_costs_no_less_than_its_mean(seed: int):
    members, theirs = double(3, 4, 5, seed=seed), double(3, 5, seed=seed + 1)
    alone = losses.sei_distillation(members, theirs, 2.0)
    assert float(alone) >= float(logit_distillation(members.mean(1), theirs, 2.0))
    one = losses.sei_distillation(members[:, :1], theirs, 2.0)
    assert float(one) == pytest.approx(float(logit_distillation(members[:, 0], theirs, 2.0)))


def test_every_member_descends_to_the_teacher():
    theirs = double(3, 5, seed=1)
    start = double(3, 2, 5, seed=2)
    assert descend(start, lambda z: losses.sei_distillation(z, theirs), 3000, 3.0) < 1e-4
    assert float(losses.sei_distillation(theirs[:, None].expand(-1, 4, -1), theirs)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_response_shares_between_teacher_and_labels(share: float):
    ours, theirs = double(3, 4, seed=1), double(3, 4, seed=2)
    want = share * logit_distillation(ours, theirs, 3.0) + (1 - share) * task(ours, LABELS)
    assert torch.equal(losses.response_distillation(ours, theirs, LABELS, 3.0, share), want)


@pytest.mark.parametrize("direction", ["strong_to_weak", "weak_to_strong"])
def test_of_two_time_steps_all_schemes_make_one_lesson(direction):
    logits = double(5, 2, 4, seed=1)
    sure = logits.softmax(-1).amax(-1).argsort(1, descending=direction == "strong_to_weak")
    teacher, pupil = (logits[torch.arange(5), sure[:, index]] for index in (0, 1))
    want = float(logit_distillation(pupil, teacher, 2.0))
    for scheme in ("simultaneous", "cascade", "ensemble"):
        found = losses.temporal_self_distillation(logits, 2.0, direction, scheme)
        assert float(found) == pytest.approx(want)


@pytest.mark.parametrize("scheme", ["simultaneous", "cascade", "ensemble"])
@pytest.mark.parametrize("direction", ["strong_to_weak", "weak_to_strong"])
def test_time_steps_that_agree_have_no_lesson_and_their_order_does_not_matter(scheme, direction):
    logits = double(3, 4, 5, seed=2)
    value = losses.temporal_self_distillation(logits, 2.0, direction, scheme)
    assert float(value) > 0
    mixed = losses.temporal_self_distillation(logits[:, [2, 0, 3, 1]], 2.0, direction, scheme)
    assert float(mixed) == pytest.approx(float(value))
    equal = logits[:, :1].expand(-1, 4, -1)
    assert float(losses.temporal_self_distillation(equal, 2.0, direction, scheme)) == pytest.approx(0, abs=1e-12)


def test_only_pupils_carry_a_gradient():
    sure, unsure, between = torch.tensor([9.0, 0, 0]), torch.tensor([0.1, 0, 0.2]), torch.tensor([2.0, 1, 0])
    logits = torch.stack([unsure, sure, between])[None].double()
    moved = {
        (direction, scheme): (
            slope(lambda z: losses.temporal_self_distillation(z, 1.0, direction, scheme), logits).abs().sum(-1)[0] > 0  # noqa: B023
        ).tolist()
        for direction in ("strong_to_weak", "weak_to_strong")
        for scheme in ("simultaneous", "cascade", "ensemble")
    }
    assert moved["strong_to_weak", "simultaneous"] == [True, False, True]
    assert moved["strong_to_weak", "cascade"] == [True, False, True]
    assert moved["strong_to_weak", "ensemble"] == [True, False, False]
    assert moved["weak_to_strong", "simultaneous"] == [False, True, True]
    assert moved["weak_to_strong", "ensemble"] == [False, True, False]


def test_self_distillation_descends_to_agreement():
    start = double(3, 4, 5, seed=2)
    assert descend(start, lambda z: losses.temporal_self_distillation(z, 2.0), 500, 4.0) < 1e-3
