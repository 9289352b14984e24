"""Transfers that the closed form cannot know: packets that fork, tiles that were moved, links that are shared.

The closed form spreads traffic evenly. What trees and moved tiles change is found on the packets of one inference, tile
by tile, as a ratio to the same packets as copies on a snake, and applied to the closed form: both sides of a comparison
are then spread alike. With the fidelity `event` or `cycle` the same packets are sent through the mesh as the schedule
makes them, and a transfer is as late as they are, on average over the time-steps.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..activity import Activity
from ..errors import InputError
from ..hardware import Hardware
from ..mapping import Mapping
from .blocks import all_blocks
from .edges import Label
from .fabric import LOCAL, Fabric, Ints, NocResult
from .fidelity import run
from .flow import Flow
from .multicast import loads_by_label
from .placement import Placed, optimized_places
from .records import Trains
from .schedule import LayerTiming, Scheduled, schedule_packets
from .traffic import block_rate, traffic

#: kinds of what a layer makes for others
_VALUES = ("spikes", "graded", "shortcut")
#: of the places that annealing finds, and of the spikes that are drawn where none were measured
SEED = 0


def is_refined(hardware: Hardware) -> bool:
    """Whether a chip's transfers are found tile by tile, so that it has no closed form."""
    noc = hardware.noc
    return noc.cast != "unicast" or noc.placement == "optimized" or noc.fidelity != "analytic"


def in_closed_form(hardware: Hardware) -> Hardware:
    """The chip with copies on a snake, analytic."""
    plain = {"cast": "unicast", "fidelity": "analytic"}
    if hardware.noc.placement == "optimized":
        plain["placement"] = "snake"
    return hardware.model_copy(update={"noc": hardware.noc.model_copy(update=plain)})


def check_closed_form(hardware: Hardware) -> None:
    """Raises `InputError` where many designs at once have no closed form: simulations, trees and moved tiles."""
    noc = hardware.noc
    if is_refined(hardware):
        raise InputError(
            f"noc.cast = {noc.cast!r}, noc.placement = {noc.placement!r}, noc.fidelity = {noc.fidelity!r}: many "
            f"designs at once need 'unicast', 'row_major' or 'snake', and 'analytic'; cost() takes one at a time"
        )


def fabric_of(mapping: Mapping) -> Fabric:
    """The mesh of a mapping as the simulators take it."""
    noc, mesh = mapping.hardware.noc, mapping.mesh
    return Fabric(mesh.width, mesh.height, noc.vcs, noc.buffer_flits, noc.pipeline)


def placed(mapping: Mapping, activity: Activity) -> Placed:
    """Places on which the flits of an inference pass the fewest links; see `optimized_places`."""
    mesh = mapping.mesh
    volumes, port = np.zeros((mesh.tiles, mesh.tiles)), np.zeros((mesh.tiles, 2))
    for transfer in traffic(mapping, activity).transfers:
        plan = mapping.layers[transfer.target]
        to = slice(plan.first_tile, plan.first_tile + plan.tiles)
        if transfer.from_port:
            port[to, 0] += transfer.flits[0] * transfer.steps
        else:
            plan = mapping.layers[transfer.layer]
            volumes[plan.first_tile : plan.first_tile + plan.tiles, to] += transfer.flits * transfer.steps
    return optimized_places(volumes, port, mesh.width, mesh.height, seed=SEED)


def moved(mapping: Mapping, activity: Activity) -> Mapping:
    """The mapping with its tiles where the chip puts them."""
    if mapping.hardware.noc.placement != "optimized" or mapping.mesh.moved is not None:
        return mapping
    places = tuple((int(x), int(y)) for x, y in placed(mapping, activity).places)
    return replace(mapping, mesh=replace(mapping.mesh, moved=places))


