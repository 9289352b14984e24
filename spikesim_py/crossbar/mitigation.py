"""What a chip does against its devices' errors, as far as it is decided while a layer is written into crossbars.

*Drift gain.* A cell that was meant to hold level L holds ``m(L)`` on average at the device's age. A layer's stored
weights are then ``w' = sum_k coefficient_k m(L_k)`` where w was meant, and the gain ``sum w w' / sum w'^2`` brings
them closest to w again in the least-squares sense (after the global drift compensation of V. Joshi et al., Nature
Communications 11, 2020, who measure the drift; here its mean is taken as known).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from ..hardware import Device, Hardware
from ..hardware.mitigation import DriftGain, Recalibrate
from ..mapping import Cells, Mapping
from .correction import Correction, fixed_point
from .device import background_levels, on_levels, states, top_level
from .laws import reference_us
from .retention import aged, ages
from .write_verify import pending_share

#: nodes of the quadrature over cells: exact for polynomials of twice the degree
_NODES = 48


def drift_correction(cells: Cells, hardware: Hardware) -> Correction | None:
    """The layer's gain against drift; None where it has none, or nothing to correct."""
    rule = hardware.mitigation
    if rule.drift_gain is DriftGain.NONE or not ages(hardware.device):
        return None
    return fixed_point(drift_gain(cells, hardware.device), rule.gain_bits)


def drift_gain(cells: Cells, device: Device) -> float:
    """What the sums of a layer have to be multiplied with, on average over chips; 1 without weights."""
    coefficient = cells.columns.coefficient
    levels = cells.levels.reshape(-1, len(coefficient))  # output-major: the columns of an output lie side by side
    meant, held = levels @ coefficient, mean_cells(device)[levels] @ coefficient
    power = float(held @ held)
    return float(meant @ held) / power if power else 1.0


def mean_cells(device: Device) -> NDArray[np.float64]:
    """What cells programmed to each level hold on average at the device's age, in levels: (levels,)."""
    own, weight = hermegauss(_NODES)
    x, drawn = np.broadcast_arrays(states(device), own[:, None])
    held = aged(x, x, np.zeros_like(x), drawn, device)
    mean = weight @ held / weight.sum()
    return np.asarray(mean * on_levels(device) - background_levels(device))


def pending_tries(mapping: Mapping, layer: str) -> NDArray[np.float64]:
    """Share of a layer's cells that need more than j tries when they are written, j = 0, 1, ...; see `write_verify`.

    Without weights all levels are taken as equally frequent.
    """
    hardware = mapping.hardware
    held = np.ones(top_level(hardware.device) + 1)
    if mapping.network.arithmetic == "integer":
        held = np.bincount(mapping.cells(layer).levels.ravel(), minlength=len(held)).astype(np.float64)
    return pending_share(states(hardware.device), held / held.sum(), hardware)


def mitigation_inputs(hardware: Hardware) -> dict[str, Any]:
    """What of a chip's mitigations reaches the arithmetic, as plain data: part of an accuracy's key."""
    rule, device = hardware.mitigation, hardware.device
    inputs: dict[str, Any] = {}
    if rule.write_verify_tolerance is not None and not device.ideal:
        inputs["verify"] = [rule.write_verify_tolerance, rule.write_verify_tries, rule.write_verify_noise]
        if rule.write_verify_noise:
            inputs["verify"] += [device.retention.t0_s, reference_us(device), device.read.model_dump(mode="json")]
    if (rule.permute_rows or rule.spare_columns) and not device.ideal:
        crossbar = [hardware.crossbar.rows, hardware.crossbar.cols, hardware.weight_columns]
        inputs["repair"] = [rule.permute_rows, rule.spare_columns, *crossbar]
    if rule.drift_gain is not DriftGain.NONE and ages(device):
        inputs["drift_gain"] = rule.gain_bits
    if rule.recalibrate is not Recalibrate.NONE:
        bits = rule.gain_bits if rule.recalibrate is Recalibrate.AFFINE else 0
        inputs["recalibrate"] = [rule.recalibrate.value, rule.recalibrate_images, bits]
    return inputs
