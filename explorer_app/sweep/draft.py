"""What a user has put together: a space as plain data, and the way through it; also as an address holds both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spikesim_py.datasets.request import parse as data_options
from spikesim_py.errors import InputError, SpikesimError, did_you_mean
from spikesim_py.hardware import Control, presets
from spikesim_py.network.files import workloads, zoo
from spikesim_py.sweep import Space, load_space, sweeps
from spikesim_py.sweep.axes import lowered

from ..reader import Reader

#: where the page starts without a study
FIRST = "quickstart"
#: way through a space -> what it is called; the first evaluates every design, the others search
METHODS = {
    "every": "every design",
    "gp": "search: Gaussian process",
    "nsga2": "search: NSGA-II",
    "sobol": "search: evenly spread",
    "random": "search: at random",
}
#: combinations above which a page does not list every design
MOST = 20_000
#: fields of a space that are not axes
PLAIN = ("name", "data", "split", "samples", "chips", "seed")
_RANGE = re.compile(r"(?P<from>[^\s.]\S*?)\.\.(?P<to>\S+)(?:\s+(?P<form>step|x|log)\s*(?P<size>\S+))?")
_FORMS = {"step": "step", "x": "factor", "log": "log"}


@dataclass(frozen=True)
class Draft:
    """A space as a user writes it, and how it is gone through.

    Attributes:
        space: plain data for `load_space`.
        method: of `METHODS`. budget, seed: of a search. workers: processes, None for one per core.
    """

    space: Mapping[str, Any]
    method: str = "every"
    budget: int = 50
    seed: int = 0
    workers: int | None = None

    @property
    def search(self) -> dict[str, Any] | None:
        """For `dry_run` and `launch`."""
        if self.method == "every":
            return None
        return {"method": self.method, "budget": self.budget, "seed": self.seed}

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def plan(self, own: Iterable[str]) -> Space:
        """The space, checked.

        Args:
            own: networks and chips, besides bundled ones, that the study has already.

        Raises:
            InputError: something in it cannot be; a file that the study does not know (a page opens no files by
                name); more combinations than a page lists.
        """
        plan = load_space(dict(self.space))
        _check_data(plan.data)
        _check_sources(plan, {*zoo(), *workloads(), *presets(), *own})
        if self.method == "every" and plan.size > MOST:
            raise InputError(
                f"{plan.size:,} combinations: a page lists at most {MOST:,}; let a search choose among them, or "
                f"`spikesim sweep` it from the command line"
            )
        return plan


def _check_data(data: str) -> None:
    if data_options(data).folder is not None:
        raise InputError(f"data = {data!r}: names a folder; folders are swept from the command line")


def _check_sources(plan: Space, known: set[str]) -> None:
    given = [(name, value) for name, value in (("network", plan.network), ("chip", plan.chip)) if value]
    fields = [(name, values) for name, values in plan.axes.items()] + [(n, [v]) for n, v in plan.set.items()]
    given += [(name, str(value)) for name, values in fields if "." not in name for value in values]
    for name, value in given:
        if value not in known:
            raise InputError(
                f"{name} = {value!r}: is neither bundled nor of this study{did_you_mean(value, known)}; "
                f"files are swept from the command line"
            )


def from_space(plan: Space, **way: Any) -> Draft:
    """A draft of a space: shared fields are axes of one value."""
    data = plan.model_dump(mode="json", exclude_defaults=True)
    data["axes"] = {name: [value] for name, value in data.pop("set", {}).items()} | dict(data.get("axes", {}))
    return Draft(data, **way)


def from_spec(spec: Mapping[str, Any]) -> Draft:
    """What a job was asked for."""
    search = spec.get("search") or {}
    way = {"method": search.get("method", "every"), "workers": spec.get("workers")}
    way["method"] = {"auto": "gp", "exhaustive": "every"}.get(way["method"], way["method"])
    way |= {name: search[name] for name in ("budget", "seed") if name in search}
    return from_space(load_space(dict(spec["space"])), **way)


def bundled(name: str) -> Draft:
    """A space that comes with the package; a large one is searched."""
    plan = load_space(name)
    return from_space(plan, method="gp" if plan.size > 1000 else "every")


def from_address(text: str) -> Draft:
    """A draft as `show_address` wrote it; raises ValueError or TypeError for anything that controls cannot hold."""
    draft = Draft(**json.loads(text))
    space = dict(draft.space)
    groups = [space.pop(name, {}) for name in ("axes", "set", "when")]
    lists = [space.pop(name, []) for name in ("constraints", "objectives")]
    single = [*space.values(), draft.method, draft.budget, draft.seed, draft.workers]
    shaped = all(isinstance(group, dict) for group in groups) and all(isinstance(found, list) for found in lists)
    if not shaped or not all(isinstance(value, str | int | None) for value in single):
        raise ValueError("is no draft")
    if draft.method not in METHODS or not all(isinstance(values, list) for values in groups[0].values()):
        raise ValueError("is no draft")
    return draft


def first(reader: Reader, asked: Mapping[str, Any]) -> Draft:
    """What an address asks for, else the study's newest sweep, else a small one that is bundled."""
    try:
        if "draft" in asked:
            return from_address(asked["draft"])
        if asked.get("from") in sweeps():
            return bundled(asked["from"])
        jobs = [job for job in reader.jobs() if job.kind == "sweep"]
        return from_spec(jobs[-1].spec) if jobs else bundled(FIRST)
    except (SpikesimError, ValueError, TypeError, KeyError):
        return bundled(FIRST)


