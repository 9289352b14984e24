"""How much a sweep would do, and about how long, before it does it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import network_data
from ..errors import InputError
from ..evaluate import measure
from ..network import Network
from .candidates import designs, values_of
from .plan import Search, as_search, field_of
from .resolve import Protocol, Resolver
from .reuse import Others
from .search import Field
from .space import Design, Source, Space, load_space
from .store import Store

#: a trial measurement: samples, and device instances
_TRIAL_SAMPLES = 16


@dataclass(frozen=True)
class DryRun:
    """How much a sweep would do.

    Attributes:
        designs: in all; with a search, those that it may pick from (combinations, where they are too many to list).
        stored: designs that are done.
        accuracies: different ones among the designs; None where they are not listed.
        measurements: accuracies that are still to be measured; of a search, without those of its picks.
        minutes: that they may take; None where there is nothing to measure.
        basis: what `minutes` comes from: `stored timings` of the study, or a `trial` measurement on few samples.
    """

    designs: int
    stored: int
    measurements: int
    accuracies: int | None = None
    minutes: float | None = None
    basis: str | None = None


def dry_run(
    space: Source,
    store: str | Path,
    *,
    search: Search | Mapping[str, Any] | str | None = None,
    reuse: Sequence[str | Path] = (),
    workers: int | None = None,
    timed: bool = True,
) -> DryRun:
    """What `sweep` would do, without doing it; the store need not exist.

    Args:
        space, search, reuse, workers: as for `sweep`.
        timed: also estimate the time, which may take a trial measurement.

    Raises:
        InputError: as `sweep`, but for stores that cannot be written.
    """
    plan, how = load_space(space), as_search(search)
    resolver = Resolver(plan)
    finished, pace = _stored(store, plan)
    with Others([*reuse, *([store] if finished is not None else [])]) as others:
        if how:
            made, samples, trial = _searched(resolver, how, others)
        else:
            made, samples, trial = _swept(resolver, finished or set(), others)
    if not timed or not made.measurements:
        return made
    basis = "stored timings" if pace else "a trial"
    seconds = (pace or _trial_pace(*trial) / (workers or os.cpu_count() or 1)) * samples * plan.chips
    return replace(made, minutes=made.measurements * seconds / 60, basis=basis)


def _stored(store: str | Path, space: Space) -> tuple[set[str] | None, float | None]:
    """Keys of the designs that are done, and seconds per inference; None where there is no study."""
    if not Path(store).expanduser().exists():
        return None, None
    with Store.read(store) as kept:
        kept.check_space(space)
        return kept.finished(), kept.seconds_per_inference()


#: a network and a chip to try, and how
_Trial = tuple[Design, Protocol]


def _swept(resolver: Resolver, finished: set[str], others: Others) -> tuple[DryRun, int, _Trial]:
    points = designs(resolver.space, resolver)
    missing = [point for point in points if point.key not in finished]
    keys = {point.accuracy_key for point in missing}
    todo = sum(others.measurement(key) is None for key in keys)
    protocol = Protocol.of(resolver.space)
    every = len({point.accuracy_key for point in points})
    made = DryRun(len(points), len(points) - len(missing), todo, every)
    return made, _samples(points[0].network, protocol), (points[0], protocol)


def _searched(resolver: Resolver, search: Search, others: Others) -> tuple[DryRun, int, _Trial]:
    field, _ = field_of(resolver, search)
    protocol = search.protocol(resolver.space)
    if field.designs is None or field.arms is None:
        point, count, every, known = values_of(resolver.space, _first(field)), resolver.space.size, None, 0
    else:
        point, count, every = field.designs.axes(0), len(field.designs), len(field.arms)
        known = sum(others.measurement(key) is not None for key in field.arms.keys or ())
    todo = max(0, min(search.budget, count if every is None else every) - known)
    design = resolver.design(point, protocol)
    return DryRun(count, 0, todo, every), _samples(design.network, protocol), (design, protocol)


def _first(field: Field) -> NDArray[np.int32]:
    """Codes of a design that the space allows."""
    random = np.random.default_rng(0)
    sizes = np.array([len(values) for values in field.space.axes.values()])
    for _ in range(100):
        allowed = field.costed(random.integers(0, sizes, (64, len(sizes)), dtype=np.int32))
        if len(allowed):
            return np.asarray(allowed.codes[0])
    raise InputError(f"sweep {field.space.name!r}: none of 6400 random designs meets its constraints")


def _samples(network: Network, protocol: Protocol) -> int:
    return len(network_data(network, protocol.data, protocol.split, protocol.samples))


def _trial_pace(design: Design, protocol: Protocol) -> float:
    """Seconds per inference on one chip of one design; the first run, which may compile, does not count."""
    samples = min(_TRIAL_SAMPLES, _samples(design.network, protocol))
    for _ in range(2):
        started = time.perf_counter()
        measure(
            design.network,
            design.hardware,
            data=protocol.data,
            split=protocol.split,
            samples=samples,
            chips=1,
            seed=protocol.seed,
        )
        seconds = time.perf_counter() - started
    return seconds / samples
