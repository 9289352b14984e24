"""Reads that are solved one by one, where no matrix of effective cells exists: floating rows, adjoint read noise.

Both are exact and slow (about 0.1 ms per read of a crossbar, against 0.1 us): the reference engine uses them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .wires import Wires, floating_operators
from .wires.noise import ReadNoise, read_noise

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solved:
    """What the columns of one row block of one group carry, for its active rows (numbers within the crossbar).

    Attributes:
        currents: (row block, group, active rows) -> (kinds, outputs) levels; None where effective cells add up.
        variance: the same of their variance under read noise, levels^2; None where cells' variances add up.
    """

    currents: Callable[[int, int, NDArray[np.int64]], Floats] | None = None
    variance: Callable[[int, int, NDArray[np.int64]], Floats] | None = None


def floating_reads(
    conductance: Floats, wires: Wires, unit: float, used: Callable[[Any], Floats], dummy: bool, lines: int
) -> Solved:
    """Currents of crossbars (row blocks, groups, column blocks, rows, columns) siemens whose inactive rows float.

    Args:
        unit: siemens per level. used: (column blocks, columns) of a row block and group to (kinds, outputs).
        dummy: whether the last column is subtracted from the others.
        lines: word lines of one input: two lie side by side, at +V and -V.
    """
    operators = [[[floating_operators(array, wires) for array in row] for row in block] for block in conductance]

    def currents(block: int, group: int, active: NDArray[np.int64]) -> Floats:
        columns, (driven, volts) = [], _driven(active, lines)
        for impedance, shares in operators[block][group]:
            columns.append(np.linalg.solve(impedance[np.ix_(driven, driven)], volts) @ shares[driven])
        levels = np.stack(columns) / unit
        return used(levels - levels[:, -1:] if dummy else levels)

    return Solved(currents=currents)


def adjoint_variance(
    sigma: Floats, conductance: Floats, wires: Wires, unit: float, used: Callable[[Any], Floats], lines: int
) -> Solved:
    """Variance of the currents under read noise `sigma` (siemens, shaped as `conductance`); see `wires.noise`."""
    tables: dict[tuple[int, int], list[ReadNoise]] = {}

    def variance(block: int, group: int, active: NDArray[np.int64]) -> Floats:
        if (block, group) not in tables:
            pairs = zip(sigma[block, group], conductance[block, group], strict=True)
            tables[block, group] = [read_noise(*pair, wires) for pair in pairs]
        volts, (driven, given) = np.zeros((1, conductance.shape[-2])), _driven(active, lines)
        volts[0, driven] = given
        return used(np.stack([table.sigma(volts)[0] for table in tables[block, group]]) ** 2 / unit**2)

    return Solved(variance=variance)


def _driven(active: NDArray[np.int64], lines: int) -> tuple[NDArray[np.int64], Floats]:
    """Word lines that active inputs drive, and their voltages over that of a read."""
    volts = np.array([1.0, -1.0])[:lines]
    return (active[:, None] * lines + np.arange(lines)).ravel(), np.tile(volts, len(active))
