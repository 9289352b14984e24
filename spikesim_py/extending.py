"""What a package gives its entry points to add a device or a converter: see `docs/extending.md`.

Quantizers and losses extend `training.quantizers.WeightQuantizer` and `training.terms.Term`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ._arrays import Real
from ._validation import explain_problem
from .cost.components.adc import Converter, flash, ramp, sar
from .cost.technology import Technology
from .cost.tree import Grade
from .crossbar.converters.base import Circuit, ideal_thresholds
from .errors import ConfigError

if TYPE_CHECKING:
    from .hardware import Device, Hardware

#: states of cells, ``x = g / g_on``
States = NDArray[np.float64]
#: a number that a model rests on: name, value, unit, grade, source
Fact = tuple[str, float, str, Grade, str]

__all__ = [
    "AdcModel",
    "Converter",
    "DeviceModel",
    "Fact",
    "Grade",
    "States",
    "Technology",
    "flash",
    "ideal_thresholds",
    "ramp",
    "sar",
]


@dataclass(frozen=True)
class DeviceModel:
    """A cell: fields of the chip's `device` section, and laws that these fields cannot say.

    Laws are NumPy functions of the state; they are called when cells are programmed, never in a kernel, and draw
    nothing: what is random comes in as standard normal draws that belong to a cell, so that the same seed is the same
    chip. A law takes the place of the fields that say the same, which must then be left alone.

    Attributes:
        about: one line. source: citation of the model. grade: how far it can be trusted.
        fields: as in YAML, e.g. ``{"r_on_ohm": 1e5, "read": {"noise": "white"}}``; a chip that names the device has
            them, unless it says otherwise.
        sources: citation of every field, by name.
        constants: numbers in the laws, for `spikesim describe --sources`.
        levels: (device) to the states of the 2^cell_bits levels, ascending, from 1 / on_off_ratio to 1;
            None: evenly spaced. Not with `device.ideal`.
        program_sigma: (x, device) to the standard deviation of the programming error, over g_on.
        read_law: (x, device) to the standard deviation of one read, over the cell's g; needs `read.noise: white`.
        aged: (x meant, x programmed, draw, device) to the state at `device.age_s` > 0, at least 0.
    """

    about: str
    source: str
    grade: Grade
    fields: Mapping[str, Any]
    sources: Mapping[str, str]
    constants: Sequence[Fact] = ()
    levels: Callable[[Device], States] | None = field(default=None, compare=False)
    program_sigma: Callable[[States, Device], States] | None = field(default=None, compare=False)
    read_law: Callable[[States, Device], States] | None = field(default=None, compare=False)
    aged: Callable[[States, States, States, Device], States] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuses what no chip could have.

        Raises:
            ConfigError: a grade or a field that there is not, a value out of range, the source of another field.
        """
        from .hardware import Device

        _check_stated(self)
        if "kind" in self.fields:
            raise ConfigError("fields.kind: is the name of the entry point; leave it out")
        for name in set(self.sources) - set(self.fields):
            raise ConfigError(f"sources.{name}: is no field that the device states ({', '.join(self.fields)})")
        try:
            Device.model_validate(dict(self.fields))
        except ValidationError as error:
            raise ConfigError(explain_problem(Device, error.errors()[0], "fields")) from None

    @property
    def replaced(self) -> tuple[str, ...]:
        """Fields whose place the laws take."""
        pairs = (
            (self.program_sigma, ("program_sigma", "program.law", "program.coefficients_us")),
            (self.read_law, ("read.law", "read.coefficients")),
            (self.aged, ("retention.kind",)),
        )
        return tuple(name for law, names in pairs if law is not None for name in names)


class AdcModel(Circuit):
    """A converter as a table of thresholds, and what one costs.

    The code that leaves it has `adc.bits` bits and counts LSBs of the column. A converter that is not uniform has
    fewer decisions than codes: several thresholds of its table coincide, and the code jumps.

    Attributes:
        about: one line. source: citation of the model. grade: how far it can be trusted.
        constants: its numbers, for `spikesim describe --sources`.
        reads: error fields of `adc` that `thresholds` reads, of capacitor_sigma, comparator_sigma_lsb, gain_sigma,
            inl_lsb; the others are refused. (`noise_lsb` is added before any converter.)
        uniform: whether its thresholds without errors are `ideal_thresholds`.
        least, most: values of `adc.bits` that it is defined for.
    """

    about: ClassVar[str]
    source: ClassVar[str]
    grade: ClassVar[Grade]
    constants: ClassVar[Sequence[Fact]] = ()
    reads: ClassVar[frozenset[str]] = frozenset()
    uniform: ClassVar[bool] = True
    least: ClassVar[int] = 1
    most: ClassVar[int] = 12

    def __init__(self) -> None:
        _check_stated(self)

    @abstractmethod
    def cost(self, tech: Technology, hardware: Hardware, bits: Real) -> Converter:
        """One converter of `bits` bits at a node; `bits` may be an array with one element per design."""


def _check_stated(model: Any) -> None:
    """Raise `ConfigError` unless it says what it is, whose, and how far it can be trusted."""
    for name in ("about", "source", "grade"):
        if not isinstance(getattr(model, name, None), str):
            raise ConfigError(f"{name}: is missing")
    if model.grade not in get_args(Grade):
        raise ConfigError(f"grade = {model.grade!r}: must be one of {', '.join(get_args(Grade))}")
