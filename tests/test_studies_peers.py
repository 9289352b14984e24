"""Column codes held against CrossSim's published formula and against what aihwkit gave when it ran."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim_py.studies import crosssim


@pytest.mark.parametrize("case", crosssim.CASES, ids=lambda case: case.name)
def test_outputs_are_the_peers_but_on_ties(case: crosssim.Case) -> None:
    row = crosssim.compare(case, crosssim.frozen()[case.name])
    assert row["cells_off_levels"] < 1e-6  # the same chip as when the vectors were frozen
    for peer in ("crosssim", "aihwkit"):
        assert row[f"{peer}_same"] + row[f"{peer}_other_tied"] == row["outputs"]


def test_other_codes_are_seen() -> None:
    """One code more in one column of every vector, or another range, is another output."""
    case = crosssim.PAIRS
    vectors = crosssim.frozen()[case.name]
    shifted = vectors.aihwkit.copy()
    shifted[:, 0, 0] += 1
    row = crosssim.compare(case, replace(vectors, aihwkit=shifted))
    assert row["aihwkit_same"] == row["outputs"] - len(shifted)
    assert crosssim.claims([row])[1].verdict == "not reproduced"


def test_the_published_formula_rounds_ties_to_even_and_cuts_off() -> None:
    case = next(case for case in crosssim.CASES if "thresholds" in case.name)
    held = crosssim.columns(case)
    assert held.lsb.ravel().tolist() == [2.0] * len(held.weights)
    one = replace(held, levels=np.ones((32, 1, 1)), weights=np.ones(1, np.int64), adc=replace(held.adc, ranges=(30,)))
    inputs = np.tril(np.ones((32, 32), np.int64))
    codes = crosssim.crosssim_codes(one, inputs).ravel()
    assert codes[:8].tolist() == [0, 1, 2, 2, 2, 3, 4, 4]
    assert codes[-3:].tolist() == [15, 15, 15]
