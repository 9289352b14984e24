"""Cells of one chip: what was meant to be stored, and what the device made of it.

Conductance is counted in levels above the off state::

    cell = (g - g_off) / unit,   unit = (g_on - g_off) / top,   top = 2^cell_bits - 1,   g_off = g_on / ratio

so that an ideal cell is its level, the off state is 0, and every cell on an active row adds the same
background ``g_off / unit = top / (ratio - 1)`` to its column. Programming error is Gaussian with
``program_sigma * g_on``, whatever the level; a conductance that would be negative is 0. Stuck cells lie at
exactly g_on or g_off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..hardware import Hardware
from ..hardware.model import Device
from ..mapping import Cells
from .draws import normals, stream, uniforms

#: room for the physical columns of one weight: slice * 2 + sign, at most 16 slices and a sign column
_COLUMNS_PER_WEIGHT = 64


def background_levels(device: Device) -> float:
    """Current of an off cell on an active row, in levels; 0 for ideal devices."""
    return 0.0 if device.ideal else (2**device.cell_bits - 1) / (device.on_off_ratio - 1)


def device_varies(device: Device) -> bool:
    """Whether two device instances can differ."""
    return not device.ideal and bool(device.program_sigma or device.stuck_on_rate or device.stuck_off_rate)


def column_cells(cells: Cells, column: int, hardware: Hardware, *, seed: int, chip: int) -> NDArray[Any]:
    """Cells of physical column `column` of every output: (groups, rows, outputs per group).

    float32 where a programming error makes them real, else int8.
    """
    device, columns = hardware.device, cells.columns
    ideal = cells.levels[:, :, column :: columns.count].astype(np.int8)
    if not device_varies(device):
        return ideal
    state = stream(seed, chip, cells.plan.name)
    kind = int(columns.slice_index[column] * 2 + columns.sign[column])
    counters = (_weight_index(*ideal.shape) * np.uint64(_COLUMNS_PER_WEIGHT) + np.uint64(kind)) * np.uint64(2)
    stored = ideal
    if device.program_sigma:
        off, top = background_levels(device), 2**device.cell_bits - 1
        error = device.program_sigma * (top + off) * normals(state, counters)
        stored = np.maximum(ideal + error, -off).astype(np.float32)
    return _with_stuck_cells(stored, device, uniforms(state, counters + np.uint64(1)))


def _weight_index(groups: int, rows: int, outputs: int) -> NDArray[np.uint64]:
    """Index of every weight in the network's own array (outputs, rows), as (groups, rows, outputs)."""
    index = np.arange(groups * outputs * rows, dtype=np.uint64)
    return index.reshape(groups, outputs, rows).transpose(0, 2, 1)


def _with_stuck_cells(stored: NDArray[Any], device: Device, lot: NDArray[np.float64]) -> NDArray[Any]:
    on = lot < device.stuck_on_rate
    off = lot >= 1 - device.stuck_off_rate
    stuck = np.where(on, stored.dtype.type(2**device.cell_bits - 1), stored)
    return np.where(off, stored.dtype.type(0), stuck)
