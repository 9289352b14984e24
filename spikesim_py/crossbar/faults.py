"""Stuck cells: which cells of a layer cannot be programmed.

Independent cells fail at the declared rates. Clustered ones follow the negative-binomial yield model (C. H. Stapper,
F. M. Armstrong and K. Saji, "Integrated circuit yield statistics", Proc. IEEE 71, 1983): the density of defects
of a region is ``lambda`` times a Gamma variable of mean 1 and shape alpha, and a cell fails with probability
``1 - exp(-density)``. Averaged over regions a cell works with probability ``(1 + lambda / alpha)^-alpha``;
`lambda` is chosen such that this is one minus the declared rate, so that clustering leaves the mean rate alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from ..hardware import Device
from ..mapping import Cells
from .draws import cell_numbers, stream, uniforms

#: a region is this many rows x outputs of the weight matrix, with all slices and signs of these weights (assumed)
REGION = 16


def column_faults(
    cells: Cells, column: int, device: Device, *, seed: int, chip: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells are stuck on and which off where physical column `column` of every output lies by default.

    (groups, rows, outputs per group) each; the row is that which lies there by default.
    """
    name = cells.plan.name
    lot = uniforms(stream(seed, chip, name), cell_numbers(cells, column) * np.uint64(2) + np.uint64(1))
    return stuck(lot, device, stream(seed, chip, name, "clusters"))


def stuck(lot: NDArray[np.float64], device: Device, clusters: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells are stuck on and which off.

    Args:
        lot: (groups, rows, outputs) a uniform draw per cell.
        device: its stuck rates and `stuck_cluster_alpha`.
        clusters: state of the stream from which regions draw their densities.
    """
    total = device.stuck_on_rate + device.stuck_off_rate
    if device.stuck_cluster_alpha is None or total in (0, 1):  # where none or all fail, none cluster
        return lot < device.stuck_on_rate, lot >= 1 - device.stuck_off_rate
    failing = _local_rate(lot.shape, total, device.stuck_cluster_alpha, clusters) / total
    return lot < failing * device.stuck_on_rate, lot >= 1 - failing * device.stuck_off_rate


def _local_rate(shape: tuple[int, ...], rate: float, alpha: float, state: int) -> NDArray[np.float64]:
    """The rate at which the cells of each place fail: (groups, rows, outputs)."""
    groups, rows, outputs = shape
    regions = (groups, -(-rows // REGION), -(-outputs // REGION))
    drawn = uniforms(state, np.arange(np.prod(regions), dtype=np.uint64)).reshape(regions)
    density = gammaincinv(alpha, drawn) / alpha
    # alpha ((1 - rate)^(-1/alpha) - 1), without loss of digits at large alpha, nor overflow at a rate of almost 1
    defects = alpha * math.expm1(min(-math.log1p(-rate) / alpha, 700.0))
    local: NDArray[np.float64] = -np.expm1(-defects * density)
    return local.repeat(REGION, axis=1).repeat(REGION, axis=2)[:, :rows, :outputs]
