"""Converters: tables against the circuits' own decisions, their laws and statistics, and which columns share one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import conv, random_weights, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest

from spikesim_py.crossbar import program
from spikesim_py.crossbar.adc import (
    Adc,
    converter_inputs,
    converter_numbers,
    converters,
    converters_vary,
    ideal_converters,
    is_transparent,
    layer_adc,
)
from spikesim_py.crossbar.converters import CIRCUITS, beyond, convert, ideal_thresholds
from spikesim_py.crossbar.sram import charge_noise_levels
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import AdcKind, Hardware, load_hardware
from spikesim_py.hardware.adc import Adc as Fields
from spikesim_py.mapping import LayerPlan, map_network
from spikesim_py.network import Network, build
from spikesim_py.network.executor import exact_product

KINDS = [AdcKind.SAR, AdcKind.FLASH, AdcKind.RAMP]
#: chance that a statistical test fails although the model is right
FALSE_ALARM = 1e-6


def fields(kind: AdcKind, sigma: float = 0.0, offset: float = 0.0, gain: float = 0.0, inl: float = 0.0) -> Fields:
    own = {AdcKind.SAR: {"capacitor_sigma": sigma}, AdcKind.RAMP: {"inl_lsb": inl}}.get(kind, {})
    return Fields(kind=kind, comparator_sigma_lsb=offset, gain_sigma=gain, **own)


def table(kind: AdcKind, low: int, bits: int, errors: Fields, drawn: np.ndarray) -> np.ndarray:
    return CIRCUITS[kind].thresholds(low, bits, errors, drawn)


def draws(kind: AdcKind, bits: int, converters: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(converters, CIRCUITS[kind].draws(bits)))


# ------------------------------------------------------------------------------------------------------ circuits


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


# ----------------------------------------------------------------------------------------------- range of a layer


def one_layer(groups: int = 1, taps: int = 3, channels: int = 10, outputs: int = 6, bits: int = 3) -> Network:
    node = conv("c", "input", channels * groups, outputs, taps, groups=groups, weight_bits=bits)
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": 1,
        "input": {"shape": (channels * groups, 4, 4), "bits": 1},
        "nodes": [node, {"op": "readout", "name": "out", "inputs": ["c"]}],
    }
    weight = np.maximum(random_weights(np.random.default_rng(0), (outputs, channels, taps, taps), bits), -3)
    return build(description, {"c.weight": weight})


def chip(**overrides: Any) -> Hardware:
    return load_hardware("rram_32nm", {key.replace("__", "."): value for key, value in overrides.items()})


def planned(hardware: Hardware, **shape: int) -> LayerPlan:
    return map_network(one_layer(**shape), hardware).layers["c"]


@pytest.mark.parametrize("subtract", ["digital", "analog", "interleaved"])
@pytest.mark.parametrize("rule", ["max", "granular"])
@pytest.mark.parametrize("bits", range(2, 12))
def test_max_and_granular_ranges(rule: str, bits: int, subtract: str) -> None:
    """90 rows of 2-bit cells: 270 levels."""
    signed, rows = subtract != "digital", 256 if subtract == "interleaved" else 128
    fields = {"device__cell_bits": 2, "mapping__subtract": subtract, "crossbar__rows": rows}
    hardware = chip(adc__bits=bits, adc__range=rule, **fields)
    plan = planned(hardware)
    adc, high = layer_adc(plan, hardware), 2 ** (bits - signed) - 1
    assert (adc.full_scale, adc.high, adc.low) == (270, high, -high - 1 if signed else 0)
    assert len(adc.ranges) == plan.conversions_per_output
    assert adc.lossless == (high >= 270)
    expected = max(1.0, 270 / high) if rule == "max" else 1.0
    assert {adc.lsb(kind) for kind in range(len(adc.ranges))} == {expected}


def test_calibrated_ranges_share_a_denominator_so_that_sums_stay_exact() -> None:
    hardware = chip(adc__range="percentile", adc__bits=4, adc__full_scales={"c": [17, 30, 9, 40]})
    plan = planned(hardware)
    adc = layer_adc(plan, hardware)
    assert (adc.ranges, adc.steps) == ((17, 30, 15, 40), 15)  # an LSB is no smaller than a level
    assert not adc.lossless
    assert [adc.lsb(kind) for kind in range(4)] == [17 / 15, 2, 1, 40 / 15]
    for kind, scale in enumerate(adc.ranges):
        assert adc.code(np.arange(100), kind).tolist() == [(2 * x * 15 + scale) // (2 * scale) for x in range(100)]
        assert adc.code(scale, kind) == 15
    small = chip(adc__range="percentile", adc__bits=6, adc__full_scales={"c": [17]})
    assert layer_adc(plan, small) == Adc(90, (1,) * 4, 1, 0, 63)
    assert layer_adc(plan, chip(adc__range="percentile", adc__bits=7, adc__full_scales={"c": [17]})).lossless


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({}, r"adc.range = 'percentile': the chip has no adc.full_scales yet"),
        ({"c": [1, 2]}, r"adc.full_scales.c = \[1, 2\]: must be 1 or 4 numbers up to 90 here"),
        ({"c": [91]}, r"adc.full_scales.c = \[91\]: must be 1 or 4 numbers up to 90 here"),
    ],
)
def test_full_scales_that_do_not_fit_are_refused(scales: dict[str, list[int]], message: str) -> None:
    hardware = chip(adc__range="percentile", adc__full_scales=scales)
    with pytest.raises(ConfigError, match=message):
        layer_adc(planned(hardware), hardware)


def test_a_layer_without_a_full_scale_is_refused() -> None:
    hardware = chip(adc__range="percentile", adc__full_scales={"conv1": [3]})
    plans = map_network(tiny_network(), hardware).layers
    assert layer_adc(plans["conv1"], hardware).lsb() == 1
    with pytest.raises(ConfigError, match=r"adc.full_scales.conv2: is missing"):
        layer_adc(plans["conv2"], hardware)


@pytest.mark.parametrize("field", ["layer_bits", "full_scales"])
def test_unknown_layers_are_refused_when_a_network_is_mapped(field: str) -> None:
    more = {"adc__range": "percentile"} if field == "full_scales" else {}
    hardware = chip(**{f"adc__{field}": {"conv3": 5 if field == "layer_bits" else [5]}}, **more)
    with pytest.raises(ConfigError, match=rf"adc.{field}.conv3: is not a layer; did you mean 'conv[12]'\?"):
        map_network(tiny_network(), hardware)


def test_bits_of_single_layers() -> None:
    hardware = chip(adc__bits=6, adc__layer_bits={"conv2": 3})
    plans = map_network(tiny_network(), hardware).layers
    assert [layer_adc(plans[name], hardware).high for name in ("conv1", "conv2", "fc")] == [63, 7, 63]


REFUSED = [
    ({"adc.capacitor_sigma": 0.01, "adc.kind": "flash"}, r"capacitor_sigma = 0.01: needs kind = 'sar'"),
    ({"adc.inl_lsb": 1.0}, r"inl_lsb = 1.0: needs kind = 'ramp'"),
    ({"adc.percentile": 99.0}, r"percentile = 99.0: needs range = 'percentile'"),
    ({"adc.percentile_per": "slice"}, r"percentile_per = slice: needs range = 'percentile'"),
    ({"adc.full_scales": {"c": [3]}}, r"full_scales = .*: needs range = 'percentile'"),
    (
        {"adc.full_scales": {"c": [3]}, "adc.range": "percentile", "adc.percentile": 99.0},
        r"percentile = 99.0: calibrates nothing where full_scales are given",
    ),
    ({"adc.full_scales": {"c": []}, "adc.range": "percentile"}, r"adc.full_scales.c = \[\]"),
    ({"adc.full_scales": {"c": [0]}, "adc.range": "percentile"}, r"adc.full_scales.c.0 = 0: must be greater than"),
    ({"adc.layer_bits": {"c": 13}}, r"adc.layer_bits.c = 13: must be less than or equal to 12"),
    ({"adc.layer_bits": {"c": 1}, "mapping.subtract": "analog"}, r"adc.layer_bits.c = 1: a signed conversion"),
    ({"adc.bits": 1, "mapping.subtract": "interleaved"}, r"adc.bits = 1: a signed conversion .*'interleaved'"),
    ({"adc.percentile": 49, "adc.range": "percentile"}, r"adc.percentile = 49: must be greater than or equal to 50"),
    ({"adc.gain_sigma": 0.2}, r"adc.gain_sigma = 0.2: must be less than or equal to 0.1"),
    ({"adc.kind": "adder_tree"}, r"device.kind = rram: adc.kind = 'adder_tree' \(a digital crossbar\) needs sram"),
]


@pytest.mark.parametrize(("overrides", "message"), REFUSED)
def test_fields_that_would_do_nothing_and_values_out_of_range_are_refused(
    overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_hardware("rram_32nm", overrides)


# ------------------------------------------------------------------------------------------------ digital crossbar

DIGITAL = {"adc.kind": "adder_tree", "crossbar.mux": 1, "device.program_sigma": 0.0, "device.mismatch_sigma": 0.0}


def test_an_adder_tree_counts_exactly_whatever_bits_and_range_would_say() -> None:
    hardware = load_hardware("sram_32nm", DIGITAL | {"crossbar.rows": 50})
    mapping = map_network(one_layer(), hardware)
    plan = mapping.layers["c"]
    adc = layer_adc(plan, hardware)
    assert adc == Adc(50, (1,) * 4, 1, 0, 50)
    assert adc.lossless
    assert np.array_equal(adc.code(np.arange(51)), np.arange(51))
    assert converters(mapping, "c", adc, seed=0, chip=0) is None
    assert is_transparent(plan, hardware)
    assert converter_inputs(plan, hardware) == "one level"
    assert hardware.dummy_columns == 0


@pytest.mark.parametrize("signs", ["differential", "offset", "twos_complement"])
def test_an_adder_tree_reads_bits_whatever_the_on_off_ratio(signs: str) -> None:
    network = one_layer()
    x = np.random.default_rng(0).integers(0, 2, (5, 10, 4, 4))
    plain = exact_product(network)(network.layers[0], torch.from_numpy(x)[:, None])[:, 0].numpy()
    overrides = DIGITAL | {"mapping.signs": signs, "device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.0}
    for ratio in (3.0, 1e6):
        hardware = load_hardware("sram_32nm", overrides | {"device.on_off_ratio": ratio})
        assert np.array_equal(program(map_network(network, hardware), "c").multiply(x)[0], plain)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"crossbar.mux": 8}, "crossbar.mux = 8"),
        ({"mapping.subtract": "analog"}, "mapping.subtract = analog"),
        ({"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum"}, "mapping.tap_sum = analog_sum"),
        ({"device.mismatch_sigma": 0.1}, "device.mismatch_sigma = 0.1"),
        ({"device.program_sigma": 0.1}, "device.program_sigma = 0.1"),
        ({"device.read_model": "discharge"}, "device.read_model = discharge"),
        ({"adc.bits": 7}, "bits = 7: has no meaning with kind = 'adder_tree', whose sums are exact; leave it at 5"),
        ({"adc.range": "granular"}, "range = granular: has no meaning"),
        ({"adc.noise_lsb": 0.1}, "noise_lsb = 0.1: has no meaning"),
    ],
)
def test_an_adder_tree_refuses_what_is_analog(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_hardware("sram_32nm", DIGITAL | overrides)


# -------------------------------------------------------------------------------------- the converters of one chip

NOISY = {"adc.comparator_sigma_lsb": 0.3, "adc.gain_sigma": 0.01}


@pytest.mark.parametrize("mux", [1, 3, 8])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "rules",
    [
        {"mapping.rows": "unrolled"},
        {"mapping.rows": "unrolled", "mapping.subtract": "analog"},
        {"mapping.rows": "unrolled", "mapping.signs": "twos_complement"},
        {"mapping.rows": "unrolled", "mapping.subtract": "interleaved"},
        {"mapping.rows": "spikeflow"},
        {"mapping.rows": "spikeflow", "mapping.tap_sum": "adc_shared_serial"},
        {"mapping.rows": "spikeflow", "mapping.tap_sum": "analog_sum", "mapping.subtract": "analog"},
    ],
    ids=lambda rules: "-".join(rules.values()),
)
def test_columns_share_a_converter_where_they_share_an_adc(rules: dict[str, Any], groups: int, mux: int) -> None:
    """Against `Cells.place`, column by column."""
    overrides = {"crossbar.rows": 4, "crossbar.cols": 13, "crossbar.mux": mux, "pe.crossbars": 64}
    hardware = load_hardware("rram_32nm", overrides | rules)
    mapping = map_network(one_layer(groups=groups, channels=10 // groups), hardware)
    plan, cells = mapping.layers["c"], mapping.cells("c")
    pair = 2 if rules.get("mapping.subtract") == "analog" else 1
    found = converter_numbers(plan, hardware)
    assert found.shape == (plan.conversion_blocks, plan.conversions_per_output, plan.outputs)
    per_group, places = plan.outputs // groups, {}
    for (block, kind, output), number in np.ndenumerate(found):
        group, at = divmod(output, per_group)
        count = cells.columns.count
        column = at * count + count // plan.conversions_per_output * kind
        crossbar, _, line = cells.place(group, int(cells.conversion_blocks[block][0]), column)
        places.setdefault(int(number), set()).add((crossbar // plan.adc_sharing, line // (pair * mux)))
    assert all(len(where) == 1 for where in places.values())  # one converter is in one place
    assert len({where for (where,) in places.values()}) == len(places)  # and a place has one converter
    assert max(places) < plan.adcs
    if rules.get("mapping.tap_sum") == "adc_shared_serial":
        assert len(places) * plan.taps >= np.unique(np.arange(plan.conversion_blocks)).size
        first, last = found[0], found[-(plan.row_blocks // plan.taps)]
        assert np.array_equal(first, last)  # the first channel block at the first and the last kernel position


def test_a_converter_is_named_by_seed_chip_layer_and_number() -> None:
    hardware = chip(adc__comparator_sigma_lsb=0.3, adc__capacitor_sigma=0.02, adc__bits=4, crossbar__rows=16)
    mapping = map_network(tiny_network(), hardware)

    def made(layer: str = "conv1", hardware: Hardware = hardware, **key: int) -> np.ndarray:
        found = map_network(tiny_network(), hardware)
        adc = layer_adc(found.layers[layer], hardware)
        result = converters(found, layer, adc, **({"seed": 1, "chip": 2} | key))
        assert result is not None
        return result.thresholds[result.table]

    assert np.array_equal(made(), made())
    for other in (made(seed=2), made(chip=3), made("fc")):
        assert not np.any(made()[0, 0, 0] == other[0, 0, 0])
    numbers = converter_numbers(mapping.layers["conv1"], hardware)
    together = made()[numbers == numbers[0, 0, 0]]
    assert len(together) == 8 == hardware.crossbar.mux
    assert np.all(together == together[0])
    assert len(np.unique(made()[..., 0])) == len(np.unique(numbers))


def test_converters_offsets_are_normal_over_the_converters_of_a_layer() -> None:
    hardware = chip(adc__comparator_sigma_lsb=0.5, adc__bits=4, crossbar__rows=2, crossbar__mux=1)
    mapping = map_network(one_layer(outputs=20), hardware)
    adc = layer_adc(mapping.layers["c"], hardware)
    found = converters(mapping, "c", adc, seed=0, chip=0)
    assert found is not None
    offset = (found.thresholds - ideal_thresholds(0, 4)) / 0.5
    assert len(offset) > 1000
    assert offset == pytest.approx(offset[:, :1] * np.ones(15), abs=1e-9)  # a SAR converter has one comparator
    assert kstest(offset[:, 0], "norm").pvalue > FALSE_ALARM


def test_ideal_converters_are_none_and_noise_alone_leaves_the_table_ideal() -> None:
    mapping = map_network(one_layer(), chip())
    adc = layer_adc(mapping.layers["c"], chip())
    assert converters(mapping, "c", adc, seed=0, chip=0) is None
    quiet = map_network(one_layer(), load_hardware("rram_32nm", NOISY | {"device.ideal": True}))
    assert converters(quiet, "c", adc, seed=0, chip=0) is None
    noisy = map_network(one_layer(), chip(adc__noise_lsb=0.4))
    found = converters(noisy, "c", adc, seed=0, chip=0)
    assert found is not None
    assert np.array_equal(found.thresholds, ideal_thresholds(0, 5)[None])
    assert found.table.shape == (1, 4, 6)
    assert not found.table.any()
    assert found.noise_lsb.tolist() == [0.4] * 4


def test_a_discharging_bit_line_is_folded_into_the_thresholds() -> None:
    overrides = {"device.read_model": "discharge", "device.discharge_depth": 1.5, "adc.bits": 4}
    overrides |= {"adc.range": "percentile", "adc.full_scales": {"c": [90, 45, 90, 60]}}
    hardware = load_hardware("sram_32nm", overrides)
    mapping = map_network(one_layer(), hardware)
    adc = layer_adc(mapping.layers["c"], hardware)
    found = converters(mapping, "c", adc, seed=0, chip=0)
    assert found is not None
    assert len(found.thresholds) == 3  # one per LSB
    sums = np.arange(91)
    for kind in range(4):
        lsb = adc.lsb(kind)
        seen = 90 * (1 - np.exp(-1.5 * sums / 90)) / (1 - np.exp(-1.5))
        expected = np.clip(np.floor(seen / lsb + 0.5), 0, 15)
        for output in range(6):
            row = found.thresholds[found.table[0, kind, output]]
            assert np.array_equal(convert(sums / lsb, row, 0), expected)


def test_shared_charge_adds_its_thermal_noise_to_the_converters() -> None:
    hardware = load_hardware("sram_32nm", {"device.read_model": "charge", "adc.noise_lsb": 0.3, "adc.bits": 4})
    mapping = map_network(one_layer(), hardware)
    adc = layer_adc(mapping.layers["c"], hardware)
    found = converters(mapping, "c", adc, seed=0, chip=0)
    assert found is not None
    thermal = charge_noise_levels(hardware.device, 128, 300) / adc.lsb()  # rows without a weight share the charge
    assert found.noise_lsb == pytest.approx(np.sqrt(0.3**2 + thermal**2))
    assert thermal > 0


@pytest.mark.parametrize(
    ("fields", "ideal", "vary"),
    [
        ({}, True, False),
        ({"adc.noise_lsb": 0.1}, False, False),
        ({"adc.kind": "ramp", "adc.inl_lsb": 0.5}, False, False),
        ({"adc.gain_sigma": 0.01}, False, True),
        ({"adc.comparator_sigma_lsb": 0.1}, False, True),
        ({"adc.capacitor_sigma": 0.01}, False, True),
        ({"adc.capacitor_sigma": 0.01, "device.ideal": True}, True, False),
    ],
)
def test_which_converters_are_ideal_and_which_vary(fields: dict[str, Any], ideal: bool, vary: bool) -> None:
    hardware = load_hardware("rram_32nm", {"adc.bits": 12} | fields)
    plan = planned(hardware)
    assert (ideal_converters(hardware), converters_vary(hardware)) == (ideal, vary)
    assert is_transparent(plan, hardware) == ideal
    assert (converter_inputs(plan, hardware) == "one level") == ideal


def test_what_reaches_the_arithmetic_is_in_the_key() -> None:
    """Designs that quantize alike share a key; every field of a circuit with errors is part of it."""

    def key(**overrides: Any) -> Any:
        hardware = chip(**overrides)
        return converter_inputs(planned(hardware), hardware)

    assert key(adc__bits=9) == key(adc__bits=10) == key(adc__bits=9, adc__kind="flash") == "one level"
    assert key(adc__bits=4) == key(adc__bits=4, adc__kind="ramp", crossbar__mux=4)
    assert key(adc__bits=4) == key(adc__layer_bits={"c": 4})
    base = {"adc__bits": 4, "adc__gain_sigma": 0.01}
    changes: list[dict[str, Any]] = [
        {"adc__bits": 5},
        {"adc__kind": "flash"},
        {"crossbar__mux": 4},
        {"crossbar__cols": 64},
        {"adc__gain_sigma": 0.02},
        {"adc__noise_lsb": 0.1},
        {"adc__range": "granular"},
        {"adc__range": "percentile"},
        {"adc__range": "percentile", "adc__percentile": 99.0},
        {"adc__range": "percentile", "adc__percentile_per": "slice"},
        {"adc__range": "percentile", "adc__full_scales": {"c": [20]}},
    ]
    keys = [key(**(base | change)) for change in [{}, *changes]]
    assert all(a != b for i, a in enumerate(keys) for b in keys[:i])
