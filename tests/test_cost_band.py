"""The uncertainty band: paired draws, exact limits, what widens it, and the order of two designs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from conftest import tiny_network
from hypothesis import given
from hypothesis import strategies as st

import spikesim_py as ss
from spikesim_py._units import engineering
from spikesim_py.cli.terminal.report import print_report
from spikesim_py.cost import CostNode, branch, component
from spikesim_py.cost.band import METRICS, Spread, Trees, band, default_spread, order, sample
from spikesim_py.cost.tree import Grade
from spikesim_py.errors import InputError
from spikesim_py.hardware import AdcAnchor
from spikesim_py.report import Report

NEUROSIM, SURVEY = AdcAnchor.NEUROSIM, AdcAnchor.SURVEY
EXACT: Spread = dict.fromkeys(default_spread(), (0.0, 0.0, 0.0))


def chip(leaves: Mapping[str, float], grade: Grade = "sourced", layers: int = 1, source: str = "a source") -> CostNode:
    """Layers of the same components: each has the given energy, twice that area and three times that time."""
    parts = [
        component(name, energy_pj=size, area_um2=2 * size, critical_ns=3 * size, grade=grade, source=source)
        for name, size in leaves.items()
    ]
    return branch("chip", [branch(f"layer{index}", parts) for index in range(layers)])


def draws_of(tree: CostNode, **more: Any) -> dict[str, np.ndarray]:
    return sample({NEUROSIM: tree}, **({"draws": 200, "seed": 3} | more))


def wider(factor: float) -> Spread:
    return {grade: tuple(factor * sigma for sigma in sigmas) for grade, sigmas in default_spread().items()}


def test_a_component_has_its_errors_whatever_else_there_is() -> None:
    """Totals are sums of what each component would be alone, in every draw and every layer."""
    sizes = {"adc": 5.0, "crossbar": 2.0, "noc": 1.0}
    alone = [draws_of(chip({name: size})) for name, size in sizes.items()]
    together, twice = draws_of(chip(sizes)), draws_of(chip(sizes, layers=2))
    for metric in ("energy_pj", "area_um2", "latency_ns"):
        assert together[metric] == pytest.approx(sum(one[metric] for one in alone), rel=1e-12)
        assert twice[metric] == pytest.approx(2 * together[metric], rel=1e-12)


def test_draws_are_those_of_the_seed() -> None:
    tree = chip({"adc": 5.0, "noc": 2.0})
    first, again, other = draws_of(tree), draws_of(tree), draws_of(tree, seed=4)
    longer = draws_of(tree, draws=300)
    for metric in METRICS:
        assert first[metric].tolist() == again[metric].tolist() == longer[metric][:200].tolist()
        assert (first[metric] != other[metric]).all()


def test_one_component_is_log_normal_around_its_number() -> None:
    """sigma of the logarithm = ln(factor); energy, area and time err apart."""
    found = draws_of(chip({"adc": 5.0}, "assumed"), draws=4000)
    logs = np.log([found["energy_pj"] / 5, found["area_um2"] / 10, found["latency_ns"] / 15])
    assert logs.std(axis=1) == pytest.approx(np.log(2), rel=0.05)
    assert logs.mean(axis=1) == pytest.approx(0, abs=0.04)
    assert np.corrcoef(logs)[np.triu_indices(3, 1)] == pytest.approx(0, abs=0.06)
    product = found["energy_pj"] * found["latency_ns"] * found["area_um2"] * 1e-27
    assert found["edap"].tolist() == pytest.approx(product.tolist(), rel=1e-12, abs=0)


def test_the_band_of_exact_numbers_is_a_point() -> None:
    tree = chip({"adc": 5.0, "noc": 2.0})
    found = band({NEUROSIM: tree}, tree, spread=EXACT)
    for interval, value in (
        (found.energy_pj, tree.energy_pj),
        (found.area_um2, tree.area_um2),
        (found.latency_ns, tree.critical_ns),
        (found.edap, tree.energy_pj * tree.area_um2 * tree.critical_ns * 1e-27),
    ):
        assert (interval.low, interval.median, interval.high) == pytest.approx((value,) * 3, rel=1e-14, abs=0)


@given(
    factors=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 3.0]), min_size=2, max_size=2, unique=True),
    sizes=st.lists(st.floats(0.1, 10), min_size=1, max_size=4),
)
def test_a_band_widens_with_the_spread(factors: list[float], sizes: list[float]) -> None:
    tree = chip({f"part{index}": size for index, size in enumerate(sizes)})
    narrow, wide = (band({NEUROSIM: tree}, tree, draws=400, spread=wider(factor)) for factor in sorted(factors))
    for metric in ("energy_pj", "area_um2", "latency_ns"):
        few, many = getattr(narrow, metric), getattr(wide, metric)
        assert few.low <= few.median <= few.high
        assert many.high / many.low >= few.high / few.low


def test_the_less_a_number_is_trusted_the_wider_its_band() -> None:
    widths = []
    for grade in ("silicon-validated", "simulator-validated", "sourced", "assumed"):
        tree = chip({"adc": 5.0}, grade)
        found = band({NEUROSIM: tree}, tree)
        widths.append([getattr(found, metric).high / getattr(found, metric).low for metric in METRICS])
    assert (np.diff(widths, axis=0) > 0).all()


def test_anchors_are_drawn_equally_often_and_shared_where_both_have_them() -> None:
    """With exact numbers a draw shows which anchor was taken."""
    anchors = list(AdcAnchor)
    trees = {anchor: chip({"adc": 1.0 + index}) for index, anchor in enumerate(anchors)}
    every = sample(trees, draws=4000, seed=0, spread=EXACT)["energy_pj"]
    assert np.unique(every, return_counts=True)[1] / 4000 == pytest.approx(0.25, abs=0.025)
    two = {anchor: trees[anchor] for anchor in (SURVEY, NEUROSIM)}
    some = sample(two, draws=4000, seed=0, spread=EXACT)["energy_pj"]
    shared = np.isin(every, [tree.energy_pj for tree in two.values()])
    assert (some[shared] == every[shared]).all()
    assert (some == two[NEUROSIM].energy_pj).mean() == pytest.approx(0.5, abs=0.03)


SIZES = st.dictionaries(st.sampled_from(["adc", "crossbar", "noc", "buffer"]), st.floats(0.1, 10), min_size=1)


@given(first=SIZES, second=SIZES, metric=st.sampled_from(METRICS), seed=st.integers(0, 9))
def test_an_order_is_antisymmetric(first: dict[str, float], second: dict[str, float], metric: str, seed: int) -> None:
    trees: list[Trees] = [{NEUROSIM: chip(sizes), SURVEY: chip(sizes | {"adc": 20.0})} for sizes in (first, second)]
    there = order(*trees, metric=metric, draws=100, seed=seed)
    back = order(*reversed(trees), metric=metric, draws=100, seed=seed)
    assert (there.first_less, there.second_less, there.equal) == (back.second_less, back.first_less, back.equal)
    assert there.first_less + there.second_less + there.equal == pytest.approx(1)
    assert there.tied == back.tied == (max(there.first_less, there.second_less) < 0.9)


def test_what_two_designs_share_cancels() -> None:
    """One that is smaller in every component is less in every draw, however uncertain the components are."""
    sizes = {"adc": 5.0, "crossbar": 2.0}
    large, small = chip(sizes, "assumed"), chip({name: 0.99 * size for name, size in sizes.items()}, "assumed")
    found = order({NEUROSIM: small}, {NEUROSIM: large}, spread=wider(3))
    assert (found.first_less, found.second_less, found.equal, found.tied) == (1, 0, 0, False)
    same = order({NEUROSIM: large}, {NEUROSIM: large})
    assert (same.equal, same.tied) == (1, True)


def test_two_models_of_one_component_err_apart() -> None:
    """As those of a SAR and of a flash converter: the smaller number need not be the smaller converter."""
    small, large = chip({"adc": 4.0}, "assumed"), chip({"adc": 5.0}, "assumed")
    assert order({NEUROSIM: small}, {NEUROSIM: large}).first_less == 1
    other = chip({"adc": 5.0}, "assumed", source="another source")
    assert order({NEUROSIM: small}, {NEUROSIM: other}).tied


def test_a_trade_between_uncertain_components_is_a_tie() -> None:
    first, second = chip({"adc": 5.0, "noc": 4.0}, "assumed"), chip({"adc": 4.0, "noc": 5.0}, "assumed")
    assert order({NEUROSIM: first}, {NEUROSIM: second}).tied
    assert not order({NEUROSIM: first}, {NEUROSIM: second}, spread=wider(0.01), metric="energy_pj").equal


def test_designs_are_compared_within_one_calibration() -> None:
    """Exact numbers: A is less in either calibration, but more than B would be in the other one's figures."""
    anchors = {NEUROSIM: chip({"adc": 1.0}), SURVEY: chip({"adc": 10.0})}
    dearer = {NEUROSIM: chip({"adc": 2.0}), AdcAnchor.MNSIM: chip({"adc": 0.1})}
    assert order(anchors, dearer, spread=EXACT).first_less == 1
    digital = {None: chip({"adc": 5.0})}
    found = order(anchors, digital, "energy_pj", draws=4000, spread=EXACT)
    assert (found.first_less, found.second_less) == pytest.approx((0.5, 0.5), abs=0.03)
    assert order(digital, digital).equal == 1


