"""The cost of many designs in one pass: the roll-up of the tree, with arrays in place of numbers.

Fields that a formula can take as an array (`ARRAYS`) vary freely; designs that differ in any other field (an
enumeration, a node, a network) are put into groups, one pass each. Every value is checked against its field, and every
rule between fields against all designs, before the first pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import Real
from ..activity import Activity, of_design
from ..errors import ConfigError, InputError
from ..hardware import AdcAnchor, Hardware, load_hardware
from ..mapping import Mapping as NetworkMapping
from ..mapping import map_network
from ..network import Network, split_overrides
from ..noc import check_closed_form
from .parametric import RollUp, roll_up
from .technology import load_technology

Floats = NDArray[np.float64]

#: hardware fields that may be arrays within one pass; activities may be too
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
WHOLE = {"device.cell_bits", "crossbar.rows", "crossbar.cols", "crossbar.mux", "adc.bits"}
WHOLE |= {"pe.crossbars", "tile.pes", "tile.neuron_lanes"}
#: before a layer's name: copies of its crossbars
COPIES = "mapping.copies."
#: designs of one pass: arrays that fit the processor's caches
CHUNK = 4096
#: what a pass adds up
QUANTITIES = ("energy_pj", "area_um2", "latency_ns", "interval_ns", "crossbars", "pes", "tiles", "utilization")


@dataclass(frozen=True)
class Group:
    """Designs that share every field but arrays.

    Attributes:
        hardware: the chip of the first of them. network: what of the network differs from group to group.
        members: their places in the batch. arrays: fields that differ within the group.
    """

    hardware: Hardware
    network: Mapping[str, Any]
    members: NDArray[np.int64]
    arrays: Mapping[str, Floats]

    def chip(self, index: int) -> Hardware:
        """The chip of one of the designs, by its place in the group."""
        return load_hardware(self.hardware, _values(self.arrays, index))


def is_axis(name: str) -> bool:
    """Whether a field may be an array within one pass: one of `ARRAYS`, or the copies of a layer."""
    return name in ARRAYS or name.startswith(COPIES)


def is_whole(name: str) -> bool:
    return name in WHOLE or name.startswith(COPIES)


def design_groups(hardware: Hardware, columns: Mapping[str, NDArray[Any]], count: int) -> list[Group]:
    """Designs in groups; every value is checked.

    Args:
        columns: dotted field of the chip, or of the network (`network.weight_bits`), to one value for each of `count`
            designs.

    Raises:
        InputError: a field is unknown, a value is not allowed, or a design is impossible; names the design.
    """
    arrays = {name: numbers(name, columns[name]) for name in columns if is_axis(name)}
    for name in filter(is_whole, arrays):
        broken = arrays[name] % 1 != 0
        if broken.any():
            raise ConfigError(f"{name} = {arrays[name][broken][0]}: must be a whole number")
    others = {name: values for name, values in columns.items() if name not in arrays}
    groups = []
    for members in _partition(others, count):
        network, fixed = split_overrides({name: _plain(values[members[0]]) for name, values in others.items()})
        mine = {name: values[members] for name, values in arrays.items()}
        groups.append(Group(_checked(hardware, fixed, mine, members), network, members, mine))
    return groups


def numbers(name: str, values: NDArray[Any]) -> Floats:
    """An axis of finite numbers."""
    if values.dtype.kind not in "iuf":
        given = next(
            value for value in map(_plain, values) if isinstance(value, bool) or not isinstance(value, int | float)
        )
        raise ConfigError(f"{name} = {given!r}: must be a number")
    finite = np.isfinite(values)
    if not finite.all():
        raise ConfigError(f"{name} = {values[~finite][0]}: must be a finite number")
    return values.astype(np.float64)


def _plain(value: Any) -> Any:
    """An element of an array as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


@contextmanager
def naming(place: int) -> Iterator[None]:
    """What is wrong with one design of a batch says which one it is."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"design {place} of the batch: {error}") from None


def _partition(columns: Mapping[str, NDArray[Any]], count: int) -> Iterator[NDArray[np.int64]]:
    """Places of the designs that agree in every column."""
    code = np.zeros(count, np.int64)
    for values in columns.values():
        if values.dtype.kind == "O":  # a None, a list or a mapping: equal where they read the same
            values = np.array([repr(value) for value in values])
        known, inverse = np.unique(values, return_inverse=True)
        code = code * len(known) + inverse
        code = np.unique(code, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _checked(
    hardware: Hardware, fixed: Mapping[str, Any], arrays: Mapping[str, Floats], members: NDArray[np.int64]
) -> Hardware:
    """A group's chip, its first design. Ranges hold for all if for the ends; rules between fields hold for each."""
    first = _one(hardware, fixed, arrays, 0, members)
    suspects = _suspects(first, arrays, len(members))
    for values in arrays.values():
        suspects[[int(values.argmin()), int(values.argmax())]] = True
    for index in np.flatnonzero(suspects):
        _one(hardware, fixed, arrays, int(index), members)
    return first


