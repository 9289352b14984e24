"""Sliders and selectors for every field of a chip, made from the hardware model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
import yaml
from dash import html

from spikesim_py._units import number
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
    """Per control: its name, the values to choose from, how they read, and which is the start's and which is asked."""
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
        rows.append({"name": control.name, "values": values, "labels": labels, "base": base, "at": at})
    return rows


def _fits(control: Control, wanted: Any) -> bool:
    return control.kind in ("whole", "real") and isinstance(wanted, int | float) and not isinstance(wanted, bool)


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
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


def changes(rows: Sequence[Mapping[str, Any]], names: Sequence[str], places: Sequence[Any]) -> dict[str, Any]:
    """Fields that stand elsewhere than at the start."""
    by_name = {row["name"]: row for row in rows}
    found = {}
    for name, place in zip(names, places, strict=True):
        row = by_name.get(name)
        if row and place is not None and int(place) != row["base"] and int(place) < len(row["values"]):
            found[name] = row["values"][int(place)]
    return found


def knobs(hardware: Hardware, rows: Sequence[Mapping[str, Any]]) -> list[html.Div]:
    """The controls, one group per part of the chip."""
    made = zip((control for control, _ in fields(hardware)), rows, strict=True)
    groups = []
    for section, members in groupby(made, key=lambda pair: pair[0].section):
        body = [_knob(control, row) for control, row in members]
        groups.append(
            html.Div([dmc.Title(section, order=5), html.Div(body, className="knob-grid")], className="knob-group")
        )
    return groups


def _knob(control: Control, row: Mapping[str, Any]) -> html.Div:
    name = control.name.partition(".")[2].replace("_", " ")
    about = f"{control.about}; {_ABOUT[control.affects]}; starts at {row['labels'][row['base']]}"
    identity = {"knob": control.name}
    if control.numeric:
        tool: Any = dmc.Slider(
            id=identity,
            min=0,
            max=len(row["values"]) - 1,
            value=row["at"],
            step=1,
            label=None,
            size="sm",
            updatemode="drag",
            thumbLabel=control.name,
        )
    else:
        data = [{"value": str(index), "label": label} for index, label in enumerate(row["labels"])]
        tool = dmc.Select(
            id=identity, data=data, value=str(row["at"]), size="xs", allowDeselect=False, **{"aria-label": control.name}
        )
    words = html.Span(row["labels"][row["at"]], id={"knob-words": control.name}, className="limit-words")
    tip = dmc.Tooltip(
        html.Span(name, className="knob-name", tabIndex="0"),
        label=about,
        multiline=True,
        w=280,
        events={"hover": True, "focus": True, "touch": True},
    )
    head = html.Div([tip, words if control.numeric else html.Span(words, hidden=True)], className="limit-head")
    name_of: dict[str, Any] = {"data-name": f"{control.name} {control.about}".lower()}
    return html.Div([head, tool], className="knob", **name_of)
