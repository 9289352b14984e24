"""The description of a chip: what the user declares, and nothing derived from it.

Every field states its unit and what it affects (`accuracy`, `cost` or `both`). Tests hold it to that: each
field changes an output somewhere, and a field that affects cost only never changes the arithmetic.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Affects = Literal["accuracy", "cost", "both"]


def knob(default: Any = ..., *, affects: Affects, unit: str, about: str, **rules: Any) -> Any:
    """A field with its unit and what it affects, declared once."""
    return Field(default, description=about, json_schema_extra={"affects": affects, "unit": unit}, **rules)


class Section(BaseModel):
    """Base of every part of the description: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, data: Any) -> Any:
        """YAML's `yes` and `true` are not the number 1."""
        for name, value in data.items() if isinstance(data, dict) else ():
            field = cls.model_fields.get(name)
            if isinstance(value, bool) and field is not None and field.annotation is not bool:
                raise ValueError(f"{name} = {value}: must not be true or false")
        return data


class DeviceKind(StrEnum):
    """What a cell is made of: sets cell area, leakage and which periphery it needs."""

    RRAM = "rram"  # 1T1R resistive cell, non-volatile, several bits per cell
    SRAM = "sram"  # 6T cell read as a current source, volatile, one bit per cell


class AdcKind(StrEnum):
    """Circuit of the converter: sets its energy, time and area."""

    SAR = "sar"  # successive approximation: one comparator, bits + 1 cycles
    FLASH = "flash"  # multi-level sense amplifier: 2^bits - 1 comparators, one cycle


class AdcRange(StrEnum):
    """How the full scale of the converter is set."""

    MAX = "max"  # full scale is the largest sum a column can carry; LSB grows where bits are few
    GRANULAR = "granular"  # LSB is one level of one cell; sums beyond 2^bits - 1 clip


class RowMapping(StrEnum):
    """Which rows of the weight matrix share a crossbar."""

    SPIKEFLOW = "spikeflow"  # each kernel position on its own crossbars, input channels on the rows
    UNROLLED = "unrolled"  # im2col: channels x kernel positions on the rows


class TapSum(StrEnum):
    """How the kernel positions of `spikeflow` are summed."""

    ADC_PER_CROSSBAR = "adc_per_crossbar"  # each crossbar converts, in parallel; digital sum
    ADC_SHARED_SERIAL = "adc_shared_serial"  # the crossbars of all positions take turns at one set of ADCs
    ANALOG_SUM = "analog_sum"  # their currents join before one conversion: larger full scale


class SignMapping(StrEnum):
    """How signed weights become unsigned cells."""

    DIFFERENTIAL = "differential"  # positive and negative columns, subtracted
    OFFSET = "offset"  # every weight + 2^p; 2^p times the input count is subtracted
    OFFSET_NEGATIVE = "offset_negative"  # SpikeSim: only negative weights + 2^p; a count per column
    TWOS_COMPLEMENT = "twos_complement"  # a sign column weighs -2^(b-1)


class Subtract(StrEnum):
    """Where the differential pair is subtracted."""

    DIGITAL = "digital"  # two unsigned conversions
    ANALOG = "analog"  # currents are subtracted, one signed conversion


class Baseline(StrEnum):
    """How the background current of a finite on/off ratio is removed."""

    NONE = "none"
    DUMMY_COLUMN = "dummy_column"  # a column of off cells per crossbar, subtracted before the ADC
    DIGITAL_COUNT = "digital_count"  # active rows x background, subtracted after the ADC


class Technology(Section):
    node_nm: Literal[65, 45, 32, 22] = knob(32, affects="cost", unit="nm", about="CMOS node of the periphery")
    clock_mhz: float = knob(
        1000.0, affects="cost", unit="MHz", about="clock of the digital periphery and the NoC", ge=1, le=5000
    )


class Device(Section):
    kind: DeviceKind = knob(DeviceKind.RRAM, affects="both", unit="-", about="cell technology")
    ideal: bool = knob(
        False,
        affects="both",
        unit="-",
        about="no variation, no faults, infinite on/off ratio, noiseless ADC",
    )
    cell_bits: int = knob(1, affects="both", unit="bit", about="bits stored in one cell", ge=1, le=4)
    r_on_ohm: float = knob(
        100_000.0, affects="cost", unit="ohm", about="cell resistance at the highest level", ge=100, le=1e9
    )
    on_off_ratio: float = knob(
        17.0, affects="both", unit="-", about="conductance of the highest over the lowest level", gt=1, le=1e15
    )
    read_volt: float = knob(0.2, affects="cost", unit="V", about="read voltage on an active row", ge=0.01, le=5)
    program_sigma: float = knob(
        0.0,
        affects="accuracy",
        unit="g_on",
        about="programming error of a cell: standard deviation, device to device",
        ge=0,
        le=1,
    )
    stuck_on_rate: float = knob(
        0.0, affects="accuracy", unit="-", about="share of cells stuck at the highest level", ge=0, le=1
    )
    stuck_off_rate: float = knob(
        0.0, affects="accuracy", unit="-", about="share of cells stuck at the lowest level", ge=0, le=1
    )

    @model_validator(mode="after")
    def _possible(self) -> Device:
        if self.kind is DeviceKind.SRAM and self.cell_bits != 1:
            raise ValueError(f"cell_bits = {self.cell_bits}: an SRAM cell stores 1 bit")
        if self.stuck_on_rate + self.stuck_off_rate > 1:
            total = self.stuck_on_rate + self.stuck_off_rate
            raise ValueError(f"stuck_on_rate + stuck_off_rate = {total:g}: must be at most 1")
        return self


