"""What surrounds every page: brand, ways to the pages, colours, errors, and the state that pages share."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs

import dash
import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update, set_props

from spikesim_py.errors import SpikesimError
from spikesim_py.figures.compare import LETTERS

from . import menu, parts
from .chosen import notice
from .reader import Frame, Reader

#: how often the browser asks whether the study has grown
POLL_MS = 1500
#: the clock rests while anything that it started is at work, or slow answers would never arrive
REST = [(Output("clock", "disabled"), True, False)]
#: path -> name of every page
PAGES = {
    "/": "Pareto",
    "/sweep": "Sweep",
    "/design": "Design",
    "/what-if": "What-if",
    "/compare": "Compare",
    "/bring": "Your network",
    "/training": "Training",
    "/share": "Share",
}
#: ten steps from text to ground, as Mantine counts them
_DARK = ["#e6eaef", "#c3ccd6", "#9aa7b5", "#7b8794", "#52606d", "#3a4552", "#242c35", "#171c22", "#12161b", "#0b0e12"]
THEME = {
    "fontFamily": "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "primaryColor": "blue",
    "defaultRadius": "md",
    "colors": {"dark": _DARK},
}
#: whether figures are light or dark, for the callbacks that draw them
SCHEME = Input("scheme", "computedColorScheme")


def shell(name: str | None) -> dmc.MantineProvider:
    """The frame of the explorer of a study file of that name; None without one."""
    state = [
        dcc.Location(id="url", refresh=False),
        dcc.Store(id="version", data=""),
        dcc.Store(id="selected", storage_type="session"),
        dcc.Store(id="compared", storage_type="session"),
        dcc.Store(id="view", storage_type="session"),  # what the Pareto page asks, for the pages that follow it
        dcc.Store(id="address"),
        *([] if name is None else [dcc.Interval(id="clock", interval=POLL_MS)]),
    ]
    told = [html.Div(id="problem", role="alert"), html.Div(id="notice", role="status")]
    main = html.Main([*told, dash.page_container], id="main")
    skip = html.A("skip to the page", href="#main", className="skip")
    body = html.Div([*state, skip, _header(name), main], className="page")
    return dmc.MantineProvider(body, theme=THEME, defaultColorScheme="auto", id="provider")


def _header(name: str | None) -> html.Header:
    brand = html.Div([html.Span("spikesim", className="brand"), html.Span("explorer", className="brand-room")])
    links = [dcc.Link(title, href=path, id=_link(path), className="nav-link") for path, title in PAGES.items()]
    right: list[Any] = []
    if name is not None:
        badge = dmc.Badge(name, variant="light", color="gray", tt="none")
        right = [html.Span(id="status", role="status"), badge]
    toggle = dmc.ColorSchemeToggle(
        id="scheme", lightIcon="☀", darkIcon="☾", variant="default", size="md", **{"aria-label": "light or dark"}
    )
    label: dict[str, Any] = {"aria-label": "pages"}
    nav = html.Nav(links, **label)
    return html.Header([brand, nav, html.Div([*right, menu.menu(), toggle], className="header-right")])


def _link(path: str) -> str:
    return "nav-" + (path.strip("/") or "pareto")


def welcome() -> dmc.Card:
    """Without a study: which command makes one."""
    steps = [
        ("The whole tour on bundled input: sweep, table, report, this page.", "spikesim demo"),
        ("Or a new file, for which a sweep is built and started in the browser.", "spikesim explore runs/mine.db"),
        (
            "Or a sweep from the command line, described in a YAML file or by a bundled name …",
            "spikesim sweep quickstart --store runs/quick.db",
        ),
        ("… which opens here, also while it is still running.", "spikesim explore runs/quick.db"),
    ]
    lines = [
        html.Li([dmc.Text(text, size="sm"), parts.command_line(line, f"step-{i}")])
        for i, (text, line) in enumerate(steps)
    ]
    return dmc.Card(
        [
            dmc.Title("No study is open", order=2),
            dmc.Text("A study is a file of evaluated designs. These commands make and open one:", c="dimmed"),
            html.Ol(lines, className="steps"),
            dmc.Text(
                [
                    "Without one, ",
                    dcc.Link("What-if", href="/what-if"),
                    " costs any network on any chip, and ",
                    dcc.Link("Training", href="/training"),
                    " shows training runs.",
                ]
            ),
        ],
        withBorder=True,
        className="welcome",
        id="welcome",
    )


def show_address(page: str, query: str) -> None:
    """Called by a callback of a page: put its view into the address. (An output beside those of a page would be
    looked for on every other page.)
    """
    set_props("address", {"data": {"page": page, "query": query}})


def complain(error: Exception) -> None:
    """Show what went wrong in a callback on the page, and log it if it is nobody's input."""
    if isinstance(error, SpikesimError):
        set_props("problem", {"children": parts.problem(str(error), "That cannot be shown")})
        return
    logging.getLogger(__name__).error("a callback failed", exc_info=error)
    message = f"{type(error).__name__}: {error}. The server's log says more; the rest of the page still works."
    set_props("problem", {"children": parts.problem(message, "Something is wrong with the explorer itself")})


def register(app: dash.Dash, reader: Reader | None) -> None:
    """What the frame does by itself."""
    menu.register(app)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "address"),
        *[Output(_link(path), "href") for path in PAGES],
        *[Output(_link(path), "className") for path in PAGES],
        Output(_link("/compare"), "children"),
        Input("address", "data"),
        Input("selected", "data"),
        Input("compared", "data"),
        Input("url", "pathname"),
    )

    @app.callback(Output("selected", "data"), Input("url", "search"), State("selected", "data"))
    def linked(search: str | None, selected: str | None) -> Any:
        """An address may name a design."""
        named = parse_qs((search or "").removeprefix("?")).get("design", [None])[0]
        return no_update if named in (None, selected) else named

    @app.callback(Output("compared", "data"), Input("url", "search"), State("compared", "data"))
    def compared(search: str | None, known: list[str] | None) -> Any:
        """An address may name designs to compare."""
        named = parse_qs((search or "").removeprefix("?")).get("designs", [""])[0]
        designs = list(dict.fromkeys(filter(None, named.split(","))))[: len(LETTERS)]
        return no_update if designs in ([], known) else designs

    if reader is None:
        return

    @app.callback(Output("version", "data"), Input("clock", "n_intervals"), State("version", "data"), running=REST)
    def tick(_: int | None, known: str) -> Any:
        version = reader.version()
        return no_update if version == known else version

    @app.callback(
        Output("problem", "children"),
        Output("status", "children"),
        Output("notice", "children"),
        Input("version", "data"),
        running=REST,
    )
    def state(_: str) -> Any:
        try:
            kinds = reader.kinds()
            costed = f"{kinds['costed']:,} costed designs" if list(kinds) == ["costed"] else ""
            return None, costed or count(reader.frame()), notice(reader)
        except SpikesimError as error:
            return parts.problem(str(error), "The study cannot be read"), "", None


def count(frame: Frame) -> str:
    """How many designs there are."""
    designs = len(frame.get("report_hash", ()))
    return f"{designs:,} design{'s' * (designs != 1)}" if designs else "no design yet"