@pytest.fixture(scope="module")
def report() -> Report:
    return ss.cost(tiny_network(), "rram_32nm", activity=0.2)


def test_a_report_states_its_band_when_it_is_asked(report: Report) -> None:
    fresh = ss.cost(tiny_network(), "rram_32nm", activity=0.2)
    assert "band" not in vars(fresh)
    found = fresh.band
    assert found is not None
    assert found.anchors == ("neurosim", "zigzag_imc", "survey")
    assert found.draws == 1000
    for metric in METRICS:
        interval = getattr(found, metric)
        assert interval.low < interval.median < interval.high
        assert interval.low < getattr(fresh, metric) < interval.high
    assert found.assumed_energy_share == fresh.assumed_energy_share
    assert found.assumed_area_share == fresh.assumed_area_share
    assert json.loads(json.dumps(fresh.to_dict()))["band"] == json.loads(json.dumps(asdict(found)))
    low = engineering(found.edap.low, "J·s·mm²")
    assert f"ADC figures of neurosim, zigzag_imc, survey) EDAP is {low} to" in fresh.cite()


def test_every_anchor_has_the_same_leaves(report: Report) -> None:
    assert report.cost_inputs is not None
    trees = report.cost_inputs.trees
    assert trees[NEUROSIM] == report.tree
    for anchor, tree in trees.items():
        assert [path for path, _ in tree.walk()] == [path for path, _ in report.tree.walk()]
        assert tree == ss.cost(tiny_network(), "rram_32nm", activity=0.2, overrides={"cost.adc_anchor": anchor}).tree


