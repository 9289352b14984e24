"""Traffic of a mapped network: flits and packets from every source tile to every destination tile.

Four kinds of transfer, each unicast: the `input` from the chip's port (mesh place 0, 0) to the first layers;
the `spikes` of a layer to the tiles of every layer that reads them; `partial_sums` between the tiles of one
layer whose rows span several tiles; `shortcut` edges to the layer that adds them.

What a tile owns and needs follows from its crossbars (in the plan's order: column blocks outside, row blocks
inside, kernel positions that share ADCs innermost). An output belongs in equal parts to all tiles that hold
columns of it: each reduces its part of the partial sums, holds its membranes and sends its spikes. A destination
tile is sent the share of the input map that its row blocks read. Both shares are taken as spread evenly over
channels.

Bitmaps: one packet per pair of tiles and time-step, a header flit and the values' bits. Address events: one
single-flit packet per active unit.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .._arrays import Real
from ..activity import Activity
from ..errors import MappingError
from ..hardware import Hardware, RowMapping
from ..mapping import LayerPlan, Mapping, Mesh, partial_sum_bits
from ..network import Add, Conv, Delay, Lif, Linear, Network, Product

Kind = Literal["input", "spikes", "partial_sums", "shortcut"]
Floats = NDArray[np.float64]
#: traffic is kept for every pair of tiles: beyond this it takes gigabytes
MAX_TILES = 2048
#: where the outside world is connected
PORT = (0, 0)


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
    """

    layer: str
    target: str
    kind: Kind
    sources: NDArray[np.int64]
    destinations: NDArray[np.int64]
    flits: Floats
    packets: Floats
    steps: int

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


@dataclass(frozen=True, eq=False)
class Shares:
    """Per tile of a layer: share of its outputs that it owns, share of its input map that it needs.

    `exchange` (tiles, tiles) is the share of all outputs whose partial sums go from one tile to another.
    """

    owns: Floats
    needs: Floats
    exchange: Floats


def traffic(mapping: Mapping, activity: Activity) -> Traffic:
    """The traffic of one inference.

    Args:
        mapping: tells tiles and their places. activity: rates; used by address events only, whose count is
            `output_rate` where measured, else the reading layer's input rate.

    Raises:
        MappingError: the chip takes too many tiles.
    """
    if mapping.tiles > MAX_TILES:
        raise MappingError(
            f"network {mapping.network.name!r} takes {mapping.tiles} tiles on chip {mapping.hardware.name!r}: the NoC "
            f"model takes at most {MAX_TILES}; use larger crossbars, pe.crossbars or tile.pes"
        )
    network, layer_of = mapping.network, owners(mapping.network)
    shares = {name: tile_shares(plan, mapping.hardware) for name, plan in mapping.layers.items()}
    transfers: list[Transfer] = []
    for node in network.nodes:
        if isinstance(node, Conv | Linear):
            transfers.append(_feed(mapping, activity, layer_of, shares, node))
            transfers.extend(_partial_sums(mapping, node.name, shares[node.name]))
        elif isinstance(node, Add | Product):
            transfers.extend(
                _shortcut(mapping, activity, layer_of, shares, node.name, source)
                for source in node.inputs
                if layer_of[source] != layer_of[node.name]
            )
    kept = tuple(transfer for transfer in transfers if transfer.flits.any())
    return Traffic(mapping.mesh, mapping.hardware.noc.flit_bits, kept)


def owners(network: Network) -> MappingType[str, str | None]:
    """The layer that every node follows: itself, or the latest layer upstream; None for the input.

    Nodes before any layer (a pool on the input) belong to the first layer; what a delay reads ahead of, in a loop, does
    not count as upstream.
    """
    order = {node.name: index for index, node in enumerate(network.layers)}
    first = network.layers[0].name if network.layers else None
    found: dict[str, str | None] = {"input": None} | {name: name for name in order}
    left = [node for node in network.nodes if node.name not in found]
    while left:  # once, but for delays that read ahead
        for node in left:
            known = [found[source] for source in node.inputs if source in found]
            if known:
                above = [layer for layer in known if layer is not None]
                found[node.name] = max(above, key=order.__getitem__) if above else first
        left = [node for node in left if node.name not in found]
    return found


def from_port(network: Network, layer: str, sender: str | None) -> bool:
    """Whether what a layer reads comes from the chip's port: not through another layer, nor around a loop."""
    return sender is None or (sender == layer and layer not in network.looped)


def tile_shares(plan: LayerPlan, hardware: Hardware) -> Shares:
    """What the tiles of a layer own, need and exchange."""
    if not plan.crossbars:  # a digital layer has one tile
        return Shares(np.ones(1), np.ones(1), np.zeros((1, 1)))
    spikeflow = hardware.mapping.rows is RowMapping.SPIKEFLOW
    return _tile_shares(plan, plan.channels if spikeflow else plan.rows, hardware.input_rows, hardware.weight_columns)


