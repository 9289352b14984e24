"""Aging: drift and relaxation of one chip over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from device_chips import DAY_S, FALSE_ALARM, chip, device, microsiemens, stored
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import foldnorm, kstest, norm

from spikesim_py.crossbar.device import column_cells, device_varies
from spikesim_py.crossbar.retention import ages, shift
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network

DRIFT: dict[str, Any] = {"program_sigma": 0.0, "cell_bits": 2, "retention__kind": "power", "retention__nu": [0.06]}


@given(st.floats(1, 1e8), st.floats(1, 1e8), st.floats(0, 0.3))
def test_a_power_law_from_now_to_later_is_one_from_start_to_later(first: float, second: float, nu: float) -> None:
    """g(t2) = g(t1) (t2/t1)^-nu, for every cell."""
    g1, g2 = (
        microsiemens(stored(3, made, shape=(4, 4)), made)
        for made in (chip(**DRIFT | {"retention__nu": [nu], "age_s": age}) for age in (first, second))
    )
    assert g2 == pytest.approx(g1 * (second / first) ** -nu, rel=1e-5)


def test_a_drifting_background_drifts_too() -> None:
    """Conductance drifts, not the level above the off state: off cells fall below g_off."""
    made = chip(**DRIFT, age_s=1e6)
    for level in range(4):
        fresh = microsiemens(np.full((2, 2), level), made)
        assert microsiemens(stored(level, made, shape=(2, 2)), made) == pytest.approx(fresh * 1e6**-0.06, rel=1e-6)


@pytest.mark.parametrize("level", [0, 1, 8, 15])
def test_exponents_of_phase_change_cells_are_folded_normal(level: int) -> None:
    made = chip("pcm_joshi2020", age_s=1e6)
    off = 15 / 99
    fresh, old = (stored(level, made, fresh=fresh).astype(np.float64) + off for fresh in (True, False))
    alive = fresh > 0  # a cell that was cut off at zero conductance stays there
    nu = -np.log(old[alive] / fresh[alive]) / np.log(1e6 / 20)
    x = (level + off) / (15 + off)
    mu = np.clip(-0.0155 * np.log(x) + 0.0244, 0.049, 0.1)
    sigma = np.clip(-0.0125 * np.log(x) - 0.0059, 0.008, 0.045)
    assert kstest(nu, foldnorm(mu / sigma, scale=sigma).cdf).pvalue > FALSE_ALARM


def test_cmo_hfox_relaxes_by_a_normal_shift_in_log_time() -> None:
    made = chip("rram_cmo_hfox", age_s=1e4)
    moved = microsiemens(stored(9, made), made) - microsiemens(stored(9, made, fresh=True), made)
    since = np.log(1e4)
    law = norm(-0.08900206 * since, 0.41183342 + 0.04201137 * since)
    assert kstest(moved.ravel(), law.cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("age_s", "row"), [(DAY_S, 0), (2 * DAY_S, 1)])
def test_a_table_gives_the_total_spread_at_its_times(age_s: float, row: int) -> None:
    made = chip("rram_wan2022", age_s=age_s)
    error = microsiemens(stored(4, made), made) - microsiemens(np.array(4), made)
    x = microsiemens(np.array(4), made) / 40
    sigma = np.polynomial.polynomial.polyval(x, made.device.retention.sigma_us[row])
    assert kstest(error.ravel() / sigma, "norm").pvalue > FALSE_ALARM


def test_a_table_that_narrows_keeps_its_spread() -> None:
    """A fit may give less spread later: the error shrinks, exactly to what the table says."""
    fields = {"program__law": "polynomial", "program__coefficients_us": [1.0], "program_sigma": 0.0}
    fields |= {"retention__kind": "table", "retention__times_s": [100.0], "retention__sigma_us": [[0.5]]}
    made = chip(**fields, r_on_ohm=20_000.0, cell_bits=2, age_s=100.0)
    error = microsiemens(stored(2, made), made) - microsiemens(np.array(2), made)
    assert kstest(error.ravel() / 0.5, "norm").pvalue > FALSE_ALARM


def test_tables_are_interpolated_in_log_time_or_in_time() -> None:
    x = np.array([0.3, 0.8])
    start, end = (shift(x, device("rram_wan2022", age_s=age))[1] for age in (1.0, DAY_S))
    assert shift(x, device("rram_wan2022", age_s=DAY_S**0.25))[1] == pytest.approx(0.75 * start + 0.25 * end)
    days = [np.array(shift(x, device("sonos_40nm", age_s=day * DAY_S))) for day in (3, 3.25, 4)]
    assert days[1] == pytest.approx(0.75 * days[0] + 0.25 * days[2])


def test_aging_continues_one_chip() -> None:
    """Every age has the same programming and the same draw of aging: paths are smooth, exponents stay."""
    made = [chip("pcm_joshi2020", age_s=age) for age in (1e3, 1.001e3, 1e5, 1e7)]
    path = [stored(8, each) for each in made]
    fresh = stored(8, made[0], fresh=True)
    assert np.array_equal(fresh, stored(8, chip("pcm_joshi2020")))
    assert all(np.array_equal(stored(8, each, fresh=True), fresh) for each in made)
    assert np.abs(path[1] - path[0]).max() < 1e-3 * fresh.max()
    assert (path[2] <= path[1]).all()
    assert (path[3] <= path[2]).all()
    exponents = [-np.log((p + 15 / 99) / (fresh + 15 / 99)) for p in path]
    assert np.corrcoef(exponents[0].ravel(), exponents[3].ravel())[0, 1] > 0.9999


def test_programming_and_aging_draw_apart() -> None:
    made = chip("rram_cmo_hfox", age_s=1e4, program__coefficients_us=[1.0])
    fresh, old = stored(9, made, fresh=True), stored(9, made)
    ideal = 9.0
    correlation = np.corrcoef((fresh - ideal).ravel(), (old - fresh).ravel())[0, 1]
    assert abs(correlation) * fresh.size**0.5 < norm.isf(FALSE_ALARM / 2)


@pytest.mark.parametrize("rows", [1, 16, 1024])
def test_an_aged_seed_is_the_same_chip_at_any_crossbar_size(rows: int) -> None:
    def column(size: int) -> np.ndarray:
        made = load_hardware("pcm_hermes2023", {"device.age_s": 1e5, "crossbar.rows": size})
        return column_cells(map_network(tiny_network(), made).cells("conv2"), 1, made, seed=3, chip=2)

    assert np.array_equal(column(rows), column(128))


def test_no_conductance_is_negative_at_any_age() -> None:
    for name in ("rram_cmo_hfox", "rram_wan2022", "sonos_40nm", "pcm_joshi2020"):
        made = chip(name, age_s=DAY_S)
        assert microsiemens(stored(0, made), made).min() >= -1e-5


def test_stuck_cells_do_not_age() -> None:
    fields = {"stuck_on_rate": 0.3, "stuck_off_rate": 0.2, "age_s": 1e6}
    made = chip("pcm_joshi2020", **fields)
    cells, fresh = stored(8, made), stored(8, made, fresh=True)
    stuck = (fresh == 15) | (fresh == 0)
    assert 0.4 < stuck.mean() < 0.6
    assert np.array_equal(cells[stuck], fresh[stuck])
    assert not (cells[~stuck] == fresh[~stuck]).any()


def test_what_does_not_age_stays_whole() -> None:
    assert not ages(device(age_s=1e6))  # no law of retention
    assert not ages(device(**DRIFT))  # as programmed
    assert not ages(device(**DRIFT, age_s=1.0))  # at t0
    assert not ages(device(**DRIFT, age_s=1e6, ideal=True))
    assert stored(3, chip(**DRIFT)).dtype == np.int8
    drifted = stored(3, chip(**DRIFT, age_s=1e6))
    assert drifted.dtype == np.float32
    assert len(np.unique(drifted)) == 1
    assert not device_varies(device(**DRIFT, age_s=1e6))
    assert device_varies(device(**DRIFT, age_s=1e6, retention__nu_sigma=[0.01]))


@pytest.mark.parametrize(
    ("name", "age_s", "message"),
    [
        ("pcm_joshi2020", 10.0, "age_s = 10: must be 0 or between 20 and 3.15576e\\+08 s"),
        ("pcm_joshi2020", 1e9, "age_s = 1e\\+09: must be 0 or between 20 and"),
        ("rram_wan2022", 0.5, "must be 0 or between 1 and 172800 s, where retention.kind = 'table' holds"),
        ("rram_wan2022", 2.1 * DAY_S, "must be 0 or between 1 and 172800 s"),
        ("sonos_40nm", 5.1 * DAY_S, "must be 0 or between 0 and 432000 s"),
        ("rram_cmo_hfox", 0.9, "must be 0 or between 1 and"),
    ],
)
def test_ages_outside_the_fit_are_refused_with_its_range(name: str, age_s: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chip(name, age_s=age_s)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "power"}, r"nu = \[\]: needs 1, 4, or at least 6 coefficients"),
        ({"kind": "power", "nu": [-0.1]}, r"nu = \[-0.1\]: must be at least 0"),
        ({"kind": "power", "nu": [0.0, 0.1, 0.3, 0.2]}, "third coefficient"),
        ({"kind": "power", "nu": [0.1], "t0_s": 0.0}, "t0_s = 0: must lie between 0 and valid_to_s"),
        ({"kind": "log_time"}, "needs at least one of them"),
        ({"kind": "log_time", "mean_us": [[1.0]]}, r"mean_us: kind = 'log_time' needs 1 row\(s\) of 2 coefficients"),
        ({"kind": "table", "sigma_us": [[1.0]]}, r"times_s = \[\]: must ascend from t0_s = 1"),
        ({"kind": "table", "times_s": [5.0, 4.0], "sigma_us": [[1.0], [1.0]]}, "must ascend"),
        ({"kind": "table", "times_s": [5.0, 6.0], "sigma_us": [[1.0]]}, r"sigma_us: kind = 'table' needs 2 row\(s\)"),
    ],
)
def test_impossible_laws_of_retention_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chip(**{f"retention__{key}": value for key, value in fields.items()})
