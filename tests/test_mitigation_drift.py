"""Drift gain: the mean cell by hand and by chance, the best gain, fixed point, what it saves, costs and refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from conftest import tiny_images, tiny_network
from device_chips import FALSE_ALARM, cells_of, chip, stored
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from spikesim_py.cost.technology import load_technology
from spikesim_py.crossbar import program
from spikesim_py.crossbar.correction import Correction, fixed_point
from spikesim_py.crossbar.mitigation import drift_correction, drift_gain, mean_cells
from spikesim_py.datasets import load_dataset
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import accuracy_key, cost
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import simulate
from spikesim_py.mapping import map_network
from spikesim_py.network import load_network

MILLION_S = 1e6
GAIN = {"mitigation.drift_gain": "layer"}


def pcm(age_s: float = MILLION_S, **fields: Any) -> Hardware:
    """The drifting cells of Joshi 2020, without faults."""
    return chip("pcm_joshi2020", age_s=age_s, **fields)


def test_an_exponent_without_spread_gives_the_power_law() -> None:
    made = pcm(retention__nu=[0.06], retention__nu_sigma=[])
    on = 15 + 15 / 99  # g_on in levels above g_off
    expected = (np.arange(16) + 15 / 99) * (MILLION_S / 20) ** -0.06 - 15 / 99
    assert mean_cells(made.device) == pytest.approx(expected, abs=1e-12 * on)


def test_a_folded_normal_exponent_by_hand() -> None:
    """E exp(-c |nu + s N|) of a normal exponent, in closed form."""
    nu, s, c = 0.03, 0.02, math.log(MILLION_S / 20)
    made = pcm(retention__nu=[nu], retention__nu_sigma=[s])
    half = math.exp((c * s) ** 2 / 2)
    share = half * (math.exp(-c * nu) * norm.cdf(nu / s - c * s) + math.exp(c * nu) * norm.cdf(-nu / s - c * s))
    expected = (np.arange(16) + 15 / 99) * share - 15 / 99
    assert mean_cells(made.device) == pytest.approx(expected, abs=0.01)  # the fold is a kink to the quadrature


@pytest.mark.parametrize("level", [4, 9, 15])
def test_cells_hold_their_mean_level(level: int) -> None:
    hardware = pcm()
    held = stored(level, hardware).astype(np.float64)
    error = held.std() / math.sqrt(held.size)
    assert abs(held.mean() - mean_cells(hardware.device)[level]) < norm.isf(FALSE_ALARM / 2) * error + 2e-3


def test_no_other_gain_brings_the_mean_weights_closer() -> None:
    rng = np.random.default_rng(0)
    hardware = pcm()
    cells = cells_of(rng.integers(-15, 16, (40, 12)), hardware)
    gain = drift_gain(cells, hardware.device)
    levels = cells.levels.reshape(-1, 2).astype(np.int64)
    meant, held = levels @ [1, -1], mean_cells(hardware.device)[levels] @ [1, -1]
    error = {g: float(np.square(meant - g * held).sum()) for g in (gain, 1.0, gain * 0.999, gain * 1.001)}
    assert min(error, key=error.__getitem__) == gain > 1.4


@given(st.lists(st.floats(0, 40), min_size=1, max_size=8), st.integers(2, 16))
def test_fixed_point_factors_are_the_nearest_and_fit(gains: list[float], bits: int) -> None:
    made = fixed_point(gains, bits)
    assert 0 <= made.multiplier.min() <= made.multiplier.max() < 2**bits
    kept = np.minimum(gains, (2**bits - 1) / 2**made.shift)
    assert np.abs(made.multiplier / 2**made.shift - kept).max() <= 0.5 / 2**made.shift
    if max(gains) < 2 - 2.0**-bits:
        assert made.shift == bits - 1


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1), st.integers(2, 16))
def test_a_gain_of_one_changes_nothing(values: list[int], bits: int) -> None:
    sums = np.array(values, np.int32).reshape(1, 1, -1, 1)
    assert (fixed_point(1.0, bits).apply(sums) == sums).all()


def test_a_correction_rounds_half_up_per_channel_and_saturates() -> None:
    made = Correction(np.array([3, 255]), np.array([2, 1]), 2)
    sums = np.array([[[[5, -5]], [[2**31 - 1, -(2**31)]]]], np.int32)
    assert made.apply(sums).tolist() == [[[[4, -4]], [[2**31 - 1, -(2**31)]]]]


def test_without_age_or_with_ideal_devices_there_is_nothing_to_correct() -> None:
    network = tiny_network()
    for plain in (pcm(0.0), pcm(ideal=True)):
        made = load_hardware(plain, GAIN)
        assert drift_correction(map_network(network, made).cells("conv1"), made) is None
        assert key(made) == key(plain)
    assert key(load_hardware(pcm(), GAIN)) != key(pcm())
    assert key(load_hardware(pcm(), GAIN)) != key(load_hardware(pcm(), GAIN | {"mitigation.gain_bits": 9}))


def key(hardware: Hardware) -> str:
    return accuracy_key(tiny_network(), hardware, data="digits", split="report", samples=5, chips=2, seed=0)


def test_the_chip_stays_and_its_sums_are_scaled() -> None:
    network, images = tiny_network(), tiny_images(4).astype(np.int32)
    layers = [program(map_network(network, made), "conv1") for made in (pcm(), load_hardware(pcm(), GAIN))]
    assert (layers[0].cells == layers[1].cells).all()
    raw, scaled = (layer.multiply(images)[0] for layer in layers)
    gain = layers[1].correction
    assert gain is not None
    factor = gain.multiplier[0] / 2**gain.shift
    assert 1.4 < factor < 2
    assert (scaled == np.floor(raw * factor + 0.5)).all()


def test_it_brings_a_drifted_network_back() -> None:
    """digits-w4 after 11.6 days, converters of 10 bits."""
    network, data = load_network("digits-w4"), load_dataset("digits", "search").head(100)
    plain = load_hardware("pcm_joshi2020", {"device.age_s": MILLION_S, "adc.bits": 10})
    before, after = (simulate(network, made, data, quality=True) for made in (plain, load_hardware(plain, GAIN)))
    assert after.correct.mean() > before.correct.mean() + 0.2
    assert before.quality is not None
    assert after.quality is not None
    for name, found in after.quality.items():
        gains = before.quality[name].gain, found.gain
        assert gains[0] is not None
        assert gains[1] is not None
        assert abs(gains[1] - 1) < 0.1 < 0.3 < abs(gains[0] - 1)


def test_a_layer_pays_for_a_multiplier_per_lane() -> None:
    network = tiny_network()
    without, with_gain = (cost(network, made).tree for made in (pcm(), load_hardware(pcm(), GAIN)))
    wider = cost(network, load_hardware(pcm(), GAIN | {"mitigation.gain_bits": 16})).tree
    assert "drift_gain" not in without.components()
    node = with_gain.child("conv1").child("drift_gain")
    assert node.critical_ns == 0 < node.busy_ns
    # 8 bits of code, 4 of the slice's cells, 3 planes; 8 lanes of 7 adders per bit; one register of 8 bits
    sum_bits = 8 + 4 + 3 - 1
    law = load_technology(65)["digital"]
    area = 8 * sum_bits * 7 * law["adder_area"] + 8 * law["register_area"]
    assert node.area_um2 == pytest.approx(area)
    switching = 6 * 36 * sum_bits * 7 * law["adder"] * 1e-3
    assert switching < node.energy_pj < 1.5 * switching  # the rest leaks
    assert wider.child("conv1").child("drift_gain").area_um2 > 2 * node.area_um2


@pytest.mark.parametrize(
    ("name", "overrides", "reason"),
    [
        ("rram_32nm", GAIN, "mitigation.drift_gain = 'layer': needs a device that drifts"),
        ("pcm_joshi2020", GAIN | {"mapping.signs": "offset"}, "the offset that mapping.signs = 'offset' subtracts"),
        ("pcm_joshi2020", {"mitigation.gain_bits": 9}, "gain_bits = 9: needs drift_gain"),
        ("pcm_joshi2020", GAIN | {"mitigation.gain_bits": 1}, "mitigation.gain_bits = 1: must be greater"),
        ("pcm_joshi2020", GAIN | {"cost.library": "spikesim_released"}, "has no cost in cost.library"),
    ],
)
def test_what_cannot_apply_is_refused(name: str, overrides: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_hardware(name, overrides)
