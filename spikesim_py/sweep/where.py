"""Filters in the manner of SQL's WHERE: ``accuracy >= 95 % and (adc.bits in (4, 5) or not network = digits-w1)``.

A filter is comparisons as goals have them (names, nicknames and units: `goals.condition`), joined by ``and``, ``or``,
``not`` and parentheses; ``NAME in (A, B)``; ``NAME between A and B``; and words by themselves, which the
texts of a design must hold. It is read into a tree and judged over columns: nothing of it is executed, and no
database sees it.

As in SQL, a comparison with a missing value is neither true nor false, so that ``not`` does not make it true: what was
not measured passes neither ``accuracy >= 95 %`` nor ``not accuracy >= 95 %`` (three-valued logic: Kleene,
Introduction to Metamathematics, 1952, section 64).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .goals import compared

Frame = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]

_TOKEN = re.compile(r"\s*('[^']*'|\"[^\"]*\"|<=|>=|<>|==|!=|[<>=≤≥≠(),]|[^\s<>=≤≥≠(),!'\"]+|\S)")
_SIGNS = ("<", "<=", ">", ">=", "=", "==", "!=", "<>", "≤", "≥", "≠")
_JOINS = ("and", "or", "not")
#: longer ones are no filters, and deeper ones would exhaust the stack
LONGEST, _DEEPEST = 2000, 40
_EXAMPLE = "such as: accuracy >= 95 % and adc.bits in (4, 5)"


def where(frame: Frame, text: str) -> Mask:
    """Per row of a frame, whether it passes a filter; an empty one passes all.

    Raises:
        InputError: it is none, or asks for a name or unit that there is not.
    """
    total = len(next(iter(frame.values()), ()))
    if not text.strip():
        return np.ones(total, dtype=bool)
    if len(text) > LONGEST:
        raise InputError(f"filter: has more than {LONGEST} characters")
    found = _Reading(frame, text, _TOKEN.findall(text.strip()))
    truth = found.either()
    if found.left:
        raise InputError(f"filter {text!r}: {found.left[0]!r} is not expected there ({_EXAMPLE})")
    return truth.yes


@dataclass(frozen=True)
class _Truth:
    """Per row, whether something holds, and whether it does not; neither where a value that it needs is missing."""

    yes: Mask
    no: Mask

    def __and__(self, other: _Truth) -> _Truth:
        return _Truth(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: _Truth) -> _Truth:
        return _Truth(self.yes | other.yes, self.no & other.no)

    def __invert__(self) -> _Truth:
        return _Truth(self.no, self.yes)


@dataclass
class _Reading:
    """Recursive descent over tokens; `left` are those to come."""

    frame: Frame
    text: str
    left: list[str]
    depth: int = field(default=0)

    def next(self, *expected: str) -> bool:
        """Take the next token if it is one of these."""
        if self.left and self.left[0].lower() in expected:
            self.left.pop(0)
            return True
        return False

    def either(self) -> _Truth:
        truth = self.both()
        while self.next("or"):
            truth = truth | self.both()
        return truth

    def both(self) -> _Truth:
        truth = self.one()
        while self.next("and"):
            truth = truth & self.one()
        return truth

    def one(self) -> _Truth:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise InputError(f"filter: is nested deeper than {_DEEPEST}")
        try:
            if self.next("not"):
                return ~self.one()
            if self.next("("):
                truth = self.either()
                self.need(")")
                return truth
            return self.comparison()
        finally:
            self.depth -= 1

    def need(self, token: str) -> None:
        if not self.next(token):
            raise InputError(f"filter {self.text!r}: {token!r} is missing ({_EXAMPLE})")

    def words(self) -> list[str]:
        """Tokens up to the next sign, join, comma or bracket."""
        found = []
        while self.left and self.left[0] not in (*_SIGNS, "(", ")", ",") and self.left[0].lower() not in _JOINS:
            found.append(self.left.pop(0))
        return found

    def comparison(self) -> _Truth:
        if not self.left or self.left[0] in (*_SIGNS, ")", ",") or self.left[0].lower() in _JOINS:
            raise InputError(f"filter {self.text!r}: a comparison is missing ({_EXAMPLE})")
        name = self.left.pop(0)
        if self.left and self.left[0] in _SIGNS:
            sign = self.left.pop(0).replace("<>", "!=")
            return self.judged(f"{name} {sign} {self.value()}")
        opposite = len(self.left) > 1 and self.left[1].lower() in ("in", "between") and self.next("not")
        if self.next("in"):
            truth = self.among(name)
        elif self.next("between"):
            low = self.value()
            self.need("and")
            truth = self.judged(f"{name} >= {low}") & self.judged(f"{name} <= {self.value()}")
        else:
            return self.holding(" ".join([name, *self.words()]))
        return ~truth if opposite else truth

    def judged(self, text: str) -> _Truth:
        met, known = compared(self.frame, text)
        return _Truth(met & known, ~met & known)

    def value(self) -> str:
        found = " ".join(self.words())
        if not found:
            raise InputError(f"filter {self.text!r}: a value is missing ({_EXAMPLE})")
        return found

    def among(self, name: str) -> _Truth:
        self.need("(")
        truth = self.judged(f"{name} == {self.value()}")
        while self.next(","):
            truth = truth | self.judged(f"{name} == {self.value()}")
        self.need(")")
        return truth

    def holding(self, words: str) -> _Truth:
        """Designs that have a text with these words in it."""
        wanted = words.strip("'\"").lower()
        texts = [values for values in map(np.asarray, self.frame.values()) if values.dtype.kind == "U"]
        found = [np.strings.find(np.strings.lower(values), wanted) >= 0 for values in texts]
        mask = np.asarray(np.logical_or.reduce(found) if found else np.zeros(0, dtype=bool))
        if not mask.any():
            raise InputError(f"filter {words!r}: no design has it in a text, and it is no comparison ({_EXAMPLE})")
        return _Truth(mask, ~mask)
