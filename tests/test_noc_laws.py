"""Laws that every mesh of routers obeys: zero-load latency, conservation, link loads, throughput, no deadlock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noc_packets import packets, traces, tree_flits

from spikesim_py.noc.fabric import HOP_CYCLES, Fabric, Packets
from spikesim_py.noc.router import burst, load, simulate
from spikesim_py.noc.router.synthetic import bernoulli


@given(st.sampled_from("ABCD"), st.integers(0, 19), st.integers(0, 19), st.integers(1, 12), st.integers(1, 4))
def test_a_lone_packet_takes_the_zero_load_latency(pipeline: str, source: int, to: int, flits: int, vcs: int) -> None:
    fabric = Fabric(5, 4, vcs, 8, pipeline)  # type: ignore[arg-type]
    result = simulate(packets([(source, [to], flits, 3)]), fabric)
    routers = abs(source % 5 - to % 5) + abs(source // 5 - to // 5) + 1
    assert result.latency_cycles.tolist() == [2 + HOP_CYCLES[pipeline] * routers + flits - 1]
    assert result.network_cycles.tolist() == result.latency_cycles.tolist()
    assert result.link_flits.sum() == flits * routers


@given(st.sampled_from("ABD"), st.integers(0, 19), st.sets(st.integers(0, 19), min_size=1), st.integers(1, 8))
def test_a_lone_tree_reaches_everyone_as_early_as_copies_would(
    pipeline: str, source: int, to: set[int], flits: int
) -> None:
    fabric = Fabric(5, 4, 2, 8, pipeline)  # type: ignore[arg-type]
    result = simulate(packets([(source, sorted(to), flits, 0)]), fabric)
    expected = [
        2 + HOP_CYCLES[pipeline] * (abs(source % 5 - node % 5) + abs(source // 5 - node // 5) + 1) + flits - 1
        for node in sorted(to)
    ]
    assert result.latency_cycles.tolist() == expected


@given(traces())
def test_flits_are_conserved_also_where_packets_fork(trace: tuple[Packets, Fabric]) -> None:
    """Everything arrives, and each link of a tree carries every flit once."""
    sent, fabric = trace
    result = simulate(sent, fabric)
    assert (result.arrival_cycle >= 0).all()
    assert result.link_flits.tolist() == tree_flits(sent, fabric).tolist()
    assert result.vc_flits is not None
    assert result.vc_flits.sum(2).tolist() == result.link_flits.tolist()
    zero_load = HOP_CYCLES[fabric.pipeline] + np.repeat(sent.flits, np.diff(sent.first)) + 1
    assert (result.network_cycles >= zero_load).all()


@given(traces(forks=False))
def test_packets_of_one_flow_stay_in_order_on_one_channel(trace: tuple[Packets, Fabric]) -> None:
    sent, fabric = trace
    result = simulate(sent, Fabric(fabric.width, fabric.height, 1, fabric.buffer_flits, fabric.pipeline))
    flow = sent.source * fabric.nodes + sent.destination
    for one in np.unique(flow):
        assert (np.diff(result.arrival_cycle[flow == one]) > 0).all()


def test_uniform_traffic_loads_links_as_the_formula_says() -> None:
    """XY on k x k: the link between columns c and c + 1 carries rate (c + 1) (k - c - 1) / k flits per cycle."""
    rate, k = 0.3, 4
    result = load(mesh=(k, k), flit_rate=rate, window_cycles=60_000)
    flits = result.link_flits.reshape(k, k, 5) / result.cycles  # y, x, port
    for c in range(k - 1):
        expected = rate * (c + 1) * (k - c - 1) / k
        right, left = flits[:, c, 0].mean(), flits[:, c + 1, 1].mean()
        down, up = flits[c, :, 2].mean(), flits[c + 1, :, 3].mean()
        assert [right, left, down, up] == pytest.approx([expected] * 4, rel=0.02)
    assert flits[:, :, 4].mean() == pytest.approx(rate, rel=0.02)
    assert flits[:, k - 1, 0].sum() == 0


@pytest.mark.parametrize(("pipeline", "cycles"), [("A", 3), ("B", 2)])
def test_one_channel_passes_a_single_flit_packet_every_few_cycles(pipeline: str, cycles: int) -> None:
    """Routing and allocation of one packet do not overlap with those of the next: L + 2 cycles (A), L + 1 (B)."""
    fabric = Fabric(2, 1, 1, 16, pipeline)  # type: ignore[arg-type]
    short, long = (simulate(packets([(0, [1], 1, 0)] * n), fabric).duration_cycles for n in (100, 300))
    assert long - short == 200 * cycles


@pytest.mark.parametrize(("k", "slope"), [(4, 4.5), (8, 10.5)])
def test_long_bursts_grow_by_the_worst_links_share(k: int, slope: float) -> None:
    """Transpose, two channels, one flit: k - 1 flows over a link of 2/3 flit per cycle."""
    durations = [burst(mesh=(k, k), packet_flits=1, packets_per_node=n).duration_cycles for n in (100, 300)]
    assert (durations[1] - durations[0]) / 200 == pytest.approx(slope, rel=0.01)


@pytest.mark.parametrize("pipeline", ["A", "B", "C", "D"])
@pytest.mark.parametrize(("vcs", "buffer_flits"), [(1, 1), (1, 3), (2, 4), (3, 2)])
def test_trees_and_worms_under_full_load_do_not_deadlock(pipeline: str, vcs: int, buffer_flits: int) -> None:
    rng = np.random.default_rng(vcs)
    fabric = Fabric(6, 5, vcs, buffer_flits, pipeline)  # type: ignore[arg-type]
    rows = []
    for k in range(3000):
        copies = int(rng.integers(2, 16)) if k % 2 else 1
        flits = int(rng.integers(1, buffer_flits + 1 if copies > 1 else 10))
        rows.append((int(rng.integers(30)), rng.choice(30, copies, replace=False).tolist(), flits, 0))
    sent = packets(rows)
    result = simulate(sent, fabric)
    assert (result.arrival_cycle > 0).all()
    assert result.link_flits.tolist() == tree_flits(sent, fabric).tolist()


@pytest.mark.parametrize("pipeline", ["A", "B", "C", "D"])
@pytest.mark.parametrize("traffic", ["uniform", "transpose", "tornado", "bitcomp"])
def test_saturation_is_found_and_said(pipeline: str, traffic: str) -> None:
    result = load(
        traffic=traffic,
        vcs=1,
        flit_rate=1,
        pipeline=pipeline,
        warmup_cycles=500,
        window_cycles=2000,  # type: ignore[arg-type]
    )
    assert result.saturated
    assert 0.02 < result.accepted_flit_rate < 0.6
    assert "saturated" in result.warnings[0]
    assert result.cycles == 500 + 2000 + 2000 + 1


@pytest.mark.parametrize("warmup_cycles", [0, 300])
def test_short_windows_are_not_taken_for_saturation(warmup_cycles: int) -> None:
    result = load(flit_rate=0.05, warmup_cycles=warmup_cycles, window_cycles=20)
    assert not result.saturated
    assert result.mean_latency_cycles == pytest.approx(2 + 5 * 6.25, rel=0.2)


def test_a_window_without_packets_has_no_latency() -> None:
    result = load(flit_rate=1e-6, warmup_cycles=0, window_cycles=1)
    assert np.isnan([result.mean_latency_cycles, result.mean_hops, result.p99_cycles]).all()
    assert not result.saturated


def test_counted_packets_that_a_backlog_delays_are_waited_for() -> None:
    """An overload of 400 cycles takes longer than the usual drain, yet everyone arrives, and it is called one."""
    result = load(vcs=1, flit_rate=0.5, warmup_cycles=0, window_cycles=400)
    assert 400 + 2000 < result.cycles < 4000
    assert len(result.latency_cycles) == pytest.approx(64 * 400 * 0.5, rel=0.03)
    assert result.saturated


def test_a_load_depends_on_its_seed_alone() -> None:
    fields = {"mesh": (4, 3), "packet_flits": 2, "flit_rate": 0.2, "window_cycles": 3000}
    first, other, again = (load(**fields, seed=seed) for seed in (1, 2, 1))  # type: ignore[arg-type]
    assert first.latency_cycles.tolist() == again.latency_cycles.tolist()
    assert first.vc_flits.tolist() == again.vc_flits.tolist()
    assert len(first.latency_cycles) != len(other.latency_cycles)


def test_longer_traffic_begins_as_shorter_traffic_does() -> None:
    fabric = Fabric(3, 3)
    short, long = (bernoulli(fabric, None, 2, 0.3, cycles, 7) for cycles in (500, 5000))
    early = long.cycle < 500
    assert short.cycle.tolist() == long.cycle[early].tolist()
    assert short.destination.tolist() == long.destination[early].tolist()


@pytest.mark.parametrize(("rate", "flits"), [(0.02, 1), (0.5, 1), (0.4, 4), (1.0, 1)])
def test_draws_are_bernoulli(rate: float, flits: int) -> None:
    """Mean and variance of the packets per window of 50 cycles, and at most one per node and cycle."""
    sent = bernoulli(Fabric(4, 4), None, flits, rate, 20_000, 5)
    chance = rate / flits
    counts = np.bincount(sent.source * 400 + sent.cycle // 50, minlength=6400)
    assert counts.mean() == pytest.approx(50 * chance, rel=0.02)
    assert counts.var() == pytest.approx(50 * chance * (1 - chance), rel=0.08, abs=1e-9)
    assert len(np.unique(sent.source * 20_000 + sent.cycle)) == len(sent)
    assert np.bincount(sent.destination, minlength=16) / len(sent) == pytest.approx(
        1 / 16, abs=5 / (16 * len(sent)) ** 0.5
    )


def test_latency_grows_with_load() -> None:
    latencies = [load(mesh=(4, 4), flit_rate=rate).mean_latency_cycles for rate in (0.05, 0.2, 0.4, 0.55)]
    assert latencies == sorted(latencies)
    assert latencies[0] == pytest.approx(2 + 5 * 3.5, rel=0.03)
