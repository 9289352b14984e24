"""The encoding of a layer by name, and the choice of the cheapest one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..._arrays import Real, where
from .aer import Aer
from .base import Encoding, Sent
from .bitmap import Bitmap
from .packed_aer import PackedAer
from .run_length import RunLength, best_run_length

EncodingName = Literal["bitmap", "aer", "packed_aer", "run_length", "auto"]
#: what `auto` chooses from; the first of equals
CANDIDATES: tuple[EncodingName, ...] = ("bitmap", "packed_aer", "run_length", "aer")


@dataclass(frozen=True)
class Choice:
    """How a layer's spikes are sent.

    Attributes:
        encoding: the code. rate: active share of its units. break_even_rate: below it the cheapest code for sparse
            spikes beats the bitmap on these blocks; None for values above one bit, which are always sent dense.
        flits: mean flits per time-step of every code that was compared.
    """

    encoding: Encoding
    rate: float
    break_even_rate: float | None
    flits: Mapping[EncodingName, float]


def encoding_of(name: EncodingName, bits: int, rate: float) -> Encoding:
    """The code of values of `bits` bits, of which a share `rate` is active; values above one bit are always dense."""
    if bits > 1 or name == "bitmap":
        return Bitmap(bits)
    if name == "run_length":
        return RunLength.at(rate)
    return {"aer": Aer, "packed_aer": PackedAer}[name]()


def expected_sent(
    name: EncodingName, units: Real, bits: int, rate: Real, flit_bits: Real, packet_flits: Real | None = None
) -> Sent:
    """Mean flits and packets of a block under a named code; numbers, or arrays with one element per design."""
    if bits > 1 or name == "bitmap":
        return Bitmap(bits).expected(units, rate, flit_bits, packet_flits)
    if name == "run_length":
        return best_run_length(units, rate, flit_bits, packet_flits)
    if name != "auto":
        return encoding_of(name, bits, 0.0).expected(units, rate, flit_bits, packet_flits)
    best = expected_sent(CANDIDATES[0], units, bits, rate, flit_bits, packet_flits)
    for other in CANDIDATES[1:]:
        sent = expected_sent(other, units, bits, rate, flit_bits, packet_flits)
        fewer = sent.flits < best.flits
        best = Sent(where(fewer, sent.flits, best.flits), where(fewer, sent.packets, best.packets))
    return best


def choose(
    name: EncodingName,
    units: NDArray[Any],
    bits: int,
    rate: float,
    flit_bits: int,
    packet_flits: int | None = None,
) -> Choice:
    """The code of a layer's blocks at a rate: the one named, or with `auto` that of fewest flits over all of them.

    Args:
        units: (blocks,) units of every block.
    """
    if bits > 1:
        return Choice(
            Bitmap(bits), rate, None, {"bitmap": _flits("bitmap", units, bits, rate, flit_bits, packet_flits)}
        )
    flits = {c: _flits(c, units, bits, rate, flit_bits, packet_flits) for c in CANDIDATES}
    best = min(CANDIDATES, key=lambda candidate: flits[candidate])
    return Choice(
        encoding_of(best if name == "auto" else name, bits, rate),
        rate,
        _break_even(units, flit_bits, packet_flits),
        flits,
    )


def _flits(
    name: EncodingName, units: NDArray[Any], bits: int, rate: float, flit_bits: int, packet_flits: int | None
) -> float:
    sizes, count = np.unique(units, return_counts=True)
    sent = expected_sent(name, sizes.astype(np.float64), bits, np.float64(rate), flit_bits, packet_flits)
    return float((sent.flits * count).sum())


def _break_even(units: NDArray[Any], flit_bits: int, packet_flits: int | None) -> float:
    """The rate at which the cheapest code for sparse spikes sends as many flits as a bitmap, by bisection."""
    dense = _flits("bitmap", units, 1, 0.0, flit_bits, packet_flits)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        sparse = min(_flits(c, units, 1, middle, flit_bits, packet_flits) for c in CANDIDATES[1:])
        low, high = (middle, high) if sparse < dense else (low, middle)
    return low
