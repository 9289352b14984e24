"""Which designs of a space share an accuracy: measured once, it serves them all.

An accuracy's key is made of what reaches the arithmetic. Axes that only cost something are left out before the first
key is made, and so are a crossbar's columns where nothing sees them, so that there are far fewer keys to make than
designs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..crossbar.adc import converters_vary
from ..errors import SpikesimError
from ..hardware import Hardware, Topology, hardware_fields, load_hardware
from .candidates import Candidates, first_labels
from .resolve import Protocol, Resolver

#: accuracies whose keys are made beforehand; in larger spaces a key is made when its turn comes
EAGER = 20_000
_GEOMETRY = {"crossbar.cols", "crossbar.mux"}


@dataclass(frozen=True)
class Arms:
    """The different accuracies of some designs.

    Attributes:
        of: (designs,) number of the design's accuracy, counted up in the order of the designs.
        first: (accuracies,) a design that has it: the first one.
        axes: places of the axes that an accuracy may depend on.
        keys: of the accuracies; None where they are too many.
    """

    of: NDArray[np.int64]
    first: NDArray[np.int64]
    axes: tuple[int, ...]
    keys: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.first)


def arms(resolver: Resolver, designs: Candidates, protocol: Protocol, *, eager: int = EAGER) -> Arms:
    """Designs by their accuracies.

    Two of more than `eager` may still turn out to have one key.

    Raises:
        InputError: a design is impossible; it is named.
    """
    relevant = [place for place, axis in enumerate(designs.space.axes) if not costs_only(axis)]
    soft = [place for place in relevant if set(list(designs.space.axes)[place].split("+")) <= _GEOMETRY]
    hard = [place for place in relevant if place not in soft]
    label = first_labels(designs.codes[:, hard])
    first = np.unique(label, return_index=True)[1]
    if soft:
        seen = np.array([sees_geometry(_chip(resolver, designs, int(index))) for index in first])
        label = first_labels(np.column_stack([label, designs.codes[:, soft] * seen[label][:, None]]))
        first = np.unique(label, return_index=True)[1]
    if len(first) > eager:
        return Arms(label, first, tuple(relevant))
    keys = [_key(resolver, designs, int(index), protocol) for index in first]
    label = first_labels(np.unique(np.array(keys), return_inverse=True)[1][label][:, None])
    first = np.unique(label, return_index=True)[1]
    return Arms(label, first, tuple(relevant), tuple(dict.fromkeys(keys)))


@cache
def _affects() -> Mapping[str, str]:
    return {name: field.json_schema_extra["affects"] for name, field in hardware_fields()}


def costs_only(axis: str) -> bool:
    """Whether no field of an axis reaches the arithmetic."""
    fields = axis.split("+")
    return all(_affects().get(field, _affects().get(field.rpartition(".")[0])) == "cost" for field in fields)


def sees_geometry(hardware: Hardware) -> bool:
    """Whether the number of columns, or how many share a converter, can reach the arithmetic.

    They do through wires, through converters that differ, and where broken columns are replaced.
    """
    repaired = hardware.mitigation.permute_rows or hardware.mitigation.spare_columns
    return hardware.wires.topology is not Topology.NONE or converters_vary(hardware) or bool(repaired)


def _chip(resolver: Resolver, designs: Candidates, index: int) -> Hardware:
    axes = designs.axes(index)
    try:
        _, chip, fields = resolver.parts(axes)
        return load_hardware(chip, fields)
    except SpikesimError as error:
        raise resolver.named(axes, error) from None


def _key(resolver: Resolver, designs: Candidates, index: int, protocol: Protocol) -> str:
    axes = designs.axes(index)
    try:
        source, chip, fields = resolver.parts(axes)
        return protocol.key(resolver.network(source), load_hardware(chip, fields))
    except SpikesimError as error:
        raise resolver.named(axes, error) from None
