"""The nodal oracle against circuits solved by hand, ngspice and the laws of resistive networks; and read noise."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2

from spikesim_py.crossbar.wires.circuit import Wires
from spikesim_py.crossbar.wires.netlist import NGSPICE, netlist, run_ngspice
from spikesim_py.crossbar.wires.nodal import column_currents, nodal_transfer_matrix, solve
from spikesim_py.crossbar.wires.noise import adjoint_sigma, first_order_sigma, read_noise
from spikesim_py.crossbar.wires.transfer import interleaved, transfer_matrix
from spikesim_py.errors import InputError, SpikesimError

#: each of the statistical tests here fails on correct code with this probability; seeds are fixed
FALSE_ALARM = 1e-4

CIRCUITS = {
    "passive": Wires(),
    "passive, all resistances, from right to top": Wires(
        word_ohm=2, bit_ohm=3, driver_ohm=100, sense_ohm=50, drive_side="right", sense_side="top"
    ),
    "passive, ideal word lines": Wires(word_ohm=0, driver_ohm=0),
    "passive, ideal bit lines": Wires(bit_ohm=0, sense_ohm=20),
    "passive, inactive rows float": Wires(driver_ohm=10, inactive_rows="floating"),
    "passive, unselected columns float": Wires(word_ohm=5, unselected_columns="floating", mux=4),
    "pseudo": Wires(topology="pseudo_1t1r", access_ohm=3_000, sense_ohm=10),
    "gated": Wires(topology="gated_1t1r", bit_ohm=3, access_ohm=3_000),
    "gated, source line": Wires(
        topology="gated_1t1r", bit_ohm=3, source_ohm=2, driver_ohm=50, sense_ohm=5, sense_side="top"
    ),
}
LINEAR = {name: wires for name, wires in CIRCUITS.items() if wires.is_linear}


def conductances(rows: int, columns: int, seed: int = 0) -> NDArray[np.float64]:
    """Cells of 10 to 200 kohm, some without any conductance, one row and one column among them."""
    rng = np.random.default_rng(seed)
    cells = 1 / rng.uniform(1e4, 2e5, (rows, columns))
    cells[rng.random((rows, columns)) < 0.1] = 0
    if min(rows, columns) > 4:
        cells[3], cells[:, 2] = 0, 0
    return cells


def spikes(rows: int, density: float = 0.4, seed: int = 1) -> NDArray[np.float64]:
    return np.where(np.random.default_rng(seed).random(rows) < density, 0.2, 0.0)


def need_ngspice() -> None:
    """Skip without ngspice; under CI its absence is a failure."""
    if NGSPICE is not None:
        return
    reason = "needs ngspice (apt-get install ngspice)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def assert_close(found: Any, expected: NDArray[np.float64], tolerance: float) -> None:
    """Equal to a share of the largest value."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


# where the segments lie


@pytest.mark.parametrize(("side", "segments"), [("left", 2), ("right", 3)])
@pytest.mark.parametrize(("end", "more"), [("bottom", 2), ("top", 4)])
def test_a_lone_cell_is_a_series_circuit(side: Any, segments: int, end: Any, more: int) -> None:
    cells = np.zeros((5, 4))
    cells[3, 1] = 1e-4
    wires = Wires(word_ohm=7, bit_ohm=11, driver_ohm=100, sense_ohm=30, drive_side=side, sense_side=end)
    current = 1 / (1e4 + segments * 7 + more * 11 + 100 + 30)
    assert_close(column_currents(cells, wires, np.full(5, 1.0)), np.eye(4)[1] * current, 1e-12)
    transistor = replace(wires, topology="pseudo_1t1r", access_ohm=500)
    assert_close(column_currents(cells, transistor, np.full(5, 1.0)), np.eye(4)[1] / (1 / current + 500), 1e-12)


