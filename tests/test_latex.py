"""Designs for a paper: a table that LaTeX takes, entries for all that it cites, and methods with their sources."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from study_data import report

from spikesim_py.figures.latex import bibtex, escaped, latex_table, methods

REPORTS = [
    report(8, {"adc.bits": 6}).to_dict(),
    report(4, {"adc.bits": 5}, accuracy=None).to_dict(),
]


def test_the_table_has_a_row_per_design_with_what_differs_and_one_unit_per_column() -> None:
    table = latex_table(REPORTS)
    rows = re.findall(r"^    digits-w.*\\\\$", table, re.MULTILINE)
    assert len(rows) == 2
    assert "\\texttt{adc.bits}" in table
    assert "90.00 [88.0, 91.0]" in rows[0]
    assert " & -- & " in rows[1]
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", table)
    assert columns is not None
    assert {row.count("&") for row in rows} == {len(columns[1]) - 1}
    assert "Energy (nJ)" in table


def test_every_citation_has_an_entry_and_every_source_is_told() -> None:
    table, entries, text = latex_table(REPORTS), bibtex(REPORTS), methods(REPORTS)
    cited = {key for found in re.findall(r"\\cite\{([^}]*)\}", table) for key in found.split(",")}
    assert cited == set(re.findall(r"@misc\{(\w+),", entries))
    for source in ("source 0", "source 3", "DSENT"):
        assert source in entries
        assert text.count(source) == 1
    assert text.count("was evaluated on rram_32nm") == 2
    assert entries.count("{") == entries.count("}")


def test_what_is_special_to_latex_is_escaped() -> None:
    assert escaped("50 % of a_b & #1 {x} ~ ^ \\") == (
        r"50 \% of a\_b \& \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    assert escaped("3 µm², 1×10⁻⁶ J·s") == r"3 $\mu$m$^2$, 1$\times$10$^{-}$$^{6}$ J$\cdot$s"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_takes_the_table(tmp_path: Path) -> None:
    page = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}" + latex_table(REPORTS) + "\\end{document}"
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60).returncode == 0
