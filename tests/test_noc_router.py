"""The cycle-exact router against BookSim2's results and against its plain twin; its inputs and files."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from noc_packets import packets, reference, traces

import spikesim_py as ss
from spikesim_py.errors import InputError
from spikesim_py.noc.fabric import Fabric, Packets
from spikesim_py.noc.router import (
    burst,
    load,
    partners,
    read_packets,
    simulate,
    write_counters,
    write_histogram,
    write_packets,
)
from spikesim_py.noc.router.twin import Mesh

BURSTS, GOLDEN = reference("noc_bursts.csv"), reference("noc_golden.csv")


def arguments(row: dict[str, str]) -> dict[str, Any]:
    k = int(row["k"])
    names = {"packet_flits": "packet_size", "vcs": "num_vcs", "buffer_flits": "vc_buf_size"}
    numbers = {name: int(row[column]) for name, column in names.items()}
    return {"mesh": (k, k), "traffic": row["traffic"], "pipeline": row["pipe"], **numbers}


def test_every_burst_of_booksim2_is_exact() -> None:
    assert len(BURSTS) == 192
    for row in BURSTS:
        result = burst(**arguments(row), packets_per_node=int(row["batch_size"]))
        assert result.duration_cycles == int(row["duration_cycles"]), row
        assert result.latency_cycles.min() == int(row["plat_min"]), row
        assert result.latency_cycles.max() == int(row["plat_max"]), row
        assert result.mean_latency_cycles == pytest.approx(float(row["plat_avg"]), rel=5e-6), row
        assert result.network_cycles.mean() == pytest.approx(float(row["nlat_avg"]), rel=5e-6), row
        routers = result.link_flits.sum() / result.packets.flits.sum()
        assert routers == pytest.approx(float(row["hops_avg"]), rel=5e-6), row


@pytest.mark.parametrize("number", [0, 4, 9, 12, 16, 19, 22, 24, 25, 27])
def test_loads_agree_with_booksim2_within_sampling_noise(number: int) -> None:
    """Rows of every pipeline; `python -m benchmarks` runs all of them."""
    row = GOLDEN[number]
    result = load(**arguments(row), flit_rate=float(row["offered_flit_rate"]), seed=3)
    for mine, name in ((result.mean_latency_cycles, "plat_mean"), (result.mean_network_cycles, "nlat_mean")):
        assert mine == pytest.approx(float(row[name]), rel=0.01, abs=3 * float(row["plat_se"])), name
    assert result.p50_cycles == pytest.approx(float(row["plat_p50"]), abs=1)
    assert result.p99_cycles == pytest.approx(float(row["plat_p99"]), rel=0.02)
    assert result.mean_hops == pytest.approx(float(row["hops_mean"]), rel=0.01)
    assert result.accepted_flit_rate == pytest.approx(float(row["acc_flit_rate"]), rel=0.01)
    assert not result.saturated
    assert result.warnings == ()


@given(traces())
def test_the_kernel_does_what_the_twin_does(trace: tuple[Packets, Fabric]) -> None:
    sent, fabric = trace
    result, mesh = simulate(sent, fabric), Mesh(sent, fabric)
    mesh.run()
    number = np.repeat(np.arange(len(sent)), np.diff(sent.first)).tolist()
    where = sent.destination.tolist()
    assert [mesh.arrived[key] for key in zip(number, where, strict=True)] == result.arrival_cycle.tolist()
    assert [mesh.injected[packet] for packet in number] == (result.arrival_cycle - result.network_cycles).tolist()
    assert result.vc_flits is not None
    assert {key: flits for key, flits in np.ndenumerate(result.vc_flits) if flits} == dict(mesh.vc_flits)


def test_both_are_on_the_public_face() -> None:
    assert ss.noc.burst().duration_cycles == 411
    assert ss.noc.load is load
    result = ss.noc.burst(traffic="bitcomp", packet_flits=1, packets_per_node=1)
    assert (result.duration_cycles, result.fidelity) == (38, "cycle")


@pytest.mark.parametrize("traffic", ["transpose", "bitcomp", "shuffle", "bitrev", "tornado", "neighbor"])
def test_patterns_are_permutations(traffic: str) -> None:
    to = partners(traffic, Fabric(8, 8))
    assert to is not None
    assert sorted(to.tolist()) == list(range(64))


def test_patterns_send_where_booksim2_sends() -> None:
    def to(traffic: str, node: int, width: int = 4, height: int = 4) -> int:
        where = partners(traffic, Fabric(width, height))
        assert where is not None
        return int(where[node])

    assert to("transpose", 1) == 4
    assert to("bitcomp", 1) == 14
    assert [to("shuffle", node) for node in (1, 8, 9)] == [2, 1, 3]
    assert to("bitrev", 1) == 8
    assert to("tornado", 0) == 1 + 4
    assert to("tornado", 0, 5, 3) == 2 + 5
    assert to("neighbor", 3 + 4 * 3) == 0
    assert to("neighbor", 4, 5, 2) == 5
    assert partners("uniform", Fabric(4, 4)) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: burst(mesh=(4, 3)), "traffic = 'transpose': needs a square mesh, got 4 x 3"),
        (lambda: burst(mesh=(3, 3), traffic="shuffle"), "power of two, got 3 x 3 = 9"),
        (lambda: burst(traffic="transposed"), "must be one of uniform, transpose.* did you mean 'transpose'"),
        (lambda: burst(traffic="uniform"), "a burst is deterministic"),
        (lambda: burst(mesh=4), r"mesh = 4: must be \(routers along x"),  # type: ignore[arg-type]
        (lambda: burst(mesh=(0, 4)), "width = 0: must be a whole number from 1"),
        (lambda: burst(mesh=(4, 2.5)), "height = 2.5"),  # type: ignore[arg-type]
        (lambda: burst(vcs=13), "vcs = 13: must be a whole number of 1 to 12"),
        (lambda: burst(buffer_flits=0), "buffer_flits = 0"),
        (lambda: burst(packet_flits=True), "packet_flits = True"),
        (lambda: burst(packets_per_node=-1), "packets_per_node = -1"),
        (lambda: burst(pipeline="E"), "pipeline = 'E': must be one of A, B, C, D"),  # type: ignore[arg-type]
        (lambda: load(flit_rate=0), "flit_rate = 0: must be above 0"),
        (lambda: load(flit_rate=float("nan")), "flit_rate = nan"),
        (lambda: load(flit_rate=1.5), "at most 1 flit"),
        (lambda: load(seed=-1), "seed = -1"),
        (lambda: load(warmup_cycles=-1), "warmup_cycles = -1"),
        (lambda: load(window_cycles=0), "window_cycles = 0"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, [4], 1, 0)], "packet 0: destination = 4: nodes are 0 to 3"),
        ([(0, [1], 1, 0), (-1, [1], 1, 0)], "packet 1: source = -1"),
        ([(0, [1], 0, 0)], "packet 0: flits = 0"),
        ([(0, [1], 1, -1)], "packet 0: cycle = -1"),
        ([(0, [1], 1, 5), (1, [1], 1, 0), (0, [1], 1, 4)], "packet 2: cycle = 4: before that of an earlier packet"),
        ([(0, [], 1, 0)], "packet 0: destinations = 0"),
        ([(0, [1, 2, 1], 1, 0)], "packet 0: destination = 1: is there twice"),
        ([(0, [1, 2], 5, 0)], r"packet 0: flits = 5: a packet that forks must fit a buffer \(buffer_flits = 4\)"),
    ],
)
def test_bad_packets_are_named(rows: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(packets(rows), Fabric(2, 2))


def test_columns_of_packets_must_be_of_one_length() -> None:
    sent = packets([(0, [1], 1, 0)])
    with pytest.raises(InputError, match="packets: 1 sources need as many lengths"):
        simulate(
            Packets(sent.source, sent.flits[:0], sent.cycle, sent.label, sent.first, sent.destination), Fabric(2, 2)
        )


def test_packets_of_any_integer_type_and_layout_are_taken() -> None:
    rows = [(0, [1, 2, 3], 2, 0), (3, [0], 4, 1), (1, [2], 1, 2)]
    sent, fabric = packets(rows), Fabric(2, 2)
    columns = (sent.source, sent.flits, sent.cycle, sent.label, sent.first, sent.destination)
    other = Packets(*(np.repeat(column.astype(np.int32), 2)[::2] for column in columns))
    assert simulate(other, fabric).arrival_cycle.tolist() == simulate(sent, fabric).arrival_cycle.tolist()


def test_no_packets_take_no_time() -> None:
    assert simulate(packets([]), Fabric(2, 2)).duration_cycles == 0


@given(traces())
def test_packets_survive_a_file(tmp_path_factory: pytest.TempPathFactory, trace: tuple[Packets, Fabric]) -> None:
    path = tmp_path_factory.mktemp("trace") / "packets.csv"
    again = read_packets(write_packets(trace[0], path))
    for name in ("source", "flits", "cycle", "label", "first", "destination"):
        assert getattr(again, name).tolist() == getattr(trace[0], name).tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: ''.*: must be source,destinations,flits,cycle,label"),
        ("source,flits\n", "line 1: 'source,flits'"),
        ("0,1,2,3\n", "line 2: 4 values; must be 5"),
        ("0,1 x,2,3,0\n", "line 2: destinations = 'x': must be a whole number"),
        ("0,1,2,3,0\n0,,2,3,0\n", "line 3: destinations = ''"),
        ("0,1,0,3,0\n", "line 2: flits = 0: must be from 1"),
        ("0,1,1,-3,0\n", "line 2: cycle = -3: must be from 0"),
        ("0,1,1,1.5,0\n", "line 2: cycle = '1.5'"),
    ],
)
def test_malformed_traces_are_named_by_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "packets.csv"
    path.write_text(text if not text or "source" in text else "source,destinations,flits,cycle,label\n" + text)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}: {message}"):
        read_packets(path)


def test_a_trace_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_packets(tmp_path / "none.csv")


def test_counters_and_histogram_are_written(tmp_path: Path) -> None:
    result = burst(packets_per_node=2)
    with open(write_counters(result, tmp_path / "counters.csv")) as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16 * 5 * 2
    assert sum(int(row["flits"]) for row in rows) == result.link_flits.sum()
    through = [int(row["flits"]) for row in rows if row["x"] == "0" and row["y"] == "0" and row["port"] == "local"]
    assert sum(through) == result.link_flits[0, 4]
    with open(write_histogram(result, tmp_path / "latency.csv")) as stream:
        counts = {int(row["latency_cycles"]): int(row["deliveries"]) for row in csv.DictReader(stream)}
    assert sum(counts.values()) == 32
    assert sum(cycles * count for cycles, count in counts.items()) == result.latency_cycles.sum()