class Crossbar(Section):
    rows: int = knob(128, affects="both", unit="rows", about="rows of a crossbar", ge=1, le=1024)
    cols: int = knob(128, affects="cost", unit="columns", about="columns of a crossbar", ge=2, le=1024)
    mux: int = knob(8, affects="cost", unit="columns", about="columns that share one ADC", ge=1, le=1024)
    event_driven: bool = knob(
        False, affects="cost", unit="-", about="a crossbar without an active row is not read at all"
    )

    @model_validator(mode="after")
    def _possible(self) -> Crossbar:
        if self.mux > self.cols:
            raise ValueError(f"mux = {self.mux}: must be at most cols = {self.cols}")
        return self


class Adc(Section):
    kind: AdcKind = knob(AdcKind.SAR, affects="cost", unit="-", about="circuit of the converter")
    bits: int = knob(5, affects="both", unit="bit", about="resolution", ge=1, le=12)
    range: AdcRange = knob(AdcRange.MAX, affects="accuracy", unit="-", about="how the full scale is set")


class MappingRules(Section):
    rows: RowMapping = knob(RowMapping.UNROLLED, affects="both", unit="-", about="weights to crossbar rows")
    tap_sum: TapSum = knob(
        TapSum.ADC_PER_CROSSBAR, affects="both", unit="-", about="how spikeflow's kernel positions are summed"
    )
    signs: SignMapping = knob(
        SignMapping.DIFFERENTIAL, affects="both", unit="-", about="signed weights to unsigned cells"
    )
    subtract: Subtract = knob(
        Subtract.DIGITAL, affects="both", unit="-", about="where a differential pair is subtracted"
    )
    baseline: Baseline = knob(
        Baseline.DUMMY_COLUMN, affects="both", unit="-", about="removal of the off cells' background current"
    )

    @model_validator(mode="after")
    def _possible(self) -> MappingRules:
        if self.tap_sum is not TapSum.ADC_PER_CROSSBAR and self.rows is not RowMapping.SPIKEFLOW:
            raise ValueError(f"tap_sum = {self.tap_sum.value!r}: needs mapping.rows = 'spikeflow'")
        if self.subtract is Subtract.ANALOG and self.signs is not SignMapping.DIFFERENTIAL:
            raise ValueError("subtract = 'analog': needs mapping.signs = 'differential'")
        return self


class Pe(Section):
    crossbars: int = knob(16, affects="cost", unit="crossbars", about="crossbars of one PE", ge=1, le=4096)


class Tile(Section):
    pes: int = knob(4, affects="cost", unit="PEs", about="PEs of one tile", ge=1, le=1024)
    neuron_lanes: int = knob(
        8, affects="cost", unit="lanes", about="LIF updates that a tile makes per clock", ge=1, le=1024
    )


class Noc(Section):
    flit_bits: Literal[32, 64, 128] = knob(64, affects="cost", unit="bit", about="width of a flit")
    vcs: Literal[1, 2, 4] = knob(2, affects="cost", unit="-", about="virtual channels per port")
    buffer_flits: Literal[4, 8] = knob(4, affects="cost", unit="flits", about="buffer of one virtual channel")
    pipeline: Literal["A", "B"] = knob(
        "B",
        affects="cost",
        unit="-",
        about="router pipeline: A has 5 cycles per hop, B looks ahead and has 4",
    )
    encoding: Literal["bitmap", "aer"] = knob(
        "bitmap", affects="cost", unit="-", about="spikes as dense bitmaps or as address events"
    )
    placement: Literal["row_major", "snake"] = knob(
        "snake", affects="cost", unit="-", about="order in which tiles take the places of the mesh"
    )

    @model_validator(mode="after")
    def _characterised(self) -> Noc:
        if self.buffer_flits == 8 and self.vcs != 2:
            raise ValueError(f"buffer_flits = 8 with vcs = {self.vcs}: routers with 8 flits have vcs = 2")
        return self


class Schedule(Section):
    pipeline: Literal["none", "layer", "time_step"] = knob(
        "none",
        affects="cost",
        unit="-",
        about="overlap: none; layers work on different inputs; or on different time-steps of one input",
    )