@dataclass(frozen=True)
class Filled:
    """What the controls of the page say.

    Attributes:
        sources: `network` and `chip` to the chosen ones. axes: axis to its texts. when: axis to its condition.
        plain: the other fields of a space.
    """

    sources: Mapping[str, Sequence[str]]
    axes: Mapping[str, Sequence[str]]
    when: Mapping[str, str]
    constraints: Sequence[str]
    objectives: Sequence[str]
    plain: Mapping[str, Any] = field(default_factory=dict)

    def space(self, known: Mapping[str, Control]) -> dict[str, Any]:
        """The space as plain data: what has one value stands beside the axes.

        Raises `InputError` for an axis or a range that has no values.
        """
        made: dict[str, Any] = {"axes": {}, "set": {}}
        for name, chosen in self.sources.items():
            if len(chosen) == 1:
                made[name] = chosen[0]
            elif chosen:
                made["axes"][name] = list(chosen)
        when = {name: text for name, text in self.when.items() if text}
        for axis, texts in self.axes.items():
            values = list(dict.fromkeys(v for text in texts for v in values_of(axis, text, known)))
            if not values:
                raise InputError(f"axes.{axis}: has no value yet: give it some, or take it away")
            if len(values) == 1 and axis not in when:
                made["set"] |= dict.fromkeys(axis.split("+"), values[0])
            else:
                made["axes"][axis] = values
        made |= {"when": when, "constraints": list(self.constraints), "objectives": ["accuracy", *self.objectives]}
        made |= {name: self.plain[name] for name in PLAIN if self.plain.get(name) not in (None, "")}
        return {name: value for name, value in made.items() if value not in ({}, [])}


def values_of(axis: str, text: str, known: Mapping[str, Control]) -> list[Any]:
    """The values that a text stands for: one, or a range such as `3..8`, `32..256 x2`, `1e3..1e5 log 5`."""
    control = known.get(axis.partition("+")[0])
    found = _RANGE.fullmatch(text.strip())
    if not found or (control is not None and control.kind in ("choice", "flag") and not control.numeric):
        return [_value(text.strip(), control)]
    form, size = _FORMS[found["form"] or "step"], found["size"] or "1"
    given = {"from": _value(found["from"], None), "to": _value(found["to"], None), form: _value(size, None)}
    return list(lowered({axis: given}, lambda _: "space")[0][axis])


def _value(text: str, control: Control | None) -> Any:
    if control is not None and control.kind == "flag" and text in ("true", "false"):
        return text == "true"
    if control is not None and control.kind == "choice" and not control.numeric:
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def shown(value: Any) -> str:
    """A value as a control holds it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