@pytest.mark.parametrize(("end", "bits", "sources"), [("bottom", 2, 4), ("top", 4, 2)])
def test_a_lone_gated_cell_is_fed_from_the_end_that_is_not_sensed(end: Any, bits: int, sources: int) -> None:
    cells = np.zeros((5, 4))
    cells[3, 1] = 1e-4
    wires = Wires(topology="gated_1t1r", bit_ohm=11, source_ohm=7, driver_ohm=100, sense_ohm=30, access_ohm=500)
    current = 1 / (1e4 + 500 + bits * 11 + sources * 7 + 100 + 30)
    found = column_currents(cells, replace(wires, sense_side=end), np.full(5, 1.0))
    assert_close(found, np.eye(4)[1] * current, 1e-12)


def test_two_rows_share_a_column() -> None:
    a, b, r = 1e-4, 3e-4, 100.0
    upper = 1 / (1 / a + r)  # the upper cell with the segment between the rows
    expected = 1 / (r + 1 / (upper + b))
    cells = np.array([[a], [b]])
    passive = column_currents(cells, Wires(word_ohm=0, bit_ohm=r), np.ones(2))
    gated = column_currents(cells, Wires(topology="gated_1t1r", bit_ohm=r), np.ones(2))
    assert_close([passive, gated], np.full((2, 1), expected), 1e-12)


def test_two_columns_share_a_row() -> None:
    near, far, r = 1e-4, 3e-4, 100.0
    node = 1 / r / (1 / r + near + 1 / (r + 1 / far))  # the voltage at the near cell
    currents = np.array([node * near, node / (r + 1 / far)])
    cells = np.array([[near, far]])
    assert_close(column_currents(cells, Wires(word_ohm=r, bit_ohm=0), np.ones(1)), currents, 1e-12)


def test_idle_gates_keep_their_cells_open() -> None:
    """In a passive crossbar the current of an active cell leaks through idle cells of its column."""
    cells, volts = np.array([[1e-4], [2e-4]]), np.array([1.0, 0.0])
    gated = column_currents(cells, Wires(topology="gated_1t1r", bit_ohm=1_000), volts)
    passive = column_currents(cells, Wires(word_ohm=0, bit_ohm=1_000), volts)
    assert gated[0] == pytest.approx(1 / (1e4 + 2_000), rel=1e-12)
    assert passive[0] < 0.9 * gated[0]


def test_a_floating_row_carries_current_between_columns() -> None:
    """Current goes up through one idle cell and down through the other: its row is a bridge between the columns."""
    cells, volts, r = np.array([[1e-4, 0.0], [1e-4, 1e-4]]), np.array([1.0, 0.0]), 1_000.0
    wires = Wires(word_ohm=0, bit_ohm=r, inactive_rows="floating")
    # node between the rows of column 0 to ground: through its own segment, or through both idle cells
    total = 1 / (1e4 + r + 1 / (1 / r + 1 / (2e4 + r)))
    bridge = total * r / (r + 2e4 + r)
    assert_close(column_currents(cells, wires, volts), np.array([total - bridge, bridge]), 1e-12)
    assert column_currents(cells, replace(wires, inactive_rows="grounded"), volts)[1] == pytest.approx(0, abs=1e-12)


# laws


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (24, 17)])
def test_sources_deliver_what_cells_wires_and_ends_take(shape: tuple[int, int], wires: Wires) -> None:
    solution = solve(conductances(*shape), wires, spikes(shape[0]) + 0.2 * (shape[0] == 1))
    taken = solution.cell_watt + solution.wire_watt + solution.driver_watt + solution.sense_watt
    assert solution.source_watt == pytest.approx(taken, rel=1e-12)
    assert solution.source_watt > 0
    assert solution.wire_watt > 0


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
def test_power_goes_where_the_resistance_is(wires: Wires) -> None:
    cells, volts = conductances(9, 8), spikes(9)
    solution = solve(cells, wires, volts)
    assert (solution.driver_watt > 0) == (wires.driver_ohm > 0)
    assert (solution.sense_watt > 0) == (wires.sense_ohm > 0)
    conducting = cells / (1 + wires.access_ohm * cells)
    if wires.topology == "gated_1t1r":
        conducting = conducting * (volts > 0)[:, None]
    across = (solution.word_volt - solution.bit_volt) ** 2 * conducting
    assert solution.cell_watt == pytest.approx(across.sum(), rel=1e-12)
    assert solution.sense_watt == pytest.approx((solution.currents**2 * wires.sense_ohm).sum(), rel=1e-12)


