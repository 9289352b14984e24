"""Ways to search a space, behind one interface: ask for designs, tell their accuracies."""

from __future__ import annotations

from ...errors import InputError, did_you_mean
from .exhaustive import Exhaustive
from .gp import Gp
from .method import Field, Listed, Method, Point, Told, cost_names, losses
from .nsga2 import Nsga2
from .randomly import Random
from .sobol import Sobol
from .with_optuna import Optuna

METHODS: dict[str, type[Method]] = {
    "exhaustive": Exhaustive,
    "random": Random,
    "sobol": Sobol,
    "gp": Gp,
    "nsga2": Nsga2,
    "optuna": Optuna,
}
#: those that learn nothing from what they are told
BLIND = ("exhaustive", "random", "sobol")
#: combinations of a space that are still listed one by one
LISTED = 10_000_000


def needs_list(name: str) -> bool:
    """Whether a method proposes from the list of all designs; raises `InputError` for an unknown one."""
    if name not in METHODS:
        raise InputError(f"search = {name!r}: unknown{did_you_mean(name, METHODS)} (known: {', '.join(METHODS)})")
    return issubclass(METHODS[name], Listed)


def method(name: str, field: Field, seed: int) -> Method:
    """A way to search a field, by its name."""
    make = METHODS[name]
    return make(field, seed)


__all__ = [
    "BLIND",
    "LISTED",
    "METHODS",
    "Field",
    "Method",
    "Point",
    "Told",
    "cost_names",
    "losses",
    "method",
    "needs_list",
]
