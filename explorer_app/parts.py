"""Small pieces that every page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.figures import GRAPH_CONFIG, QUIET
from spikesim_py.figures.trust import GRADES

#: grade -> (colour, what it means)
ABOUT_GRADES = dict(
    zip(
        GRADES,
        (
            ("teal", "held against measured silicon"),
            ("blue", "held against another published simulator"),
            ("grape", "a published constant, cited"),
            ("orange", "our assumption: no source was found"),
        ),
        strict=True,
    )
)
#: what of a design is split into parts, and by what
QUANTITIES = {"energy_pj": "energy", "critical_ns": "latency", "area_um2": "area"}
BY = {"component": "by component", "layer": "by layer"}
#: how every grid looks, light and dark
GRID_THEME = (
    "themeQuartz.withParams({fontFamily: 'inherit', fontSize: 12.5, spacing: 5, headerFontSize: 11, "
    "headerFontWeight: 600, wrapperBorderRadius: 6, backgroundColor: 'var(--paper)', foregroundColor: 'var(--ink)', "
    "browserColorScheme: 'inherit', selectedRowBackgroundColor: 'var(--chosen)', borderColor: 'var(--rule)', "
    "headerBackgroundColor: 'var(--wash)', accentColor: 'var(--accent)'})"
)
#: of a part whose parts differ in grade
_MIXED = ("gray", "of several parts")


def graph(name: str, height: int | None = None, *, quiet: bool = True, figure: Any = None) -> dcc.Graph:
    """A graph, empty as yet or of a figure; nothing on it offers to send the figure to another host."""
    style = {} if height is None else {"height": f"{height}px"}
    more = {} if figure is None else {"figure": figure}
    return dcc.Graph(id=name, config=QUIET if quiet else GRAPH_CONFIG, responsive=True, style=style, **more)


def loading(child: Any) -> dcc.Loading:
    """Shows that an answer takes its time; a quick one does not flicker."""
    return dcc.Loading(child, type="circle", delay_show=250, color="var(--accent)")


def switch(name: str, choices: dict[str, str], value: str | None = None) -> dmc.SegmentedControl:
    """A choice of a few; the first, unless another is given that exists."""
    data = [{"value": key, "label": label} for key, label in choices.items()]
    return dmc.SegmentedControl(id=name, value=value if value in choices else next(iter(choices)), data=data, size="xs")


def copy(text: str, label: str) -> dmc.CopyButton:
    return dmc.CopyButton(label, copiedChildren="copied", value=text, size="compact-xs", variant="light", miw=60)


def command_line(text: str, name: str) -> html.Div:
    """A command to read and to copy."""
    return html.Div([html.Code(text, className="command", id=name), copy(text, "copy")], className="command-line")


def labelled(child: Any, name: str) -> html.Div:
    """A control that can say its name in no other way."""
    more: dict[str, Any] = {"aria-label": name}
    return html.Div(child, role="group", **more)


def definitions(rows: Iterable[tuple[str, Any]]) -> html.Dl:
    return html.Dl([part for key, value in rows for part in (html.Dt(key), html.Dd(value))])


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> html.Div:
    """Text in rows; only the last column breaks into lines."""
    top = dmc.TableThead(dmc.TableTr([dmc.TableTh(cell) for cell in head]))
    body = dmc.TableTbody([dmc.TableTr([dmc.TableTd(cell) for cell in row]) for row in rows])
    return html.Div(dmc.Table([top, body], striped=True, className="small-table"), className="table-wrap")


def card(title: str, body: Any, note: Any = None, tools: Any = None, **more: Any) -> dmc.Card:
    """A titled part of a page: a note beside the title, tools at the right."""
    head = [html.Div([dmc.Title(title, order=3), html.Span(note, className="note")], className="card-title")]
    head += [] if tools is None else [html.Div(tools, className="switches")]
    inner = body if isinstance(body, list) else [body]
    return dmc.Card([html.Div(head, className="card-head"), *inner], withBorder=True, **more)


def tile(label: str, value: str, small: str = "", style: str = "tile", about: str = "") -> html.Div:
    """A number with its name; `about` is said on hover and on focus."""
    lines = [html.Div(label, className="tile-label"), html.Div(value, className="tile-value")]
    more: dict[str, Any] = {"title": about, "tabIndex": "0"} if about else {}
    return html.Div([*lines, html.Div(small, className="tile-small")] if small else lines, className=style, **more)


def about_grade(name: str) -> str:
    """What a grade means."""
    return ABOUT_GRADES.get(name, _MIXED)[1]


def grade(name: str) -> dmc.Tooltip:
    """A grade as a badge that says what it means."""
    color, about = ABOUT_GRADES.get(name, _MIXED)
    badge = dmc.Badge(name or "-", color=color, variant="light", size="sm", tt="none", tabIndex=0, miw="max-content")
    return dmc.Tooltip(badge, label=f"{name}: {about}", events={"hover": True, "focus": True, "touch": True})


def problem(message: str, title: str) -> dmc.Alert:
    """An error that a reader can act on."""
    return dmc.Alert(message, title=title, color="red", variant="light", className="problem", withCloseButton=True)


def hint(title: str, text: str, *more: Any) -> html.Div:
    """What an empty place teaches."""
    return html.Div([dmc.Title(title, order=3), dmc.Text(text, c="dimmed", size="sm"), *more], className="empty")
