"""What single losses of membranes, spikes, weights and features ask."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loss_cases import Tensor, descend, double, normal, slope

from training import losses
from training.losses import membrane_distillation

pytestmark = pytest.mark.usefixtures("one_thread")


def test_membrane_distillation_halves_towards_the_input():
    zeros = [torch.zeros(2, 4, 3, 2, 2)] * 3
    for stage, weight in enumerate((0.25, 0.5, 1.0)):
        off = [u + (2.0 if index == stage else 0.0) for index, u in enumerate(zeros)]
        assert float(membrane_distillation(off, zeros)) == pytest.approx(4 * weight)
        assert float(losses.membrane_features(off, zeros)) == pytest.approx(4 / 3)


def test_membrane_distillation_descends_to_the_teacher():
    theirs = [normal(2, 4, 3, 2, 2, seed=5), normal(2, 4, 3, 2, 2, seed=6)]

    def loss(free: Tensor) -> Tensor:
        return membrane_distillation(list(free), theirs)

    assert descend(torch.zeros(2, 2, 4, 3, 2, 2), loss, rate=20.0) < 1e-6


def test_membrane_distillation_refuses_unequal_depths():
    with pytest.raises(ValueError, match="shorter"):
        membrane_distillation([torch.zeros(1)] * 2, [torch.zeros(1)])


@pytest.mark.parametrize("matching", ["first", "strided", "mean"])
def test_equal_clocks_are_matched_step_by_step(matching):
    record = normal(2, 4, 3, seed=1)
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

    drive = normal(50, 3, seed=1)
    for steps in (1, 2, 3):
        assert torch.equal(losses.match_steps(membranes(drive, 4), steps), membranes(drive, steps))


def test_one_versatile_teacher_teaches_students_of_every_clock():
    theirs = [normal(2, 4, 3, 2, 2, seed=5)]
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
    start = double(50, seed=1) + 1
    spikes, end = start >= 1, start
    for _ in range(400):
        end = end - 100 * slope(lambda u: losses.rmp([u]), end) / 2
    assert torch.equal(end >= 1, spikes)
    assert torch.allclose(end, 2 * spikes.double(), atol=1e-3)


def test_the_weight_of_rmp_rises_from_zero_to_its_top():
    weights = [losses.rmp_weight(epoch, 10) for epoch in range(11)]
    assert weights[0] == 0
    assert weights[5] == pytest.approx(0.05)
    assert weights[-1] == pytest.approx(0.1)
    assert all(later > earlier for earlier, later in itertools.pairwise(weights))


def test_information_is_largest_where_half_of_the_units_fire():
    symmetric = double(1001, seed=1)
    symmetric = torch.cat([symmetric, -symmetric])
    assert float(losses.information_maximization([symmetric + 1])) == pytest.approx(0, abs=1e-12)
    assert float((symmetric + 1 >= 1).double().mean()) == pytest.approx(0.5)
    assert float(losses.information_maximization([symmetric + 1, symmetric + 3])) == pytest.approx(2)
    assert descend(symmetric - 1, lambda u: losses.information_maximization([u]), 100, 200.0) < 1e-9


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
    trains = (double(2, 8, 3, 4, 4, seed=seed + index).gt(0).double() for index in range(2))
    ours, theirs = ([train] for train in trains)
    values = [float(losses.spike_distillation(ours, theirs, window, window)) for window in (1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    each = float(losses.spike_distillation(ours, theirs, 1))
    assert float(losses.spike_distillation(ours, theirs, 1, channels="mean")) <= each


def test_the_whole_train_as_window_is_blind_to_when():
    ours, theirs = (double(2, 4, 3, 2, 2, seed=index).gt(0).double() for index in range(2))
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
    assert descend(torch.zeros(8), lambda s: losses.spike_regulation([s]), 200, 2.0) < 1e-9


@given(seed=st.integers(0, 1000), offset=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_standardized_weights_have_balanced_signs(seed: int, offset: float, scale: float):
    weight = double(4, 6, 3, 3, seed=seed) + 2
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
    assert torch.autograd.gradcheck(losses.standardized, double(2, 3, 2, seed=1).requires_grad_())


def test_attention_sees_where_not_how_much():
    ours, theirs = double(3, 4, 2, 3, 3, seed=1), double(3, 5, 3, 3, seed=2)
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
    theirs = double(2, 3, 3, 3, seed=1).abs()
    start = double(2, 2, 4, 3, 3, seed=2).abs()
    assert descend(start, lambda s: losses.attention_distillation([s], [theirs]), 2000, 0.5) < 1e-4


def test_rate_feature_aligns_channels_and_learns_to():
    torch.manual_seed(0)
    module = losses.RateFeature(2, 5)
    spikes, theirs = normal(4, 3, 2, 3, 3, seed=1).gt(0).float(), normal(4, 5, 3, 3, seed=2)
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
    spikes, theirs = double(2, 3, 2, 3, 3, seed=1), double(2, 3, 3, 3, seed=2)
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
    ours, theirs = normal(2, 2, 3, 3, seed=1), normal(2, 2, 3, 3, seed=2)
    assert module(ours, 9 * theirs).item() == pytest.approx(module(ours, theirs).item(), rel=1e-5)
    assert math.isfinite(module(ours, 0 * theirs).item())
