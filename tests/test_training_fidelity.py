"""Fidelity of a quantized network: known values, and the laws of a distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from spikesim_py.errors import InputError
from training.fidelity import Record, dead_share, fidelity, firing_rates, membrane_error, rate_distance


def _spikes(seed: int, units: int = 12, samples: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random((samples, 4, units)) < rng.random(units)).astype(np.uint8)


@given(seed=st.integers(0, 10_000))
def test_the_distance_of_rates_is_a_distance(seed: int):
    a, b, c = (_spikes(seed + index) for index in range(3))
    assert rate_distance(a, b) == pytest.approx(wasserstein_distance(firing_rates(a), firing_rates(b)))
    assert rate_distance(a, b) == rate_distance(b, a)
    assert rate_distance(a, c) <= rate_distance(a, b) + rate_distance(b, c) + 1e-12
    assert rate_distance(a, a) == 0
    mixed = a[::-1][:, ::-1][..., np.random.default_rng(seed).permutation(a.shape[-1])]
    assert rate_distance(a, mixed) == pytest.approx(0, abs=1e-12)  # which unit, sample and time-step: all one
    assert rate_distance(a, b) >= abs(a.mean() - b.mean()) - 1e-12


def test_rates_by_hand():
    spikes = np.zeros((2, 4, 3), np.uint8)
    spikes[0, :2, 0] = spikes[:, :, 2] = 1
    assert firing_rates(spikes).tolist() == [0.25, 0, 1]
    assert dead_share(spikes) == pytest.approx(1 / 3)
    assert rate_distance(spikes, np.zeros((1, 9, 3, 1))) == pytest.approx(1.25 / 3)


def test_more_samples_never_make_more_units_dead():
    spikes = _spikes(1, units=200) & _spikes(2, units=200)
    shares = [dead_share(spikes[:count]) for count in range(1, 6)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1] > 0


def test_a_ternary_unit_whose_spikes_cancel_is_not_dead():
    assert dead_share(np.array([[[1.0, 0.0], [-1.0, 0.0]]])) == 0.5


@given(seed=st.integers(0, 1000), bits=st.integers(2, 12))
def test_the_error_of_a_rounded_membrane_is_below_half_its_step(seed: int, bits: int):
    membranes = np.random.default_rng(seed).uniform(-2, 2, (3, 4, 5, 2, 2))
    step = 4 / 2**bits
    error = membrane_error(np.round(membranes / step) * step, membranes)
    assert error <= step / 2
    assert error == pytest.approx(step / 12**0.5, rel=0.2)  # of a uniform error
    assert membrane_error(membranes + 0.5, membranes) == pytest.approx(0.5)


def test_integer_membranes_do_not_wrap():
    assert membrane_error(np.full((1, 1, 1), -100, np.int8), np.full((1, 1, 1), 100, np.int8)) == 200


def test_one_stage_of_each_network():
    spikes = {"stem": _spikes(1), "deep": _spikes(2)}
    reference = {stage: Record(value, value * 1.5) for stage, value in spikes.items()}
    same = fidelity(reference, reference)
    assert list(same) == ["stem", "deep"]
    for stage, found in same.items():
        assert found.rate == found.reference_rate == spikes[stage].mean()
        assert (found.rate_distance, found.membrane_error) == (0, 0)
        assert found.dead == found.reference_dead
    silent = {stage: Record(0 * value, 0 * value) for stage, value in spikes.items()}
    found = fidelity(silent, reference)["deep"]
    assert found.dead == 1
    assert found.rate_distance == pytest.approx(found.reference_rate)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: firing_rates(np.zeros((2, 3))), r"spikes: shape \(2, 3\)"),
        (lambda: firing_rates(np.zeros((0, 3, 2))), r"spikes: shape \(0, 3, 2\)"),
        (lambda: rate_distance(np.zeros((1, 1, 2)), np.zeros((1, 1, 3))), "units = 2: the reference has 3"),
        (lambda: membrane_error(np.zeros((1, 1, 2)), np.zeros((1, 2, 2))), "membranes: shape"),
        (lambda: fidelity({}, {"stem": Record(np.zeros(1), np.zeros(1))}), r"must be those of the reference, \['stem'"),
    ],
)
def test_records_that_do_not_belong_together_are_refused(call, message: str):
    with pytest.raises(InputError, match=message):
        call()
