"""Converters: tables against the circuits' own decisions, their laws and statistics, and which columns share one."""

from __future__ import annotations

import numpy as np
import pytest
from adc_layers import FALSE_ALARM
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from spikesim_py.crossbar.converters import CIRCUITS, beyond, convert, ideal_thresholds
from spikesim_py.hardware import AdcKind
from spikesim_py.hardware.adc import Adc as Fields

KINDS = [AdcKind.SAR, AdcKind.FLASH, AdcKind.RAMP]


def fields(kind: AdcKind, sigma: float = 0.0, offset: float = 0.0, gain: float = 0.0, inl: float = 0.0) -> Fields:
    own = {AdcKind.SAR: {"capacitor_sigma": sigma}, AdcKind.RAMP: {"inl_lsb": inl}}.get(kind, {})
    return Fields(kind=kind, comparator_sigma_lsb=offset, gain_sigma=gain, **own)


def table(kind: AdcKind, low: int, bits: int, errors: Fields, drawn: np.ndarray) -> np.ndarray:
    return CIRCUITS[kind].thresholds(low, bits, errors, drawn)


def draws(kind: AdcKind, bits: int, converters: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(converters, CIRCUITS[kind].draws(bits)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(1, 13))
def test_a_circuit_without_errors_is_the_ideal_quantizer_exactly(kind: AdcKind, signed: bool, bits: int) -> None:
    low = -(2 ** (bits - 1)) if signed else 0
    found = table(kind, low, bits, fields(kind), draws(kind, bits))
    assert np.array_equal(found[0], ideal_thresholds(low, bits))
    x = np.linspace(low - 3, low + 2**bits + 3, 1777)
    plain = np.floor(x + 0.5)
    high = low + 2**bits - 1
    assert np.array_equal(convert(x, found[0], low), np.clip(plain, low, high))
    assert np.array_equal(beyond(x, found[0]), (plain < low) | (plain > high))


ERRORS = st.fixed_dictionaries(
    {
        "sigma": st.sampled_from([0.0, 0.01, 0.1]),
        "offset": st.sampled_from([0.0, 0.3, 20.0]),
        "gain": st.sampled_from([0.0, 0.02, 0.1]),
        "inl": st.sampled_from([0.0, 0.4, 40.0, -40.0]),
    }
)


@given(
    kind=st.sampled_from(KINDS),
    bits=st.integers(1, 8),
    signed=st.booleans(),
    errors=ERRORS,
    seed=st.integers(0, 2**20),
)
def test_every_table_ascends_and_its_codes_err_by_no_more_than_its_thresholds(
    kind: AdcKind, bits: int, signed: bool, errors: dict[str, float], seed: int
) -> None:
    low = -(2 ** (bits - 1)) if signed else 0
    drawn = draws(kind, bits, 3, seed)
    found = table(kind, low, bits, fields(kind, **errors), drawn)
    assert found.shape == (3, 2**bits - 1)
    assert np.all(np.diff(found, axis=1) >= 0)
    x = np.random.default_rng(seed).uniform(low - 0.5, low + 2**bits - 0.5, 200)
    for row in found:
        bound = 0.5 + np.abs(row - ideal_thresholds(low, bits)).max()
        assert np.abs(convert(x, row, low) - x).max() <= bound * (1 + 1e-12)


def search(x: float, low: int, weights: list[float], gain: float, offset: float) -> int:
    """The decisions of a SAR converter, one after the other."""
    code, made = 0, 0.0
    for bit in reversed(range(len(weights))):
        level = made + weights[bit]
        if x >= gain * (low + level - 0.5) + offset:
            code, made = code | 1 << bit, level
    return low + code


@given(
    bits=st.integers(1, 8),
    signed=st.booleans(),
    sigma=st.sampled_from([0.0, 0.02, 0.1]),
    seed=st.integers(0, 2**20),
    where=st.floats(-0.2, 1.2),
)
def test_a_sar_table_says_what_its_binary_search_decides(
    bits: int, signed: bool, sigma: float, seed: int, where: float
) -> None:
    low = -(2 ** (bits - 1)) if signed else 0
    drawn = draws(AdcKind.SAR, bits, 1, seed)
    (row,) = table(AdcKind.SAR, low, bits, fields(AdcKind.SAR, sigma, 0.7, 0.05), drawn)
    capacitors = [2**i * (1 + sigma * drawn[0, 3 + i] / 2 ** (i / 2)) for i in range(bits)]
    total = sum(capacitors) + 1 + sigma * drawn[0, 2]
    weights = [2**bits * c / total for c in capacitors]
    gain, offset = 1 + 0.05 * drawn[0, 0], 0.7 * drawn[0, 1]
    # anywhere, and on either side of a threshold (rounding may move it by a few ulp)
    near = row[int(abs(where) * 1e6) % len(row)]
    for x in (low + where * 2**bits, near - 1e-9, near + 1e-9):
        assert convert(x, row, low) == search(x, low, weights, gain, offset)


def test_a_sar_array_that_steps_back_skips_codes_but_stays_monotone() -> None:
    """A highest capacitor of 5.74 units instead of 8, of 13.74 in all: codes 6 and 7 would need 6 and 7 below it."""
    drawn = np.zeros((1, CIRCUITS[AdcKind.SAR].draws(4)))
    drawn[0, 3 + 3] = -8
    (row,) = table(AdcKind.SAR, 0, 4, fields(AdcKind.SAR, 0.1), drawn)
    codes = convert(np.linspace(-1, 17, 5000), row, 0)
    assert np.all(np.diff(codes) >= 0)
    assert set(range(16)) - set(codes.tolist()) == {6, 7}


@given(bits=st.integers(1, 6), seed=st.integers(0, 2**20), where=st.floats(-0.2, 1.2))
def test_a_flash_table_counts_the_comparators_that_say_yes(bits: int, seed: int, where: float) -> None:
    drawn = draws(AdcKind.FLASH, bits, 1, seed)
    (row,) = table(AdcKind.FLASH, 0, bits, fields(AdcKind.FLASH, offset=2.0, gain=0.1), drawn)
    x = where * 2**bits
    references = [(1 + 0.1 * drawn[0, 0]) * (j + 0.5) + 2.0 * drawn[0, 1 + j] for j in range(2**bits - 1)]
    assert convert(x, row, 0) == sum(x >= reference for reference in references)


@given(
    bits=st.integers(1, 6),
    seed=st.integers(0, 2**20),
    where=st.floats(-0.2, 1.2),
    inl=st.sampled_from([-30.0, -0.4, 0.0, 3.0, 60.0]),
)
def test_a_ramp_table_stops_where_the_ramp_first_passes_the_input(
    bits: int, seed: int, where: float, inl: float
) -> None:
    drawn = draws(AdcKind.RAMP, bits, 1, seed)
    (row,) = table(AdcKind.RAMP, 0, bits, fields(AdcKind.RAMP, offset=0.5, gain=0.1, inl=inl), drawn)
    x, last, count = where * 2**bits, 2**bits - 1, 0
    while count < last:
        p = (count + 0.5) / last
        level = (1 + 0.1 * drawn[0, 0]) * (count + 0.5 + 4 * inl * p * (1 - p)) + 0.5 * drawn[0, 1]
        if level > x:  # the ramp has passed: the counter stops
            break
        count += 1
    assert convert(x, row, 0) == count


@pytest.mark.parametrize("kind", KINDS)
def test_an_offset_shifts_all_thresholds_and_a_gain_scales_them(kind: AdcKind) -> None:
    drawn = np.zeros((1, CIRCUITS[kind].draws(5)))
    ideal = ideal_thresholds(-16, 5)
    drawn[0, 1:] = 1.5  # every comparator alike
    assert table(kind, -16, 5, fields(kind, offset=0.2), drawn)[0] == pytest.approx(ideal + 0.3, abs=1e-12)
    drawn[:] = 0
    drawn[0, 0] = -2.0
    assert table(kind, -16, 5, fields(kind, gain=0.05), drawn)[0] == pytest.approx(0.9 * ideal, abs=1e-12)


def test_a_ramps_bow_is_a_parabola_of_the_stated_height() -> None:
    ideal = ideal_thresholds(0, 6)
    (row,) = table(AdcKind.RAMP, 0, 6, fields(AdcKind.RAMP, inl=3.0), np.zeros((1, 2)))
    inl = row - ideal
    assert inl[31] == inl.max() == 3.0
    assert inl == pytest.approx(inl[::-1], abs=1e-12)
    assert np.diff(inl, 2) == pytest.approx(-8 * 3.0 / 63**2, abs=1e-12)
    below = table(AdcKind.RAMP, 0, 6, fields(AdcKind.RAMP, inl=-3.0), np.zeros((1, 2)))[0] - ideal
    assert below == pytest.approx(-inl, abs=1e-12)


def assert_variance(found: np.ndarray, expected: float) -> None:
    """Chi-squared test of a variance, two-sided, at `FALSE_ALARM`."""
    n = found.size
    low, high = chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], n - 1)
    assert low < (n - 1) * found.var(ddof=1) / expected < high


@pytest.mark.parametrize("code", [32, 64, 128, 192])
def test_the_inl_of_a_capacitor_array_is_a_brownian_bridge(code: int) -> None:
    sigma, bits = 0.002, 8
    found = table(AdcKind.SAR, 0, bits, fields(AdcKind.SAR, sigma), draws(AdcKind.SAR, bits, 4000, seed=code))
    p = code / 2**bits
    assert_variance(found[:, code - 1] - (code - 0.5), sigma**2 * 2**bits * p * (1 - p))


def test_comparators_and_references_err_as_stated() -> None:
    drawn = draws(AdcKind.FLASH, 4, 2000)
    spread = table(AdcKind.FLASH, 0, 4, fields(AdcKind.FLASH, offset=0.05), drawn) - ideal_thresholds(0, 4)
    assert_variance(spread.ravel(), 0.05**2)  # comparators half an LSB apart do not change places
    gain = table(AdcKind.RAMP, 0, 4, fields(AdcKind.RAMP, gain=0.03), draws(AdcKind.RAMP, 4, 3000))[:, -1] / 14.5
    assert_variance(gain, 0.03**2)
