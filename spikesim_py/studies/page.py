"""A study as an offline page."""

from __future__ import annotations

from html import escape

from .._units import number
from ..figures.html import _line, _page, _table
from .base import Cell, Findings, PaperStudy

#: columns of the verdict table
CLAIMS = ("claim", "published", "here", "verdict", "note")


def claim_rows(found: Findings) -> list[tuple[str, ...]]:
    """The verdict table as text."""
    return [(claim.claim, claim.published, claim.found, claim.verdict, claim.note) for claim in found.claims]


def study_page(study: PaperStudy, found: Findings) -> str:
    """One HTML file: verdicts, figure, notes, table, sources."""
    names = list(found.rows[0])
    numeric = [place for place, name in enumerate(names) if isinstance(found.rows[0][name], int | float)]
    cells = [[cell_text(row[name]) for name in names] for row in found.rows]
    body = [
        f"<h1>{escape(study.name)}</h1>",
        _line(study.about),
        f'<div class="words">{_table(CLAIMS, claim_rows(found))}</div>',
        f'<div class="figure">{found.figure}</div>',
        *[_line(note, "small") for note in found.notes],
        "<h2>Numbers</h2>",
        f'<div class="wide">{_table(names, cells, right=numeric)}</div>',
        "<h2>Sources</h2>",
        *[_line(source, "small") for source in study.sources],
        f"<pre>spikesim study {escape(study.name)}</pre>",
    ]
    return _page(study.name, body)


def claims_markdown(found: Findings) -> str:
    """The verdict table as Markdown, for the docs."""
    lines = [CLAIMS, tuple("---" for _ in CLAIMS), *claim_rows(found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def cell_text(value: Cell) -> str:
    """A cell as readers see it."""
    return "" if value is None else number(value) if isinstance(value, float) else str(value)
