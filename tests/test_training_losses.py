"""Losses: gradients against finite differences, known values, lower bounds, and that descent reaches the minimum."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from training import losses
from training.losses import logit_distillation, membrane_distillation, task
from training.losses._features import over_time
from training.losses.logits import softened_kl

Tensor = torch.Tensor
Loss = Callable[[Tensor], Tensor]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tensors of a few numbers: threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _double(*shape: int, seed: int) -> Tensor:
    return _normal(*shape, seed=seed).double()


def _descend(start: Tensor, loss: Loss, steps: int = 300, rate: float = 1.0) -> float:
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


def _slope(loss: Loss, at: Tensor) -> Tensor:
    free = at.clone().requires_grad_()
    return torch.autograd.grad(loss(free), free)[0]


LABELS = torch.tensor([0, 2, 1])

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
    "sei": (lambda z: losses.sei_distillation(z, _double(3, 4, seed=9).to(z.dtype), 2.0), (3, 2, 4)),
    "response": (
        lambda z: losses.response_distillation(z, _double(3, 4, seed=9).to(z.dtype), LABELS, 2.0, 0.3),
        (3, 4),
    ),
}


# ---- laws that all of them keep


@pytest.mark.parametrize("name", sorted(TEACHERS.keys() - {"focal"}))  # a weight without gradient: its own test below
def test_gradients_towards_the_student_are_those_of_finite_differences(name: str):
    loss, shape = TEACHERS[name]
    theirs = _double(*shape, seed=1)
    assert torch.autograd.gradcheck(lambda s: loss(s, theirs), _double(*shape, seed=2).requires_grad_())


@pytest.mark.parametrize("name", ALONE)
def test_gradients_of_losses_without_a_teacher_are_those_of_finite_differences(name: str):
    loss, shape = ALONE[name]
    assert torch.autograd.gradcheck(loss, _double(*shape, seed=3).requires_grad_())


@pytest.mark.parametrize("name", TEACHERS)
def test_a_student_that_is_its_teacher_has_nothing_to_learn(name: str):
    loss, shape = TEACHERS[name]
    same = _double(*shape, seed=4)
    assert float(loss(same, same)) == pytest.approx(0, abs=1e-12)
    assert _slope(lambda s: loss(s, same), same).abs().max() < 1e-7


@pytest.mark.parametrize("name", TEACHERS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_the_order_of_samples_does_not_matter_and_no_loss_is_negative(name: str, seed: int):
    loss, shape = TEACHERS[name]
    ours, theirs = _double(*shape, seed=seed), _double(*shape, seed=seed + 1)
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
    theirs = 0.3 * _double(*shape, seed=5)
    start = 0.3 * _double(*shape, seed=6)
    assert _descend(start, lambda s: loss(s, theirs), 2000, rate) < 1e-3 * float(loss(start, theirs))


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


# ---- the task, TET


def test_task_of_an_undecided_network_is_log_classes():
    assert float(task(torch.zeros(4, 10), torch.arange(4))) == pytest.approx(math.log(10))


def test_task_descends_towards_zero():
    labels = torch.arange(5)
    assert _descend(torch.zeros(5, 5), lambda z: task(z, labels), steps=2000) < 1e-2


@given(seed=st.integers(0, 1000))
def test_tet_asks_more_than_the_mean_answer_and_as_much_of_equal_steps(seed: int):
    logits = _double(3, 4, 5, seed=seed)
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
        end = end - 0.5 * _slope(loss, end)
    gap = float(end[0, 0, 0] - 1)
    assert gap > 0
    assert float(end[0, 0, 1] - 1) == pytest.approx(-gap)
    assert 1 / (1 + math.exp(2 * gap)) == pytest.approx(gap)  # softmax's error against the pull of the target


# ---- answers of a teacher


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


def test_focal_weights_are_those_of_the_cross_entropies_and_carry_no_gradient():
    ours, theirs = _double(3, 4, seed=1), _double(3, 4, seed=2)
    ratio = torch.stack([task(ours[i : i + 1], LABELS[i : i + 1]) for i in range(3)])
    ratio /= torch.stack([task(theirs[i : i + 1], LABELS[i : i + 1]) for i in range(3)])
    weight = 1 - torch.exp(-ratio)

    def fixed(z: Tensor) -> Tensor:
        return (weight * softened_kl(z, theirs, 2.0)).mean()

    assert torch.allclose(losses.focal_logit_distillation(ours, theirs, LABELS, 2.0), fixed(ours))
    slopes = (_slope(loss, ours) for loss in (fixed, lambda z: losses.focal_logit_distillation(z, theirs, LABELS, 2.0)))
    assert torch.allclose(*slopes)


def test_focal_weight_vanishes_for_samples_that_the_student_has_learned():
    theirs = _double(3, 4, seed=2)
    sure = 50 * torch.nn.functional.one_hot(LABELS, 4).double()
    assert float(losses.focal_logit_distillation(sure, theirs, LABELS)) < 1e-9
    assert float(logit_distillation(sure, theirs, 2.0)) > 1


@given(seed=st.integers(0, 1000))
def test_an_ensemble_that_agrees_one_by_one_costs_no_less_than_its_mean(seed: int):
    members, theirs = _double(3, 4, 5, seed=seed), _double(3, 5, seed=seed + 1)
    alone = losses.sei_distillation(members, theirs, 2.0)
    assert float(alone) >= float(logit_distillation(members.mean(1), theirs, 2.0))
    one = losses.sei_distillation(members[:, :1], theirs, 2.0)
    assert float(one) == pytest.approx(float(logit_distillation(members[:, 0], theirs, 2.0)))


def test_every_member_descends_to_the_teacher():
    theirs = _double(3, 5, seed=1)
    start = _double(3, 2, 5, seed=2)
    assert _descend(start, lambda z: losses.sei_distillation(z, theirs), 3000, 3.0) < 1e-4
    assert float(losses.sei_distillation(theirs[:, None].expand(-1, 4, -1), theirs)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_response_shares_between_teacher_and_labels(share: float):
    ours, theirs = _double(3, 4, seed=1), _double(3, 4, seed=2)
    want = share * logit_distillation(ours, theirs, 3.0) + (1 - share) * task(ours, LABELS)
    assert torch.equal(losses.response_distillation(ours, theirs, LABELS, 3.0, share), want)


# ---- time-steps that teach each other


@pytest.mark.parametrize("direction", ["strong_to_weak", "weak_to_strong"])
def test_of_two_time_steps_all_schemes_make_one_lesson(direction):
    logits = _double(5, 2, 4, seed=1)
    sure = logits.softmax(-1).amax(-1).argsort(1, descending=direction == "strong_to_weak")
    teacher, pupil = (logits[torch.arange(5), sure[:, index]] for index in (0, 1))
    want = float(logit_distillation(pupil, teacher, 2.0))
    for scheme in ("simultaneous", "cascade", "ensemble"):
        found = losses.temporal_self_distillation(logits, 2.0, direction, scheme)
        assert float(found) == pytest.approx(want)


@pytest.mark.parametrize("scheme", ["simultaneous", "cascade", "ensemble"])
@pytest.mark.parametrize("direction", ["strong_to_weak", "weak_to_strong"])
def test_time_steps_that_agree_have_no_lesson_and_their_order_does_not_matter(scheme, direction):
    logits = _double(3, 4, 5, seed=2)
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
            _slope(lambda z: losses.temporal_self_distillation(z, 1.0, direction, scheme), logits).abs().sum(-1)[0] > 0  # noqa: B023
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
    start = _double(3, 4, 5, seed=2)
    assert _descend(start, lambda z: losses.temporal_self_distillation(z, 2.0), 500, 4.0) < 1e-3


# ---- membranes


def test_membrane_distillation_halves_towards_the_input():
    zeros = [torch.zeros(2, 4, 3, 2, 2)] * 3
    for stage, weight in enumerate((0.25, 0.5, 1.0)):
        off = [u + (2.0 if index == stage else 0.0) for index, u in enumerate(zeros)]
        assert float(membrane_distillation(off, zeros)) == pytest.approx(4 * weight)
        assert float(losses.membrane_features(off, zeros)) == pytest.approx(4 / 3)


def test_membrane_distillation_descends_to_the_teacher():
    theirs = [_normal(2, 4, 3, 2, 2, seed=5), _normal(2, 4, 3, 2, 2, seed=6)]

    def loss(free: Tensor) -> Tensor:
        return membrane_distillation(list(free), theirs)

    assert _descend(torch.zeros(2, 2, 4, 3, 2, 2), loss, rate=20.0) < 1e-6


def test_membrane_distillation_refuses_unequal_depths():
    with pytest.raises(ValueError, match="shorter"):
        membrane_distillation([torch.zeros(1)] * 2, [torch.zeros(1)])


@pytest.mark.parametrize("matching", ["first", "strided", "mean"])
def test_equal_clocks_are_matched_step_by_step(matching):
    record = _normal(2, 4, 3, seed=1)
    assert torch.equal(losses.match_steps(record, 4, matching), record)


def test_a_teacher_of_four_steps_on_shorter_clocks():
    record = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    found = {
        matching: [losses.match_steps(record, steps, matching)[0].tolist() for steps in (1, 2, 3)]
        for matching in ("first", "strided", "mean")
    }
    assert found == {
        "first": [[0], [0, 1], [0, 1, 2]],
        "strided": [[3], [1, 3], [1, 2, 3]],
        "mean": [[1.5], [0.5, 2.5], [0.5, 1.5, 2.5]],
    }


@given(steps=st.integers(1, 9), fewer=st.integers(1, 9))
def test_means_of_a_longer_clock_see_every_step(steps: int, fewer: int):
    if fewer > steps:
        return
    weights = losses.match_steps(torch.eye(steps)[None], fewer, "mean")[0]
    assert (weights.sum(0) > 0).all()
    assert torch.allclose(weights.sum(1), torch.ones(fewer))
    if steps % fewer == 0:  # then windows are apart, and the mean over all is kept
        assert torch.allclose(weights.mean(0), torch.full((steps,), 1 / steps))


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_the_first_steps_of_a_teacher_are_a_shorter_teacher(reset: str):
    """Why `first` compares like with like: a unit that leaks and resets knows no future."""

    def membranes(drive: Tensor, steps: int) -> Tensor:
        v, seen = torch.zeros_like(drive), []
        for _ in range(steps):
            u = v / 2 + drive
            seen.append(u)
            v = u * (u < 1) if reset == "zero" else u - (u >= 1).float()
        return torch.stack(seen, 1)

    drive = _normal(50, 3, seed=1)
    for steps in (1, 2, 3):
        assert torch.equal(losses.match_steps(membranes(drive, 4), steps), membranes(drive, steps))


def test_one_versatile_teacher_teaches_students_of_every_clock():
    theirs = [_normal(2, 4, 3, 2, 2, seed=5)]
    for steps in (1, 2, 3, 4):
        same = [theirs[0][:, :steps]]
        assert float(membrane_distillation(same, theirs)) == 0
        assert float(membrane_distillation([same[0] + 1], theirs)) == pytest.approx(1)


def test_rmp_is_zero_where_membranes_are_spikes_and_largest_at_the_threshold():
    for u, want in ((0.0, 0.0), (2.0, 0.0), (1.0, 0.25), (0.5, 1 / 16), (-1.0, 0.25), (4.0, 1.0)):
        assert float(losses.rmp([torch.tensor([u])])) == pytest.approx(want)
    assert float(losses.rmp([torch.tensor([1.0])], 1)) == 0
    assert float(losses.rmp([torch.ones(3), torch.zeros(2)])) == pytest.approx(0.125)  # layers count alike


def test_rmp_descends_away_from_the_threshold_and_changes_no_spike():
    start = _double(50, seed=1) + 1
    spikes, end = start >= 1, start
    for _ in range(400):
        end = end - 100 * _slope(lambda u: losses.rmp([u]), end) / 2
    assert torch.equal(end >= 1, spikes)
    assert torch.allclose(end, 2 * spikes.double(), atol=1e-3)


def test_the_weight_of_rmp_rises_from_zero_to_its_top():
    weights = [losses.rmp_weight(epoch, 10) for epoch in range(11)]
    assert weights[0] == 0
    assert weights[5] == pytest.approx(0.05)
    assert weights[-1] == pytest.approx(0.1)
    assert all(later > earlier for earlier, later in itertools.pairwise(weights))


def test_information_is_largest_where_half_of_the_units_fire():
    symmetric = _double(1001, seed=1)
    symmetric = torch.cat([symmetric, -symmetric])
    assert float(losses.information_maximization([symmetric + 1])) == pytest.approx(0, abs=1e-12)
    assert float((symmetric + 1 >= 1).double().mean()) == pytest.approx(0.5)
    assert float(losses.information_maximization([symmetric + 1, symmetric + 3])) == pytest.approx(2)
    assert _descend(symmetric - 1, lambda u: losses.information_maximization([u]), 100, 200.0) < 1e-9


# ---- spikes


def test_windows_by_hand():
    ours, theirs = torch.tensor([[1.0, 0, 0, 1]])[..., None], torch.tensor([[0.0, 1, 0, 1]])[..., None]
    assert float(losses.spike_distillation([ours], [theirs], 1)) == pytest.approx(2 / 4)
    assert float(losses.spike_distillation([ours], [theirs], 2)) == pytest.approx((0 + 1 / 4 + 0) / 3)
    assert float(losses.spike_distillation([ours], [theirs], 2, 2)) == 0
    assert float(losses.spike_distillation([ours], [theirs], 4)) == 0
    assert float(losses.spike_distillation([ours], [theirs], 99)) == 0


@given(seed=st.integers(0, 1000))
def test_wider_windows_that_tile_never_see_more(seed: int):
    """A mean of differences squared is at most the mean of their squares."""
    trains = (_double(2, 8, 3, 4, 4, seed=seed + index).gt(0).double() for index in range(2))
    ours, theirs = ([train] for train in trains)
    values = [float(losses.spike_distillation(ours, theirs, window, window)) for window in (1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    each = float(losses.spike_distillation(ours, theirs, 1))
    assert float(losses.spike_distillation(ours, theirs, 1, channels="mean")) <= each


def test_the_whole_train_as_window_is_blind_to_when():
    ours, theirs = (_double(2, 4, 3, 2, 2, seed=index).gt(0).double() for index in range(2))
    shuffled = ours[:, [2, 0, 3, 1]]
    whole = [float(losses.spike_distillation([train], [theirs], 4)) for train in (ours, shuffled)]
    assert whole[0] == pytest.approx(whole[1])
    steps = [float(losses.spike_distillation([train], [theirs], 1)) for train in (ours, shuffled)]
    assert steps[0] != steps[1]


def test_space_and_channels_blur_as_time_does():
    one = torch.zeros(1, 1, 2, 2, 2)
    one[0, 0, 0, 0, 0] = 1
    other = torch.zeros(1, 1, 2, 2, 2)
    other[0, 0, 1, 1, 1] = 1
    assert float(losses.spike_distillation([one], [other])) > 0
    assert float(losses.spike_distillation([one], [other], spatial=2, channels="mean")) == 0


def test_rates_are_pulled_to_one_half_and_layers_count_alike():
    quarter, half = torch.tensor([1.0, 0, 0, 0]), torch.tensor([1.0, 0])
    assert float(losses.spike_regulation([quarter, half])) == pytest.approx(0.25**2 / 2)
    assert _descend(torch.zeros(8), lambda s: losses.spike_regulation([s]), 200, 2.0) < 1e-9


@given(seed=st.integers(0, 1000), offset=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_standardized_weights_have_balanced_signs(seed: int, offset: float, scale: float):
    weight = _double(4, 6, 3, 3, seed=seed) + 2
    ready = losses.standardized(weight)
    assert torch.allclose(ready.flatten(1).mean(1), torch.zeros(4).double(), atol=1e-9)
    assert torch.allclose(ready.flatten(1).std(1), torch.ones(4).double())
    assert torch.allclose(losses.standardized(scale * weight + offset), ready, atol=1e-6)
    assert float(losses.sign_entropy_bits(ready)) > max(0.9, float(losses.sign_entropy_bits(weight)))


def test_entropy_of_signs_by_hand():
    ones = torch.ones(1, 8)
    assert float(losses.sign_entropy_bits(ones)) == 0
    ones[0, :4] = -1
    assert float(losses.sign_entropy_bits(ones)) == pytest.approx(1)
    ones[0, :6] = -1
    assert float(losses.sign_entropy_bits(ones)) == pytest.approx(2 - 0.75 * math.log2(3))


def test_standardizing_is_differentiable():
    assert torch.autograd.gradcheck(losses.standardized, _double(2, 3, 2, seed=1).requires_grad_())


# ---- features


def test_attention_sees_where_not_how_much():
    ours, theirs = _double(3, 4, 2, 3, 3, seed=1), _double(3, 5, 3, 3, seed=2)
    value = float(losses.attention_distillation([ours], [theirs]))
    assert 0 < value <= 2
    assert float(losses.attention_distillation([7 * ours], [0.1 * theirs])) == pytest.approx(value)
    assert float(losses.attention_distillation([ours], [theirs[:, [3, 1, 0, 4, 2]]])) == pytest.approx(value)


def test_attention_on_different_places_costs_two_and_on_nothing_one():
    left, right, never = torch.zeros(3, 1, 1, 2).unbind(0)
    left[..., 0], right[..., 1] = 1, 1
    for ours, want in ((right, 2), (never, 1), (left, 0)):
        assert float(losses.attention_distillation([ours[None, None]], [left[None]])) == pytest.approx(want)


def test_attention_adds_the_squares_of_its_channels():
    features = torch.tensor([[1.0, 2.0], [1.0, 1.0]])[None, :, None]  # two channels of two places: 2 and 5
    assert torch.allclose(losses.attention(features), torch.tensor([[2.0, 5.0]]) / 29**0.5)


def test_attention_descends_to_the_teacher():
    theirs = _double(2, 3, 3, 3, seed=1).abs()
    start = _double(2, 2, 4, 3, 3, seed=2).abs()
    assert _descend(start, lambda s: losses.attention_distillation([s], [theirs]), 2000, 0.5) < 1e-4


def test_rate_feature_aligns_channels_and_learns_to():
    torch.manual_seed(0)
    module = losses.RateFeature(2, 5)
    spikes, theirs = _normal(4, 3, 2, 3, 3, seed=1).gt(0).float(), _normal(4, 5, 3, 3, seed=2)
    before = module(spikes, theirs).item()
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    for _ in range(200):
        optimizer.zero_grad()
        module(spikes, theirs).backward()
        optimizer.step()
    rates = spikes.mean(1).movedim(1, -1).reshape(-1, 2)
    design = torch.cat([rates, torch.ones(len(rates), 1)], 1)
    target = theirs.movedim(1, -1).reshape(-1, 5)
    best = (design @ torch.linalg.lstsq(design, target).solution - target).square().sum() / 4
    assert before > float(best)
    assert module(spikes, theirs).item() == pytest.approx(float(best), rel=1e-3)  # that of least squares


def test_a_blurred_feature_is_differentiable_and_learns_its_teacher():
    torch.manual_seed(0)
    module = losses.BlurredFeature(2, 3, drop=0).double()
    spikes, theirs = _double(2, 3, 2, 3, 3, seed=1), _double(2, 3, 3, 3, seed=2)
    assert torch.autograd.gradcheck(lambda s: module(s, theirs), spikes.clone().requires_grad_())
    before = module(spikes, theirs).item()
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(300):
        optimizer.zero_grad()
        module(spikes, theirs).backward()
        optimizer.step()
    assert module(spikes, theirs).item() < 0.05 * before


def test_a_blurred_feature_drops_whole_channels_as_often_as_asked():
    module = losses.BlurredFeature(200, 200, drop=0.15)
    seen: list[Tensor] = []
    module.generate = torch.nn.Sequential(torch.nn.Identity())
    module.generate.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    torch.manual_seed(0)
    module(torch.ones(50, 200, 2, 2), torch.ones(50, 200, 2, 2))
    (kept,) = seen
    assert torch.equal(kept.amin((2, 3)), kept.amax((2, 3)))
    assert float((kept == 0).float().mean()) == pytest.approx(0.15, abs=0.01)  # 3 sigma of 10,000 draws


def test_a_blurred_feature_does_not_see_the_scale_of_its_teacher():
    torch.manual_seed(0)
    module = losses.BlurredFeature(2, 2, drop=0)
    ours, theirs = _normal(2, 2, 3, 3, seed=1), _normal(2, 2, 3, 3, seed=2)
    assert module(ours, 9 * theirs).item() == pytest.approx(module(ours, theirs).item(), rel=1e-5)
    assert math.isfinite(module(ours, 0 * theirs).item())
