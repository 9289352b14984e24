"""The chip's fields as controls: what each may be, with its unit and what it means, read from the model itself."""

from __future__ import annotations

import math
import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from ..plugins import Kind
from .io import hardware_fields
from .section import Affects

#: a whole number with at most so many values has a stop for each, else one for every power of two
_EACH = 32
#: numbers whose range spans less than this factor are stepped evenly, in so many steps
_EVEN, _STEPS = 10.0, 25
#: decades to both sides of a number, or of 1 where it has no size, in which 1, 2 and 5 are stops
_DECADES = 3


@dataclass(frozen=True)
class Control:
    """One field of a chip that is a single value.

    Attributes:
        name: dotted. about, unit, affects: of the field.
        kind: `whole` and `real` numbers, a `choice` of names or numbers, or a `flag`.
        low, high: bounds of a number, None where there is none. above: whether `low` itself is not allowed.
        choices: of a choice. optional: whether it may be left out (None).
    """

    name: str
    about: str
    unit: str
    affects: Affects
    kind: Literal["whole", "real", "choice", "flag"]
    low: float | None = None
    high: float | None = None
    above: bool = False
    choices: tuple[Any, ...] = ()
    optional: bool = False

    @property
    def section(self) -> str:
        """The part of the description that it stands in."""
        return self.name.partition(".")[0]

    @property
    def numeric(self) -> bool:
        """Whether its values have an order that a slider can follow."""
        return self.kind in ("whole", "real") or (bool(self.choices) and not isinstance(self.choices[0], str))

    def stops(self, value: Any) -> tuple[Any, ...]:
        """Values to choose from, ascending, None first where it may be left out; `value` is one of them."""
        if self.kind == "flag":
            return (False, True)
        if self.kind == "choice":
            return tuple(sorted(self.choices)) if self.numeric else self.choices
        found = set(_whole(self) if self.kind == "whole" else _real(self, value))
        found |= set() if value is None else {value}
        return ((None,) if self.optional else ()) + tuple(sorted(found))


def controls() -> Iterator[Control]:
    """Every field of a chip that is a single value, in the order of declaration; names and prose are none."""
    for name, field in hardware_fields():
        found = _control(name, field)
        if found is not None:
            yield found


def _control(name: str, field: FieldInfo) -> Control | None:
    about: Any = field.json_schema_extra
    told = (name, field.description or "", about["unit"], about["affects"])
    plain, rules, optional = _unwrapped(field.annotation, list(field.metadata))
    if plain is bool:
        return Control(*told, "flag")
    if get_origin(plain) is Literal:
        return Control(*told, "choice", choices=get_args(plain), optional=optional)
    if isinstance(plain, type) and issubclass(plain, Enum):
        values = plain.names() if issubclass(plain, Kind) else tuple(member.value for member in plain)
        return Control(*told, "choice", choices=values, optional=optional)
    if plain not in (int, float):
        return None
    bounds = {key: getattr(rule, key) for rule in rules for key in ("ge", "gt", "le") if hasattr(rule, key)}
    return Control(
        *told,
        "whole" if plain is int else "real",
        low=bounds.get("ge", bounds.get("gt")),
        high=bounds.get("le"),
        above="gt" in bounds,
        optional=optional,
    )


def _unwrapped(kind: Any, rules: list[Any]) -> tuple[Any, list[Any], bool]:
    """A type without its None and its annotations; the rules that these hold; whether None was there."""
    if hasattr(kind, "__metadata__"):
        inner = [rule for part in kind.__metadata__ for rule in getattr(part, "metadata", [part])]
        return _unwrapped(kind.__origin__, rules + inner)
    if get_origin(kind) in (Union, types.UnionType):
        (inner_kind,) = (part for part in get_args(kind) if part is not type(None))
        plain, found, _ = _unwrapped(inner_kind, rules)
        return plain, found, True
    return kind, rules, False


def _whole(control: Control) -> list[int]:
    low, high = int(control.low or 0), int(control.high if control.high is not None else 2**16)
    if high - low < _EACH:
        return list(range(low, high + 1))
    powers = [2**n for n in range(high.bit_length())]
    return [low] * (low < 2) + [power for power in powers if low <= power <= high]


def _real(control: Control, value: Any) -> list[float]:
    low, high = control.low if control.low is not None else -math.inf, control.high or math.inf
    if low > 0 and high <= _EVEN * low:
        return [round(low + (high - low) * n / _STEPS, 6) for n in range(_STEPS + 1)]
    middle = math.floor(math.log10(abs(value))) if value else 0 if high > 1 else -2
    above = _DECADES if value else 3 * _DECADES  # where nothing is known of its size, seconds may become years
    series = [float(f"{digit}e{middle + n}") for n in range(-_DECADES, above + 1) for digit in (1, 2, 5)]
    series += [-number for number in series] if low < 0 else []
    zero = [0.0] * (low <= 0 and not control.above)
    return zero + [number for number in series if low <= number <= high and not (control.above and number <= low)]
