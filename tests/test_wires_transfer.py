"""Transfer matrices: against an independent nodal solve, and the laws of linear networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spikesim_py.crossbar.wires import (
    Wires,
    at_temperature,
    circuit,
    driver_admittance,
    floating_operators,
    forget,
    interleaved,
    kernels,
    reference,
    solve_transfer,
    transfer,
    transfer_matrices,
    transfer_matrix,
)
from spikesim_py.crossbar.wires.lanes import LANES, aligned
from spikesim_py.crossbar.wires.nodal import column_currents, nodal_transfer_matrix, solve
from spikesim_py.errors import EvaluationError, InputError
from spikesim_py.hardware import load_hardware
from spikesim_py.hardware.wires import Wires as WiresSection

ENDS = {"driver_ohm": 50.0, "sense_ohm": 30.0}
TURNED = {"drive_side": "right", "sense_side": "top"}
FLOATING = {"unselected_columns": "floating", "mux": 4}
CIRCUITS: list[dict[str, Any]] = [
    {},
    ENDS,
    TURNED | ENDS,
    {"word_ohm": 0.0},
    {"bit_ohm": 0.0},
    {"word_ohm": 0.0, "bit_ohm": 0.0} | ENDS,
    {"topology": "pseudo_1t1r", "access_ohm": 4_000.0, "word_ohm": 20.0},
    FLOATING,
    FLOATING | TURNED | ENDS,
    {"word_ohm": 300.0, "bit_ohm": 500.0},
]


def random_cells(rows: int, columns: int, seed: int = 0, zeros: float = 0.0) -> np.ndarray:
    """Conductances of 10 k to 200 kohm."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, columns)) < zeros, 0.0, 1 / rng.uniform(1e4, 2e5, (rows, columns)))


