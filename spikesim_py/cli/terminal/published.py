"""Studies of what is published: their list, and what one found."""

from __future__ import annotations

from collections.abc import Sequence

from ...studies import Findings, PaperStudy
from . import console


def print_studies(known: Sequence[PaperStudy]) -> None:
    """One line for each study."""
    out = console()
    for study in known:
        out.print(f"[bold]{study.name:<20}[/bold]{study.about}")


def print_findings(study: PaperStudy, found: Findings) -> None:
    """The verdicts and the notes; the numbers are for files."""
    out = console()
    out.print(f"[bold]{study.name}[/bold]  {study.about}")
    for claim in found.claims:
        out.print(f"[bold]{claim.verdict:<16}[/bold]{claim.claim}")
        note = f" ({claim.note})" if claim.note else ""
        out.print(f"{'':<16}published: {claim.published}; here: {claim.found}{note}")
    for note in found.notes:
        out.print(note)
