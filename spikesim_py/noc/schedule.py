"""Packets as the schedule produces them: who sends what, and in which cycle.

Layers take their turn in the network's order, within every time-step (`step_first`) or one after the other for all
time-steps (`layer_first`); where the chip's pipeline overlaps them, all at once. In its turn a layer
reads its positions one after the other, each copy those of its band. A value is ready when its read ends, the last mux
phase being over; partial sums when the phase is over that converts the last of them, one packet or more per position.
The input waits at the port until its first reader's turn.

Words of a block gather at their source until a packet is full, or until the layer's positions are read.
Every time is open-loop: the schedule does not wait for late packets.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..mapping import Mapping
from .blocks import Blocks, Sums, all_blocks, layer_sums
from .edges import Label
from .encodings import Bitmap, Encoding, EncodingName
from .fabric import Ints, Packets
from .holdings import bands
from .records import Bools, Trains, awake_positions, choice_of, train_of, word_ends
from .zero_load import zero_load_cycles

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LayerTiming:
    """How long a layer takes.

    Attributes:
        read_ns: from one position of a copy to the next: all planes, all phases. phase_ns: one mux phase.
        step_ns: its whole turn in a time-step, reads, neurons and all; at least its reads.
    """

    read_ns: float
    phase_ns: float
    step_ns: float


@dataclass(frozen=True, eq=False)
class Scheduled:
    """Packets of one inference, and what they belong to.

    Attributes:
        packets: ordered by the cycle of their creation; `label` numbers `labels`. step: (n,) time-step of each, the
            last one whose values it carries. step_cycle: (T,) cycle in which the first layer's turn begins.
        labels: what a number means; of a tree to several layers, their names joined. readers: the transfers that share
            a number: one, or one per layer of such a tree.
        sums_cycles: layer to the cycles that its partial sums take on an empty mesh, for which its values wait.
    """

    packets: Packets
    labels: tuple[Label, ...]
    readers: tuple[tuple[Label, ...], ...]
    sums_cycles: MappingType[str, int]
    step: Ints
    step_cycle: Ints


def schedule_packets(
    mapping: Mapping,
    timings: MappingType[str, LayerTiming],
    *,
    packet_flits: int,
    trains: Trains | None = None,
    sample: int = 0,
    multicast: bool = False,
    encoding: EncodingName | None = None,
    nodes: Ints | None = None,
) -> Scheduled:
    """The packets of one inference.

    Args:
        timings: of every layer. packet_flits: most payload flits of a packet, 1 or more.
        trains: spikes {node: (samples, T, C, H, W)}, all of which settle how they are encoded; without them, every
            spike is sent as a bitmap and every row is awake. sample: whose packets.
        multicast: one packet for all destinations of a value. encoding: of spikes; the chip's own where None.
        nodes: (tiles,) mesh node of every tile, x + width y; the mapping's placement where None.

    Raises:
        InputError: a layer has no timing, or a turn that is shorter than its reads; packets of no flits; an encoding
            that depends on the spikes without any; a node is missing in the trains.
    """
    if packet_flits < 1:
        raise InputError(f"packet_flits = {packet_flits}: must be at least 1")
    clock = _Clock(mapping, timings)
    if trains is not None and not 0 <= sample < (samples := len(next(iter(trains.values())))):
        raise InputError(f"sample = {sample}: must be from 0 to {samples - 1}")
    made: list[_Made] = []
    labels = _Labels()
    places = np.array([x + mapping.mesh.width * y for x, y in mapping.mesh.places]) if nodes is None else nodes
    exchanged = [sums for layer in mapping.layers if len((sums := layer_sums(mapping, layer)).source)]
    for sums in exchanged:
        clock.sums_cycles[sums.layer] = _sums_cycles(mapping, sums, places, packet_flits)
    for tree in all_blocks(mapping):
        blocks = tree if multicast else tree.unicast()
        made += _value_packets(mapping, clock, blocks, trains, sample, encoding, packet_flits, labels)
    for sums in exchanged:
        made.append(_sum_packets(mapping, clock, sums, trains, sample, packet_flits, labels))
    return _ordered(made, labels, np.append(places, 0), clock)  # tile -1, the port, is at node 0


def _sums_cycles(mapping: Mapping, sums: Sums, nodes: Ints, packet_flits: int) -> int:
    """Cycles on an empty mesh from the last sums of a position to their arrival."""
    noc, width = mapping.hardware.noc, mapping.mesh.width
    (y, x), (to_y, to_x) = (np.divmod(nodes[tiles], width) for tiles in (sums.source, sums.destination))
    links = int((np.abs(x - to_x) + np.abs(y - to_y)).max())
    code = Bitmap(sums.bits)
    most = min(int(sums.outputs.max()), int(code.word_limit(0, noc.flit_bits, packet_flits)))
    flits = int(code.payload_flits(most, 0, noc.flit_bits)) + 1
    return int(zero_load_cycles(links + 1, flits, noc.pipeline))


class _Labels:
    """Numbers of transfers; a tree to several layers has one of its own."""

    def __init__(self) -> None:
        self.numbers: dict[Label, int] = {}
        self.readers: list[tuple[Label, ...]] = []

    def number(self, several: list[Label]) -> int:
        layers, targets = (
            list(dict.fromkeys(names)) for names in ([x.layer for x in several], [x.target for x in several])
        )
        label = Label("+".join(layers), "+".join(targets), several[0].kind)
        if label not in self.numbers:
            self.numbers[label] = len(self.readers)
            self.readers.append(tuple(several))
        return self.numbers[label]


class _Clock:
    """When every layer's turn begins, in ns, and how its reads follow each other."""

    def __init__(self, mapping: Mapping, timings: MappingType[str, LayerTiming]) -> None:
        self.mapping, self.timings = mapping, timings
        self.cycles_per_ns = mapping.hardware.technology.clock_mhz / 1e3
        steps, layers = range(mapping.network.time_steps), list(mapping.layers)
        for layer in layers:
            self._check(layer)
        self.layer_first = mapping.hardware.schedule.order == "layer_first"
        order = [(t, x) for x in layers for t in steps] if self.layer_first else [(t, x) for t in steps for x in layers]
        self.start: dict[tuple[str, int], float] = {}
        self.sums_cycles: dict[str, int] = {}
        if mapping.hardware.schedule.pipeline != "none":
            self._overlap(layers, steps, each=mapping.hardware.schedule.pipeline == "layer")
            return
        now = 0.0
        for step, layer in order:
            self.start[layer, step] = now
            now += self.turn_ns(layer, step)

    def _overlap(self, layers: Sequence[str], steps: range, *, each: bool) -> None:
        """All layers at once: on different inputs, each at its own pace, or on time-steps at that of the slowest."""
        longest = [max(self.turn_ns(layer, step) for layer in layers) for step in steps]
        for layer in layers:
            turns = [self.turn_ns(layer, step) for step in steps] if each else longest
            for step, start in zip(steps, np.cumsum([0.0, *turns[:-1]]).tolist(), strict=True):
                self.start[layer, step] = start

    def _check(self, layer: str) -> None:
        if layer not in self.timings:
            raise InputError(f"timings: layer {layer!r} is missing (layers: {', '.join(self.mapping.layers)})")
        timing, reads = self.timings[layer], self.mapping.layers[layer].turns
        if timing.step_ns < reads * timing.read_ns * (1 - 1e-9):
            raise InputError(
                f"timings.{layer}: step_ns = {timing.step_ns:g}: is shorter than its {reads} reads of "
                f"{timing.read_ns:g} ns"
            )

    def _quiet(self, layer: str, step: int) -> bool:
        """Whether the crossbars rest, since the sums were made in the first time-step."""
        return step > 0 and self.mapping.network.runs_once(layer)

    def turn_ns(self, layer: str, step: int) -> float:
        timing, reads = self.timings[layer], self.mapping.layers[layer].turns
        return timing.step_ns - (float(reads * timing.read_ns) if self._quiet(layer, step) else 0.0)

    def spacing_ns(self, layer: str, step: int) -> float:
        """From one position to the next; of sums that were made before, evenly over the layer's turn."""
        if self._quiet(layer, step):
            return float(self.turn_ns(layer, step) / self.mapping.layers[layer].turns)
        return self.timings[layer].read_ns

    def cycles(self, ns: Floats) -> Ints:
        """The first cycle at or after a time; the small shift guards against rounding."""
        return np.ceil(ns * self.cycles_per_ns - 1e-6).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Made:
    """Packets of one block, or of all partial sums of a layer: (n,) each, and their destinations (n or 1, m)."""

    source: Ints
    flits: Ints
    cycle: Ints
    label: int
    step: Ints
    destination: Ints


