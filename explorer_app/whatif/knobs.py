"""Sliders and selectors for every field of a chip, made from the hardware model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from spikesim_py._units import number
from spikesim_py._yaml import YAML_ERRORS
from spikesim_py.figures.reproduce import flat_configuration
from spikesim_py.hardware import Control, Hardware, controls

#: parts of a chip in the order in which they are asked for most
SECTIONS: tuple[str, ...] = ("crossbar", "adc", "device", "wires", "mapping", "mitigation", "technology", "pe", "tile")
SECTIONS += ("noc", "schedule", "chip", "dram", "cost")
_ABOUT = {"accuracy": "changes accuracy only", "cost": "changes cost only", "both": "changes accuracy and cost"}
#: units that a reader does not need to see beside a number
_SILENT = ("-", "rows", "columns", "bit", "crossbars", "PEs", "lanes", "flits", "channels", "images", "tiles")


def fields(hardware: Hardware) -> list[tuple[Control, Any]]:
    """Every control of a chip with its value, part by part; defects only where the library has them."""
    values = flat_configuration({"hardware": hardware.model_dump(mode="json")})
    released = hardware.cost.library == "spikesim_released"
    found = [c for c in controls() if released or not c.name.startswith("cost.defects.")]
    found.sort(key=lambda control: SECTIONS.index(control.section))
    return [(control, values[control.name]) for control in found]


def stops(hardware: Hardware, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Per control what the browser makes its knob of: name, part of the chip, meaning, the values to choose from, how
    they read, and which is the start's and which is asked.
    """
    rows = []
    for control, value in fields(hardware):
        values = list(control.stops(value))
        wanted = _parsed(asked[control.name]) if control.name in asked else value
        if wanted not in values:
            values = list(control.stops(wanted)) if _fits(control, wanted) else values
            values = values if value in values else sorted({*values, value}, key=lambda v: (v is not None, v or 0))
        base = values.index(value)
        at = values.index(wanted) if wanted in values else base
        labels = [_label(control, stop) for stop in values]
        about = f"{control.about}; {_ABOUT[control.affects]}; starts at {labels[base]}"
        row = {"name": control.name, "section": control.section, "about": about, "numeric": control.numeric}
        row |= {"title": control.name.partition(".")[2].replace("_", " ")}
        rows.append(row | {"values": values, "labels": labels, "base": base, "at": at})
    return rows


def _fits(control: Control, wanted: Any) -> bool:
    return control.kind in ("whole", "real") and isinstance(wanted, int | float) and not isinstance(wanted, bool)


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except YAML_ERRORS:
        return None


def _label(control: Control, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("_", " ")
    text = f"{value:g}" if isinstance(value, int) or 1e-3 <= abs(value) < 1e5 or not value else number(value, 3)
    return text if control.unit in _SILENT else f"{text} {control.unit}"


def changes(rows: Sequence[Mapping[str, Any]], places: Mapping[str, int]) -> dict[str, Any]:
    """Fields that stand elsewhere than at the start, in the order of the knobs."""
    turned = [(row, places.get(row["name"], row["base"])) for row in rows]
    return {row["name"]: row["values"][at] for row, at in turned if at != row["base"] and at < len(row["values"])}
