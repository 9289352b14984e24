"""What the cells of a chip contribute to their columns: through the wires, less what the baseline removes.

As long as a column's current is linear in the rows' voltages, wires included, a row adds a fixed amount to it, its
*effective cell*::

    effective = T / unit - removed,     T = current per volt (the transfer matrix; without wires, the conductance)

with `removed` = the background of an off cell, or the same row's contribution to the dummy column. A pair that is
subtracted before the converter has one effective cell, the difference; so has an interleaved one, whose word lines are
driven to +V and -V. Gated columns (`gated_1t1r`) are not linear:
their cells stay conductances, background and access transistor included, and the ladder is solved at every read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..hardware import Baseline, Hardware, Subtract, Topology
from ..hardware.device import ReadNoise
from ..hardware.wires import WireNoise
from ..mapping import Cells
from .device import background_levels, column_cells, column_read_sigma, column_telegraph, on_levels
from .fluctuation import fluctuates
from .ladder.circuit import Ladder, ladder_of, work_arrays
from .ladder.kernels import ladder_reads
from .ladder.reference import ladder_currents
from .repair import swapped
from .solved import Solved, adjoint_variance, floating_reads
from .wires import FAST_SWEEPS, Wires, circuit, solve_transfers


@dataclass(frozen=True, eq=False)
class Effective:
    """The columns of one layer on one chip. Rows are in matrix order.

    Attributes:
        values: (groups, rows, kinds, outputs per group) levels: int8 where all are whole, else float32.
        variance: the same, of one read of each, in levels^2; None without read noise.
        delivered: (2, groups, rows): what a row's cells would add to all columns without wires, and do add with
            them, in levels; None where nothing is lost, or where it depends on the input.
        error: bound of the error of any current that went through the wires, as a share of the largest.
        ladder: the wires of gated columns, whose `values` are conductances in levels. off: the off cell's.
        solved: what must be solved read by read instead, if anything.
        telegraph: what telegraph noise adds to `values` at every time-step of a sample, (steps, *values.shape);
            None without such noise.
    """

    values: NDArray[Any]
    variance: NDArray[np.float32] | None
    delivered: NDArray[np.float64] | None = None
    error: float | None = None
    ladder: Ladder | None = None
    off: float = 0.0
    solved: Solved | None = None
    telegraph: Callable[[int], NDArray[np.float32]] | None = None


def effective_cells(cells: Cells, hardware: Hardware, *, seed: int, chip: int, steps: int) -> Effective:
    """The effective cells of a layer on one chip, read at `steps` time-steps.

    Raises:
        ConfigError: a column's current may exceed what `wires.column_limit_ua` declares readable.
    """
    count = range(cells.columns.count)
    values = stored_levels(cells, hardware, seed, chip)
    sigmas = [column_read_sigma(cells, k, hardware, seed=seed, chip=chip) for k in count]
    sigma = None if sigmas[0] is None else np.stack([s for s in sigmas if s is not None], axis=2)
    wires = circuit(hardware)
    _check_readable(values, cells, wires, hardware)
    share: Any = 1.0  # of a cell's small change, what its column sees
    if wires is None:
        effective = Effective(values, None)
    elif wires.topology is Topology.GATED_1T1R:
        effective, share = _gated(values, wires, hardware)
    else:
        effective, share = _through_wires(values, sigma, cells, wires, hardware)

    def paired(columns: NDArray[Any], join: Any) -> NDArray[Any]:
        return _paired(columns, join) if hardware.signed_sums and effective.ladder is None else columns

    def telegraph(sample: int) -> NDArray[np.float32]:
        changes = [
            column_telegraph(values[:, :, k], cells, k, hardware, seed=seed, chip=chip, sample=sample, steps=steps)
            for k in count
        ]
        stacked = np.stack([c for c in changes if c is not None], axis=3) * share
        return paired(stacked.astype(np.float32), np.subtract)

    switches = fluctuates(hardware.device) and hardware.device.read.noise is ReadNoise.TELEGRAPH
    return replace(
        effective,
        values=paired(effective.values, np.subtract),
        variance=None if sigma is None else paired(np.square(sigma * share).astype(np.float32), np.add),
        telegraph=telegraph if switches else None,
    )


def column_siemens(cells: Cells, hardware: Hardware, *, seed: int, chip: int) -> NDArray[np.float64]:
    """What every cell of a layer lets flow into its own column per volt on its row, wires included, in siemens.

    Gated cells stand behind their access transistor, but before the wires: `gated_siemens` reads such columns.

    Returns:
        (groups, rows, kinds, outputs per group), rows in matrix order; the cells as stored, without read noise.

    Raises:
        ConfigError: inactive rows float, so that a cell's share depends on the input.
    """
    values, wires = stored_levels(cells, hardware, seed, chip), circuit(hardware)
    held = np.maximum(values + background_levels(hardware.device), 0.0) * level_siemens(hardware)
    if wires is None:
        return held
    if wires.topology is Topology.GATED_1T1R:
        return np.asarray(held / (1 + wires.access_ohm * held))
    if not wires.is_linear:
        raise ConfigError(
            f"wires.inactive_rows = {wires.inactive_rows}: a cell's current depends on the input; use grounded"
        )
    conductance = crossbar_siemens(values, cells, hardware)
    return _Back(values.shape, cells)(_transfers(conductance, wires, hardware)[0])


def gated_siemens(siemens: NDArray[Any], active: NDArray[Any], hardware: Hardware) -> NDArray[np.float64]:
    """Conductances of the columns of one gated crossbar in many reads, (reads, columns), exact.

    Args:
        siemens: (rows, columns) of `column_siemens`, rows in the order of the crossbar's first ones.
        active: (reads, rows) 0 or 1.
    """
    wires, unit = circuit(hardware), level_siemens(hardware)
    assert wires is not None
    levels, sums = (siemens / unit).astype(np.float32), np.empty((len(active), siemens.shape[1]), np.float32)
    _, _, scratch = work_arrays(siemens.shape[1])
    rows, ladder = np.empty(len(siemens), np.int64), ladder_of(wires, hardware.crossbar.rows, unit)
    ladder_reads(levels, np.ascontiguousarray(active, np.uint8), ladder, rows, sums, scratch)
    return np.asarray(sums, np.float64) * unit


def wire_inputs(hardware: Hardware) -> dict[str, Any] | None:
    """What of a chip's wires reaches the arithmetic, as plain data: part of an accuracy's key; None without any."""
    if hardware.wires.topology is Topology.NONE:
        return None
    device, crossbar = hardware.device, hardware.crossbar
    return {
        "wires": hardware.wires.model_dump(mode="json", exclude={"column_limit_ua"}),
        "kelvin": hardware.technology.temperature_k,
        "ohm": [device.r_on_ohm, device.access_ohm],
        "crossbar": [crossbar.rows, crossbar.cols, hardware.weight_columns, crossbar.mux],
    }


def readable_levels(hardware: Hardware) -> float | None:
    """The most levels that a column's current may stand for; None without `wires.column_limit_ua`.

    It changes no sum, and is part of an accuracy's key where it is set: of two chips that differ in it, one may be
    refused.
    """
    limit = hardware.wires.column_limit_ua
    return None if limit is None else limit * 1e-6 / (level_siemens(hardware) * hardware.device.read_volt)


def stored_levels(cells: Cells, hardware: Hardware, seed: int, chip: int) -> NDArray[Any]:
    """(groups, rows, kinds, outputs per group) levels above the off state."""
    kinds = range(cells.columns.count)
    return np.stack([column_cells(cells, k, hardware, seed=seed, chip=chip) for k in kinds], axis=2)


def _paired(columns: NDArray[Any], join: Any) -> NDArray[Any]:
    """One effective cell per pair, (..., kinds, outputs): they are subtracted before the converter."""
    return np.asarray(join(columns[..., ::2, :], columns[..., 1::2, :]))


def crossbar_levels(values: NDArray[Any], cells: Cells, hardware: Hardware, off: float) -> NDArray[np.float64]:
    """Values + off, cell by cell: (row blocks, groups, column blocks, crossbar rows, crossbar columns).

    Cells without a weight, and the dummy column (the last), hold `off`. The negative cell of an interleaved pair lies
    below the positive one.
    """
    groups, rows, kinds, outputs = values.shape
    usable, lines = cells.usable_columns, cells.word_lines
    columns = kinds // lines * outputs
    blocks = -(-columns // usable)
    flat = np.zeros((groups, rows, lines, blocks * usable))
    by_line = values.reshape(groups, rows, -1, lines, outputs).transpose(0, 1, 3, 4, 2)  # output-major
    flat[..., :columns] = by_line.reshape(groups, rows, lines, columns)
    levels = np.full((len(cells.row_blocks), groups, blocks, hardware.crossbar.rows, hardware.crossbar.cols), off)
    for index, block in enumerate(cells.row_blocks):
        part = flat[:, block].reshape(groups, len(block) * lines, blocks, usable)
        levels[index, :, :, : len(block) * lines, :usable] += part.transpose(0, 2, 1, 3)
    return swapped(levels, cells)


def _through_wires(
    values: NDArray[Any], sigma: NDArray[Any] | None, cells: Cells, wires: Wires, hardware: Hardware
) -> tuple[Effective, Any]:
    """Effective cells of a circuit that is linear in the rows' voltages, and what of a small change gets through."""
    conductance, unit = crossbar_siemens(values, cells, hardware), level_siemens(hardware)
    dummy = hardware.baseline is Baseline.DUMMY_COLUMN
    back = _Back(values.shape, cells)
    lines, analog = cells.word_lines, hardware.mapping.subtract is Subtract.ANALOG

    def columns(join: Any) -> Callable[[Any], NDArray[np.float64]]:
        """From the columns of one row block and group to (kinds, outputs)."""

        def used(block: NDArray[np.float64]) -> NDArray[np.float64]:
            kinds, outputs = values.shape[2] // lines, values.shape[3]
            own = block[:, : cells.usable_columns].reshape(-1)[: kinds * outputs].reshape(outputs, kinds).T
            return _paired(own, join) if analog else own

        return used

    if wires.inactive_rows == "floating":
        floating = floating_reads(conductance, wires, unit, columns(np.subtract), dummy, lines)
        return Effective(values.astype(np.float32), None, solved=floating), 1.0
    transfer, error = _transfers(conductance, wires, hardware)
    removed = transfer[..., -1:] / unit if dummy else background_levels(hardware.device)
    # a small change reaches its column as the cell's own current does, dT = dG T / G, access transistor included
    series = 1 + wires.access_ohm * conductance
    passed = np.divide(transfer * series, conductance, out=np.ones_like(transfer), where=conductance > 0)
    delivered = np.stack([back(part / unit).sum((2, 3)) for part in (conductance, transfer)])
    solved = None
    if sigma is not None and hardware.wires.read_noise is WireNoise.ADJOINT:
        errors = crossbar_levels(sigma, cells, hardware, 0.0) * unit
        solved = adjoint_variance(errors, conductance, wires, unit, columns(np.add), lines)
    cells_behind = back(transfer / unit - removed).astype(np.float32)
    return Effective(cells_behind, None, delivered, error, solved=solved), back(passed / series**2)


