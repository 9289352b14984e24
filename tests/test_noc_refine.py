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
from spikesim_py.cost.parametric import RollUp, roll_up
from spikesim_py.cost.technology import load_technology
from spikesim_py.errors import InputError
from spikesim_py.evaluate import design
from spikesim_py.mapping import Mapping, map_network
from spikesim_py.network import Network
from spikesim_py.noc import loads_by_label, run
from spikesim_py.noc.refine import drawn_trains, fabric_of, late_cycles, moved, packets_of, placed

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


def rolled(network: str | Network, fields: dict[str, Any]) -> tuple[Mapping, RollUp]:
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
    """All layers at once: no transfer arrives sooner than on a mesh of its own, and all do arrive."""
    fields = SMALL | {"noc.fidelity": "cycle"}
    alone, shared = (rolled("digits-w4", fields | more)[1] for more in ({}, {"schedule.pipeline": pipeline}))
    late = [late_ns(found) for found in (alone, shared)]
    assert late[1] >= late[0] * 0.95
    assert all(flow.late_cycles is not None and flow.late_cycles >= 0 for flow in shared.sent)


def test_what_was_not_sent_is_not_late() -> None:
    mapping, found = rolled(tiny_network(), {})
    activity = resolve_activity(None, tuple(mapping.layers), {}, 0.15)
    sent = packets_of(mapping, mesh_inputs(mapping, activity).timings, drawn_trains(mapping, activity))
    result = run(sent.packets, fabric_of(mapping), "cycle")
    assert late_cycles(sent, result, replace(found.sent[0], layer="nowhere")) == 0.0
    assert all(late_cycles(sent, result, flow) >= 8 for flow in found.sent)  # two routers at least would be 10
