"""The event-driven NoC against its plain twin, and packets that fork."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noc_packets import packets, traces

from spikesim_py.noc.event import simulate_events
from spikesim_py.noc.event.twin import Mesh
from spikesim_py.noc.fabric import HOP_CYCLES, Fabric, Fidelity, Packets, Pipeline
from spikesim_py.noc.fidelity import run


def assert_same(sent: Packets, fabric: Fabric) -> None:
    result, mesh = simulate_events(sent, fabric), Mesh(sent, fabric)
    mesh.run()
    number = np.repeat(np.arange(len(sent)), np.diff(sent.first)).tolist()
    where = sent.destination.tolist()
    assert [mesh.arrived[key] for key in zip(number, where, strict=True)] == result.arrival_cycle.tolist()
    assert [mesh.injected[packet] for packet in number] == (result.arrival_cycle - result.network_cycles).tolist()
    assert {key: flits for key, flits in np.ndenumerate(result.link_flits) if flits} == dict(mesh.link_flits)


@given(traces(), st.sampled_from([0, 1, 2, 4099]), st.integers(1, 4))
@settings(max_examples=200)
def test_the_kernel_does_what_the_twin_does(trace: tuple[Packets, Fabric], apart: int, longer: int) -> None:
    sent, fabric = trace
    assert_same(replace(sent, cycle=sent.cycle * apart, flits=sent.flits * longer), fabric)


def dense(seed: int, fabric: Fabric, count: int, cycles: int, most: int) -> Packets:
    """Random packets to 1 to 4 nodes each, up to `most` flits long."""
    rng, nodes = np.random.default_rng(seed), fabric.nodes
    rows = [
        (
            int(rng.integers(nodes)),
            rng.permutation(nodes)[: rng.integers(1, 5)].tolist(),
            int(rng.integers(1, most + 1)),
        )
        for _ in range(count)
    ]
    return packets([(*row, cycle) for row, cycle in zip(rows, np.sort(rng.integers(0, cycles, count)), strict=True)])


@pytest.mark.parametrize("pipeline", get_args(Pipeline))
@pytest.mark.parametrize(("vcs", "slots"), [(1, 3), (2, 4), (4, 8)])
def test_it_does_so_when_much_waits(pipeline: Pipeline, vcs: int, slots: int) -> None:
    fabric = Fabric(5, 4, vcs, slots, pipeline)
    for seed, most in enumerate((1, 4, 16, 40)):
        assert_same(dense(seed, fabric, 300, 1500, most), fabric)


@pytest.mark.parametrize("pipeline", ["A", "B"])
def test_forks_are_near_the_cycle_exact_ones(pipeline: Pipeline) -> None:
    fabric = Fabric(4, 4, 2, 8, pipeline)
    sent = dense(0, fabric, 2000, 8000, 6)
    exact, event = (run(sent, fabric, name) for name in ("cycle", "event"))
    assert event.mean_latency_cycles == pytest.approx(exact.mean_latency_cycles, rel=0.04)
    assert event.duration_cycles == pytest.approx(exact.duration_cycles, rel=0.01)


@pytest.mark.parametrize("fidelity", get_args(Fidelity))
@pytest.mark.parametrize("pipeline", ["A", "B", "D"])  # C speculates on one branch per cycle
@given(
    st.integers(0, 19), st.lists(st.integers(0, 19), min_size=1, max_size=20, unique=True), st.integers(1, 8)
)  # fmt: skip
@settings(max_examples=15)
def test_branches_of_a_fork_do_not_wait_for_each_other(
    fidelity: Fidelity, pipeline: Pipeline, source: int, where: list[int], flits: int
) -> None:
    result = run(packets([(source, where, flits, 0)]), Fabric(5, 4, 1, 8, pipeline), fidelity)
    routers = [abs(source % 5 - to % 5) + abs(source // 5 - to // 5) + 1 for to in where]
    assert result.latency_cycles.tolist() == [2 + HOP_CYCLES[pipeline] * hops + flits - 1 for hops in routers]
