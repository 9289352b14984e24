"""The converter of a column: its circuit, its range, and how far the circuit is from ideal."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator, model_validator

from ..errors import ConfigError, did_you_mean
from ..plugins import Kind
from .section import Section, knob

if TYPE_CHECKING:
    from ..extending import AdcModel


class AdcKind(Kind):
    """Circuit of the converter: its energy, time and area, and which errors it can have; plugins add to it."""

    SAR = "sar"  # successive approximation: capacitor array and one comparator, bits + 1 cycles
    FLASH = "flash"  # multi-level sense amplifier: 2^bits - 1 comparators, one cycle
    RAMP = "ramp"  # single slope: a shared ramp, one comparator and counter per converter, 2^bits clocks
    ADDER_TREE = "adder_tree"  # digital SRAM crossbar: no converter, an exact adder tree per column

    @classmethod
    def group(cls) -> str:
        return "spikesim_py.adcs"


class AdcRange(StrEnum):
    """How the full scale of the converter is set."""

    MAX = "max"  # full scale is the largest sum a column can carry; LSB grows where bits are few
    GRANULAR = "granular"  # LSB is one level of one cell; sums beyond 2^bits - 1 clip
    PERCENTILE = "percentile"  # full scale covers a share of the sums seen on the calibration split


class PercentilePer(StrEnum):
    """What shares one calibrated full scale."""

    LAYER = "layer"  # all columns of a layer
    SLICE = "slice"  # the columns of one weight slice and sign


#: error fields that a circuit may read
ERRORS = ("capacitor_sigma", "comparator_sigma_lsb", "gain_sigma", "inl_lsb")
#: bits of one conversion
Bits = Annotated[int, Field(ge=1, le=12)]


class Adc(Section):
    """The converters of a chip.

    A field that does nothing under the chosen `kind` and `range` must be left at its default. With
    `device.ideal` the circuit errors are taken as 0.
    """

    kind: AdcKind = knob(AdcKind.SAR, affects="both", unit="-", about="circuit of the converter")
    bits: int = knob(5, affects="both", unit="bit", about="resolution", ge=1, le=12)
    layer_bits: dict[str, Bits] = knob(
        {}, affects="both", unit="bit", about="resolution of single layers: {layer: bits}"
    )
    zero_skip: bool = knob(
        False,
        affects="cost",
        unit="-",
        about="SAR: a first comparison tells whether the column carries anything; if not, the others are left out",
    )
    range: AdcRange = knob(AdcRange.MAX, affects="accuracy", unit="-", about="how the full scale is set")
    percentile: float = knob(
        99.9,
        affects="accuracy",
        unit="%",
        about="share of all conversions that a calibrated range covers",
        ge=50,
        le=100,
    )
    percentile_per: PercentilePer = knob(
        PercentilePer.LAYER, affects="accuracy", unit="-", about="what shares one calibrated full scale"
    )
    full_scales: dict[str, Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]] = knob(
        {},
        affects="accuracy",
        unit="levels",
        about="calibrated full scales: {layer: [one, or one per slice and sign]}; `spikesim calibrate` writes them",
    )
    capacitor_sigma: float = knob(
        0.0, affects="accuracy", unit="-", about="SAR: relative mismatch of one unit capacitor, rms", ge=0, le=0.1
    )
    comparator_sigma_lsb: float = knob(
        0.0,
        affects="accuracy",
        unit="LSB",
        about="offset of a comparator (SAR and ramp have one, flash many), rms",
        ge=0,
        le=1e6,
    )
    gain_sigma: float = knob(
        0.0, affects="accuracy", unit="-", about="relative error of a converter's reference, rms", ge=0, le=0.1
    )
    inl_lsb: float = knob(
        0.0,
        affects="accuracy",
        unit="LSB",
        about="ramp: bow in the middle of the ramp, above (+) or below it",
        ge=-64,
        le=64,
    )
    noise_lsb: float = knob(0.0, affects="accuracy", unit="LSB", about="noise of one conversion, rms", ge=0, le=1e6)

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: Any) -> Any:
        return AdcKind.parse(kind)

    @property
    def model(self) -> AdcModel | None:
        """The plugin's circuit; None for a built-in kind."""
        found: AdcModel | None = self.kind.model
        return found

    @property
    def uniform(self) -> bool:
        """Whether thresholds without errors are evenly spaced; where not, no number of bits tells every sum."""
        return self.model is None or self.model.uniform

    @model_validator(mode="after")
    def _in_its_range(self) -> Adc:
        model = self.model
        for name, bits in {"bits": self.bits, **{f"layer_bits.{k}": v for k, v in self.layer_bits.items()}}.items():
            if model is not None and not model.least <= bits <= model.most:
                raise ValueError(f"{name} = {bits}: kind = {self.kind.value!r} has {model.least} to {model.most}")
        return self

    def bits_of(self, layer: str) -> int:
        """Resolution of a layer's converters; not of the adder tree, which has none to choose."""
        return self.layer_bits.get(layer, self.bits)

    def check_layers(self, layers: Collection[str]) -> None:
        """Raise `ConfigError` where `layer_bits` or `full_scales` name a layer that a network does not have."""
        for field in ("layer_bits", "full_scales"):
            for name in getattr(self, field):
                if name not in layers:
                    hint = did_you_mean(name, layers)
                    raise ConfigError(f"adc.{field}.{name}: is not a layer{hint} (layers: {', '.join(layers)})")

    @model_validator(mode="after")
    def _no_dead_field(self) -> Adc:
        for name, field in type(self).model_fields.items():
            reason = self._idle(name)
            if reason and getattr(self, name) != field.default:
                raise ValueError(f"{name} = {getattr(self, name)}: {reason}; leave it at {field.default}")
        return self

    def _idle(self, name: str) -> str:
        """Why a field does nothing here; empty if it does something."""
        if self.kind is AdcKind.ADDER_TREE and name != "kind":
            return "has no meaning with kind = 'adder_tree', whose sums are exact"
        model = self.model
        if model is not None and name in ERRORS:
            return "" if name in model.reads else f"kind = {self.kind.value!r} does not read it"
        for field, kind in (("capacitor_sigma", AdcKind.SAR), ("zero_skip", AdcKind.SAR), ("inl_lsb", AdcKind.RAMP)):
            if name == field and self.kind is not kind:
                return f"needs kind = {kind.value!r}"
        if name in ("percentile", "percentile_per", "full_scales") and self.range is not AdcRange.PERCENTILE:
            return "needs range = 'percentile'"
        if name in ("percentile", "percentile_per") and self.full_scales:
            return "calibrates nothing where full_scales are given"
        return ""
