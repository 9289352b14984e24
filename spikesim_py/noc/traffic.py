"""Expected traffic of a mapped network, tile by tile: flits and packets from every source to every destination tile.

Unicast, without data: the blocks of `blocks` (exact units) at the rates of an `Activity`. Transfers are the `input`
from the chip's port (mesh place 0, 0); the `spikes` of a layer, or its `graded` values, to the tiles of every layer
that reads them, and to tiles of its own where a pool's window lies on two; `partial_sums` between the tiles of one
layer that hold one column; `shortcut` edges to the layer that adds them.

Partial sums take a packet per output pixel and pair of tiles. On a chip with `crossbar.event_driven` a tile whose rows
are all quiet sends none: `idle_reads` of its row blocks where measured, else (1 - rate)^rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..activity import Activity
from ..mapping import Mapping, Mesh
from ..network import Conv, Linear
from .blocks import PORT, Blocks, Sums, all_blocks, layer_sums
from .edges import Kind, Label, owners, shortcut_rate, spike_rate
from .encodings import EncodingName, expected_sent
from .fabric import Ints
from .holdings import bands
from .needs import held_rows

__all__ = ["Kind", "Traffic", "Transfer", "owners", "shortcut_rate", "spike_rate", "traffic"]

Floats = NDArray[np.float64]
#: where the outside world is connected
PORT_PLACE = (0, 0)


@dataclass(frozen=True, eq=False)
class Transfer:
    """What one layer sends per time-step.

    Attributes:
        layer: the layer that the transfer is attributed to: its sender (for `input`, its reader).
        target: the layer that receives.
        kind: what is sent.
        sources, destinations: (n, 2) and (m, 2) mesh places, x and y.
        flits, packets: (n, m) per time-step; expected values for address events.
        steps: time-steps per inference in which it happens.
        from_port: whether the chip's port sends it, not a tile.
    """

    layer: str
    target: str
    kind: Kind
    sources: NDArray[np.int64]
    destinations: NDArray[np.int64]
    flits: Floats
    packets: Floats
    steps: int
    from_port: bool

    @cached_property
    def links(self) -> NDArray[np.int64]:
        """(n, m) links under XY routing."""
        distance: NDArray[np.int64] = np.abs(self.sources[:, None, :] - self.destinations[None, :, :]).sum(2)
        return distance


@dataclass(frozen=True, eq=False)
class Traffic:
    """Every transfer of one inference, and the mesh it runs on."""

    mesh: Mesh
    flit_bits: int
    transfers: tuple[Transfer, ...]

    def of(self, layer: str) -> tuple[Transfer, ...]:
        return tuple(transfer for transfer in self.transfers if transfer.layer == layer)

    @property
    def flits(self) -> float:
        """Flits per inference."""
        return float(sum(transfer.flits.sum() * transfer.steps for transfer in self.transfers))


def traffic(mapping: Mapping, activity: Activity) -> Traffic:
    """The traffic of one inference.

    Args:
        mapping: tells tiles and their places. activity: rates, for encodings whose size depends on them:
            `output_rate` where measured, else the reading layer's input rate.

    Raises:
        MappingError: the chip takes too many tiles.
    """
    made = [*_value_transfers(mapping, activity), *_sum_transfers(mapping, activity)]
    return Traffic(mapping.mesh, mapping.hardware.noc.flit_bits, tuple(made))


def block_rate(mapping: Mapping, activity: Activity, blocks: Blocks, label: Label) -> float:
    """Active share of the values of a transfer."""
    if blocks.sender is None or label.kind == "shortcut":
        return float(shortcut_rate(mapping, activity, blocks.sender))
    if label.target == blocks.sender:  # to a pool: as the units behind the layer
        return float(shortcut_rate(mapping, activity, blocks.sender))
    node = mapping.network.by_name[label.target]
    assert isinstance(node, Conv | Linear)
    return float(spike_rate(mapping, activity, node, blocks.sender))


def _value_transfers(mapping: Mapping, activity: Activity) -> Iterator[Transfer]:
    noc = mapping.hardware.noc
    for blocks in (made.unicast() for made in all_blocks(mapping)):
        for number, label in enumerate(blocks.labels):
            here = blocks.label == number
            name: EncodingName = "bitmap" if label.kind == "input" else noc.encoding
            rate = block_rate(mapping, activity, blocks, label)
            sent = expected_sent(name, blocks.units[here], blocks.bits, rate, noc.flit_bits, noc.packet_flits)
            pairs = blocks.source[here], blocks.destination[here]
            if np.any(sent.flits):
                yield _transfer(mapping, label, blocks.sender, *pairs, sent.flits, sent.packets, blocks.steps)


def _sum_transfers(mapping: Mapping, activity: Activity) -> Iterator[Transfer]:
    noc = mapping.hardware.noc
    for layer, plan in mapping.layers.items():
        sums = layer_sums(mapping, layer)
        if not len(sums.source):
            continue
        positions = np.bincount(bands(plan.positions, plan.copies)[0])[sums.copy]
        reads = positions * (1.0 - quiet_share(mapping, activity, sums))
        each = expected_sent("bitmap", sums.outputs, sums.bits, 1.0, noc.flit_bits, noc.packet_flits)
        sent = each.flits * reads, each.packets * reads
        yield _transfer(mapping, sums.label, layer, sums.source, sums.destination, *sent, sums.steps)


def quiet_share(mapping: Mapping, activity: Activity, sums: Sums) -> Floats:
    """(n,) share of positions at which a tile's rows are all quiet, so that it sends no sums."""
    if not mapping.hardware.crossbar.event_driven:
        return np.zeros(len(sums.source))
    plan, record = mapping.layers[sums.layer], activity.layers[sums.layer]
    rows = held_rows(plan, mapping)
    sizes = np.bincount(rows.block)
    found = []
    for tile, copy, group in zip((sums.source - plan.first_tile).tolist(), sums.copy, sums.group, strict=True):
        parts = rows.parts[tile]
        blocks = parts[(parts[:, 0] == copy) & (parts[:, 1] == group), 2]
        idle = record.idle_reads
        found.append((1.0 - record.rate) ** sizes[blocks].sum() if idle is None else idle ** len(blocks))
    return np.array(found)


def _transfer(
    mapping: Mapping,
    label: Label,
    sender: str | None,
    source: Ints,
    destination: Ints,
    flits: Any,
    packets: Any,
    steps: int,
) -> Transfer:
    """Pairs as matrices over all tiles of both layers."""
    from_first, origin = (PORT, np.array([PORT_PLACE])) if sender is None else _places(mapping, sender)
    to_first, target = _places(mapping, label.target)
    tables = np.zeros((2, len(origin), len(target)))
    for table, values in zip(tables, (flits, packets), strict=True):
        np.add.at(table, (source - from_first, destination - to_first), values)
    return Transfer(*label, origin, target, tables[0], tables[1], steps, sender is None)


def _places(mapping: Mapping, layer: str) -> tuple[int, Ints]:
    """(first tile, mesh places of the tiles) of a layer."""
    plan = mapping.layers[layer]
    return plan.first_tile, np.array(mapping.mesh.places[plan.first_tile : plan.first_tile + plan.tiles])
