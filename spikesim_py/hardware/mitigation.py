"""What a chip does against its own errors: each costs area, energy or time, and is off by default."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import model_validator

from .device import Device, ProgramLaw, ReadNoise
from .section import Section, knob
from .wires import Topology, WireNoise

if TYPE_CHECKING:
    from .model import Hardware


#: tries that a cell may be given
MOST_TRIES = 1024


class DriftGain(StrEnum):
    """Digital gain against drift."""

    NONE = "none"
    LAYER = "layer"  # one per layer: from its weights and the mean drift of their cells at device.age_s


class Recalibrate(StrEnum):
    """What is found per output channel on calibration images, on every chip by itself, at its age."""

    NONE = "none"
    BIAS = "bias"  # what is added to a channel's sums; a change of its threshold
    AFFINE = "affine"  # a gain and a bias


class Mitigation(Section):
    """With `device.ideal` all of it costs, and only `recalibrate` changes products: converters are left to correct."""

    drift_gain: DriftGain = knob(DriftGain.NONE, affects="both", unit="-", about="digital gain against drift")
    recalibrate: Recalibrate = knob(
        Recalibrate.NONE, affects="both", unit="-", about="digital gain and bias per channel, found on the chip"
    )
    recalibrate_images: int = knob(
        100, affects="both", unit="images", about="of the calibration split, for recalibrate", ge=1, le=1_000_000
    )
    write_verify_tolerance: float | None = knob(
        None, affects="both", unit="g_on", about="a cell is programmed until it lies this close; none: once", gt=0, le=1
    )
    write_verify_tries: int = knob(
        10, affects="both", unit="-", about="after which the last try of a cell stays", ge=2, le=MOST_TRIES
    )
    write_verify_noise: bool = knob(
        False, affects="both", unit="-", about="verifying reads have the device's white read noise"
    )
    permute_rows: bool = knob(
        False, affects="both", unit="-", about="inputs change places in their row block to spare weights stuck cells"
    )
    spare_columns: int = knob(
        0,
        affects="both",
        unit="columns",
        about="of each crossbar: replace those that stuck cells hurt most",
        ge=0,
        le=512,
    )
    refresh_s: float | None = knob(
        None,
        affects="cost",
        unit="s",
        about="all cells are written anew this often, against drift; none: never",
        gt=0,
        le=1e10,
    )
    gain_bits: int = knob(8, affects="both", unit="bit", about="factor of a digital gain, fixed point", ge=2, le=16)

    @model_validator(mode="after")
    def _no_dead_field(self) -> Mitigation:
        for name, field in type(self).model_fields.items():
            reason = self._idle(name)
            if reason and getattr(self, name) != field.default:
                raise ValueError(f"{name} = {getattr(self, name)}: {reason}; leave it at {field.default}")
        return self

    def _idle(self, name: str) -> str:
        """Why a field does nothing here; empty if it does something."""
        gain = self.drift_gain is not DriftGain.NONE or self.recalibrate is Recalibrate.AFFINE
        if name == "gain_bits" and not gain:
            return "needs drift_gain = 'layer' or recalibrate = 'affine'"
        if name == "recalibrate_images" and self.recalibrate is Recalibrate.NONE:
            return "needs recalibrate"
        if name in ("write_verify_tries", "write_verify_noise") and self.write_verify_tolerance is None:
            return "needs write_verify_tolerance"
        if name == "drift_gain" and self.recalibrate is Recalibrate.AFFINE:
            return "recalibrate = 'affine' finds every channel's gain, drift included"
        return ""

    def refusal(self, chip: Hardware) -> str:
        """Why a chip cannot have these mitigations; empty if it can."""
        if self == type(self)():
            return ""
        if chip.cost.library == "spikesim_released":
            return "mitigation: has no cost in cost.library = 'spikesim_released'"
        if self.recalibrate is not Recalibrate.NONE and chip.digital_crossbar:
            return "mitigation.recalibrate: the sums of adc.kind = 'adder_tree' are exact"
        if self.write_verify_tolerance is not None and (reason := self._verify_refusal(chip.device)):
            return reason
        if (self.permute_rows or self.spare_columns) and (reason := self._repair_refusal(chip)):
            return reason
        if self.refresh_s is not None and (reason := self._refresh_refusal(chip.device)):
            return reason
        if self.drift_gain is not DriftGain.NONE:
            return _drift_refusal(f"mitigation.drift_gain = {self.drift_gain.value!r}", chip)
        return ""

    def _verify_refusal(self, device: Device) -> str:
        field, read = f"mitigation.write_verify_tolerance = {self.write_verify_tolerance:g}", device.read
        by_state = device.program.law is not ProgramLaw.CONSTANT and any(device.program.coefficients_us)
        own = device.model is not None and device.model.program_sigma is not None
        if not (device.program_sigma or by_state or own):
            return f"{field}: needs a programming error (device.program_sigma, or device.program)"
        if self.write_verify_noise and read.noise is not ReadNoise.WHITE:
            return "mitigation.write_verify_noise: needs device.read.noise = 'white'"
        if self.write_verify_noise and read.pulse_s > device.retention.t0_s:
            return (
                f"mitigation.write_verify_noise: device.read.pulse_s = {read.pulse_s:g} is longer than "
                f"device.retention.t0_s = {device.retention.t0_s:g}, when cells are verified"
            )
        return ""

    def _refresh_refusal(self, device: Device) -> str:
        field = f"mitigation.refresh_s = {self.refresh_s:g}"
        if not device.drifts:
            return f"{field}: needs a device that drifts (device.retention.kind is 'none')"
        if device.write_energy_pj is None:
            return f"{field}: needs device.write_energy_pj and device.write_ns"
        if self.refresh_s is not None and device.age_s > self.refresh_s:
            return f"{field}: cells never reach device.age_s = {device.age_s:g}"
        return ""

    def _repair_refusal(self, chip: Hardware) -> str:
        field = "mitigation.permute_rows" if self.permute_rows else "mitigation.spare_columns"
        wires, rules = chip.wires, chip.mapping
        if not (chip.device.stuck_on_rate or chip.device.stuck_off_rate):
            return f"{field}: needs stuck cells (device.stuck_on_rate, device.stuck_off_rate)"
        floating, adjoint = wires.inactive_rows == "floating", wires.read_noise is WireNoise.ADJOINT
        gated = wires.topology is Topology.GATED_1T1R
        if self.permute_rows and rules.rows == "spikeflow" and (gated or floating or adjoint):
            return (
                "mitigation.permute_rows: is not modeled with mapping.rows = 'spikeflow' where reads are solved in turn"
            )
        if not self.spare_columns:
            return ""
        field = f"mitigation.spare_columns = {self.spare_columns}"
        if chip.weight_columns < 1:
            return f"{field}: leaves no column for weights (crossbar.cols = {chip.crossbar.cols})"
        if rules.subtract == "analog" and self.spare_columns % 2:
            return f"{field}: must be even with mapping.subtract = 'analog': pairs move together"
        if rules.tap_sum == "analog_sum":
            return f"{field}: mapping.tap_sum = 'analog_sum' joins the columns of all kernel positions; none can move"
        if floating or adjoint:
            setting = "inactive_rows = 'floating'" if floating else "read_noise = 'adjoint'"
            return f"{field}: is not modeled with wires.{setting}"
        return ""


def _drift_refusal(field: str, chip: Hardware) -> str:
    if not chip.device.drifts:
        return f"{field}: needs a device that drifts (device.retention.kind is 'none')"
    if chip.mapping.signs.value.startswith("offset"):
        return (
            f"{field}: cells drift and the offset that mapping.signs = {chip.mapping.signs.value!r} subtracts does "
            f"not; needs 'differential' or 'twos_complement'"
        )
    return ""
