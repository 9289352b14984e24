"""Quantizers, LIF units and batch norm: known formulas, and gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.network import quantize_weights
from training.networks import Norm
from training.neurons import SURROGATES, lif, spike
from training.quantizers import Float, Integer, ste_floor, ste_round, ste_sign


def _normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("ste", "exact"), [(ste_round, torch.round), (ste_floor, torch.floor)])
def test_rounding_passes_the_gradient_unchanged(ste, exact):
    x = (3 * _normal(50)).requires_grad_()
    y = ste(x)
    slope = _normal(50, seed=1)
    y.backward(slope)
    assert torch.equal(y.detach(), exact(x.detach()))
    assert torch.equal(x.grad, slope)


def test_sign_has_no_zero():
    assert ste_sign(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [-1, 1, 1]


@given(bits=st.integers(1, 8), seed=st.integers(0, 10_000), spread=st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=50)
def test_stored_weights_are_codes_and_close_to_the_latent_ones(bits, seed, spread):
    latent = spread * _normal(40, seed=seed)
    stored, scale = Integer(bits, 8, 8).weights(latent)
    top = max(2 ** (bits - 1) - 1, 1)
    assert torch.equal(stored, stored.round())
    assert stored.abs().max() <= top
    inside = latent.abs() <= top * scale
    if bits > 1:
        assert ((stored * scale - latent).abs()[inside] <= 0.5001 * scale).all()
        assert (stored.abs()[~inside] == top).all()


def test_one_bit_weights_are_those_of_quantize():
    latent = _normal(30)
    stored, scale = Integer(1, 8, 8).weights(latent)
    integers, expected = quantize_weights(latent.numpy(), 1)
    assert np.array_equal(stored.numpy(), integers)
    assert float(scale) == pytest.approx(expected)


def test_eight_bits_lose_at_most_half_a_step_of_the_largest_weight():
    latent = _normal(1000)
    stored, scale = Integer(8, 8, 8).weights(latent)
    assert (stored * scale - latent).abs().max() <= 0.5001 * latent.abs().max() / 127


def test_weight_gradient_is_one_over_the_scale_inside_the_range_and_zero_outside():
    latent = _normal(200).requires_grad_()
    stored, scale = Integer(2, 8, 8).weights(latent)
    stored.sum().backward()
    inside = (latent / scale).round().abs() <= 1
    assert 0 < int(inside.sum()) < 200
    assert torch.allclose(latent.grad, torch.where(inside, 1 / scale, torch.zeros(())).detach())


@given(seed=st.integers(0, 10_000), bits=st.integers(2, 12), size=st.floats(1e-4, 1e2))
@settings(deadline=None, max_examples=50)
def test_folded_multipliers_fit_their_bits_and_lose_at_most_half_a_step(seed, bits, size):
    arithmetic = Integer(4, 10, bits)
    gain, offset = size * _normal(8, seed=seed), _normal(8, seed=seed + 1)
    folded = arithmetic.fold(gain, offset)
    top = 2 ** (bits - 1) - 1
    unit = arithmetic.theta * 2**folded.shift
    assert folded.multiplier.abs().max() <= top
    assert 0 <= folded.shift <= 16
    if float((gain * unit).abs().max()) <= top:
        assert (folded.multiplier - gain * unit).abs().max() <= 0.5
    else:
        assert folded.shift == 0


def test_fold_of_a_layer_without_gain_is_finite():
    folded = Integer(4, 10, 8).fold(torch.zeros(3), torch.ones(3))
    assert folded.multiplier.tolist() == [0, 0, 0]
    assert (folded.bias / 2**folded.shift).tolist() == [256] * 3


def test_integer_affine_floors_as_an_arithmetic_shift_does():
    arithmetic = Integer(4, 10, 8)
    folded = arithmetic.fold(torch.tensor([0.013]), torch.tensor([-0.4]))
    a = torch.arange(-3000.0, 3000.0)[:, None, None]
    want = (a.long() * int(folded.multiplier) + int(folded.bias)) >> folded.shift
    assert torch.equal(arithmetic.affine(a, folded).long(), want)


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogate_is_even_and_has_area_one(name):
    x = torch.linspace(-2, 2, 4001, dtype=torch.float64)
    slope = SURROGATES[name](x)
    assert torch.allclose(slope, slope.flip(0))
    assert float(torch.trapezoid(slope, x)) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("name", SURROGATES)
def test_spike_steps_at_theta_and_its_gradient_is_the_surrogate(name):
    theta = 4.0
    u = torch.linspace(-4, 12, 161).requires_grad_()
    fired = spike(u, theta, name)
    fired.sum().backward()
    assert torch.equal(fired, (u >= theta).float())
    assert torch.equal(u.grad, SURROGATES[name](u.detach() / theta - 1) / theta)


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_membrane_gradients_agree_with_finite_differences(reset):
    """Between thresholds a membrane is linear in the drive, with the resets held."""
    drive = (0.8 * _normal(3, 4, 2, 2, 2, dtype=torch.float64)).requires_grad_()
    spikes, membranes = lif(drive, 4, Float(), reset, "triangle")
    assert 0 < spikes.sum() < spikes.numel()
    assert (membranes - 1).abs().min() > 1e-4
    assert torch.autograd.gradcheck(lambda a: lif(a, 4, Float(), reset, "triangle")[1], (drive,), eps=1e-7, atol=1e-6)


def test_batch_norm_gradients_agree_with_finite_differences():
    norm = Norm(2).double()
    a = (3 * _normal(4, 3, 2, 2, 2, dtype=torch.float64) + 1).requires_grad_()
    gamma, beta = norm.gamma, norm.beta
    assert torch.autograd.gradcheck(lambda *_: norm(a, Float()), (a, gamma, beta), atol=1e-6)


def test_batch_norm_agrees_with_torch():
    ours, theirs = Norm(3), torch.nn.BatchNorm3d(3, momentum=1.0)
    a = 5 * _normal(6, 4, 3, 2, 2) + 2
    swapped = a.transpose(1, 2)
    assert torch.allclose(ours(a, Float()), theirs(swapped).transpose(1, 2), atol=1e-5)
    assert torch.allclose(ours.mean, theirs.running_mean, atol=1e-6)


def test_hard_reset_forgets_and_soft_reset_keeps_the_rest():
    drive = torch.full((1, 1, 1, 1, 1), 1.5)
    hard = lif(drive, 3, Float(), "zero", "triangle")[1].flatten()
    soft = lif(drive, 3, Float(), "subtract", "triangle")[1].flatten()
    assert hard.tolist() == [1.5, 1.5, 1.5]
    assert soft.tolist() == [1.5, 1.75, 1.875]


def test_integer_membranes_floor_when_they_leak_and_saturate_when_stored():
    arithmetic = Integer(4, 4, 8)  # -8 to 7, threshold 4
    assert arithmetic.theta == 4
    drive = torch.tensor([-30.0, 3.0])[:, None, None, None, None]
    membranes = lif(drive, 3, arithmetic, "zero", "triangle")[1].reshape(2, 3)
    assert membranes[0].tolist() == [-30, -34, -34]  # stored as -8, leaks to -4
    assert membranes[1].tolist() == [3, 4, 3]  # 3 leaks to 1; 4 fires
