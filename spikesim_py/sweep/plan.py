"""How a space is searched: what a user says, and what it comes to in a space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..datasets import network_data
from ..errors import InputError, did_you_mean
from .candidates import costed, enumerate_space
from .fidelity import stage_samples
from .keys import arms
from .resolve import Protocol, Resolver
from .search import LISTED, Field, cost_names, needs_list
from .space import Space


@dataclass(frozen=True)
class Search:
    """How a space is searched.

    Attributes:
        method: `gp`, `nsga2`, `random`, `sobol`, `exhaustive` or `optuna`; `auto` is `gp` where all designs can be
            listed, else `nsga2`.
        budget: accuracies to measure.
        seed: of the method.
        split, samples: data to search on (all of the split if None); what is found is measured again on the space's.
        stages: shares of the samples after which a design may be dropped; None is a quarter, then all, for
            methods that propose blindly (exhaustive, random, sobol) on one device instance, else all at once.
    """

    method: str = "auto"
    budget: int = 100
    seed: int = 0
    split: str = "search"
    samples: int | None = None
    stages: tuple[float, ...] | None = None

    def protocol(self, space: Space) -> Protocol:
        """Other images than the report's, and other device instances: a search must not know what it is judged by."""
        if self.split == space.split:
            raise InputError(
                f"search split = {self.split!r}: is what the sweep reports on; what a search picks looks better there "
                f"than it is: search on another"
            )
        return Protocol(space.data, self.split, self.samples, space.chips, space.seed + 1)


def as_search(given: Search | Mapping[str, Any] | str | None) -> Search | None:
    """A search by its method's name, by its fields, or as it is; raises `InputError` for a field that is wrong."""
    if given is None or isinstance(given, Search):
        return given
    fields: dict[str, Any] = {"method": given} if isinstance(given, str) else dict(given)
    known = list(Search.__dataclass_fields__)
    for name in fields:
        if name not in known:
            raise InputError(f"search: {name}: unknown field{did_you_mean(name, known)} (fields: {', '.join(known)})")
    if fields.get("stages") is not None:
        fields["stages"] = tuple(fields["stages"])
        stage_samples(fields["stages"], 1)
    made = Search(**fields)
    if made.method != "auto":
        needs_list(made.method)
    for name, least in (("budget", 1), ("seed", 0)):
        value = getattr(made, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"search: {name} = {value!r}: must be a whole number, at least {least}")
    return made


def field_of(resolver: Resolver, search: Search) -> tuple[Field, str]:
    """Where to search, and the method that `auto` is there.

    Raises:
        InputError: the method cannot search there, a design is impossible, or the data that picks are to be measured
            on are not there.
    """
    space = resolver.space
    source, _, _ = resolver.parts({axis: values[0] for axis, values in space.axes.items()})
    network_data(resolver.network(source), space.data, space.split, space.samples)  # better known before than after
    small = space.size <= LISTED
    name = search.method if search.method != "auto" else ("gp" if small else "nsga2")
    if needs_list(name) and not small:
        raise InputError(f"search = {name!r}: lists at most {LISTED} designs; {space.size} are for 'nsga2'")
    metrics = tuple(cost_names(space))
    if not small:
        return Field(space, None, None, partial(costed, resolver, metrics=metrics)), name
    designs = enumerate_space(resolver, metrics=metrics)
    return Field(space, designs, arms(resolver, designs, search.protocol(space)), designs.among), name
