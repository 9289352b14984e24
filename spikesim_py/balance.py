"""Weight duplication: spare tiles go to the layers that hold an inference up.

Greedy: of all layers, the one whose next copies save most time per tile (or area) that they take gets them, until
the budget is spent or nothing helps. Every candidate is costed in full, all layers at once (`cost_batch`). What is
saved is latency; on a pipelined chip the interval, with latency to decide between layers that are equally slow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .activity import Activity
from .batch import CostBatch, Floats, cost_batch
from .errors import InputError
from .evaluate import cost
from .hardware import Hardware, load_hardware
from .importers import load_network
from .mapping import map_network
from .network import Network
from .report import Report

#: by how much the next copies must shorten a layer, at least; smaller steps take longer to find and gain little
_STEP = 1 / 8
#: weight of latency beside the interval of a pipelined chip
_TIE = 1e-3


@dataclass(frozen=True)
class Balance:
    """A chip with copies of its slowest layers, and what that changes.

    Attributes:
        hardware: the chip with `mapping.copies`. copies: layer to copies, of those that have more than one.
        before, after: its costs.
    """

    hardware: Hardware
    copies: Mapping[str, int]
    before: Report
    after: Report


def balance(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    *,
    tiles: int | None = None,
    area_um2: float | None = None,
    activity: Activity | float | Mapping[str, float] | None = None,
) -> Balance:
    """Copies of layers' crossbars within a budget.

    Args:
        tiles, area_um2: what the chip may take in all; at least one of them.
        activity: as for `cost`.

    Raises:
        InputError: there is no budget, or the chip exceeds it as it is.
    """
    net, hardware = load_network(network), load_hardware(chip)
    if net.arithmetic == "float" or hardware.cost.library != "parametric":
        raise InputError(
            f"balance: network {net.name!r} on chip {hardware.name!r}: needs an integer or shape-only network and "
            f"cost.library = 'parametric', whose crossbars can be copied"
        )
    before = cost(net, hardware, activity=activity)
    _check(before, tiles, area_um2)
    plans = map_network(net, hardware).layers
    copies = {name: int(plan.copies) for name, plan in plans.items() if not plan.digital}
    while True:
        for step in (_STEP, 0.0):  # the smallest step only where no larger one fits
            trials = {name: _next(plans[name].positions, count, step) for name, count in copies.items()}
            axes = {
                f"mapping.copies.{name}": np.array([count, *(trials[k] if k == name else count for k in copies)])
                for name, count in copies.items()
            }
            found = cost_batch(net, hardware, axes, activity=activity)
            chosen = _best(found, hardware.schedule.pipeline != "none", tiles, area_um2)
            if chosen is not None:
                break
        if chosen is None:
            break
        name = list(copies)[chosen]
        copies[name] = trials[name]
    more = {name: count for name, count in copies.items() if count > 1}
    made = load_hardware(hardware, {"mapping.copies": more})
    source = f"derived: the layers of {net.name} that save most time"
    made = made.model_copy(update={"sources": made.sources | {"mapping.copies": source}})
    return Balance(made, more, before, cost(net, made, activity=activity))


def _check(report: Report, tiles: int | None, area_um2: float | None) -> None:
    if tiles is None and area_um2 is None:
        raise InputError("balance: needs a budget: tiles (--tiles) or area_um2 (--area-mm2)")
    for name, given, taken in (("tiles", tiles, report.cost.tiles), ("area_um2", area_um2, report.area_um2)):
        if given is not None and given < taken:
            raise InputError(f"{name} = {given:g}: the chip takes {taken:g} without copies; must be at least that")


def _next(positions: int, copies: int, step: float) -> int:
    """Copies that leave each a share `step` of its positions less to take, or one position less."""
    turns = -(-positions // copies)
    return -(-positions // max(1, min(turns - 1, int(turns * (1 - step))))) if turns > 1 else copies


def _best(found: CostBatch, pipelined: bool, tiles: int | None, area_um2: float | None) -> int | None:
    """The trial (from 0) that saves most time per tile or area; None if none saves any within the budget."""
    time: Floats = found.interval_ns + _TIE * found.latency_ns if pipelined else found.latency_ns
    saved = time[0] - time[1:]
    spent = found.tiles if area_um2 is None else found.area_um2
    price = np.maximum(spent[1:] - spent[0], 1e-9 * spent[0])
    fits = saved > 1e-12 * time[0]
    if tiles is not None:
        fits &= found.tiles[1:] <= tiles
    if area_um2 is not None:
        fits &= found.area_um2[1:] <= area_um2
    worth = np.where(fits, saved / price, 0.0)
    return int(worth.argmax()) if worth.any() else None
