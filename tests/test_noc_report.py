"""The mesh under measured spikes: conservation, attribution, figures, files, and the command."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.errors import InputError
from spikesim_py.figures import mesh_figure
from spikesim_py.noc_report import NocReport, noc_report

SPREAD = {"pe.crossbars": 2, "tile.pes": 1}


@pytest.fixture(scope="module")
def found() -> NocReport:
    return noc_report("digits-w4", "rram_32nm", samples=2, overrides=SPREAD)


def test_links_carry_what_layers_send(found: NocReport) -> None:
    assert found.flit_links == pytest.approx(sum(layer.flit_links for layer in found.layers))
    assert [link.flits for link in found.links] == sorted((link.flits for link in found.links), reverse=True)
    for link in found.links:
        assert math.dist(link.start, link.end) == 1
        assert sum(share for _, share in link.pairs) == pytest.approx(1)
        assert 0 < link.load <= link.peak <= 1
    by_pair: dict[Any, float] = {}
    for link in found.links:
        for label, share in link.pairs:
            by_pair[label] = by_pair.get(label, 0.0) + share * link.flits
    for layer in found.layers:
        assert by_pair.get(layer.label, 0.0) == pytest.approx(layer.flit_links)


def test_every_layer_is_there_and_its_energy_is_that_of_the_cost(found: NocReport) -> None:
    """Tile by tile, against the closed form, which spreads evenly; bitmaps depend on no rate."""
    assert {layer.label.kind for layer in found.layers} == {"input", "spikes", "graded", "partial_sums"}
    cost = ss.cost("digits-w4", "rram_32nm", overrides=SPREAD).tree.components()["noc"]
    assert sum(layer.energy.total_pj for layer in found.layers) == pytest.approx(cost.energy_pj, rel=0.25)
    assert {tile[2] for tile in found.tiles} == {"conv1", "conv2", "conv3", "fc"}
    assert len({tile[:2] for tile in found.tiles}) == len(found.tiles)


def test_time_steps_last_as_long_as_layers_and_packets_do(found: NocReport) -> None:
    assert len(found.steps) == 4
    for step in found.steps:
        assert step.makespan_cycles == pytest.approx(step.compute_cycles + step.late_cycles)
        assert step.most_makespan_cycles >= step.makespan_cycles * (1 - 1e-12)
        assert 6 <= step.p50_cycles <= step.p99_cycles <= step.most_cycles
    first, *rest = (step.compute_cycles for step in found.steps)
    assert all(first > later == rest[0] for later in rest)  # the first layer's crossbars are read once


def test_fidelities_agree_on_what_is_sent(found: NocReport) -> None:
    """Asked for, or the chip's own."""
    other = noc_report("digits-w4", "rram_32nm", samples=2, overrides=SPREAD, fidelity="event")
    assert noc_report("digits-w4", "rram_32nm", samples=2, overrides=SPREAD | {"noc.fidelity": "event"}) == other
    assert (found.fidelity, other.fidelity) == ("cycle", "event")
    assert other.layers == found.layers
    assert [link.flits for link in other.links] == [link.flits for link in found.links]
    for ours, theirs in zip(found.steps, other.steps, strict=True):
        assert theirs.makespan_cycles == pytest.approx(ours.makespan_cycles, rel=0.03)


def test_the_same_seed_gives_the_same_report(found: NocReport) -> None:
    assert noc_report("digits-w4", "rram_32nm", samples=2, overrides=SPREAD) == found


def test_moved_tiles_and_trees_are_what_the_report_promised(found: NocReport) -> None:
    moved = noc_report("digits-w4", "rram_32nm", samples=2, overrides=SPREAD | {"noc.placement": "optimized"})
    assert (moved.before, moved.after) == (found.before, found.after)
    assert moved.flit_links == pytest.approx(found.flit_links * found.after[0] / found.before[0], rel=0.05)
    small = SPREAD | {"noc.packet_flits": 3}
    copies = noc_report("digits-w4", "rram_32nm", samples=2, overrides=small)
    trees = noc_report("digits-w4", "rram_32nm", samples=2, overrides=small | {"noc.cast": "tree"})
    assert trees.flit_links == pytest.approx(copies.flit_links * (1 - copies.saved_flit_links), rel=1e-9)


def test_sparse_codes_are_chosen_where_spikes_are_rare() -> None:
    for name in ("aer", "auto"):
        seen = noc_report("digits-w4", "rram_32nm", samples=1, overrides=SPREAD | {"noc.encoding": name})
        spikes = next(layer for layer in seen.layers if layer.label.kind == "spikes")
        assert spikes.rate is not None
        assert spikes.break_even_rate is not None
        if name == "aer":
            assert spikes.encoding == "aer"
        else:
            assert (spikes.encoding == "bitmap") == (spikes.rate > spikes.break_even_rate)


def test_a_workload_without_weights_draws_its_spikes() -> None:
    drawn = noc_report("vgg9-cifar10", "rram_32nm", fidelity="event")
    assert (drawn.origin, drawn.samples, len(drawn.tiles)) == ("drawn", 1, 40)
    assert drawn.after[0] < 0.85 * drawn.before[0]
    assert drawn.saved_flit_links > 0.4


def test_what_has_no_mesh_says_so() -> None:
    with pytest.raises(
        InputError, match="network 'digits-fp' has float weights and runs on no tiles; quantize it first"
    ):
        noc_report("digits-fp", "rram_32nm")
    with pytest.raises(InputError, match=r"cost\.library = 'spikesim_released', which has no mesh"):
        noc_report("vgg9-cifar10", "spikesim_released")
    with pytest.raises(InputError, match="fidelity = 'analytic': must be one of cycle, event"):
        noc_report("digits-w4", "rram_32nm", fidelity="analytic")  # type: ignore[arg-type]


def test_the_floor_plan_draws_every_tile_and_names_the_busiest_link(found: NocReport) -> None:
    figure = mesh_figure(found.to_dict())
    names = [trace.name for trace in figure.data if trace.fill == "toself"]
    assert names == ["conv1", "conv2", "conv3", "fc"]
    texts = [text for trace in figure.data if trace.mode == "markers" for text in trace.text]
    assert len(texts) == len(found.links)
    assert f"{found.links[0].flits:,.0f} flits" in texts[0]


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    out, page = tmp_path / "noc.json", tmp_path / "noc.html"
    options = ["--set", "pe.crossbars=2", "--set", "tile.pes=1", "--samples", "1", "--top", "3"]
    result = CliRunner().invoke(
        main, ["noc", "digits-w4", "rram_32nm", *options, "--json", str(out), "--html", str(page)]
    )
    assert result.exit_code == 0, result.output
    assert "hottest links: 3 of" in result.output
    assert "conv3 → conv3 partial sums" in result.output
    data = json.loads(out.read_text())
    assert data["links"][0]["flits"] >= data["links"][-1]["flits"] > 0
    assert data["mesh"] == [4, 3]
    assert "plotly" in page.read_text(encoding="utf-8").lower()
    wrong = CliRunner().invoke(main, ["noc", "digits-w4", "rram_32nm", "--samples", "9999"])
    assert wrong.exit_code == 2
    assert "samples = 9999" in wrong.output
