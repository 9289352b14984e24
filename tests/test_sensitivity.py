"""Main effects, interactions and Sobol indices: laws, known functions, and agreement of the three ways to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikesim_py.errors import InputError
from spikesim_py.sweep import Factor, factors, main_effects, regression, sampled_indices, sensitivity
from spikesim_py.sweep.factors import cells
from spikesim_py.sweep.regression import contrasts


def factorial(*levels: int) -> list[Factor]:
    codes = np.indices(levels).reshape(len(levels), -1)
    return [Factor("abcdef"[i], np.arange(count), codes[i]) for i, count in enumerate(levels)]


TABLES = st.tuples(*[st.integers(2, 4)] * 3).flatmap(
    lambda shape: arrays(float, shape, elements=st.floats(-100, 100, width=16))
)


@given(TABLES)
def test_shares_of_a_full_factorial_sum_to_1_with_their_interactions(table: np.ndarray) -> None:
    found = sensitivity(table.reshape(-1), factorial(*table.shape))
    assert found.exact
    assert len(found.terms) == 7
    assert found.variance == pytest.approx(table.var(), abs=1e-9)
    assert sum(found.terms.values()) + found.unexplained == pytest.approx(1 if table.var() > 1e-18 else 0)
    assert found.unexplained == pytest.approx(0, abs=1e-12)
    assert (found.first <= found.total + 1e-12).all()
    assert found.low.tolist() == found.high.tolist()  # nothing is uncertain


@given(TABLES)
def test_a_first_order_share_is_the_variance_of_the_means_of_levels(table: np.ndarray) -> None:
    """The definition, and for total indices: 1 less the share of what all other axes tell together."""
    found = sensitivity(table.reshape(-1), factorial(*table.shape))
    for axis in range(3):
        others = tuple(i for i in range(3) if i != axis)
        assert found.first[axis] * found.variance == pytest.approx(table.mean(axis=others).var(), abs=1e-9)
        rest = (1 - found.total[axis]) * found.variance if found.variance else 0.0
        assert rest == pytest.approx(table.mean(axis=axis).var(), abs=1e-9)


@given(st.lists(st.floats(-9, 9, width=16), min_size=9, max_size=9))
def test_an_additive_metric_has_no_interactions(numbers: list[float]) -> None:
    a, b, c = np.array(numbers[:2]), np.array(numbers[2:5]), np.array(numbers[5:])
    table = a[:, None, None] + b[:, None] + c
    found = sensitivity(table.reshape(-1), factorial(2, 3, 4))
    assert all(share == pytest.approx(0, abs=1e-9) for _, share in found.interactions())
    assert found.first == pytest.approx(found.total, abs=1e-9)
    effects = main_effects(table.reshape(-1), factorial(2, 3, 4))
    for effect, given_ in zip(effects, (a, b, c), strict=True):
        assert effect.means - effect.mean == pytest.approx(given_ - given_.mean(), abs=1e-9)


def test_a_metric_of_two_axes_product_is_all_interaction() -> None:
    signs = np.array([-1.0, 1.0])
    found = sensitivity(np.multiply.outer(signs, signs).reshape(-1), factorial(2, 2))
    assert found.first.tolist() == [0, 0]
    assert found.total.tolist() == [1, 1]
    assert found.interactions() == [(("a", "b"), 1.0)]


def test_what_the_axes_do_not_tell_is_unexplained() -> None:
    """Every combination twice, apart by 2: a variance of 1 beside that of the axis."""
    (a,) = factorial(4)
    twice = [Factor("a", a.levels, np.tile(a.codes, 2))]
    y = 3.0 * twice[0].codes + np.repeat([-1.0, 1.0], 4)
    found = sensitivity(y, twice)
    assert found.exact
    assert found.unexplained == pytest.approx(1 / (1 + 9 * 1.25))
    assert found.first[0] + found.unexplained == pytest.approx(1)


def test_a_metric_that_no_design_has_is_refused() -> None:
    with pytest.raises(InputError, match="no design has it"):
        sensitivity(np.full(4, np.nan), factorial(2, 2))


def test_a_metric_that_does_not_vary_depends_on_nothing() -> None:
    found = sensitivity(np.full(12, 0.1), factorial(3, 4))
    assert found.total.tolist() == [0, 0]
    assert found.variance == 0


# --------------------------------------------------------------------------- Ishigami's function, its known indices

#: Ishigami, Homma, "An importance quantification technique" (ISUMA 1990); indices as in Sobol', Levitan (1999)
A, B = 7.0, 0.1
_V1, _V2 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8
_V13 = B**2 * np.pi**8 * (1 / 18 - 1 / 50)
VARIANCE = _V1 + _V2 + _V13
FIRST = np.array([_V1, _V2, 0]) / VARIANCE
TOTAL = np.array([_V1 + _V13, _V2, _V13]) / VARIANCE


def ishigami(codes: np.ndarray, levels: int) -> np.ndarray:
    """At the middles of equal parts of -pi to pi."""
    x = -np.pi + (codes + 0.5) * 2 * np.pi / levels
    return np.asarray(np.sin(x[0]) + A * np.sin(x[1]) ** 2 + B * x[2] ** 4 * np.sin(x[0]))


@pytest.mark.parametrize(("levels", "tolerance"), [(20, 0.01), (60, 0.001)])
def test_ishigamis_indices_of_a_full_factorial(levels: int, tolerance: float) -> None:
    grid = factorial(levels, levels, levels)
    found = sensitivity(ishigami(np.stack([f.codes for f in grid]), levels), grid)
    assert found.first == pytest.approx(FIRST, abs=tolerance)
    assert found.total == pytest.approx(TOTAL, abs=tolerance)
    assert found.variance == pytest.approx(VARIANCE, rel=5 * tolerance)
    assert found.interactions()[0] == (("a", "c"), pytest.approx(_V13 / VARIANCE, abs=tolerance))


def test_ishigamis_indices_by_sampling() -> None:
    indices, low, high = sampled_indices(lambda codes: ishigami(codes, 100), (100, 100, 100), samples=4096)
    assert indices == pytest.approx(np.stack([FIRST, TOTAL]), abs=0.02)
    assert (low <= indices).all()
    assert (indices <= high).all()
    with pytest.raises(InputError, match="samples = 1000: must be a power of 2"):
        sampled_indices(lambda codes: codes[0], (2, 2), samples=1000)


def test_ishigamis_indices_of_a_factorial_with_holes() -> None:
    """It has no term of three axes, so that a fit of pairs tells it exactly, from whatever designs there are."""
    grid = factorial(10, 10, 10)
    y = ishigami(np.stack([f.codes for f in grid]), 10)
    whole = sensitivity(y, grid)
    holes = np.where(np.random.default_rng(0).random(y.size) < 0.9, y, np.nan)
    found = sensitivity(holes, grid, resamples=40)
    assert not found.exact
    assert found.first == pytest.approx(whole.first, abs=1e-9)
    assert found.total == pytest.approx(whole.total, abs=1e-9)
    assert found.unexplained == pytest.approx(0, abs=1e-9)
    for exact, fitted in zip(main_effects(y, grid), main_effects(holes, grid), strict=True):
        assert fitted.means == pytest.approx(exact.means)
        assert fitted.mean == pytest.approx(exact.mean)


# ------------------------------------------------------------------------------------------------- fits and noise


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_contrasts_are_orthonormal_and_know_no_constant(levels: int) -> None:
    basis = contrasts(levels)
    assert basis.T @ basis / levels == pytest.approx(np.eye(levels - 1))
    assert basis.sum(axis=0) == pytest.approx(0)


def test_few_designs_are_fitted_without_interactions_and_fewer_are_refused() -> None:
    grid = factorial(4, 4, 4)
    y = sum(f.codes * weight for f, weight in zip(grid, (1.0, 2.0, 3.0), strict=True))
    chosen = np.random.default_rng(1).permutation(64)
    found = sensitivity(np.where(np.isin(np.arange(64), chosen[:30]), y, np.nan), grid, resamples=20)
    assert not found.interactions()
    assert found.first == pytest.approx(np.array([1, 4, 9]) / 14)
    with pytest.raises(InputError, match="9 designs are too few: their axes have"):
        sensitivity(np.where(np.isin(np.arange(64), chosen[:9]), y, np.nan), grid)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_intervals_hold_the_truth_about_as_often_as_they_say(seed: int) -> None:
    """A metric measured with noise on a full factorial: of 40 x 2 first-order indices, 95 % intervals hold most."""
    rng, grid = np.random.default_rng(seed), factorial(4, 5)
    truth = 2.0 * grid[0].codes + np.sin(grid[1].codes)
    wanted, held = sensitivity(truth, grid).first, 0
    for _ in range(40):
        y = truth + rng.normal(0, 0.3, truth.size)
        found = sensitivity(y, grid, noise=lambda _, y=y: y + rng.normal(0, 0.3, truth.size))
        held += int(((found.low[0] <= wanted) & (wanted <= found.high[0])).sum())
    assert held >= 64


def test_a_bootstrap_over_groups_of_designs_spreads_like_one_over_designs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, grid = np.random.default_rng(2), factorial(4, 4, 4)
    y = grid[0].codes + 2.0 * grid[1].codes + rng.normal(0, 1, 64)
    y[::9] = np.nan
    one_each = sensitivity(y, grid, resamples=400)
    monkeypatch.setattr(regression, "_GROUPS", 28)
    monkeypatch.setattr(regression, "_LEAST_GROUPS", 1)
    grouped = sensitivity(y, grid, resamples=400)
    assert grouped.first == pytest.approx(one_each.first)
    widths = [found.high - found.low for found in (one_each, grouped)]
    assert widths[1] == pytest.approx(widths[0], rel=0.45)


def test_an_interval_shrinks_with_the_noise() -> None:
    rng, (a, b) = np.random.default_rng(0), factorial(3, 3)
    y, unit = a.codes + b.codes**2.0, rng.normal(0, 1, (50, 9))
    wide, narrow = (
        sensitivity(y, [a, b], noise=lambda i, s=scale: y + s * unit[i], resamples=50) for scale in (0.5, 0.05)
    )
    assert (wide.high - wide.low > 3 * (narrow.high - narrow.low)).all()


# -------------------------------------------------------------------------------------------------------- factors


def test_fields_that_move_together_are_one_factor() -> None:
    frame: dict[str, Any] = {"x": np.array([64, 32, 64]), "y": np.array([64, 32, 64]), "n": np.array(["b", "a", "a"])}
    found = factors(frame | {"one": np.ones(3)}, ["x+y", "n", "one"])
    assert [factor.name for factor in found] == ["x+y", "n"]
    assert found[0].levels[found[0].codes].tolist() == [64, 32, 64]
    assert cells(found).tolist() == [3, 0, 2]
    with pytest.raises(InputError, match="axis 'nn': the study has no such column; did you mean 'n'"):
        factors(frame, ["nn"])
    with pytest.raises(InputError, match="no axis has two levels"):
        factors({"one": np.ones(3)}, ["one"])