class Defects(Section):
    """SpikeSim's known defects, each a switch: true is as released, false is corrected.

    Numbers in brackets are the items of the defect list in `docs/released_defects.md`.
    """

    sram_energy_is_area: bool = knob(
        True, affects="cost", unit="-", about="[1] SRAM crossbar energy is its area constant"
    )
    latency_loop_hangs: bool = knob(
        True, affects="cost", unit="-", about="[2] the latency loop never ends where every PE count is 0"
    )
    latency_floor_pes: bool = knob(
        True, affects="cost", unit="-", about="[3] the latency loop does not round PE counts up"
    )
    ordered_pes_required: bool = knob(
        True, affects="cost", unit="-", about="[4] PE counts must not decrease from layer to layer"
    )
    overlap_for_twelve_layers: bool = knob(
        True, affects="cost", unit="-", about="[5] the list of overlap factors has 12 entries"
    )
    neuron_memory_first_five: bool = knob(
        True, affects="cost", unit="-", about="[6] neuron memory is charged for the first 5 layers only"
    )
    input_buffer_22_bit: bool = knob(
        True, affects="cost", unit="-", about="[6] input buffers hold 22 bits per 1-bit spike"
    )
    latency_counts_channels: bool = knob(
        True, affects="cost", unit="-", about="[7] latency counts a PE cycle per output channel"
    )
    adc_count_is_mux_phases: bool = knob(
        True, affects="cost", unit="-", about="[8] X/8 is both ADCs and mux phases; crossbars do not scale"
    )
    taps_share_adcs_free: bool = knob(
        True, affects="cost", unit="-", about="[9] k x k crossbars share one set of ADCs at no cost"
    )
    post_pool_dims: bool = knob(True, affects="cost", unit="-", about="[10] a layer's work is counted after its pool")
    fc_layers_omitted: bool = knob(True, affects="cost", unit="-", about="[11] fully connected layers are left out")
    first_layer_every_step: bool = knob(
        True, affects="cost", unit="-", about="[11] a direct-coded first layer is billed T times, as spikes"
    )
    diff_energy_unit: bool = knob(True, affects="cost", unit="-", about="[12] the DIFF module costs 1.15e-6 pJ")
    layers_share_tiles: bool = knob(
        True, affects="cost", unit="-", about="layers are packed together into tiles, against the paper"
    )


class Cost(Section):
    library: Literal["parametric", "spikesim_released"] = knob(
        "parametric", affects="cost", unit="-", about="component library"
    )
    assumed_activity: float = knob(
        0.15,
        affects="cost",
        unit="spikes/row/step",
        about="activity of a layer's input where neither measured nor stored",
        ge=0,
        le=1,
    )
    defects: Annotated[Defects, Field(description="switches of the library spikesim_released")] = Defects()

    @model_validator(mode="after")
    def _consistent(self) -> Cost:
        if self.library != "spikesim_released" and self.defects != Defects():
            raise ValueError("defects: are switches of library = 'spikesim_released' only")
        return self


class Hardware(Section):
    """A chip. `load_hardware` makes one from a preset, a YAML file and overrides."""

    name: str = knob(affects="cost", unit="-", about="name of the chip in reports", min_length=1)
    description: str = knob("", affects="cost", unit="-", about="what this chip is, in reports")
    sources: dict[str, str] = Field(
        default_factory=dict, description="where a field's value comes from: dotted name to citation"
    )
    technology: Technology = Technology()
    device: Device = Device()
    crossbar: Crossbar = Crossbar()
    adc: Adc = Adc()
    mapping: MappingRules = MappingRules()
    pe: Pe = Pe()
    tile: Tile = Tile()
    noc: Noc = Noc()
    schedule: Schedule = Schedule()
    cost: Cost = Cost()

    @model_validator(mode="after")
    def _possible(self) -> Hardware:
        reserved = self.dummy_columns
        if self.crossbar.cols <= reserved:
            raise ValueError(f"crossbar.cols = {self.crossbar.cols}: a dummy column leaves no column for weights")
        if self.mapping.subtract is Subtract.ANALOG and self.adc.bits == 1:
            raise ValueError("adc.bits = 1: a signed conversion (mapping.subtract = 'analog') needs 2 bits or more")
        return self

    def is_sourced(self, *fields: str) -> bool:
        """Whether each of these fields has a source that is more than an assumption or a user's word."""
        unfounded = ("assumed", "derived", "given")
        return all(name in self.sources and not self.sources[name].startswith(unfounded) for name in fields)

    @property
    def baseline(self) -> Baseline:
        """How background is removed here: not at all where there is none (ideal cells, pairs subtracted first)."""
        needless = self.device.ideal or self.mapping.subtract is Subtract.ANALOG
        return Baseline.NONE if needless else self.mapping.baseline

    @property
    def dummy_columns(self) -> int:
        """Columns per crossbar that hold no weight."""
        return 1 if self.baseline is Baseline.DUMMY_COLUMN else 0

    @property
    def weight_columns(self) -> int:
        """Columns per crossbar for weights: a pair that is subtracted before the ADC shares a crossbar."""
        pair = 2 if self.mapping.subtract is Subtract.ANALOG else 1
        return (self.crossbar.cols - self.dummy_columns) // pair * pair
