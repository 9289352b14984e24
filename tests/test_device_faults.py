"""Stuck cells, independent or in clusters."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tiny_network
from device_chips import FALSE_ALARM, cells_of, chip, stored
from scipy.stats import binom, norm

from spikesim_py.crossbar.device import column_cells
from spikesim_py.crossbar.faults import REGION
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network

SIDE = 24  # regions along each side of the layer under test
SHAPE = (SIDE * REGION, SIDE * REGION)


def faults(alpha: float | None, on: float = 0.02, off: float = 0.01, seed: int = 0) -> np.ndarray:
    """Stuck cells per region: (regions, 2) on and off."""
    made = chip(program_sigma=0.0, cell_bits=2, stuck_on_rate=on, stuck_off_rate=off, stuck_cluster_alpha=alpha)
    cells = stored(1, made, shape=SHAPE, seed=seed)
    tiles = cells.reshape(SIDE, REGION, SIDE, REGION).transpose(0, 2, 1, 3).reshape(SIDE * SIDE, -1)
    return np.stack([(tiles == 3).sum(1), (tiles == 0).sum(1)], axis=1)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 2.0, 50.0])
def test_clustering_preserves_the_mean_rates(alpha: float) -> None:
    seen = np.concatenate([faults(alpha, seed=seed) for seed in range(4)]) / REGION**2
    # regions are independent: their own spread gives the error of the mean
    error = seen.std(0, ddof=1) / len(seen) ** 0.5
    assert (np.abs(seen.mean(0) - [0.02, 0.01]) / error < norm.isf(FALSE_ALARM / 8) + 0.3).all()  # 0.3: a skewed mean


@pytest.mark.parametrize("alpha", [0.1, 0.5, 2.0, 50.0])
def test_regions_without_a_fault_are_as_many_as_the_yield_model_says(alpha: float) -> None:
    """Stapper's yield of a region of n cells: (1 + n lambda / alpha)^-alpha, where one cell's is 1 - rate."""
    on, off = 0.002, 0.001
    density = alpha * ((1 - on - off) ** (-1 / alpha) - 1)
    expected = (1 + REGION**2 * density / alpha) ** -alpha
    clean = (faults(alpha, on, off).sum(1) == 0).sum()
    low, high = binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], SIDE * SIDE, expected)
    assert low <= clean <= high


def test_smaller_alpha_is_denser_and_a_large_one_independent() -> None:
    spread = [faults(alpha).sum(1).var() for alpha in (0.1, 1.0, 10.0, 1e6, None)]
    assert spread[:4] == sorted(spread[:4], reverse=True)
    independent = REGION**2 * 0.03 * 0.97
    assert spread[3] == pytest.approx(independent, rel=0.3)
    assert spread[4] == pytest.approx(independent, rel=0.3)
    assert spread[1] > 4 * independent


@pytest.mark.parametrize("alpha", [None, 0.05, 1e6])
def test_rates_of_zero_and_one_are_exact(alpha: float | None) -> None:
    assert faults(alpha, 1.0, 0.0).tolist() == [[REGION**2, 0]] * SIDE * SIDE
    assert not faults(alpha, 0.0, 0.0).any()


def test_slices_and_signs_of_a_weight_share_their_region() -> None:
    """They lie side by side: dense regions of one column are dense in the other."""
    made = chip(program_sigma=0.0, cell_bits=2, stuck_on_rate=0.02, stuck_cluster_alpha=0.2)
    cells = cells_of(np.ones(SHAPE, int), made)
    plus, minus = (column_cells(cells, k, made, seed=0, chip=0)[0] == 3 for k in range(2))
    assert not np.array_equal(plus, minus)
    counts = [stuck.reshape(SIDE, REGION, SIDE, REGION).sum((1, 3)).ravel() for stuck in (plus, minus)]
    assert np.corrcoef(counts)[0, 1] > 0.8


@pytest.mark.parametrize("rows", [1, 7, 128])
def test_clusters_stay_where_they_are_at_any_crossbar_size(rows: int) -> None:
    def column(size: int) -> np.ndarray:
        overrides = {"crossbar.rows": size, "device.stuck_off_rate": 0.3, "device.stuck_cluster_alpha": 0.3}
        made = load_hardware("rram_32nm", overrides)
        return column_cells(map_network(tiny_network(), made).cells("conv2"), 0, made, seed=5, chip=1)

    assert np.array_equal(column(rows), column(64))


def test_more_bits_than_levels_are_refused() -> None:
    with pytest.raises(ConfigError, match="cell_bits = 3: needs 8 levels, the device has levels = 4"):
        load_hardware("fefet_28nm", {"device.cell_bits": 3})
    with pytest.raises(ConfigError, match="cell_bits = 2: an MRAM cell stores 1 bit"):
        load_hardware("mram_stt_22nm", {"device.cell_bits": 2})
    with pytest.raises(ConfigError, match=r"program_sigma = 0.1: is for program.law = 'constant', not 'polynomial'"):
        load_hardware("pcm_joshi2020", {"device.program_sigma": 0.1})
    with pytest.raises(ConfigError, match="law = 'polynomial' needs at least 1"):
        load_hardware("rram_32nm", {"device.program.law": "polynomial"})
    with pytest.raises(ConfigError, match=r"stuck_cluster_alpha = 0.0: must be greater"):
        load_hardware("rram_32nm", {"device.stuck_cluster_alpha": 0.0})
