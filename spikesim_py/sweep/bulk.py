"""Costs of a whole space, without data: a million designs in a minute, in columns of a study file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..batch import cost_batch
from ..errors import InputError
from ..evaluate import MODEL_VERSION, network_digest
from ..hardware import Hardware, load_hardware
from ..importers import load_network
from .control import Progress, running
from .executors import executor as named_executor
from .executors import serial
from .space import Source, Space, load_space
from .store import BLOCK, Store
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
    total = math.prod(len(values) for values in plan.axes.values())
    about: dict[str, Any] = {"activity": activity, "version": __version__, "model_version": MODEL_VERSION}
    about |= {"space": plan.model_dump(mode="json", include={"name", "network", "chip", "set", "axes"})}
    spec = {"space": plan.model_dump(mode="json"), "executor": executor, "workers": workers, "activity": activity}
    digest = _digest(plan, about)
    with Store.write(store, plan, resume=True) as kept, running(kept, "cost", spec, origin, job, progress) as control:
        number = kept.bulk.begin(digest, about, total)
        stored = kept.bulk.starts(number)
        blocks = [block for block in _blocks(plan, activity, total) if block.start not in stored]
        done = total - sum(block.count for block in blocks)
        control.progress(done, total, "designs")
        if executor == "local" and len(blocks) == 1:
            run = serial  # done before a process has started
        with closing(control.run(run, _costed, blocks)) as outcomes:
            for index, status, value in outcomes:
                if status != "ok":
                    raise InputError(f"sweep {plan.name!r}: {value}")
                block = blocks[index]
                kept.bulk.add(number, block.start, block.count, value)
                done += block.count
                control.progress(done, total, "designs")
    return Study(Path(store).expanduser())


@dataclass(frozen=True)
class _Block:
    """Designs `start` to `start + count` of a space."""

    space: Space
    activity: float | None
    start: int
    count: int


def _blocks(space: Space, activity: float | None, total: int) -> Iterator[_Block]:
    for start in range(0, total, BLOCK):
        yield _Block(space, activity, start, min(BLOCK, total - start))


def _costed(block: _Block) -> dict[str, Encoded]:
    """A block's columns, ready for the store: packing is work for workers."""
    return {name: encode(values) for name, values in block_columns(block).items()}


def block_columns(block: _Block) -> dict[str, NDArray[Any]]:
    """Axes and costs of a block's designs."""
    space = block.space
    axes = _axes(space, block.start, block.count)
    chip = load_hardware(space.chip, space.set)
    networks = axes.get("network", np.array([space.network]))
    fields = {name: values for name, values in axes.items() if name != "network"} or _same(chip, block.count)
    costs = {name: np.empty(block.count) for name in KEPT}
    for source in dict.fromkeys(networks.tolist()):
        mine = np.flatnonzero(networks == source) if "network" in axes else np.arange(block.count)
        found = cost_batch(
            source, chip, {name: values[mine] for name, values in fields.items()}, activity=block.activity
        )
        for name in KEPT:
            costs[name][mine] = getattr(found, name)
    return axes | costs


def _axes(space: Space, start: int, count: int) -> dict[str, NDArray[Any]]:
    """Field to values of designs by their number, the last axis fastest."""
    shape = tuple(len(values) for values in space.axes.values())
    places = np.unravel_index(np.arange(start, start + count), shape) if shape else ()
    columns: dict[str, NDArray[Any]] = {}
    for (axis, values), place in zip(space.axes.items(), places, strict=True):
        kinds = {type(value) for value in values}
        table = np.array(values, dtype=None if len(kinds) == 1 or kinds == {int, float} else object)
        columns |= dict.fromkeys(axis.split("+"), table[place])
    return columns


def _same(chip: Hardware, count: int) -> dict[str, NDArray[Any]]:
    """One field as the chip has it: a batch needs an axis."""
    return {"technology.node_nm": np.full(count, chip.technology.node_nm)}


def _digest(space: Space, about: dict[str, Any]) -> str:
    """SHA-256 of all that the numbers depend on, with files by their content."""
    networks = [str(source) for source in space.axes.get("network", [space.network])]
    inputs = about | {
        "networks": [network_digest(load_network(source)) for source in networks],
        "hardware": load_hardware(space.chip).model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
