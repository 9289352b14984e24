"""Values of an axis: a list, a range, or a log range, with a condition if it has one.

::

    adc.bits: [4, 5, 6]                                      # a list
    crossbar.rows: {from: 32, to: 256, factor: 2}            # 32, 64, 128, 256
    adc.bits: {from: 3, to: 8, step: 1}                      # 3 to 8
    device.r_on_ohm: {from: 1.0e3, to: 1.0e5, log: 5}        # 5 values, evenly spaced in the logarithm
    device.on_off_ratio: {values: [10, 100], when: device.kind == 'rram'}

Whole ends give whole values (of a `step`: if that is whole, too).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ConfigError, did_you_mean

#: values of one axis
LARGEST = 100_000
_FORMS = ("step", "factor", "log")
_KEYS = ("values", "from", "to", *_FORMS, "when")


def lowered(axes: Mapping[str, Any], where: Callable[[str], str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Axes as lists of values, and the conditions of those that have one.

    Args:
        axes: as a user writes them; lists pass through unchecked.
        where: axis to the file and line that an error names.

    Raises:
        ConfigError: a range that has no values, or too many, or is written wrong.
    """
    lists: dict[str, Any] = {}
    conditions: dict[str, str] = {}
    for name, given in axes.items():
        lists[name] = given
        if isinstance(given, Mapping):
            label = f"{where(name)}: axes.{name}"
            lists[name] = _values(given, label)
            if "when" in given:
                conditions[name] = str(given["when"])
    return lists, conditions


def _values(given: Mapping[str, Any], label: str) -> Any:
    for key in given:
        if key not in _KEYS:
            raise ConfigError(f"{label}.{key}: unknown key{did_you_mean(str(key), _KEYS)} (known: {', '.join(_KEYS)})")
    bounds = [key for key in given if key not in ("values", "when")]
    if "values" in given:
        if bounds:
            raise ConfigError(f"{label}: has values, and {', '.join(bounds)} too: one of them would do nothing")
        return given["values"]
    forms = [key for key in _FORMS if key in given]
    if len(forms) != 1 or "from" not in given or "to" not in given:
        raise ConfigError(f"{label}: needs values, or from, to and one of {', '.join(_FORMS)}")
    low, high, size = (_number(given[key], f"{label}.{key}") for key in ("from", "to", forms[0]))
    made = {"step": _stepped, "factor": _multiplied, "log": _spaced}[forms[0]](low, high, size, label)
    whole = isinstance(given["from"], int) and isinstance(given["to"], int)
    if not whole or (forms[0] == "step" and not isinstance(size, int)):
        return made
    return list(dict.fromkeys(round(value) for value in made))


def _number(value: Any, label: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        hint = " (YAML reads 1e3 as text: write 1.0e+3)" if isinstance(value, str) else ""
        raise ConfigError(f"{label} = {value!r}: must be a number{hint}")
    return value


def _stepped(low: float, high: float, step: float, label: str) -> list[float]:
    if step <= 0 or high < low:
        raise ConfigError(f"{label}: from = {low:g}, to = {high:g}, step = {step:g}: needs from <= to and step > 0")
    count = _counted(math.floor((high - low) / step * (1 + 1e-12) + 1e-9) + 1, label)
    return [low + i * step for i in range(count)]


def _multiplied(low: float, high: float, factor: float, label: str) -> list[float]:
    if factor <= 1 or not 0 < low <= high:
        raise ConfigError(
            f"{label}: from = {low:g}, to = {high:g}, factor = {factor:g}: needs 0 < from <= to and factor > 1"
        )
    count = _counted(math.floor(math.log(high / low, factor) + 1e-9) + 1, label)
    return [low * factor**i for i in range(count)]


def _spaced(low: float, high: float, count: float, label: str) -> list[float]:
    if not 0 < low < high or count < 2 or count != int(count):
        raise ConfigError(
            f"{label}: from = {low:g}, to = {high:g}, log = {count:g}: needs 0 < from < to and a whole log >= 2"
        )
    return [float(value) for value in np.geomspace(low, high, _counted(int(count), label))]


def _counted(count: int, label: str) -> int:
    if count > LARGEST:
        raise ConfigError(f"{label}: has {count} values: at most {LARGEST}")
    return count
