"""The busiest link of a transfer between runs of tiles, against routes that are followed link by link."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.mapping import Mesh
from spikesim_py.noc import route
from spikesim_py.noc.link_bound import busiest_link


def followed(a_first: int, a_count: int, b_first: int, b_count: int, width: int, snake: bool) -> float:
    """Every route of every pair, ports included."""
    mesh = Mesh(max(a_first + a_count, b_first + b_count), width, 0, "snake" if snake else "row_major")
    loads: Counter[object] = Counter()
    for i, j in product(range(a_first, a_first + a_count), range(b_first, b_first + b_count)):
        loads.update(pairwise(route(mesh.places[i], mesh.places[j])))
        loads.update([("in", i), ("out", j)])
    return max(loads.values()) / (a_count * b_count)


@given(st.tuples(*[st.integers(0, 40), st.integers(1, 30)] * 2), st.integers(1, 9), st.booleans())
def test_exact_for_numbers_and_arrays(runs: tuple[int, int, int, int], width: int, snake: bool) -> None:
    expected = followed(*runs, width, snake)
    assert busiest_link(*runs, width, snake) == pytest.approx(expected, rel=1e-12)
    several = busiest_link(*np.array([runs, runs], np.float64).T, float(width), snake)
    np.testing.assert_allclose(several, expected, rtol=1e-12)


@pytest.mark.parametrize("snake", [False, True])
@pytest.mark.parametrize("width", [2, 5, 8])
@pytest.mark.parametrize(("rows_a", "rows_b"), [(1, 1), (1, 4), (3, 2)])
def test_whole_rows_have_the_closed_form(width: int, rows_a: int, rows_b: int, snake: bool) -> None:
    a, b = width * rows_a, width * rows_b
    expected = max(1 / width, (width * width // 4) / (width * a), 1 / a, 1 / b)
    assert busiest_link(0, a, a, b, width, snake) == pytest.approx(expected)


def test_one_sender_or_receiver_has_one_port() -> None:
    assert busiest_link(0, 1, 1, 20, 5, True) == 1.0
    assert busiest_link(3, 20, 30, 1, 5, True) == 1.0
