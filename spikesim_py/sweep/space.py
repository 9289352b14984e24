"""A design space: networks and chip fields as axes, conditions, constraints, and how each design is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .._resources import bundled, config_dir, resolve
from .._validation import explain_problem
from .._yaml import read_yaml
from ..errors import ConfigError, did_you_mean
from ..report import METRICS
from .axes import lowered
from .expressions import Condition, parse

if TYPE_CHECKING:
    from ..hardware import Hardware
    from ..network import Network
    from .resolve import NetworkSource

Value = bool | int | float | str
#: figures that are known of every design before anything is measured
COSTS = tuple(name for name in METRICS if name != "accuracy" and not name.startswith("assumed_"))


@dataclass(frozen=True)
class Design:
    """One point of a space, resolved: it loads, it fits the data, and its keys are known."""

    axes: Mapping[str, Value]
    source: NetworkSource
    network: Network
    hardware: Hardware
    key: str
    accuracy_key: str


def fields_of(axes: Mapping[str, Value]) -> dict[str, Value]:
    """Single fields of axes that set several (`crossbar.rows+crossbar.cols`)."""
    return {field: value for axis, value in axes.items() for field in axis.split("+")}


class Space(BaseModel):
    """Every combination of the axes' values that its constraints allow.

    An axis is a dotted field of the chip (`adc.bits`, `adc.layer_bits.conv1`) or of the network
    (`network.time_steps`), several that move together (`crossbar.rows+crossbar.cols`), `network` or `chip` (bundled
    names or files), or a whole section of the chip (`device`), whose values are chips that it is taken from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="sweep", min_length=1)
    network: str | None = Field(default=None, description="network of every design, unless it is an axis")
    chip: str | None = Field(default=None, description="chip that every design starts from, unless it is an axis")
    set: dict[str, Value] = Field(default_factory=dict, description="fields that every design shares")
    axes: dict[str, Annotated[list[Value], Field(min_length=1)]] = Field(default_factory=dict)
    when: dict[str, str] = Field(
        default_factory=dict, description="condition under which an axis varies; elsewhere the chip keeps its value"
    )
    constraints: tuple[str, ...] = Field(
        default=(), description="conditions on fields and costs that designs must meet"
    )
    objectives: tuple[str, ...] = Field(default=("accuracy", "edap"), description="metrics of the front")
    data: str = "digits"
    split: str = "report"
    samples: Annotated[int, Field(ge=1)] | None = None
    chips: Annotated[int, Field(ge=1)] = 1
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def size(self) -> int:
        """Combinations in all, before conditions and constraints."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def fields(self) -> dict[str, str]:
        """Every field that an axis sets, and its axis."""
        return {field: axis for axis in self.axes for field in axis.split("+")}

    def conditions(self) -> dict[str, Condition]:
        """`when`, parsed: axis to its condition on other fields."""
        return {
            axis: parse(text, f"sweep {self.name!r}: when.{axis}", [f for f, own in self.fields.items() if own != axis])
            for axis, text in self.when.items()
        }

    def limits(self) -> tuple[Condition, ...]:
        """`constraints`, parsed."""
        known = [*self.fields, *COSTS]
        return tuple(
            parse(text, f"sweep {self.name!r}: constraints.{i}", known) for i, text in enumerate(self.constraints)
        )


#: what names a space: a bundled name, a YAML file, plain data, or itself
Source = str | Path | Mapping[str, Any] | Space


def sweeps() -> dict[str, Path]:
    """Bundled sweeps: name to YAML file."""
    return bundled(config_dir("sweeps"), ".yaml")


def load_space(source: Source) -> Space:
    """A space from a bundled name, a YAML file, or plain data; raises `ConfigError` with file and line."""
    if isinstance(source, Space):
        return source
    if isinstance(source, Mapping):
        return _validated(dict(source), "sweep", {})
    path = resolve(source, sweeps(), "sweep")
    data, lines = read_yaml(path)
    data.setdefault("name", path.stem)
    return _validated(data, str(path), lines)


def _validated(data: dict[str, Any], file: str, lines: Mapping[str, int]) -> Space:
    where = partial(_where, file, lines)
    if isinstance(data.get("axes"), Mapping):
        data["axes"], found = lowered(data["axes"], lambda axis: where(("axes", axis)))
        if found:
            data["when"] = dict(data.get("when") or {}) | found
    try:
        space = Space.model_validate(data)
    except ValidationError as error:
        problems = [explain_problem(Space, p, where(p["loc"])) for p in error.errors()]
        raise ConfigError("; ".join(problems)) from None
    _check_sources(space, file, lines)
    _check_axes(space, where)
    _check_conditions(space, where)
    return space


def _check_sources(space: Space, file: str, lines: Mapping[str, int]) -> None:
    """Network and chip stand once."""
    if space.chip is None and "chip" not in space.axes:
        raise ConfigError(f"{file}: chip: is missing")
    for name in ("network", "chip"):
        if (getattr(space, name) is None) == (name not in space.axes):
            line = f"{file}:{lines[name]}" if name in lines else file
            raise ConfigError(f"{line}: {name}: must stand once, by itself or as an axis")


def _check_axes(space: Space, where: Any) -> None:
    taken = dict.fromkeys(space.set, "set")
    for axis, values in space.axes.items():
        label = f"{where(('axes', axis))}: axes.{axis}"
        if len(set(map(repr, values))) != len(values):
            raise ConfigError(f"{label} = {values}: holds a value twice")
        for field in axis.split("+"):
            if field in taken:
                raise ConfigError(f"{label}: {field} stands in {taken[field]} too: one of them would do nothing")
            taken[field] = f"axes.{axis}"


def _check_conditions(space: Space, where: Any) -> None:
    """Conditions name what there is; an axis depends on axes before it, so that none waits for itself."""
    fields = space.fields
    for axis, text in space.when.items():
        place = ("when", axis) if where(("when", axis)) != where(()) else ("axes", axis)
        label = f"{where(place)}: when.{axis}"
        if axis not in space.axes:
            raise ConfigError(f"{label}: is not an axis{did_you_mean(axis, space.axes)}")
        known = [field for field, own in fields.items() if own != axis]
        order = list(space.axes)
        for name in parse(text, label, known).names:
            if order.index(fields[name]) > order.index(axis):
                raise ConfigError(f"{label} = {text!r}: {name} is a later axis: put it before {axis}")
    for index, text in enumerate(space.constraints):
        label = f"{where(('constraints', index))}: constraints"
        if "accuracy" in text:
            raise ConfigError(f"{label} = {text!r}: accuracy is measured, not known: ask for it of the finished study")
        parse(text, label, [*fields, *COSTS])
    _check_objectives(space, where(("objectives",)))


def _check_objectives(space: Space, where: str) -> None:
    given, known = space.objectives, ("accuracy", *COSTS)
    for name in given:
        if name not in known:
            raise ConfigError(f"{where}: objectives: {name!r}: unknown{did_you_mean(name, known)} ({', '.join(known)})")
    if "accuracy" not in given or len(given) < 2 or len(set(given)) < len(given):
        raise ConfigError(f"{where}: objectives = {list(given)}: must be accuracy and one or more costs, each once")


def _where(file: str, lines: Mapping[str, int], loc: tuple[Any, ...]) -> str:
    path = [str(part) for part in loc]
    while path and ".".join(path) not in lines:
        path.pop()
    return f"{file}:{lines['.'.join(path)]}" if path else file
