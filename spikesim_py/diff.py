"""Two reports held against each other: where B takes more or less than A, by component, layer or leaf of the tree."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ._files import write_atomic, write_json
from .cost.tree import QUANTITIES, CostNode, Quantity
from .cost.tree_files import path_text, read_json, tree_from
from .errors import InputError
from .report import METRICS, Report

By = Literal["component", "layer", "leaf"]

#: columns of a row's values
COLUMNS = ("a", "b", "difference", "ratio", "percent")


@dataclass(frozen=True)
class Change:
    """One number of A and of B; 0 where one of them does not have what is compared."""

    a: float
    b: float

    @property
    def difference(self) -> float:
        return self.b - self.a

    @property
    def ratio(self) -> float | None:
        """B over A; None where A is 0."""
        return self.b / self.a if self.a else None

    @property
    def percent(self) -> float | None:
        return None if self.ratio is None else 100.0 * (self.ratio - 1.0)

    def to_dict(self) -> dict[str, float | None]:
        return {name: getattr(self, name) for name in COLUMNS}


@dataclass(frozen=True)
class DiffRow:
    """What two designs spend on one component, layer or leaf; `only` says which has it if one does not."""

    name: str
    energy_pj: Change
    critical_ns: Change
    area_um2: Change
    only: Literal["a", "b"] | None = None


@dataclass(frozen=True)
class TreeDiff:
    """Two designs, A and B.

    Attributes:
        names: of A and of B.
        by: what the rows are; together they are all that A and B have, in the order of A's tree.
        rows: their differences sum to that of `total`, but for rounding.
        total: the roots of the trees.
        metrics: every number of `report.METRICS` that both reports have.
        settings: dotted field of the chip to its values in A and B, where they differ; None where it has none.
    """

    names: tuple[str, str]
    by: By
    rows: tuple[DiffRow, ...]
    total: DiffRow
    metrics: Mapping[str, Change]
    settings: Mapping[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON and for figures."""
        return {
            "names": list(self.names),
            "by": self.by,
            "rows": [_plain(row) for row in self.rows],
            "total": _plain(self.total),
            "metrics": {name: change.to_dict() for name, change in self.metrics.items()},
            "settings": {name: list(values) for name, values in self.settings.items()},
        }

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict` as JSON; the file appears whole or not at all."""
        return write_json(path, self.to_dict())

    def to_csv(self, path: str | Path) -> Path:
        """Write one row per name and quantity, the total last; the file appears whole or not at all."""
        out = io.StringIO(newline="")
        table = csv.writer(out)
        table.writerow((self.by, "quantity", *COLUMNS))
        for row in (*self.rows, self.total):
            for quantity in QUANTITIES:
                values = getattr(row, quantity).to_dict().values()
                table.writerow((row.name, quantity, *("" if value is None else repr(value) for value in values)))
        return write_atomic(path, out.getvalue())

    def to_html(self, path: str | Path) -> Path:
        """Write a self-contained page (no network needed to open it)."""
        from .figures.diff_page import diff_page

        return write_atomic(path, diff_page(self.to_dict()))


#: a report, its plain data (`Report.to_dict`), or the JSON file of it
Source = Report | Mapping[str, Any] | str | Path


def diff(a: Source, b: Source, by: By = "component") -> TreeDiff:
    """What B takes more than A, and where.

    Args:
        a, b: reports, their plain data, or the JSON files that they wrote.
        by: sum the leaves of the trees by `component` or by `layer`, or keep each (`leaf`).

    Raises:
        InputError: one of them is not a report, or `by` is something else.
    """
    first, second = _read(a), _read(b)
    rows = tree_rows(first.tree, second.tree, by)
    total = _row("total", _amounts(first.tree), _amounts(second.tree))
    metrics, settings = _metrics(first.metrics, second.metrics), _settings(first.hardware, second.hardware)
    return TreeDiff(_names(first, second), by, rows, total, metrics, settings)


def tree_rows(a: CostNode, b: CostNode, by: By) -> tuple[DiffRow, ...]:
    """A row for every component, layer or leaf that at least one of two trees has."""
    if by not in get_args(By):
        raise InputError(f"by = {by!r}: must be one of {', '.join(get_args(By))}")
    first, second = _grouped(a, by), _grouped(b, by)
    return tuple(_row(name, first.get(name), second.get(name)) for name in dict.fromkeys([*first, *second]))


@dataclass(frozen=True)
class _Side:
    """What is compared of a report."""

    network: str
    chip: str
    report_hash: str
    metrics: Mapping[str, float | None]
    tree: CostNode
    hardware: Mapping[str, Any]


def _read(source: Source) -> _Side:
    if isinstance(source, Report):
        hardware = source.hardware
        return _Side(source.network, source.chip, source.report_hash, source.metrics(), source.tree, hardware)
    where, data = _plain_data(source)
    kinds = {"network": str, "chip": str, "report_hash": str, "metrics": dict, "tree": dict, "hardware": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(data.get(name), kind)]
    if wrong:
        raise InputError(f"{where}: is not a report (written with --json or Report.to_json): {wrong[0]!r} is missing")
    tree = tree_from(data["tree"], where)
    return _Side(data["network"], data["chip"], data["report_hash"], data["metrics"], tree, data["hardware"])


def _plain_data(source: Mapping[str, Any] | str | Path) -> tuple[str, Mapping[str, Any]]:
    if isinstance(source, Mapping):
        return "report", source
    path = Path(source).expanduser()
    return str(path), read_json(path)


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields that differ, None where only one has them (of a layer, say); names, prose and sources are no settings."""
    first, second = dict(_flat(a)), dict(_flat(b))
    return {
        name: (first.get(name), second.get(name))
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    }


def _flat(entry: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in entry.items():
        if not above and name in ("name", "description", "sources"):
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _names(a: _Side, b: _Side) -> tuple[str, str]:
    """Network and chip; the report's hash too where these are the same."""
    plain = [f"{side.network} on {side.chip}" for side in (a, b)]
    if plain[0] != plain[1]:
        return plain[0], plain[1]
    return f"{plain[0]} ({a.report_hash[:8]})", f"{plain[1]} ({b.report_hash[:8]})"


def _grouped(tree: CostNode, by: By) -> dict[str, dict[str, float]]:
    """Name to the amounts of its leaves."""
    groups: dict[str, dict[str, float]] = {}
    for name, leaf in _named_leaves(tree, by):
        total = groups.setdefault(name, dict.fromkeys(QUANTITIES, 0.0))
        for quantity, amount in _amounts(leaf).items():
            total[quantity] += amount
    return groups


def _named_leaves(tree: CostNode, by: By) -> Iterator[tuple[str, CostNode]]:
    """The root's name is left out: chips differ in it. A component right below it belongs to `shared`."""
    for path, node in tree.walk():
        if not node.children:
            below = path[1:] if len(path) > 2 else ("shared", node.name)
            yield {"component": node.name, "layer": below[0], "leaf": path_text(below)}[by], node


def _amounts(node: CostNode) -> dict[str, float]:
    return {quantity: getattr(node, quantity) for quantity in QUANTITIES}


def _row(name: str, a: Mapping[str, float] | None, b: Mapping[str, float] | None) -> DiffRow:
    changes = {quantity: Change((a or {}).get(quantity, 0.0), (b or {}).get(quantity, 0.0)) for quantity in QUANTITIES}
    only: Literal["a", "b"] | None = "a" if b is None else "b" if a is None else None
    return DiffRow(name, **changes, only=only)


def _metrics(a: Mapping[str, float | None], b: Mapping[str, float | None]) -> dict[str, Change]:
    pairs = {name: (a.get(name), b.get(name)) for name in METRICS}
    return {
        name: Change(x, y)
        for name, (x, y) in pairs.items()
        if isinstance(x, int | float) and isinstance(y, int | float)
    }


def _plain(row: DiffRow) -> dict[str, Any]:
    quantities: dict[Quantity, Any] = {quantity: getattr(row, quantity).to_dict() for quantity in QUANTITIES}
    return {"name": row.name, "only": row.only} | quantities
