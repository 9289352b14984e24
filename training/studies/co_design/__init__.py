"""Bits, T, ADC and chip searched jointly, the winners trained through their chips, against published settings.

Everything is the same network (three convolutions on the digits) on cells and circuits of one kind (`rram_32nm`), in
one model. Published are a network's bits and T, and SpikeSim's organization: 64 x 64 crossbars, a set for every kernel
position that takes turns at the ADCs, a digital correction of negative weights. `configs/sweeps/co-design.yaml` is what
is searched; what wins on the search split is trained through its chip, and its ADCs lose bits layer by layer. The
report split, and device instances that nothing was chosen on, tell how often the front dominates: every draw has its
samples and instances (one bootstrap for all designs) and its calibration of the costs (`cost.band`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikesim_py.datasets import load_dataset
from spikesim_py.figures.chart import Axis, Series, xy_chart
from spikesim_py.studies.base import Claim, Findings, PaperStudy, Verdict
from spikesim_py.sweep.study import Frame

from .dominance import DRAWS, dominations
from .searching import refined, searched
from .settings import FULL, SETTINGS, SHORT, TEACHER, Held, Size, published

#: probability that the front is to dominate a published design with
AIM = 0.95


def claims(
    designs: Sequence[Held], others: Sequence[Held], better: NDArray[np.bool_], by_edap: NDArray[np.bool_]
) -> tuple[Claim, ...]:
    """One for each published design: how likely some design of the front dominates it, and which one does best."""
    made = []
    for index, other in enumerate(others):
        front = float(better[:, :, index].any(1).mean())
        single = better[:, :, index].mean(0)
        best, edap = designs[int(single.argmax())], float(by_edap[:, :, index].any(1).mean())
        verdict: Verdict = "reproduced" if front >= AIM else "trend only" if front >= 0.5 else "not reproduced"
        less, points = other.report.edap / best.report.edap, 100 * (best.accuracy - other.accuracy)
        made.append(
            Claim(
                f"the front dominates: {other.name}",
                f"{other.accuracy:.2%}; aim: probability {AIM}",
                f"probability {front:.3f}; the best one alone {single.max():.3f}; in accuracy and EDAP {edap:.3f}",
                verdict,
                f"best: {best.name} ({best.kind}): {less:.3g}x less EDAP, {points:+.2f} points",
            )
        )
    return tuple(made)


def figure(found: Sequence[Held], frame: Frame) -> str:
    """Accuracy against EDAP; of what was searched, what is no less accurate than all that is held."""
    kinds = dict.fromkeys(one.kind for one in found)
    near = frame["accuracy"] >= min(one.accuracy for one in found)
    series = [Series("all searched", frame["edap"][near].tolist(), frame["accuracy"][near].tolist(), False)]
    for kind in kinds:
        own = [one for one in found if one.kind == kind]
        series.append(Series(kind, [one.report.edap for one in own], [one.accuracy for one in own], False))
    return xy_chart(
        series,
        Axis("EDAP (J s mm²)", log=True),
        Axis("accuracy on the report split", zero=False),
        width=820,
        height=440,
    )


def study(size: Size) -> Findings:
    """All of it, at one size."""
    data = load_dataset("digits", "report")
    networks = {one.label: one.network(size.epochs) for one in SETTINGS}
    others = published(networks, data, size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained = {one.label: one for one in SETTINGS if one.quantization is not None}
        files = {label: folder / f"{label}.safetensors" for label in trained}
        for label, path in files.items():
            networks[label].save(path)
        space, frame = searched(files, folder, size)
    designs = list(refined(space, frame, networks, others, data, size))
    better, by_edap = dominations(designs, others), dominations(designs, others, ("edap",))
    chances = better.any(1).mean(0)
    rows = [one.row(None) for one in designs] + [one.row(float(p)) for one, p in zip(others, chances, strict=True)]
    notes = (
        "Searched jointly: bits of weights and membranes (by network), T, signs, bits per cell, rows, columns, columns "
        f"per ADC, ADC bits: {space.size} designs, {size.budget} accuracies measured on the search split. ADC bits by "
        "layer are chosen after training. Not searched: devices, node, clock, wires, placement, architecture.",
        f"Published: {'; '.join(f'{one.name}, {one.source}' for one in SETTINGS)}.",
        "They are on SpikeSim's organization with the same cells, errors and circuits; MINT and MD-SNN "
        "were published with other hardware, and MD-SNN's bits are assumed. Their networks are trained here, for "
        f"{size.epochs} epochs from {TEACHER}; SpikeSim's is digits-w4.",
        "To dominate: at least as accurate, and no more energy, latency and area. Probability over "
        f"{DRAWS} draws of {size.reported} device instances, {len(data)} samples and the calibrations of the costs.",
        "The digits are an easy task, and the only one with bundled data: what dominates here need not elsewhere.",
    )
    return Findings(tuple(rows), figure([*designs, *others], frame), claims(designs, others, better, by_edap), notes)


STUDY = PaperStudy(
    name="co-design",
    about="bits, T, ADC and chip searched jointly and trained through the chip, against published settings",
    sources=(
        "SpikeSim (Moitra et al., TCAD 2023, arXiv 2210.12899), and its code at c2627bc",
        "MINT (Yin et al., ASP-DAC 2024, arXiv 2305.09850), abstract",
        "MD-SNN (DATE 2026, arXiv 2512.04443), abstract",
    ),
    run=lambda full: study(FULL if full else SHORT),
)
