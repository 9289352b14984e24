"""Controls for what a checkpoint cannot say, made from the importers' options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py.errors import InputError
from spikesim_py.importers import CHOICES, RANGES, Options, about_options

#: options in the order in which they are asked for most
ORDER = ("convention", "time_steps", "input_shape", "coding", "input_bits", "dt", "decay", "gain", "reset")
ORDER += ("reset_delay", "strict", "readout", "beta", "threshold", "max_spikes", "refractory", "v_min", "v_init")
ORDER += ("synapse_order", "synapse_reads", "synapse_gain", "quantizer_bits", "fold")
_FLAGS = {f.name for f in fields(Options) if f.type == "bool | None"}
_WHOLE = {f.name for f in fields(Options) if f.type == "int | None"}
_UNITS = {"dt": "s"}


def controls() -> html.Div:
    """One control per option; empty leaves it to the file, then to the convention."""
    about = about_options()
    return html.Div([_control(name, about.get(name, "")) for name in ORDER], className="option-grid")


def _control(name: str, about: str) -> html.Div:
    label = name.replace("_", " ") + (f" ({_UNITS[name]})" if name in _UNITS else "")
    shared: dict[str, Any] = {"id": {"option": name}, "size": "xs", "aria-label": name}
    if name in CHOICES or name in _FLAGS:
        choices = CHOICES.get(name, ("yes", "no"))
        tool: Any = dmc.Select(data=list(choices), placeholder="as the file says", clearable=True, **shared)
    else:
        low, high = RANGES.get(name, ("", ""))
        hint = "C,H,W" if name == "input_shape" else f"{low:g} to {high:g}"
        tool = dmc.TextInput(placeholder=hint, debounce=True, value="", **shared)
    tip = dmc.Tooltip(
        html.Span(label, className="knob-name", tabIndex="0"),
        label=about.replace("`", ""),
        multiline=True,
        w=300,
        events={"hover": True, "focus": True, "touch": True},
    )
    return html.Div([html.Div(tip, className="limit-head"), tool])


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options as `import_network` takes them; raises `InputError` for text that is no number."""
    return {name: _value(name, value) for name, value in values.items() if value not in (None, "")}


def _value(name: str, value: Any) -> Any:
    if name in _FLAGS:
        return value == "yes"
    if name in CHOICES:
        return value
    text = str(value).strip()
    try:
        if name == "input_shape":
            return tuple(int(part) for part in text.split(","))
        return int(text) if name in _WHOLE else float(text)
    except ValueError:
        wanted = "whole numbers, such as 1,8,8" if name == "input_shape" else "a number"
        raise InputError(f"{name} = {text[:40]!r}: must be {wanted}") from None
