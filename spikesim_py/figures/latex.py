"""Designs for a paper: a LaTeX table, BibTeX entries of what it rests on, and the methods in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._units import Scale, number, scale_for
from ..report import METRICS
from .breakdown import leaves
from .reproduce import flat_configuration

Report = Mapping[str, Any]
#: metrics of the table with what stands above them
COLUMNS = {
    "energy_pj": "Energy",
    "latency_ns": "Latency",
    "area_um2": "Area",
    "edap": "EDAP",
    "tops_per_watt": "Efficiency",
}
#: fields that differ and get a column; more would not fit on a page
MOST_FIELDS = 4
_SPECIAL = {character: f"\\{character}" for character in "&%$#_{}"}
_SPECIAL |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_SIGNS = {"µ": r"$\mu$", "μ": r"$\mu$", "²": "$^2$", "³": "$^3$", "·": r"$\cdot$", "×": r"$\times$", "Ω": r"$\Omega$"}
_SIGNS |= {"−": "$-$", "–": "--", "—": "---", "≤": r"$\le$", "≥": r"$\ge$", "σ": r"$\sigma$", "…": r"\ldots{}"}
_SIGNS |= dict(zip("⁰¹⁴⁵⁶⁷⁸⁹⁻", (f"$^{{{d}}}$" for d in "01456789-"), strict=True))


def escaped(text: str) -> str:
    """Text as LaTeX takes it."""
    return "".join(_SPECIAL.get(sign) or _SIGNS.get(sign, sign) for sign in text)


def latex_table(reports: Sequence[Report]) -> str:
    """A `booktabs` table: a row per design, with the fields that differ and one unit per column."""
    fields = _differing(reports)
    scales = {name: _scale(reports, name) for name in COLUMNS}
    heads = ["Network", *(f"\\texttt{{{escaped(name)}}}" for name in fields), "Accuracy (\\%)"]
    heads += [f"{COLUMNS[name]} ({escaped(scale.unit)})" for name, scale in scales.items()]
    rows = [
        [escaped(found["network"]), *(escaped(str(values[at])) for values in fields.values()), _accuracy(found)]
        + [_value(found["metrics"].get(name), scale) for name, scale in scales.items()]
        for at, found in enumerate(reports)
    ]
    chips = ", ".join(dict.fromkeys(escaped(found["chip"]) for found in reports))
    keys = ",".join(key for key, _ in _sources(reports))
    lines = [
        "% needs \\usepackage{booktabs}; the entries of \\cite are in the BibTeX file",
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{Designs on {chips}, evaluated with spikesim\\_py~\\cite{{spikesim_py}}; accuracies with "
        f"95\\,\\% intervals, costs per inference. Constants: \\cite{{{keys}}}.}}",
        "  \\label{tab:designs}",
        f"  \\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        "    \\toprule",
        f"    {' & '.join(heads)} \\\\",
        "    \\midrule",
        *(f"    {' & '.join(row)} \\\\" for row in rows),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def bibtex(reports: Sequence[Report]) -> str:
    """An entry for this software, and one for every source of a constant that the designs use."""
    versions = ", ".join(dict.fromkeys(found["version"] for found in reports))
    hashes = ", ".join(found["report_hash"][:12] for found in reports)
    entries = [
        "@misc{spikesim_py,\n  title = {spikesim\\_py},\n"
        f"  note = {{version {escaped(versions)}; reports {hashes}}}\n}}"
    ]
    entries += [
        f"@misc{{{key},\n  title = {{{{Source of {escaped(', '.join(parts))}}}}},\n  note = {{{escaped(source)}}}\n}}"
        for key, (source, parts) in _sources(reports)
    ]
    return "\n\n".join(entries) + "\n"


def methods(reports: Sequence[Report]) -> str:
    """The methods paragraph of every design; the sources that all share are told once, at the end."""
    told = [found["methods"].partition(" Sources: ")[0] for found in reports]
    sources = "; ".join(source for _, (source, _) in _sources(reports))
    return " ".join(told) + f" Sources of the constants: {sources}."


def _sources(reports: Sequence[Report]) -> list[tuple[str, tuple[str, list[str]]]]:
    """BibTeX key to a source and the components that rest on it, in the order of the trees."""
    found: dict[str, list[str]] = {}
    for report in reports:
        for _, leaf in leaves(report["tree"]):
            if leaf.get("source"):
                parts = found.setdefault(leaf["source"], [])
                parts += [leaf["name"]] * (leaf["name"] not in parts)
    return [(f"spikesim_source_{at}", item) for at, item in enumerate(found.items(), start=1)]


def _differing(reports: Sequence[Report]) -> dict[str, list[Any]]:
    """Fields of the chips that differ: name to the value of each design."""
    flat = [flat_configuration(report) for report in reports]
    rows = {name: [own[name] for own in flat] for name in flat[0]}
    differing = {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
    return dict(list(differing.items())[:MOST_FIELDS])


def _scale(reports: Sequence[Report], name: str) -> Scale:
    values = [abs(found["metrics"].get(name) or 0.0) for found in reports]
    return scale_for(max(values), METRICS[name][1])


def _accuracy(report: Report) -> str:
    found = report["accuracy"]
    if not found:
        return "--"
    low, high = (100 * end for end in found["interval"])
    return f"{100 * found['value']:.2f} [{low:.1f}, {high:.1f}]"


def _value(value: float | None, scale: Scale) -> str:
    return "--" if value is None else escaped(number(value * scale.factor, 3))
