"""Fabricated chips: each loads and maps, predictions are those that were frozen, and bands hold their values."""

from __future__ import annotations

import csv
import math
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.cost.technology import load_technology
from spikesim_py.hardware import hardware_fields
from spikesim_py.mapping import map_network
from spikesim_py.studies import Findings
from spikesim_py.studies.page import claims_markdown
from spikesim_py.studies.silicon import FROZEN, predictions, run, silicon_over_model
from spikesim_py.studies.silicon.chips import SCOPES, chips, measured
from spikesim_py.studies.silicon.factors import SINGLE, Factor, fitted
from spikesim_py.studies.silicon.predict import NODES, between, condition_trees, delay, predict

DOCS = Path(__file__).resolve().parents[1] / "docs"
CHIPS = chips()


@cache
def study() -> Findings:
    return run(False)


def test_at_least_twelve_chips_and_four_that_spike() -> None:
    assert len(CHIPS) >= 12
    assert sum(chip.spiking for chip in CHIPS.values()) >= 4


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_loads_and_maps_onto_as_many_crossbars_as_its_matrix_needs(name: str) -> None:
    chip = CHIPS[name]
    for condition in chip.conditions:
        mapping = map_network(condition.network(), chip.hardware)
        assert mapping.crossbars == (0 if chip.scope == "sram" else condition.taps)


@pytest.mark.parametrize("name", CHIPS)
def test_every_field_that_a_chip_sets_has_a_source(name: str) -> None:
    hardware = CHIPS[name].hardware
    known = {field for field, _ in hardware_fields()}
    assert set(hardware.sources) <= known
    for field in ("technology.node_nm", "crossbar.rows", "crossbar.cols", "adc.kind"):
        assert hardware.sources[field]
    for field in ("r_on_ohm", "unit_cap_ff", "read_volt", "cell_area_um2"):
        value = getattr(hardware.device, field)
        default = type(hardware.device).model_fields[field].default
        assert value == default or f"device.{field}" in hardware.sources


def test_only_development_chips_have_measured_values() -> None:
    assert {chip for chip, _, _ in measured()} == {"jia65", "wang22", "securerram", "impulse"}


def test_every_measured_value_has_a_prediction() -> None:
    frozen = {(row["chip"], row["condition"], row["metric"]) for row in study().rows}
    assert set(measured()) <= frozen


def test_predictions_are_those_that_were_frozen() -> None:
    with (DOCS / "silicon.csv").open(encoding="utf-8", newline="") as stream:
        frozen = list(csv.DictReader(stream))
    assert tuple(frozen[0]) == FROZEN
    assert len(frozen) == len(study().rows)
    for old, new in zip(frozen, study().rows, strict=True):
        assert [old[name] for name in ("chip", "condition", "metric", "unit")] == [
            new[name] for name in ("chip", "condition", "metric", "unit")
        ]
        for end in ("value", "low", "high"):
            assert float(old[end]) == pytest.approx(float(new[end]), rel=1e-9)  # type: ignore[arg-type]


def test_bands_hold_their_values() -> None:
    for line in predictions(200):
        assert 0 <= line.low <= line.value <= line.high
        assert math.isfinite(line.high)
        if "share" in line.metric:
            assert line.high <= 1 + 1e-12


def test_the_docs_say_what_the_study_finds() -> None:
    assert claims_markdown(study()) in (DOCS / "silicon.md").read_text(encoding="utf-8")


