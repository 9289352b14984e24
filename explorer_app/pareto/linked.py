"""What parallel coordinates and the scatter matrix are sent: where the drawn designs lie on each axis."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from spikesim_py.figures.lines import line_colors
from spikesim_py.figures.style import toned

from ..head import SHORT
from .data import View
from .facts import Facts

#: metrics that are axes unless others are chosen, those of the page beside them
USUAL = ("accuracy", "edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt")
#: fields that are axes unless others are chosen; more lines than this cross too often to be read
MOST_AXES = 12
#: sides of a scatter matrix
SIDES = 5
#: a place among axes is sent as one of this many; the last one says that there is none
_PLACES = 65_535


def usual_axes(facts: Facts) -> list[str]:
    """Axes to begin with: what was swept, then what follows from it."""
    metrics = [name for name in USUAL if name in facts.measured]
    return [*facts.varying[: MOST_AXES - len(metrics)], *metrics]


def usual_sides(facts: Facts, view: View) -> list[str]:
    """Sides of the scatter matrix to begin with: the page's axes and other metrics."""
    names = [view.y, view.x, *(name for name in USUAL if name in facts.measured)]
    return list(dict.fromkeys(names))[:4]


def chosen(facts: Facts, names: Sequence[str] | None, usual: Sequence[str], most: int = 40) -> list[str]:
    """Those of the chosen columns that the study has, in their order."""
    return [name for name in names or () if name in facts.designs.frame][:most] or list(usual)


def lines(view: View, log: str, names: Sequence[str], color: str, scheme: str | None) -> dict[str, Any]:
    """Plain data of the drawn designs: axes, places on them, colours, and which pass what is not brushed.

    Arrays are sent as bytes: places as 16 bits of the axis' length, colours and marks as 8.
    """
    facts, rows = view.facts, view.drawn(log)
    names = [*names, *(name for name, _ in view.asked.brush if name in view.frame)]
    found = [axis for name in dict.fromkeys(names) if (axis := facts.axis(name)) is not None]
    frame = view.designs.taken(rows)
    codes, palette = line_colors(frame, color)
    kept = np.ones(rows.size, bool) if view.unbrushed is None else view.unbrushed[rows]
    front = np.zeros(rows.size, bool) if view.front is None else view.front[rows]
    return {
        "axes": [
            axis.to_dict()
            | {"places": _packed(_places(axis.places(frame[axis.about.name])))}
            | ({"label": SHORT[axis.about.name]} if axis.about.name in SHORT else {})
            for axis in found
        ],
        "count": int(rows.size),
        "total": len(view.designs),
        "colors": _packed(codes),
        "palette": [toned(shade, scheme) for shade in palette],
        "marks": _packed(kept.astype(np.uint8) + 2 * front.astype(np.uint8)),
        "names": view.designs.names(rows),
    }


def _places(share: np.ndarray) -> np.ndarray:
    known = np.isfinite(share)
    places = np.clip(np.where(known, share, 0.0), 0.0, 1.0) * (_PLACES - 1)
    return np.where(known, np.rint(places), _PLACES).astype("<u2")


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
