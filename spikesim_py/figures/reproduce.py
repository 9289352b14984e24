"""From a stored report back to the command that makes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from ..errors import InputError
from ..hardware import hardware_fields, load_hardware, presets
from ..sweep import Space, sweeps

Report = Mapping[str, Any]


def flat_configuration(report: Report) -> dict[str, Any]:
    """Every hardware field of a report: dotted name to value."""
    flat = {}
    for key, _ in hardware_fields():
        part: Any = report["hardware"]
        for name in key.split("."):
            part = part.get(name) if isinstance(part, Mapping) else None
        flat[key] = part
    return flat


def overrides(report: Report) -> dict[str, Any] | None:
    """What the report's chip changes of the bundled chip of its name; None if there is no such chip."""
    base = _bundled(report["chip"])
    return base and {key: value for key, value in flat_configuration(report).items() if value != base[key]}


@cache
def _bundled(chip: str) -> dict[str, Any] | None:
    """The fields of a bundled chip; None if there is none of that name."""
    try:
        return (
            flat_configuration({"hardware": load_hardware(chip).model_dump(mode="json")}) if chip in presets() else None
        )
    except InputError:
        return None


def command(report: Report) -> str:
    """The command line that evaluates this design again.

    A chip that is not bundled is named as the file `chip.yaml`, which holds `configuration_yaml`.
    """
    changed = overrides(report)
    chip = "chip.yaml" if changed is None else report["chip"]
    words = ["spikesim", "evaluate" if report["accuracy"] else "cost", report["network"], chip]
    for key, value in (changed or {}).items():
        words += ["--set", f"{key}={_scalar(value)}"]
    return shlex.join(words + _measurement(report))


def _measurement(report: Report) -> list[str]:
    accuracy, activity = report["accuracy"], report["activity"]
    if accuracy:
        words = ["--data", accuracy["data"].partition("/")[0], "--samples", str(accuracy["samples"])]
        words += ["--chips", str(len(accuracy["chips"]))]
        return [*words, "--seed", str(accuracy["seed"])] if "seed" in accuracy else words
    rates = {record["rate"] for record in activity["layers"].values()}
    return ["--activity", repr(rates.pop())] if activity["origin"] == "given" and len(rates) == 1 else []


def configuration_yaml(report: Report) -> str:
    """The whole chip as a YAML file that `load_hardware` reads."""
    return str(yaml.safe_dump(report["hardware"], sort_keys=False, allow_unicode=True, width=100))


def sweep_command(space: Space) -> str:
    """The command line that makes a study again; a sweep that is not bundled is named as the file of `sweep_yaml`."""
    name = space.name if space.name in sweeps() else f"{space.name}.yaml"
    return shlex.join(["spikesim", "sweep", name, "--store", f"runs/{space.name}.db"])


def sweep_yaml(space: Space) -> str:
    """The sweep as a YAML file that `load_space` reads."""
    data = space.model_dump(mode="json", exclude_none=True)
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100))


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
