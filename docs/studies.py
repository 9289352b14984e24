"""Writes docs/studies.md and its figures: `python docs/studies.py [NAME ...]`; names: only these, the others stay."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from spikesim_py.studies import NAMES, Findings, PaperStudy, load_study
from spikesim_py.studies.page import claims_markdown

DOCS = Path(__file__).resolve().parent
#: has a page of its own
ELSEWHERE = ("silicon",)

HEAD = """\
# What is published, tried on this model

Every claim of the papers that this tool builds on, as one command: `spikesim study NAME -o runs/NAME` writes the table
(CSV), the figure (SVG) and a page; `--full` takes longer. Each runs in minutes on two cores with bundled networks. How
fabricated chips are predicted is a study with a page of its own: [silicon.md](silicon.md).

**Verdicts** follow one rule (`spikesim_py/studies/verdicts.py`). A number is *reproduced* within 10 % of what is
published (of a saving: within 10 % of what is left), *trend only* if it is further off but on the same side of no
change, else *not reproduced*. Where our comparison is not the published one, agreement counts as a trend at most.
Published numbers are those of abstracts and released code; full papers were not at hand. `python docs/studies.py`
writes this page.
"""


def section(study: PaperStudy, found: Findings) -> str:
    """One study: its command, verdicts, figure and notes."""
    counts = Counter(claim.verdict for claim in found.claims)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    parts = [
        f"## {study.name}",
        f"{study.about[0].upper()}{study.about[1:]}: `spikesim study {study.name}`. {told}.",
        claims_markdown(found).strip(),
        f"![{study.about}](images/study_{study.name}.svg)",
        "\n".join(f"- {note}" for note in found.notes),
        f"Sources: {'; '.join(study.sources)}.",
    ]
    return "\n\n".join(parts) + "\n"


def sections(page: str) -> dict[str, str]:
    """Name to section of a page that this wrote."""
    found = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].removeprefix("## "): part.strip() + "\n" for part in found}


def main(names: list[str]) -> None:
    target = DOCS / "studies.md"
    written = sections(target.read_text(encoding="utf-8")) if target.exists() else {}
    for name in names or [name for name in NAMES if name not in ELSEWHERE]:
        study = load_study(name)
        found = study.run(False)
        written[name] = section(study, found)
        (DOCS / "images" / f"study_{name}.svg").write_text(found.figure, encoding="utf-8")
        ordered = [written[known] for known in NAMES if known in written]
        target.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
