"""The energy of a crossbar's reads from its cells and its inputs.

The conductance of a column in one read is the sum of its cells on active rows. A wire or access resistance in series
with a cell is part of the cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .kernels import add_conversions
from .law import ConversionLaw


@dataclass(frozen=True)
class CrossbarRead:
    """What one read of a crossbar (one input plane, all mux phases) costs beside its cells.

    Attributes:
        word_fj: of every active row. bit_fj: of the crossbar, whatever is active.
        law: of every conversion.
        skips_idle: whether a read without an active row is not made.
    """

    word_fj: float
    bit_fj: float
    law: ConversionLaw
    skips_idle: bool = False


@dataclass(frozen=True)
class ReadEnergy:
    """Energies of reads, in pJ: word lines, bit lines, and column currents with converters."""

    word_lines_pj: float = 0.0
    bit_lines_pj: float = 0.0
    columns_pj: float = 0.0

    @property
    def total_pj(self) -> float:
        return self.word_lines_pj + self.bit_lines_pj + self.columns_pj

    def __add__(self, other: ReadEnergy) -> ReadEnergy:
        return ReadEnergy(
            self.word_lines_pj + other.word_lines_pj,
            self.bit_lines_pj + other.bit_lines_pj,
            self.columns_pj + other.columns_pj,
        )


def trace_energy(siemens: NDArray[Any], active: NDArray[Any], read: CrossbarRead) -> ReadEnergy:
    """Energy of all reads of one crossbar.

    Args:
        siemens: (rows, columns) of the cells whose columns are converted.
        active: (reads, rows) 0 or 1.
        read: what a read costs.
    """
    if read.skips_idle:
        active = active[active.any(1)]
    return ReadEnergy(
        word_lines_pj=read.word_fj * float(np.count_nonzero(active)) * 1e-3,
        bit_lines_pj=read.bit_fj * len(active) * 1e-3,
        columns_pj=float(column_energy_fj(siemens, active, read.law).sum()) * 1e-3,
    )


def column_energy_fj(siemens: NDArray[Any], active: NDArray[Any], law: ConversionLaw) -> NDArray[np.float64]:
    """(columns,) energy of converting every column at every read, in fJ.

    Where the law is a mere product, how often each row is active is all that matters; else every read is computed.

    Args:
        siemens: (rows, columns) >= 0.
        active: (reads, rows) 0 or 1, of any type; uint8 is not copied.
        law: of every conversion.

    Raises:
        InputError: the shapes do not fit each other, or a cell is negative.
    """
    if siemens.ndim != 2 or active.ndim != 2 or active.shape[1] != len(siemens):
        raise InputError(
            f"siemens {siemens.shape}, active {active.shape}: must be (rows, columns) and (reads, rows) of equal rows"
        )
    if siemens.size and float(siemens.min()) < 0:
        raise InputError(f"siemens: the smallest cell is {siemens.min():.3g} S; must be at least 0")
    if law.is_product:
        counts = active.sum(0, dtype=np.float64)
        return np.asarray(law.slope_fj * np.einsum("r,rc->c", counts, siemens))  # without BLAS: see kernels
    columns, unit = siemens.shape[1], _unit(siemens)  # powers of cells in units of the largest one fit float32
    cells = np.ascontiguousarray(siemens / unit, np.float32)
    scratch, sums = np.empty((3, columns), np.int32), np.zeros(columns)
    slope, base, exponent, dark = law.slope_fj * unit**law.exponent, law.base_fj, law.exponent, law.dark_fj
    reads = np.ascontiguousarray(active, np.uint8)
    add_conversions(cells, reads, float(base), float(slope), float(exponent), float(dark), scratch, sums)
    return sums


def _unit(siemens: NDArray[Any]) -> float:
    """A power of two, so that nothing is rounded, between half the largest cell and itself."""
    largest = float(siemens.max()) if siemens.size else 0.0
    return 2.0 ** (math.frexp(largest)[1] - 1) if largest else 1.0


def planes(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Bit-planes, highest first: (vectors, rows) unsigned integers to (bits * vectors, rows) 0 or 1."""
    return np.concatenate([(values >> plane) & 1 for plane in reversed(range(bits))]).astype(np.uint8, copy=False)
