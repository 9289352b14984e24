"""What every callback of the page asks for: the parts of the page that make its view."""

from __future__ import annotations

from typing import Any

from dash import ALL, Input, State

#: what decides which designs pass and which are on the front, as `Views.view` takes it
ASKED: dict[str, Any] = {
    "kind": Input("of", "value"),
    "x": Input("x", "value"),
    "y": Input("y", "value"),
    "third": Input("third", "value"),
    "places": Input({"limit": ALL}, "value"),
    "ids": State({"limit": ALL}, "id"),
    "brush": Input("brush", "data"),
    "text": Input("search", "value"),
}
#: the same for a callback that something else wakes
KNOWN: dict[str, Any] = {name: State(part.component_id, part.component_property) for name, part in ASKED.items()}
VERSION = Input("version", "data")
