"""Column ladders of gated 1T1R against the nodal oracle, their limits, and the laws of resistive networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikesim_py.crossbar.ladder import Ladder, ladder_noise, ladder_of, ladder_sums, work_arrays
from spikesim_py.crossbar.ladder.reference import cell_shares, ladder_currents
from spikesim_py.crossbar.wires.circuit import Wires
from spikesim_py.crossbar.wires.nodal import Solution, solve
from spikesim_py.errors import InputError

UNIT = 1e-5  # siemens per level
VOLT = 0.2


def gated(**fields: Any) -> Wires:
    return Wires(**({"topology": "gated_1t1r", "bit_ohm": 2.0} | fields))


def levels(rows: int, columns: int, seed: int = 0, empty: float = 0.3) -> NDArray[np.float32]:
    """Cells of 0 to 3 levels, a share of them without any conductance."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, columns)) < empty, 0, rng.uniform(0, 3, (rows, columns))).astype(np.float32)


def active_rows(rows: int, density: float, seed: int = 0) -> NDArray[np.int64]:
    return np.flatnonzero(np.random.default_rng(seed + 1000).random(rows) < density)


def nodal(cells: NDArray[Any], active: NDArray[np.int64], wires: Wires) -> Solution:
    on = np.zeros(len(cells), bool)
    on[active] = True
    return solve(cells.astype(float) * UNIT, wires, np.where(on, VOLT, 0.0))


def in_levels(solution: Solution) -> NDArray[np.float64]:
    return solution.currents / (VOLT * UNIT)


def exact(cells: NDArray[Any], active: NDArray[np.int64], ladder: Ladder) -> NDArray[np.float64]:
    return ladder_currents(cells.astype(float), active, 0, ladder)[0]


def sensitivities(cells: NDArray[Any], active: NDArray[np.int64], ladder: Ladder) -> NDArray[np.float64]:
    """Change of every column's current per change of each active cell, rows ascending."""
    squares = cell_shares(cells.astype(float), active, 0, ladder) ** 2
    return squares[::-1] if ladder.mirrored else squares


def sums_of(
    cells: NDArray[np.float32], active: NDArray[np.int64], ladder: Ladder, first: int = 0
) -> NDArray[np.float32]:
    sums, _, scratch = work_arrays(cells.shape[1])
    sums[:], scratch[:] = np.nan, np.nan
    ladder_sums(cells, active, len(active), first, ladder, sums, scratch)
    return sums


