"""The cost of many designs in one pass: the roll-up of the tree, with arrays in place of numbers.

Fields that a formula can take as an array (`ARRAYS`) vary freely; designs that differ in any other field (an enumeration,
a node, a network) are put into groups, one pass each. Every value is checked against its field, and every rule between
fields against all designs, before the first pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import Real
from ..activity import Activity, LayerActivity
from ..errors import ConfigError
from ..hardware import Hardware, load_hardware
from ..mapping import map_network
from ..network import Network
from .parametric import roll_up
from .technology import load_technology

Floats = NDArray[np.float64]

#: hardware fields that may be arrays within one pass; the activity of all layers may be one too
ARRAYS = (
    "technology.clock_mhz",
    "device.cell_bits",
    "device.r_on_ohm",
    "device.on_off_ratio",
    "device.read_volt",
    "crossbar.rows",
    "crossbar.cols",
    "crossbar.mux",
    "adc.bits",
    "pe.crossbars",
    "tile.pes",
    "tile.neuron_lanes",
    "cost.assumed_activity",
)
#: of these, the whole numbers
_WHOLE = {"device.cell_bits", "crossbar.rows", "crossbar.cols", "crossbar.mux", "adc.bits"}
_WHOLE |= {"pe.crossbars", "tile.pes", "tile.neuron_lanes"}
#: designs of one pass: arrays that fit the processor's caches
CHUNK = 4096
#: what a pass adds up
QUANTITIES = ("energy_pj", "area_um2", "latency_ns", "interval_ns", "crossbars", "pes", "tiles", "utilization")


@dataclass(frozen=True)
class BatchResult:
    """What each of n designs costs, (n,) each; `components` by name: (3, n) energy_pj, area_um2, critical_ns."""

    energy_pj: Floats
    area_um2: Floats
    latency_ns: Floats
    interval_ns: Floats
    crossbars: Floats
    pes: Floats
    tiles: Floats
    utilization: Floats
    components: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Designs that share every field but arrays: their chip, their places in the batch, and what differs."""

    hardware: Hardware
    members: NDArray[np.int64]
    arrays: Mapping[str, Floats]


def design_groups(hardware: Hardware, axes: Mapping[str, ArrayLike]) -> list[Group]:
    """Designs in groups; every value is checked.

    Args:
        axes: dotted field to one value per design.

    Raises:
        ConfigError: a field is unknown, a value is not allowed, or a design is impossible; names the design.
    """
    columns = {name: np.asarray(values) for name, values in axes.items()}
    for name in _WHOLE & columns.keys():
        if columns[name].dtype.kind not in "iu" and (np.asarray(columns[name], float) % 1).any():
            bad = columns[name][np.asarray(columns[name], float) % 1 != 0][0]
            raise ConfigError(f"{name} = {bad}: must be a whole number")
    arrays = {name: np.asarray(columns[name], np.float64) for name in ARRAYS if name in columns}
    others = {name: values for name, values in columns.items() if name not in arrays}
    groups = []
    for members in _partition(others, len(next(iter(columns.values())))):
        fixed = {name: values[members[0]].item() for name, values in others.items()}
        mine = {name: values[members] for name, values in arrays.items()}
        groups.append(Group(_checked(hardware, fixed, mine, members), members, mine))
    return groups


