"""Trees, moved tiles and simulated latency in the cost: what they change, by how much, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import tiny_network

import spikesim_py as ss
from spikesim_py.activity import resolve_activity
from spikesim_py.cost.mesh import mesh_inputs
from spikesim_py.cost.parametric import LOADED, RollUp, roll_up
from spikesim_py.cost.technology import load_technology
from spikesim_py.errors import InputError
from spikesim_py.evaluate import design
from spikesim_py.mapping import Mapping, map_network
from spikesim_py.network import Network
from spikesim_py.noc import loads_by_label, run
from spikesim_py.noc.refine import drawn_trains, fabric_of, late_cycles, moved, packets_of, placed
from spikesim_py.sweep import crowded

#: a tile of every crossbar, so that a small network takes many
SMALL = {"crossbar.rows": 64, "crossbar.cols": 64, "pe.crossbars": 4, "tile.pes": 1}
TREE = {"noc.packet_flits": 3, "noc.cast": "tree"}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("digits-w4", SMALL),
    ("digits-w8", SMALL | {"tile.pes": 2}),
    ("vgg9-cifar10", {}),
    ("vgg9-cifar10", {"noc.packet_flits": 3}),
    ("resnet19-cifar10", {}),
]


def rolled(name: str, fields: dict[str, Any]) -> tuple[Mapping, RollUp]:
    """A cost that several tests look at is made once."""
    key = repr((name, sorted(fields.items())))
    if key not in _ROLLED:
        _ROLLED[key] = _roll(name, fields)
    return _ROLLED[key]


_ROLLED: dict[str, tuple[Mapping, RollUp]] = {}


def _roll(network: str | Network, fields: dict[str, Any]) -> tuple[Mapping, RollUp]:
    net, chip = design(network, "rram_32nm", fields)
    mapping = map_network(net, chip)
    activity = resolve_activity(None, tuple(n.name for n in net.layers), net.model.activity, 0.15)
    return mapping, roll_up(mapping, activity, load_technology(32))


def late_ns(found: RollUp) -> float:
    """What an inference waits for packets."""
    return sum(part.exposed_ns(layer.full) for layer in found.layers for part in layer.parts if part.name == "noc")


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_the_closed_form_is_as_late_as_the_simulation(name: str, fields: dict[str, Any]) -> None:
    """In sum over an inference: within 30 %, of every mesh that is not warned of; the cycle of this chip is 1 ns."""
    _, closed = rolled(name, fields)
    _, cycle = rolled(name, fields | {"noc.fidelity": "cycle"})
    _, event = rolled(name, fields | {"noc.fidelity": "event"})
    sums = [late_ns(found) for found in (closed, event, cycle)]
    assert sums[1] == pytest.approx(sums[2], rel=0.1)
    assert sums[0] == pytest.approx(sums[2], rel=0.3)


@pytest.mark.parametrize("fidelity", ["event", "cycle"])
def test_a_fidelity_changes_times_only(fidelity: str) -> None:
    closed, simulated = (
        ss.cost("digits-w4", "rram_32nm", overrides=SMALL | more) for more in ({}, {"noc.fidelity": fidelity})
    )
    leak = closed.tree.components()["noc_leakage"].energy_pj / closed.latency_ns
    assert closed.area_um2 == simulated.area_um2
    noc = [report.tree.components()["noc"] for report in (closed, simulated)]
    assert noc[0].energy_pj == pytest.approx(noc[1].energy_pj, rel=1e-12)
    assert noc[0].critical_ns != noc[1].critical_ns
    assert leak == pytest.approx(simulated.tree.components()["noc_leakage"].energy_pj / simulated.latency_ns)


def test_a_tree_never_carries_more_than_copies() -> None:
    for name, fields in CASES:
        copies, tree = (rolled(name, fields | {"noc.packet_flits": 3} | more)[1] for more in ({}, TREE))
        for before, after in zip(copies.sent, tree.sent, strict=True):
            assert after.flit_links <= before.flit_links * (1 + 1e-12)
            assert after.injected <= before.injected * (1 + 1e-12)
            assert after.flits == before.flits  # every reader gets what it got
        links = [sum(flow.flit_links for flow in found.sent) for found in (copies, tree)]
        assert links[1] < (0.55 if name == "vgg9-cifar10" else 0.95) * links[0]


def test_moved_tiles_pass_fewer_links_and_send_the_same() -> None:
    mapping, before = rolled("vgg9-cifar10", {})
    _, after = rolled("vgg9-cifar10", {"noc.placement": "optimized"})
    assert [flow.flits for flow in before.sent] == [flow.flits for flow in after.sent]
    links = [sum(flow.steps * flow.flit_links for flow in found.sent) for found in (before, after)]
    assert links[1] < 0.85 * links[0]
    optimized = replace(mapping, hardware=design("vgg9-cifar10", "rram_32nm", {"noc.placement": "optimized"})[1])
    activity = resolve_activity(None, tuple(mapping.layers), {}, 0.15)
    own = moved(optimized, activity)
    assert sorted(set(own.mesh.places)) == sorted(own.mesh.places)  # no two tiles in one place
    assert own.mesh.places == moved(optimized, activity).mesh.places
    assert moved(mapping, activity) is mapping
    found = placed(mapping, activity)
    assert found.after.hops <= found.before.hops


def test_many_designs_at_once_have_no_trees() -> None:
    for fields, value in (("noc.cast", "'tree'"), ("noc.fidelity", "'cycle'"), ("noc.placement", "'optimized'")):
        chip = ss.load_hardware("rram_32nm", SMALL | {"noc.packet_flits": 3, fields: value.strip("'")})
        with pytest.raises(InputError, match=f"{fields} = {value}.*cost\\(\\) takes one at a time"):
            ss.cost_batch("digits-w4", chip, {"adc.bits": np.array([4, 5])})


def test_a_tree_that_does_not_fit_a_buffer_is_refused() -> None:
    with pytest.raises(InputError, match=r"packet_flits = 16 with cast = 'tree'.*leaves at most 3"):
        ss.load_hardware("rram_32nm", {"noc.cast": "tree"})
    assert ss.load_hardware("rram_32nm", TREE | {"noc.buffer_flits": 8, "noc.packet_flits": 7}).noc.cast == "tree"


@pytest.mark.parametrize(
    "fields", [{}, TREE, {"noc.encoding": "aer"}, {"noc.encoding": "auto"}, {"crossbar.event_driven": True}]
)
def test_link_counters_are_the_packets_routes(fields: dict[str, Any]) -> None:
    """What the simulated routers count is what routes and trees say, label by label."""
    net, chip = design("digits-w4", "rram_32nm", SMALL | fields)
    mapping = map_network(net, chip)
    activity = resolve_activity(None, tuple(n.name for n in net.layers), net.model.activity, 0.15)
    inputs = mesh_inputs(mapping, activity)
    sent = packets_of(mapping, inputs.timings, drawn_trains(mapping, activity))
    result = run(sent.packets, fabric_of(mapping), "cycle")
    loads = loads_by_label(sent.packets, fabric_of(mapping), len(sent.labels))
    assert (loads.sum(0) == result.link_flits).all()
    assert result.vc_flits is not None
    assert (result.vc_flits.sum(2)[:, :4] == result.link_flits[:, :4]).all()


@pytest.mark.parametrize("pipeline", ["time_step", "layer"])
def test_layers_that_overlap_share_the_mesh(pipeline: str) -> None:
    """All layers at once: they wait as long as in turn, or longer; a time-step begins when the slowest is done."""
    fields = SMALL | {"noc.fidelity": "cycle"}
    alone, shared = (rolled("digits-w4", fields | more)[1] for more in ({}, {"schedule.pipeline": pipeline}))
    late = [sum((flow.late_cycles or 0.0) * flow.steps for flow in found.sent) for found in (alone, shared)]
    assert late[1] >= late[0] * 0.95  # packets meet others than before: one may win what it lost
    net, chip = design("digits-w4", "rram_32nm", fields | {"schedule.pipeline": pipeline})
    mapping = map_network(net, chip)
    activity = resolve_activity(None, tuple(mapping.layers), net.model.activity, 0.15)
    inputs = mesh_inputs(mapping, activity)
    sent = packets_of(mapping, inputs.timings, drawn_trains(mapping, activity))
    layers = ["conv1"] if pipeline == "layer" else list(mapping.layers)
    beats = [max(inputs.turn_cycles(layer, step) for layer in layers) for step in range(4)]
    assert sent.step_cycle.tolist() == pytest.approx(np.cumsum([0, *beats[:-1]]), abs=1)


@pytest.mark.parametrize("encoding", ["aer", "packed_aer", "auto"])
@pytest.mark.parametrize("fields", [TREE, {"noc.placement": "optimized"}, {"noc.fidelity": "cycle"}])
def test_a_network_that_never_spikes_costs(encoding: str, fields: dict[str, Any]) -> None:
    quiet, busy = (
        ss.cost("digits-w4", "rram_32nm", activity=rate, overrides=SMALL | fields | {"noc.encoding": encoding})
        for rate in (0.0, 1.0)
    )
    noc = [report.tree.components()["noc"] for report in (quiet, busy)]
    assert 0 < noc[0].energy_pj < noc[1].energy_pj
    assert noc[0].critical_ns <= noc[1].critical_ns


@pytest.mark.parametrize("name", [pytest.param("resnet19-cifar10", marks=pytest.mark.slow), "msresnet18-cifar10"])
def test_trees_that_serve_several_layers_are_charged_once(name: str) -> None:
    """The closed form times the share that exact trees take of exact copies, whatever the readers."""
    mapping, copies = rolled(name, {"noc.packet_flits": 3})
    _, trees = rolled(name, TREE)
    net, chip = design(name, "rram_32nm", TREE)
    activity = resolve_activity(None, tuple(mapping.layers), {}, 0.15)
    exact = []
    for own in (mapping, map_network(net, chip)):
        sent = packets_of(own, mesh_inputs(own, activity).timings, drawn_trains(own, activity))
        exact.append(loads_by_label(sent.packets, fabric_of(own), len(sent.labels))[:, :, :4].sum())
    links = [sum(flow.steps * flow.flit_links for flow in found.sent) for found in (copies, trees)]
    assert links[1] / links[0] == pytest.approx(exact[1] / exact[0], rel=0.05)
    _, simulated = rolled(name, TREE | {"noc.fidelity": "event"})
    values = [flow for flow in simulated.sent if flow.kind in ("spikes", "shortcut") and flow.steps > 1]
    heard = {flow.layer for flow in values if flow.late_cycles}
    assert heard == {flow.layer for flow in values}  # of every layer, some reader waits


def test_values_leave_after_their_sums() -> None:
    """A layer whose rows span tiles is late by its sums and its values, each on an empty mesh at least."""
    fields = {"pe.crossbars": 3, "tile.pes": 1, "noc.flit_bits": 128, "noc.pipeline": "A", "noc.fidelity": "cycle"}
    _, found = rolled("digits-w4", fields)
    by_kind = {(flow.layer, flow.kind): flow.late_cycles or 0.0 for flow in found.sent}
    assert ("conv3", "partial_sums") in by_kind
    assert by_kind["conv3", "partial_sums"] >= 13  # 2 + 5 x 2 routers + 2 flits - 1
    assert by_kind["conv3", "graded"] >= 12  # to a neighbour at least


def test_what_was_not_sent_is_not_late() -> None:
    mapping, found = _roll(tiny_network(), {})
    activity = resolve_activity(None, tuple(mapping.layers), {}, 0.15)
    sent = packets_of(mapping, mesh_inputs(mapping, activity).timings, drawn_trains(mapping, activity))
    result = run(sent.packets, fabric_of(mapping), "cycle")
    assert late_cycles(sent, result, replace(found.sent[0], layer="nowhere")) == 0.0
    assert all(late_cycles(sent, result, flow) >= 8 for flow in found.sent)  # two routers at least would be 10


class Reports:
    """A study of reports with these notes."""

    def __init__(self, **notes: list[str]) -> None:
        self._notes = notes

    def report(self, report_hash: str) -> dict[str, Any]:
        return {"notes": self._notes[report_hash]}


def test_a_crowded_mesh_is_said_and_counted() -> None:
    """By layer: what shares the time in which a layer makes it adds up."""
    fields = {"pe.crossbars": 2, "tile.pes": 1}
    notes = ss.cost("vgg9-cifar10", "rram_32nm", overrides=fields).notes
    crowded_layers = [note.split()[3] for note in notes if note.startswith(LOADED)]
    assert "conv6" in crowded_layers
    assert "conv2" not in crowded_layers
    small = SMALL | {"pe.crossbars": 1, "noc.flit_bits": 32}
    closed, simulated = (
        ss.cost("digits-w4", "rram_32nm", overrides=small | {"noc.fidelity": fidelity}).notes
        for fidelity in ("analytic", "event")
    )
    assert [note for note in closed if note.startswith(LOADED)]
    assert not [note for note in simulated if note.startswith(LOADED)]
    study = Reports(a=list(notes), b=["activity: assumed"])
    assert crowded(study, ["a", "b"]) == 1  # type: ignore[arg-type]