@pytest.mark.parametrize("wires", LINEAR.values(), ids=LINEAR)
def test_currents_superpose(wires: Wires) -> None:
    cells = conductances(12, 9)
    transfer = nodal_transfer_matrix(cells, wires)
    for seed in range(3):
        volts = np.random.default_rng(seed).normal(size=12)
        assert_close(volts @ transfer, column_currents(cells, wires, volts), 1e-13)


@pytest.mark.parametrize(
    "wires", [Wires(word_ohm=50, bit_ohm=50, inactive_rows="floating"), Wires(topology="gated_1t1r", bit_ohm=50)]
)
def test_where_currents_do_not_superpose_there_is_no_matrix(wires: Wires) -> None:
    cells, one, other = conductances(8, 8), np.eye(8)[0], np.eye(8)[1]
    apart = column_currents(cells, wires, one) + column_currents(cells, wires, other)
    together = column_currents(cells, wires, one + other)
    assert np.abs(apart - together).max() > 1e-3 * together.max()
    with pytest.raises(InputError, match="not linear"):
        nodal_transfer_matrix(cells, wires)


def test_reciprocity() -> None:
    """A crossbar is its own transpose with the ends swapped."""
    cells = conductances(11, 7)
    wires = Wires(word_ohm=3, bit_ohm=5, driver_ohm=70, sense_ohm=40)
    turned = Wires(word_ohm=5, bit_ohm=3, driver_ohm=40, sense_ohm=70, drive_side="right", sense_side="top")
    assert_close(nodal_transfer_matrix(cells.T, turned).T, nodal_transfer_matrix(cells, wires), 1e-13)


@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
def test_without_resistance_the_current_is_the_product(wires: Wires) -> None:
    none = dict.fromkeys(("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm", "source_ohm"), 0.0)
    cells, volts = conductances(10, 6), spikes(10)
    ideal = volts @ (cells / (1 + wires.access_ohm * cells))
    assert_close(column_currents(cells, replace(wires, **none), volts), ideal, 1e-14)
    small = replace(wires, **{name: 1e-6 * (getattr(wires, name) > 0) for name in none})
    assert_close(column_currents(cells, small, volts), ideal, 1e-8)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(list(CIRCUITS)), st.floats(1, 100), st.integers(0, 99))
def test_no_current_is_lost(rows: int, columns: int, name: str, scale: float, seed: int) -> None:
    """What enters at the drivers leaves at the columns and at grounded rows; more wire, less current."""
    wires, cells, volts = CIRCUITS[name], conductances(rows, columns, seed), spikes(rows, 0.6, seed)
    longer = replace(wires, word_ohm=wires.word_ohm * scale, bit_ohm=wires.bit_ohm * scale)
    before, after = solve(cells, wires, volts), solve(cells, longer, volts)
    assert (before.currents >= -1e-15).all()
    assert after.source_watt <= before.source_watt * (1 + 1e-12)
    if wires.topology == "gated_1t1r" or wires.inactive_rows == "floating":
        assert before.currents.sum() * 0.2 == pytest.approx(before.source_watt, rel=1e-12, abs=1e-25)


def test_floating_columns_are_read_in_their_own_phase() -> None:
    cells, volts = conductances(8, 6), spikes(8)
    wires = Wires(word_ohm=20, unselected_columns="floating", mux=3)
    phases = [solve(cells, wires, volts, phase=phase).currents for phase in range(3)]
    for phase, currents in enumerate(phases):
        assert (currents[np.arange(6) % 3 != phase] == 0).all()
    found = column_currents(cells, wires, volts)
    np.testing.assert_array_equal(found, np.sum(phases, axis=0))
    grounded = column_currents(cells, replace(wires, unselected_columns="grounded"), volts)
    assert np.abs(found - grounded).max() > 1e-3 * grounded.max()


