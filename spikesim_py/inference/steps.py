"""Puts what layers in loops read, one time-step after the other, into the order of the dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import reduce
from operator import add
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray

from ..crossbar import Reads
from ..network import Network

Piece = TypeVar("Piece")


class Steps:
    """Follows a run, whose batches come in the order of the dataset.

    A layer in a loop is called with one time-step of all samples of a batch, T times; any other layer once.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._done: Counter[str] = Counter()
        self._pieces: dict[tuple[str, str], list[Any]] = defaultdict(list)

    def numbers(self, layer: str, x: torch.Tensor) -> tuple[int, int]:
        """Number (sample x time-steps + time-step) of the first read of a call, and from one read to the next."""
        samples, steps = x.shape[:2]
        if layer not in self._network.looped:
            first = self._done[layer]
            self._done[layer] += samples * steps
            return first, 1
        every = self._network.time_steps
        first, t = divmod(self._done[layer], every)  # the low digits count the calls of this batch
        last = t == every - 1
        self._done[layer] = (first + samples) * every if last else self._done[layer] + 1
        return first * every + t, every

    def inputs(self, layer: str, x: torch.Tensor) -> NDArray[Any] | None:
        """All inputs (reads, C, H, W) of a batch, sample by sample; None while time-steps are missing."""
        steps = self._all(layer, "inputs", x)
        return None if steps is None else torch.cat(steps, dim=1).flatten(0, 1).numpy()

    def reads(self, layer: str, reads: Reads, samples: int) -> Reads | None:
        """The same of what was counted."""
        steps = self._all(layer, "reads", reads)
        if steps is None:
            return None
        return steps[0] if len(steps) == 1 else reduce(add, steps).by_input(samples)

    def _all(self, layer: str, kind: str, piece: Piece) -> list[Piece] | None:
        if layer not in self._network.looped:
            return [piece]
        pieces = self._pieces[layer, kind]
        pieces.append(piece)
        if len(pieces) < self._network.time_steps:
            return None
        del self._pieces[layer, kind]
        return pieces
