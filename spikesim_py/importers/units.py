"""A unit of a graph as the fields and arrays of a network's `Lif` or `Li`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .graph import Unit, Values

#: fields that are numbers in the description, and arrays where channels differ
_NUMBERS = ("v_leak", "v_init")


def lowered_unit(
    unit: Unit, parameter: Callable[[str, Values], Values], error: Callable[[str], Exception]
) -> tuple[dict[str, Any], dict[str, Values]]:
    """Fields (with `op`) and arrays of the node; `parameter` makes an array fit the node's shape.

    Thresholds are positive in a network: where they are not, membranes are counted from another zero.
    """
    fields: dict[str, Any] = {"op": "li" if unit.theta is None else "lif"}
    arrays: dict[str, Values] = {}
    factor = _factor(parameter("decay", unit.factor), "decay", error)
    _place(fields, arrays, "leak", factor)
    if unit.synapse is not None:
        decay = _factor(parameter("synapse decay", unit.synapse.factor), "synapse decay", error)
        synapse: dict[str, Any] = {"order": unit.synapse.order, "reads": unit.synapse.reads}
        synapse["resets"] = unit.synapse.resets and unit.reset == "zero"
        _place(synapse, arrays, "leak", decay, "synapse")
        fields["synapse"] = synapse
    values = {name: parameter(name, getattr(unit, name)) for name in _NUMBERS}
    if unit.v_min is not None:
        values["v_min"] = parameter("v_min", unit.v_min)
    if unit.theta is not None:
        theta = parameter("threshold", unit.theta)
        if unit.reset == "zero":
            values["v_reset"] = parameter("v_reset", unit.v_reset)
        theta, values = _counted_from_below(unit, theta, values, error)
        arrays["theta"] = theta
        fields |= {
            "reset": unit.reset,
            "reset_delay": unit.reset_delay and unit.reset != "none",
            "strict": unit.strict,
            "max_spikes": unit.max_spikes,
            "refractory": unit.refractory,
        }
    for name, value in values.items():
        if value.ndim:
            arrays[name] = value
        elif value or name == "v_min":
            fields[name] = float(value)
    return fields, arrays


def _factor(values: Values, name: str, error: Callable[[str], Exception]) -> Values:
    if not ((values >= 0) & (values <= 1)).all():
        worst = float(values.min() if values.min() < 0 else values.max())
        raise error(
            f"{name} = {worst:g} per time-step: must be from 0 to 1; a time constant below one time-step needs "
            f"a smaller dt, or decay = exponential"
        )
    return values


def _place(fields: dict[str, Any], arrays: dict[str, Values], key: str, factor: Values, array: str = "leak") -> None:
    """A decay as the description's number, or as an array."""
    if factor.ndim:
        arrays[array] = factor
    else:
        fields[key] = {"multiplier": float(np.float32(factor))}


def _counted_from_below(
    unit: Unit, theta: Values, values: dict[str, Values], error: Callable[[str], Exception]
) -> tuple[Values, dict[str, Values]]:
    if theta.min() > 0:
        return theta, values
    if unit.reset == "subtract" or unit.max_spikes > 1:
        raise error(f"threshold = {theta.min():g}: must be positive where spikes subtract it")
    below = values["v_reset"] if unit.reset == "zero" else theta.min() - 1
    if (theta - below).min() <= 0:
        raise error(f"threshold = {theta.min():g}: must exceed v_reset = {float(np.max(below)):g}")
    return theta - below, {name: value - below for name, value in values.items()}
