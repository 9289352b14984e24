"""Co-design: who wins, and how often one design dominates another."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import spikesim_py as ss
from spikesim_py.network import Lif
from spikesim_py.sweep import load_space
from training.studies import co_design as co


@cache
def design(mux: int, right: float, samples: int = 40, chips: int = 3) -> co.Held:
    """A real cost, and `right` of all samples right on every instance."""
    chip = ss.load_hardware("rram_32nm", {"crossbar.mux": mux})
    report = ss.cost("digits-w1", chip)
    correct = np.arange(samples) < right * samples
    network = ss.load_network("digits-w1")
    return co.Held("searched", f"mux {mux}", network, chip, np.tile(correct, (chips, 1)), report)


def test_the_space_has_what_the_study_says_it_searches() -> None:
    space = load_space(co.SPACE)
    axes = {"network", "network.time_steps", "adc.bits", "crossbar.rows", "mapping.signs", "device.cell_bits"}
    assert axes <= set(space.fields)
    assert set(co.COSTS) <= set(space.objectives)


def test_a_design_dominates_itself_and_what_is_less_accurate_but_not_the_reverse() -> None:
    better = co.dominations([design(8, 0.9)], [design(8, 0.9), design(8, 0.2)], draws=200)
    assert better.all()
    assert not co.dominations([design(8, 0.2)], [design(8, 0.9)], draws=200).any()


def test_a_higher_cost_is_never_domination_whatever_the_accuracy() -> None:
    fewer, more = design(16, 0.5), design(4, 1.0)  # fewer ADCs: less area, longer reads
    assert fewer.report.area_um2 < more.report.area_um2
    assert fewer.report.latency_ns > more.report.latency_ns
    assert co.dominations([more], [fewer], draws=200).mean() < 0.05
    assert co.dominations([fewer], [more], draws=200).mean() < 0.05


def test_samples_are_drawn_alike_for_all() -> None:
    """Two designs that are right on other halves: each is ahead in half of the draws, never both unless they tie."""
    first = design(8, 0.5)
    other = co.replace(first, correct=~first.correct)
    ahead = co.dominations([first], [other], draws=500).mean()
    behind = co.dominations([other], [first], draws=500).mean()
    assert ahead == pytest.approx(0.5, abs=0.12)
    assert 1.0 <= ahead + behind < 1.3


def test_winners_are_the_most_accurate_of_what_surely_costs_less() -> None:
    other = design(8, 0.9)
    theirs = co.drawn_costs(other.report)
    shares, chances = np.array([0.99, 0.5, 0.5, 1.1]), (0.6, 1.0, 1.0, 1.0)
    frame = {name: shares * getattr(other.report, name) for name in (*co.COSTS, "edap")}
    frame |= {"search_accuracy": np.array([1.0, 0.8, 0.9, 1.0])}

    def costs_of(row: int) -> co.Draws:
        """Less in a share of the draws, more in the others."""
        less = np.arange(co.DRAWS) < chances[row] * co.DRAWS
        return {name: values * np.where(less, 0.9, 1.1) for name, values in theirs.items()}

    assert co.winners(frame, [other, other], costs_of) == [2]
    unsure = {name: values[:1] for name, values in frame.items()}
    assert co.winners(unsure, [other], costs_of) == [0]


def test_a_claim_names_the_design_that_dominates_most() -> None:
    designs, others = [design(4, 0.9), design(8, 0.9)], [design(8, 0.5)]
    better = np.zeros((100, 2, 1), bool)
    better[:50, 0], better[:97, 1] = True, True
    (claim,) = co.claims(designs, others, better)
    assert claim.verdict == "reproduced"
    assert claim.found == "probability 0.970; the best one alone 0.970"
    assert "mux 8" in claim.note
    better[90:] = False
    assert co.claims(designs, others, better)[0].verdict == "trend only"


def test_spikesims_network_is_the_bundled_one_at_its_t_and_memory() -> None:
    network = co.SETTINGS[0].network(epochs=1)
    assert network.time_steps == 5
    assert {node.membrane_bits for node in network.nodes if isinstance(node, Lif)} == {22}


@pytest.mark.slow
def test_a_tiny_study_goes_all_the_way() -> None:
    found = co.study(co.Size(epochs=1, budget=6, samples=40, chips=1, reported=2))
    assert len(found.claims) == len(co.SETTINGS) * len(co.ADC_BITS)
    assert [row["kind"] for row in found.rows].count("published") == len(found.claims)
