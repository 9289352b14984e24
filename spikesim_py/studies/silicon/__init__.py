"""`spikesim study silicon`: fabricated chips, predicted before anything that was measured on them is looked at.

`configs/silicon/` has the chips (parameters only), the conditions of their published numbers, and the measured values
of four development chips. Every other chip is predicted without any measured value of its own, and is scored by
whoever has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from ...figures.chart import Axis, Range, range_chart
from ..base import Cell, Claim, Findings, PaperStudy
from .chips import Chip, chips, measured
from .factors import Factor, fitted
from .predict import DRAWS, Prediction, predict

#: columns of the table that is frozen
FROZEN = ("chip", "condition", "metric", "value", "low", "high", "unit")
#: how near a blind prediction is to be, for each chip and on trends
NEAR, TREND = 1.5, 1.2

Measured = Mapping[tuple[str, str, str], float]
Ratios = dict[tuple[str, str], list[float]]


def predictions(draws: int = DRAWS) -> list[Prediction]:
    """Every prediction of every chip; a development chip has no part in its own factors."""
    known = chips()
    ratios = silicon_over_model(known, measured(), draws)
    found: list[Prediction] = []
    for name, chip in known.items():
        like = {kind: of for kind, of in ratios.items() if known[kind[1]].digital == chip.digital}
        found += predict(chip, {what: fitted(_of(like, what), without=name) for what in ("energy", "area")}, draws)
    return found


def _of(ratios: Ratios, what: str) -> dict[str, list[float]]:
    return {name: found for (kind, name), found in ratios.items() if kind == what}


def silicon_over_model(known: Mapping[str, Chip], seen: Measured, draws: int = DRAWS) -> Ratios:
    """(`energy` or `area`, development chip) to measured over predicted without any factor, one per condition.

    TOPS/mm2 tells the area: the published time of a read is on both sides.
    """
    ratios: Ratios = {}
    none = {"energy": Factor(), "area": Factor()}
    for name in dict.fromkeys(chip for chip, _, _ in seen):
        for line in predict(known[name], none, draws):
            what = {"TOPS/W": "energy", "TOPS/mm2": "area"}.get(line.metric)
            value = seen.get((line.chip, line.condition, line.metric))
            if what and value is not None:
                ratios.setdefault((what, name), []).append(line.value / value)
    return ratios


def rows(found: Sequence[Prediction], known: Mapping[str, Chip], seen: Measured) -> list[dict[str, Cell]]:
    """The frozen columns, and what was measured of development chips: predicted over it, inside the band or not."""
    table: list[dict[str, Cell]] = []
    for line in found:
        value = seen.get((line.chip, line.condition, line.metric))
        scored: dict[str, Cell] = {"measured": value, "ratio": None, "inside": None}
        if value is not None:
            scored |= {"ratio": line.value / value, "inside": "yes" if line.low <= value <= line.high else "no"}
        counted = known[line.chip].op if line.metric.startswith("TOPS") else None
        table.append(asdict(line) | scored | {"operation": counted})
    return table


def figure(found: Sequence[Prediction], seen: Measured, metric: str = "TOPS/W") -> str:
    """One metric of every chip and condition, with what was measured of development chips."""
    lines = []
    for line in found:
        if line.metric == metric:
            value = seen.get((line.chip, line.condition, metric))
            lines.append(Range(f"{line.chip}, {line.condition}", line.value, line.low, line.high, value))
    return range_chart(lines, Axis(f"{metric}, in the operations that each publication counts", log=True))


def _claims(table: Sequence[Mapping[str, Cell]]) -> list[Claim]:
    """How near the development chips are, metric by metric, and how often the bands hold."""
    scored = [row for row in table if row["ratio"] is not None]
    claims = []
    for metric in dict.fromkeys(str(row["metric"]) for row in scored):
        own = [row for row in scored if row["metric"] == metric]
        by_chip: dict[str, list[float]] = {}
        for row in own:
            by_chip.setdefault(str(row["chip"]), []).append(float(row["ratio"]))  # type: ignore[arg-type]
        for chip, ratios in by_chip.items():
            low, high = min(ratios), max(ratios)
            near = max(high, 1 / low) <= NEAR
            trend = len(ratios) > 1 and high / low <= TREND
            shown = f"{low:.2f}" if len(ratios) == 1 else f"{low:.2f} to {high:.2f}"
            inside = sum(row["inside"] == "yes" for row in own if row["chip"] == chip)
            claims.append(
                Claim(
                    f"{chip}: {metric} within {NEAR}x",
                    f"measured, {len(ratios)} condition{'s' * (len(ratios) > 1)}",
                    f"predicted over measured {shown}; {inside} of {len(ratios)} inside the band",
                    "reproduced" if near else "trend only" if trend else "not reproduced",
                    "arithmetic: from the published time of a read" if metric == "TOPS" else "",
                )
            )
    inside = sum(row["inside"] == "yes" for row in scored)
    claims.append(
        Claim(
            "bands hold 90 % of the measured values",
            "90 %",
            f"{inside} of {len(scored)} values of {len({row['chip'] for row in scored})} development chips",
            "reproduced" if inside >= 0.9 * len(scored) else "not reproduced",
            "conditions of one chip share its error",
        )
    )
    return claims


def run(full: bool) -> Findings:
    """Predict every chip, and score the development chips; the long version has five times the draws."""
    found, known, seen = predictions(5 * DRAWS if full else DRAWS), chips(), measured()
    table = rows(found, known, seen)
    spiking = [chip.name for chip in known.values() if chip.spiking]
    return Findings(
        rows=tuple(table),
        figure=figure(found, seen),
        claims=tuple(_claims(table)),
        notes=(
            f"{len({line.chip for line in found})} chips, {len(spiking)} of them spiking ({', '.join(spiking)}); of "
            f"{len({chip for chip, _, _ in seen})} measured values are known, and each of these is predicted from the "
            "others",
            "TOPS follow from the published time of a read where there is one: arithmetic, not a prediction; latency "
            "is that of the model's circuits, without what silicon adds",
        ),
    )


STUDY = PaperStudy(
    name="silicon",
    about="fabricated in-memory-computing chips, predicted before they are scored",
    sources=(
        "The papers of every chip, in the comments of configs/silicon/chips; parameters also from ZigZag-IMC "
        "(df34a6f), CiMLoop (d6e1390), UIUC-IMC-Benchmarking (1d3f0ae) and sys_level_snn (5f0e03b)",
        "Sakurai and Newton, JSSC 25(2), 1990: the alpha-power law",
    ),
    run=run,
)
