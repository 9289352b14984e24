"""Freezes columns, inputs and aihwkit's codes for `spikesim study crosssim`: `python -m benchmarks.column_codes`.

`SPIKESIM_PEERS` names an interpreter that has aihwkit (see `benchmarks/peers.py`).
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from benchmarks.peers import peer
from spikesim_py.studies.crosssim import CASES, ROWS, VECTORS, columns

TARGET = Path(__file__).resolve().parent.parent / "configs" / "studies" / "column_codes.csv"
HEAD = """\
# Columns on one crossbar for `spikesim study crosssim`, written by `python -m benchmarks.column_codes`.
# cells: conductance of a row's cells in levels (slices and signs, then outputs), stored by spikesim_py (seed 0).
# input: one vector of ones and zeros. aihwkit: codes that aihwkit 1.1.0 (PyPI, AnalogLinear on a torch tile) gave.
"""


def main() -> None:
    random = np.random.default_rng(1)
    rates = random.uniform(0.1, 0.95, (VECTORS, 1))
    inputs = (random.random((VECTORS, ROWS)) < rates).astype(np.uint8)
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("case", "what", "values"))
    for case in CASES:
        held = columns(case)
        matrix = held.levels.reshape(ROWS, -1)
        lsb = float(held.lsb[0, 0])
        ran = peer("aihwkit_column", weights=matrix.T, spikes=inputs, lsb=lsb, high=held.adc.high)
        if isinstance(ran, str):
            raise SystemExit(f"aihwkit: {ran}")
        codes = np.rint(ran.outputs / lsb).astype(int)
        lines.writerows((case.name, "cells", " ".join(f"{value:.9g}" for value in row)) for row in matrix)
        lines.writerows((case.name, "input", " ".join(map(str, row))) for row in inputs)
        lines.writerows((case.name, "aihwkit", " ".join(map(str, row))) for row in codes)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(HEAD + text.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
