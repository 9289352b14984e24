"""Records, packets, trees: exact counts from spikes, when packets are made, and who loads which link."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from noc_cases import COPIED, NETWORKS, SMALL

from spikesim_py.datasets import Dataset
from spikesim_py.errors import InputError
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import record_trains, simulate
from spikesim_py.mapping import Mapping, map_network
from spikesim_py.network import load_network, run
from spikesim_py.noc import (
    Blocks,
    Label,
    LayerTiming,
    Records,
    Sums,
    flit_links,
    loads_by_label,
    records,
    route,
    route_links,
    schedule_packets,
    tree_links,
)
from spikesim_py.noc.encodings import EncodingName
from spikesim_py.noc.fabric import Fabric, Packets

NAMES: tuple[EncodingName, ...] = ("bitmap", "aer", "packed_aer", "run_length", "auto")
CHIP = SMALL | {"tile.pes": 3}
LABELS = (Label("a", "b", "spikes"), Label("b", "c", "graded"))


def mapped(name: str, **fields: Any) -> Mapping:
    return map_network(NETWORKS[name], load_hardware("rram_32nm", CHIP | fields))


def drawn(mapping: Mapping, rate: float = 0.2, samples: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    """Random spikes at every node."""
    network, rng = mapping.network, np.random.default_rng(seed)
    return {
        name: rng.random((samples, 1 if network.constant(name) else network.time_steps, *edge.shape)) < rate
        for name, edge in network.edges.items()
    }


def timings(mapping: Mapping) -> dict[str, LayerTiming]:
    return {
        name: LayerTiming(100.0 + 7 * i, 10.0, plan.turns * (100.0 + 7 * i) + 300.0)
        for i, (name, plan) in enumerate(mapping.layers.items())
    }


# ------------------------------------------------------------------------------------------------ records


@pytest.mark.parametrize("multicast", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_active_units_and_bits_are_those_of_the_spikes(name: str, multicast: bool) -> None:
    mapping = mapped(name)
    trains = drawn(mapping)
    for encoding in NAMES:
        for record in records(mapping, trains=trains, multicast=multicast, encoding=encoding):
            if isinstance(record.blocks, Sums):
                continue
            blocks, choice = record.blocks, record.choice
            assert choice is not None
            flat = trains[blocks.node].reshape(3, -1, blocks.shape[0] * blocks.shape[1])[:, : blocks.steps]
            for block in range(len(blocks)):
                seen = flat[:, :, blocks.index[blocks.value_first[block] : blocks.value_first[block + 1]]]
                assert np.array_equal(record.active[:, :, block], seen.sum(2))
                assert np.array_equal(record.payload_bits[:, :, block], choice.encoding.payload_bits(seen))
            if encoding != "auto" and blocks.bits == 1 and blocks.sender:
                assert choice.encoding.name == encoding


@pytest.mark.parametrize("name", NETWORKS)
def test_samples_are_told_apart(name: str) -> None:
    mapping, order = mapped(name, **{"crossbar.event_driven": True}), np.array([2, 0, 1])
    trains = drawn(mapping, 0.02)
    plain = records(mapping, trains=trains, encoding="auto")
    mixed = records(mapping, trains={node: train[order] for node, train in trains.items()}, encoding="auto")
    for one, other in zip(plain, mixed, strict=True):
        assert np.array_equal(one.active[order], other.active)
        assert np.array_equal(one.payload_bits[order], other.payload_bits)


def test_expected_volumes_are_the_mean_of_many_draws() -> None:
    from spikesim_py.activity import Activity, LayerActivity

    network, rate = NETWORKS["tiny"], 0.2
    mapping = mapped("tiny", **{"crossbar.event_driven": True})
    layers = {node.name: LayerActivity(rate, output_rate=rate) for node in network.layers}
    trains = drawn(mapping, rate, samples=400)
    for encoding in ("aer", "run_length"):
        mean = records(mapping, activity=Activity(layers, "given"), encoding=encoding)
        exact = records(mapping, trains=trains, encoding=encoding)
        for one, other in zip(mean, exact, strict=True):
            if isinstance(one.blocks, Sums):
                # rows of the padding are always quiet, which the rate of a real layer counts in
                assert other.active.mean((0, 1)).sum() <= one.active.sum() * 1.02
            elif one.blocks.bits == 1:
                assert other.active.mean((0, 1)) == pytest.approx(one.active[0, 0], rel=0.15, abs=0.1)
                assert other.payload_bits.mean((0, 1)) == pytest.approx(one.payload_bits[0, 0], rel=0.15, abs=0.5)


@pytest.mark.parametrize("layer", ["conv2", "fc"])
def test_quiet_rows_send_no_sums(layer: str) -> None:
    """By enumeration: a sum is sent where any input of the tile's rows is active at the position."""
    fields = {"crossbar.event_driven": True, "mapping.copies": COPIED["tiny"], "tile.pes": 2}
    mapping = mapped("tiny", **fields)
    trains = drawn(mapping, 0.03)
    plan, cells = mapping.layers[layer], mapping.cells(layer)
    found = [record for record in records(mapping, trains=trains) if isinstance(record.blocks, Sums)]
    record = next(record for record in found if record.blocks.label.layer == layer)
    sums, columns, per_group = record.blocks, cells.columns.count, plan.outputs // plan.groups
    assert isinstance(sums, Sums)
    train = trains[mapping.network.by_name[layer].inputs[0]]
    kernel, stride, padding = (3, 2, 1) if layer == "conv2" else (1, 1, 0)
    padded = np.pad(train, [(0, 0)] * 3 + [(padding, padding)] * 2)
    width = mapping.network.edges[layer].shape[2]
    for pair in range(len(sums.source)):
        group, copy = int(sums.group[pair]), int(sums.copy[pair])
        rows = {
            row
            for row in range(plan.rows)
            for column in range(per_group * columns)
            if (cells.place(group, row, column)[0] + copy * plan.read_crossbars) // plan.per_tile
            == sums.source[pair] - plan.first_tile
        }
        sent = 0
        for position in range(plan.positions):
            if position * plan.copies // plan.positions == copy:
                y, x = divmod(position, width)
                seen = padded[
                    :, :, group * plan.channels : (group + 1) * plan.channels,
                    y * stride : y * stride + kernel, x * stride : x * stride + kernel,
                ]  # fmt: skip
                sent = sent + seen.reshape(*seen.shape[:2], -1)[:, :, sorted(rows)].any(2)
        assert np.array_equal(record.active[:, :, pair], sent * sums.outputs[pair])
    assert record.active.min() < record.active.max()