@lru_cache(maxsize=64)
def _tile_shares(plan: LayerPlan, lines: int, rows: int, cols: int) -> Shares:
    """Crossbars of `rows` x `cols`; row blocks cut `lines` inputs (per kernel position)."""
    index = np.arange(plan.crossbars)
    tile = index // plan.per_tile
    column, row = np.divmod(index, plan.row_blocks)  # columns of all copies and groups
    row = row // plan.adc_sharing  # kernel positions that share ADCs are innermost: a channel block
    copy, inside = np.divmod(column, plan.groups * plan.col_blocks)
    held = np.zeros((plan.tiles, plan.copies * plan.groups * plan.col_blocks))
    held[tile, column] = 1.0
    weight = np.tile(_blocks(plan.columns, cols), plan.copies * plan.groups) / (plan.copies * plan.groups)
    part = held * (weight / held.sum(0))
    exchange = part @ held.T if plan.conversion_blocks > 1 else np.zeros((plan.tiles, plan.tiles))
    np.fill_diagonal(exchange, 0.0)
    sizes = _blocks(lines, rows)
    read = np.zeros((plan.tiles, plan.groups * len(sizes)))
    read[tile, inside // plan.col_blocks * len(sizes) + row % len(sizes)] = 1.0
    bands = np.zeros((plan.tiles, plan.copies))
    bands[tile, copy] = 1.0 / plan.copies
    needs = read @ np.tile(sizes, plan.groups) / plan.groups * np.minimum(bands.sum(1) + plan.band_halo, 1.0)
    return Shares(part.sum(1), needs, exchange)


def _blocks(total: int, size: int) -> Floats:
    """Shares of `total` in blocks of `size`, the last one smaller."""
    return np.diff(np.append(np.arange(0, total, size), total)) / total


def _places(mapping: Mapping, layer: str) -> NDArray[np.int64]:
    plan = mapping.layers[layer]
    return np.array(mapping.mesh.places[plan.first_tile : plan.first_tile + plan.tiles])


def _feed(
    mapping: Mapping,
    activity: Activity,
    layer_of: MappingType[str, str | None],
    shares: MappingType[str, Shares],
    node: Conv | Linear,
) -> Transfer:
    """What layer `node` reads, from the layer before it or from the port."""
    network, source = mapping.network, node.inputs[0]
    sender, needs = layer_of[source], shares[node.name].needs
    edge = network.edges[source]
    if sender is None or from_port(network, node.name, sender):  # pooled on arrival
        spec = network.model.input
        share = np.ones((1, 1)) * needs
        flits, packets = _bitmap(network.edges["input"].size * spec.bits * share, mapping.hardware)
        steps = network.time_steps if spec.coding == "events" else 1
        places = np.array([PORT])
        return Transfer(node.name, node.name, "input", places, _places(mapping, node.name), flits, packets, steps)
    share = shares[sender].owns[:, None] * needs
    if sender == node.name:  # what a tile makes for itself stays there
        np.fill_diagonal(share, 0.0)
    rate = spike_rate(mapping, activity, node, sender)
    flits, packets = _encode(mapping.hardware, edge.size * share, edge.bits, rate)
    origin, target = _places(mapping, sender), _places(mapping, node.name)
    return Transfer(sender, node.name, "spikes", origin, target, flits, packets, network.time_steps)


def spike_rate(mapping: Mapping, activity: Activity, node: Conv | Linear, sender: str) -> Real:
    """Events per value that a layer reads: the sender's spikes where measured, else the reader's input rate."""
    source = node.inputs[0]
    while isinstance(delay := mapping.network.by_name[source], Delay):
        source = delay.inputs[0]
    measured = activity.layers[sender].output_rate
    if isinstance(mapping.network.by_name[source], Lif) and measured is not None:
        return measured
    return activity.layers[node.name].rate * mapping.network.edges[source].bits


def shortcut_rate(mapping: Mapping, activity: Activity, sender: str | None) -> Real:
    """Events per value of an edge that is added: the sender's spikes where measured, else the chip's assumed rate."""
    measured = None if sender is None else activity.layers[sender].output_rate
    return mapping.hardware.cost.assumed_activity if measured is None else measured


def _shortcut(
    mapping: Mapping,
    activity: Activity,
    layer_of: MappingType[str, str | None],
    shares: MappingType[str, Shares],
    node: str,
    source: str,
) -> Transfer:
    """An edge to the tiles that add it: each needs what it owns."""
    network, target, sender = mapping.network, layer_of[node], layer_of[source]
    assert target is not None
    edge = network.edges[source]
    owned = np.ones(1) if sender is None else shares[sender].owns
    from_places = np.array([PORT]) if sender is None else _places(mapping, sender)
    rate = shortcut_rate(mapping, activity, sender)
    values = edge.size * owned[:, None] * shares[target].owns
    if edge.bits == 1:
        flits, packets = _encode(mapping.hardware, values, 1, rate)
    else:  # pre-activations and sums are dense
        flits, packets = _bitmap(values * edge.bits, mapping.hardware)
    to_places = _places(mapping, target)
    return Transfer(sender or target, target, "shortcut", from_places, to_places, flits, packets, network.time_steps)


def _partial_sums(mapping: Mapping, layer: str, shares: Shares) -> list[Transfer]:
    """One packet per output pixel and pair of tiles: sums over planes of the outputs that they share."""
    plan, places = mapping.layers[layer], _places(mapping, layer)
    if not shares.exchange.any():
        return []
    # a copy of the layer exchanges its own positions only
    bits = shares.exchange * plan.copies * plan.outputs * partial_sum_bits(plan, mapping.hardware)
    flits, packets = _bitmap(bits, mapping.hardware)
    turns = plan.positions / plan.copies
    return [Transfer(layer, layer, "partial_sums", places, places, flits * turns, packets * turns, plan.steps)]


def _encode(hardware: Hardware, values: Floats, bits: int, rate: float) -> tuple[Floats, Floats]:
    """Flits and packets for `values` units of `bits` bits each, of which a share `rate` is active."""
    if hardware.noc.encoding == "aer":
        events = values * min(rate, 1.0)
        return events, events
    return _bitmap(values * bits, hardware)


def _bitmap(bits: Floats, hardware: Hardware) -> tuple[Floats, Floats]:
    """A header flit and the payload, for every pair that shares anything."""
    packets = (bits > 0).astype(np.float64)
    # rounding guards against 64.00000001 bits from a sum of shares
    return packets * (np.ceil(np.round(bits / hardware.noc.flit_bits, 9)) + 1), packets
