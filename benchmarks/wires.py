"""Exact wires against a sparse direct solver: `python -m benchmarks.wires`."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from benchmarks.timing import Row, best, show
from spikesim_py.crossbar.wires import FAST_SWEEPS, Wires, forget, solve_transfer, transfer_matrices, transfer_matrix

Floats = NDArray[np.float64]

_GOALS_MS = {64: 2, 128: 25, 256: 400}


def cells(size: int, seed: int = 0) -> Floats:
    """Conductances of 10 k to 200 kohm."""
    return 1 / np.random.default_rng(seed).uniform(1e4, 2e5, (size, size))


def sparse_solve(conductance: Floats) -> Callable[[], Floats]:
    """The transfer matrix with segments of 1 ohm by SciPy's SuperLU with its best ordering; assembly comes before."""
    rows, columns = conductance.shape

    def line(nodes: int) -> sparse.csr_array:
        """Segments between neighbours and one from node 0 to a source."""
        beside = -np.ones(nodes - 1)
        return sparse.diags_array([beside, np.r_[2 * np.ones(nodes - 1), 1.0], beside], offsets=[-1, 0, 1]).tocsr()

    across = sparse.diags_array(conductance.ravel())
    word = sparse.kron(sparse.eye_array(rows), line(columns)) + across
    bit = sparse.kron(line(rows)[::-1, ::-1], sparse.eye_array(columns)) + across
    matrix = sparse.block_array([[word, -across], [-across, bit]]).tocsc()
    injected = np.zeros((matrix.shape[0], columns))
    injected[-columns:] = np.eye(columns)  # 1 V behind 1 ohm at every sense end in turn

    def solve() -> Floats:
        factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        volts: Floats = factors.solve(injected)
        return volts[: rows * columns : columns]

    return solve


def solver_rows() -> list[Row]:
    """One transfer matrix, one thread, against factor and all right-hand sides of a sparse direct solver."""
    rows: list[Row] = []
    for size, goal in _GOALS_MS.items():
        conductance, wires = cells(size), Wires()
        peer_solve = sparse_solve(conductance)
        start = time.perf_counter()
        exact = peer_solve()
        peer = time.perf_counter() - start
        if size < 256:
            peer = min(peer, best(peer_solve))
        rows.append((f"{size} x {size}: scipy splu, factor and {size} columns", f"{peer * 1e3:.1f} ms", "1x", ""))
        ours = best(lambda g=conductance, w=wires: transfer_matrix(g, w))
        gap = np.abs(transfer_matrix(conductance, wires) - exact).max() / exact.max()
        what = f"{size} x {size}: transfer_matrix, {gap:.0e} from splu"
        rows.append((what, f"{ours * 1e3:.2f} ms", f"{peer / ours:.0f}x", f"<= {goal} ms, >= 10x"))
        fast = solve_transfer(conductance, wires, sweeps=FAST_SWEEPS)
        taken = best(lambda g=conductance, w=wires: transfer_matrix(g, w, sweeps=FAST_SWEEPS))
        what = f"{size} x {size}: fast, states an error of {fast.error:.0e}"
        rows.append((what, f"{taken * 1e3:.2f} ms", f"{peer / taken:.0f}x", ""))
    return rows


def batch_rows() -> list[Row]:
    """Many arrays: solved, and known already."""
    many = np.stack([cells(64, seed) for seed in range(64)])

    def solved() -> Floats:
        forget()
        return transfer_matrices(many, Wires())

    taken, known = best(solved), best(lambda: transfer_matrices(many, Wires()))
    return [
        ("64 arrays of 64 x 64, each", f"{taken / 64 * 1e3:.2f} ms", "1x", ""),
        ("64 known arrays of 64 x 64, each", f"{known / 64 * 1e3:.3f} ms", f"{taken / known:.0f}x", ""),
    ]


def wires_rows() -> list[Row]:
    return [*solver_rows(), *batch_rows()]


if __name__ == "__main__":
    show("exact wires: cells of 10 k to 200 kohm, segments of 1 ohm, tolerance 1e-9", wires_rows())
