"""What happened while a layer was read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reads:
    """What happened while a layer was read.

    Attributes:
        reads: read vectors: inputs x positions x planes; inputs are samples x time-steps.
        hits: (groups, rows) how often each row was active, rows in the network's order.
        ones_of: (inputs,) active rows of every input, over all its reads.
        idle_of: (inputs,) reads of a crossbar (along the rows) without an active row. possible_idle: all of them.
        clipped: conversions whose code was cut off. conversions: all of them.
    """

    reads: int
    hits: NDArray[np.int64]
    ones_of: NDArray[np.int64]
    idle_of: NDArray[np.int64]
    possible_idle: int
    clipped: int
    conversions: int

    def by_input(self, inputs: int) -> Reads:
        """The same, of reads that came step by step: those of all `inputs` (samples), then of all in the next step."""
        ones, idle = (np.reshape(part, (-1, inputs)).T.ravel() for part in (self.ones_of, self.idle_of))
        return replace(self, ones_of=ones, idle_of=idle)

    def __add__(self, other: Reads) -> Reads:
        return Reads(
            self.reads + other.reads,
            self.hits + other.hits,
            np.concatenate([self.ones_of, other.ones_of]),
            np.concatenate([self.idle_of, other.idle_of]),
            self.possible_idle + other.possible_idle,
            self.clipped + other.clipped,
            self.conversions + other.conversions,
        )

    @property
    def idle(self) -> int:
        """Reads of a crossbar without an active row."""
        return int(self.idle_of.sum())