def test_the_figure_has_a_line_for_every_condition_and_a_ring_for_every_measured_one() -> None:
    svg = ElementTree.fromstring(study().figure)
    labels = [node.text for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    for chip in CHIPS.values():
        assert all(f"{chip.name}, {condition.name}" in labels for condition in chip.conditions)
    rings = [node for node in svg.iter("{http://www.w3.org/2000/svg}circle") if node.get("fill") == "none"]
    assert len(rings) == 1 + sum(metric == "TOPS/W" for _, _, metric in measured())


def test_a_scored_chip_has_no_part_in_its_own_factor() -> None:
    """Whatever was measured on it, its predictions stay."""
    ratios = {"a": [2.0], "b": [4.0, 4.0], "c": [1e6]}
    assert fitted(ratios, without="c") == fitted({"a": [2.0], "b": [4.0]})
    assert fitted(ratios, without="c").median == pytest.approx(math.sqrt(8))


def test_factors_of_none_one_and_more_chips() -> None:
    assert fitted({}) == Factor(0.0, math.log(SINGLE))
    assert fitted({"a": [3.0]}) == Factor(math.log(3.0), math.log(SINGLE))
    assert fitted({"a": [3.0], "b": [3.0]}).sigma == 0.0
    assert Factor(math.log(3.0)).sample("x", 5) == pytest.approx([3.0] * 5)


def test_energy_without_factors_is_below_silicon_on_every_development_chip() -> None:
    for (what, _), ratios in silicon_over_model(CHIPS, measured(), 200).items():
        assert min(ratios) > 1, what


@given(st.floats(5, 200))
def test_a_node_lies_between_its_neighbours(node_nm: float) -> None:
    low, high, weight = between(node_nm)
    assert low in NODES
    assert high in NODES
    if NODES[0] <= node_nm <= NODES[-1]:
        assert -1e-12 <= weight <= 1 + 1e-12
        assert low ** (1 - weight) * high**weight == pytest.approx(node_nm)


@given(st.floats(0.45, 2.0), st.floats(0.45, 2.0))
def test_a_higher_supply_is_faster(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert delay(high) <= delay(low)


def test_no_supply_below_the_threshold() -> None:
    with pytest.raises(ValueError, match="threshold"):
        delay(0.4)


def test_energy_goes_with_the_supply_squared_and_time_with_the_law() -> None:
    low, high = (condition_trees(CHIPS["wang22"], at) for at in CHIPS["wang22"].conditions[::4])
    for anchor, tree in low.items():
        assert high[anchor].energy_pj / tree.energy_pj == pytest.approx((1.1 / 0.7) ** 2, rel=1e-9)
        assert high[anchor].critical_ns / tree.critical_ns == pytest.approx(delay(1.1) / delay(0.7), rel=1e-9)
        assert high[anchor].area_um2 == tree.area_um2


def test_a_tree_has_what_its_scope_names_and_nothing_else() -> None:
    for chip in CHIPS.values():
        for tree in condition_trees(chip, chip.conditions[0]).values():
            assert {leaf.name for leaf in tree.children} <= set(SCOPES[chip.scope])


def test_a_fitted_node_is_met_exactly_without_a_supply() -> None:
    """At 65 nm and its own supply the components are those of the plain chip."""
    spidr = CHIPS["spidr"]
    (tree,) = condition_trees(spidr, spidr.conditions[0]).values()
    assert load_technology(65).vdd_volt == 1.1
    from spikesim_py import cost

    plain = cost(spidr.conditions[0].network(), spidr.hardware, activity=spidr.conditions[0].activity).tree.components()
    for leaf in tree.children:
        assert leaf.energy_pj == pytest.approx(plain[leaf.name].energy_pj, rel=1e-9)


def test_older_nodes_are_graded_assumed() -> None:
    for tree in condition_trees(CHIPS["liu130"], CHIPS["liu130"].conditions[0]).values():
        assert {leaf.grade for leaf in tree.children} == {"assumed"}


def test_throughput_follows_from_the_published_time() -> None:
    none = {"energy": Factor(), "area": Factor()}
    lines = {(line.condition, line.metric): line for line in predict(CHIPS["lee28"], none, 200)}
    found = lines["0.9V 5b-1b", "TOPS"]
    assert found.value == pytest.approx(2 * 1152 * 256 / 480e-9 * 1e-12, rel=0.02)
