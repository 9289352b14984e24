"""What a chip's mitigations cost at inference: the components of a layer that `mitigation` fields add.

*Drift gain*: a multiplier in every lane of the layer's tiles, as an affine has; it acts once per sum, behind the
accumulator. The factor stands in a register of each tile.

*Recalibration*: an adder per lane, and for `affine` a multiplier before it; biases (as wide as what they are added to)
and factors stand in registers per channel. That the sums pass in the order of channels, so that a register's content
is at hand, is assumed, as for affines.

*Row permutation*: a permutation network before the input lines of every row block, which its column blocks share; it
works on one plane while the plane before it is read. *Spare columns* take the place of columns for weights. Each has
the address of the column that it replaces, and a bit that says whether it does, in a register, compared in every mux
phase; a selector at every shift-add takes the spare's code instead of that of its own converter. Both are assumed.
"""

from __future__ import annotations

from dataclasses import replace

from .._arrays import bit_length
from ..hardware import Hardware
from ..hardware.mitigation import DriftGain, Recalibrate
from ..mapping import code_bits, partial_sum_bits
from .components import adder, comparator, multiplier, permutation, register, selector
from .components.base import Circuit
from .neuron_parts import lanes, streaming_ns
from .parts import Layer, Part, joined, placed


def repair_parts(layer: Layer) -> list[Part]:
    """What moves rows and columns away from stuck cells; none where nothing does."""
    rule, plan, chip, parts = layer.hardware.mitigation, layer.plan, layer.hardware, []
    if rule.permute_rows:
        switch = permutation(layer.tech, layer.crossbar_inputs)
        active = layer.activity.rate * plan.groups * plan.rows * plan.reads
        beside_ns = switch.time_ns * plan.turns * plan.input_bits
        parts.append(
            placed("row_permutation", switch, plan.copies * plan.groups * plan.row_blocks, active, beside_ns=beside_ns)
        )
    if rule.spare_columns:
        address = bit_length(chip.crossbar.cols - 1)
        match = comparator(layer.tech, address).times(rule.spare_columns)
        phases = plan.reads * chip.crossbar.mux * plan.read_crossbars * layer.awake
        code = selector(layer.tech, code_bits(plan, chip))
        found = placed("spare_columns", match, plan.crossbars, phases)
        taken = placed("spare_columns", code, plan.adcs, plan.conversions * layer.awake_conversions)
        held = placed("spare_columns", register(layer.tech, rule.spare_columns * (address + 1)), plan.crossbars, 0.0)
        parts.append(joined("spare_columns", [found, taken, held]))
    return parts


def correction_parts(layer: Layer) -> list[Part]:
    """What corrects a layer's sums digitally; none where nothing does."""
    rule, plan, parts = layer.hardware.mitigation, layer.plan, []
    sum_bits = partial_sum_bits(plan, layer.hardware)
    factor, factor_bits = multiplier(layer.tech, sum_bits, rule.gain_bits), rule.gain_bits
    if rule.drift_gain is not DriftGain.NONE:
        parts.append(_per_sum("drift_gain", layer, factor, factor_bits * plan.tiles))
    if rule.recalibrate is Recalibrate.AFFINE:
        both = factor + adder(layer.tech, sum_bits + factor_bits)
        parts.append(_per_sum("recalibration", layer, both, (sum_bits + 2 * factor_bits) * plan.outputs))
    elif rule.recalibrate is Recalibrate.BIAS:
        bits = sum_bits + (factor_bits if parts else 0)
        parts.append(_per_sum("recalibration", layer, adder(layer.tech, bits), bits * plan.outputs))
    return parts


def mitigation_notes(hardware: Hardware, energy_pj: float) -> list[str]:
    """What a chip's mitigations cost once, before it infers, with `energy_pj` per inference."""
    rule = hardware.mitigation
    if rule.recalibrate is Recalibrate.NONE:
        return []
    images = rule.recalibrate_images
    return [
        f"recalibration: {images} calibration inferences per chip ({images * energy_pj:.4g} pJ), not part of the "
        f"energy per inference"
    ]


def _per_sum(name: str, layer: Layer, lane: Circuit, held_bits: int) -> Part:
    """A circuit in every lane that acts once per sum of the layer, and bits that it holds in registers, unclocked."""
    plan, held = layer.plan, register(layer.tech, held_bits)
    sums = plan.outputs * plan.positions * plan.steps * layer.awake_conversions
    part = placed(name, lane, lanes(layer), sums, beside_ns=streaming_ns(layer, plan.outputs * plan.positions))
    return replace(part, area_um2=part.area_um2 + held.area_um2, leakage_pw=part.leakage_pw + held.leakage_pw)