def crossbar_siemens(values: NDArray[Any], cells: Cells, hardware: Hardware) -> NDArray[np.float64]:
    """Conductances of whole crossbars; see `crossbar_levels`."""
    levels = crossbar_levels(values, cells, hardware, background_levels(hardware.device))
    return np.maximum(levels, 0.0) * level_siemens(hardware)  # cells at 0 S were rounded to float32


def _transfers(conductance: NDArray[np.float64], wires: Wires, hardware: Hardware) -> tuple[NDArray[np.float64], float]:
    """Transfer matrices of whole crossbars (..., rows, columns), and the largest bound of an error."""
    *_, height, width = conductance.shape
    solved = solve_transfers(conductance.reshape(-1, height, width), wires, **_accuracy(hardware))
    matrices = np.stack([one.matrix for one in solved]).reshape(conductance.shape)
    return matrices, max(one.error for one in solved)


class _Back:
    """From crossbars to (groups, rows, kinds, outputs): the way back of `crossbar_levels`."""

    def __init__(self, shape: tuple[int, ...], cells: Cells) -> None:
        self._shape, self._cells = shape, cells

    def __call__(self, crossbars: NDArray[np.float64]) -> NDArray[np.float64]:
        groups, rows, kinds, outputs = self._shape
        usable, lines = self._cells.usable_columns, self._cells.word_lines
        crossbars = swapped(crossbars, self._cells)
        flat = np.empty((groups, rows, lines, crossbars.shape[2] * usable))
        for index, block in enumerate(self._cells.row_blocks):
            part = crossbars[index, :, :, : len(block) * lines, :usable]
            flat[:, block] = part.transpose(0, 2, 1, 3).reshape(groups, len(block), lines, -1)
        used = flat[..., : kinds // lines * outputs].reshape(groups, rows, lines, outputs, -1)
        return used.transpose(0, 1, 4, 2, 3).reshape(groups, rows, kinds, outputs)


def _gated(values: NDArray[Any], wires: Wires, hardware: Hardware) -> tuple[Effective, NDArray[np.float64]]:
    unit, background = level_siemens(hardware), background_levels(hardware.device)
    held = np.maximum(values + background, 0.0)  # cells at 0 S were rounded to float32
    behind = 1 + wires.access_ohm * unit * held  # the access transistor
    off = background / (1 + wires.access_ohm * unit * background)
    ladder = ladder_of(wires, hardware.crossbar.rows, unit)
    return Effective((held / behind).astype(np.float32), None, ladder=ladder, off=off), 1 / behind**2


def level_siemens(hardware: Hardware) -> float:
    """Conductance of one level, in siemens."""
    return 1 / (on_levels(hardware.device) * hardware.device.r_on_ohm)


def _accuracy(hardware: Hardware) -> dict[str, Any]:
    wires = hardware.wires
    return {"sweeps": FAST_SWEEPS} if wires.accuracy == "fast" else {"tolerance": wires.tolerance}


def _check_readable(values: NDArray[Any], cells: Cells, wires: Wires | None, hardware: Hardware) -> None:
    """Refuse a chip whose columns may carry more current than `wires.column_limit_ua`."""
    limit, unit = hardware.wires.column_limit_ua, level_siemens(hardware)
    if limit is None:
        return
    levels = crossbar_levels(values, cells, hardware, background_levels(hardware.device))
    *_, height, width = levels.shape
    if wires is not None and wires.topology is Topology.GATED_1T1R:
        held = np.moveaxis(levels, -2, 0).reshape(height, -1)
        behind = held / (1 + wires.access_ohm * unit * held)
        siemens = unit * ladder_currents(behind, np.arange(height), 0, ladder_of(wires, height, unit))[0][None]
    elif wires is not None:  # with every row driven, none floats
        driven = replace(wires, inactive_rows="grounded")
        solved = solve_transfers(unit * levels.reshape(-1, height, width), driven, **_accuracy(hardware))
        siemens = np.stack([one.matrix for one in solved])
    else:
        siemens = unit * levels
    if cells.word_lines == 2 and hardware.wires.inactive_rows == "grounded":  # floating rows may take either sign
        siemens = siemens[..., ::2, :] - siemens[..., 1::2, :]
    largest = max(float(np.maximum(sign * siemens, 0).sum(-2).max()) for sign in (1, -1))
    largest *= hardware.device.read_volt * 1e6
    if largest > limit:
        raise ConfigError(
            f"wires.column_limit_ua = {limit:g}: a column carries up to {largest:.3g} uA with all rows active; "
            f"use fewer rows (crossbar.rows = {hardware.crossbar.rows}), a lower device.read_volt or a higher "
            f"device.r_on_ohm"
        )
