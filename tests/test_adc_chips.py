"""The converters of one chip: who shares one, what each draws, what of them reaches the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from adc_layers import FALSE_ALARM, chip, one_layer, planned
from conftest import tiny_network
from scipy.stats import kstest

from spikesim_py.crossbar.adc import (
    converter_inputs,
    converter_numbers,
    converters,
    converters_vary,
    ideal_converters,
    is_transparent,
    layer_adc,
)
from spikesim_py.crossbar.converters import convert, ideal_thresholds
from spikesim_py.crossbar.sram import charge_noise_levels
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.mapping import map_network

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
