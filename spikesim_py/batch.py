"""`cost_batch`: a hundred thousand designs in the time of a few reports.

The same roll-up as `cost`, with arrays: a design's numbers are those of its report (tests hold the two together).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .activity import Activity, LayerActivity, of_design, resolve_activity
from .cost import cost_network
from .cost.batch import QUANTITIES, Group, design_groups, naming, numbers, parametric_batch
from .errors import InputError
from .evaluate import synops
from .hardware import Hardware, load_hardware
from .importers import load_network
from .metrics import FiguresOfMerit
from .network import Network, with_precision

Floats = NDArray[np.float64]

#: the axis of one input rate for all layers
ACTIVITY = "activity"


@dataclass(frozen=True)
class CostBatch(FiguresOfMerit):
    """What each of n designs costs per inference, without data; arrays of n, in the order of the axes.

    Attributes:
        axes: what differs between the designs, as given.
        energy_pj, area_um2, latency_ns, interval_ns: as of a report.
        crossbars, pes, tiles, utilization: how much of each a design takes.
        macs, synops, time_steps: of the network.
        components: name to (3, n) energy_pj, area_um2, critical_ns over all layers; empty unless asked for.
    """

    axes: Mapping[str, NDArray[Any]] = field(repr=False)
    energy_pj: Floats
    area_um2: Floats
    latency_ns: Floats
    interval_ns: Floats
    crossbars: Floats
    pes: Floats
    tiles: Floats
    utilization: Floats
    macs: Floats
    synops: Floats
    time_steps: Floats
    components: Mapping[str, Floats] = field(repr=False)

    def __len__(self) -> int:
        return len(self.energy_pj)

    def design(self, place: int) -> dict[str, Any]:
        """What one design is: axis to its value, as plain Python values."""
        return {name: values[place].item() for name, values in self.axes.items()}


def grid(axes: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """Every combination of the axes' values, as equally long columns."""
    columns = np.meshgrid(*(np.asarray(values) for values in axes.values()), indexing="ij")
    return {name: column.reshape(-1) for name, column in zip(axes, columns, strict=True)}


def cost_batch(
    network: str | Path | Network,
    chip: str | Path | Hardware,
    axes: Mapping[str, ArrayLike],
    *,
    activity: Activity | float | Mapping[str, float] | None = None,
    components: bool = False,
) -> CostBatch:
    """Energy, latency and area of many designs at once.

    Args:
        network, chip: what all designs have in common.
        axes: dotted hardware field (`crossbar.rows`), network field (`network.weight_bits`) or `activity` to one value
            per design; single values hold for all. `grid` makes all combinations.
        activity: as for `cost`; not beside an axis `activity`.
        components: also keep what each component takes.

    Raises:
        InputError: axes of different lengths, an unknown field, or a design that `cost` would refuse (it is named).
    """
    net, hardware = load_network(network), load_hardware(chip)
    columns = _columns(axes)
    count = len(next(iter(columns.values())))
    if ACTIVITY in columns and activity is not None:
        raise InputError("activity: is given twice, as an argument and as an axis")
    rates = numbers(f"axes.{ACTIVITY}", columns[ACTIVITY]) if ACTIVITY in columns else None
    if rates is not None and not ((rates >= 0) & (rates <= 1)).all():
        bad = rates[~((rates >= 0) & (rates <= 1))][0]
        raise InputError(f"axes.{ACTIVITY} = {bad}: must be a number from 0 to 1")
    totals = {name: np.empty(count) for name in (*QUANTITIES, "macs", "synops", "time_steps")}
    parts: dict[str, Floats] | None = {} if components else None
    fields = {name: values for name, values in columns.items() if name != ACTIVITY}
    for group in design_groups(hardware, fields, count):
        with naming(group.members[0]):
            made = with_precision(net, **group.network) if group.network else net
        record = _activity(made, group, activity, None if rates is None else rates[group.members])
        if made.arithmetic == "float" or group.hardware.cost.library != "parametric":
            _one_by_one(made, group, record, totals, parts)
        else:
            parametric_batch(made, group, record, totals, parts)
            totals["macs"][group.members] = sum(made.macs.values())
            totals["synops"][group.members] = synops(made, made.macs, record)
        totals["time_steps"][group.members] = made.time_steps
    return CostBatch(axes=columns, components=parts or {}, **totals)


def _one_by_one(
    net: Network, group: Group, record: Activity, totals: Mapping[str, Floats], parts: dict[str, Floats] | None
) -> None:
    """Libraries without arrays: SpikeSim's released one, and that of float networks."""
    for index, place in enumerate(group.members):
        with naming(place):
            seen = of_design(record, index)
            result = cost_network(net, group.chip(index), seen)
        tree = result.tree
        found = {"energy_pj": tree.energy_pj, "area_um2": tree.area_um2, "latency_ns": tree.critical_ns}
        found |= {name: getattr(result, name) for name in ("interval_ns", "crossbars", "pes", "tiles", "utilization")}
        found |= {"macs": sum(result.macs.values()), "synops": synops(net, result.macs, seen)}
        for name, value in found.items():
            totals[name][place] = value
        if parts is None:
            continue
        for name, node in tree.components().items():
            into = parts.setdefault(name, np.zeros((3, len(totals["energy_pj"]))))
            into[:, place] = node.energy_pj, node.area_um2, node.critical_ns


def _columns(axes: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    if not axes:
        raise InputError("axes: name at least one field that differs between the designs")
    columns = {name: np.atleast_1d(np.asarray(values)) for name, values in axes.items()}
    sizes = {name: len(values) for name, values in columns.items() if values.shape != (1,)}
    for name, values in columns.items():
        if values.ndim > 1 or not values.size:
            raise InputError(f"axes.{name}: must be one value per design, not an array of shape {values.shape}")
    if len(set(sizes.values())) > 1:
        given = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InputError(f"axes: must have one value per design, or one for all (given: {given}); see `grid`")
    count = max(sizes.values(), default=1)
    return {name: np.broadcast_to(values, count) for name, values in columns.items()}


def _activity(
    net: Network, group: Group, given: Activity | float | Mapping[str, float] | None, rates: Floats | None
) -> Activity:
    names = tuple(node.name for node in net.layers)
    if rates is not None:
        return Activity({name: LayerActivity(rates) for name in names}, "given")
    assumed = group.arrays.get("cost.assumed_activity", group.hardware.cost.assumed_activity)
    return resolve_activity(given, names, net.model.activity, assumed)