def test_wrong_spikes_are_refused() -> None:
    mapping = mapped("tiny")
    trains = drawn(mapping)
    with pytest.raises(InputError, match="either activity"):
        records(mapping)
    with pytest.raises(InputError, match="node 'flat' is missing"):
        records(mapping, trains={name: train for name, train in trains.items() if name != "flat"})
    still = records(mapping, trains=trains | {"flat": trains["flat"][:, :1]})  # the same in every time-step
    assert all(record.active.shape[1] == record.blocks.steps for record in still)
    with pytest.raises(InputError, match=r"trains.flat: shape \(3, 3, 36, 1\): must be \(samples, 3, 36, 1, 1\)"):
        records(mapping, trains=trains | {"flat": trains["flat"][..., 0]})


# ------------------------------------------------------------------------------------------------ spikes of a chip


def test_the_spikes_of_a_chip_are_those_of_its_run() -> None:
    network = tiny_network()
    data = Dataset("tiny", tiny_images(5), np.zeros(5, np.int64))
    chip = load_hardware("rram_32nm", {"device.ideal": True, "adc.bits": 12})
    found = record_trains(network, chip, data, samples=4)
    exact = run(network, data.images[:4], record=True).trains
    assert found.keys() == {"input", "lif1", "pool1", "flat"}
    assert np.array_equal(found["lif1"], exact["lif1"])
    assert np.array_equal(found["flat"][..., 0, 0], exact["lif2"].reshape(4, 3, -1))
    assert np.array_equal(found["input"][:, 0], data.images[:4] != 0)


def test_the_spikes_depend_on_the_chip_and_nothing_else() -> None:
    network = tiny_network()
    data = Dataset("tiny", tiny_images(5), np.zeros(5, np.int64))
    noisy = load_hardware("rram_32nm", {"device.program_sigma": 0.3, "crossbar.rows": 16})
    one, same, other = (record_trains(network, noisy, data, seed=1, chip=chip) for chip in (2, 2, 3))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)
    seen: dict[int, list[np.ndarray]] = {2: [], 3: []}

    def observe(chip: int, name: str, value: torch.Tensor) -> None:
        if name == "lif1" and chip in seen:
            seen[chip].append(value.numpy() != 0)

    simulate(network, noisy, data, seed=1, chips=4, observer=observe)
    assert np.array_equal(np.concatenate(seen[2]), one["lif1"])
    assert np.array_equal(np.concatenate(seen[3]), other["lif1"])
    with pytest.raises(InputError, match="first_chip = -1: must be at least 0"):
        record_trains(network, noisy, data, chip=-1)


