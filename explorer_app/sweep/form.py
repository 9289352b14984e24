"""The controls that a space is built with, generated from the hardware model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py.hardware import Control, load_hardware, presets
from spikesim_py.network.files import zoo
from spikesim_py.report import METRICS
from spikesim_py.sweep.space import COSTS

from ..whatif.knobs import SECTIONS, fields
from ..whatif.layout import CHIP
from .draft import METHODS, Draft, shown

#: axes that are no single field of a chip: name -> (group, what it means, values to choose from)
_OTHER: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "crossbar.rows+crossbar.cols": (
        "together",
        "rows and columns of a crossbar, moved together",
        ("32", "64", "128", "256", "512"),
    ),
    "network.time_steps": ("network", "time-steps that a network runs for", ("1", "2", "4", "8")),
    "network.weight_bits": (
        "network",
        "weights of a float network, quantized after training (bit)",
        ("2", "4", "6", "8"),
    ),
    **{
        section: ("whole sections", f"the whole section {section} of another chip, with its sources", tuple(presets()))
        for section in ("device", "adc", "wires", "technology")
    },
}
_RANGES = "Enter adds a value, or a range: 3..8, 32..256 x2, 1e3..1e5 log 5"
_AFFECTS = {"accuracy": "accuracy", "cost": "cost only", "both": "accuracy, cost"}


@cache
def known() -> dict[str, Control]:
    """Every field of a chip that can be an axis."""
    return {control.name: control for control, _ in fields(load_hardware(CHIP))}


def choices() -> list[dict[str, Any]]:
    """What can be an axis, part by part."""
    found = [(name, group, about) for name, (group, about, _) in _OTHER.items()]
    found += [(control.name, control.section, control.about) for control in known().values()]
    order = ["together", "network", *SECTIONS, "whole sections"]
    found.sort(key=lambda entry: order.index(entry[1]))
    groups = []
    for group, members in groupby(found, key=lambda entry: entry[1]):
        items = [{"value": name, "label": f"{name} · {about}"} for name, _, about in members]
        groups.append({"group": group, "items": items})
    return groups


def form(draft: Draft, own: Sequence[str]) -> list[Any]:
    """All controls, filled with a draft.

    Args:
        own: networks and chips of the study that are not bundled.
    """
    axes = dict(draft.space.get("axes", {}))
    sources = {name: axes.pop(name, [draft.space.get(name)]) for name in ("network", "chip")}
    when = draft.space.get("when", {})
    networks = sorted({*zoo(), *(name for name in own if name not in presets())})
    shared = {name: [value] for name, value in draft.space.get("set", {}).items()}
    together = [
        _source("network", "networks", networks, sources["network"]),
        _source(
            "chip", "chips", sorted({*presets(), *(name for name in own if name in sources["chip"])}), sources["chip"]
        ),
    ]
    rows = [axis_row(name, values, when.get(name, "")) for name, values in _moving(shared | axes).items()]
    add = dmc.Select(
        id="axis-add",
        data=choices(),
        placeholder="add a field to vary ( e.g. adc.bits, sigma, tile )",
        searchable=True,
        size="sm",
        maxDropdownHeight=320,
        comboboxProps={"shadow": "md"},
        **{"aria-label": "add a field to vary"},
    )
    return [
        html.Div(together, className="pair tight"),
        html.Div(rows, id="axis-rows", className="axes"),
        add,
        html.Div([_constraints(draft), _objectives(draft)], className="pair tight gap"),
        html.Div(_measured(draft), className="measured"),
        html.Div(_way(draft), className="measured way"),
    ]


def _moving(axes: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Rows of the form: two shared fields that make one axis are one row again."""
    found = dict(axes)
    for name in _OTHER:
        parts_ = name.split("+")
        if len(parts_) > 1 and all(len(found.get(part, ())) == 1 for part in parts_):
            values = [found[part] for part in parts_]
            if all(value == values[0] for value in values):
                found = {k: v for k, v in found.items() if k not in parts_} | {name: values[0]}
    return found


def _source(name: str, label: str, data: Sequence[str], chosen: Sequence[Any]) -> dmc.MultiSelect:
    picked = [str(value) for value in chosen if value]
    return dmc.MultiSelect(
        id=f"sweep-{name}",
        label=label,
        data=sorted({*data, *picked}),
        value=picked,
        searchable=True,
        size="xs",
        placeholder="" if picked else f"at least one of the {label}",
        hidePickedOptions=True,
    )


def axis_row(name: str, values: Sequence[Any], when: str = "") -> html.Div:
    """One axis: what it is, its values, the condition under which it varies."""
    control = known().get(name) or known().get(name.partition("+")[0])
    about, stops = _meaning(name, control)
    unit = f" ({control.unit})" if control and control.unit not in ("-", "") and name not in _OTHER else ""
    tip = dmc.Tooltip(
        html.Span(name.replace("+", " + "), className="axis-name", tabIndex="0"),
        label=about,
        multiline=True,
        w=320,
        events={"hover": True, "focus": True, "touch": True},
    )
    drop: dict[str, Any] = {"aria-label": f"do not vary {name}"}
    close = dmc.ActionIcon("×", id={"axis-drop": name}, size="sm", variant="subtle", color="gray", **drop)
    condition = dmc.TextInput(
        id={"axis-when": name},
        value=when,
        size="xs",
        debounce=400,
        placeholder="always",
        leftSection=html.Span("when", className="note"),
        leftSectionWidth=46,
        **{"aria-label": f"{name}: when"},
    )
    named = html.Span([tip, html.Span(unit, className="note")], className="in-line")
    head = html.Div([named, html.Span(_allowed(control), className="note")], className="axis-head")
    return html.Div([head, html.Div([_values(name, control, stops, values), condition, close], className="axis-line")])


