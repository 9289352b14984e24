"""Costs of converters: ramps and adder trees by hand, bits that never come cheaper, bits of single layers, notes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import tiny_network
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.activity import Activity, LayerActivity
from spikesim_py.cost import CostResult, cost_network
from spikesim_py.cost.components.adc import converter, digital_sum, flash, ramp, sar
from spikesim_py.cost.components.digital import adder_tree
from spikesim_py.cost.technology import load_technology
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import code_bits, largest_sum, map_network, partial_sum_bits

TECH = load_technology(32)
RELEASED_SRAM = {"device.kind": "sram", "device.cell_bits": 1, "adc.bits": 5}
RELEASED_SRAM |= {"cost.defects.adc_count_is_mux_phases": False}
DIGITAL = {"adc.kind": "adder_tree", "crossbar.mux": 1, "device.program_sigma": 0.0, "device.mismatch_sigma": 0.0}


def run(overrides: dict[str, Any], chip: str = "rram_32nm") -> CostResult:
    network = tiny_network()
    records = {node.name: LayerActivity(rate=0.2, background=0.3) for node in network.layers}
    return cost_network(network, load_hardware(chip, overrides), Activity(records, "measured", 10))


def part(result: CostResult, layer: str, name: str) -> tuple[float, float, float]:
    node = result.tree.child(layer).child(name)
    return node.energy_pj, node.area_um2, node.critical_ns


def test_a_ramp_by_hand() -> None:
    """32 nm, 5 bits: a comparator, 5 bits of adder and of flip-flops; 32 clocks."""
    law, digital = TECH["flash_adc"], TECH["digital"]
    one = ramp(TECH, 5, clock_ns=2.0)
    assert one.area_um2 == pytest.approx(23.098 + 5 * (2.9417 + 2.69))
    assert one.energy_fj == pytest.approx(32 * (law["level"] + 5 * digital["register"] + 2 * digital["adder"]))
    assert one.time_ns == 64
    assert one.connected_ns == 1
    assert one.grade == "assumed"
    assert one.source == f"{law.source}; {digital.source}"
    assert ramp(TECH, 5, clock_ns=0.2).time_ns == 32  # a decision takes 1 ns however fast the clock
    assert ramp(TECH, 12, clock_ns=0.2).time_ns == pytest.approx(4096 * 12 * 0.11021)  # and a count its carries


@pytest.mark.parametrize(("rows", "full_adders", "levels"), [(2, 1, 1), (4, 4, 3), (8, 11, 6), (128, 247, 28)])
def test_an_adder_tree_by_hand(rows: int, full_adders: int, levels: int) -> None:
    """n / 2 adders of one bit, n / 4 of two, and so on; a carry ripples through each of them."""
    digital, one = TECH["digital"], digital_sum(TECH, rows)
    assert one.area_um2 == pytest.approx((full_adders + rows / 7) * digital["adder_area"])
    assert one.energy_fj == pytest.approx((full_adders + rows / 7) * digital["adder"])
    assert one.leakage_pw == pytest.approx((full_adders + rows / 7) * digital["adder_leakage"])
    assert one.time_ns == pytest.approx(levels * digital["adder_time"]) == adder_tree(TECH, rows, 1).time_ns
    assert one.connected_ns == 0
    assert one.grade == "assumed"


@pytest.mark.parametrize("kind", ["sar", "flash", "ramp"])
@pytest.mark.parametrize("node", [22, 32, 45, 65])
def test_a_converter_with_more_bits_is_never_cheaper(kind: str, node: int) -> None:
    hardware = load_hardware("rram_32nm", {"adc.kind": kind, "technology.node_nm": node})
    made = [converter(load_technology(node), hardware, bits) for bits in range(1, 13)]
    for quantity in ("area_um2", "energy_fj", "time_ns", "leakage_pw"):
        values = [getattr(one, quantity) for one in made]
        assert values == sorted(values), quantity
    assert made[0].energy_fj < made[-1].energy_fj


def test_the_chip_names_its_converter() -> None:
    def made(kind: str, **overrides: Any) -> Any:
        chip = load_hardware("sram_32nm", {"adc.kind": kind, "technology.clock_mhz": 500.0} | overrides)
        return converter(TECH, chip, 6)

    assert made("sar") == sar(TECH, 6)
    assert made("flash") == flash(TECH, 6)
    assert made("ramp") == ramp(TECH, 6, 2.0)
    assert made("adder_tree", **DIGITAL) == digital_sum(TECH, 128)


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["sar", "flash", "ramp"]),
    layer=st.sampled_from(["conv1", "conv2", "fc"]),
    bits=st.integers(1, 11),
    more=st.integers(1, 6),
    rows=st.sampled_from([4, 128]),
    event_driven=st.booleans(),
)
def test_bits_of_one_layer_cost_that_layer_only(
    kind: str, layer: str, bits: int, more: int, rows: int, event_driven: bool
) -> None:
    base = {"adc.kind": kind, "adc.bits": bits, "crossbar.rows": rows, "crossbar.event_driven": event_driven}
    few = run(base)
    many = run(base | {"adc.layer_bits": {layer: min(bits + more, 12)}})
    assert many.tree.energy_pj > few.tree.energy_pj
    assert many.tree.area_um2 > few.tree.area_um2
    for name in ("conv1", "conv2", "fc"):
        if name == layer:
            assert part(many, name, "adc") > part(few, name, "adc")
            continue
        # leakage counts the whole chip's latency; area and time are the layer's own
        assert many.tree.child(name).area_um2 == few.tree.child(name).area_um2
        for component in ("adc", "shift_add"):
            assert part(many, name, component)[1:] == part(few, name, component)[1:]


def test_bits_given_to_every_layer_are_the_bits_of_the_chip() -> None:
    layers = dict.fromkeys(("conv1", "conv2", "fc"), 7)
    assert run({"adc.layer_bits": layers}).tree == run({"adc.bits": 7}).tree


def test_an_adder_tree_replaces_converters_currents_and_precharge() -> None:
    result = run(DIGITAL, "sram_32nm")
    chip = load_hardware("sram_32nm", DIGITAL)
    plan = map_network(tiny_network(), chip).layers["conv2"]
    one = digital_sum(TECH, 128)
    energy, area, _ = part(result, "conv2", "adc")
    leaks = plan.adcs * one.leakage_pw * result.interval_ns * 1e-9
    assert energy == pytest.approx(plan.conversions * one.energy_fj * 1e-3 + leaks)
    assert area == pytest.approx(plan.crossbars * 128 * one.area_um2)  # a tree at every column
    cells = TECH["cell_sram"]["leakage"] * 128 * 128 * plan.crossbars
    assert part(result, "conv2", "crossbar")[0] == pytest.approx(cells * result.interval_ns * 1e-9)
    assert part(result, "conv2", "crossbar")[2] == 0
    assert any("adder trees" in note for note in result.notes)


def test_codes_are_as_wide_as_the_converter_or_the_largest_sum() -> None:
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", {"adc.layer_bits": {"fc": 7}}))
    assert [code_bits(plan, mapping.hardware) for plan in mapping.layers.values()] == [5, 5, 7]
    digital = map_network(tiny_network(), load_hardware("sram_32nm", DIGITAL))
    for plan, rows in zip(digital.layers.values(), (18, 27, 36), strict=True):
        assert largest_sum(plan, digital.hardware) == rows
        assert code_bits(plan, digital.hardware) == rows.bit_length()
        plain = replace(plan, max_rows=15)
        assert partial_sum_bits(plan, digital.hardware) - partial_sum_bits(plain, digital.hardware) == (
            rows.bit_length() - 4
        )


def test_notes_say_where_bits_are_spare_and_where_they_are_extrapolated() -> None:
    def notes(chip: str = "rram_32nm", **overrides: Any) -> str:
        return " | ".join(run({key.replace("__", "."): value for key, value in overrides.items()}, chip).notes)

    # 18, 27 and 36 rows of one bit: 5, 5 and 6 bits give every sum a code
    assert "more bits than" not in notes(adc__bits=5)
    assert "more bits than its columns can use; lossless at: conv1 (5), conv2 (5)" in notes(adc__bits=6)
    assert "lossless at: conv1 (5), conv2 (5), fc (6)" in notes(adc__bits=7)
    assert "lossless at: fc (6)" in notes(adc__layer_bits={"fc": 8})
    assert "lossless at" not in notes(adc__bits=6, mapping__subtract="analog")
    assert "adc.layer_bits.fc = 9: extrapolated" in notes(adc__layer_bits={"fc": 9})
    assert "adc.bits = 2: extrapolated" in notes(adc__bits=2)
    assert "without the ramp generator" in notes(adc__kind="ramp")
    assert "ramp ADC at 45 nm: scaled" in notes(adc__kind="ramp", technology__node_nm=45)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"adc.kind": "ramp"}, "adc.kind = 'ramp': the library spikesim_released"),
        (DIGITAL | RELEASED_SRAM, "adc.kind = 'adder_tree': the library"),
        ({"adc.layer_bits": {"conv2": 3}}, "adc.layer_bits: the library spikesim_released"),
    ],
)
def test_the_released_library_refuses_converters_that_it_does_not_know(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cost("vgg9-cifar10", "spikesim_released", overrides=overrides)


def test_a_report_says_which_layers_clip_often() -> None:
    records = {"conv1": 0.2, "conv2": 0.009, "fc": 0.011}
    activity = Activity({name: LayerActivity(0.2, clip_rate=rate) for name, rate in records.items()}, "measured", 1)
    report = cost(tiny_network(), "rram_32nm", activity=activity)
    (note,) = (note for note in report.notes if "clips" in note)
    assert note == "ADC clips more than 1% of the conversions of conv1 (20.0%), fc (1.1%)"
    assert note in report.to_dict()["notes"]
    assert not any("clips" in note for note in cost(tiny_network(), "rram_32nm").notes)
