"""The page for a network of one's own, before a file is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import dcc, html

from spikesim_py.hardware import presets
from spikesim_py.importers import FORMATS

from .. import parts
from .files import MAX_BYTES
from .options import controls

CHIP = "rram_32nm"
#: bits to quantize to; the first leaves the network as it is
BITS = {"": "as they are"} | {str(bits): f"{bits} bit" for bits in range(1, 9)}
_LIMIT = MAX_BYTES // 2**20


def layout(named: Sequence[str] = (), **_: Any) -> html.Div:
    """The page; `named` are the files that were named at the start."""
    left = html.Div([*_stores(), _file(named), _conventions()], className="stack")
    return html.Div([left, html.Div([_chip(), _report()], className="stack")], className="columns even")


def _stores() -> list[Any]:
    return [dcc.Store(id="own-file"), dcc.Store(id="own-architecture"), dcc.Store(id="own-report")]


def _file(named: Sequence[str]) -> dmc.Card:
    text: list[Any] = [html.B("Drop a checkpoint here"), " or click to choose one"]
    kinds = f".nir .net .safetensors .pt .pth .npz .pkl, up to {_LIMIT} MiB; nothing in it is ever run"
    drop = html.Div([html.Div(text), html.Div(kinds, className="note")])
    formats = [{"value": "", "label": "the suffix tells"}]
    formats += [{"value": name, "label": f"{name}: {kind.about}"} for name, kind in FORMATS.items() if name != "text"]
    choices = [
        dmc.Select(
            id="own-named",
            label="or a file named at the start",
            data=[{"value": f"at:{i}", "label": name} for i, name in enumerate(named)],
            placeholder="none: spikesim explore --network FILE" if not named else "choose",
            disabled=not named,
            clearable=True,
            size="xs",
        ),
        dmc.Select(id="own-format", label="format", data=formats, value="", size="xs", allowDeselect=False),
    ]
    architecture = dcc.Upload(
        dmc.Button("add an architecture (YAML)", size="compact-xs", variant="light"),
        id="own-yaml",
        max_size=2**18,
    )
    body = [
        parts.labelled(dcc.Upload(drop, id="own-upload", className="drop", max_size=MAX_BYTES), "your checkpoint"),
        html.Div(choices, className="pair tight"),
        html.Div(
            [parts.labelled(architecture, "its architecture"), html.Span(id="own-yaml-note", className="note")],
            className="switches gap",
        ),
        html.Div(id="own-refused", role="alert", className="worse"),
        html.Div(id="own-problem", role="alert", className="gap"),
        parts.loading(html.Div(id="own-network")),
    ]
    return parts.card("A network of yours", body, html.Span(id="own-name"))


def _conventions() -> dmc.Card:
    note = "What a file does not say. Empty: as the file says, else as its framework does."
    return parts.card("What its time-steps mean", controls(), note)


def _chip() -> dmc.Card:
    chips = [{"value": name, "label": name} for name in sorted(presets())]
    numbers = (("samples", 100, 1000), ("chips", 1, 16))
    tools: list[Any] = [
        dmc.Select(
            id="own-chip", label="chip", data=chips, value=CHIP, size="xs", allowDeselect=False, searchable=True
        ),
        dmc.Select(id="own-data", label="data with its input", data=[], value="", size="xs", allowDeselect=False),
        dmc.Select(
            id="own-bits",
            label="weights",
            data=[{"value": key, "label": label} for key, label in BITS.items()],
            value="",
            size="xs",
            allowDeselect=False,
        ),
        *[
            dmc.NumberInput(id=f"own-{name}", label=name, value=value, min=1, max=most, size="xs", allowDecimal=False)
            for name, value, most in numbers
        ],
    ]
    run = dmc.Button("evaluate", id="own-run", size="compact-sm", disabled=True)
    problem = html.Div(id="own-run-problem", role="alert", className="gap")
    return parts.card("On a chip", [html.Div(tools, className="option-grid"), problem], None, run)


def _report() -> html.Div:
    save = [
        dmc.Button(label, id=f"own-save-{kind}", size="compact-xs", variant="light")
        for kind, label in (("html", "HTML report"), ("json", "JSON"))
    ]
    switches = [parts.switch("own-quantity", parts.QUANTITIES)]
    head = [dmc.Title("Where it goes", order=4), html.Div(switches, className="switches")]
    body = [
        html.Div(id="own-head"),
        html.Div(head, className="card-head sub"),
        parts.graph("own-breakdown"),
        html.Ul(id="own-notes", className="note"),
        html.Div(dmc.Title("The same from the command line", order=4), className="card-head sub"),
        html.Div(id="own-commands"),
        dcc.Download(id="own-download"),
    ]
    teach = "Its accuracy, energy, latency and area appear here: choose a file, then “evaluate”. Without data of its "
    teach += "input shape, its costs alone."
    hint = html.Div(dmc.Card(parts.hint("The report", teach), withBorder=True), id="own-hint")
    card = parts.card("The report", body, None, save)
    return html.Div([hint, html.Div(card, id="own-page", style={"display": "none"})])