def drawn_trains(mapping: Mapping, activity: Activity) -> Trains:
    """Spikes of one inference at the rates of an activity, independent of each other: {node: (1, T, C, H, W)}.

    The network's input is dense.
    """
    network, found = mapping.network, dict[str, NDArray[np.bool_]]()
    for blocks in all_blocks(mapping):
        shape = (1, blocks.steps, *network.edges[blocks.node].shape)
        rate = 1.0 if blocks.sender is None else min(block_rate(mapping, activity, blocks, blocks.labels[0]), 1.0)
        random = np.random.Generator(np.random.Philox(key=(SEED, zlib.crc32(blocks.node.encode()))))
        found[blocks.node] = random.random(shape, np.float32) < rate
    if mapping.hardware.crossbar.event_driven:  # whose rows are quiet is asked of every layer
        for layer in network.layers:
            source = layer.inputs[0]
            if source not in found:
                shape = (1, network.time_steps, *network.edges[source].shape)
                random = np.random.Generator(np.random.Philox(key=(SEED, zlib.crc32(source.encode()))))
                found[source] = random.random(shape, np.float32) < activity.layers[layer.name].rate
    return found


def packets_of(mapping: Mapping, timings: MappingType[str, LayerTiming], trains: Trains, sample: int = 0) -> Scheduled:
    """The packets of one inference as the chip sends them."""
    noc = mapping.hardware.noc
    return schedule_packets(
        mapping,
        timings,
        packet_flits=noc.packet_flits,
        trains=trains,
        sample=sample,
        multicast=noc.cast == "tree",
    )


def refined(
    mapping: Mapping, activity: Activity, closed: Sequence[Flow], timings: MappingType[str, LayerTiming]
) -> tuple[Flow, ...]:
    """The transfers of a chip beyond the closed form.

    Args:
        closed: what `flows` says. timings: of every layer, without its transfers.

    Raises:
        MappingError: the chip takes too many tiles.
    """
    trains, own = drawn_trains(mapping, activity), moved(mapping, activity)
    sent = packets_of(own, timings, trains)
    made = tuple(closed)
    if own.mesh.moved is not None or mapping.hardware.noc.cast == "tree":
        copies = schedule_packets(
            mapping, timings, packet_flits=mapping.hardware.noc.packet_flits, trains=trains, multicast=False
        )
        before, after = (_loads(where, packets) for where, packets in ((mapping, copies), (own, sent)))
        made = tuple(_changed(flow, before, after) for flow in made)
    fidelity = mapping.hardware.noc.fidelity
    if fidelity != "analytic":
        result = run(sent.packets, fabric_of(own), fidelity)
        made = _simulated(made, sent, result)
    return made


def _simulated(flows: Sequence[Flow], sent: Scheduled, result: NocResult) -> tuple[Flow, ...]:
    """Transfers as late as they were. Those of one layer wait at the same time: each is charged what it adds.

    Partial sums come first, with what they take on an empty mesh: what they wait for each other and for values is
    charged to the values, which wait for them.
    """
    excess, seen = dict[tuple[str, int], float](), dict[tuple[str, int], float]()
    found = {}
    for flow in sorted(flows, key=lambda flow: flow.kind != "partial_sums"):
        own, together = late_cycles(sent, result, flow), (flow.layer, flow.steps)
        if flow.kind == "partial_sums" and _sends_values(flows, flow):
            alone = min(own, float(sent.sums_cycles.get(flow.layer, 0)))
            excess[together], own = own - alone, alone
        elif flow.kind in _VALUES:
            until = max(own, excess.pop(together, 0.0))
            own = max(until - seen.get(together, 0.0), 0.0)
            seen[together] = max(until, seen.get(together, 0.0))
        found[_label(flow)] = own
    return tuple(replace(flow, late_cycles=found[_label(flow)]) for flow in flows)


def _sends_values(flows: Sequence[Flow], sums: Flow) -> bool:
    return any(flow.layer == sums.layer and flow.kind in _VALUES and flow.steps == sums.steps for flow in flows)


@dataclass(frozen=True)
class _Load:
    """Packets of a layer: flits that enter, times links, of the busiest link or port; links of the longest route."""

    injected: float
    links: float
    busiest: float
    farthest: float


