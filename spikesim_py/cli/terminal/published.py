"""Studies of what is published: their list, and what one found."""

from __future__ import annotations

from collections.abc import Sequence

from ...studies import Findings, PaperStudy
from ...studies.page import CLAIMS, claim_rows
from . import console, new_table


def print_studies(known: Sequence[PaperStudy]) -> None:
    """One line for each study."""
    out = console()
    for study in known:
        out.print(f"[bold]{study.name:<20}[/bold]{study.about}")


def print_findings(study: PaperStudy, found: Findings) -> None:
    """The verdicts and the notes; the numbers are for files."""
    out = console()
    out.print(f"[bold]{study.name}[/bold]  {study.about}")
    table = new_table("verdicts", *CLAIMS[:4])
    for row in claim_rows(found):
        table.add_row(*row[:4])
    out.print(table)
    for line in (*(f"{claim.claim}: {claim.note}" for claim in found.claims if claim.note), *found.notes):
        out.print(f"  {line}")
