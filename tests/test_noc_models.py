"""Three fidelities of one NoC: laws that all keep, and how far the fast ones are from the cycle-exact one."""

from __future__ import annotations

from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.noc.fabric import HOP_CYCLES, Fabric, Fidelity, Packets, Pipeline
from spikesim_py.noc.fidelity import run
from spikesim_py.noc.queueing import channel_cycles, estimate_load, link_capacity
from spikesim_py.noc.router import partners
from spikesim_py.noc.router.synthetic import bernoulli

FIDELITIES: tuple[Fidelity, ...] = get_args(Fidelity)


def packets(sources: list[int], flits: list[int], cycles: list[int], destinations: list[list[int]]) -> Packets:
    first = np.append(0, np.cumsum([len(each) for each in destinations]))
    every = np.array([node for each in destinations for node in each])
    return Packets(np.array(sources), np.array(flits), np.array(cycles), np.zeros(len(sources), int), first, every)


def burst(fabric: Fabric, traffic: str, flits: int, count: int) -> Packets:
    source = np.repeat(np.arange(fabric.nodes), count)
    partner = partners(traffic, fabric)
    assert partner is not None
    cycle = np.tile(np.arange(count), fabric.nodes)
    return packets(source.tolist(), [flits] * len(source), cycle.tolist(), partner[source][:, None].tolist())


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize("pipeline", get_args(Pipeline))
@given(st.integers(0, 19), st.integers(0, 19), st.integers(1, 30), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=15)
def test_exact_on_an_empty_mesh(
    fidelity: Fidelity, pipeline: Pipeline, a: int, b: int, flits: int, vcs: int, start: int
) -> None:
    fabric = Fabric(5, 4, vcs, 8, pipeline)
    result = run(packets([a], [flits], [start], [[b]]), fabric, fidelity)
    routers = abs(a % 5 - b % 5) + abs(a // 5 - b // 5) + 1
    expected = 2 + HOP_CYCLES[pipeline] * routers + flits - 1
    assert result.latency_cycles.tolist() == [expected]
    assert result.duration_cycles == start + expected + 1
    assert result.link_flits.sum() == flits * routers


@pytest.mark.parametrize("fidelity", FIDELITIES)
@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_flits_and_links_are_conserved(fidelity: Fidelity, seed: int) -> None:
    rng, n, fabric = np.random.default_rng(seed), 60, Fabric(4, 3, 2, 4)
    source, flits = rng.integers(0, 12, n), rng.integers(1, 5, n)
    targets = [rng.permutation(12)[: rng.integers(1, 5)].tolist() for _ in range(n)]
    sent = packets(source.tolist(), flits.tolist(), np.sort(rng.integers(0, 40, n)).tolist(), targets)
    result, exact = run(sent, fabric, fidelity), run(sent, fabric, "cycle")
    np.testing.assert_array_equal(result.link_flits, exact.link_flits)  # every link of a tree once
    assert result.link_flits[:, 4].sum() == sum(f * len(t) for f, t in zip(flits, targets, strict=True))
    assert (result.latency_cycles >= 2 + 4 + np.repeat(flits, [len(t) for t in targets]) - 1).all()
    assert (result.network_cycles <= result.latency_cycles + 1e-9).all()
    assert result.duration_cycles >= result.arrival_cycle.max() + 1


@pytest.mark.parametrize("pipeline", ["A", "B"])
@pytest.mark.parametrize("flits", [1, 4])
def test_one_channel_passes_a_packet_per_its_states(pipeline: Pipeline, flits: int) -> None:
    fabric, n = Fabric(2, 1, 1, 16, pipeline), 200
    sent = packets([0] * n, [flits] * n, [0] * n, [[1]] * n)
    period = flits + (2 if pipeline == "A" else 1)
    assert channel_cycles(fabric, flits) == period
    for fidelity in FIDELITIES:
        assert run(sent, fabric, fidelity).duration_cycles == pytest.approx(n * period, abs=20)


def test_steady_loads_follow_the_closed_form() -> None:
    k, rate = 8, 0.2
    load = estimate_load(np.full((k * k, k * k), rate / (k * k)), 4, Fabric(k, k, 2, 8, "A"))
    c = np.arange(k - 1)
    for row in range(k):
        east = load.link_load[row * k : row * k + k - 1, 0]
        np.testing.assert_allclose(east, rate * (c + 1) * (k - c - 1) / k)
    assert load.capacity == 1.0
    assert load.warnings == ()
    idle = estimate_load(np.full((k * k, k * k), 1e-12), 4, Fabric(k, k, 2, 8, "A"))
    assert idle.mean_latency_cycles == pytest.approx(2 + 5 * 6.25 + 3, rel=1e-6)


@given(st.floats(0.01, 0.45), st.floats(1.01, 2), st.integers(1, 8), st.integers(1, 4))
@settings(max_examples=20)
def test_more_load_waits_longer_and_more_channels_pass_more(rate: float, more: float, flits: int, vcs: int) -> None:
    each, fabric = np.full((16, 16), rate / 16), Fabric(4, 4, vcs, 8)
    low, high = estimate_load(each, flits, fabric), estimate_load(each * more, flits, fabric)
    assert low.mean_latency_cycles <= high.mean_latency_cycles
    assert low.largest_load < high.largest_load
    assert link_capacity(fabric, flits) <= link_capacity(Fabric(4, 4, vcs + 1, 8), flits) <= 1


def test_saturation_is_infinite_and_said() -> None:
    load = estimate_load(np.full((16, 16), 1 / 16), 1, Fabric(4, 4, 1, 4, "A"))
    assert load.mean_latency_cycles == np.inf
    assert "use event or cycle" in load.warnings[0]
    with pytest.raises(InputError, match="must be"):
        estimate_load(np.zeros((3, 3)), 1, Fabric(4, 4))
    with pytest.raises(InputError, match="did you mean 'event'"):
        run(packets([0], [1], [0], [[1]]), Fabric(2, 1), "events")  # type: ignore[arg-type]


ROUTERS: tuple[tuple[Pipeline, int, int], ...] = (("A", 1, 4), ("A", 2, 8), ("B", 2, 4), ("B", 4, 4), ("D", 2, 8))


def test_latencies_are_near_the_cycle_exact_ones() -> None:
    found = []
    for (pipeline, vcs, slots), traffic, flits, share in product(
        ROUTERS, ("uniform", "transpose"), (1, 4), (0.3, 0.55)
    ):
        fabric = Fabric(4, 4, vcs, slots, pipeline)
        partner = partners(traffic, fabric)
        each = np.full((16, 16), 1 / 16) if partner is None else np.eye(16)[partner]
        busiest = estimate_load(each / 1e6, flits, fabric).link_load.max() * 1e6
        rate = share * link_capacity(fabric, flits) / busiest
        sent = bernoulli(fabric, partner, flits, rate, 6000, seed=1)
        exact, event = (run(sent, fabric, name).mean_latency_cycles for name in ("cycle", "event"))
        load = estimate_load(each * rate, flits, fabric)
        if not load.warnings:
            found.append((load.mean_latency_cycles / exact - 1, event / exact - 1))
    errors = np.abs(found)
    assert len(errors) >= 30
    assert (errors.mean(0) < [0.03, 0.02]).all()
    assert (errors.max(0) < [0.12, 0.12]).all()


@pytest.mark.parametrize("traffic", ["transpose", "bitcomp", "shuffle"])
@pytest.mark.parametrize(("pipeline", "vcs", "slots"), ROUTERS)
def test_makespans_are_near_the_cycle_exact_ones(traffic: str, pipeline: Pipeline, vcs: int, slots: int) -> None:
    fabric = Fabric(4, 4, vcs, slots, pipeline)
    sent = burst(fabric, traffic, 4, 32)
    exact = run(sent, fabric, "cycle").duration_cycles
    assert run(sent, fabric, "event").duration_cycles == pytest.approx(exact, rel=0.15)
    assert 0.6 * exact < run(sent, fabric, "analytic").duration_cycles <= exact  # a bound: worms that block exceed it
