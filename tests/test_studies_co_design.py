"""Co-design: who wins, and how often one design dominates another."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import spikesim_py as ss
from spikesim_py.network import Lif
from spikesim_py.report import Accuracy
from spikesim_py.sweep import load_space
from training.studies import co_design as co
from training.studies.co_design import dominance, searching, settings


@cache
def design(mux: int, right: float, samples: int = 40, chips: int = 3) -> settings.Held:
    """A real cost, and `right` of all samples right on every instance."""
    chip = ss.load_hardware("rram_32nm", {"crossbar.mux": mux})
    report = ss.cost("digits-w1", chip)
    correct = np.arange(samples) < right * samples
    network = ss.load_network("digits-w1")
    return settings.Held("searched", f"mux {mux}", network, chip, np.tile(correct, (chips, 1)), report)


def test_the_space_has_what_the_study_says_it_searches() -> None:
    space = load_space(settings.SPACE)
    axes = {"network", "network.time_steps", "adc.bits", "crossbar.rows", "mapping.signs", "device.cell_bits"}
    assert axes <= set(space.fields)
    assert set(dominance.COSTS) <= set(space.objectives)


def test_a_design_dominates_itself_and_what_is_less_accurate_but_not_the_reverse() -> None:
    better = dominance.dominations([design(8, 0.9)], [design(8, 0.9), design(8, 0.2)], draws=200)
    assert better.all()
    assert not dominance.dominations([design(8, 0.2)], [design(8, 0.9)], draws=200).any()


def test_a_higher_cost_is_never_domination_whatever_the_accuracy() -> None:
    fewer, more = design(16, 0.5), design(4, 1.0)  # fewer ADCs: less area, longer reads
    assert fewer.report.area_um2 < more.report.area_um2
    assert fewer.report.latency_ns > more.report.latency_ns
    assert dominance.dominations([more], [fewer], draws=200).mean() < 0.05
    assert dominance.dominations([fewer], [more], draws=200).mean() < 0.05


def test_samples_are_drawn_alike_for_all() -> None:
    """Two designs that are right on other halves: each is ahead in half of the draws, never both unless they tie."""
    first = design(8, 0.5)
    other = replace(first, correct=~first.correct)
    ahead = dominance.dominations([first], [other], draws=500).mean()
    behind = dominance.dominations([other], [first], draws=500).mean()
    assert ahead == pytest.approx(0.5, abs=0.12)
    assert 1.0 <= ahead + behind < 1.3


def test_winners_are_likeliest_to_dominate() -> None:
    other = design(8, 0.9)
    theirs = dominance.drawn_costs(other.report)
    chances = (0.1, 1.0, 0.9, 1.0)  # of costing less
    frame = {name: np.array([0.9, 0.5, 0.5, 1.1]) * getattr(other.report, name) for name in (*dominance.COSTS, "edap")}
    accuracy = np.array([0.99, 0.8, 0.95, 1.0])
    ends = {"search_accuracy_low": accuracy - 0.02, "search_accuracy_high": accuracy + 0.02}
    frame |= {"search_accuracy": accuracy} | ends
    seen = Accuracy(0.9, (0.88, 0.92), (0.9,), 40, "digits/search", "", 0)

    def costs_of(row: int) -> dominance.Draws:
        """Less in a share of the draws, more in the others."""
        less = np.arange(dominance.DRAWS) < chances[row] * dominance.DRAWS
        return {name: values * np.where(less, 0.9, 1.1) for name, values in theirs.items()}

    assert searching.likely_ahead(frame, seen) == pytest.approx([1, 0, 1, 1], abs=0.01)
    assert searching.winners(frame, [other, other], [seen, seen], costs_of) == [2]


def test_a_claim_names_the_design_that_dominates_most() -> None:
    designs, others = [design(4, 0.9), design(8, 0.9)], [design(8, 0.5)]
    better = np.zeros((100, 2, 1), bool)
    better[:50, 0], better[:97, 1] = True, True
    (claim,) = co.claims(designs, others, better, better)
    assert claim.verdict == "reproduced"
    assert claim.found == "probability 0.970; the best one alone 0.970; in accuracy and EDAP 0.970"
    assert "mux 8" in claim.note
    better[90:] = False
    assert co.claims(designs, others, better, better)[0].verdict == "trend only"


def test_spikesims_network_is_the_bundled_one_at_its_t_and_memory() -> None:
    network = settings.SETTINGS[0].network(epochs=1)
    assert network.time_steps == 5
    assert {node.membrane_bits for node in network.nodes if isinstance(node, Lif)} == {22}


@pytest.mark.slow
def test_a_tiny_study_goes_all_the_way() -> None:
    found = co.study(settings.Size(epochs=1, budget=6, samples=40, chips=1, reported=2))
    assert len(found.claims) == len(settings.SETTINGS) * len(settings.ADC_BITS)
    assert [row["kind"] for row in found.rows].count("published") == len(found.claims)
