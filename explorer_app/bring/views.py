"""Pieces of the page that show data: what was read, what was assumed, and the commands that do the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc  # type: ignore[import-untyped]
from dash import html

from spikesim_py.figures.reproduce import command

from .. import parts
from .rooms import Read


def network(found: Read) -> list[Any]:
    """The network, and every assumption."""
    told = found.network.model.metadata.get("import")
    notes = list(told.get("notes", ())) if isinstance(told, Mapping) else []
    assumed = [html.Li(line) for line in found.assumed]
    shown: list[Any] = []
    if assumed:
        about = "The file does not say this, and it changes the result; set it below if it is otherwise:"
        shown.append(
            dmc.Alert(
                html.Div([about, html.Ul(assumed)], className="note"),
                title=f"{len(assumed)} assumption{'s' * (len(assumed) > 1)}",
                color="orange",
                variant="light",
                id="own-assumed",
            )
        )
    text = found.network.describe().partition("\nimport:")[0]  # which stands above and below
    shown.append(html.Pre(text, className="yaml", tabIndex="0"))
    if found.network.arithmetic == "float":
        notes.append("its weights are float: it is costed as a digital FP32 design; choose bits for the crossbars")
    return [*shown, html.Ul([html.Li(note) for note in notes], className="note")]


def data_choices(found: Read) -> list[dict[str, str]]:
    """Data sets with the network's input, then none."""
    none = "none: costs alone" if found.data else "none here has its input: costs alone"
    return [*({"value": name, "label": name} for name in found.data), {"value": "", "label": none}]


def commands(
    file: str, format: str, options: Mapping[str, Any], bits: int | None, data: str, report: Mapping[str, Any]
) -> list[Any]:
    """What imports and evaluates it on a terminal."""
    words = ["spikesim", "import", file, *(["--from", format] if format else [])]
    for name, value in options.items():
        words += _option(name, value)
    words += ["--weight-bits", str(bits)] if bits else []
    words += ["--data", data] if bits and data else []
    net = f"{report['network']}.safetensors"
    lines = [shlex.join([*words, "-o", net])] if file != net else []
    lines.append(command({**report, "network": net}))
    return [parts.command_line(line, f"own-command-{at}") for at, line in enumerate(lines)]


def _option(name: str, value: Any) -> Sequence[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
