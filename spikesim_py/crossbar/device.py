"""Cells of one chip: what was meant to be stored, and what the device made of it.

Conductance is counted in levels above the off state::

    cell = (g - g_off) / unit,   unit = (g_on - g_off) / top,   top = 2^cell_bits - 1,   g_off = g_on / ratio

so that an ideal cell is its level, the off state is 0, and every cell on an active row adds the same
background ``g_off / unit = top / (ratio - 1)`` to its column. Programming error is Gaussian, with the standard
deviation of `laws.program_sigma`; a conductance that would be negative is 0. Then the cell ages (`retention.py`).
Stuck cells lie at exactly g_on or g_off, at any age. SRAM cells differ by static mismatch instead (`sram.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..hardware import Device, Hardware
from ..hardware.device import ReadModel, ReadNoise, RetentionKind
from ..mapping import Cells
from .draws import LARGEST_NORMAL, cell_numbers, normals, stream
from .fluctuation import fluctuates, telegraph_states, telegraph_steps, white_sigma
from .laws import program_sigma, reference_us
from .repair import placed_faults
from .retention import aged, ages, shift, spreads
from .sram import shared_charge
from .write_verify import verified


def top_level(device: Device) -> int:
    """The highest level of a cell."""
    return int(2**device.cell_bits - 1)


def background_levels(device: Device) -> float:
    """Current of an off cell on an active row, in levels; 0 for ideal devices and for switched capacitors."""
    if device.ideal or device.read_model is ReadModel.CHARGE:
        return 0.0
    return top_level(device) / (device.on_off_ratio - 1)


def on_levels(device: Device) -> float:
    """g_on in levels."""
    return top_level(device) + background_levels(device)


def level_values(device: Device) -> NDArray[np.float64]:
    """What a cell meant to hold each level holds on average, in levels: the level itself, but where a plugin says."""
    top = top_level(device)
    if device.ideal or device.model is None or device.model.levels is None:
        return np.arange(top + 1.0)
    off, on = background_levels(device), on_levels(device)
    x = np.asarray(device.model.levels(device), np.float64)
    if x.shape != (top + 1,) or not np.allclose(x[[0, -1]], [off / on, 1]) or not (np.diff(x) > 0).all():
        raise ConfigError(
            f"device.kind = {device.kind.value!r}: its levels are {x.tolist()}: must be {top + 1}, ascending from "
            f"1 / on_off_ratio = {off / on:g} to 1"
        )
    values: NDArray[np.float64] = x * on - off
    values[[0, -1]] = 0, top  # exact: what stuck cells and the baseline are
    return values


def siemens(levels: Any, device: Device) -> NDArray[np.float64]:
    """Conductance of cells that hold `levels`."""
    held = np.asarray(levels, np.float64) + background_levels(device)
    return held / (on_levels(device) * device.r_on_ohm)


def device_varies(device: Device) -> bool:
    """Whether the cells of two device instances can differ."""
    if device.ideal:
        return False
    faulty = device.stuck_on_rate or device.stuck_off_rate
    return bool(faulty or device.mismatch_sigma or _program_levels(device).any() or spreads(device))


def device_inputs(device: Device) -> dict[str, Any]:
    """What of a device reaches the arithmetic where wires have no resistance, as plain data: for an accuracy's key."""
    inputs: dict[str, Any] = {"cell_bits": device.cell_bits, "background": background_levels(device)}
    if device.ideal:
        return inputs
    if device.kind.plugin is not None:
        # its laws may read any field
        inputs["plugin"] = [device.kind.plugin.identity, device.model_dump(mode="json")]
    inputs["program"] = _program_levels(device).tolist()
    faulty = device.stuck_on_rate or device.stuck_off_rate
    inputs["stuck"] = [device.stuck_on_rate, device.stuck_off_rate, device.stuck_cluster_alpha if faulty else None]
    if device.mismatch_sigma:
        inputs["mismatch"] = [device.mismatch_sigma, device.read_model is ReadModel.CHARGE]
    if device.read_model is ReadModel.DISCHARGE:
        inputs["discharge"] = device.discharge_depth
    if device.read_model is ReadModel.CHARGE:
        inputs["charge"] = [device.unit_cap_ff, device.read_volt]
    if ages(device):
        inputs["aged"] = [device.age_s, reference_us(device), device.retention.model_dump(mode="json")]
    if fluctuates(device):
        used = device.read.model_dump(mode="json", include=set(device.read.used))
        inputs["read"] = [device.time_s, reference_us(device), used]
    return inputs


def largest_cell(device: Device) -> float:
    """No stored cell is larger, in levels, whatever its draws; read noise comes on top.

    In the charge domain it bounds the mean cell of a column: its sum never exceeds top x rows.
    """
    top = float(top_level(device))
    if device.ideal or device.read_model is ReadModel.CHARGE:
        return top
    if ages(device) and device.model is not None and device.model.aged is not None:
        return float("inf")  # nothing is known of its law
    highest = level_values(device) + LARGEST_NORMAL * _program_levels(device)
    if ages(device) and device.retention.kind is not RetentionKind.POWER:  # which only decays
        mean, sigma = shift(states(device), device)
        highest += np.maximum(mean + LARGEST_NORMAL * sigma, 0.0) * on_levels(device)
    return max(top, float(highest.max())) * (1 + LARGEST_NORMAL * device.mismatch_sigma)


