"""Cost trees as files: CSV, one row per node, and JSON.

A row has the path of a node, its amounts and, for a component, grade and source. Rows stand depth first, so that a
node's parent is the last row before it whose path is one name shorter. Names in a path are separated by `/`; in a
name `/` is written `%2F` and `%` is written `%25`. Numbers keep all their digits.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from ..errors import InputError
from .tree import CostNode, Grade

AMOUNTS = ("energy_pj", "area_um2", "critical_ns", "busy_ns")
COLUMNS = ("path", *AMOUNTS, "grade", "source")

#: how far a parent may be from the sum of its children: a spreadsheet that keeps 12 digits may have written it
_TOLERANCE = 1e-9
#: nodes from the root down; chips have six
_MAX_DEPTH = 64


def path_text(names: Sequence[str]) -> str:
    """A path as one text, whatever the names contain."""
    return "/".join(name.replace("%", "%25").replace("/", "%2F") for name in names)


def tree_csv(tree: CostNode) -> str:
    """The tree as CSV (RFC 4180)."""
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for path, node in tree.walk():
        amounts = (repr(float(getattr(node, name))) for name in AMOUNTS)
        rows.writerow((path_text(path), *amounts, node.grade or "", node.source))
    return out.getvalue()


def read_tree_csv(path: Path) -> CostNode:
    """The tree of a CSV file.

    Raises:
        InputError: the file is not such a table, or a parent is not the sum of its children (a row is missing).
    """
    lines = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        return _tree(lines, path)
    except csv.Error as error:
        raise InputError(f"{path}:{lines.line_num}: is not CSV: {error}") from None


def _tree(lines: Any, path: Path) -> CostNode:
    if tuple(next(lines, ())) != COLUMNS:
        raise InputError(f"{path}: is not a cost tree: the first line must be {','.join(COLUMNS)}")
    root: _Row | None = None
    open_rows: list[_Row] = []  # the path to the last row
    for cells in lines:
        row = _row(cells, f"{path}:{lines.line_num}")
        if row.depth > _MAX_DEPTH:
            raise InputError(f"{row.place}: path: has {row.depth} parts: at most {_MAX_DEPTH}")
        if row.depth > len(open_rows) + 1 or (row.depth == 1) == (root is not None):
            raise InputError(f"{row.place}: path = {cells[0]!r}: its parent must stand before it; there is one root")
        open_rows[row.depth - 1 :] = [row]
        if row.depth == 1:
            root = row
        else:
            open_rows[-2].children.append(row)
    if root is None:
        raise InputError(f"{path}: is not a cost tree: it has no rows")
    return root.node()


def read_tree_json(path: Path) -> CostNode:
    """The tree of a JSON file, which may be that of a whole report; raises `InputError` if it is neither."""
    data = read_json(path)
    return tree_from(data.get("tree", data), str(path))


def tree_from(data: Any, where: str) -> CostNode:
    """A tree from plain data of unknown origin; raises `InputError` that names `where` it is from."""
    try:
        tree = CostNode.from_dict(data)
        for path, node in tree.walk():
            if len(path) > _MAX_DEPTH:
                raise TypeError(f"has more than {_MAX_DEPTH} levels")
            _check(node)
    except (TypeError, AttributeError, KeyError, OverflowError) as error:
        raise InputError(f"{where}: is not a cost tree: {error}") from None
    except RecursionError:
        raise InputError(f"{where}: is not a cost tree: nested too deep") from None
    return tree


def _check(node: CostNode) -> None:
    numbers = [getattr(node, name) for name in AMOUNTS]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise TypeError("amounts must be finite numbers")
    if not isinstance(node.name, str) or not isinstance(node.source, str) or node.grade not in (None, *get_args(Grade)):
        raise TypeError(f"name and source must be text, grade null or one of {', '.join(get_args(Grade))}")


def read_text(path: Path) -> str:
    """The text of a file as it is; raises `InputError` if it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a text file in UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds; raises `InputError` with the line if it holds none."""
    text = read_text(path)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: is not valid JSON: {error.msg}") from None
    except ValueError:
        raise InputError(f"{path}: is not valid JSON: a number of more than 4300 digits") from None
    except RecursionError:
        raise InputError(f"{path}: is not valid JSON: nested too deep") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object, found {type(data).__name__}")
    return data


class _Row:
    """One row of a file, and the rows below it."""

    def __init__(self, place: str, path: str, amounts: dict[str, float], grade: Grade | None, source: str) -> None:
        names = path.split("/")
        self.place, self.depth = place, len(names)
        self.name = names[-1].replace("%2F", "/").replace("%25", "%")
        self.amounts, self.grade, self.source = amounts, grade, source
        self.children: list[_Row] = []

    def node(self) -> CostNode:
        children = tuple(child.node() for child in self.children)
        if not children and self.grade is None and any(self.amounts.values()):
            raise InputError(f"{self.place}: {self.name}: a component needs a grade, a parent rows below it")
        for name, amount in self.amounts.items() if children else ():
            total = sum(getattr(child, name) for child in children)
            if not math.isclose(amount, total, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
                raise InputError(f"{self.place}: {name} = {amount!r}: its children sum to {total!r}")
        return CostNode(self.name, **self.amounts, children=children, grade=self.grade, source=self.source)


def _row(cells: list[str], place: str) -> _Row:
    if len(cells) != len(COLUMNS):
        raise InputError(f"{place}: has {len(cells)} cells, must have {len(COLUMNS)}")
    path, *numbers, grade, source = cells
    if grade not in ("", *get_args(Grade)):
        raise InputError(f"{place}: grade = {grade!r}: must be empty or one of {', '.join(get_args(Grade))}")
    amounts = {name: _amount(text, name, place) for name, text in zip(AMOUNTS, numbers, strict=True)}
    return _Row(place, path, amounts, grade or None, source)  # type: ignore[arg-type]


def _amount(text: str, name: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{place}: {name} = {text!r}: must be a finite number")
    return value