def test_a_part_without_a_path_to_ground_is_left_alone() -> None:
    """A floating row without cells, and a floating column whose cells are all open."""
    cells = np.zeros((2, 2))
    cells[0, 0] = 1e-4
    wires = Wires(inactive_rows="floating", unselected_columns="floating", mux=2)
    solution = solve(cells, wires, [1.0, 0.0])
    assert_close(solution.currents, np.array([1 / (1e4 + 3), 0]), 1e-12)
    assert (solution.bit_volt[:, 1] == 0).all()
    assert (solution.word_volt[1] == 0).all()


def test_an_active_row_may_be_at_0_volt() -> None:
    cells, volts = conductances(6, 6), np.array([0.2, 0.0, 0.0, 0.0, 0.2, 0.2])
    floating, driven = Wires(inactive_rows="floating"), np.ones(6, bool)
    expected = column_currents(cells, Wires(), volts)
    assert_close(column_currents(cells, floating, volts, active=driven), expected, 1e-14)
    assert np.abs(column_currents(cells, floating, volts) - expected).max() > 1e-6 * expected.max()
    raised = volts + np.where(volts == 0, 0.1, 0)
    assert_close(column_currents(cells, Wires(), raised, active=volts > 0), expected, 1e-14)


@pytest.mark.parametrize("rows", [8, 32])
@pytest.mark.parametrize("wires", LINEAR.values(), ids=LINEAR)
def test_transfer_matrix_is_the_nodal_one(rows: int, wires: Wires) -> None:
    cells = conductances(rows, rows + 3)
    assert_close(transfer_matrix(cells, wires), nodal_transfer_matrix(cells, wires), 1e-9)


def test_interleaved_signs_are_word_lines_of_their_own() -> None:
    plus, minus, wires = conductances(10, 8), conductances(10, 8, seed=5), Wires(word_ohm=3, bit_ohm=2)
    volts = spikes(10)
    physical = np.stack([plus, minus], axis=1).reshape(20, 8)
    expected = column_currents(physical, wires, np.stack([volts, -volts], axis=1).ravel())
    assert_close(volts @ interleaved(plus[None], minus[None], wires)[0], expected, 1e-9)


def test_corrections_regain_what_the_diagonal_drowned() -> None:
    """Segments of 10 uohm beside cells of 1 Mohm: one number holds both conductances on the diagonal, at a price."""
    cells, wires = np.zeros((8, 1)), Wires(word_ohm=1e-5, bit_ohm=1e-5, driver_ohm=1e5, sense_ohm=1e5)
    cells[5] = 1e-6
    exact = 1 / (1e6 + 2e5 + (1 + 3) * 1e-5)
    plain = nodal_transfer_matrix(cells, wires, corrections=0)[5, 0]
    assert abs(plain / exact - 1) > 1e-8
    assert nodal_transfer_matrix(cells, wires)[5, 0] == pytest.approx(exact, rel=1e-14)


# the solver that nobody here wrote


@pytest.mark.parametrize("rows", [16, 32])
@pytest.mark.parametrize("wires", CIRCUITS.values(), ids=CIRCUITS)
def test_ngspice_agrees(rows: int, wires: Wires) -> None:
    need_ngspice()
    cells, volts = conductances(rows, rows), spikes(rows)
    assert_close(run_ngspice(netlist(cells, wires, volts)), solve(cells, wires, volts).currents, 1e-9)


@pytest.mark.parametrize("rows", [16, 32])
def test_ngspice_agrees_with_the_transfer_matrix(rows: int) -> None:
    need_ngspice()
    cells, volts, wires = conductances(rows, rows), spikes(rows), Wires(driver_ohm=100, sense_ohm=50)
    assert_close(volts @ transfer_matrix(cells, wires), run_ngspice(netlist(cells, wires, volts)), 1e-9)


