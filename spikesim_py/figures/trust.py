"""How far a design's numbers can be trusted: grades and sources of its components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .breakdown import leaves

#: best first, as in `cost.tree.Grade`
GRADES = ("silicon-validated", "simulator-validated", "sourced", "assumed")


@dataclass(frozen=True)
class Source:
    """One component's model: where it comes from, its grade, its share of energy and area."""

    component: str
    grade: str
    source: str
    energy_share: float
    area_share: float


def sources(tree: Mapping[str, Any]) -> list[Source]:
    """Every component with its source, largest share first."""
    parts: dict[tuple[str, str, str], list[float]] = {}
    for _, leaf in leaves(tree):
        part = parts.setdefault((leaf["name"], leaf["grade"] or "", leaf["source"]), [0.0, 0.0])
        part[0] += leaf["energy_pj"] / (tree["energy_pj"] or 1.0)
        part[1] += leaf["area_um2"] / (tree["area_um2"] or 1.0)
    found = [Source(*key, *shares) for key, shares in parts.items()]
    return sorted(found, key=lambda s: (-max(s.energy_share, s.area_share), s.component))


def grade_shares(tree: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Grade to its share of (energy, area)."""
    found = sources(tree)
    return {
        grade: (
            sum(s.energy_share for s in found if s.grade == grade),
            sum(s.area_share for s in found if s.grade == grade),
        )
        for grade in GRADES
    }
