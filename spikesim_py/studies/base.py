"""What a study is and what it finds; `page.py` and the command line only show it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

#: how a published claim fares; `open` where it cannot be told, and the note says why
Verdict = Literal["reproduced", "trend only", "not reproduced", "open"]
#: a cell of a study's table; empty where there is nothing to say
Cell = str | int | float | None


@dataclass(frozen=True)
class Claim:
    """One published claim and what became of it: a row of the verdict table.

    Attributes:
        claim: what is said. published, found: the numbers, with units. verdict: see `Verdict`. note: why it differs.
    """

    claim: str
    published: str
    found: str
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """What one run of a study found.

    Attributes:
        rows: the table, all with the same columns in the same order; units in the names of the columns.
        figure: an SVG document (`figures/svg.py`). claims: the verdicts.
        notes: what a reader must know: assumptions, and what could not be done.
    """

    rows: tuple[Mapping[str, Cell], ...]
    figure: str
    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rows or any(list(row) != list(self.rows[0]) for row in self.rows):
            raise ValueError("rows: a study has some, all with the same columns in the same order")

    def csv(self) -> str:
        """The rows as CSV (RFC 4180), numbers with all their digits."""
        out = io.StringIO(newline="")
        lines = csv.DictWriter(out, list(self.rows[0]), lineterminator="\n")
        lines.writeheader()
        lines.writerows(self.rows)
        return out.getvalue()


@dataclass(frozen=True)
class PaperStudy:
    """One study. The same call finds the same, to the last digit.

    Attributes:
        name: of the command. about: one line: what is held against what. sources: the publications.
        run: takes whether to run the long version; the short one takes minutes on two cores, with bundled data only.
    """

    name: str
    about: str
    sources: tuple[str, ...]
    run: Callable[[bool], Findings]
