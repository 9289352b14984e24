"""Conditions such as ``area_um2 <= 1e8`` over columns of designs: a small language, parsed and never executed.

Comparisons of names, numbers and texts; ``+ - * /``; ``and``, ``or``, ``not``; ``in [...]``. Names are dotted fields
and metrics. Every column is an array, so that one expression judges all designs at once. A field that an inactive axis
leaves alone has no value: comparisons with it are false (``!=`` is true).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, did_you_mean

#: a comparison as it is written, of goals too
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SIGNS: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_WORDS = {"true": True, "false": False, "True": True, "False": False}


@dataclass(frozen=True)
class Condition:
    """An expression that holds for a design or not.

    Attributes:
        text: as written. where: file and line, for errors.
        names: fields and metrics that it asks for.
    """

    text: str
    where: str
    names: tuple[str, ...]
    _tree: ast.expr = field(repr=False, compare=False)

    def holds(self, columns: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Per design, whether it holds; raises `ConfigError` where texts meet numbers."""
        with np.errstate(invalid="ignore", divide="ignore"):
            try:
                return np.asarray(_evaluated(self._tree, columns), dtype=bool)
            except TypeError:
                raise ConfigError(f"{self.where} = {self.text!r}: compares texts with numbers") from None


def parse(text: Any, where: str, known: Iterable[str]) -> Condition:
    """A condition over `known` names.

    Raises:
        ConfigError: it is not one, or asks for a name that there is not.
    """
    known = list(known)
    if not isinstance(text, str):
        raise ConfigError(f"{where} = {text!r}: must be a condition in words, such as area_um2 <= 1e8")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f"{where} = {text!r}: is not a condition, such as area_um2 <= 1e8") from None
    names: dict[str, None] = {}
    if not _truth(tree, names):
        raise ConfigError(
            f"{where} = {text!r}: is not a condition: comparisons of names, numbers and texts, joined by and, or, not"
        )
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigError(f"{where} = {text!r}: {name}: unknown{hint} (known: {', '.join(known)})")
    return Condition(text, where, tuple(names), tree)


def _truth(tree: ast.expr, names: dict[str, None]) -> bool:
    """Whether an expression is true or false of a design; collects its names."""
    if isinstance(tree, ast.BoolOp):
        return all(_truth(part, names) for part in tree.values)
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.Not) and _truth(tree.operand, names)
    if not isinstance(tree, ast.Compare):
        return False
    sides = [tree.left, *tree.comparators]
    for op, right in zip(tree.ops, tree.comparators, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            if len(tree.ops) > 1 or not isinstance(right, ast.List | ast.Tuple):
                return False
            sides = [tree.left, *right.elts]
        elif type(op) not in _SIGNS:
            return False
    return all(_value(side, names) for side in sides)


def _value(tree: ast.expr, names: dict[str, None]) -> bool:
    """Whether an expression is a name, a constant or arithmetic of them."""
    if isinstance(tree, ast.BinOp):
        return type(tree.op) in _ARITHMETIC and _value(tree.left, names) and _value(tree.right, names)
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.USub) and _value(tree.operand, names)
    if isinstance(tree, ast.Constant):
        return isinstance(tree.value, bool | int | float | str)
    name = _dotted(tree)
    if name is not None and name not in _WORDS:
        names[name] = None
    return name is not None


def _dotted(tree: ast.expr) -> str | None:
    if isinstance(tree, ast.Name):
        return tree.id
    if isinstance(tree, ast.Attribute):
        inner = _dotted(tree.value)
        return None if inner is None else f"{inner}.{tree.attr}"
    return None


def _evaluated(tree: ast.expr, columns: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.BoolOp):
        join = np.logical_and if isinstance(tree.op, ast.And) else np.logical_or
        return join.reduce(np.broadcast_arrays(*(_evaluated(part, columns) for part in tree.values)))
    if isinstance(tree, ast.UnaryOp):
        inner = _evaluated(tree.operand, columns)
        return np.logical_not(inner) if isinstance(tree.op, ast.Not) else -inner
    if isinstance(tree, ast.BinOp):
        return _ARITHMETIC[type(tree.op)](_evaluated(tree.left, columns), _evaluated(tree.right, columns))
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.Compare):
        return _compared(tree, columns)
    name = _dotted(tree)
    assert name is not None  # `parse` has seen to it
    return _WORDS[name] if name in _WORDS else columns[name]


def _compared(tree: ast.Compare, columns: Mapping[str, Any]) -> Any:
    left = _evaluated(tree.left, columns)
    result: Any = True
    for op, comparator in zip(tree.ops, tree.comparators, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(comparator, ast.List | ast.Tuple)
            found: Any = False
            for choice in comparator.elts:
                found = found | np.asarray(left == _evaluated(choice, columns), dtype=bool)
            return found if isinstance(op, ast.In) else np.logical_not(found)
        right = _evaluated(comparator, columns)
        result = result & np.asarray(COMPARE[_SIGNS[type(op)]](left, right), dtype=bool)
        left = right
    return result