# ------------------------------------------------------------------------------------------------ packets


def flits_of(record: Records, mapping: Mapping, packet_flits: int) -> int:
    """Flits of the first sample, block by block, if packets end with the time-step."""
    width, flits = mapping.hardware.noc.flit_bits, 0
    blocks, choice = record.blocks, record.choice
    assert isinstance(blocks, Blocks)
    assert choice is not None
    for block in range(len(blocks)):
        units = int(blocks.units[block])
        for bits in record.payload_bits[0, :, block].tolist():
            words = bits // int(choice.encoding.word_bits(units))
            limit = int(choice.encoding.word_limit(units, width, packet_flits))
            sizes = [min(limit, words - first) for first in range(0, words, limit)]
            flits += sum(int(choice.encoding.payload_flits(n, units, width)) + choice.encoding.headers for n in sizes)
    return flits


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("multicast", [False, True])
def test_packets_carry_the_records(encoding: EncodingName, multicast: bool) -> None:
    mapping = mapped("branched", **{"mapping.copies": COPIED["branched"], "crossbar.event_driven": True})
    trains = drawn(mapping, 0.1)
    options: dict[str, Any] = {"trains": trains, "multicast": multicast, "encoding": encoding}
    made = schedule_packets(mapping, timings(mapping), packet_flits=2, **options)
    found = records(mapping, packet_flits=2, **options)
    sums = np.array([label.kind == "partial_sums" for label in made.labels])[made.packets.label]
    values = [record for record in found if not isinstance(record.blocks, Sums)]
    assert made.packets.flits[~sums].sum() == sum(flits_of(record, mapping, 2) for record in values)
    assert made.packets.flits.max() <= 3
    for record in found:
        if isinstance(record.blocks, Sums):
            own = made.packets.label == made.labels.index(record.blocks.label)
            assert (made.packets.flits[own] > 1).all()
            assert own.sum() >= np.count_nonzero(record.active[0])


def test_packets_are_in_order_and_within_their_turn() -> None:
    for order in ("step_first", "layer_first"):
        mapping = mapped("tiny", **{"schedule.order": order})
        times = timings(mapping)
        made = schedule_packets(mapping, times, packet_flits=4, trains=drawn(mapping), encoding="packed_aer")
        assert (np.diff(made.packets.cycle) >= 0).all()
        clock, starts, now = mapping.hardware.technology.clock_mhz / 1e3, {}, 0.0
        steps, layers = range(mapping.network.time_steps), list(mapping.layers)
        turns = (
            [(t, x) for t in steps for x in layers]
            if order == "step_first"
            else [(t, x) for x in layers for t in steps]
        )
        for t, x in turns:
            length = times[x].step_ns
            if t and mapping.network.runs_once(x):
                length -= mapping.layers[x].turns * times[x].read_ns
            starts[x, t] = now, (now := now + length)
        for index in range(len(made.packets)):
            label, step = made.labels[made.packets.label[index]], int(made.step[index])
            begin, end = starts[label.layer, step]
            waits = 0 if label.kind in ("partial_sums", "input") else made.sums_cycles.get(label.layer, 0)
            assert begin * clock - 1 <= made.packets.cycle[index] - waits <= end * clock + 1
        first = next(iter(layers))
        assert made.step_cycle.tolist() == [int(np.ceil(starts[first, t][0] * clock - 1e-6)) for t in steps]


def test_the_cycle_of_a_packet_by_hand() -> None:
    """An event leaves when the read of its position ends, a full packet with its last value."""
    mapping = map_network(NETWORKS["tiny"], load_hardware("rram_32nm", {"technology.clock_mhz": 1000}))
    assert mapping.tiles == 3
    trains = {name: np.zeros_like(train) for name, train in drawn(mapping).items()}
    trains["flat"][0, 1, 5] = True  # channel 0, pixel 5 of 9, in time-step 1
    times = {name: LayerTiming(100.0, 10.0, plan.turns * 100.0 + 300.0) for name, plan in mapping.layers.items()}
    made = schedule_packets(mapping, times, packet_flits=4, trains=trains, encoding="aer")
    spikes = [label.kind == "spikes" for label in made.labels]
    (at,) = np.flatnonzero(np.array(spikes)[made.packets.label])
    step = 36 * 100 + 300, 9 * 100 + 300, 100 + 300  # conv1 reads its 36 positions in the first time-step only
    assert made.packets.cycle[at] == sum(step) + 300 + 6 * 100
    assert made.packets.flits[at] == 1
    # six channels of sums of four spikes (3 bits) at 25 positions: a full packet of 4 flits holds 85 values
    pooled = np.flatnonzero(np.array([label.kind == "graded" for label in made.labels])[made.packets.label])
    first = pooled[made.step[pooled] == 0]
    assert made.packets.flits[first].tolist() == [5, 5]
    # value 85 is of the 15th pooled pixel, (2, 4), whose window ends at (3, 5): the 24th read
    assert made.packets.cycle[first].tolist() == [2400, 3600]


