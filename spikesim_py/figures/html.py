"""Offline pages: one file that opens anywhere, with plotly.js inside and nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from .._units import engineering, number
from .._version import __version__
from ..cost.roofline import COLUMNS, report_roofline, roofline_rows
from ..neurobench import OPERATIONS, neurobench_rows, operation_rows
from ..report import LAYER_COLUMNS, METRICS, layer_rows
from ..sweep import Study, nondominated
from .activity import layer_activity_figure
from .breakdown import QUANTITIES, By, breakdown_figure
from .columns import Frame, column, shown, varying
from .pareto import pareto_figure
from .picks import best_designs
from .reproduce import Report, command, configuration_yaml, sweep_command, sweep_yaml
from .roofline import roofline_figure
from .style import GRAPH_CONFIG, QUIET
from .trust import grade_shares, sources

#: metrics of the Pareto table
TABLE = ("accuracy", "edap", "energy_pj", "latency_ns", "area_um2", "tops_per_watt", "utilization")

_STYLE = """
:root { --ink: #1f2933; --muted: #5f6c7b; --rule: #e4e9ee; --accent: #0072b2; }
body { margin: 0 auto; max-width: 1180px; padding: 36px 28px 60px; color: var(--ink);
  font: 15px/1.55 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.02em; }
h2 { font-size: 19px; margin: 38px 0 10px; padding-top: 14px; border-top: 1px solid var(--rule); }
h3 { font-size: 15.5px; margin: 22px 0 6px; }
.faint { color: var(--muted); }
.small { font-size: 13px; }
code, pre { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
pre { background: #f5f7f9; border: 1px solid var(--rule); border-radius: 6px; padding: 10px 12px; overflow: auto;
  white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid #9aa5b1; padding: 5px 10px 5px 0;
  vertical-align: bottom; }
td { border-bottom: 1px solid var(--rule); padding: 4px 10px 4px 0; vertical-align: top; white-space: nowrap; }
.wide { overflow-x: auto; }
.words td { white-space: normal; overflow-wrap: break-word; min-width: 5.5em; }
td:last-child { white-space: normal; overflow-wrap: break-word; }
th.right, td.right { text-align: right; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(176px, 1fr)); gap: 8px; margin: 18px 0; }
.tile { border: 1px solid var(--rule); border-radius: 8px; padding: 9px 12px; }
.tile b { display: block; font-size: 16.5px; font-weight: 600; white-space: nowrap; }
.tile span { font-size: 12px; color: var(--muted); }
.tile:first-child b { color: var(--accent); }
.figure { min-width: 0; overflow: hidden; }
.three { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px 14px; }
@media (max-width: 900px) { .three { grid-template-columns: minmax(0, 1fr); } }
@media print { body { padding: 0; } h2 { break-after: avoid; } .figure { break-inside: avoid; } }
"""


def report_page(report: Report) -> str:
    """One design as a page (takes the plain data of `Report.to_dict`)."""
    title = f"{report['network']} on {report['chip']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        _line(_provenance(report)),
        _tiles(report),
        "<h2>Where energy, latency and area go</h2>",
        _costs(report, "design", "component"),
        _costs(report, "design", "layer"),
        *_limits(report),
        "<h2>What each layer saw</h2>",
        _figure(layer_activity_figure(report["activity"]), "activity", QUIET),
        *_layers(report),
        *_neurobench(report),
        *_closing(report, command(report)),
        "<h2>Configuration</h2>",
        f"<pre>{escape(configuration_yaml(report))}</pre>",
    ]
    return _page(title, body)


def study_page(study: Study) -> str:
    """A study as a page: fronts, their table, the best designs, methods and sources."""
    frame: Frame = study.frame()
    if not len(frame["report_hash"]):
        return _page("An empty study", ["<h1>An empty study</h1>", _line("No design has been evaluated yet.")])
    goals = [goal for goal in ("edap", "tops_per_watt") if _has(frame, "accuracy")]
    front = nondominated(frame, ["accuracy", "edap"] if goals else ["edap"])
    body = [f"<h1>{escape(_title(study))}</h1>", _line(_summary(study, frame, int(front.sum())))]
    body += ["<h2>Accuracy against cost</h2>"] * bool(goals)
    for goal in goals:
        mask = nondominated(frame, ["accuracy", goal])
        figure = pareto_figure(frame, goal, "accuracy", _color(frame), mask).update_layout(height=430)
        body += [f"<h3>{escape(METRICS[goal][0])}</h3>", _figure(figure, f"pareto-{goal}")]
    body += ["<h2>Pareto front</h2>", _front_table(frame, front)]
    if study.imported:
        told = "These results were imported as numbers: there is no report to break down, and no sweep to repeat."
        return _page(_title(study), [*body, _line(told)])
    picks = best_designs(frame, front)
    reports = {row: study.report(str(frame["report_hash"][row])) for row in picks.values()}
    for index, (reason, row) in enumerate(picks.items()):
        body += _design(reason, reports[row], f"p{index}")
    body += _closing(next(iter(reports.values())), sweep_command(study.space))
    body += ["<h2>The sweep</h2>", f"<pre>{escape(sweep_yaml(study.space))}</pre>"]
    return _page(_title(study), body)


def _design(reason: str, report: Report, key: str) -> list[str]:
    name = f"{report['network']} on {report['chip']}"
    return [
        f"<h2>{escape(reason)}: {escape(name)}</h2>",
        _line(_provenance(report)),
        _tiles(report),
        f"<pre>{escape(command(report))}</pre>",
        _costs(report, key, "component"),
    ]


def _costs(report: Report, key: str, by: By) -> str:
    """Energy, latency and area; by component they stand side by side where the page is wide."""
    figures = {quantity: breakdown_figure(report["tree"], quantity, by) for quantity in QUANTITIES}
    drawn = [_figure(figure, f"{key}-{quantity}-{by}", QUIET) for quantity, figure in figures.items()]
    return f'<div class="{"three" if by == "component" else "rows"}">{"".join(drawn)}</div>'


def _limits(report: Report) -> list[str]:
    """What limits each layer's time, and how much faster it would be without."""
    found = report_roofline(report)
    return [
        "<h2>What limits each layer</h2>",
        _figure(roofline_figure(found), "roofline", QUIET),
        _table(["layer", *COLUMNS], roofline_rows(found), right=(1, 3, 4, 6, 7, 8)),
        _line(
            "Headroom: how much faster with an infinitely fast limiter. Slack: how much slower the next resource may "
            "get before it limits. The limiter's TOPS: what it would allow if nothing else took time."
        ),
    ]


def _layers(report: Report) -> list[str]:
    """How exact each layer is, where it was measured."""
    if not report.get("quality"):
        return []
    columns = len(LAYER_COLUMNS) + 1
    return [
        "<h3>On the chip against exact arithmetic</h3>",
        _table(["layer", *LAYER_COLUMNS], layer_rows(report), right=range(1, columns)),
        _line(
            "Signal/error, bias, gain and own mismatch compare a layer with the exact product of the inputs that it "
            "has on the chip; mismatch compares its spikes with those of the exact network on the same images."
        ),
    ]


def _neurobench(report: Report) -> list[str]:
    """NeuroBench's metrics, where they were measured."""
    if not (found := report.get("neurobench")):
        return []
    return [
        "<h2>NeuroBench</h2>",
        _table(["metric", "value", "of"], neurobench_rows(found), right=(1,)),
        _table(["layer", *OPERATIONS], operation_rows(found), right=range(1, 1 + len(OPERATIONS))),
        _line(f"In exact arithmetic, whatever the chip; {found['samples']} samples, means per sample."),
    ]


def _closing(report: Report, line: str) -> list[str]:
    """How to reproduce, methods, notes, trust: the same for a design and for a study's best design."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in report["notes"])
    grades = [(g, f"{e:.1%}", f"{a:.1%}") for g, (e, a) in grade_shares(report["tree"]).items()]
    found = [
        (s.component, s.grade, f"{s.energy_share:.1%}", f"{s.area_share:.1%}", s.source)
        for s in sources(report["tree"])
    ]
    chip = [(key, source) for key, source in report["hardware"].get("sources", {}).items()]
    return [
        "<h2>Reproduce</h2>",
        f"<pre>{escape(line)}</pre>",
        "<h2>Methods</h2>",
        _line(report["methods"], ""),
        *([f"<h3>Notes</h3><ul class='small'>{notes}</ul>"] if notes else []),
        "<h2>Sources of constants</h2>",
        _table(["grade", "energy", "area"], grades, right=(1, 2)),
        "<h3>Components</h3>",
        _table(["component", "grade", "energy", "area", "source"], found, right=(2, 3)),
        *(["<h3>Fields of the chip</h3>", _table(["field", "source"], chip)] if chip else []),
    ]


def _tiles(report: Report) -> str:
    tiles = []
    for name, (label, unit, _) in METRICS.items():
        value = report["metrics"].get(name)
        if value is not None and name != "ann_tops":
            tiles.append(f'<div class="tile"><span>{escape(label)}</span><b>{engineering(value, unit)}</b></div>')
            if name == "edap" and report.get("band"):
                band = report["band"]["edap"]
                low, middle, high = (engineering(band[end], unit, 3) for end in ("low", "median", "high"))
                told = f"EDAP over all calibrations, 90 % (median {middle})"
                tiles.append(f'<div class="tile"><span>{told}</span><b>{low} to {high}</b></div>')
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _provenance(report: Report) -> str:
    found = report["accuracy"]
    parts = [f"T = {report['time_steps']}", f"{report['crossbars']} crossbars, {report['tiles']} tiles"]
    if found:
        low, high = found["interval"]
        chips = len(found["chips"])
        parts.append(
            f"accuracy {low:.1%} to {high:.1%} at 95 % ({found['samples']} samples of {found['data']}, "
            f"{chips} simulated chip{'s' * (chips > 1)})"
        )
    return " · ".join([*parts, f"activity {report['activity']['origin']}", f"report {report['report_hash'][:12]}"])


def _summary(study: Study, frame: Frame, on_front: int) -> str:
    swept = ", ".join(column(frame, name).label for name in varying(frame))
    failed = len(study.failures())
    text = f"{len(frame['report_hash'])} designs over {swept or 'one point'}; {on_front} on the front"
    return text + (f"; {failed} failed and are not shown" if failed else "") + "."


def _front_table(frame: Frame, front: Any) -> str:
    rows = [int(i) for i in front.nonzero()[0]]
    order = "accuracy" if _has(frame, "accuracy") else "edap"
    rows.sort(key=lambda row: -float(frame[order][row]))
    swept = varying(frame)
    metrics = [name for name in TABLE if _has(frame, name)]
    head = [column(frame, name).title for name in (*swept, *metrics)]
    cells = [[*[shown(frame, n, [row])[0] for n in swept], *[_metric(frame, n, row) for n in metrics]] for row in rows]
    return _table(head, cells, right=range(len(swept), len(head)), safe=True)


def _metric(frame: Frame, name: str, row: int) -> str:
    value = float(frame[name][row]) * column(frame, name).factor
    if name == "accuracy" and "accuracy_low" in frame:
        low, high = (100 * float(frame[f"accuracy_{end}"][row]) for end in ("low", "high"))
        if low <= high:  # imported ones may state none
            return f"{value:.2f} <span class='faint'>({low:.1f} to {high:.1f})</span>"
    return number(value)


def _has(frame: Frame, name: str) -> bool:
    return name in frame and bool((frame[name] == frame[name]).any())


def _color(frame: Frame) -> str:
    """Weight bits tell most about a design; where they do not differ, the first thing that does."""
    swept = varying(frame)
    return "weight_bits" if "weight_bits" in swept or not swept else swept[0]


def _title(study: Study) -> str:
    return f"Study {study.space.name}"


def _line(text: str, style: str = "faint") -> str:
    return f'<p class="{style}">{escape(text)}</p>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = (), *, safe: bool = False) -> str:
    """An HTML table; cells are escaped unless they are `safe` already."""
    aligned = set(right)

    def cells(tag: str, values: Sequence[str], clean: bool) -> str:
        attribute = [' class="right"' if i in aligned else "" for i in range(len(values))]
        texts = [value if clean else escape(value) for value in values]
        return "".join(f"<{tag}{a}>{t}</{tag}>" for a, t in zip(attribute, texts, strict=True))

    body = "".join(f"<tr>{cells('td', row, safe)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head, False)}</tr></thead><tbody>{body}</tbody></table>"


def _figure(figure: go.Figure, key: str, config: dict[str, Any] = GRAPH_CONFIG) -> str:
    """A figure without plotly.js, which the page carries once (plotly changes the config it is given)."""
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"figure-{key}", config=dict(config))
    return f'<div class="figure">{drawn}</div>'


def _page(title: str, body: Iterable[str]) -> str:
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            f"<script>window.PlotlyConfig = {json.dumps(GRAPH_CONFIG)};</script>",
            f"<script>{get_plotlyjs()}</script></head><body>",
            *body,
            _line(f"Made by spikesim_py {__version__}. This file is complete: it opens without a network."),
            "</body></html>\n",
        ]
    )