def _value_packets(
    mapping: Mapping,
    clock: _Clock,
    blocks: Blocks,
    trains: Trains | None,
    sample: int,
    encoding: EncodingName | None,
    packet_flits: int,
    labels: _Labels,
) -> list[_Made]:
    """Packets of one node's output."""
    flit_bits = mapping.hardware.noc.flit_bits
    if trains is None:
        code: Encoding = Bitmap(blocks.bits)
        name = "bitmap" if blocks.sender is None else encoding or mapping.hardware.noc.encoding
        if name != "bitmap" and blocks.bits == 1:
            raise InputError(f"encoding = {name!r}: its packets depend on the spikes; needs trains, or 'bitmap'")
        ends = np.ones((1, blocks.steps, len(blocks.index)), bool)
    else:
        train = train_of(mapping, trains, blocks.node, blocks.steps)
        code = choice_of(mapping, blocks, None, train, encoding, packet_flits).encoding
        ends = word_ends(blocks, code, train[sample : sample + 1])
    turn = np.broadcast_to(blocks.turn, blocks.shape).ravel()[blocks.index]
    made = []
    for block in range(len(blocks)):
        part = slice(blocks.value_first[block], blocks.value_first[block + 1])
        limit = int(code.word_limit(int(blocks.units[block]), flit_bits, packet_flits))
        where = slice(blocks.first[block], blocks.first[block + 1])
        label = labels.number([blocks.labels[i] for i in dict.fromkeys(blocks.label[where].tolist())])
        for steps in _gathered(clock, blocks):
            ready = [_ready(clock, blocks, block, step, turn[part][ends[0, step, part]]) for step in steps]
            times, end = np.concatenate([found for found, _ in ready]), ready[-1][1]
            of_step = np.repeat(steps, [len(found) for found, _ in ready])
            sizes, last = _cut(len(times), limit)
            full = sizes == limit
            count = np.unique(sizes)
            flits = {
                n: int(code.payload_flits(n, int(blocks.units[block]), flit_bits)) + code.headers
                for n in count.tolist()
            }
            made.append(
                _Made(
                    np.full(len(sizes), blocks.source[block]),
                    np.array([flits[n] for n in sizes.tolist()], np.int64),
                    clock.cycles(np.where(full, times[last], end)),
                    label,
                    np.where(full, of_step[last], steps[-1]),
                    blocks.destination[None, where],
                )
            )
    return made


