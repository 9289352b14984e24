"""Energy and delay against T, and inferences that end early: DT-SNN's claims on the modeled chip.

DT-SNN (DAC 2023, arXiv 2305.17346) says that on in-memory-computing chips energy and latency grow linearly with T, and
that ending an inference once its answer's entropy is low takes 1.46 instead of 4 time-steps on average, with 80 % less
EDP at the same accuracy. The threshold is chosen on one split of the data and reported on another; the unit that
decides is charged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluate import cost, evaluate
from ..figures.chart import Axis, Series, xy_chart
from ..figures.panels import panels
from ..report import Report
from .base import Cell, Claim, Findings, PaperStudy
from .verdicts import at_most_a_trend, change_claim, ratio_claim

TRAINED, SHAPE, CHIP = "digits-w4", "vgg9-cifar10", "rram_32nm"
_SOURCE = "DT-SNN, DAC 2023, abstract"
STEPS = (1, 2, 3, 4, 6, 8)
#: DT-SNN's mean number of time-steps of 4, and its change of EDP
PUBLISHED_STEPS, PUBLISHED_OF, PUBLISHED_EDP = 1.46, 4, -0.80
#: an inference ends below this share of the largest entropy
THRESHOLDS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


#: accuracy that may be lost on the search split; DT-SNN's is said to be none
LOSSES = (0.0, 0.01)


@dataclass(frozen=True)
class Ended:
    """Inferences of one rule: means over samples; energy in pJ, latency in ns, EDP in pJ ns of each sample."""

    rule: str
    accuracy: float
    steps: float
    energy_pj: float
    latency_ns: float
    edp: float

    def row(self, part: str) -> dict[str, Cell]:
        return _row(part, TRAINED, self.rule, self.steps, self.accuracy, self.energy_pj, self.latency_ns, self.edp)


def _row(
    part: str,
    network: str,
    rule: str,
    steps: float,
    accuracy: float | None,
    energy_pj: float,
    latency_ns: float,
    edp: float,
) -> dict[str, Cell]:
    return {
        "part": part,
        "network": network,
        "exit": rule,
        "time_steps": steps,
        "accuracy": accuracy,
        "energy_nj": energy_pj * 1e-3,
        "latency_us": latency_ns * 1e-3,
        "edp_nj_us": edp * 1e-6,
    }


def ended(rule: str, split: str, chips: int) -> Ended:
    """What inferences cost that end by this rule (empty: none does)."""
    report = evaluate(TRAINED, CHIP, split=split, chips=chips, exit=rule or None)
    costs, kept = report.sample_costs(), report.activity.each
    assert costs is not None
    assert kept is not None
    edp = float(np.mean(costs.energy_pj * costs.latency_ns))
    steps, energy, latency = (float(values.mean()) for values in (kept.steps, costs.energy_pj, costs.latency_ns))
    return Ended(rule, report.accuracy or 0.0, steps, energy, latency, edp)


def chosen(tried: Sequence[Ended], whole: Ended, loss: float = 0.0) -> Ended:
    """The rule with the least EDP of those that lose at most `loss` of accuracy; the whole run if all lose more."""
    fine = [one for one in tried if one.accuracy >= whole.accuracy - loss]
    return min(fine, key=lambda one: one.edp, default=whole)


def static(network: str, activity: float | None = None) -> list[Report]:
    """The network at every T of `STEPS`."""
    return [cost(network, CHIP, activity=activity, overrides={"network.time_steps": t}) for t in STEPS]


def growth(reports: Sequence[Report], name: str) -> tuple[float, float]:
    """From T = 1 to 4: the factor of a quantity, and that of the part which grows with T at all."""
    one, four = (getattr(reports[STEPS.index(t)], name) for t in (1, 4))
    step = (four - one) / 3
    return four / one, step / one


def claims(shape: Sequence[Report], whole: Ended, early: Mapping[float, Ended]) -> tuple[Claim, ...]:
    """Growth with T, then early exit by the loss of accuracy that was allowed on the search split."""
    made = []
    for name, label in (("energy_pj", "energy"), ("latency_ns", "latency")):
        factor, share = growth(shape, name)
        note = f"affine: a further step takes {share:.0%} of what T = 1 takes; the first layer is read once for all T"
        made.append(ratio_claim(f"{label} is linear in T: {SHAPE}, T = 4 over T = 1", 4.0, _SOURCE, factor, note))
    for loss, one in early.items():
        what = f"early exit, {f'{loss * 100:g} point' if loss else 'no loss'} of accuracy allowed"
        note = (
            f"accuracy {one.accuracy:.2%} against {whole.accuracy:.2%} at T = {PUBLISHED_OF}; {one.rule or 'no exit'}"
        )
        steps = f"{PUBLISHED_STEPS} of {PUBLISHED_OF}, {_SOURCE}"
        ratio = ratio_claim(f"time-steps, {what}", PUBLISHED_STEPS / PUBLISHED_OF, steps, one.steps / whole.steps, note)
        change = change_claim(f"EDP, {what}", PUBLISHED_EDP, _SOURCE, one.edp / whole.edp - 1, note)
        made += [ratio, change] if not loss else [at_most_a_trend(ratio), at_most_a_trend(change)]
    return tuple(made)


def _run(full: bool) -> Findings:
    chips = 16 if full else 4
    tried = [ended(f"entropy:{threshold}", "search", chips) for threshold in THRESHOLDS]
    searched = ended("", "search", chips)
    rules = {loss: chosen(tried, searched, loss).rule for loss in LOSSES}
    whole = ended("", "report", chips)
    early = {loss: ended(rule, "report", chips) for loss, rule in rules.items()}
    shapes = {name: static(name) for name in (SHAPE, TRAINED)}
    rows = [
        _row("T", name, "", t, None, report.energy_pj, report.latency_ns, report.energy_pj * report.latency_ns)
        for name, reports in shapes.items()
        for t, report in zip(STEPS, reports, strict=True)
    ]
    rows += [one.row("early exit, search split") for one in tried]
    rows += [one.row("early exit, report split") for one in (whole, *early.values())]
    relative = [
        Series(f"{name}, {label}", STEPS, [getattr(r, key) / getattr(reports[0], key) for r in reports])
        for name, reports in shapes.items()
        for key, label in (("energy_pj", "energy"), ("latency_ns", "latency"))
    ]
    front = [*tried, searched]
    exits = Series(
        "entropy thresholds", [one.edp / searched.edp for one in front], [one.accuracy for one in front], False
    )
    figure = panels(
        [
            ("against T = 1", xy_chart(relative, Axis("time-steps T"), Axis("times T = 1"), width=760)),
            (
                f"{TRAINED} ended early, search split",
                xy_chart(
                    [exits], Axis(f"EDP over that of T = {PUBLISHED_OF}"), Axis("accuracy", zero=False), width=760
                ),
            ),
        ],
        columns=1,
    )
    notes = (
        f"The threshold has the least EDP of those that lose no more on the search split ({chips} chips).",
        f"{TRAINED} is a network of three convolutions on 8 x 8 images: DT-SNN's were VGG-16 and ResNet-19 on CIFAR.",
        "EDP is the mean over samples of each one's energy x latency.",
    )
    return Findings(tuple(rows), figure, claims(shapes[SHAPE], whole, early), notes)


STUDY = PaperStudy(
    name="time-steps",
    about="energy and delay against T, and inferences that end early",
    sources=("DT-SNN (Li et al., DAC 2023, arXiv 2305.17346)",),
    run=_run,
)
