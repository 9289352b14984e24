"""The studies of papers: laws of what they compute, and that the docs state what they find."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from conftest import ROOT, tiny_images, tiny_network

import spikesim_py as ss
from spikesim_py.network import Lif
from spikesim_py.studies import Findings, load_study
from spikesim_py.studies import encoding as encodings
from spikesim_py.studies import md_snn_hardware as md
from spikesim_py.studies import membrane_bits as membranes
from spikesim_py.studies import placement as places
from spikesim_py.studies import released_defects as defects
from spikesim_py.studies import time_steps as steps
from spikesim_py.studies.spikesim_paper import accuracy, chips, costs


@cache
def found(name: str) -> Findings:
    return load_study(name).run(False)


@cache
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_studies", ROOT / "docs" / "studies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["membrane-bits", "placement", "crosssim"])
def test_the_docs_state_what_the_study_finds(name: str) -> None:
    """A change of the model that moves a number shows here: `python docs/studies.py NAME`."""
    written = page().sections((ROOT / "docs" / "studies.md").read_text(encoding="utf-8"))
    assert written[name] == page().section(load_study(name), found(name)).strip() + "\n"


@pytest.mark.parametrize("name", ["released-defects", "membrane-bits", "placement", "crosssim"])
def test_figures_of_the_docs_are_those_of_the_studies(name: str) -> None:
    assert (ROOT / "docs" / "images" / f"study_{name}.svg").read_text(encoding="utf-8") == found(name).figure


# released-defects


def test_corrections_begin_as_released_and_end_where_all_are_corrected() -> None:
    from spikesim_py.cost.released import defect_table
    from spikesim_py.hardware import load_hardware

    made = list(defects.corrected())
    table = defect_table(ss.load_network(defects.NETWORK), load_hardware(defects.CHIP))
    for (_, report), row in ((made[0], table[0]), (made[-1], table[-1])):
        assert (report.energy_pj, report.latency_ns, report.area_um2) == (row.energy_pj, row.latency_ns, row.area_um2)


def test_the_scripts_own_numbers_are_met() -> None:
    exact = [claim for claim in found("released-defects").claims if claim.claim.startswith("the s")]
    assert len(exact) == 4
    assert {claim.verdict for claim in exact} == {"reproduced"}


def test_a_forgetful_network_keeps_only_its_first_membrane() -> None:
    """At T = 1 nothing was ever remembered; later it may differ."""
    tiny, images = tiny_network(steps=4), tiny_images()
    one = ss.with_precision(tiny, time_steps=1)
    assert (defects.forgetful(one).run(images).outputs == one.run(images).outputs).all()
    units = [node for node in defects.forgetful(tiny).nodes if isinstance(node, Lif)]
    assert [unit.leak.multiplier for unit in units] == [1, 0]


# spikesim-paper


def test_all_of_the_channels_change_nothing_and_fewer_cost_less() -> None:
    shape = ss.load_network(chips.NETWORK)
    assert chips.with_channels(shape, chips.CHANNELS["as published"]).model == shape.model
    half = chips.with_channels(shape, chips.CHANNELS["1/2"])
    assert half.macs["conv2"] * 4 == shape.macs["conv2"]
    assert half.macs["conv1"] * 2 == shape.macs["conv1"]
    gains = costs.gains(costs.channels({}))
    assert gains.pop("as published") == (1, 1)
    assert min(min(pair) for pair in gains.values()) > 1


def test_the_ann_reads_planes_once_where_the_snn_reads_spikes_every_step() -> None:
    """Behind the first layer, b-bit activations at T = 1 take the crossbars b reads, as T = b spikes do."""
    shape = ss.load_network(chips.NETWORK)
    ann = costs.cost(chips.four_bit_ann(shape), "rram_32nm")
    snn = costs.cost(shape, "rram_32nm", overrides={"network.time_steps": 4})
    for layer in ("conv2", "fc2"):
        adc = [
            next(leaf for leaf in node.children if leaf.name == "adc").energy_pj
            for report in (ann, snn)
            for node in report.tree.children
            if node.name == layer
        ]
        assert adc[0] == pytest.approx(adc[1], rel=1e-6)


def test_more_time_steps_favour_the_ann() -> None:
    rival, over = costs.ann(), costs.over_time()
    energies = [report.energy_pj / rival.energy_pj for report in over]
    assert energies == sorted(energies)
    claim = costs.ann_claims(over, rival)[0]
    last = max(t for t, ratio in zip(costs.STEPS, energies, strict=True) if ratio < 1)
    assert claim.found == f"less up to T = {last}"
    assert costs.ann_claims(over[-1:] * len(over), rival)[0].verdict == "not reproduced"


def test_the_sparsity_needed_is_where_the_energies_meet() -> None:
    shape = ss.load_network(chips.NETWORK)
    rival = costs.cost(chips.four_bit_ann(shape), "rram_32nm")
    rate = costs.sparsity_needed(shape, rival)
    assert rate is not None
    there = costs.cost(shape, "rram_32nm", overrides=costs._GATED, activity=rate)
    assert there.energy_pj == pytest.approx(rival.energy_pj, rel=1e-4)


def test_a_loss_that_grows_accumulates_and_noise_is_left_open() -> None:
    right = np.ones((4, 2, 100), bool)
    worse, alike = right.copy(), right.copy()
    worse[:, 1, :50] = False  # half the samples are lost at the last time-step
    alike[0, 0, :3] = alike[1, 1, 3:6] = False
    claims = accuracy.accumulation_claims(
        [accuracy.Condition(accuracy.EXACT, 0, right)]
        + [accuracy.Condition(name, 1, c) for name, c in (("a", worse), ("b", alike), ("c", worse[:, ::-1]))]
    )
    assert [claim.verdict for claim in claims] == ["reproduced", "open", "not reproduced"]


# md-snn-hardware


def test_the_published_three_miss_each_other_by_nine_per_cent() -> None:
    assert md.inconsistency() == pytest.approx(14.85 / (2.64 * 6.19))
    assert 1 - md.inconsistency() == pytest.approx(0.0913, abs=1e-4)


def test_no_design_can_be_closer_than_the_published_gap() -> None:
    """Gains whose product is EDAP's, spread evenly over the gap, are the nearest."""
    factor = md.nearest_possible()
    gains = {
        "edap": md.PUBLISHED["edap"] * factor,
        "tops_per_watt": md.PUBLISHED["tops_per_watt"] / factor,
        "tops_per_mm2": md.PUBLISHED["tops_per_mm2"] / factor,
    }
    best = md.Design("c", "s", False, 1, 1, 0.1, "f", (1, 1, 1), gains)
    assert gains["edap"] == pytest.approx(gains["tops_per_watt"] * gains["tops_per_mm2"])
    assert best.distance == pytest.approx(factor)


