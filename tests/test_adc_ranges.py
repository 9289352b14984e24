"""Ranges and bits of converters, what is refused, and crossbars that count instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from adc_layers import chip, one_layer, planned
from conftest import tiny_network

from spikesim_py.crossbar import program
from spikesim_py.crossbar.adc import (
    Adc,
    converter_inputs,
    converters,
    is_transparent,
    layer_adc,
)
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network.executor import exact_product


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