def _gathered(clock: _Clock, blocks: Blocks) -> list[list[int]]:
    """Time-steps whose words may share a packet: all of a layer that takes them one after the other, else none."""
    steps = list(range(blocks.steps))
    return [steps] if clock.layer_first and blocks.sender is not None else [[step] for step in steps]


def _ready(clock: _Clock, blocks: Blocks, block: int, step: int, turn: Ints) -> tuple[Floats, float]:
    """(ns at which each word is ready, ns at which the last position is read) in one time-step."""
    if blocks.sender is None:
        readers = blocks.label[blocks.first[block] : blocks.first[block + 1]]
        start = min(clock.start[blocks.labels[reader].target, step] for reader in readers)
        return np.full(len(turn), start), start
    start, spacing = clock.start[blocks.sender, step], clock.spacing_ns(blocks.sender, step)
    start += clock.sums_cycles.get(blocks.sender, 0) / clock.cycles_per_ns  # values wait for sums from other tiles
    ready: Floats = start + np.asarray(turn + 1, np.float64) * spacing
    return ready, float(start + clock.mapping.layers[blocks.sender].turns * spacing)


def _cut(words: int, limit: int) -> tuple[Ints, Ints]:
    """(words in every packet, index of its last word)."""
    last = np.minimum(np.arange(limit, words + limit, limit), words) - 1
    return np.diff(last, prepend=-1), last


