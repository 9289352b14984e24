"""SRAM's own ways to form a sum: currents, a discharging bit line, shared charge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_chips import FALSE_ALARM, cells_of, chip, device, stored
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from spikesim_py.crossbar.device import background_levels, column_cells, device_varies, largest_cell
from spikesim_py.crossbar.sram import charge_noise_levels, column_response
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware


def test_mismatch_is_of_cells_that_are_on() -> None:
    made = chip("sram_32nm")
    assert not stored(0, made).any()
    assert kstest((stored(1, made).ravel() - 1) / 0.1, "norm").pvalue > FALSE_ALARM


def test_mismatch_is_static_and_not_the_programming_draw() -> None:
    made = chip("sram_32nm")
    assert np.array_equal(stored(1, made), stored(1, made))
    other = chip("sram_32nm", mismatch_sigma=0.0, program_sigma=0.1)
    assert abs(np.corrcoef(stored(1, made).ravel(), stored(1, other).ravel())[0, 1]) < 4 / 256


def test_a_column_of_capacitors_that_are_all_on_reads_its_rows() -> None:
    """V = Vdd sum_on C / sum C: all on is exactly the supply, whatever the mismatch."""
    made = load_hardware(chip("sram_charge", mismatch_sigma=0.1), {"crossbar.rows": 64})
    column = stored(1, made)
    assert column.reshape(4, 64, 256).sum(1) == pytest.approx(64, rel=1e-6)
    assert device_varies(made.device)


def test_capacitors_are_normal_around_their_mean() -> None:
    column = stored(1, chip("sram_charge"), shape=(1024, 64))
    assert column.reshape(8, 128, 64).mean(1) == pytest.approx(1, rel=1e-6)
    # dividing by the mean of 128 takes 1/128 of the variance
    assert kstest((column.ravel() - 1) / (0.01 * np.sqrt(127 / 128)), "norm").pvalue > FALSE_ALARM


def test_crossbars_of_other_sizes_hold_the_same_capacitors() -> None:
    def ratio(rows: int) -> np.ndarray:
        made = load_hardware(chip("sram_charge", mismatch_sigma=0.1), {"crossbar.rows": rows})
        column = column_cells(cells_of(np.ones((64, 8), int), made), 0, made, seed=0, chip=0)[0]
        return column[:16] / column[0]

    assert ratio(16) == pytest.approx(ratio(64), rel=1e-5)


def test_charge_has_neither_background_nor_a_cell_beyond_its_share() -> None:
    made = device("sram_charge", on_off_ratio=2.0, mismatch_sigma=0.1)
    assert background_levels(made) == 0
    assert largest_cell(made) == 1


@pytest.mark.parametrize(
    ("rows", "cap_ff", "volt", "kelvin"), [(1, 1.2, 1.0, 300.0), (128, 1.2, 0.8, 300.0), (64, 2, 1, 400)]
)
def test_noise_of_shared_charge_is_ktc(rows: int, cap_ff: float, volt: float, kelvin: float) -> None:
    made = device("sram_charge", unit_cap_ff=cap_ff, read_volt=volt)
    rms_volt = np.sqrt(1.380649e-23 * kelvin / (rows * cap_ff * 1e-15))
    assert charge_noise_levels(made, rows, kelvin) == pytest.approx(rms_volt / (volt / rows))
    assert charge_noise_levels(device("sram_charge", ideal=True), rows, kelvin) == 0
    assert charge_noise_levels(device("sram_32nm"), rows, kelvin) == 0


def test_ktc_of_one_unit_is_1_86_millivolts() -> None:
    assert charge_noise_levels(device("sram_charge"), 1, 300) == pytest.approx(1.858e-3, abs=5e-7)


@given(st.floats(0.01, 10), st.integers(1, 1024), st.floats(0, 1))
def test_discharge_is_monotone_exact_at_both_ends_and_invertible(depth: float, rows: int, share: float) -> None:
    bend = column_response(device("sram_32nm", read_model="discharge", discharge_depth=depth))
    x = np.linspace(0, rows, 50)
    y = bend(x, rows)
    assert (np.diff(y) > 0).all()
    assert y[[0, -1]] == pytest.approx([0, rows])
    assert (y >= x * (1 - 1e-12)).all()  # early discharge is faster
    # near the end the bit line is nearly empty: the inverse has the digits that are left
    assert bend.inverse(bend(share * rows, rows), rows) == pytest.approx(share * rows, rel=1e-6, abs=1e-6 * rows)


def test_discharge_is_the_decay_of_an_rc() -> None:
    bend = column_response(device("sram_32nm", read_model="discharge", discharge_depth=2.0))
    fallen = 1 - np.exp(-2.0 * np.array([0.25, 0.5]))
    assert bend(np.array([16.0, 32.0]), 64) == pytest.approx(64 * fallen / (1 - np.exp(-2)))


def test_a_short_discharge_is_straight() -> None:
    bend = column_response(device("sram_32nm", read_model="discharge", discharge_depth=1e-6))
    x = np.linspace(0, 64, 9)
    assert bend(x, 64) == pytest.approx(x, abs=1e-4)


def test_what_no_sum_reaches_is_infinitely_far() -> None:
    bend = column_response(device("sram_32nm", read_model="discharge", discharge_depth=1.0))
    limit = 64 / (1 - np.exp(-1))
    assert np.isinf(bend.inverse([limit * 1.001, 1e9], 64)).all()
    assert np.isfinite(bend.inverse(limit * 0.999, 64))


def test_other_columns_are_straight() -> None:
    assert column_response(device("sram_32nm")) is None
    assert column_response(device("sram_charge")) is None
    assert column_response(device("sram_32nm", read_model="discharge", ideal=True)) is None


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("rram_32nm", {"read_model": "charge"}, "read_model = 'charge': needs kind = 'sram'"),
        ("rram_32nm", {"mismatch_sigma": 0.1}, "mismatch_sigma = 0.1: needs kind = 'sram'"),
        ("sram_charge", {"program_sigma": 0.1}, "a capacitor is not programmed; its spread is mismatch_sigma"),
        ("sram_charge", {"read__noise": "white"}, "the noise of read_model = 'charge' is kT/C"),
        ("sram_charge", {"retention__kind": "power", "retention__nu": [0.1]}, "a capacitor is not programmed"),
    ],
)
def test_what_an_sram_cannot_be_is_refused(name: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chip(name, **fields)
