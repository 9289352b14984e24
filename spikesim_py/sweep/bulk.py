"""Costs of a whole space, without data: a million designs in a minute, in columns of a study file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import InputError
from ..evaluate import MODEL_VERSION, cost, network_digest
from ..hardware import AdcKind, DeviceKind, load_hardware
from ..importers import load_network
from ..plugins import find
from ..report import Report
from .candidates import columns, costed, decoded
from .control import Progress, running
from .executors import executor as named_executor
from .executors import serial
from .resolve import Resolver
from .space import Source, Space, Value, load_space
from .store import BLOCK, Costs, Store
from .store.bulk import Encoded, encode
from .study import Study

#: what is kept of every design, beside its axes; the figures of merit follow from these
KEPT: tuple[str, ...] = ("energy_pj", "area_um2", "latency_ns", "interval_ns", "utilization", "crossbars", "pes")
KEPT += ("tiles", "macs", "synops", "time_steps")


def cost_sweep(
    space: Source,
    *,
    store: str | Path,
    activity: float | None = None,
    executor: str = "local",
    workers: int | None = None,
    progress: Progress | None = None,
    origin: str = "python",
    job: int | None = None,
) -> Study:
    """Energy, latency and area of every design of a space into a study file; nothing is measured.

    Args:
        space: as for `sweep`; its data, samples, chips and seed play no part.
        store: the study file; made if it is not there. Blocks of designs that it has already are kept.
        activity: spikes per input and time-step of every layer; None takes what a network stores, else what the chip
            assumes.
        executor, workers, progress, origin, job: as for `sweep`.

    Returns:
        The study; its `costs` are the numbers.

    Raises:
        InputError: the space, a design, the executor or the store cannot be used. A design that is impossible ends
            the sweep where it is met; what was finished is stored.
    """
    plan = load_space(space)
    run = named_executor(executor, workers)
    about: dict[str, Any] = {"activity": activity, "version": __version__, "model_version": MODEL_VERSION}
    about["space"] = plan.model_dump(mode="json", include={"network", "chip", "set", "axes", "when", "constraints"})
    spec = {"space": plan.model_dump(mode="json"), "executor": executor, "workers": workers, "activity": activity}
    digest = _digest(plan, about)
    with Store.write(store, plan, resume=True) as kept, running(kept, "cost", spec, origin, job, progress) as control:
        number = kept.bulk.begin(digest, about, plan.size)
        stored = kept.bulk.starts(number)
        blocks = [block for block in _blocks(plan, activity) if block.start not in stored]
        done = plan.size - sum(block.count for block in blocks)
        control.progress(done, plan.size, "designs")
        if executor == "local" and len(blocks) == 1:
            run = serial  # done before a process has started
        with closing(control.run(run, _costed, blocks)) as outcomes:
            for index, status, value in outcomes:
                if status != "ok":
                    told = str(value).removeprefix("InputError: ")  # which names sweep and design
                    raise InputError(told if told != value else f"sweep {plan.name!r}: {value}")
                kept.bulk.add(number, blocks[index].start, *value)
                done += blocks[index].count
                control.progress(done, plan.size, "designs")
    return Study(Path(store).expanduser())


@dataclass(frozen=True)
class _Block:
    """Combinations `start` to `start + count` of a space's values."""

    space: Space
    activity: float | None
    start: int
    count: int


def _blocks(space: Space, activity: float | None) -> Iterator[_Block]:
    for start in range(0, space.size, BLOCK):
        yield _Block(space, activity, start, min(BLOCK, space.size - start))


def _costed(block: _Block) -> tuple[int, dict[str, Encoded]]:
    """How many designs of a block the space allows, and their columns, packed: that is work for workers."""
    shape = tuple(len(values) for values in block.space.axes.values())
    codes = decoded(shape, np.arange(block.start, block.start + block.count))
    found = costed(Resolver(block.space), codes, KEPT, activity=block.activity)
    values = columns(block.space, found.codes) | dict(found.costs)
    return len(found), {name: encode(column) for name, column in values.items()}


def costed_report(costs: Costs, row: int) -> Report:
    """The report of a stored design, made anew with the activity of its sweep.

    Raises:
        InputError: its network or chip cannot be read any more.
    """
    space = Space.model_validate(dict(costs.about.spec["space"]))
    resolver, axes = Resolver(space), dict[str, Value]()
    for axis, values in space.axes.items():
        stored = getattr(costs, axis.split("+")[0])[row].item()
        active = [value for value in values if value == stored or str(value) == stored]
        if active:  # the axis is, in this design
            axes[axis] = active[0]
    source, chip, fields = resolver.parts(axes)
    return cost(resolver.network(source), load_hardware(chip, fields), activity=costs.about.spec["activity"])


_KINDS = {"device.kind": DeviceKind, "adc.kind": AdcKind}


def _digest(space: Space, about: dict[str, Any]) -> str:
    """SHA-256 of all that the numbers depend on: what a name or a file stands for, not what it is called."""
    given = {field: list(values) for axis, values in space.axes.items() for field in axis.split("+")}
    given |= {field: [value] for field, value in space.set.items()}
    given |= {name: [getattr(space, name)] for name in ("network", "chip") if getattr(space, name)}
    inputs = dict(about)
    used = dict[str, Any]()  # plugins by the field that names them
    for field, values in given.items():
        if field == "network":
            inputs[field] = [network_digest(load_network(str(value))) for value in values]
        elif "." not in field:  # a chip, or one that a section is taken from
            chips = [load_hardware(str(value)) for value in values]
            inputs[field] = [chip.model_dump(mode="json") for chip in chips]
            used |= {f"{field} {chip.name}": chip.plugins for chip in chips if chip.plugins}
        elif field in _KINDS:
            plugins = [find(_KINDS[field].group(), str(value)) for value in values]
            used |= {f"{field} {plugin.name}": plugin.identity for plugin in plugins if plugin}
    inputs |= {"plugins": used} if used else {}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