def _sum_packets(
    mapping: Mapping,
    clock: _Clock,
    sums: Sums,
    trains: Trains | None,
    sample: int,
    packet_flits: int,
    labels: _Labels,
) -> _Made:
    """Packets of one layer's partial sums: per position and pair of tiles one, or more if they do not fit it."""
    plan, hardware, timing = mapping.layers[sums.layer], mapping.hardware, clock.timings[sums.layer]
    awake: list[Bools] | None = None
    if trains is not None and hardware.crossbar.event_driven:
        awake = awake_positions(mapping, sums, {node: train[sample : sample + 1] for node, train in trains.items()})
    positions = np.bincount(bands(plan.positions, plan.copies)[0])
    code, flit_bits = Bitmap(sums.bits), hardware.noc.flit_bits
    found: list[tuple[Ints, ...]] = []
    for pair in range(len(sums.source)):
        sizes, _ = _cut(int(sums.outputs[pair]), int(code.word_limit(0, flit_bits, packet_flits)))
        flits = np.array([int(code.payload_flits(n, 0, flit_bits)) + 1 for n in sizes.tolist()])
        early = (hardware.crossbar.mux - 1 - int(sums.phase[pair])) * timing.phase_ns
        for step in range(sums.steps):
            turn = np.arange(positions[sums.copy[pair]])
            turn = turn if awake is None else turn[awake[pair][0, step]]
            cycle = clock.cycles(clock.start[sums.layer, step] + (turn + 1) * timing.read_ns - early)
            rows, each = np.repeat(cycle, len(flits)), np.tile(flits, len(cycle))
            ends = np.full((2, len(rows)), [[sums.source[pair]], [sums.destination[pair]]])
            found.append((ends[0], each, rows, np.full(len(rows), step), ends[1]))
    source, flits, cycle, of_step, destination = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Made(source, flits, cycle, labels.number([sums.label]), of_step, destination[:, None])


def _ordered(made: list[_Made], labels: _Labels, nodes: Ints, clock: _Clock) -> Scheduled:
    """All packets by cycle; of one cycle in the order in which they were made."""
    empty = np.zeros(0, np.int64)
    counts = np.concatenate([np.full(len(x.source), x.destination.shape[1]) for x in made] or [empty])
    ends = [np.broadcast_to(x.destination, (len(x.source), x.destination.shape[1])).ravel() for x in made]
    cycle = np.concatenate([x.cycle for x in made] or [empty])
    order = np.argsort(cycle, kind="stable")
    begin = np.concatenate([[0], np.cumsum(counts)])
    first = np.concatenate([[0], np.cumsum(counts[order])])
    index = np.repeat(begin[order] - first[:-1], counts[order]) + np.arange(first[-1])
    packets = Packets(
        source=nodes[np.concatenate([x.source for x in made] or [empty])[order]],
        flits=np.concatenate([x.flits for x in made] or [empty])[order],
        cycle=cycle[order],
        label=np.concatenate([np.full(len(x.source), x.label) for x in made] or [empty])[order],
        first=first,
        destination=nodes[np.concatenate(ends or [empty])[index]],
    )
    step = np.concatenate([x.step for x in made] or [empty])[order]
    lead = next(iter(clock.mapping.layers))
    begins = np.array([clock.start[lead, t] for t in range(clock.mapping.network.time_steps)])
    numbered = tuple(labels.numbers), tuple(labels.readers)
    return Scheduled(packets, *numbered, clock.sums_cycles, step, clock.cycles(begins))
