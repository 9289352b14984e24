"""Networks larger than the chip: layers take its tiles in turn, and every inference reloads all weights.

A round reads its layers' weights from DRAM and writes their cells; data are written as they come, so that the slower
of both counts. All crossbars of a round are written at once: its longest layer counts. A round then runs its layers for
all time-steps; what its last layer sends to the next round waits in DRAM (written and read once). A network that fits
is never reloaded.

The functions take numbers, or arrays with one element per design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._arrays import Real, maximum, where
from ..mapping import round_indices
from .components.dram import Dram


@dataclass(frozen=True)
class LayerLoad:
    """What loading a layer takes.

    Attributes:
        tiles: of the layer. area_um2: of all its parts.
        weight_bits: that DRAM holds of its weights.
        write_pj, write_ns: of all its cells (and buffers), once; see `programming.py`.
        output_bits: that it sends to the next layer in an inference, all time-steps.
    """

    tiles: Real
    area_um2: Real
    weight_bits: Real
    write_pj: Real
    write_ns: Real
    output_bits: Real


@dataclass(frozen=True)
class Reload:
    """Reloading, per inference; zero where everything fits one round.

    Attributes:
        rounds: how many groups of layers take the chip in turn; also how often a cell is written per inference.
        dram_bits: read from and written to DRAM. dram_pj: their energy.
        write_pj: of the cells. time_ns: of all rounds, while nothing computes.
        area_share: the largest round's area over that of all layers: what is on the chip at once.
    """

    rounds: Real
    dram_bits: Real
    dram_pj: Real
    write_pj: Real
    time_ns: Real
    area_share: Real


def reload_cost(layers: Sequence[LayerLoad], max_tiles: Real, dram: Dram) -> Reload:
    """The cost of taking `max_tiles` tiles in turn; every layer must fit them, as `mapping.rounds` makes sure."""
    index = round_indices([layer.tiles for layer in layers], max_tiles)
    count = index[-1] + 1
    bits = spilled = write_pj = time_ns = 0.0
    round_bits = round_ns = round_um2 = largest_um2 = total_um2 = 0.0
    for place, layer in enumerate(layers):
        joins = index[place] == index[place - 1] if place else False
        before = where(joins, maximum(dram.time_ns(round_bits), round_ns), 0.0)
        round_bits = where(joins, round_bits, 0.0) + layer.weight_bits
        round_ns = maximum(where(joins, round_ns, 0.0), layer.write_ns)
        round_um2 = where(joins, round_um2, 0.0) + layer.area_um2
        time_ns += maximum(dram.time_ns(round_bits), round_ns) - before
        largest_um2, total_um2 = maximum(largest_um2, round_um2), total_um2 + layer.area_um2
        bits, write_pj = bits + layer.weight_bits, write_pj + layer.write_pj
        if place:  # what the layer before it left in DRAM
            spilled += where(joins, 0.0, 2 * layers[place - 1].output_bits)
    turns = where(count > 1, 1.0, 0.0)
    traffic = turns * (bits + spilled)
    waiting_ns = turns * (time_ns + dram.time_ns(spilled))
    return Reload(count, traffic, dram.energy_pj(traffic), turns * write_pj, waiting_ns, largest_um2 / total_um2)