def test_gains_of_a_search_are_those_of_two_reports() -> None:
    shape = ss.load_network(md.NETWORK)
    whole, tried = md.networks(shape)
    axes = {"crossbar.rows": np.array([64]), "crossbar.cols": np.array([64]), "activity": np.array([0.1])}
    axes |= {"mapping.signs": np.array(["offset"]), "device.cell_bits": np.array([2])}
    before, after = (ss.cost_batch(n, "rram_32nm", axes) for n in (whole["16-bit slices"], tried[2, 4, 8]))
    gains = {name: float(values[0]) for name, values in md._gains(before, after).items()}
    chip = {name: values[0].item() for name, values in axes.items() if name != "activity"}
    one, two = (ss.cost(n, "rram_32nm", overrides=chip, activity=0.1) for n in (whole["16-bit slices"], tried[2, 4, 8]))
    assert gains["edap"] == pytest.approx(one.edap / two.edap)
    assert gains["tops_per_watt"] == pytest.approx(two.tops_per_watt / one.tops_per_watt)
    assert gains["tops_per_mm2"] == pytest.approx(two.tops_per_mm2 / one.tops_per_mm2)


# time-steps


def test_cost_is_affine_in_the_time_steps() -> None:
    energy = np.array([report.energy_pj for report in steps.static(steps.TRAINED)])
    slope = np.diff(energy) / np.diff(steps.STEPS)
    assert slope == pytest.approx(slope[0], rel=0.01)


def test_the_rule_with_the_least_edp_that_loses_no_more_is_chosen() -> None:
    def one(rule: str, accuracy: float, edp: float) -> steps.Ended:
        return steps.Ended(rule, accuracy, 1, 1, 1, edp)

    whole, tried = one("", 0.9, 10), [one("a", 0.9, 5), one("b", 0.895, 3), one("c", 0.5, 1)]
    assert steps.chosen(tried, whole).rule == "a"
    assert steps.chosen(tried, whole, 0.01).rule == "b"
    assert steps.chosen(tried[2:], whole).rule == ""


def test_a_rule_that_is_never_sure_runs_to_the_end() -> None:
    whole, never = (steps.ended(rule, "search", 1) for rule in ("", "entropy:0"))
    assert never.steps == whole.steps == 4
    assert never.accuracy == whole.accuracy
    assert never.energy_pj > whole.energy_pj  # the unit that decides


# membrane-bits


def test_words_as_wide_as_given_change_nothing() -> None:
    tiny, images = tiny_network(), tiny_images()
    for way in membranes.WAYS:
        assert (membranes.stored_in(tiny, 16, way).run(images).outputs == tiny.run(images).outputs).all()


def test_a_narrower_word_keeps_its_range_or_its_step() -> None:
    given = ss.load_network(membranes.TRAINED)
    dropped, saturated = (membranes.stored_in(given, 6, way) for way in membranes.WAYS)
    units = [next(node for node in n.nodes if isinstance(node, Lif)) for n in (given, dropped, saturated)]
    assert [(unit.membrane_bits, unit.store_shift) for unit in units] == [(10, 0), (6, 4), (6, 0)]


def test_memory_counts_every_weight_and_membrane() -> None:
    shape = ss.with_precision(ss.load_network("vgg9-cifar10"), weight_bits=2, membrane_bits=3)
    weights = sum(int(np.prod(node.weight_shape)) for node in shape.layers)
    units = sum(shape.edges[node.name].size for node in shape.nodes if isinstance(node, Lif))
    assert membranes.memory_bits(shape) == 2 * weights + 3 * units


# encoding and placement


def test_bitmaps_do_not_depend_on_the_rate_and_address_events_do() -> None:
    made = encodings.by_rate((0.01, 0.1))
    assert encodings.noc_energy_pj(made["bitmap"][0]) == encodings.noc_energy_pj(made["bitmap"][1])
    rate = encodings.crossing(made, "aer", (0.01, 0.1))
    assert rate is not None
    assert 0.01 < rate < 0.1
    for code in ("aer", "packed_aer", "run_length"):
        assert encodings.noc_energy_pj(made[code][0]) < encodings.noc_energy_pj(made[code][1])


def test_optimized_places_never_take_more() -> None:
    rows = {(row["network"], row["placement"]): row for row in found("placement").rows}
    for network in places.NETWORKS:
        better = rows[network, "optimized"]["noc_energy_nj"]
        assert all(better <= rows[network, how]["noc_energy_nj"] for how in places.PLACEMENTS)  # type: ignore[operator]


def test_a_mean_change_is_geometric() -> None:
    assert places.mean_change({"a": -0.5, "b": 1.0}) == pytest.approx(0)