def _one(
    hardware: Hardware, fixed: Mapping[str, Any], arrays: Mapping[str, Floats], index: int, members: NDArray[np.int64]
) -> Hardware:
    """One design by the rules of `load_hardware`; an error says which it is."""
    with naming(members[index]):
        return load_hardware(hardware, {**fixed, **_values(arrays, index)})


def _values(arrays: Mapping[str, Floats], index: int) -> dict[str, int | float]:
    return {name: int(v[index]) if is_whole(name) else float(v[index]) for name, v in arrays.items()}


def _suspects(chip: Hardware, arrays: Mapping[str, Floats], count: int) -> Real:
    """Designs that a rule between fields may refuse, though their ends keep it; `load_hardware` has the last word."""
    rows, cols, mux, bits = (
        np.broadcast_to(arrays.get(name, given), count)
        for name, given in (
            ("crossbar.rows", chip.crossbar.rows),
            ("crossbar.cols", chip.crossbar.cols),
            ("crossbar.mux", chip.crossbar.mux),
            ("adc.bits", chip.adc.bits),
        )
    )
    suspects = (mux > cols) | ((rows % 2 == 1) & (chip.word_lines == 2))
    if chip.cost.adc_anchor is not AdcAnchor.NEUROSIM:  # some have figures for single resolutions only
        suspects[np.unique(bits, return_index=True)[1]] = True
    return suspects


def with_arrays(hardware: Hardware, arrays: Mapping[str, Real]) -> Hardware:
    """The chip with arrays in place of some numbers: for the formulas only, since nothing checks it."""
    sections: dict[str, dict[str, Any]] = {}
    copies = dict(hardware.mapping.copies)
    for name, values in arrays.items():
        section, key, *layer = name.split(".")
        if layer:
            copies[layer[0]] = values
            sections.setdefault(section, {})[key] = copies
        else:
            sections.setdefault(section, {})[key] = values
    return hardware.model_copy(
        update={name: getattr(hardware, name).model_copy(update=values) for name, values in sections.items()}
    )


def parametric_batch(
    network: Network,
    group: Group,
    activity: Activity,
    totals: Mapping[str, Floats],
    components: dict[str, Floats] | None,
) -> None:
    """The parametric library on the designs of one group.

    Args:
        activity: of all layers; numbers that differ between the designs of the group are arrays.
        totals: quantity to the array of the whole batch, into which the group's results go; so for `components`, by
            name, (3, n) energy_pj, area_um2, critical_ns.
    """
    with naming(group.members[0]):
        check_closed_form(group.hardware)
    count = len(group.members)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        arrays = {name: values[part] for name, values in group.arrays.items()}
        mapping, rolled = _rolled_up(network, group, of_design(activity, part), arrays, part)
        for name, value in _totals(rolled, mapping):
            totals[name][group.members[part]] = value
        if components is not None:
            _add_components(rolled, group.members[part], components, len(totals["energy_pj"]))


def _rolled_up(
    network: Network, group: Group, activity: Activity, arrays: Mapping[str, Floats], part: slice
) -> tuple[NetworkMapping, RollUp]:
    """The roll-up of a slice of a group; of its designs one by one if one does not fit, for that one to say so."""
    tech = load_technology(group.hardware.technology.node_nm)
    try:
        mapping = map_network(network, with_arrays(group.hardware, arrays))
        return mapping, roll_up(mapping, activity, tech)
    except InputError:
        for place, index in enumerate(range(len(group.members))[part]):
            with naming(group.members[index]):
                roll_up(map_network(network, group.chip(index)), of_design(activity, place), tech)
        raise


def _totals(rolled: RollUp, mapping: NetworkMapping) -> Iterator[tuple[str, Real]]:
    parts = [part for layer in rolled.layers for part in layer.parts] + list(rolled.shared)
    leakage = sum(part.leakage_pw for part in parts)
    yield "energy_pj", sum(part.energy_pj for part in parts) + leakage * rolled.timing.interval_ns * 1e-9
    yield "area_um2", sum(part.area_um2 for part in parts)
    yield "latency_ns", rolled.timing.latency_ns
    yield "interval_ns", rolled.timing.interval_ns
    for name in ("crossbars", "pes", "tiles", "utilization"):
        yield name, getattr(mapping, name)


def _add_components(rolled: RollUp, members: NDArray[np.int64], components: dict[str, Floats], count: int) -> None:
    for node in (node for _, nodes in rolled.branches() for node in nodes):
        into = components.setdefault(node.name, np.zeros((3, count)))
        for row, value in enumerate((node.energy_pj, node.area_um2, node.critical_ns)):
            into[row, members] += value
