"""The cost tree: chip -> layer (and `shared`) -> component. A parent is the sum of its children."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .._files import write_atomic, write_json

#: how far a number can be trusted, best first
Grade = Literal["silicon-validated", "simulator-validated", "sourced", "assumed"]

#: an amount that a breakdown, a diff or a sunburst shows
Quantity = Literal["energy_pj", "critical_ns", "area_um2"]

#: quantity -> (what readers call it, unit)
QUANTITIES: dict[Quantity, tuple[str, str]] = {
    "energy_pj": ("energy per inference", "pJ"),
    "critical_ns": ("latency", "ns"),
    "area_um2": ("area", "µm²"),
}


@dataclass(frozen=True)
class CostNode:
    """One node of the tree.

    Attributes:
        name: component, layer, `shared`, or the chip.
        energy_pj: energy per inference, leakage included.
        area_um2: area.
        critical_ns: contribution to the latency of one inference; sums to the latency.
        busy_ns: time in use per inference; overlapped work counts in full, so it need not sum.
        children: empty for a component.
        grade: how far a component's numbers can be trusted; None for a parent.
        source: where a component's model comes from; empty for a parent.
    """

    name: str
    energy_pj: float
    area_um2: float
    critical_ns: float
    busy_ns: float
    children: tuple[CostNode, ...] = ()
    grade: Grade | None = None
    source: str = ""

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], CostNode]]:
        """Every node below and including this one, with its path of names."""
        here = (*path, self.name)
        yield here, self
        for child in self.children:
            yield from child.walk(here)

    def child(self, name: str) -> CostNode:
        """The child of that name; raises KeyError."""
        for node in self.children:
            if node.name == name:
                return node
        raise KeyError(f"{name!r} (children: {', '.join(node.name for node in self.children)})")

    def components(self) -> dict[str, CostNode]:
        """Components of the same name summed over all layers."""
        groups: dict[str, list[CostNode]] = {}
        for _, node in self.walk():
            if not node.children:
                groups.setdefault(node.name, []).append(node)
        return {name: branch(name, nodes) for name, nodes in groups.items()}

    def share(self, grade: Grade, quantity: Literal["energy_pj", "area_um2"]) -> float:
        """Share of a quantity that comes from components of one grade."""
        leaves = [node for _, node in self.walk() if not node.children]
        total = math.fsum(getattr(node, quantity) for node in leaves)
        part = math.fsum(getattr(node, quantity) for node in leaves if node.grade == grade)
        return part / total if total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        data: dict[str, Any] = {
            "name": self.name,
            "energy_pj": self.energy_pj,
            "area_um2": self.area_um2,
            "critical_ns": self.critical_ns,
            "busy_ns": self.busy_ns,
        }
        if self.children:
            return data | {"children": [child.to_dict() for child in self.children]}
        return data | {"grade": self.grade, "source": self.source}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> CostNode:
        """The inverse of `to_dict`."""
        rest = {key: value for key, value in data.items() if key != "children"}
        children = tuple(CostNode.from_dict(child) for child in data.get("children", ()))
        return CostNode(**rest, children=children)

    def to_csv(self, path: str | Path) -> Path:
        """Write one row per node: path, amounts, grade, source; the file appears whole or not at all."""
        from .tree_files import tree_csv

        return write_atomic(path, tree_csv(self))

    @staticmethod
    def from_csv(path: str | Path) -> CostNode:
        """The tree that `to_csv` wrote, to the last digit; raises `InputError` if the file is none."""
        from .tree_files import read_tree_csv

        return read_tree_csv(Path(path).expanduser())

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict` as JSON; the file appears whole or not at all."""
        return write_json(path, self.to_dict())

    @staticmethod
    def from_json(path: str | Path) -> CostNode:
        """The tree of a JSON file: one that `to_json` wrote, or of a report; raises `InputError` if it has none."""
        from .tree_files import read_tree_json

        return read_tree_json(Path(path).expanduser())


def component(
    name: str,
    *,
    energy_pj: float = 0.0,
    area_um2: float = 0.0,
    critical_ns: float = 0.0,
    busy_ns: float | None = None,
    grade: Grade,
    source: str,
) -> CostNode:
    """A leaf of the tree; it is busy for at least as long as it is critical."""
    busy = critical_ns if busy_ns is None else busy_ns
    return CostNode(name, energy_pj, area_um2, critical_ns, busy, (), grade, source)


def branch(name: str, children: Sequence[CostNode]) -> CostNode:
    """A parent: the left-to-right sum of its children (`math.fsum` would not match a plain re-addition)."""
    energy = area = critical = busy = 0.0
    for node in children:
        energy += node.energy_pj
        area += node.area_um2
        critical += node.critical_ns
        busy += node.busy_ns
    return CostNode(name, energy, area, critical, busy, tuple(children))
