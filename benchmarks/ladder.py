"""Gated 1T1R, exact: column ladders against a dense nodal solve of every column: `python -m benchmarks.ladder`."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Row, best, show
from spikesim_py.crossbar.ladder import Ladder, ladder_noise, ladder_of, ladder_sums, work_arrays
from spikesim_py.crossbar.wires import Wires

ROWS = COLUMNS = 64
READS = 20_000
UNIT = 1e-5  # siemens per level
CIRCUITS = {
    "bit line, ideal supply": Wires(topology="gated_1t1r", bit_ohm=1, sense_ohm=100),
    "source line beside bit line": Wires(topology="gated_1t1r", bit_ohm=1, source_ohm=1, driver_ohm=100, sense_ohm=100),
}
GOALS = {0.15: "<= 0.4 us"}


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[misc]
def _sums(cells: Any, active: Any, counts: Any, first: int, ladder: Any, sums: Any, scratch: Any) -> None:
    for read in range(counts.size):
        ladder_sums(cells, active[read], counts[read], first, ladder, sums, scratch)


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[misc]
def _noise(
    cells: Any,
    variances: Any,
    active: Any,
    counts: Any,
    first: int,
    ladder: Any,
    sums: Any,
    variance: Any,
    scratch: Any,
) -> None:
    for read in range(counts.size):
        ladder_noise(cells, variances, active[read], counts[read], first, ladder, sums, variance, scratch)


def dense_currents(cells: NDArray[Any], on: NDArray[np.bool_], ladder: Ladder) -> NDArray[np.float64]:
    """Currents in levels of one read: every column as a dense nodal matrix, solved by LAPACK."""
    columns, rows = cells.shape[1], ladder.rows
    source, bit = np.arange(rows), rows + np.arange(rows)  # nodes; with one supply the former are at 1 V
    conducting = np.where(on[:, None], cells, 0).T.astype(float)
    matrix, given = np.zeros((columns, 2 * rows, 2 * rows)), np.zeros((columns, 2 * rows, 1))
    matrix[:, source, source] = matrix[:, bit, bit] = conducting
    matrix[:, source, bit] = matrix[:, bit, source] = -conducting

    def line(nodes: NDArray[np.intp], segment: float, end: float) -> None:
        """Segments between neighbours and from the last node to an end behind `end`."""
        a, b = nodes[:-1], nodes[1:]
        matrix[:, a, a] += 1 / segment
        matrix[:, b, b] += 1 / segment
        matrix[:, a, b] -= 1 / segment
        matrix[:, b, a] -= 1 / segment
        matrix[:, nodes[-1], nodes[-1]] += 1 / (segment + end)

    line(bit, ladder.bit, ladder.foot)
    if ladder.source:
        line(source[::-1], ladder.source, ladder.head)
        given[:, 0] = 1 / (ladder.source + ladder.head)
    else:
        matrix, given = matrix[:, rows:, rows:], conducting[..., None]
    return np.asarray(np.linalg.solve(matrix, given)[:, -1, 0] / (ladder.bit + ladder.foot))


def ladder_rows() -> list[Row]:
    """Microseconds per read of 64 x 64 cells, one thread."""
    rng = np.random.default_rng(0)
    cells = rng.uniform(0.1, 3, (ROWS, COLUMNS)).astype(np.float32)
    variances = np.square(0.05 * cells)
    sums, variance, scratch = work_arrays(COLUMNS, ROWS)
    rows: list[Row] = []
    for name, wires in CIRCUITS.items():
        ladder = ladder_of(wires, ROWS, UNIT)
        for density in (0.05, 0.15, 0.5):
            on = rng.random((READS, ROWS)) < density
            counts, active = on.sum(1), np.argsort(~on, axis=1, kind="stable")
            exact = dense_currents(cells, on[-1], ladder)
            peer = best(lambda on=on, ladder=ladder: dense_currents(cells, on[-1], ladder))
            rows.append((f"{name}, {density:.0%}: dense nodal solve", f"{peer * 1e6:.0f} us", "1x", ""))
            arguments = (active, counts, 0, ladder, sums)
            taken = best(lambda arguments=arguments: _sums(cells, *arguments, scratch)) / READS
            gap = np.abs(sums - exact).max() / cells[on[-1]].sum(0).max()
            what, goal = f"{name}, {density:.0%}: ladder, {gap:.0e} from it", GOALS.get(density, "")
            rows.append((what, f"{taken * 1e6:.3f} us", f"{peer / taken:.0f}x", goal))
            more = best(lambda a=arguments: _noise(cells, variances, *a, variance, scratch)) / READS
            what = f"{name}, {density:.0%}: with the variance of read noise"
            rows.append((what, f"{more * 1e6:.3f} us", f"{peer / more:.0f}x", goal and "<= 0.3 us more"))
    return rows


if __name__ == "__main__":
    show("Gated 1T1R, 64 x 64 cells", ladder_rows())
