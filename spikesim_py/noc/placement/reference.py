"""What `kernels.anneal` does, with the cost of every proposal computed from nothing: slow, for tests."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..zero_load import Place, route
from .optimize import Floats

_MASK = 2**64 - 1


class _Random:
    """SplitMix64, 32 bits at a time."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def word(self) -> int:
        self._state = word = (self._state + 0x9E3779B97F4A7C15) & _MASK
        word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ word >> 27) * 0x94D049BB133111EB) & _MASK
        return (word ^ word >> 31) >> 32

    def between(self, low: int, high: int) -> int:
        return low + (self.word() * (high - low + 1) >> 32)


def loads(sent: Floats, places: list[Place]) -> dict[tuple[Place, Place], float]:
    """Flits over every link that carries any; `sent` and places of the tiles, the port last."""
    found: dict[tuple[Place, Place], float] = {}
    for i, j in zip(*np.nonzero(sent), strict=True):
        for link in pairwise(route(places[i], places[j])):
            found[link] = found.get(link, 0.0) + float(sent[i, j])
    return found


def anneal(
    sent: Floats,
    places: list[Place],
    width: int,
    height: int,
    links: bool,
    schedule: tuple[int, int, float, float],
    seed: int,
) -> list[Place]:
    """The best places found: (tiles + 1) squared flits and places, moves per step, steps, cooling and heat, a seed."""
    (moves, steps, cooling, heat), random, largest = schedule, _Random(seed), max(width, height)

    def objective(at: list[Place]) -> float:
        values = loads(sent, at).values()
        return max(values, default=0.0) if links else sum(values)

    def energy(at: list[Place]) -> float:
        return sum(load**6 for load in loads(sent, at).values()) if links else objective(at)

    best, temperature, reach = places, 0.0, largest
    for step in range(-1, steps):
        total = 0.0
        for _ in range(moves):
            tile = random.between(0, len(places) - 2)
            x, y = places[tile]
            to_x = random.between(max(x - reach, 0), min(x + reach, width - 1))
            to = (to_x, random.between(max(y - reach, 0), min(y + reach, height - 1)))
            if to == (x, y):
                continue
            tiles = [(x, y) if place == to else place for place in places[:-1]]
            tiles[tile] = to
            proposal = [*tiles, places[-1]]
            change = energy(proposal) - energy(places)
            total += abs(change)
            if step >= 0 and (change <= 0 or random.word() * (1 + change / (8 * temperature)) ** 8 < 2**32):
                places = proposal
                if links and change and objective(places) < objective(best):
                    best = places
        if objective(places) < objective(best):
            best = places
        temperature = temperature * cooling if step >= 0 else heat * total / moves
        if temperature == 0:
            break
        reach = max(largest * (steps - step) // steps, 1)
    return best
