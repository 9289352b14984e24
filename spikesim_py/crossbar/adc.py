"""The converters of a layer: their ranges in units of one level of one cell, and each one's thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import ceil_div
from ..errors import ConfigError
from ..hardware import AdcRange, Hardware, Subtract, TapSum, Topology
from ..hardware.adc import ERRORS
from ..hardware.device import ReadModel
from ..mapping import LayerPlan, Mapping, largest_sum
from .converters import circuit_of
from .device import background_levels, largest_cell
from .draws import normals, stream
from .fluctuation import fluctuates
from .sram import charge_noise_levels, column_response

#: fields of a converter's errors
_ERRORS = (*ERRORS, "noise_lsb")
#: room for the draws of one converter: 2^12 comparators and a reference
_DRAWS_PER_CONVERTER = 2**13


@dataclass(frozen=True)
class Adc:
    """``code = clip(floor(x / LSB_k + 1/2), low, high)``, ``LSB_k = ranges[k] / steps`` levels for column kind k.

    The LSBs of a layer have a common denominator, so that sums of coefficient x LSB x code are whole numbers
    over `steps`: they are exact, and rounded once.

    Attributes:
        full_scale: largest sum of ideal cells, in levels: most rows of one conversion x (2^cell_bits - 1).
        ranges, steps: numerators of the LSBs, one per conversion of an output, and their denominator.
        low, high: first and last code.
    """

    full_scale: int
    ranges: tuple[int, ...]
    steps: int
    low: int
    high: int

    def lsb(self, kind: int = 0) -> float:
        """Levels per code of a column kind."""
        return self.ranges[kind] / self.steps

    @property
    def unit(self) -> int:
        """Greatest common divisor of the ranges: a digital sum counts in unit / steps levels."""
        return math.gcd(*self.ranges)

    @property
    def lossless(self) -> bool:
        """Whether every sum of ideal cells has a code of its own."""
        return set(self.ranges) == {self.steps} and self.high >= self.full_scale

    def code(self, total: Any, kind: int = 0) -> Any:
        """The codes, not clipped yet, of whole numbers of levels (int64), in exact integer arithmetic."""
        return (2 * total * self.steps + self.ranges[kind]) // (2 * self.ranges[kind])


def layer_adc(plan: LayerPlan, hardware: Hardware) -> Adc:
    """The converter of a layer's columns.

    `max`: ``LSB = max(1, full scale / last code)``; `granular`: LSB = 1; `percentile`: as `max`, with the
    calibrated full scales. A differential pair that is subtracted before the converter needs a sign: codes from
    -2^(bits-1) to 2^(bits-1) - 1. An adder tree counts up to the largest sum.

    Raises:
        ConfigError: the range is calibrated, and the full scales do not fit the layer, or there are none.
    """
    kinds, rule = plan.conversions_per_output, hardware.adc.range
    full_scale = largest_sum(plan, hardware)
    if hardware.digital_crossbar:
        return Adc(full_scale, (1,) * kinds, 1, 0, full_scale)
    low, high = _codes(plan, hardware)
    scales = (full_scale,) * kinds
    if rule is AdcRange.PERCENTILE:
        scales = _calibrated(plan, hardware, full_scale)
    if rule is AdcRange.GRANULAR or max(scales) <= high:
        return Adc(full_scale, (1,) * kinds, 1, low, high)
    return Adc(full_scale, tuple(max(scale, high) for scale in scales), high, low, high)


def _codes(plan: LayerPlan, hardware: Hardware) -> tuple[int, int]:
    """First and last code of a converter."""
    signed = hardware.signed_sums
    high: int = 2 ** (hardware.adc.bits_of(plan.name) - signed) - 1
    return (-high - 1 if signed else 0), high


def _calibrated(plan: LayerPlan, hardware: Hardware, largest: int) -> tuple[int, ...]:
    given, kinds = hardware.adc.full_scales, plan.conversions_per_output
    if not given:
        raise ConfigError(
            "adc.range = 'percentile': the chip has no adc.full_scales yet; `spikesim calibrate` finds them"
        )
    if plan.name not in given:
        raise ConfigError(f"adc.full_scales.{plan.name}: is missing; calibrate the chip for this network")
    scales = given[plan.name]
    if len(scales) not in (1, kinds) or max(scales) > largest:
        raise ConfigError(
            f"adc.full_scales.{plan.name} = {list(scales)}: must be 1 or {kinds} numbers up to {largest} here; "
            f"calibrate the chip for this network and mapping"
        )
    return scales if len(scales) == kinds else scales * kinds


def is_transparent(plan: LayerPlan, hardware: Hardware) -> bool:
    """Whether more bits cannot change a code: ideal circuits, an LSB of one level, no sum beyond the last code.

    Stored cells are bounded, because their draws are; sums under read noise, or over wires, are not claimed to be.
    A calibrated range is no wider than `max`, so what is transparent there is so here.
    """
    if hardware.digital_crossbar:
        return True
    device, high = hardware.device, _codes(plan, hardware)[1]
    bounded = not fluctuates(device) and hardware.wires.topology is Topology.NONE
    if not (bounded and ideal_converters(hardware)):
        return False
    largest: float = plan.max_rows * (largest_cell(device) + background_levels(device))
    return largest_sum(plan, hardware) <= high and largest + 0.5 < high + 1


def ideal_converters(hardware: Hardware) -> bool:
    """Whether every conversion is ``floor(x / LSB + 1/2)``: no circuit errors, no noise, a straight column."""
    adc, device = hardware.adc, hardware.device
    if not adc.uniform:
        return False
    if device.ideal or hardware.digital_crossbar:
        return True
    straight = column_response(device) is None and device.read_model is not ReadModel.CHARGE
    return straight and not (converters_vary(hardware) or adc.inl_lsb or adc.noise_lsb)


def converters_vary(hardware: Hardware) -> bool:
    """Whether the converters of two device instances can differ."""
    adc = hardware.adc
    return not hardware.device.ideal and bool(adc.capacitor_sigma or adc.comparator_sigma_lsb or adc.gain_sigma)


def converter_inputs(plan: LayerPlan, hardware: Hardware) -> Any:
    """What of a chip's converters reaches a layer's arithmetic, as plain data: part of an accuracy's key."""
    if is_transparent(plan, hardware):
        return "one level"
    adc = hardware.adc
    inputs: dict[str, Any] = {"bits": adc.bits_of(plan.name), "range": adc.range.value}
    if adc.range is AdcRange.PERCENTILE:
        scales = adc.full_scales.get(plan.name)
        inputs["range"] = [adc.percentile, adc.percentile_per.value] if scales is None else list(scales)
    if not ideal_converters(hardware):
        if adc.kind.plugin is not None:
            inputs["plugin"] = adc.kind.plugin.identity
        inputs |= {"kind": adc.kind.value} | {
            name: 0.0 if hardware.device.ideal else getattr(adc, name) for name in _ERRORS
        }
        inputs["skips"] = hardware.crossbar.event_driven
    if hardware.device.read_model is ReadModel.CHARGE and not hardware.device.ideal:
        inputs["charge"] = [hardware.technology.temperature_k, hardware.crossbar.rows]
    if converters_vary(hardware):
        inputs["shared"] = [hardware.crossbar.cols, hardware.weight_columns, hardware.crossbar.mux, plan.adc_sharing]
    return inputs