def _partition(columns: Mapping[str, NDArray[Any]], count: int) -> Iterator[NDArray[np.int64]]:
    """Places of the designs that agree in every column."""
    code = np.zeros(count, np.int64)
    for values in columns.values():
        known, inverse = np.unique(values, return_inverse=True)
        code = code * len(known) + inverse
        code = np.unique(code, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _checked(
    hardware: Hardware, fixed: Mapping[str, Any], arrays: Mapping[str, Floats], members: NDArray[np.int64]
) -> Hardware:
    """A group's chip: its first design. Ranges hold for all if they hold for the ends; rules between fields for each."""
    for name, values in arrays.items():
        _plain(values, name)
    first = _one(hardware, fixed, arrays, 0, members)
    suspects = _suspects(first, arrays, len(members))
    for name, values in arrays.items():
        suspects[[int(values.argmin()), int(values.argmax())]] = True
    for index in np.flatnonzero(suspects):
        _one(hardware, fixed, arrays, int(index), members)
    return first


def _plain(values: Floats, name: str) -> None:
    if not np.isfinite(values).all():
        raise ConfigError(f"{name} = {values[~np.isfinite(values)][0]}: must be a finite number")


def _one(
    hardware: Hardware, fixed: Mapping[str, Any], arrays: Mapping[str, Floats], index: int, members: NDArray[np.int64]
) -> Hardware:
    """One design by the rules of `load_hardware`; an error says which it is."""
    values = {name: int(v[index]) if name in _WHOLE else float(v[index]) for name, v in arrays.items()}
    try:
        return load_hardware(hardware, {**fixed, **values})
    except ConfigError as error:
        raise ConfigError(f"design {members[index]} of the batch: {error}") from None


def _suspects(chip: Hardware, arrays: Mapping[str, Floats], count: int) -> NDArray[np.bool_]:
    """Designs that a rule between fields may refuse; `load_hardware` has the last word on them."""
    rows, cols, mux, bits = (
        np.broadcast_to(arrays.get(name, given), count)
        for name, given in (
            ("crossbar.rows", chip.crossbar.rows),
            ("crossbar.cols", chip.crossbar.cols),
            ("crossbar.mux", chip.crossbar.mux),
            ("adc.bits", chip.adc.bits),
        )
    )
    reserved = chip.dummy_columns + chip.mitigation.spare_columns
    suspects = (mux > cols) | (cols <= 2 * reserved + 1) | (bits <= 1) | ((rows % 2 == 1) & (chip.word_lines == 2))
    if chip.mitigation.spare_columns or chip.digital_crossbar or chip.wires.unselected_columns == "floating":
        suspects |= True  # rare settings with rules of their own: each design is checked
    return suspects


def with_arrays(hardware: Hardware, arrays: Mapping[str, Real]) -> Hardware:
    """The chip with arrays in place of some numbers: for the formulas only, since nothing checks it."""
    sections: dict[str, dict[str, Real]] = {}
    for name, values in arrays.items():
        section, key = name.split(".")
        sections.setdefault(section, {})[key] = values
    return hardware.model_copy(
        update={name: getattr(hardware, name).model_copy(update=values) for name, values in sections.items()}
    )


def parametric_batch(
    network: Network, group: Group, activity: Activity, rates: Mapping[str, Floats], detail: bool
) -> BatchResult:
    """The parametric library on the designs of one group.

    Args:
        activity: of all layers. rates: layers whose input rate differs between designs.
    """
    count = len(group.members)
    totals = {name: np.empty(count) for name in QUANTITIES}
    components: dict[str, Floats] = {}
    for start in range(0, count, CHUNK):
        part = slice(start, min(start + CHUNK, count))
        arrays = {name: values[part] for name, values in group.arrays.items()}
        here = {name: values[part] for name, values in rates.items()}
        for name, value in _chunk(network, group.hardware, arrays, activity, here, components, part, count, detail):
            totals[name][part] = value
    return BatchResult(**totals, components=components)


def _chunk(
    network: Network,
    hardware: Hardware,
    arrays: Mapping[str, Floats],
    activity: Activity,
    rates: Mapping[str, Floats],
    components: dict[str, Floats],
    part: slice,
    count: int,
    detail: bool,
) -> Iterator[tuple[str, Real]]:
    records = {
        name: LayerActivity(**{**vars(record), "rate": rates[name]}) if name in rates else record
        for name, record in activity.layers.items()
    }
    mapping = map_network(network, with_arrays(hardware, arrays))
    tech = load_technology(hardware.technology.node_nm)
    rolled = roll_up(mapping, Activity(records, activity.origin, activity.samples), tech)
    timing = rolled.timing
    parts = [*((p, c) for layer, c in zip(rolled.layers, timing.counts, strict=True) for p in layer.parts)]
    parts += [(p, None) for p in rolled.shared]
    leakage_pj = timing.interval_ns * 1e-9  # per pW
    if detail:
        for made, counts in parts:
            into = components.setdefault(made.name, np.zeros((3, count)))
            into[0, part] += made.energy_pj + made.leakage_pw * leakage_pj
            into[1, part] += made.area_um2
            into[2, part] += made.exposed_ns(counts) if counts else 0.0
    yield "energy_pj", sum(p.energy_pj for p, _ in parts) + sum(p.leakage_pw for p, _ in parts) * leakage_pj
    yield "area_um2", sum(p.area_um2 for p, _ in parts)
    yield "latency_ns", timing.latency_ns
    yield "interval_ns", timing.interval_ns
    for name in ("crossbars", "pes", "tiles", "utilization"):
        yield name, getattr(mapping, name)
