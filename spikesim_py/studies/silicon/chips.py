"""Fabricated chips and the conditions of their published numbers: `configs/silicon/`."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from ..._resources import bundled, config_dir
from ..._yaml import read_yaml
from ...errors import ConfigError
from ...hardware import Hardware, load_hardware
from ...network import Network, build

Scope = Literal["macro", "array_adc", "sram"]

#: components of a cost tree that published numbers cover; the rest of our chips (buffers, mesh, neurons) is no part of
#: a macro
SCOPES: dict[Scope, tuple[str, ...]] = {
    "macro": (
        "crossbar",
        "row_driver",
        "column_driver",
        "column_mux",
        "level_shifter",
        "adc",
        "shift_add",
        "input_shift_add",
        "accumulator",
    ),
    "array_adc": ("crossbar", "row_driver", "column_driver", "column_mux", "adc"),
    "sram": ("integer_mac", "weight_memory", "membrane_memory"),
}


@dataclass(frozen=True)
class Condition:
    """One condition of a chip's published numbers.

    Attributes:
        taps, inputs, outputs, weight_bits, input_bits: the matrix that is read once; planes are read one after another.
        activity: share of ones in the inputs. supply_v: None where none is published.
        operations: that the publication counts for one read of one macro. membrane_bits: of spiking SRAM macros.
        cycle_ns: published times of one read, one per source.
    """

    name: str
    inputs: int
    outputs: int
    weight_bits: int
    taps: int = 1
    input_bits: int = 1
    activity: float = 0.5
    supply_v: float | None = None
    operations: float | None = None
    membrane_bits: int | None = None
    cycle_ns: tuple[float, ...] = ()

    @property
    def counted(self) -> float:
        """Operations of one read: 2 for each multiply-accumulate unless the chip counts otherwise."""
        macs = self.taps * self.inputs * self.outputs
        return 2.0 * macs if self.operations is None else self.operations

    def network(self) -> Network:
        """One layer that reads the matrix once; its units are those of a spiking SRAM macro."""
        kind = {"op": "linear", "in_features": self.inputs, "out_features": self.outputs}
        if self.taps > 1:
            kind = {"op": "conv", "in_channels": self.inputs, "out_channels": self.outputs, "kernel": [1, self.taps]}
        coding: dict[str, Any] = {"coding": "events", "encoder": "every_step"} if self.input_bits == 1 else {}
        nodes: list[dict[str, Any]] = [
            {"name": "array", "inputs": ["input"], "weight_bits": self.weight_bits, **kind},
            {"op": "readout", "name": "out", "inputs": ["array"], "mode": "accumulate"},
        ]
        if self.membrane_bits:
            units = {"op": "lif", "name": "units", "inputs": ["array"], "reset": "subtract"}
            nodes[1:1] = [units | {"leak": {"multiplier": 1, "shift": 0}, "membrane_bits": self.membrane_bits}]
            nodes[-1]["inputs"] = ["units"]
        shape = [self.inputs, 1, self.taps]
        return build(
            {
                "name": "read",
                "arithmetic": "shape",
                "time_steps": 1,
                "input": {"shape": shape, "bits": self.input_bits, **coding},
                "nodes": nodes,
            },
            {},
        )


@dataclass(frozen=True)
class Chip:
    """A fabricated chip: its configuration, and what is needed to compare it with what is published.

    Attributes:
        node_nm: its own; `hardware` has a fitted one. macros: that work side by side. op: what is counted.
        spiking: whether it is a chip for spiking networks. scope: see `SCOPES`.
    """

    name: str
    hardware: Hardware
    node_nm: float
    conditions: tuple[Condition, ...]
    macros: int = 1
    scope: Scope = "macro"
    spiking: bool = False
    op: str = "an addition or a multiplication"

    @property
    def digital(self) -> bool:
        """Whether it has no converters."""
        return self.hardware.digital_crossbar


def chips() -> dict[str, Chip]:
    """Every chip, in the order of `conditions.yaml`; raises `ConfigError` where chips and conditions do not match."""
    folder = config_dir("silicon")
    path, files = folder / "conditions.yaml", bundled(folder / "chips", ".yaml")
    data, lines = read_yaml(path)
    if missing := set(data) ^ set(files):
        raise ConfigError(f"{path}: chips without a file or without conditions: {', '.join(sorted(missing))}")
    found = {}
    for name, entry in data.items():
        try:
            found[name] = _chip(name, load_hardware(files[name]), dict(entry))
        except (TypeError, KeyError) as error:
            raise ConfigError(f"{path}:{lines[name]}: {name}: {error}") from None
    return found


def measured() -> dict[tuple[str, str, str], float]:
    """(chip, condition, metric) of the development chips to what was measured."""
    with (config_dir("silicon") / "measured.csv").open(encoding="utf-8", newline="") as stream:
        return {(row["chip"], row["condition"], row["metric"]): float(row["value"]) for row in csv.DictReader(stream)}


def _chip(name: str, hardware: Hardware, entry: dict[str, Any]) -> Chip:
    if entry.get("scope", "macro") not in get_args(Scope):
        raise KeyError(f"scope = {entry['scope']!r}: must be one of {', '.join(get_args(Scope))}")
    base = Condition("", **entry.pop("layer"))
    conditions = tuple(_condition(base, label, own) for label, own in entry.pop("conditions").items())
    return Chip(name, hardware, conditions=conditions, **entry)


def _condition(base: Condition, name: str, own: dict[str, Any]) -> Condition:
    return replace(base, name=name, **own | {"cycle_ns": tuple(own.get("cycle_ns", ()))})
