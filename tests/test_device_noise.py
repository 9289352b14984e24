"""Read noise: its standard deviation, and telegraph noise as a Markov chain in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_chips import DAY_S, FALSE_ALARM, cells_of, chip, device
from scipy.stats import binom, chi2, norm

from spikesim_py.crossbar.device import column_cells, column_read_sigma, column_telegraph, read_sigma
from spikesim_py.crossbar.fluctuation import fluctuates, telegraph_states
from spikesim_py.errors import ConfigError

RTN: dict[str, Any] = {"read__noise": "telegraph", "read__telegraph_amplitude": 0.1}
CELLS = np.arange(200_000, dtype=np.uint64)
Z = norm.isf(FALSE_ALARM / 2)


def states(steps: int = 4, sample: int = 0, seed: int = 0, cells: np.ndarray = CELLS, **fields: Any) -> np.ndarray:
    made = device(**RTN | fields)
    return telegraph_states(cells, made, seed=seed, chip=0, layer="fc", sample=sample, steps=steps)


def test_white_noise_adds_its_variances() -> None:
    levels = np.array([0.0, 1.0, 2.5, 3.0])
    both = device(cell_bits=2, read__noise="white", read__sigma=0.03, read__sigma_relative=0.04)
    off = 3 / 16
    expected = np.sqrt((0.03 * (3 + off)) ** 2 + (0.04 * (levels + off)) ** 2)
    assert read_sigma(levels, both) == pytest.approx(expected, rel=1e-6)


def test_flicker_noise_grows_with_the_age_of_the_state_that_was_programmed() -> None:
    """sigma = g(t) Q(x_p) sqrt(ln((t + tr) / 2 tr)), with the programmed x_p."""
    made = chip("pcm_joshi2020", age_s=1e6, program__coefficients_us=[0.0], retention__nu_sigma=[])
    cells = cells_of(np.full((2, 2), 6), made)
    sigma = column_read_sigma(cells, 0, made, seed=0, chip=0)
    off = 15 / 99
    x = (6 + off) / (15 + off)
    nu = max(-0.0155 * np.log(x) + 0.0244, 0.049)
    g = (6 + off) * (1e6 / 20) ** -nu
    expected = g * 0.0088 * x**-0.65 * np.sqrt(np.log((1e6 + 2.5e-7) / 5e-7))
    assert sigma == pytest.approx(expected, rel=1e-5)
    fresh = read_sigma(np.array([6.0]), chip("pcm_joshi2020").device)
    assert fresh == pytest.approx((6 + off) * 0.0088 * x**-0.65 * np.sqrt(np.log((20 + 2.5e-7) / 5e-7)), rel=1e-5)


def test_noise_that_does_not_depend_on_time_keeps() -> None:
    levels = np.arange(16.0)
    young, old = (read_sigma(levels, device("sonos_40nm", age_s=age)) for age in (0.0, DAY_S))
    assert np.array_equal(young, old)


@pytest.mark.parametrize(
    "fields",
    [{}, {"read__sigma": 0.1}, {"read__noise": "white"}, {"read__noise": "white", "read__sigma": 0.1, "ideal": True}],
)
def test_devices_without_read_noise_say_so(fields: dict[str, Any]) -> None:
    made = device(**fields)
    assert not fluctuates(made)
    assert read_sigma(np.ones(3), made) is None


def test_each_noise_is_itself_only() -> None:
    rtn, white = chip(**RTN, read__sigma=0.1), chip(read__noise="white", read__sigma=0.1)
    cells = cells_of(np.ones((3, 3), int), white)
    keys = {"seed": 0, "chip": 0, "sample": 0, "steps": 2}
    assert read_sigma(np.ones(3), rtn.device) is None
    assert column_telegraph(np.ones((1, 3, 3)), cells, 0, white, **keys) is None
    assert column_telegraph(np.ones((1, 3, 3)), cells, 0, rtn, **keys) is not None


@pytest.mark.parametrize(("high", "low"), [(1e-5, 1e-5), (3e-5, 1e-5), (2e-6, 8e-5)])
def test_telegraph_noise_is_stationary(high: float, low: float) -> None:
    seen = states(6, read__tau_high_s=high, read__tau_low_s=low).sum(1)
    bounds = binom.ppf([FALSE_ALARM / 12, 1 - FALSE_ALARM / 12], CELLS.size, high / (high + low))
    assert ((bounds[0] <= seen) & (seen <= bounds[1])).all()


@pytest.mark.parametrize("interval", [1e-7, 5e-6, 3e-5])
def test_transitions_have_the_probabilities_of_a_chain_in_continuous_time(interval: float) -> None:
    high, low = 2e-5, 1e-5
    path = states(2, read__tau_high_s=high, read__tau_low_s=low, read__interval_s=interval)
    share, left = high / (high + low), np.exp(-interval * (1 / high + 1 / low))
    for start, stay in ((True, share + (1 - share) * left), (False, 1 - share * (1 - left))):
        begun = path[0] == start
        bounds = binom.ppf([FALSE_ALARM / 4, 1 - FALSE_ALARM / 4], begun.sum(), stay)
        assert bounds[0] <= (path[1, begun] == start).sum() <= bounds[1]


def test_autocorrelation_decays_exponentially_over_steps() -> None:
    path = states(8, read__tau_high_s=4e-5, read__tau_low_s=2e-5, read__interval_s=1e-5).astype(float)
    rate = 1 / 4e-5 + 1 / 2e-5
    for lag in (1, 2, 4, 7):
        seen = np.corrcoef(path[0], path[lag])[0, 1]
        # sampling error of a binary correlation is at most that of independent pairs, 1/sqrt(n), times about 1.5
        assert abs(seen - np.exp(-rate * lag * 1e-5)) < 1.5 * Z / CELLS.size**0.5


def test_sampling_twice_as_often_is_the_same_process() -> None:
    """Chapman-Kolmogorov: two steps of dt move states as one step of 2 dt."""
    fine, coarse = states(3, read__interval_s=2e-4, seed=1), states(2, read__interval_s=4e-4, seed=2)
    table = np.array([[(p[0] == a)[p[-1] == b].sum() for a in (0, 1) for b in (0, 1)] for p in (fine, coarse)])
    expected = table.sum(0) / 2
    assert ((table - expected) ** 2 / expected).sum() < chi2.isf(FALSE_ALARM, 3)


def test_slow_traps_are_frozen_and_fast_ones_white() -> None:
    slow = states(5, read__tau_high_s=1e6, read__tau_low_s=1e6, read__interval_s=1e-9)
    assert (slow == slow[0]).all()
    fast = states(2, read__tau_high_s=1e-9, read__tau_low_s=1e-9, read__interval_s=1.0).astype(float)
    assert abs(np.corrcoef(fast)[0, 1]) * CELLS.size**0.5 < Z


def test_a_path_depends_on_its_cell_and_sample_alone() -> None:
    path = states(5, sample=3)
    assert np.array_equal(states(2, sample=3), path[:2])  # a longer run starts alike
    some = CELLS[::-7]
    assert np.array_equal(states(5, sample=3, cells=some), path[:, ::-7])  # any batch, any order
    for other in ({"sample": 4}, {"seed": 1}):
        correlation = np.corrcoef(path[0], states(1, **{"sample": 3} | other)[0])[0, 1]
        assert abs(correlation) * CELLS.size**0.5 < Z


def test_telegraph_noise_leaves_the_mean_conductance() -> None:
    """High and low lie one amplitude apart, and their mean over time is what was stored."""
    made = chip(**RTN, cell_bits=2, read__tau_high_s=3e-5, read__tau_low_s=1e-5)
    cells = cells_of(np.full((200, 200), 2), made)
    levels = column_cells(cells, 0, made, seed=0, chip=0)
    change = column_telegraph(levels, cells, 0, made, seed=0, chip=0, sample=0, steps=3)
    held = levels + 3 / 16
    assert change.shape == (3, *levels.shape)
    relative = change / held
    assert np.unique(relative.round(5)).tolist() == pytest.approx([-0.075, 0.025])
    assert abs(relative[0].mean()) < Z * 0.1 * np.sqrt(0.75 * 0.25 / levels.size)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"read__law": "power", "read__coefficients": [1.0]}, "law = 'power' needs 3, not 1"),
        ({"read__law": "log"}, r"coefficients = \[\]: needs 1, 4, or at least 6"),
        ({"read__law": "saturating", "read__coefficients": [1.0, 0.0]}, "needs \\[sigma >= 0, scale > 0\\]"),
        ({"read__pulse_s": 0.5, "retention__t0_s": 0.1}, "read.pulse_s = 0.5: must be at most the age, 0.1 s"),
        ({"read__tau_high_s": 0.0}, "read.tau_high_s = 0.0: must be greater than or equal to"),
        ({"read__sigma": -0.1}, "sigma = -0.1"),
    ],
)
def test_impossible_noise_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chip(**fields)
