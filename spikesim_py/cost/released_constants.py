"""SpikeSim's published constants, and the values that stand in for its defective ones."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from .._resources import config_dir
from .._yaml import read_yaml
from .tree import Grade


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Corrected(_Part):
    """A value of our own in place of a defective one, with where it comes from and how far it can be trusted."""

    value: PositiveFloat
    source: str
    grade: Grade


class CorrectedValues(_Part):
    """pJ per crossbar read and mux phase; pJ per subtraction."""

    crossbar_sram_pj: Corrected
    diff_pj: Corrected


class Energy(_Part):
    """pJ per PE cycle, or per mux phase; see the file."""

    htree: PositiveFloat
    mem_fetch: PositiveFloat
    neuron: PositiveFloat
    crossbar_rram: PositiveFloat
    crossbar_sram: PositiveFloat
    adc: PositiveFloat
    mux: PositiveFloat
    diff: PositiveFloat
    temp_buffer: PositiveFloat
    tile_buffer: PositiveFloat


class Area(_Part):
    """um2 per component; see the file."""

    htree: PositiveFloat
    crossbar_rram: PositiveFloat
    crossbar_sram: PositiveFloat
    adc: PositiveFloat
    mux: PositiveFloat
    diff: PositiveFloat
    temp_buffer: PositiveFloat
    tile_buffer: PositiveFloat
    memory_bit: PositiveFloat


class Constants(_Part):
    """The published constants, from configs/technology/spikesim_released.yaml."""

    source: str
    clocks_per_pe_cycle: PositiveInt
    overlap: PositiveFloat
    bits_per_value: PositiveInt
    energy_pj: Energy
    area_um2: Area
    corrected: CorrectedValues


@cache
def constants() -> Constants:
    """The published constants."""
    return Constants.model_validate(read_yaml(config_dir("technology") / "spikesim_released.yaml")[0])
