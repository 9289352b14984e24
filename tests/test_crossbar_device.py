"""Device errors: their distribution, and that a seed names a chip whatever its crossbars look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from scipy.stats import binom, kstest

from spikesim_py.crossbar import ProgrammedLayer, background_levels, device_varies, program
from spikesim_py.crossbar.draws import normals, stream, uniforms
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network

#: each of the 12 statistical tests here fails on a correct generator with this probability; seeds are fixed
FALSE_ALARM = 1e-4


def matrix(layer: ProgrammedLayer) -> np.ndarray:
    """The cells with their rows in the order of the weight matrix."""
    cells = np.empty_like(layer.cells)
    cells[:, layer.order] = layer.cells
    return cells


def programmed(layer: str = "conv2", seed: int = 0, chip: int = 0, **fields: Any) -> ProgrammedLayer:
    overrides = {"crossbar.rows": 16, "device.cell_bits": 2}
    overrides |= {key.replace("__", "."): value for key, value in fields.items()}
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", overrides))
    return program(mapping, layer, seed=seed, chip=chip)


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
    assert np.array_equal(matrix(programmed(**fields)), matrix(programmed()))


def test_seed_and_chip_name_a_device_instance() -> None:
    base = programmed().cells
    assert np.array_equal(programmed().cells, base)
    assert not np.array_equal(programmed(seed=1).cells, base)
    assert not np.array_equal(programmed(chip=1).cells, base)


def test_differential_signs_and_slices_have_errors_of_their_own() -> None:
    layer = programmed("fc", device__stuck_on_rate=0.0, device__stuck_off_rate=0.0)
    errors = (layer.cells - np.round(layer.cells)).reshape(36, -1, 3).transpose(1, 0, 2).reshape(4, -1)
    assert np.abs(np.corrcoef(errors) - np.eye(4)).max() * errors.shape[1] ** 0.5 < 4.5


def test_programming_error_has_the_declared_sigma() -> None:
    fields = {"device__program_sigma": 0.01, "device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0}
    noisy, ideal = programmed("conv2", **fields), programmed("conv2", device__ideal=True)
    stored = ideal.cells > 0  # an off cell's error is cut off at zero conductance
    error = (noisy.cells - ideal.cells)[stored]
    # sigma is a share of g_on = top + background levels
    sigma = 0.01 * (3 + 3 / 16)
    assert kstest(error / sigma, "norm").pvalue > FALSE_ALARM


def test_conductance_is_never_negative() -> None:
    layer = programmed("conv2", device__program_sigma=1.0)
    off = 3 / (17 - 1)
    assert layer.cells.min() == pytest.approx(-off)
    assert (layer.cells == layer.cells.min()).sum() > 1


@pytest.mark.parametrize(("field", "level"), [("device__stuck_on_rate", 3), ("device__stuck_off_rate", 0)])
def test_stuck_cells_lie_at_the_ends_as_often_as_declared(field: str, level: int) -> None:
    rates = {"device__stuck_on_rate": 0.0, "device__stuck_off_rate": 0.0, field: 0.1}
    cells = programmed(**rates).cells
    low, high = binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], cells.size, 0.1)
    # the programming error moves every other cell off the whole levels
    assert low <= (cells == level).sum() <= high


def test_cells_are_whole_unless_programmed_with_an_error() -> None:
    assert programmed(device__ideal=True).cells.dtype == np.int8
    assert programmed(device__program_sigma=0.0, device__stuck_on_rate=0.2).cells.dtype == np.int8
    assert programmed().cells.dtype == np.float32


def test_background_is_the_off_current_in_levels() -> None:
    chip = load_hardware("rram_32nm", {"device.on_off_ratio": 4.0, "device.cell_bits": 2})
    # g_on = 4 g_off and three level steps between them: a step is g_off
    assert background_levels(chip.device) == pytest.approx(1.0)
    assert background_levels(load_hardware(chip, {"device.ideal": True}).device) == 0.0


def test_what_can_vary() -> None:
    exact = {"device.program_sigma": 0.0, "device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.0}
    assert device_varies(load_hardware("rram_32nm").device)
    assert not device_varies(load_hardware("rram_32nm", {"device.ideal": True}).device)
    assert not device_varies(load_hardware("rram_32nm", exact).device)
    for name in exact:
        assert device_varies(load_hardware("rram_32nm", exact | {name: 0.1}).device)
