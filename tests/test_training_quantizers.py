"""How numbers are stored: known formulas, laws of every quantizer, and gradients against finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.network import quantize_weights
from training import Integer, SpikingNetwork, architecture
from training.quantizers import (
    WEIGHTS,
    Filled,
    LearnedRange,
    Lsq,
    MeanStep,
    Mint,
    QSnn,
    SharedRange,
    SigmoidSum,
    Sign,
    SubBit,
    WeightQuantizer,
    Word,
    apply_affine,
    fold,
    instead,
    ste_floor,
    ste_round,
    ste_sign,
)
from training.quantizers.straight import power_of_two, scaled_gradient
from training.quantizers.sub_bit import codebook, codewords


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def made(name: str, bits: int, latent: torch.Tensor, **how: bool) -> WeightQuantizer:
    quantizer = WEIGHTS[name](bits, **how).to(latent.dtype)
    quantizer.start(latent)
    return quantizer.to(latent.dtype).eval()


BITS = [(name, bits) for name, kind in WEIGHTS.items() for bits in range(kind.least, kind.most + 1)]


# ------------------------------------------------------------------------------------------- straight-through pieces


@pytest.mark.parametrize(("ste", "exact"), [(ste_round, torch.round), (ste_floor, torch.floor)])
def test_rounding_passes_the_gradient_unchanged(ste, exact):
    x, slope = (3 * normal(50)).requires_grad_(), normal(50, seed=1)
    y = ste(x)
    y.backward(slope)
    assert torch.equal(y.detach(), exact(x.detach()))
    assert torch.equal(x.grad, slope)


def test_sign_has_no_zero():
    assert ste_sign(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [-1, 1, 1]


def test_values_and_gradients_of_the_other_pieces():
    x = torch.tensor([0.3, 1.0, 5.0, 6.0]).requires_grad_()
    assert power_of_two(x).tolist() == [0.25, 1, 4, 8]
    for y, slope in ((power_of_two(x), 1.0), (scaled_gradient(x, 0.1), 0.1), (instead(2 * x, x.detach() + 7), 2.0)):
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert gradient.tolist() == pytest.approx([slope] * 4)
    assert torch.equal(instead(2 * x, x.detach() + 7), x.detach() + 7)


# ------------------------------------------------------------------------------------------------- every quantizer


@pytest.mark.parametrize(("name", "bits"), BITS)
@given(seed=st.integers(0, 10_000), spread=st.floats(1e-3, 1e2), per_channel=st.booleans(), power=st.booleans())
@settings(deadline=None, max_examples=8)
def test_codes_are_whole_few_and_idempotent(name, bits, seed, spread, per_channel, power):
    latent = spread * normal(4, 10, seed=seed)
    quantizer = made(name, bits, latent, per_channel=per_channel, power_of_two=power)
    codes, scale = quantizer(latent)
    assert torch.equal(codes, codes.round())
    assert codes.abs().max() <= quantizer.top
    assert len(codes.unique()) <= 2**bits
    assert scale.shape == ((4, 1) if per_channel else ())
    assert (scale > 0).all()
    if power:
        assert torch.equal(scale.log2(), scale.log2().round())
    assert torch.equal(quantizer.codes(codes * scale, scale), codes)
    values = quantizer.compress(latent)
    inside = values.abs() <= quantizer.top * scale
    assert (
        (codes * scale - values).abs()[inside] <= (0.5001 if bits > 1 else 2) * scale.expand_as(values)[inside]
    ).all()


@pytest.mark.parametrize("name", [name for name, kind in WEIGHTS.items() if kind.most > 1])
def test_more_bits_lose_less(name):
    latent = 0.1 * normal(2000)
    errors = []
    for bits in (2, 4, 8):
        quantizer = made(name, bits, latent)
        codes, scale = quantizer(latent)
        errors.append(float((codes * scale - quantizer.compress(latent)).detach().square().mean()))
    assert errors[0] > errors[1] > errors[2]


def test_every_channel_has_its_own_scale():
    latent = normal(3, 50) * torch.tensor([[1.0], [10.0], [100.0]])
    for name in WEIGHTS:
        if name not in ("dorefa", "mint"):  # whose tanh is not linear
            scale = made(name, WEIGHTS[name].least, latent, per_channel=True)(latent)[1].flatten()
            alone = [float(made(name, WEIGHTS[name].least, row[None])(row[None])[1].detach()) for row in latent]
            assert scale.tolist() == pytest.approx(alone)


# ------------------------------------------------------------------------------------------------- one by one


def test_one_bit_weights_are_those_of_quantize():
    latent = normal(30)
    stored, scale = Sign(1)(latent)
    integers, expected = quantize_weights(latent.numpy(), 1)
    assert np.array_equal(stored.numpy(), integers)
    assert float(scale) == pytest.approx(expected)


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_qsnn_balances_signs_and_has_the_papers_gradient(progress):
    """Standardized per output, so that an offset changes nothing; k t (1 - tanh^2(t w')), k = max(1 / t, 1)."""
    quantizer, latent = QSnn(1), 3 + normal(4, 50, dtype=torch.float64)
    quantizer.temper(progress)
    codes, scale = quantizer(latent)
    assert torch.equal(codes, quantizer(latent - 7)[0])
    assert (codes.mean(1).abs() < 0.3).all()
    assert float(scale) == 1  # of the mean magnitude of normal weights, 0.80
    t, values = 0.1 * 100**progress, normal(30, dtype=torch.float64).requires_grad_()
    quantizer.codes(values, scale).sum().backward()
    want = max(1 / t, 1) * t * (1 - torch.tanh(t * values.detach()) ** 2)
    assert torch.allclose(values.grad, want)


PATTERNS = {"a": [1.0, 1, -1, 1], "b": [-1.0, 1, 1, 1], "c": [1.0, -1, -1, -1]}


def test_the_codebook_holds_the_patterns_used_most():
    kernel = {name: torch.tensor(signs).view(2, 2) for name, signs in PATTERNS.items()}
    weight = torch.stack([kernel[name] for name in "aaabbc"]).view(3, 2, 2, 2)
    assert codebook(0.3 * weight, 1).tolist() == sorted([PATTERNS["a"], PATTERNS["b"]])
    assert [PATTERNS["a"] in codebook(weight, bits).tolist() for bits in (1, 2, 3, 4)] == [True] * 4


@given(bits=st.integers(1, 4), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_sub_bit_kernels_are_codewords_and_stay_what_they_are(bits, seed):
    latent, quantizer = normal(6, 5, 2, 2, seed=seed) / 3, SubBit(1, kernel_bits=bits)
    codes, scale = quantizer(latent)
    assert len(codes.flatten(0, 1).unique(dim=0)) <= 2**bits
    assert codes.unique().tolist() == [-1, 1]
    assert torch.equal(quantizer(codes * scale)[0], codes)
    index, book = bits / 4, 2**bits * 4 / 120
    assert quantizer.stored_bits(latent) == pytest.approx(min(1, index + book))


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_all_patterns_are_one_bit_and_a_larger_codebook_is_never_worse(seed):
    latent = normal(6, 5, 3, 2, seed=seed).double()
    books = [codebook(latent, bits) for bits in range(1, 7)]
    assert all(set(map(tuple, a.tolist())) < set(map(tuple, b.tolist())) for a, b in itertools.pairwise(books))
    near = [float((book[codewords(latent, book, math.inf)].view_as(latent) * latent).sum()) for book in books]
    assert near == sorted(near)  # the inner product with the latent weights only grows
    assert torch.equal(SubBit(1, kernel_bits=6)(latent)[0], latent.sign())
    assert torch.equal(books[-1][codewords(latent, books[-1])].view_as(latent), latent.sign())


def test_the_nearest_codeword_is_the_nearest_and_an_outlier_does_not_outvote_the_others():
    latent, book = normal(4, 3, 3, 3), codebook(normal(4, 3, 3, 3, seed=2), 3)
    distance = (latent.flatten(2)[:, :, None] - book).square().sum(3)
    assert torch.equal(codewords(latent, book, math.inf), distance.argmin(2))
    both, weight = torch.tensor([[1.0, 1, 1, 1], [-1.0, -1, -1, -1]]), torch.tensor([[[[9.0, -1], [-1, -1]]]])
    assert [int(codewords(weight, both, outlier)) for outlier in (math.inf, 2, 0.8)] == [0, 0, 1]


def test_sub_bit_passes_its_gradient_straight_to_the_latent_weights():
    latent = normal(2, 2, 3, 3).requires_grad_()
    codes, scale = SubBit(1, kernel_bits=4)(latent)
    codes.sum().backward()
    assert torch.allclose(latent.grad, torch.full_like(latent, 1 / float(scale.detach())))


@pytest.mark.parametrize(
    ("side", "bits", "message"), [(3, 10, "positions, 9, of"), (5, 4, "positions, 25, of which 16")]
)
def test_a_codebook_that_cannot_be_is_refused(side, bits, message):
    with pytest.raises(InputError, match=f"kernel_bits = {bits}: must be 1 to the kernel's {message}"):
        codebook(torch.zeros(1, 1, side, side), bits)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_filled_range_has_the_least_error_when_cells_err_by_a_tenth_of_it(bits):
    """Clipping, rounding and an independent error of top / 10 on every code, mean square over normal weights."""
    latent = normal(20_000)
    filled = Filled(bits)
    ends = np.linspace(1.2, 4.8, 37)

    def error(step: torch.Tensor) -> float:
        made = filled.codes(latent, step) * step
        return float((made - latent).square().mean() + (0.1 * filled.top * step) ** 2)

    errors = [error(end * latent.abs().mean() / filled.top) for end in ends]
    assert ends[int(np.argmin(errors))] == pytest.approx(2.4, abs=0.25)
    assert error(filled.scale(latent)) < 1.01 * min(errors)
    assert error(filled.usual_step(latent)) > 1.5 * min(errors)


def test_eight_bits_lose_at_most_half_a_step_of_the_largest_weight():
    latent = normal(1000)
    stored, scale = MeanStep(8)(latent)
    assert (stored * scale - latent).abs().max() <= 0.5001 * latent.abs().max() / 127


def test_mean_steps_gradient_is_one_over_the_scale_inside_the_range_and_zero_outside():
    latent = normal(200).requires_grad_()
    stored, scale = MeanStep(2)(latent)
    stored.sum().backward()
    inside = (latent / scale).round().abs() <= 1
    assert 0 < int(inside.sum()) < 200
    assert torch.allclose(latent.grad, torch.where(inside, 1 / scale, torch.zeros(())).detach())


def test_lsq_has_the_papers_gradient():
    """Eq. 3: round(w/s) - w/s inside, -top or top outside; times 1/sqrt(n top). Eq. 5: 1 inside, 0 outside."""
    latent = (2 * normal(500)).requires_grad_()
    quantizer = Lsq(3)
    quantizer.start(latent)
    codes, scale = quantizer(latent)
    (codes * scale).sum().backward()
    ratio, top = (latent / quantizer.step).detach(), 3
    inside = ratio.abs() < top
    each = torch.where(inside, ratio.round() - ratio, top * ratio.sign())
    assert 0 < int(inside.sum()) < 500
    # s reaches the product once as its scale, whose gradient passes through the same scaling
    assert float(quantizer.step.grad) == pytest.approx(float(each.sum()) / math.sqrt(500 * top), rel=1e-4)
    assert torch.allclose(latent.grad, inside.float(), atol=1e-6)


def test_mint_starts_as_its_authors_at_two_bits_and_its_gradient_is_that_of_clipping():
    latent = 0.1 * normal(400, dtype=torch.float64)
    quantizer = made("mint", 2, latent)
    assert float(quantizer.beta.detach()) == pytest.approx(float(2 * torch.tanh(latent).abs().mean()), rel=1e-6)
    quantizer.codes = lambda values, scale: (values / scale).clamp(-quantizer.top, quantizer.top)  # without rounding

    def stored(latent: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(quantizer, {"beta": beta}, (latent,))[0]

    assert torch.autograd.gradcheck(stored, (latent.requires_grad_(), quantizer.beta.detach().requires_grad_()))


@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("progress", [0.0, 0.5])
def test_the_sum_of_sigmoids_has_the_gradient_of_its_formula(bits, progress):
    quantizer = SigmoidSum(bits).train()
    quantizer.temper(progress)
    values = (2**bits * normal(60, dtype=torch.float64)).requires_grad_()
    one = torch.ones((), dtype=torch.float64)
    borders = torch.arange(1 - quantizer.top, quantizer.top + 1, dtype=torch.float64) - 0.5
    want = torch.sigmoid(quantizer.temperature * (values.detach()[:, None] - borders)).sum(1) - quantizer.top
    assert torch.allclose(quantizer.codes(values, one), want, atol=1e-6)
    assert torch.autograd.gradcheck(lambda x: quantizer.codes(x, one), (values,), atol=1e-5)


def test_the_sum_of_sigmoids_hardens_into_rounding():
    quantizer, values, gaps = SigmoidSum(4).train(), 3 * normal(300), []
    for progress in (0.0, 0.5, 1.0):
        quantizer.temper(progress)
        soft = quantizer.codes(values, torch.ones(()))
        gaps.append(float((soft - quantizer.eval().codes(values, torch.ones(()))).abs().mean()))
        quantizer.train()
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.02


# ------------------------------------------------------------------------------------------------- membranes


@pytest.mark.parametrize("bits", range(1, 17))
def test_words_hold_their_bits_and_a_threshold_of_64_units_or_more(bits):
    word = Word(bits)
    assert word.high - word.low + 1 == 2**bits
    assert word.low == (-word.high - 1 if bits > 1 else 0)
    assert word.span / word.usual_range >= 64
    assert word.high * word.step * 256 < 2**24  # a leak of 8 bits is exact in float32


def test_a_learned_range_is_a_whole_threshold_that_moves_with_it():
    membrane = LearnedRange(Word(4), 100)
    wide = membrane.theta()
    with torch.no_grad():
        membrane.exponent += 1
    assert float(wide.detach()) == 64 == 2 * float(membrane.theta().detach())
    membrane.theta().backward()
    assert float(membrane.exponent.grad) == pytest.approx(-32 * math.log(2) / math.sqrt(100 * 8))


def test_a_membrane_in_thresholds_does_not_pull_at_its_range():
    """Drive and threshold grow together: in a range of 16 thresholds, of which none is reached, nothing changes."""
    blueprint = architecture("convnet", {"channels": (3,)}, input_shape=(1, 8, 8), input_bits=4, classes=3)
    module = SpikingNetwork(blueprint, Integer(4, 16, weights="lsq", membranes="learned"))
    images = torch.randint(0, 16, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float()
    memory = module.range_of("lif1")
    with torch.no_grad():
        memory.exponent.fill_(4)
    loss = module(images).membranes[0].square().mean()
    loss.backward()
    alone = 2 * float(loss.detach()) * math.log(2) * memory._gradient  # if the threshold stood still
    assert abs(float(memory.exponent.grad)) < 0.01 * alone


def test_mints_membranes_share_the_weights_scale():
    quantizer = Mint(2)
    quantizer.start(normal(50))
    membrane = SharedRange(Word(2), lambda: quantizer.beta)
    assert float(membrane.theta().detach()) == round(float(128 / (2 * quantizer.beta.detach())))
    membrane.theta().backward()
    assert float(quantizer.beta.grad) < 0


# ------------------------------------------------------------------------------------------------- batch norms


@given(seed=st.integers(0, 10_000), bits=st.integers(2, 12), size=st.floats(1e-4, 1e2))
@settings(deadline=None, max_examples=50)
def test_folded_multipliers_fit_their_bits_and_lose_at_most_half_a_step(seed, bits, size):
    theta, gain, offset = 256.0, size * normal(8, seed=seed), normal(8, seed=seed + 1)
    folded = fold(gain, offset, theta, bits)
    top = 2 ** (bits - 1) - 1
    unit = theta * 2**folded.shift
    wanted = gain * unit
    step = torch.exp2(torch.log2(wanted.abs() / top).ceil().clamp(0, 8))  # 1 where the shift is enough
    mantissa = folded.multiplier / step
    assert torch.equal(mantissa, mantissa.round())
    assert mantissa.abs().max() <= top
    assert 0 <= folded.shift <= 16
    assert folded.shift == 0 or step.max() == 1
    reached = wanted.abs() <= top * 2**8
    assert ((folded.multiplier - wanted).abs() <= 0.5 * step)[reached].all()


def test_fold_of_a_layer_without_gain_is_finite():
    folded = fold(torch.zeros(3), torch.ones(3), 256.0, 8)
    assert folded.multiplier.tolist() == [0, 0, 0]
    assert (folded.bias / 2**folded.shift).tolist() == [256] * 3


@pytest.mark.parametrize("largest", [3000.0, math.inf])
def test_an_integer_affine_floors_as_an_arithmetic_shift_does(largest):
    """In float32 where that is exact, and in float64."""
    folded = fold(torch.tensor([0.013]), torch.tensor([-0.4]), 256.0, 8)
    a = torch.arange(-3000.0, 3000.0)[:, None, None, None, None]
    want = (a.long() * int(folded.multiplier) + int(folded.bias)) >> folded.shift
    assert torch.equal(apply_affine(a, folded, largest).long(), want)
