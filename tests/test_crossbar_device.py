"""Device errors: their distribution, and that a seed names a chip whatever its crossbars look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from scipy.stats import binom, kstest

from spikesim_py.crossbar.device import background_levels, column_cells, device_varies, siemens
from spikesim_py.crossbar.draws import normals, stream, uniforms
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network

#: each of the 12 statistical tests here fails on a correct generator with this probability; seeds are fixed
FALSE_ALARM = 1e-4


def programmed(layer: str = "conv2", seed: int = 0, chip: int = 0, **fields: Any) -> np.ndarray:
    """The cells of a layer: (groups, rows, columns), slice-major, rows in the order of the weight matrix."""
    overrides = {"crossbar.rows": 16, "device.cell_bits": 2}
    overrides |= {key.replace("__", "."): value for key, value in fields.items()}
    hardware = load_hardware("rram_32nm", overrides)
    cells = map_network(tiny_network(), hardware).cells(layer)
    columns = [column_cells(cells, k, hardware, seed=seed, chip=chip) for k in range(cells.columns.count)]
    return np.concatenate(columns, axis=2)


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 5, -3])
def test_normal_draws_are_normal(seed: int) -> None:
    drawn = normals(stream(seed, 0, "conv1"), np.arange(50_000, dtype=np.uint64))
    assert kstest(drawn, "norm").pvalue > FALSE_ALARM
    assert np.isfinite(drawn).all()


def test_uniform_draws_are_uniform_even_over_few_counters() -> None:
    first = [uniforms(stream(seed, 0, "fc"), np.arange(4, dtype=np.uint64)) for seed in range(5_000)]
    assert kstest(np.concatenate(first), "uniform").pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "other", [(1, 0, "conv1"), (0, 1, "conv1"), (0, 0, "conv2"), (1, 1, "conv1"), (2**32, 0, "conv1")]
)
def test_other_keys_draw_independently(other: tuple[int, int, str]) -> None:
    counters = np.arange(40_000, dtype=np.uint64)
    a, b = normals(stream(0, 0, "conv1"), counters), normals(stream(*other), counters)
    # the correlation of n independent normal pairs is about N(0, 1/n)
    assert abs(np.corrcoef(a, b)[0, 1]) * len(a) ** 0.5 < 3.9
    assert abs(np.corrcoef(a[1:], b[:-1])[0, 1]) * len(a) ** 0.5 < 3.9


def test_neighbouring_counters_draw_independently() -> None:
    drawn = normals(stream(7, 0, "conv1"), np.arange(100_000, dtype=np.uint64))
    for lag in (1, 2, 64, 128):
        assert abs(np.corrcoef(drawn[lag:], drawn[:-lag])[0, 1]) * len(drawn) ** 0.5 < 3.9


@pytest.mark.parametrize("rows", [1, 7, 16, 64, 1024])
@pytest.mark.parametrize("mapping", [("unrolled", "adc_per_crossbar"), ("spikeflow", "analog_sum")])
def test_a_seed_is_the_same_chip_at_any_crossbar_size(rows: int, mapping: tuple[str, str]) -> None:
    fields = {"crossbar__rows": rows, "mapping__rows": mapping[0], "mapping__tap_sum": mapping[1]}
    assert np.array_equal(programmed(**fields), programmed())


def test_seed_and_chip_name_a_device_instance() -> None:
    base = programmed()
    assert np.array_equal(programmed(), base)
    assert not np.array_equal(programmed(seed=1), base)
    assert not np.array_equal(programmed(chip=1), base)


def test_differential_signs_and_slices_have_errors_of_their_own() -> None:
    cells = programmed("fc", device__stuck_on_rate=0.0, device__stuck_off_rate=0.0)
    errors = (cells - np.round(cells)).reshape(36, -1, 3).transpose(1, 0, 2).reshape(4, -1)
    assert np.abs(np.corrcoef(errors) - np.eye(4)).max() * errors.shape[1] ** 0.5 < 4.5


def test_programming_error_has_the_declared_sigma() -> None:
    fields = {"device__program_sigma": 0.01, "device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0}
    noisy, ideal = programmed("conv2", **fields), programmed("conv2", device__ideal=True)
    stored = ideal > 0  # an off cell's error is cut off at zero conductance
    error = (noisy - ideal)[stored]
    # sigma is a share of g_on = top + background levels
    sigma = 0.01 * (3 + 3 / 16)
    assert kstest(error / sigma, "norm").pvalue > FALSE_ALARM


def test_conductance_is_never_negative() -> None:
    cells = programmed("conv2", device__program_sigma=1.0)
    off = 3 / (17 - 1)
    assert cells.min() == pytest.approx(-off)
    assert (cells == cells.min()).sum() > 1


@pytest.mark.parametrize(("field", "level"), [("device__stuck_on_rate", 3), ("device__stuck_off_rate", 0)])
def test_stuck_cells_lie_at_the_ends_as_often_as_declared(field: str, level: int) -> None:
    rates = {"device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0, field: 0.1}
    cells = programmed(**rates)
    low, high = binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], cells.size, 0.1)
    # the programming error moves every other cell off the whole levels
    assert low <= (cells == level).sum() <= high


def test_cells_are_whole_unless_programmed_with_an_error() -> None:
    assert programmed(device__ideal=True).dtype == np.int8
    assert programmed(device__program_sigma=0.0, device__stuck_on_rate=0.2).dtype == np.int8
    assert programmed().dtype == np.float32


def test_background_is_the_off_current_in_levels() -> None:
    chip = load_hardware("rram_32nm", {"device.on_off_ratio": 4.0, "device.cell_bits": 2})
    # g_on = 4 g_off and three level steps between them: a step is g_off
    assert background_levels(chip.device) == pytest.approx(1.0)
    assert background_levels(load_hardware(chip, {"device.ideal": True}).device) == 0.0


def test_levels_are_conductances() -> None:
    made = load_hardware("rram_32nm", {"device.on_off_ratio": 4.0, "device.cell_bits": 2}).device
    g_on = 1 / 6000
    assert siemens(np.arange(4), made) == pytest.approx(np.array([0.25, 0.5, 0.75, 1.0]) * g_on)
    ideal = load_hardware("rram_32nm", {"device.ideal": True}).device
    assert siemens(np.arange(2), ideal) == pytest.approx([0, g_on])


def test_what_can_vary() -> None:
    exact = {"device.program_sigma": 0.0, "device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.0}
    assert device_varies(load_hardware("rram_32nm").device)
    assert not device_varies(load_hardware("rram_32nm", {"device.ideal": True}).device)
    assert not device_varies(load_hardware("rram_32nm", exact).device)
    for name in exact:
        assert device_varies(load_hardware("rram_32nm", exact | {name: 0.1}).device)
