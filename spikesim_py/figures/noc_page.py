"""The mesh under a network's traffic as an offline page: floor plan, hottest links, time-steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._units import engineering
from .html import _figure, _line, _page, _table
from .mesh import mesh_figure
from .style import QUIET

#: links in the table
_LINKS = 20


def noc_page(data: Mapping[str, Any]) -> str:
    """The page (takes the plain data of `NocReport.to_dict`)."""
    title = f"{data['network']} on {data['chip']}: the mesh"
    spikes = f"{data['samples']} samples" if data["origin"] == "measured" else "spikes drawn at the rates of its cost"
    moved = " as a snake or row by row, ".join(f"{value:,.0f}" for value in (data["before"][0], data["after"][0]))
    body = [
        f"<h1>{title}</h1>",
        _line(f"{len(data['tiles'])} tiles, {spikes}, fidelity {data['fidelity']}, placement {data['placement']}", ""),
        _line(
            f"flits x links of copies: {moved} optimized; trees save {data['saved_flit_links']:.1%} of them", "small"
        ),
        _figure(mesh_figure(data), "mesh", QUIET),
        "<h2>Hottest links</h2>",
        _table(
            ["link", "flits per inference", "busy", "peak", "loaded by"],
            [_link_row(link) for link in data["links"][:_LINKS]],
            right=(1, 2, 3),
        ),
        "<h2>Layers</h2>",
        _table(
            ["from → to", "kind", "code", "rate", "even at", "flits", "flits x links", "energy"],
            [_layer_row(layer) for layer in data["layers"]],
            right=(3, 4, 5, 6, 7),
        ),
        f"<h2>Time-steps (cycles of {data['cycle_ns']:g} ns)</h2>",
        _table(
            ["step", "makespan", "without mesh", "waits", "p50", "p99"],
            [_step_row(step) for step in data["steps"]],
            right=(1, 2, 3, 4, 5),
        ),
        *[_line(warning, "small faint") for warning in data["warnings"]],
    ]
    return _page(title, body)


def _link_row(link: Mapping[str, Any]) -> tuple[str, ...]:
    ends = " → ".join(f"({place[0]}, {place[1]})" for place in (link["from"], link["to"]))
    pairs = ", ".join(f"{_ends(pair)} {pair['kind'].replace('_', ' ')} {pair['share']:.1%}" for pair in link["pairs"])
    return ends, f"{link['flits']:,.0f}", f"{link['load']:.2%}", f"{link['peak']:.1%}", pairs


def _layer_row(layer: Mapping[str, Any]) -> tuple[str, ...]:
    code = layer["encoding"] or "dense"
    flits = (f"{layer[name]:,.0f}" for name in ("flits", "flit_links"))
    rates = ("-" if layer[name] is None else f"{layer[name]:.1%}" for name in ("rate", "break_even_rate"))
    kind = layer["kind"].replace("_", " ")
    return _ends(layer), kind, code, *rates, *flits, engineering(layer["total_pj"], "pJ", 3)


def _ends(pair: Mapping[str, Any]) -> str:
    return f"{'port' if pair['kind'] == 'input' else pair['layer']} → {pair['target']}"


def _step_row(step: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("makespan_cycles", "compute_cycles", "late_cycles", "p50_cycles", "p99_cycles")
    return str(step["step"] + 1), *(f"{step[name]:,.0f}" for name in names)
