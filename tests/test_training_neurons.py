"""LIF units and batch norms: known trajectories, the compiled kernels against torch, gradients against differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.methods import rectify
from training.neurons import SURROGATES, _storing, lif, step_by_step
from training.norms import NORMS, TdBn
from training.quantizers import Word

HALF, ONE = torch.tensor(0.5), torch.tensor(1.0)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("name", SURROGATES)
def test_a_surrogates_slope_is_its_primitives(name):
    x = torch.linspace(-2, 2, 802, dtype=torch.float64)  # 0 and the corners lie between two points
    primitive, slope = SURROGATES[name].primitive, SURROGATES[name].slope
    step = 1e-6
    assert torch.allclose((primitive(x + step) - primitive(x - step)) / (2 * step), slope(x), atol=1e-6)
    assert torch.allclose(slope(x), slope(-x))
    ends = torch.tensor([-1e6, 0.0, 1e6], dtype=torch.float64)
    assert primitive(ends).tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)


def test_inflor_is_the_triangle_of_the_rectified_membrane():
    u = torch.linspace(-2, 4, 601, dtype=torch.float64).requires_grad_()
    rectified = rectify(u)
    rectified.backward(SURROGATES["triangle"].slope(rectified.detach() - 1))
    assert torch.allclose(u.grad, SURROGATES["inflor"].slope(u.detach() - 1))


@pytest.mark.parametrize("name", SURROGATES)
def test_spikes_step_at_theta_and_their_gradient_is_the_surrogate(name):
    theta = torch.tensor(4.0)
    u = torch.linspace(-4, 12, 161).reshape(1, 1, 1, 1, -1).requires_grad_()
    fired, _ = lif(u, 1, HALF, theta, "zero", name)
    fired.sum().backward()
    assert torch.equal(fired, (u >= theta).float())
    assert torch.allclose(u.grad, SURROGATES[name].slope(u.detach() / theta - 1) / theta, atol=1e-6)


@given(
    seed=st.integers(0, 10_000),
    steps=st.tuples(st.integers(1, 5), st.booleans()),
    reset=st.sampled_from(["zero", "subtract"]),
    surrogate=st.sampled_from(list(SURROGATES)),
    bits=st.sampled_from([None, 1, 3, 8, 16]),
    last=st.booleans(),
    seen=st.sampled_from([(1, 0), (0, 1), (1, 1)]),
)
@settings(deadline=None, max_examples=60)
def test_compiled_units_equal_their_readable_twin(seed, steps, reset, surrogate, bits, last, seen):
    (count, still), word = steps, Word(bits) if bits else None
    theta = 1.0 if word is None else float(word.span) / 2
    drive = 0.7 * theta * normal(2, 1 if still else count, 3, 4, 5, seed=seed)
    drive = drive if word is None else drive.round()
    if last:
        drive = drive.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    slopes = [weight * normal(2, count, 3, 4, 5, seed=seed + 1 + i) for i, weight in enumerate(seen)]
    found = []
    for run, how in ((lif, word), (step_by_step, _storing(word))):
        given_ = [x.clone().requires_grad_() for x in (drive, torch.tensor(0.75), torch.tensor(theta))]
        made = run(given_[0], count, *given_[1:], reset, surrogate, how)
        sum((x * slope).sum() for x, slope, used in zip(made, slopes, seen, strict=True) if used).backward()
        found.append([*made, *(x.grad for x in given_)])
    for index, (ours, theirs) in enumerate(zip(*found, strict=True)):
        if index < 2:
            assert torch.equal(ours, theirs)
        else:
            zero = torch.zeros(())
            ours, theirs = (zero if x is None else x for x in (ours, theirs))
            assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5 * max(1.0, float(theirs.abs().max())))


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_membrane_gradients_agree_with_finite_differences(reset):
    """Between thresholds a membrane is linear in the drive, with the resets held."""
    drive = (0.8 * normal(3, 4, 2, 2, 2, dtype=torch.float64)).requires_grad_()
    leak, theta = (torch.tensor(x, dtype=torch.float64) for x in (0.6, 1.0))
    leak.requires_grad_()
    spikes, membranes = lif(drive, 4, leak, theta, reset)
    assert 0 < spikes.sum() < spikes.numel()
    assert (membranes - 1).abs().min() > 1e-4
    assert torch.autograd.gradcheck(lambda a, k: lif(a, 4, k, theta, reset)[1], (drive, leak), eps=1e-7, atol=1e-6)


def test_hard_reset_forgets_and_soft_reset_keeps_the_rest():
    drive = torch.full((1, 1, 1, 1, 1), 1.5)
    assert lif(drive, 3, HALF, ONE, "zero")[1].flatten().tolist() == [1.5, 1.5, 1.5]
    assert lif(drive, 3, HALF, ONE, "subtract")[1].flatten().tolist() == [1.5, 1.75, 1.875]


@pytest.mark.parametrize(("bits", "low"), [(2, [-300, -428, -428]), (1, [-300, -300, -300])])
def test_stored_membranes_are_floored_and_saturate(bits, low):
    word = Word(bits)
    assert (word.low, word.high, word.step, word.span) == {2: (-2, 1, 64, 128), 1: (0, 1, 128, 256)}[bits]
    drive = torch.tensor([-300.0, 3.0 + word.step])[:, None, None, None, None]
    membranes = lif(drive, 3, ONE, torch.tensor(1000.0), "zero", "triangle", word)[1].reshape(2, 3)
    assert membranes[0].tolist() == low  # stored as the lowest level
    kept = 2 * word.step + 3
    assert membranes[1].tolist() == [word.step + 3, kept, kept]  # the lowest bits are lost, and the highest level is 1


def test_an_integer_leak_floors():
    drive = torch.tensor([-3.0, 3.0])[:, None, None, None, None]
    membranes = lif(drive, 3, HALF, torch.tensor(64.0), "zero", "triangle", Word(8))[1].reshape(2, 3)
    assert membranes.tolist() == [[-3, -5, -6], [3, 4, 5]]


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("leak", [0.0, 0.5, 0.75])
def test_an_input_that_decays_is_a_higher_threshold(leak, reset):
    """``u = leak v + (1 - leak) a`` with threshold 1 against ``u = leak v + a`` with ``1 / (1 - leak)``."""
    drive = (64 * normal(50, 6, 1, 1, 1)).round() / 64  # sums are exact in both
    v, spikes = torch.zeros(50, 1, 1, 1), []
    for t in range(6):
        u = leak * v + (1 - leak) * drive[:, t]
        spikes.append((u >= 1).float())
        v = u * (1 - spikes[-1]) if reset == "zero" else u - spikes[-1]
    ours, _ = lif(drive, 6, torch.tensor(leak), torch.tensor(1 / (1 - leak)), reset)
    assert torch.equal(ours, torch.stack(spikes, 1))
    assert 0 < ours.mean() < 1


# ------------------------------------------------------------------------------------------------- batch norms


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("still", [False, True])
def test_a_settled_batch_norm_is_the_affine_that_it_says(name, still):
    norm = NORMS[name](3, 4)
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    a = 5 * normal(6, 1 if still else 4, 3, 2, 2) + 2
    made = norm.normalized(a, 8.0)
    gain, offset = (x[..., None, None] for x in norm.affine())
    assert torch.allclose(made, 8 * (a * gain + offset), atol=1e-4)
    assert norm.affine()[0].shape == ((4, 3) if norm.per_step else (3,))


@pytest.mark.parametrize("name", NORMS)
def test_batch_norm_gradients_agree_with_finite_differences(name):
    norm = NORMS[name](2, 3).double()
    a = (3 * normal(4, 3, 2, 2, 2, dtype=torch.float64) + 1).requires_grad_()
    parameters: list[Any] = list(norm.parameters())
    assert torch.autograd.gradcheck(lambda *_: norm.normalized(a, 1.0), (a, *parameters), atol=1e-6)


def test_tdbn_agrees_with_torch_over_time_and_bntt_with_tdbn_of_one_step():
    theirs, a = torch.nn.BatchNorm3d(3, momentum=1.0), 5 * normal(6, 4, 3, 2, 2) + 2
    ours = TdBn(3, 4)
    assert torch.allclose(ours.normalized(a, 1.0), theirs(a.transpose(1, 2)).transpose(1, 2), atol=1e-5)
    assert torch.allclose(ours.mean, theirs.running_mean, atol=1e-6)
    assert torch.allclose(ours.variance, a.var((0, 1, 3, 4), correction=0), rtol=1e-5)
    by_step = NORMS["bntt"](3, 4).normalized(a, 1.0)
    assert torch.allclose(by_step[:, 2:3], TdBn(3, 1).normalized(a[:, 2:3], 1.0), atol=1e-5)