def gap(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference as a share of the largest element."""
    return float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-300))


def grid_of(cells: np.ndarray, word: float = 1.0, bit: float = 1.0) -> reference.Grid:
    rows, columns = cells.shape
    return reference.Grid(cells, word, bit, np.full(rows, float(word)), np.full(columns, float(bit)))


class TestOracle:
    @pytest.mark.parametrize("fields", CIRCUITS)
    @pytest.mark.parametrize(("rows", "columns"), [(16, 16), (11, 21), (21, 11), (1, 5), (5, 1)])
    def test_agrees_with_nodal_solve(self, fields: dict[str, Any], rows: int, columns: int) -> None:
        for zeros in (0.0, 0.4):
            cells, wires = random_cells(rows, columns, zeros=zeros), Wires(**fields)
            assert gap(transfer_matrix(cells, wires), nodal_transfer_matrix(cells, wires)) < 1e-9

    @pytest.mark.parametrize(
        "size", [32, 64, pytest.param(128, marks=pytest.mark.slow), pytest.param(256, marks=pytest.mark.slow)]
    )
    def test_agrees_at_the_sizes_in_use(self, size: int) -> None:
        cells, wires = random_cells(size, size, seed=size), Wires()
        solved = solve_transfer(cells, wires)
        assert solved.error <= 1e-9
        assert not solved.direct
        assert gap(solved.matrix, nodal_transfer_matrix(cells, wires)) < 1e-9

    @pytest.mark.parametrize("size", [128, 256])
    def test_reads_of_large_crossbars(self, size: int) -> None:
        """Volts of both signs, so that errors cannot hide in a sum: each column against one nodal solve."""
        cells, wires = random_cells(size, size, seed=size), Wires()
        volts = np.random.default_rng(size).uniform(-1, 1, size)
        exact = column_currents(cells, wires, volts)
        bound = 1e-9 * np.abs(volts).sum() * transfer_matrix(cells, wires).max()
        assert np.abs(volts @ transfer_matrix(cells, wires) - exact).max() < bound
        assert np.abs(exact).max() > 1e6 * bound

    @given(st.data())
    def test_any_circuit(self, data: st.DataObject) -> None:
        shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
        ohm = st.one_of(st.just(0.0), st.floats(0.1, 1e4))
        topology = data.draw(st.sampled_from(["passive", "pseudo_1t1r"]))
        wires = Wires(
            topology=topology,
            **{name: data.draw(ohm) for name in ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm")},
            access_ohm=data.draw(ohm) if topology == "pseudo_1t1r" else 0.0,
            drive_side=data.draw(st.sampled_from(["left", "right"])),
            sense_side=data.draw(st.sampled_from(["bottom", "top"])),
            unselected_columns=data.draw(st.sampled_from(["grounded", "floating"])),
            mux=data.draw(st.integers(1, 5)),
        )
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        cells = 10 ** rng.uniform(-7, -3, shape) * (rng.random(shape) < data.draw(st.sampled_from([0.2, 0.7, 1.0])))
        exact = nodal_transfer_matrix(cells, wires)
        assert gap(transfer_matrix(cells, wires), exact) < 1e-9
        rough = solve_transfer(cells, wires, sweeps=data.draw(st.integers(1, 4)))
        assert gap(rough.matrix, exact) <= rough.error + 1e-12  # the oracle rounds too


class TestLaws:
    def test_superposition(self) -> None:
        cells, wires = random_cells(12, 9), Wires(word_ohm=40, bit_ohm=30)
        matrix, rng = transfer_matrix(cells, wires), np.random.default_rng(1)
        one, two = rng.uniform(-1, 1, (2, 12))
        both = column_currents(cells, wires, one + 3 * two, active=np.ones(12, bool))
        assert gap(one @ matrix + 3 * (two @ matrix), both) < 1e-9

    def test_reciprocity(self) -> None:
        """Drivers and sensors exchanged: the matrix is the transpose, although other systems were solved."""
        cells = random_cells(20, 20)
        matrix = transfer_matrix(cells, Wires(word_ohm=7, bit_ohm=3, driver_ohm=20, sense_ohm=10, drive_side="right"))
        turned = Wires(word_ohm=3, bit_ohm=7, driver_ohm=10, sense_ohm=20, drive_side="right")
        assert gap(transfer_matrix(cells.T, turned).T, matrix) < 2e-9

    def test_no_resistance_is_the_conductances(self) -> None:
        cells = random_cells(9, 14, zeros=0.3)
        assert gap(transfer_matrix(cells, Wires(word_ohm=0, bit_ohm=0)), cells) < 1e-15

    def test_little_resistance_is_first_order(self) -> None:
        """The distance from the ideal product halves with the resistance."""
        cells = random_cells(9, 14)
        far, near = (
            np.abs(transfer_matrix(cells, Wires(word_ohm=r, bit_ohm=r), tolerance=1e-12) - cells).max()
            for r in (1e-2, 5e-3)
        )
        assert far / near == pytest.approx(2, rel=1e-3)

    def test_independent_bit_lines(self) -> None:
        """Without word-line resistance a column is a ladder of its own."""
        cells = random_cells(10, 4)
        together = transfer_matrix(cells, Wires(word_ohm=0, bit_ohm=50))
        alone = [transfer_matrix(cells[:, [j]], Wires(word_ohm=0, bit_ohm=50)) for j in range(4)]
        assert gap(together, np.hstack(alone)) < 1e-14

    @pytest.mark.parametrize("name", ["word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"])
    def test_every_ohm_costs_current(self, name: str) -> None:
        cells = random_cells(16, 16)
        base = {"word_ohm": 1.0, "bit_ohm": 1.0}
        totals = [transfer_matrix(cells, Wires(**base | {name: ohm})).sum() for ohm in (0.0, 1.0, 10.0, 100.0)]
        assert totals == sorted(totals, reverse=True)
        assert np.diff(totals).max() < 0

    def test_power_balance(self) -> None:
        """What our driver currents deliver is what the oracle's resistors dissipate."""
        cells, fields = random_cells(10, 8), {"word_ohm": 20, "bit_ohm": 30} | ENDS
        volts = np.random.default_rng(2).uniform(0, 1, 10)
        delivered = volts @ driver_admittance(cells, Wires(**fields)) @ volts
        lost = solve(cells, Wires(**fields), volts, active=np.ones(10, bool))
        dissipated = lost.cell_watt + lost.wire_watt + lost.driver_watt + lost.sense_watt
        assert delivered == pytest.approx(dissipated, rel=1e-9)

    def test_currents_are_conserved(self) -> None:
        cells, wires = random_cells(10, 8), Wires(word_ohm=20, bit_ohm=30)
        entering = driver_admittance(cells, wires).sum()
        assert entering == pytest.approx(transfer_matrix(cells, wires).sum(), rel=1e-9)

    def test_scale(self) -> None:
        cells = random_cells(12, 12)
        matrix = transfer_matrix(cells, Wires(word_ohm=4, bit_ohm=8))
        assert gap(transfer_matrix(cells * 1024, Wires(word_ohm=4 / 1024, bit_ohm=8 / 1024)) / 1024, matrix) < 1e-14


class TestAccuracy:
    @pytest.mark.parametrize("sweeps", [1, 2, 3, 6])
    def test_kernel_is_its_numpy_twin(self, sweeps: int) -> None:
        grid, read = grid_of(random_cells(13, 18, zeros=0.2), 100, 200), np.arange(18)
        matrix, ends, scratch, out = np.zeros((13, 18)), np.zeros((18, 18)), aligned(17, 18, LANES), aligned(13, LANES)
        aim = kernels.Aim(1e9, sweeps, sweeps, 1)
        lines = grid.word_ohm, grid.bit_ohm, grid.drive_ohm, grid.sense_ohm
        made, bound, reached = kernels.relax(grid.cells, *lines, read, aim, scratch, out, matrix, ends)
        currents, bounds = reference.relaxed(grid, read, sweeps)
        assert reached
        assert made == sweeps
        assert gap(matrix, currents) < 1e-13
        assert bound == pytest.approx(bounds.max(), rel=1e-6, abs=1e-14 * currents.max())

    @pytest.mark.parametrize(("ohm", "lossy"), [(1.0, False), (5.0, False), (300.0, True)])
    def test_fast_states_its_error(self, ohm: float, lossy: bool) -> None:
        cells, wires = random_cells(64, 64), Wires(word_ohm=ohm, bit_ohm=ohm)
        fast = solve_transfer(cells, wires, sweeps=transfer.FAST_SWEEPS)
        true = gap(fast.matrix, transfer_matrix(cells, wires))
        assert true < fast.error < 200 * true
        assert (fast.error > 0.1) == lossy

    def test_slow_convergence_is_not_mistaken_for_an_end(self) -> None:
        """Near rate 1 a sweep changes little; the stated error must not follow the step."""
        cells, wires = random_cells(24, 24), Wires(word_ohm=3_000, bit_ohm=3_000)
        exact = transfer_matrix(cells, wires, tolerance=1e-11)
        before = solve_transfer(cells, wires, sweeps=19).matrix
        after = solve_transfer(cells, wires, sweeps=20)
        step, true = gap(after.matrix, before), gap(after.matrix, exact)
        assert step < true / 5
        assert after.error > true

    @pytest.mark.parametrize("fields", [{}, FLOATING, ENDS])
    def test_elimination_takes_over(self, fields: dict[str, Any]) -> None:
        cells, wires = random_cells(24, 20), Wires(**fields | {"word_ohm": 1e5, "bit_ohm": 1e5})
        solved = solve_transfer(cells, wires)
        assert solved.direct
        assert solved.error < 1e-9
        assert gap(solved.matrix, nodal_transfer_matrix(cells, wires)) < 1e-9

    def test_elimination_agrees_with_relaxation(self) -> None:
        grid = grid_of(random_cells(40, 40), 2, 3)
        currents, _, bounds = reference.block_tridiagonal(grid, np.arange(40))
        matrix = transfer_matrix(grid.cells, Wires(word_ohm=2, bit_ohm=3, drive_side="right"), tolerance=1e-12)
        assert gap(currents, matrix) < 2e-12
        assert bounds.max() < 1e-12 * currents.max()

    def test_failure_of_both_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cells, wires = random_cells(24, 20), Wires(word_ohm=1e5, bit_ohm=1e5)
        with monkeypatch.context() as patch:
            patch.setattr(transfer, "_ELIMINATION_BYTES", 1000)
            with pytest.raises(EvaluationError, match="24 x 20 cells: the relaxation needs more than 200 sweeps"):
                transfer_matrix(cells, wires)

        def spoiled(grid: reference.Grid, read: np.ndarray) -> Any:
            currents, ends, bounds = reference.block_tridiagonal(grid, read)
            return currents, ends, bounds + 1e-6 * currents.max()

        monkeypatch.setattr(transfer, "block_tridiagonal", spoiled)
        with pytest.raises(EvaluationError, match=r"an error of 1\.0e-06 of the largest current"):
            transfer_matrix(cells, wires)

    def test_elimination_sees_its_own_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        grid = grid_of(random_cells(8, 8), 1e4, 1e4)
        exact, _, _ = reference.block_tridiagonal(grid, np.arange(8))
        inverse = np.linalg.inv
        monkeypatch.setattr(np.linalg, "inv", lambda matrix: inverse(matrix) * (1 + 1e-6))
        wrong, _, bounds = reference.block_tridiagonal(grid, np.arange(8))
        assert np.abs(wrong - exact).max(0).max() < bounds.max()
        assert bounds.max() > 1e-9 * exact.max()


class TestMany:
    def test_threads_do_not_matter(self) -> None:
        cells = np.stack([random_cells(20, 18, seed) for seed in range(7)])
        matrices = []
        for threads in (1, 2, 5):
            forget()
            matrices.append(transfer_matrices(cells, Wires(), threads=threads))
        assert (matrices[0] == matrices[1]).all()
        assert (matrices[0] == matrices[2]).all()
        assert (matrices[0][3] == transfer_matrix(cells[3], Wires())).all()

    def test_known_arrays_are_not_solved_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forget()
        cells = np.stack([random_cells(6, 5, seed) for seed in range(3)])
        first = transfer_matrices(cells, Wires())
        solved: list[np.ndarray] = []

        def counted(*arguments: Any, **more: Any) -> transfer.Transfer:
            solved.append(arguments[0])
            return solve_transfer(*arguments, **more)

        monkeypatch.setattr(transfer, "solve_transfer", counted)
        again = transfer_matrices(cells[::-1].copy(), Wires())
        assert not solved
        assert (again == first[::-1]).all()
        for array in (first, again, transfer_matrix(cells[0], Wires())):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
        transfer_matrices(cells, Wires(), tolerance=1e-6)
        transfer_matrices(cells, Wires(bit_ohm=2))
        transfer_matrices(cells, Wires(), sweeps=2)
        assert len(solved) == 10  # three times three arrays, and the single one above

    def test_store_forgets_the_least_recent(self) -> None:
        store, matrix = transfer._Cache(3 * 80), transfer.Transfer(np.zeros((2, 5)), 0.0, 1, False)
        for key in (b"a", b"b", b"c"):
            store.put(key, matrix)
        assert store.get(b"a") is not None
        store.put(b"d", matrix)
        assert store.get(b"b") is None
        assert store.get(b"a") is not None
        assert store.used == 240
        store.put(b"e", replace(matrix, matrix=np.zeros((10, 10))))  # more than all there is
        assert store.used == 0


class TestCircuits:
    def test_columns_of_a_phase_are_far_apart(self) -> None:
        """Column j is read in phase j % mux, with all columns of other phases open."""
        cells, wires = random_cells(8, 9), Wires(word_ohm=200, bit_ohm=100, unselected_columns="floating", mux=3)
        volts = np.random.default_rng(3).uniform(0, 1, 8)
        together = volts @ transfer_matrix(cells, wires)
        for phase in range(3):
            currents = solve(cells, wires, volts, active=np.ones(8, bool), phase=phase).currents
            assert gap(together[phase::3], currents[phase::3]) < 1e-9
        assert gap(together, volts @ transfer_matrix(cells, Wires(word_ohm=200, bit_ohm=100))) > 1e-3

    def test_interleaved(self) -> None:
        """One crossbar with +V and -V word lines in turn, solved as such."""
        plus, minus = random_cells(6, 7, 1), random_cells(6, 7, 2)
        wires = Wires(word_ohm=100, bit_ohm=200)
        physical = np.empty((12, 7))
        physical[0::2], physical[1::2] = plus, minus
        volts = np.random.default_rng(4).uniform(0, 1, 6)
        signed = np.repeat(volts, 2) * np.tile([1, -1], 6)
        effective = interleaved(plus[None], minus[None], wires)[0]
        currents = column_currents(physical, wires, signed, active=np.ones(12, bool))
        assert gap(volts @ effective, currents) < 1e-8
        separate = transfer_matrix(plus, wires) - transfer_matrix(minus, wires)
        assert gap(effective, separate) > 1e-2  # the pair loads one bit line

    @pytest.mark.parametrize(
        "fields", [{}, TURNED | ENDS, {"topology": "pseudo_1t1r", "access_ohm": 3e3, "bit_ohm": 40}]
    )
    def test_floating_rows(self, fields: dict[str, Any]) -> None:
        cells = random_cells(12, 7, zeros=0.2)
        cells[3] = 0
        wires = Wires(**fields, inactive_rows="floating")
        impedance, shares = floating_operators(cells, wires)
        assert np.allclose(shares.sum(1), cells.any(1), atol=1e-14, rtol=0)
        assert np.allclose(impedance, impedance.T, rtol=1e-12)
        rng = np.random.default_rng(5)
        for count in (1, 4, 12):
            on = np.sort(rng.permutation(12)[:count])
            entering = np.linalg.solve(impedance[np.ix_(on, on)], np.full(count, 0.2))
            active = np.isin(np.arange(12), on)
            exact = column_currents(cells, wires, np.full(12, 0.2), active=active)
            assert gap(entering @ shares[on], exact) < 1e-9 or not cells[on].any()

    def test_floating_rows_when_all_are_active_is_the_product(self) -> None:
        cells, wires = random_cells(8, 8), Wires(word_ohm=50, bit_ohm=50)
        impedance, shares = floating_operators(cells, wires)
        assert gap(np.linalg.solve(impedance, np.ones(8)) @ shares, transfer_matrix(cells, wires).sum(0)) < 1e-9

    def test_floating_rows_by_elimination(self) -> None:
        cells, wires = random_cells(9, 11), Wires(word_ohm=1e6, bit_ohm=1e6, inactive_rows="floating")
        impedance, shares = floating_operators(cells, wires)
        active = np.arange(9) < 4
        currents = np.linalg.solve(impedance[:4, :4], np.ones(4)) @ shares[:4]
        assert gap(currents, column_currents(cells, wires, np.ones(9), active=active)) < 1e-9


class TestInput:
    @pytest.mark.parametrize("fields", [{"topology": "gated_1t1r"}, {"inactive_rows": "floating"}])
    def test_linear_path_is_refused_where_the_circuit_is_not_linear(self, fields: dict[str, Any]) -> None:
        with pytest.raises(InputError, match="not linear in the row voltages"):
            transfer_matrix(random_cells(3, 3), Wires(**fields))

    def test_floating_operators_refuse(self) -> None:
        with pytest.raises(InputError, match="not linear"):
            floating_operators(random_cells(3, 3), Wires(topology="gated_1t1r"))
        with pytest.raises(InputError, match="unselected_columns"):
            floating_operators(random_cells(3, 3), Wires(unselected_columns="floating", mux=2))

    @pytest.mark.parametrize(
        ("cells", "message"),
        [
            (np.full((2, 2), -1e-5), "must be finite and not negative"),
            (np.full((2, 2), np.nan), "must be finite and not negative"),
            (np.full(3, 1e-5), r"shape \(3,\): must be \(rows, columns\)"),
            (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\): must be \(rows, columns\)"),
            (np.zeros((0, 2)), r"shape \(0, 2\)"),
        ],
    )
    def test_bad_cells(self, cells: np.ndarray, message: str) -> None:
        with pytest.raises(InputError, match=message):
            transfer_matrix(cells, Wires())

    def test_bad_accuracy(self) -> None:
        cells = random_cells(3, 3)
        with pytest.raises(InputError, match="tolerance = 1e-16: must be above"):
            transfer_matrix(cells, Wires(), tolerance=1e-16)
        with pytest.raises(InputError, match="sweeps = 0"):
            transfer_matrix(cells, Wires(), sweeps=0)
        with pytest.raises(InputError, match="must be equal"):
            interleaved(cells[None], cells[None, :2], Wires())
        with pytest.raises(InputError, match="arrays, rows, columns"):
            transfer_matrices(cells, Wires())

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"word_ohm": -1}, "word_ohm = -1.0"),
            ({"bit_ohm": float("inf")}, "bit_ohm = inf"),
            ({"topology": "none"}, "topology = 'none'"),
            ({"drive_side": "top"}, "drive_side = 'top': must be one of left, right"),
            ({"mux": 0}, "mux = 0"),
            ({"access_ohm": 1}, "no access transistors"),
            ({"source_ohm": 1}, "only gated_1t1r has source lines"),
        ],
    )
    def test_bad_circuits(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            Wires(**fields)

    def test_no_cells_no_current(self) -> None:
        assert (transfer_matrix(np.zeros((3, 4)), Wires()) == 0).all()


class TestHardware:
    def test_no_wires_no_circuit(self) -> None:
        assert circuit(load_hardware("rram_32nm")) is None

    def test_fields_arrive(self) -> None:
        fields = {"word_ohm": 2.0, "bit_ohm": 3.0, "driver_ohm": 4.0, "sense_ohm": 5.0} | TURNED
        given = {
            "wires.topology": "pseudo_1t1r",
            "device.access_ohm": 6.0,
            "crossbar.mux": 4,
            "mapping.baseline": "none",
        }
        given |= {f"wires.{name}": value for name, value in fields.items()} | {"wires.unselected_columns": "floating"}
        expected = Wires(topology="pseudo_1t1r", access_ohm=6.0, mux=4, unselected_columns="floating", **fields)
        assert circuit(load_hardware("rram_32nm", given)) == expected

    def test_hot_wires_resist(self) -> None:
        given = {"wires.topology": "passive", "wires.driver_ohm": 7.0, "technology.temperature_k": 350.0}
        hot = circuit(load_hardware("rram_32nm", given))
        assert hot is not None
        assert hot.word_ohm == pytest.approx(1 + 0.00451 * 50)
        assert hot.driver_ohm == 7.0
        assert at_temperature(10, 300) == 10
        assert at_temperature(10, 250) == pytest.approx(7.745)  # signed: a cold wire conducts better
        with pytest.raises(InputError, match="kelvin = 20"):
            at_temperature(10, 20)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"word_ohm": 2.0}, "word_ohm = 2.0: has no effect with topology = 'none'"),
            ({"topology": "passive", "source_ohm": 2.0}, "source_ohm = 2.0: has no effect"),
            ({"topology": "gated_1t1r", "word_ohm": 2.0}, "word lines are gates"),
            ({"topology": "passive", "accuracy": "fast", "tolerance": 1e-6}, "has no effect with accuracy = 'fast'"),
            ({"topology": "passive", "inactive_rows": "floating", "accuracy": "fast"}, "needs inactive_rows"),
            ({"topology": "passive", "inactive_rows": "floating", "unselected_columns": "floating"}, "needs inactive"),
            ({"topology": "passive", "inactive_rows": "floating", "read_noise": "adjoint"}, "needs inactive_rows"),
            ({"topology": "passive", "bit_ohm": -1.0}, "greater than or equal to 0"),
            ({"topology": "passive", "tolerance": 1e-15}, "tolerance\n.*greater than or equal to"),
            ({"column_limit_ua": 0}, "greater than 0"),
        ],
    )
    def test_impossible_fields_are_refused(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            WiresSection(**fields)