def test_ngspice_reads_every_mux_phase() -> None:
    need_ngspice()
    cells, volts = conductances(9, 7), spikes(9)
    wires = Wires(unselected_columns="floating", mux=2, inactive_rows="floating")
    found = sum(run_ngspice(netlist(cells, wires, volts, phase=phase)) for phase in range(2))
    assert_close(found, column_currents(cells, wires, volts), 1e-9)


def test_a_netlist_that_ngspice_cannot_solve_is_an_error() -> None:
    need_ngspice()
    with pytest.raises(SpikesimError, match="ngspice failed"):
        run_ngspice("* no circuit\nVsense0 n1 0 0\n.end\n")


def test_ngspice_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikesim_py.crossbar.wires.netlist.NGSPICE", None)
    with pytest.raises(InputError, match="apt-get install ngspice"):
        run_ngspice(netlist(conductances(2, 2), Wires(), np.ones(2)))


# read noise


def noisy(wires: Wires, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cells, 5 % read noise, and the voltages of one read."""
    cells = conductances(9, 8, seed)
    return cells, 0.05 * cells, spikes(9, 0.5)


def derivatives(cells: NDArray[np.float64], wires: Wires, volts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, columns, columns): change of every column's current with every cell, by central differences."""
    found = np.zeros((*cells.shape, cells.shape[1]))
    for at in np.ndindex(*cells.shape):
        more, less = cells.copy(), cells.copy()
        more[at], less[at] = 1.001 * cells[at], 0.999 * cells[at]
        if cells[at] > 0:
            change = column_currents(more, wires, volts) - column_currents(less, wires, volts)
            found[at] = change / (more[at] - less[at])
    return found


HEAVY = {
    "passive": Wires(word_ohm=150, bit_ohm=150, driver_ohm=100, sense_ohm=50),
    "floating rows": Wires(word_ohm=150, bit_ohm=150, inactive_rows="floating"),
    "floating columns": Wires(word_ohm=150, bit_ohm=150, unselected_columns="floating", mux=4),
    "pseudo": Wires(topology="pseudo_1t1r", word_ohm=150, bit_ohm=150, access_ohm=5_000),
    "gated": Wires(topology="gated_1t1r", bit_ohm=300, source_ohm=200, access_ohm=5_000),
}


@pytest.mark.parametrize("wires", HEAVY.values(), ids=HEAVY)
def test_adjoint_is_the_derivative(wires: Wires) -> None:
    cells, sigma, volts = noisy(wires)
    expected = np.sqrt(((derivatives(cells, wires, volts) * sigma[..., None]) ** 2).sum((0, 1)))
    np.testing.assert_allclose(adjoint_sigma(sigma, cells, wires, volts), expected, rtol=1e-5, atol=1e-18)
    if wires.is_linear:
        found = read_noise(sigma, cells, wires).sigma(np.stack([volts, 2 * volts, 0 * volts]))
        np.testing.assert_allclose(found, np.outer([1, 2, 0], expected), rtol=1e-5, atol=1e-13)
    else:
        with pytest.raises(InputError, match="not linear"):
            read_noise(sigma, cells, wires)


def test_order_of_accuracy() -> None:
    """Of the error of single reads, in units of its own root mean square, with a fifth of the current lost."""
    rng, wires = np.random.default_rng(3), Wires(word_ohm=150, bit_ohm=150)
    cells, volts = 1 / rng.uniform(1e4, 1e5, (10, 10)), spikes(10, 0.5)
    transfer, slopes = transfer_matrix(cells, wires), derivatives(cells, wires, volts)
    assert 0.15 < 1 - (volts @ transfer).sum() / (volts @ cells).sum() < 0.25
    errors = 0.05 * cells * rng.normal(size=(200, 10, 10))
    true = np.array([volts @ (transfer_matrix(cells + error, wires) - transfer) for error in errors])

    def miss(estimate: NDArray[np.float64]) -> float:
        return float(np.sqrt(np.mean((estimate - true) ** 2) / np.mean(true**2)))

    ideal, first = miss(volts @ errors), miss(volts @ (errors * first_order_sigma(np.ones((10, 10)), cells, transfer)))
    adjoint = miss(np.tensordot(errors, slopes, 2))
    assert adjoint < 0.01 < 0.05 < first < 0.2 < 0.3 < ideal


def test_noise_of_many_reads_has_the_adjoint_standard_deviation() -> None:
    rng, wires, draws = np.random.default_rng(4), Wires(word_ohm=150, bit_ohm=150), 2_000
    cells, volts = 1 / rng.uniform(1e4, 1e5, (10, 10)), spikes(10, 0.5)
    expected = adjoint_sigma(0.05 * cells, cells, wires, volts)
    noisy_cells = cells * (1 + 0.05 * rng.normal(size=(draws, 10, 10)))
    currents = np.array([volts @ transfer_matrix(read, wires) for read in noisy_cells])
    # (n - 1) s^2 / sigma^2 follows chi2(n - 1); two sides of ten columns share the false alarms
    statistic = (draws - 1) * currents.var(0, ddof=1) / expected**2
    low, high = chi2.ppf([FALSE_ALARM / 20, 1 - FALSE_ALARM / 20], draws - 1)
    assert (low < statistic).all()
    assert (statistic < high).all()
    ideal = np.sqrt(((0.05 * cells * volts[:, None]) ** 2).sum(0))
    assert ((draws - 1) * currents.var(0, ddof=1) / ideal**2 < low).all()


def test_first_order_is_exact_without_wires() -> None:
    cells = conductances(6, 5)
    np.testing.assert_array_equal(first_order_sigma(0.1 * cells, cells, cells), 0.1 * cells)
    wires = Wires(topology="pseudo_1t1r", word_ohm=0, bit_ohm=0, access_ohm=4_000)
    sigma, volts = np.full((6, 5), 1e-6), spikes(6)
    first = first_order_sigma(sigma, cells, nodal_transfer_matrix(cells, wires), access_ohm=4_000)
    exact = adjoint_sigma(sigma, cells, wires, volts)
    np.testing.assert_allclose(np.sqrt(((volts[:, None] * first) ** 2).sum(0)), exact, rtol=1e-12)


def test_read_noise_takes_any_number_of_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, sigma, _ = noisy(HEAVY["passive"])
    noise = read_noise(sigma, cells, HEAVY["passive"])
    assert noise.nbytes == 4 * cells.size * sum(cells.shape)
    volts = np.random.default_rng(0).random((7, 9))
    together = noise.sigma(volts)
    monkeypatch.setattr("spikesim_py.crossbar.wires.noise._VALUES", 2 * cells.size)
    np.testing.assert_allclose(noise.sigma(volts), together, rtol=1e-6)
    assert noise.sigma(np.zeros((0, 9))).shape == (0, 8)


# what is refused


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve(np.ones(3), Wires(), np.ones(3)), "shape"),
        (lambda: solve(np.full((2, 2), -1.0), Wires(), np.ones(2)), "negative"),
        (lambda: solve(np.ones((2, 2)), Wires(), np.ones(3)), r"volts of shape \(3,\)"),
        (lambda: solve(np.ones((2, 2)), Wires(), np.array([1, np.nan])), "finite"),
        (lambda: solve(np.ones((2, 2)), Wires(), np.ones(2), active=np.ones(2)), "bool"),
        (lambda: solve(np.ones((2, 2)), Wires(mux=2), np.ones(2), phase=2), "phase = 2"),
        (lambda: solve(np.ones((2, 2)), Wires(topology="gated_1t1r"), np.array([0.1, 0.2])), "one voltage"),
        (lambda: adjoint_sigma(np.ones((2, 3)), np.ones((2, 2)), Wires(), np.ones(2)), "sigma"),
        (lambda: adjoint_sigma(-np.ones((2, 2)), np.ones((2, 2)), Wires(), np.ones(2)), "sigma"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
