"""A design space: networks and chip fields as axes, and how each design is measured."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .._resources import bundled, config_dir, resolve
from .._validation import explain_problem
from .._yaml import read_yaml
from ..datasets import network_data
from ..errors import ConfigError, InputError, SpikesimError
from ..evaluate import accuracy_key, check_fits, design_key
from ..hardware import Hardware, load_hardware
from ..importers import load_network
from ..network import Network

Value = bool | int | float | str


class Space(BaseModel):
    """A full factorial over `axes`.

    An axis is a dotted chip field, several that move together (`crossbar.rows+crossbar.cols`), or `network`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="sweep", min_length=1)
    network: str | None = Field(default=None, description="network of every design, unless it is an axis")
    chip: str = Field(description="chip that every design starts from")
    set: dict[str, Value] = Field(default_factory=dict, description="chip fields that every design shares")
    axes: dict[str, Annotated[list[Value], Field(min_length=1)]] = Field(default_factory=dict)
    data: str = "digits"
    split: str = "report"
    samples: Annotated[int, Field(ge=1)] | None = None
    chips: Annotated[int, Field(ge=1)] = 1
    seed: Annotated[int, Field(ge=0)] = 0


#: what names a space: a bundled name, a YAML file, plain data, or itself
Source = str | Path | Mapping[str, Any] | Space


@dataclass(frozen=True)
class Design:
    """One point of a space, resolved: it loads, it fits the data, and its keys are known."""

    axes: Mapping[str, Value]
    source: str
    network: Network
    hardware: Hardware
    key: str
    accuracy_key: str


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
    try:
        space = Space.model_validate(data)
    except ValidationError as error:
        problems = [explain_problem(Space, p, _where(file, lines, p["loc"])) for p in error.errors()]
        raise ConfigError("; ".join(problems)) from None
    if (space.network is None) == ("network" not in space.axes):
        line = f"{file}:{lines['network']}" if "network" in lines else file
        raise ConfigError(f"{line}: network: must stand once, by itself or as an axis")
    taken = dict.fromkeys(space.set, "set")
    for axis, values in space.axes.items():
        where = f"{_where(file, lines, ('axes', axis))}: axes.{axis}"
        if len(set(map(repr, values))) != len(values):
            raise ConfigError(f"{where} = {values}: holds a value twice")
        for field in axis.split("+"):
            if field in taken:
                raise ConfigError(f"{where}: {field} stands in {taken[field]} too: one of them would do nothing")
            taken[field] = f"axes.{axis}"
    return space


def _where(file: str, lines: Mapping[str, int], loc: tuple[Any, ...]) -> str:
    path = [str(part) for part in loc]
    while path and ".".join(path) not in lines:
        path.pop()
    return f"{file}:{lines['.'.join(path)]}" if path else file


def designs(space: Space) -> list[Design]:
    """Every design of a space, in the order of its axes, the last axis fastest.

    Raises:
        InputError: a design is impossible; the message names it. Nothing has run then.
    """
    load = cache(load_network)  # one object per network: its file is read, and its digest taken, once
    chip = load_hardware(space.chip)
    combinations = itertools.product(*space.axes.values())
    return [_resolve(space, dict(zip(space.axes, values, strict=True)), chip, load) for values in combinations]


def _resolve(space: Space, axes: dict[str, Value], chip: Hardware, load: Callable[[str], Network]) -> Design:
    source = str(axes.get("network", space.network))
    overrides = dict(space.set)
    for axis, value in axes.items():
        if axis != "network":
            overrides |= dict.fromkeys(axis.split("+"), value)
    try:
        network, hardware = load(source), load_hardware(chip, overrides)
        dataset = network_data(network, space.data, space.split, space.samples)
        samples = check_fits(network, dataset)
        key = accuracy_key(
            network,
            hardware,
            data=dataset.key,
            split=space.split,
            samples=samples,
            chips=space.chips,
            seed=space.seed,
        )
    except SpikesimError as error:
        shown = ", ".join(f"{name} = {value}" for name, value in axes.items())
        raise InputError(f"sweep {space.name!r}: design ({shown}): {error}") from None
    return Design(axes, source, network, hardware, design_key(network, hardware, key), key)