@dataclass(frozen=True, eq=False)
class Converters:
    """The converters of one layer on one chip, as tables; `spikesim_py.crossbar.converters` says what they mean.

    Attributes:
        thresholds: (tables, high - low) float64, ascending, in LSBs of the column; infinite where no sum gets there.
        table: (conversion blocks, kinds, outputs over all groups) int32, which table converts a column.
        noise_lsb: (kinds,) rms of a normal error at the input of every conversion, in LSBs.
    """

    thresholds: NDArray[np.float64]
    table: NDArray[np.int32]
    noise_lsb: NDArray[np.float64]


def converters(
    mapping: Mapping, layer: str, adc: Adc, *, seed: int, chip: int, spare: NDArray[np.int64] | None = None
) -> Converters | None:
    """The converters of a layer on one chip; None where they are ideal.

    Columns that share an ADC share a table. Errors are drawn by (seed, chip, layer, number of the converter). Where
    a column bends its sum on the way to the converter, thresholds are the sums that reach the converter's own.
    """
    plan, hardware = mapping.layers[layer], mapping.hardware
    if ideal_converters(hardware):
        return None
    errors, device, bits = hardware.adc, hardware.device, hardware.adc.bits_of(layer)
    number = converter_numbers(plan, hardware, spare)
    if not converters_vary(hardware):  # all alike
        number = np.zeros_like(number)
    if device.ideal:  # a converter that is not uniform, without errors
        errors = errors.model_copy(update=dict.fromkeys(_ERRORS, 0.0))
    circuit = circuit_of(errors)
    used, table = np.unique(number, return_inverse=True)
    table = table.reshape(number.shape)
    counters = used[:, None] * _DRAWS_PER_CONVERTER + np.arange(circuit.draws(bits))
    drawn = normals(stream(seed, chip, layer, "adc"), counters.astype(np.uint64))
    thresholds = circuit.thresholds(adc.low, bits, errors, drawn)
    if errors.model is not None:
        _check_table(thresholds, (len(used), 2**bits - 1), errors.kind.value)
    lsb = np.array(adc.ranges) / adc.steps
    response = column_response(device)
    if response is not None:
        scales, scale = np.unique(lsb, return_inverse=True)
        bent = [response.inverse(thresholds * size, adc.full_scale) / size for size in scales]
        thresholds, table = np.concatenate(bent), table + scale[:, None] * len(used)
    # every row of a crossbar shares the charge, with a weight or without
    sharing = ceil_div(plan.max_rows, hardware.crossbar.rows) * hardware.crossbar.rows
    noise = np.hypot(errors.noise_lsb, charge_noise_levels(device, sharing, hardware.technology.temperature_k) / lsb)
    return Converters(thresholds, table.astype(np.int32), noise)