def _loads(mapping: Mapping, sent: Scheduled) -> MappingType[tuple[str, str], _Load]:
    """What every layer sends on the mesh: its values to all that read them, and its partial sums."""
    packets, fabric = sent.packets, fabric_of(mapping)
    loads = loads_by_label(packets, fabric, len(sent.labels))
    groups = [_group(readers[0]) for readers in sent.readers]
    found = {}
    for group in dict.fromkeys(groups):
        numbers = [number for number, other in enumerate(groups) if other == group]
        own = np.isin(packets.label, numbers)
        entered = np.bincount(packets.source[own], packets.flits[own], fabric.nodes)
        mine = loads[numbers].sum(0)
        found[group] = _Load(
            float(entered.sum()),
            float(mine[:, :LOCAL].sum()),
            float(max(entered.max(), mine.max())),
            float(_farthest(packets.source, packets.first, packets.destination, own, fabric.width)),
        )
    return found


def _group(label: Label) -> tuple[str, str]:
    """What is sent together: trees serve all readers of a layer's values."""
    return label.layer, "values" if label.kind in _VALUES else label.kind


def _farthest(source: Ints, first: Ints, destination: Ints, own: NDArray[np.bool_], width: int) -> int:
    copies = np.diff(first)
    start, end = np.repeat(source, copies)[np.repeat(own, copies)], destination[np.repeat(own, copies)]
    links = np.abs(start % width - end % width) + np.abs(start // width - end // width)
    return int(links.max(initial=0))


def _label(flow: Flow) -> Label:
    return Label(flow.layer, flow.target, flow.kind)


def _changed(
    flow: Flow, before: MappingType[tuple[str, str], _Load], after: MappingType[tuple[str, str], _Load]
) -> Flow:
    """The closed form, scaled by what the packets of its layer became."""
    group = _group(_label(flow))
    if group not in before or group not in after:
        return flow
    was, now = before[group], after[group]
    if not was.injected or not was.busiest:  # nothing was sent
        return flow
    busiest = now.busiest / was.busiest
    return replace(
        flow,
        injected=flow.injected * now.injected / was.injected,
        flit_links=flow.flit_links * (now.links / was.links if was.links else 1.0),
        head_cycles=flow.head_cycles * (now.farthest + 1) / (was.farthest + 1),
        serial_cycles=flow.serial_cycles * busiest,
        tail_cycles=flow.tail_cycles * busiest,
    )


def late_cycles(sent: Scheduled, result: NocResult, flow: Flow) -> float:
    """How long after its last packet was made a transfer's last one arrives: the mean of its time-steps."""
    packets = sent.packets
    own = np.isin(packets.label, [n for n, readers in enumerate(sent.readers) if _label(flow) in readers])
    if not own.any():
        return 0.0
    arrival = np.maximum.reduceat(result.arrival_cycle, packets.first[:-1])[own]
    group = sent.step[own] if flow.steps > 1 else np.zeros(own.sum(), np.int64)
    last, made = np.zeros(group.max(initial=0) + 1), np.zeros(group.max(initial=0) + 1)
    np.maximum.at(last, group, arrival)
    np.maximum.at(made, group, packets.cycle[own])
    return float((last - made)[np.unique(group)].mean())


def layer_waits(sent: Scheduled, result: NocResult, step: int) -> MappingType[str, float]:
    """Per layer, the cycles from its last read in a time-step to the last arrival of what it sends.

    Those of what it reads from the port are added.
    """
    packets = sent.packets
    here = np.flatnonzero(sent.step == step)
    arrival = np.maximum.reduceat(result.arrival_cycle, packets.first[:-1])[here] if len(here) else np.zeros(0)
    waits: dict[str, float] = {}
    groups = [_group(readers[0]) for readers in sent.readers]
    for layer, port in dict.fromkeys((layer, kind == "input") for layer, kind in groups):
        sums, values = (
            np.isin(packets.label[here], [n for n, group in enumerate(groups) if group == (layer, kind)])
            for kind in ("partial_sums", "input" if port else "values")
        )
        sums &= not port
        made = [packets.cycle[here][sums].max()] if sums.any() else []
        if values.any():  # they were made later than read, by what sums take
            late = 0 if port else sent.sums_cycles.get(layer, 0)
            made.append(packets.cycle[here][values].max() - late)
        if made:
            waits[layer] = waits.get(layer, 0.0) + float(arrival[sums | values].max() - max(made))
    return waits