def test_without_spikes_only_bitmaps_can_be_sent() -> None:
    mapping = map_network(load_network("vgg9-cifar10"), load_hardware("rram_32nm", {"crossbar.rows": 64}))
    made = schedule_packets(mapping, timings(mapping), packet_flits=16)
    assert made.packets.flits.max() <= 17
    with pytest.raises(InputError, match="encoding = 'aer': its packets depend on the spikes"):
        schedule_packets(mapping, timings(mapping), packet_flits=16, encoding="aer")
    short = timings(mapping) | {"conv1": LayerTiming(10.0, 1.0, 5.0)}
    with pytest.raises(InputError, match=r"timings.conv1: step_ns = 5: is shorter than its 1024 reads of 10 ns"):
        schedule_packets(mapping, short, packet_flits=16)


def test_partial_sums_leave_with_their_mux_phase() -> None:
    mapping = mapped("tiny", **{"crossbar.mux": 8, "technology.clock_mhz": 1000})
    times = timings(mapping)
    made = schedule_packets(mapping, times, packet_flits=8)
    for number, label in enumerate(made.labels):
        if label.kind == "partial_sums":
            cycles = np.unique(made.packets.cycle[(made.packets.label == number) & (made.step == 0)])
            read = round(times[label.layer].read_ns)
            start = min(cycles) // read * read if label.layer == "conv1" else None
            if start is not None:
                assert set((cycles % read).tolist()) <= {(read - 10 * late) % read for late in range(8)}


# ------------------------------------------------------------------------------------------------ trees and links


@given(width=st.integers(1, 7), height=st.integers(1, 7), data=st.data())
def test_trees_are_unions_of_routes(width: int, height: int, data: st.DataObject) -> None:
    node = st.integers(0, width * height - 1)
    source, ends = data.draw(node), data.draw(st.lists(node, min_size=1, max_size=6, unique=True))
    step = {0: 1, 1: -1, 2: width, 3: -width}
    for end in ends:
        places = route((source % width, source // width), (end % width, end // width))
        ids = [x + width * y for x, y in places]
        links = route_links(source, end, width)
        assert [(link // 5, link // 5 + step[link % 5]) for link in links] == list(pairwise(ids))
    tree = tree_links(source, ends, width)
    lengths = [len(route_links(source, end, width)) for end in ends]
    assert max(lengths) <= len(tree) <= sum(lengths)
    heads = [link // 5 + step[link % 5] for link in tree]
    assert len(set(heads)) == len(heads)  # a tree enters every router once
    assert set(ends) - {source} <= set(heads)


def some_packets(made: list[tuple[int, int, int, list[int]]]) -> Packets:
    """Packets of (source, flits, label, destinations)."""
    source, flits, label, ends = zip(*made, strict=True)
    first = np.concatenate([[0], np.cumsum([len(end) for end in ends])])
    columns = (np.array(x, np.int64) for x in (source, flits, [0] * len(made), label))
    return Packets(*columns, first, np.concatenate(ends))


def test_what_a_tree_saves_by_hand() -> None:
    """On a 3 x 3 mesh from a corner to the three tiles of the far column: 2 + 3 + 4 links, as a tree 4."""
    packets = some_packets([(0, 5, 0, [2, 5, 8]), (4, 2, 1, [4])])
    saved = flit_links(packets, Fabric(3, 3))
    assert (saved.unicast, saved.tree, saved.saved) == (45, 20, 25)
    alone = flit_links(some_packets([(0, 5, 0, [8])]), Fabric(3, 3))
    assert alone.saved == 0


@pytest.mark.parametrize("multicast", [False, True])
def test_link_loads_are_told_apart_exactly(multicast: bool) -> None:
    mapping = mapped("tiny")
    made = schedule_packets(mapping, timings(mapping), packet_flits=8, multicast=multicast)
    fabric = Fabric(mapping.mesh.width, mapping.mesh.height)
    loads = loads_by_label(made.packets, fabric, len(made.labels))
    links = flit_links(made.packets, fabric)
    assert loads[:, :, :4].sum() == links.tree
    assert loads[:, :, 4].sum() == (made.packets.flits * np.diff(made.packets.first)).sum()
    assert links.tree == links.unicast if not multicast else links.tree < links.unicast
