"""What `spikesim describe` prints and writes: a network's nodes; a chip's fields, and the constants of its cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from ..._files import write_atomic
from ...cost.sources import constants
from ...hardware import Hardware, hardware_fields, load_hardware
from ...importers import load_network


def describe_network(name: str, chip: str | None) -> None:
    """A network's nodes and, if asked, its mapping on a chip."""
    network = load_network(name)
    print(network.describe())
    if chip is not None:
        from ...mapping import map_network

        print()
        print(map_network(network, load_hardware(chip)).describe())


def describe_chip(name: str, sources: bool, json_path: str | None = None) -> None:
    """Every field of a chip with value, unit and what it affects; with `sources` where it comes from, and constants.

    The JSON file has all of it.
    """
    chip = load_hardware(name)
    fields = list(_fields(chip))
    print(f"{chip.name}: {chip.description}")
    for field in fields:
        line = f"{field['name']:<38}{field['value']!s:<21} {field['unit']:<17} {field['affects']:<10}"
        print(f"{line}{field['source'] if sources else field['about']}".rstrip())
    if sources:
        _print_constants(chip)
    if json_path:
        about = {"name": chip.name, "description": chip.description, "fields": fields}
        data = about | {"constants": [asdict(constant) for constant in constants(chip)]}
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False, default=list)
        print(f"wrote {write_atomic(json_path, text + chr(10))}")


def _fields(chip: Hardware) -> Iterator[dict[str, Any]]:
    """Every field that the chip's library knows."""
    for key, field in hardware_fields():
        if key.startswith("cost.defects.") and chip.cost.library != "spikesim_released":
            continue
        value: Any = chip
        for part in key.split("."):
            value = getattr(value, part)
        extra: Any = field.json_schema_extra
        yield {
            "name": key,
            "value": getattr(value, "value", value),
            "unit": extra["unit"],
            "affects": extra["affects"],
            "about": field.description,
            "source": chip.sources.get(key, "default"),
        }


def _print_constants(chip: Hardware) -> None:
    """Every constant that the chip's cost library may use, by file, with its source."""
    found = constants(chip)
    print(f"\n{len(found)} constants of the cost library {chip.cost.library}:")
    for file, group in groupby(found, key=lambda constant: constant.file):
        print(f"\n{file}")
        for c in group:
            print(f"{c.name:<64}{c.value:<14.12g} {c.unit:<17} {c.grade:<20} {c.source}")