def test_the_choice_of_an_anchor_moves_the_number_not_the_band(report: Report) -> None:
    other = ss.cost(tiny_network(), "rram_32nm", activity=0.2, overrides={"cost.adc_anchor": "survey"})
    assert other.edap > 1.5 * report.edap
    assert report.band is not None
    assert other.band is not None
    assert other.band.edap == report.band.edap


def test_the_median_is_the_number_where_calibrations_agree_and_what_is_told_where_not(report: Report) -> None:
    """Over the chip's own anchor alone it lies within the errors by grade; over all of them, where most lie."""
    assert report.band is not None
    assert report.cost_inputs is not None
    own = band({NEUROSIM: report.tree}, report.tree).edap
    assert 0.9 < own.median / report.edap < 1.5
    assert report.band.edap.median > 1.5 * report.edap
    median = engineering(report.band.edap.median, "J·s·mm²")
    assert f"with the median {median}; the costs above are in those of neurosim alone" in report.cite()


def test_the_released_library_has_no_band(capsys: pytest.CaptureFixture[str], report: Report) -> None:
    released = ss.cost("vgg9-cifar10", "spikesim_released")
    assert released.band is None
    assert released.to_dict()["band"] is None
    assert "one published set: no band" in released.cite()
    print_report(released)
    assert "EDAP band     none: the library is one set of constants, as published" in capsys.readouterr().out
    print_report(report)
    told = "(90 % of 1000 draws; ADC figures of neurosim, zigzag_imc, survey; EDAP above: neurosim alone)"
    assert told in capsys.readouterr().out
    with pytest.raises(InputError, match=r"needs a chip with cost\.library = 'parametric'"):
        ss.cost_order(report, released)


def test_a_digital_design_has_no_converter_to_draw() -> None:
    adder_tree = {
        "adc.kind": "adder_tree",
        "crossbar.mux": 1,
        "device.program_sigma": 0.0,
        "device.mismatch_sigma": 0.0,
    }
    for report in (
        ss.cost("digits-fp", "rram_32nm"),
        ss.cost(tiny_network(), "sram_32nm", overrides=adder_tree),
    ):
        assert report.band is not None
        assert report.band.anchors == ()
        assert report.band.edap.low < report.edap < report.band.edap.high
        assert "(ADC figures of none)" in report.cite()


def test_two_reports_in_order(report: Report) -> None:
    finer = ss.cost(tiny_network(), "rram_32nm", activity=0.2, overrides={"adc.bits": 6})
    found = ss.cost_order(report, finer, "energy_pj")
    assert found.metric == "energy_pj"
    assert found.first_less + found.second_less + found.equal == pytest.approx(1)
    busier = ss.cost(tiny_network(), "rram_32nm", activity=0.9)
    assert ss.cost_order(report, busier, "energy_pj").first_less == 1
    assert ss.cost_order(report, busier, "area_um2").equal == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "enegy_pj"}, "metric = 'enegy_pj'; did you mean 'energy_pj'"),
        ({"draws": 0}, "draws = 0: must be a whole number, at least 1"),
        ({"seed": -1}, "seed = -1: must be a whole number, at least 0"),
        ({"draws": True}, "draws = True"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], message: str, report: Report) -> None:
    with pytest.raises(InputError, match=message):
        ss.cost_order(report, report, **arguments)