def _meaning(name: str, control: Control | None) -> tuple[str, Sequence[str]]:
    if name in _OTHER:
        return _OTHER[name][1], _OTHER[name][2]
    if control is None:
        return "a field of the chip, of one of its layers, or of the network", ()
    stops = [shown(value) for value in control.stops(_start(control)) if value is not None]
    return f"{control.about}; changes {_AFFECTS[control.affects]}", stops


@cache
def _starts() -> dict[str, Any]:
    return {control.name: value for control, value in fields(load_hardware(CHIP))}


def _start(control: Control) -> Any:
    return _starts()[control.name]


def _allowed(control: Control | None) -> str:
    """What a number may be."""
    if control is None or control.kind not in ("whole", "real"):
        return ""
    low, high = control.low, control.high
    kind = "whole numbers, " if control.kind == "whole" else ""
    if low is not None and high is not None:
        return f"{kind}{'above ' if control.above else ''}{low:g} to {high:g}"
    return kind + (f"{'above' if control.above else 'from'} {low:g}" if low is not None else "any size")


def _values(name: str, control: Control | None, stops: Sequence[str], values: Sequence[Any]) -> Any:
    texts = [shown(value) for value in values]
    common: dict[str, Any] = {"id": {"axis": name}, "value": texts, "size": "xs", "aria-label": f"values of {name}"}
    listed = control is not None and control.kind in ("choice", "flag") and not control.numeric
    if (listed and name not in _OTHER) or name in presets() or (name in _OTHER and "." not in name):
        return dmc.MultiSelect(data=list(dict.fromkeys([*stops, *texts])), searchable=True, **common)
    return dmc.TagsInput(
        data=list(stops),
        acceptValueOnBlur=True,
        maxDropdownHeight=220,
        placeholder="" if texts else _RANGES,
        **common,
    )


def _constraints(draft: Draft) -> dmc.TagsInput:
    return dmc.TagsInput(
        id="sweep-constraints",
        label=_told(
            "constraints", f"of fields above and of costs: {', '.join(COSTS[:8])} ... Accuracy is not known before."
        ),
        value=list(draft.space.get("constraints", ())),
        placeholder="area_um2 <= 1e6",
        splitChars=[";"],
        acceptValueOnBlur=True,
        size="xs",
    )


def _objectives(draft: Draft) -> dmc.MultiSelect:
    given = [name for name in draft.space.get("objectives", ("accuracy", "edap")) if name != "accuracy"]
    return dmc.MultiSelect(
        id="sweep-objectives",
        label=_told("front of accuracy and", "what a search looks for, and what the figure draws"),
        data=[{"value": name, "label": METRICS[name][0]} for name in COSTS],
        value=given,
        searchable=True,
        size="xs",
    )


def _told(label: str, about: str) -> html.Span:
    tip = dmc.Tooltip(html.Span("?", className="told", tabIndex="0"), label=about, multiline=True, w=280)
    tip.events = {"hover": True, "focus": True, "touch": True}
    return html.Span([label, tip], className="in-line")


def _measured(draft: Draft) -> list[Any]:
    """How accuracies are measured."""
    space = draft.space
    name = dmc.TextInput(id="sweep-name", label="name", value=space.get("name", "sweep"), size="xs", debounce=400)
    data = dmc.TextInput(id="sweep-data", label="data", value=space.get("data", "digits"), size="xs", debounce=400)
    splits = ["report", "search", "calibration"]
    split = dmc.Select(id="sweep-split", label="split", data=splits, value=space.get("split", "report"), size="xs")
    split.allowDeselect = False
    return [
        name,
        data,
        split,
        _number("samples", _told("images", "of the split; empty: all of them"), space.get("samples"), 1, "all"),
        _number(
            "chips",
            _told("instances", "simulated chips of each design, with other devices"),
            space.get("chips", 1),
            1,
        ),
        _number("seed", "seed", space.get("seed", 0), 0),
    ]


def _way(draft: Draft) -> list[Any]:
    """How the space is gone through."""
    methods = [{"value": key, "label": label} for key, label in METHODS.items()]
    about = "a search measures accuracies up to its budget, on the split `search`; what it picks is measured again"
    method = dmc.Select(id="sweep-method", label=_told("way", about), data=methods, value=draft.method, size="xs")
    method.allowDeselect = False
    return [
        method,
        _number("budget", _told("budget", "accuracies that a search measures"), draft.budget, 1),
        _number("search-seed", "seed of the search", draft.seed, 0),
        _number("workers", _told("processes", "empty: one per core"), draft.workers, 1, "cores"),
    ]


def _number(name: str, label: Any, value: Any, least: int, placeholder: str = "") -> dmc.NumberInput:
    return dmc.NumberInput(
        id=f"sweep-{name}",
        label=label,
        value="" if value is None else value,
        min=least,
        allowDecimal=False,
        placeholder=placeholder,
        size="xs",
        debounce=400,
    )


def bundled_buttons(names: Sequence[str]) -> list[Any]:
    """What the form can be filled with."""
    buttons = [dmc.Button(name, id={"sweep-from": name}, size="compact-xs", variant="light") for name in names]
    return [dmc.Text("start from", size="xs", c="dimmed"), *buttons]
