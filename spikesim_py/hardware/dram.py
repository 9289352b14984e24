"""A chip of a given size, and the memory off the chip from which it reads weights that do not fit."""

from __future__ import annotations

from enum import StrEnum

from pydantic import model_validator

from .section import Section, knob


class DramKind(StrEnum):
    """Memory off the chip; `configs/technology/dram.yaml` has the figures of each."""

    NONE = "none"
    LPDDR4 = "lpddr4"  # LPDDR4-3200, channels of 16 bits
    LPDDR5 = "lpddr5"  # LPDDR5-6400, channels of 16 bits
    DDR4 = "ddr4"  # DDR4-3200, channels of 64 bits
    HBM2 = "hbm2"  # 2 Gb/s per pin, channels of 128 bits; a stack has 8


class Chip(Section):
    max_tiles: int | None = knob(
        None,
        affects="cost",
        unit="tiles",
        about="tiles that the chip has: layers take them in turn, reloaded from dram; none: as many as needed",
        ge=1,
        le=1_000_000,
    )


class Dram(Section):
    kind: DramKind = knob(DramKind.NONE, affects="cost", unit="-", about="memory off the chip, always powered")
    channels: int = knob(1, affects="cost", unit="channels", about="of the memory off the chip", ge=1, le=64)

    @model_validator(mode="after")
    def _possible(self) -> Dram:
        if self.kind is DramKind.NONE and self.channels != 1:
            raise ValueError(f"channels = {self.channels}: needs a kind other than 'none'; leave it at 1")
        return self