def _check_table(thresholds: Any, shape: tuple[int, int], kind: str) -> None:
    """Raise `ConfigError` unless what a plugin gives is a table: kernels look into it without asking."""
    if np.shape(thresholds) != shape:
        wrong = f"of shape {np.shape(thresholds)}"
    elif not (np.diff(thresholds, axis=1) >= 0).all():
        wrong = "not ascending"
    else:
        return
    raise ConfigError(f"adc.kind = {kind!r}: what its thresholds give is {wrong}: must be {shape}, ascending")


def converter_numbers(plan: LayerPlan, hardware: Hardware, spare: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """(conversion blocks, kinds, outputs over all groups): the ADC, numbered within the layer, of every conversion.

    An ADC serves `crossbar.mux` neighbouring columns of a crossbar (or pairs, where they are subtracted before
    it); crossbars that share ADCs have one set, as `Cells.place` numbers them. `spare` is that of `Cells`.
    """
    pair = 2 if hardware.mapping.subtract is Subtract.ANALOG else 1
    serial = hardware.mapping.tap_sum is TapSum.ADC_SHARED_SERIAL
    sets = plan.conversion_blocks // plan.taps if serial else plan.conversion_blocks
    per_set = ceil_div(hardware.crossbar.cols // pair, hardware.crossbar.mux)
    group, output = np.divmod(np.arange(plan.outputs), plan.outputs // plan.groups)
    column = output * plan.columns_per_output + pair * np.arange(plan.conversions_per_output)[:, None]
    col_block, at = np.divmod(column, hardware.weight_columns)
    if spare is not None:  # a column that is replaced lies where its spare does
        moved = spare[:, group, col_block] == at[..., None]
        at = np.where(moved.any(-1), hardware.weight_columns + moved.argmax(-1), at)
    block = np.arange(plan.conversion_blocks)[:, None, None] % sets
    place = (group * plan.col_blocks + col_block) * sets + block
    return np.asarray(place * per_set + at // (pair * hardware.crossbar.mux), np.int64)