def column_cells(
    cells: Cells, column: int, hardware: Hardware, *, seed: int, chip: int, fresh: bool = False
) -> NDArray[Any]:
    """Cells of physical column `column` of every output: (groups, rows, outputs per group).

    float32 where errors, mismatch or age make them real, else int8. A chip keeps its draws at every age.

    Args:
        fresh: as programmed, whatever `device.age_s` says.
    """
    device, name = hardware.device, cells.plan.name
    ideal = cells.levels[:, :, column :: cells.columns.count].astype(np.int8)
    old = ages(device) and not fresh
    even = np.array_equal(level_values(device), np.arange(top_level(device) + 1.0))
    if even and not (device_varies(device) or old):
        return ideal
    counters, state = cell_numbers(cells, column), stream(seed, chip, name)
    stored: NDArray[Any] = ideal
    if old or not even or _program_levels(device).any():
        error = normals(state, counters * np.uint64(2))
        if hardware.mitigation.write_verify_tolerance is not None:
            later, reads = (stream(seed, chip, name, purpose) for purpose in ("verify", "verifying reads"))
            error = verified(states(device)[ideal], error, counters, hardware, later, reads)
        stored = _programmed(ideal, error, device)
        if old:
            own = normals(stream(seed, chip, name, "aging"), counters)
            stored = _aged(ideal, stored, error, own, device)
        stored = stored.astype(np.float32)
    if device.mismatch_sigma:
        drawn = normals(stream(seed, chip, name, "mismatch"), counters)
        stored = (stored * _mismatch(drawn, cells, device)).astype(np.float32)
    on, off = placed_faults(cells, column, device, seed=seed, chip=chip)
    held = stored.dtype.type
    return np.where(off, held(0), np.where(on, held(top_level(device)), stored))


def column_read_sigma(
    cells: Cells, column: int, hardware: Hardware, *, seed: int, chip: int
) -> NDArray[np.float32] | None:
    """Standard deviation, in levels, of one white read of the cells that `column_cells` returns; None without one."""
    if not (fluctuates(hardware.device) and hardware.device.read.noise is ReadNoise.WHITE):
        return None
    stored = column_cells(cells, column, hardware, seed=seed, chip=chip)
    fresh = column_cells(cells, column, hardware, seed=seed, chip=chip, fresh=True) if ages(hardware.device) else None
    return read_sigma(stored, hardware.device, fresh)


def read_sigma(
    levels: NDArray[Any], device: Device, programmed: NDArray[Any] | None = None
) -> NDArray[np.float32] | None:
    """Standard deviation, in levels, of one white read of cells that hold `levels`; None without such noise.

    Args:
        levels: of any shape, as stored and aged.
        programmed: what they held before they aged (None: the same), on which 1/f noise depends.
    """
    if not (fluctuates(device) and device.read.noise is ReadNoise.WHITE):
        return None
    off, on = background_levels(device), on_levels(device)
    g, fresh = (
        (np.asarray(held, np.float64) + off) / on for held in (levels, levels if programmed is None else programmed)
    )
    return (white_sigma(g, fresh, device) * on).astype(np.float32)


def column_telegraph(
    levels: NDArray[Any],
    cells: Cells,
    column: int,
    hardware: Hardware,
    *,
    seed: int,
    chip: int,
    sample: int,
    steps: int,
) -> NDArray[np.float32] | None:
    """What telegraph noise adds to the cells of `column_cells` at each time-step of one sample, in levels.

    Returns:
        (steps, groups, rows, outputs per group), of mean 0; None without telegraph noise. A cell's path depends on
        (seed, chip, layer, cell, sample) only.
    """
    device = hardware.device
    if not (fluctuates(device) and device.read.noise is ReadNoise.TELEGRAPH):
        return None
    numbers = cell_numbers(cells, column)
    high = telegraph_states(numbers, device, seed=seed, chip=chip, layer=cells.plan.name, sample=sample, steps=steps)
    up, down = telegraph_steps(device)
    held = np.asarray(levels, np.float64) + background_levels(device)
    return (np.where(high, up, down) * held).astype(np.float32)


def states(device: Device) -> NDArray[np.float64]:
    """g / g_on of each level."""
    return np.asarray(level_values(device) + background_levels(device)) / on_levels(device)


def _program_levels(device: Device) -> NDArray[np.float64]:
    """Standard deviation of the programming error of each level, in levels."""
    return program_sigma(states(device), device) * on_levels(device)


def _programmed(ideal: NDArray[np.int8], error: NDArray[np.float64], device: Device) -> NDArray[np.float64]:
    stored: NDArray[np.float64] = level_values(device)[ideal] + _program_levels(device)[ideal] * error
    return np.maximum(stored, -background_levels(device))


def _aged(
    ideal: NDArray[np.int8],
    stored: NDArray[np.float64],
    error: NDArray[np.float64],
    own: NDArray[np.float64],
    device: Device,
) -> NDArray[np.float64]:
    off, on = background_levels(device), on_levels(device)
    return aged(states(device)[ideal], (stored + off) / on, error, own, device) * on - off


def _mismatch(drawn: NDArray[np.float64], cells: Cells, device: Device) -> NDArray[np.float64]:
    """What multiplies an on cell: its current, or its share of the column's charge; never negative."""
    factor = np.maximum(1 + device.mismatch_sigma * drawn, 0.0)
    return shared_charge(factor, cells.conversion_blocks) if device.read_model is ReadModel.CHARGE else factor
