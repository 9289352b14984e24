"""What other installed packages add: devices, converters, weight quantizers and losses, found by entry points.

A package offers a name in one of `GROUPS`; from then on that name stands beside the built-in ones. Only names of
installed distributions count: a YAML file picks a name and can never say which code to load. Listing names reads
metadata only; code is loaded when a name is first used. A plugin's version and the hash of its file are part of every
key that its numbers depend on (`Plugin.identity`).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Any, Generic, TypeVar

from .errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """One kind of plugin: what it is called, and the class that an entry point is an instance or a subclass of."""

    what: str
    base: str
    subclass: bool = False


GROUPS: Mapping[str, Group] = {
    "spikesim_py.devices": Group("device", "spikesim_py.extending:DeviceModel"),
    "spikesim_py.adcs": Group("converter", "spikesim_py.extending:AdcModel"),
    "training.quantizers": Group("weight quantizer", "training.quantizers.base:WeightQuantizer", subclass=True),
    "training.losses": Group("loss", "training.terms.term:Term", subclass=True),
}


@dataclass(frozen=True)
class Plugin:
    """One name that an installed distribution offers."""

    entry: EntryPoint
    distribution: str
    version: str

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def origin(self) -> str:
        """Whose it is, for messages."""
        return f"{self.distribution} {self.version} (entry point {self.entry.group}: {self.name} = {self.entry.value})"

    def load(self) -> Any:
        """The object itself, once loaded.

        Raises:
            ConfigError: its module fails, or it is not what the group asks for; names distribution and entry point.
        """
        return _loaded(self)[0]

    @property
    def identity(self) -> dict[str, str]:
        """What its numbers depend on, for keys: distribution, version, and a hash of its file as loaded."""
        return {
            "group": self.entry.group,
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "sha256": _loaded(self)[1],
        }


@cache
def _loaded(plugin: Plugin) -> tuple[Any, str]:
    """The object, and the hash of its file."""
    group = GROUPS[plugin.entry.group]
    module, _, attribute = group.base.partition(":")
    base = getattr(import_module(module), attribute)
    try:
        made = plugin.entry.load()
        found = _file_hash(plugin.entry.module)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ConfigError(f"{group.what} {plugin.name!r} of {plugin.origin} cannot be loaded: {why}") from error
    fits = isinstance(made, type) and issubclass(made, base) if group.subclass else isinstance(made, base)
    if not fits:
        wanted = f"a subclass of {attribute}" if group.subclass else f"an instance of {attribute}"
        shown = " ".join(repr(made).split())
        raise ConfigError(f"{group.what} {plugin.name!r} of {plugin.origin} is {shown}: must be {wanted}")
    return made, found


def _file_hash(module: str) -> str:
    """Of the file of a loaded module, in a folder or in an archive."""
    spec = sys.modules[module].__spec__
    read = getattr(spec and spec.loader, "get_data", None)
    return hashlib.sha256(read(spec.origin)).hexdigest() if spec and spec.has_location and read else ""


@cache
def _offered() -> Mapping[str, Mapping[str, tuple[Plugin, ...]]]:
    """Group to name to all who offer it. Of a distribution that is installed twice the first on the path counts."""
    found: dict[str, dict[str, tuple[Plugin, ...]]] = {group: {} for group in GROUPS}
    seen = set[str]()
    here = os.path.realpath(".")  # the working folder may be a stranger's: it is not an installation
    for distribution in distributions(path=[place for place in sys.path if os.path.realpath(place) != here]):
        name = distribution.metadata["Name"] or "?"
        normal = re.sub(r"[-_.]+", "-", name).lower()
        if normal in seen:
            continue
        seen.add(normal)
        try:
            entries = distribution.entry_points
        except (TypeError, ValueError):  # whose file of them is damaged offers nothing
            continue
        for entry in entries:
            if entry.group in found:
                plugin = Plugin(entry, name, distribution.version)
                mine = found[entry.group]
                mine[entry.name] = (*mine.get(entry.name, ()), plugin)
    return found


def find(group: str, name: str, builtin: Collection[str] = ()) -> Plugin | None:
    """The plugin of a name; None where no package offers it.

    Raises:
        ConfigError: two packages offer it, or one offers a name that is built in.
    """
    offers = _offered()[group].get(name, ())
    if problem := _clash(group, name, offers, builtin):
        raise ConfigError(problem)
    return offers[0] if offers else None


def _clash(group: str, name: str, offers: tuple[Plugin, ...], builtin: Collection[str]) -> str:
    what, owners = GROUPS[group].what, " and ".join(plugin.origin for plugin in offers)
    if offers and name in builtin:
        return f"{what} {name!r} is built in, and {owners} offers another: rename that one or uninstall it"
    if len(offers) > 1:
        return f"{what} {name!r} is offered by {owners}: uninstall one of them"
    return ""


def names(group: str, builtin: Collection[str] = ()) -> tuple[str, ...]:
    """Every name that can be used: the built-in ones, then plugins in alphabetical order. Loads nothing."""
    return (*builtin, *sorted(n for n, offers in _offered()[group].items() if len(offers) == 1 and n not in builtin))


def installed() -> tuple[str, ...]:
    """Every plugin with its package and version; loads nothing."""
    found = [plugin for by_name in _offered().values() for offers in by_name.values() for plugin in offers]
    return tuple(sorted(plugin.origin for plugin in found))


def everything() -> Iterator[tuple[str, Plugin, str]]:
    """Every plugin as (what it is, plugin, what is wrong with it or an empty string); loads them all."""
    for group, offers_by_name in _offered().items():
        for name, offers in sorted(offers_by_name.items()):
            problem = _clash(group, name, offers, _builtin(group))
            for plugin in offers:
                yield GROUPS[group].what, plugin, problem or _failure(plugin)


def _failure(plugin: Plugin) -> str:
    try:
        plugin.load()
    except ConfigError as error:
        return str(error)
    return ""


def _builtin(group: str) -> Collection[str]:
    """Built-in names of a group, where its room says them."""
    from .hardware import AdcKind, DeviceKind

    kinds: dict[str, type[Kind]] = {kind.group(): kind for kind in (DeviceKind, AdcKind)}
    if group in kinds:
        return tuple(kinds[group].__members__.values())
    from training.quantizers import WEIGHTS
    from training.terms import Losses

    return WEIGHTS.builtin if group == WEIGHTS.group else tuple(Losses.model_fields)


class Registry(Mapping[str, T], Generic[T]):
    """Built-in objects by name, with those of plugins behind them; a plugin's is loaded when it is asked for."""

    def __init__(self, group: str, builtin: Mapping[str, T]) -> None:
        self.group, self.builtin = group, builtin

    def __getitem__(self, name: str) -> T:
        plugin = find(self.group, name, self.builtin)
        made: T = self.builtin[name] if plugin is None else plugin.load()
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(names(self.group, self.builtin))

    def __len__(self) -> int:
        return len(names(self.group, self.builtin))

    def __contains__(self, name: object) -> bool:
        return name in names(self.group, self.builtin)


