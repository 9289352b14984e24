"""What the header keeps and saves: views by name, and the figures of the open page."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html


def menu() -> dmc.Popover:
    """The button at the top right with all that it opens; views stay in the browser that named them."""
    name = dmc.TextInput(
        id="view-name", placeholder="name of this view", size="xs", **{"aria-label": "name of the view"}
    )
    keep = dmc.Button("keep", id="view-keep", size="compact-sm")
    figures = [
        dmc.Button(label, id=f"figures-{kind}", size="compact-sm", variant="light")
        for kind, label in (("svg", "SVG"), ("png", "PNG"))
    ]
    body = [
        dmc.Title("Views", order=5),
        html.Div([name, keep], className="switches"),
        html.Div(id="view-list", className="views"),
        dmc.Title("Figures of this page", order=5),
        html.Div(figures, className="switches"),
        html.Div(id="figures-note", className="note"),
        dcc.Link("tables, methods and files →", href="/share", className="button"),
        dcc.Store(id="views", storage_type="local"),
    ]
    target = dmc.PopoverTarget(dmc.Button("Save", id="save", size="compact-sm", variant="default"))
    drop = dmc.PopoverDropdown(html.Div(body, className="stack menu"))
    return dmc.Popover([target, drop], position="bottom-end", shadow="md", keepMounted=True, withArrow=True)


def register(app: dash.Dash) -> None:
    """Bind it; all but the list happens in the browser."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "views"),
        Output("views", "data"),
        Output("view-name", "value"),
        Input("view-keep", "n_clicks"),
        Input({"view-drop": ALL}, "n_clicks"),
        State("view-name", "value"),
        State("views", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "figures"),
        Output("figures-note", "children"),
        Input("figures-svg", "n_clicks"),
        Input("figures-png", "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(Output("view-list", "children"), Input("views", "data"))
    def listed(views: dict[str, str] | None) -> Any:
        """Every view as a link. What a browser stores is not trusted: only addresses of this explorer lead anywhere."""
        known = [(name, href) for name, href in (views or {}).items() if _own(href)]
        rows = [
            html.Div(
                [
                    dcc.Link(name, href=href, className="button"),
                    _forget(name),
                ],
                className="switches view",
            )
            for name, href in known
        ]
        return rows or html.Span("none yet: they stay in this browser", className="note")


def _forget(name: str) -> dmc.Button:
    label = {"aria-label": f"forget {name}"}
    return dmc.Button("×", id={"view-drop": name}, size="compact-xs", variant="subtle", color="gray", **label)


def _own(href: Any) -> bool:
    return isinstance(href, str) and href.startswith("/") and not href.startswith(("//", "/\\"))
