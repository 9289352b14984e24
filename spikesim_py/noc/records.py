"""Volumes of traffic: active units and payload bits of every block, expected from rates or exact from spikes.

One record per time-step and block, a block being one source tile and destination set. Spikes are plain arrays
{node: (samples, T, C, H, W)}, 0 where a value is quiet; T = 1 where all time-steps are the same.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..activity import Activity
from ..errors import InputError
from ..mapping import Mapping
from ..network import Conv, Linear
from .blocks import Blocks, Sums, all_blocks, layer_sums
from .encodings import Choice, Encoding, EncodingName, choose
from .fabric import Ints
from .holdings import bands, read_pixels
from .needs import held_rows
from .traffic import block_rate, quiet_share

Bools = NDArray[np.bool_]
Trains = MappingType[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Records:
    """What is sent of one node's output, or of one layer's partial sums.

    Attributes:
        blocks: who sends what to whom. choice: how it is encoded (None: partial sums, always dense).
        active: (samples, T, n) active units of every block; means, (1, 1, n), without spikes. For partial sums, the
            sums that are sent.
        payload_bits: (samples, T, n) of their words, headers and the rest of the last flit apart.
    """

    blocks: Blocks | Sums
    choice: Choice | None
    active: NDArray[Any]
    payload_bits: NDArray[Any]


def records(
    mapping: Mapping,
    *,
    activity: Activity | None = None,
    trains: Trains | None = None,
    multicast: bool = False,
    encoding: EncodingName | None = None,
    packet_flits: int | None = None,
) -> tuple[Records, ...]:
    """The records of every node whose output leaves its tile, and of every layer whose columns lie on several.

    Args:
        activity: rates, for expected volumes. trains: spikes, for exact ones; one of the two.
        multicast: one block per source and destination set; else one per source and destination.
        encoding: of spikes; the chip's own where None. packet_flits: most payload flits of a packet.

    Raises:
        InputError: neither or both of activity and trains; a node is missing in the trains or does not fit.
        MappingError: the chip takes too many tiles.
    """
    if (activity is None) == (trains is None):
        raise InputError("records: need either activity (expected volumes) or trains (exact ones)")
    made: list[Records] = []
    for tree in all_blocks(mapping):
        blocks = tree if multicast else tree.unicast()
        seen = None if trains is None else train_of(mapping, trains, blocks.node, blocks.steps)
        choice = choice_of(mapping, blocks, activity, seen, encoding, packet_flits)
        if seen is None:
            words = choice.encoding.expected_words(blocks.units, choice.rate)
            active, bits = blocks.units * choice.rate, words * choice.encoding.word_bits(blocks.units)
            made.append(Records(blocks, choice, active[None, None], np.asarray(bits, np.float64)[None, None]))
        else:
            sizes = np.broadcast_to(choice.encoding.word_bits(blocks.units), len(blocks)).astype(np.int64)
            words = _sums_of(word_ends(blocks, choice.encoding, seen), blocks.value_first)
            made.append(Records(blocks, choice, blocks.active(seen), words * sizes))
    for layer in mapping.layers:
        sums = layer_sums(mapping, layer)
        if len(sums.source):
            sent = _sums_sent(mapping, sums, activity, trains)
            made.append(Records(sums, None, sent, sent * sums.bits))
    return tuple(made)


def train_of(mapping: Mapping, trains: Trains, node: str, steps: int) -> NDArray[Any]:
    """(samples, steps, C, H, W) of a node; raises `InputError` if it is missing or does not fit."""
    shape = mapping.network.edges[node].shape
    if node not in trains:
        raise InputError(f"trains: node {node!r} is missing (of network {mapping.network.name!r})")
    found = trains[node]
    if found.ndim != 5 or found.shape[2:] != shape or found.shape[1] not in (1, mapping.network.time_steps):
        wanted = ", ".join(map(str, (mapping.network.time_steps, *shape)))
        raise InputError(f"trains.{node}: shape {found.shape}: must be (samples, {wanted})")
    return np.broadcast_to(found[:, :steps], (len(found), steps, *shape))


def choice_of(
    mapping: Mapping,
    blocks: Blocks,
    activity: Activity | None,
    train: NDArray[Any] | None,
    encoding: EncodingName | None = None,
    packet_flits: int | None = None,
) -> Choice:
    """How a node's output is encoded: at the measured rate of its spikes, else at that of the activity.

    The network's input comes as a bitmap.
    """
    noc, name = mapping.hardware.noc, encoding or mapping.hardware.noc.encoding
    if train is not None:
        active = np.count_nonzero(train.reshape(*train.shape[:2], -1)[:, :, blocks.index])
        rate = float(active) / (len(blocks.index) * train.shape[0] * train.shape[1])
    else:
        rate = 1.0 if activity is None else block_rate(mapping, activity, blocks, blocks.labels[0])
    name = "bitmap" if blocks.sender is None else name
    return choose(name, blocks.units, blocks.bits, min(rate, 1.0), noc.flit_bits, packet_flits)


def word_ends(blocks: Blocks, encoding: Encoding, train: NDArray[Any]) -> Bools:
    """(samples, T, values of all blocks) whether a word is ready after each value, in the order of `blocks.index`."""
    active = train.reshape(*train.shape[:2], -1)[:, :, blocks.index] != 0
    first = blocks.value_first
    parts = [encoding.emits(active[:, :, first[i] : first[i + 1]]) for i in range(len(blocks))]
    return np.concatenate(parts, axis=2)


def awake_positions(mapping: Mapping, sums: Sums, trains: Trains) -> list[Bools]:
    """Per pair of tiles (samples, steps, positions of the copy): whether the sender has any active row there."""
    plan, network = mapping.layers[sums.layer], mapping.network
    node = network.by_name[sums.layer]
    assert isinstance(node, Conv | Linear)
    train = train_of(mapping, trains, node.inputs[0], sums.steps)
    values = train.reshape(*train.shape[:2], plan.groups, plan.channels, -1).astype(bool)
    values = np.concatenate([values, np.zeros_like(values[..., :1])], axis=-1)  # the padding, pixel -1
    rows, pixels, band = held_rows(plan, mapping), read_pixels(node, network), bands(plan.positions, plan.copies)[0]
    known: dict[tuple[int, int, int], Bools] = {}
    keys = list(zip((sums.source - plan.first_tile).tolist(), sums.copy.tolist(), sums.group.tolist(), strict=True))
    for tile, copy, group in keys:
        if (tile, copy, group) in known:
            continue
        parts = rows.parts[tile]
        own = parts[(parts[:, 0] == copy) & (parts[:, 1] == group), 2]
        held = np.isin(rows.block, own).reshape(plan.channels, plan.taps)
        read = pixels[band == copy]
        awake = np.zeros((*train.shape[:2], len(read)), bool)
        for tap in np.flatnonzero(held.any(0)):
            awake |= np.asarray(values[:, :, group, held[:, tap]].any(2))[:, :, read[:, tap]]
        known[tile, copy, group] = awake
    return [known[key] for key in keys]


def _sums_sent(mapping: Mapping, sums: Sums, activity: Activity | None, trains: Trains | None) -> NDArray[Any]:
    """(samples, T, n) sums that every pair of tiles exchanges."""
    plan = mapping.layers[sums.layer]
    if trains is not None and mapping.hardware.crossbar.event_driven:
        counts = [awake.sum(2) for awake in awake_positions(mapping, sums, trains)]
        return np.stack(counts, axis=2) * sums.outputs
    every = sums.outputs * np.bincount(bands(plan.positions, plan.copies)[0])[sums.copy]
    if trains is None:
        assert activity is not None
        return (every * (1.0 - quiet_share(mapping, activity, sums)))[None, None]
    samples = len(next(iter(trains.values())))
    return np.broadcast_to(every, (samples, sums.steps, len(every)))


def _sums_of(flags: Bools, first: Ints) -> Ints:
    return np.add.reduceat(flags, first[:-1], axis=2, dtype=np.int64)