class Kind(StrEnum):
    """An enumeration that plugins add members to. Iteration has the built-in ones; `names` has all."""

    @classmethod
    def group(cls) -> str:
        """The entry points that add to it."""
        raise NotImplementedError

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Every value that can be used."""
        return names(cls.group(), tuple(member.value for member in cls))

    @classmethod
    def parse(cls, value: Any) -> Any:
        """A member from its name, for pydantic.

        Raises:
            ValueError: there is none (lists all names), or it cannot be loaded.
        """
        if isinstance(value, str):
            plugin = find(cls.group(), value, tuple(cls.__members__.values()))
            if plugin is not None:
                plugin.load()  # what is wrong with it is wrong here, and not where it is first used
            if plugin is not None or value in cls.__members__.values():
                return cls(value)
        *most, last = map(repr, cls.names())
        raise ValueError(f"input should be {', '.join(most)} or {last}")

    @classmethod
    def _missing_(cls, value: object) -> Kind | None:
        if not isinstance(value, str) or find(cls.group(), value) is None:
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        known = cls._value2member_map_.setdefault(value, member)
        assert isinstance(known, Kind)
        return known

    @property
    def plugin(self) -> Plugin | None:
        """Whose it is; None where it is built in."""
        return None if type(self).__members__.get(self.name) is self else find(self.group(), self.value)

    @property
    def model(self) -> Any:
        """The plugin's object; None where it is built in."""
        plugin = self.plugin
        return None if plugin is None else plugin.load()