def noise_of(
    cells: NDArray[np.float32],
    variances: NDArray[np.float32],
    active: NDArray[np.int64],
    ladder: Ladder,
    first: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    sums, variance, scratch = work_arrays(cells.shape[1], len(active))
    sums[:], variance[:], scratch[:] = np.nan, np.nan, np.nan
    ladder_noise(cells, variances, active, len(active), first, ladder, sums, variance, scratch)
    return sums, variance


CIRCUITS = {
    "ideal supply": gated(),
    "one driver": gated(driver_ohm=20, sense_ohm=30),
    "source line": gated(source_ohm=3),
    "source line, all resistances, sensed at the top": gated(
        source_ohm=3, driver_ohm=20, sense_ohm=30, sense_side="top"
    ),
    "ideal supply, sensed at the top": gated(sense_ohm=5, sense_side="top"),
    "source line beside an ideal bit line": gated(source_ohm=3, bit_ohm=0),
    "heavy loss": gated(source_ohm=2_000, bit_ohm=3_000, driver_ohm=10, sense_ohm=10),
}


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
@pytest.mark.parametrize("rows", [1, 2, 64, 1024])
def test_currents_are_the_nodal_solution(rows: int, wires: Wires) -> None:
    cells, active = levels(rows, 5), active_rows(rows, 0.3 if rows > 2 else 1.0)
    expected, ladder = in_levels(nodal(cells, active, wires)), ladder_of(wires, rows, UNIT)
    full_scale = cells[active].sum(0, dtype=float).max()
    np.testing.assert_allclose(exact(cells, active, ladder), expected, rtol=0, atol=1e-9 * expected.max())
    np.testing.assert_allclose(sums_of(cells, active, ladder), expected, rtol=0, atol=2e-6 * full_scale + 1e-11)


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
@pytest.mark.parametrize("rows", [1, 2, 64, 1024])
def test_sensitivity_is_the_square_of_the_cell_voltage(rows: int, wires: Wires) -> None:
    cells, active = levels(rows, 5), active_rows(rows, 0.3 if rows > 2 else 1.0)
    solution, ladder = nodal(cells, active, wires), ladder_of(wires, rows, UNIT)
    shares = ((solution.word_volt - solution.bit_volt) / VOLT)[active]
    found = sensitivities(cells, active, ladder)
    np.testing.assert_allclose(found, shares**2, rtol=0, atol=1e-9)
    spread = levels(rows, 5, seed=3, empty=0) ** 2
    sums, variance = noise_of(cells, spread, active, ladder)
    np.testing.assert_allclose(variance, (found**2 * spread[active]).sum(0), rtol=2e-5)
    full_scale = cells[active].sum(0, dtype=float).max()
    np.testing.assert_allclose(sums, exact(cells, active, ladder), rtol=0, atol=2e-6 * full_scale + 1e-11)


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
@pytest.mark.parametrize("rows", [1, 2, 64, 300])
def test_kernels_do_what_their_twin_does(rows: int, wires: Wires) -> None:
    """Bit for bit, whatever the row block."""
    cells, spread, ladder = levels(rows + 9, 21), levels(rows + 9, 21, seed=3), ladder_of(wires, rows + 2, UNIT)
    active = active_rows(rows, 0.3 if rows > 2 else 1.0) + 5
    np.testing.assert_array_equal(sums_of(cells, active, ladder, 5), ladder_currents(cells, active, 5, ladder)[0])
    sums, variance = ladder_currents(cells, active, 5, ladder, spread)
    assert sums.dtype == variance.dtype == np.float32
    found = noise_of(cells, spread, active, ladder, 5)
    np.testing.assert_array_equal(found[0], sums)
    np.testing.assert_array_equal(found[1], variance)


def test_sensitivity_is_the_change_of_the_current() -> None:
    cells, active = levels(12, 4, empty=0), active_rows(12, 0.5)
    ladder = ladder_of(gated(source_ohm=300, bit_ohm=500, driver_ohm=50), 12, UNIT)
    expected_all = sensitivities(cells, active, ladder)
    step = 1e-4
    for row, expected in zip(active, expected_all, strict=True):
        more, less = cells.astype(float), cells.astype(float)
        more[row] += step
        less[row] -= step
        change = (exact(more, active, ladder) - exact(less, active, ladder)) / (2 * step)
        np.testing.assert_allclose(change, expected, rtol=1e-6)


@pytest.mark.parametrize("fields", [{}, {"source_ohm": 1e-9, "bit_ohm": 1e-9}], ids=["one supply", "source line"])
def test_without_resistance_the_current_is_the_sum_of_the_active_cells(fields: dict[str, float]) -> None:
    cells, active = levels(64, 40), active_rows(64, 0.3)
    ladder = ladder_of(gated(**({"bit_ohm": 0.0} | fields)), 64, UNIT)
    expected = cells[active].sum(0, dtype=float)
    np.testing.assert_allclose(exact(cells, active, ladder), expected, rtol=1e-9)
    np.testing.assert_allclose(sums_of(cells, active, ladder), expected, rtol=2e-6)
    sums, variance = noise_of(cells, cells, active, ladder)
    np.testing.assert_allclose(variance, expected, rtol=1e-5)
    np.testing.assert_allclose(sums, expected, rtol=2e-6)


def test_whole_levels_without_resistance_are_summed_exactly() -> None:
    cells, active = np.round(levels(1024, 33)), active_rows(1024, 0.5)
    sums = sums_of(cells, active, ladder_of(gated(bit_ohm=0.0), 1024, UNIT))
    np.testing.assert_array_equal(sums, cells[active].sum(0))


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
def test_without_active_rows_or_cells_no_current_flows(wires: Wires) -> None:
    cells, ladder, none = levels(8, 6), ladder_of(wires, 8, UNIT), np.zeros(0, np.int64)
    assert (sums_of(cells, none, ladder) == 0).all()
    assert all((found == 0).all() for found in noise_of(cells, cells, none, ladder))
    assert (exact(cells, none, ladder) == 0).all()
    empty, active = np.zeros_like(cells), np.array([1, 2, 6])
    sums, variance = noise_of(empty, empty, active, ladder)
    for found in (sums_of(empty, active, ladder), sums, variance, exact(empty, active, ladder)):
        assert (np.abs(found) < 1e-11).all()


def test_one_cell_is_a_series_circuit() -> None:
    ladder = ladder_of(gated(source_ohm=3, bit_ohm=5, driver_ohm=7, sense_ohm=11), 10, UNIT)
    cells = np.full((10, 2), 2.0, np.float32)
    row = 3  # 4 segments of source line above, 7 segments of bit line below
    expected = 1 / (1 / 2 + UNIT * (7 + 4 * 3 + 7 * 5 + 11))
    np.testing.assert_allclose(exact(cells, np.array([row]), ladder), expected, rtol=1e-12)


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
def test_mirrored_crossbar_reads_mirrored_rows(wires: Wires) -> None:
    other = ladder_of(wires, 20, UNIT)._replace(mirrored=wires.sense_side == "bottom")
    cells, active = levels(20, 7), active_rows(20, 0.4)
    turned = np.ascontiguousarray(cells[::-1]), np.ascontiguousarray(19 - active[::-1])
    found = sums_of(*turned, other)
    np.testing.assert_array_equal(found, sums_of(cells, active, ladder_of(wires, 20, UNIT)))


def test_a_crossbar_may_start_anywhere_and_be_larger_than_its_rows() -> None:
    """Row blocks lie one below the other in `cells`; rows without cells still lengthen the bit line."""
    cells, active = levels(30, 4), np.array([11, 12, 17, 19])
    for wires in (gated(source_ohm=300), gated(bit_ohm=300, sense_side="top")):
        block = np.zeros((16, 4), np.float32)
        block[:10] = cells[10:20]
        expected = in_levels(nodal(block, active - 10, wires))
        found = sums_of(cells, active, ladder_of(wires, 16, UNIT), first=10)
        np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.parametrize("columns", [1, 3, 16, 17, 64, 100])
def test_a_column_does_not_depend_on_the_others(columns: int) -> None:
    cells, active = levels(40, 100), active_rows(40, 0.4)
    ladder = ladder_of(gated(source_ohm=30), 40, UNIT)
    together = noise_of(cells, cells, active, ladder)
    apart = noise_of(np.ascontiguousarray(cells[:, :columns]), cells, active, ladder)
    np.testing.assert_array_equal(together[0][:columns], apart[0])
    np.testing.assert_array_equal(together[1][:columns], apart[1])
    np.testing.assert_array_equal(sums_of(cells, active, ladder)[:columns], apart[0])


def test_work_arrays_start_at_cache_lines() -> None:
    for columns in (1, 16, 37):
        sums, variance, scratch = work_arrays(columns, 9)
        assert (sums.shape, variance.shape, scratch.shape[0]) == ((columns,), (columns,), 5 + 2 * 9)
        starts = [sums, variance, *scratch]
        assert all(array.ctypes.data % 64 == 0 and array.dtype == np.float32 for array in starts)


def test_coupled_columns_are_refused() -> None:
    with pytest.raises(InputError, match="passive"):
        ladder_of(Wires(), 64, UNIT)


ohm = st.sampled_from([0.0]) | st.floats(1e-3, 1e6)


@st.composite
def reads(draw: Callable[[Any], Any]) -> tuple[NDArray[np.float32], NDArray[np.int64], Wires]:
    rows, columns = draw(st.integers(1, 64)), draw(st.integers(1, 64))
    cells = levels(rows, columns, draw(st.integers(0, 999)), draw(st.sampled_from([0.0, 0.3, 0.9])))
    active = active_rows(rows, draw(st.floats(0.05, 1)), draw(st.integers(0, 999)))
    names = ("bit_ohm", "source_ohm", "driver_ohm", "sense_ohm")
    wires = gated(**{name: draw(ohm) for name in names}, sense_side=draw(st.sampled_from(["top", "bottom"])))
    return cells, active, wires


@given(reads())
def test_any_ladder_is_the_nodal_solution(read: tuple[NDArray[np.float32], NDArray[np.int64], Wires]) -> None:
    cells, active, wires = read
    ladder = ladder_of(wires, len(cells), UNIT)
    expected, full_scale = in_levels(nodal(cells, active, wires)), cells[active].sum(0).max() + 1e-11
    twin = exact(cells, active, ladder)
    np.testing.assert_allclose(twin, expected, rtol=0, atol=1e-9 * expected.max() + 2e-12)
    np.testing.assert_allclose(sums_of(cells, active, ladder), expected, rtol=0, atol=2e-6 * full_scale + 1e-11)


@given(reads())
def test_any_noise_is_that_of_the_cell_voltages(read: tuple[NDArray[np.float32], NDArray[np.int64], Wires]) -> None:
    cells, active, wires = read
    ladder, spread = ladder_of(wires, len(cells), UNIT), levels(*cells.shape, seed=5)
    solution = nodal(cells, active, wires)
    squares = ((solution.word_volt - solution.bit_volt) / VOLT)[active] ** 2
    # an open bit line counts as 1e-12 levels, behind resistances of up to a thousand times one level's
    np.testing.assert_allclose(sensitivities(cells, active, ladder), squares, rtol=0, atol=5e-9)
    _, variance = noise_of(cells, spread, active, ladder)
    full_scale = spread[active].sum(0).max()
    np.testing.assert_allclose(variance, (squares**2 * spread[active]).sum(0), rtol=1e-3, atol=1e-9 * full_scale)


@given(reads(), st.sampled_from(["bit", "source", "head", "foot"]), st.floats(1.001, 1e3), st.integers(0, 63))
def test_more_resistance_or_fewer_cells_never_give_more_current(
    read: tuple[NDArray[np.float32], NDArray[np.int64], Wires], name: str, factor: float, which: int
) -> None:
    """Rayleigh's monotonicity law, to float64's rounding for the twin and to float32's for the kernel."""
    cells, active, wires = read
    ladder = ladder_of(wires, len(cells), UNIT)
    worse = ladder._replace(**{name: getattr(ladder, name) * factor + 1e-6})
    fewer = np.delete(active, which % len(active)) if len(active) else active
    for solver, rounding in ((exact, 1e-12), (sums_of, 2e-6)):
        before = solver(cells, active, ladder) + rounding * cells[active].sum(0) + 1e-11
        assert (solver(cells, active, worse) <= before).all()
        assert (solver(cells, fewer, ladder) <= before).all()


@settings(max_examples=10)
@given(st.integers(65, 1024), st.floats(0.02, 1), ohm, ohm, st.integers(0, 999))
def test_long_columns_stay_exact(rows: int, density: float, bit: float, source: float, seed: int) -> None:
    """Any resistance and up to 1,024 rows: no error grows."""
    cells, active = levels(rows, 3, seed), active_rows(rows, density, seed)
    wires = gated(bit_ohm=bit, source_ohm=source, driver_ohm=1.0)
    ladder, expected = ladder_of(wires, rows, UNIT), in_levels(nodal(cells, active, wires))
    twin = exact(cells, active, ladder)
    np.testing.assert_allclose(twin, expected, rtol=0, atol=1e-9 * expected.max() + 2e-12)
    np.testing.assert_allclose(
        sums_of(cells, active, ladder), twin, rtol=0, atol=2e-6 * cells[active].sum(0).max() + 1e-11
    )
