"""The description of a chip: what the user declares, and nothing derived from it.

Every field states its unit and what it affects (`accuracy`, `cost` or `both`). Tests hold it to that: each
field changes an output somewhere, and a field that affects cost only never changes the arithmetic.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from .adc import Adc, AdcKind
from .anchor import AdcAnchor
from .device import Device, DeviceKind, ReadModel, ReadNoise
from .dram import Chip, Dram
from .mitigation import Mitigation
from .section import Section, knob
from .wires import Topology, WireNoise, Wires


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
    ANALOG = "analog"  # currents of two columns are subtracted, one signed conversion
    INTERLEAVED = "interleaved"  # on the bit line: word lines at +V and -V, both cells of a pair on one column


class Baseline(StrEnum):
    """How the background current of a finite on/off ratio is removed."""

    NONE = "none"
    DUMMY_COLUMN = "dummy_column"  # a column of off cells per crossbar, subtracted before the ADC
    DIGITAL_COUNT = "digital_count"  # active rows x background, subtracted after the ADC


class Technology(Section):
    node_nm: Literal[65, 45, 32, 22, 14, 10, 7] = knob(
        32, affects="cost", unit="nm", about="CMOS node of the periphery; below 22 nm scaled by published tables"
    )
    clock_mhz: float = knob(
        1000.0, affects="cost", unit="MHz", about="clock of the digital periphery and the NoC", ge=1, le=5000
    )
    temperature_k: float = knob(
        300.0, affects="accuracy", unit="K", about="temperature of the chip: wires resist more when hot", ge=200, le=450
    )


class Crossbar(Section):
    rows: int = knob(128, affects="both", unit="rows", about="rows of a crossbar", ge=1, le=1024)
    cols: int = knob(128, affects="both", unit="columns", about="columns of a crossbar", ge=2, le=1024)
    mux: int = knob(8, affects="both", unit="columns", about="columns that share one ADC", ge=1, le=1024)
    event_driven: bool = knob(
        False, affects="both", unit="-", about="a crossbar without an active row is not read at all"
    )
    row_gating: bool = knob(
        False, affects="cost", unit="-", about="drivers of rows without a spike are not clocked (energy, not time)"
    )

    @model_validator(mode="after")
    def _possible(self) -> Crossbar:
        if self.mux > self.cols:
            raise ValueError(f"mux = {self.mux}: must be at most cols = {self.cols}")
        return self


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
    copies: dict[str, Annotated[int, Field(ge=1, le=65536)]] = knob(
        {},
        affects="cost",
        unit="-",
        about="copies of single layers' crossbars, which share the layer's positions: {layer: copies}",
    )
    digital_layers: tuple[str, ...] = knob(
        (),
        affects="both",
        unit="-",
        about="layers computed exactly by multiply-accumulators, without crossbars: names, or first",
    )

    @field_validator("digital_layers", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("digital_layers")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("names a layer twice")
        return names

    @model_validator(mode="after")
    def _possible(self) -> MappingRules:
        if self.tap_sum is not TapSum.ADC_PER_CROSSBAR and self.rows is not RowMapping.SPIKEFLOW:
            raise ValueError(f"tap_sum = {self.tap_sum.value!r}: needs mapping.rows = 'spikeflow'")
        if self.subtract is not Subtract.DIGITAL and self.signs is not SignMapping.DIFFERENTIAL:
            raise ValueError(f"subtract = {self.subtract.value!r}: needs mapping.signs = 'differential'")
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
    pipeline: Literal["A", "B", "C", "D"] = knob(
        "B",
        affects="cost",
        unit="-",
        about="router pipeline: A has 5 cycles per hop, B looks ahead and has 4, C speculates and has 3, D is B with "
        "credits that take 2 cycles more",
    )
    encoding: Literal["bitmap", "aer", "packed_aer", "run_length", "auto"] = knob(
        "bitmap",
        affects="cost",
        unit="-",
        about="spikes as dense bitmaps, as address events (one or several per flit), as run lengths, or as whichever "
        "takes the fewest flits, layer by layer",
    )
    packet_flits: Annotated[int, Field(ge=1, le=1024)] = knob(
        16, affects="cost", unit="flits", about="most payload flits of a packet; a header flit leads each"
    )
    cast: Literal["unicast", "tree"] = knob(
        "unicast",
        affects="cost",
        unit="-",
        about="values that several tiles read: a copy to each, or one that forks on its way",
    )
    placement: Literal["row_major", "snake", "optimized"] = knob(
        "snake",
        affects="cost",
        unit="-",
        about="places of the tiles on the mesh: in their order, or such that flits pass the fewest links",
    )
    router_leakage_mw: Annotated[float, Field(ge=0)] | None = knob(
        None,
        affects="cost",
        unit="mW",
        about="leakage of a router (empty: that of its area in low-power flip-flops; PUMA's 4-port router has 0.41 mW)",
    )
    fidelity: Literal["analytic", "event", "cycle"] = knob(
        "analytic",
        affects="cost",
        unit="-",
        about="what finds the latency of transfers: zero-load latency and the busiest port or link; a simulation "
        "packet by packet; or one of every flit in every cycle",
    )

    @model_validator(mode="after")
    def _characterised(self) -> Noc:
        if self.buffer_flits == 8 and self.vcs != 2:
            raise ValueError(f"buffer_flits = 8 with vcs = {self.vcs}: routers with 8 flits have vcs = 2")
        if self.cast == "tree" and self.packet_flits >= self.buffer_flits:
            raise ValueError(
                f"packet_flits = {self.packet_flits} with cast = 'tree': a packet that forks must fit a buffer, or two "
                f"can block each other for ever; header included, buffer_flits = {self.buffer_flits} leaves at most "
                f"{self.buffer_flits - 1}"
            )
        return self


class Schedule(Section):
    pipeline: Literal["none", "layer", "time_step"] = knob(
        "none",
        affects="cost",
        unit="-",
        about="overlap: none; layers work on different inputs; or on different time-steps of one input",
    )
    order: Literal["step_first", "layer_first"] = knob(
        "step_first",
        affects="cost",
        unit="-",
        about="all layers per time-step (every membrane is stored), or all time-steps per layer (tick batching: "
        "membranes of one layer, spikes of all time-steps)",
    )

    @model_validator(mode="after")
    def _possible(self) -> Schedule:
        if self.order == "layer_first" and self.pipeline == "time_step":
            raise ValueError("order = 'layer_first': leaves no steps to overlap; needs pipeline = 'none' or 'layer'")
        return self


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
    adc_anchor: AdcAnchor = knob(
        AdcAnchor.NEUROSIM, affects="cost", unit="-", about="whose figures a converter's energy, time and area are"
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
        if self.library == "spikesim_released" and self.adc_anchor is not AdcAnchor.NEUROSIM:
            raise ValueError(f"adc_anchor = {self.adc_anchor.value!r}: needs library = 'parametric'")
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
    wires: Wires = Wires()
    mapping: MappingRules = MappingRules()
    mitigation: Mitigation = Mitigation()
    pe: Pe = Pe()
    tile: Tile = Tile()
    chip: Chip = Chip()
    dram: Dram = Dram()
    noc: Noc = Noc()
    schedule: Schedule = Schedule()
    cost: Cost = Cost()

    @model_validator(mode="after")
    def _cites_its_plugin(self) -> Hardware:
        """A plugin's kind, and what it states of the device, have its source, unless the chip has one for it."""
        for key, kind in (("device.kind", self.device.kind), ("adc.kind", self.adc.kind)):
            plugin, cited = kind.plugin, self.sources.get(key, "given")
            if plugin is not None and cited.startswith("given"):
                self.sources[key] = f"{plugin.distribution} {plugin.version}: {kind.model.source}"
        if (model := self.device.model) is not None:
            given = self.device.model_dump(mode="json")
            for name, value in model.fields.items():
                key = f"device.{name}"
                if key not in self.sources and _holds(given.get(name), value):
                    self.sources[key] = model.sources.get(name, model.source)
        return self

    @model_validator(mode="after")
    def _possible(self) -> Hardware:
        reserved = self.dummy_columns
        if self.crossbar.cols <= reserved:
            raise ValueError(f"crossbar.cols = {self.crossbar.cols}: a dummy column leaves no column for weights")
        widths = {"adc.bits": self.adc.bits} | {f"adc.layer_bits.{k}": v for k, v in self.adc.layer_bits.items()}
        for name, bits in widths.items():
            if self.signed_sums and bits == 1:
                rule = f"mapping.subtract = {self.mapping.subtract.value!r}"
                raise ValueError(f"{name} = 1: a signed conversion ({rule}) needs 2 bits or more")
        if self.device.read_model is ReadModel.DISCHARGE and self.mapping.subtract is Subtract.ANALOG:
            raise ValueError(
                "device.read_model = 'discharge': bends each bit line before a pair is subtracted; needs "
                "mapping.subtract = 'digital'"
            )
        return self

    @model_validator(mode="after")
    def _anchored(self) -> Hardware:
        if reason := self.cost.adc_anchor.refusal(self.adc):
            raise ValueError(f"cost.adc_anchor = {self.cost.adc_anchor.value!r}: {reason}")
        return self

    @model_validator(mode="after")
    def _wired(self) -> Hardware:
        """Currents through wires are currents of resistive cells, and floating rows have no noise model."""
        device, wires = self.device, self.wires
        if wires.topology is not Topology.NONE and device.read_model is not ReadModel.CURRENT:
            raise ValueError(
                f"wires.topology = {wires.topology.value!r}: needs device.read_model = 'current', not "
                f"{device.read_model.value!r}"
            )
        if wires.column_limit_ua is not None and device.read_model is not ReadModel.CURRENT:
            raise ValueError(f"wires.column_limit_ua = {wires.column_limit_ua:g}: needs device.read_model = 'current'")
        if wires.read_noise is WireNoise.ADJOINT and device.read.noise is not ReadNoise.WHITE:
            raise ValueError("wires.read_noise = 'adjoint': needs device.read.noise = 'white'")
        if wires.unselected_columns == "floating" and self.baseline is Baseline.DUMMY_COLUMN:
            raise ValueError(
                "wires.unselected_columns = 'floating': is not modeled with a dummy column, which is read in every mux "
                "phase; needs another mapping.baseline"
            )
        if wires.unselected_columns == "floating" and self.crossbar.mux == 1:
            raise ValueError("wires.unselected_columns = 'floating': has no effect with crossbar.mux = 1")
        if wires.inactive_rows == "floating" and device.read.noise is not ReadNoise.NONE and not device.ideal:
            raise ValueError(
                f"device.read.noise = {device.read.noise.value!r}: is not modeled with wires.inactive_rows = 'floating'"
            )
        return self

    @model_validator(mode="after")
    def _pairs_on_one_column(self) -> Hardware:
        """Interleaved pairs need two word lines per input, and cells that conduct as well at -V."""
        if self.mapping.subtract is not Subtract.INTERLEAVED:
            return self
        if self.crossbar.rows % 2:
            raise ValueError(
                f"crossbar.rows = {self.crossbar.rows}: mapping.subtract = 'interleaved' takes two word lines per "
                f"input; needs an even number"
            )
        for name, value, unfit in (
            ("device.kind", self.device.kind, DeviceKind.SRAM),
            ("wires.topology", self.wires.topology, Topology.GATED_1T1R),
        ):
            if value is unfit:
                raise ValueError(
                    f"{name} = {value.value!r}: mapping.subtract = 'interleaved' drives rows at +V and -V, which needs "
                    f"cells between word line and bit line"
                )
        return self

    @model_validator(mode="after")
    def _adds_stored_bits(self) -> Hardware:
        """An adder tree reads bits: nothing analog may be asked of its crossbar."""
        if not self.digital_crossbar:
            return self
        needs: dict[str, tuple[Any, Any]] = {
            "device.kind": (self.device.kind, DeviceKind.SRAM),
            "crossbar.mux": (self.crossbar.mux, 1),
            "wires.topology": (self.wires.topology, Topology.NONE),
            "wires.column_limit_ua": (self.wires.column_limit_ua, None),
            "mapping.subtract": (self.mapping.subtract, Subtract.DIGITAL),
        }
        cell = Device()
        for name in ("read_model", "program_sigma", "mismatch_sigma", "program", "read", "retention", "age_s"):
            needs[f"device.{name}"] = (getattr(self.device, name), getattr(cell, name))
        for name, (value, needed) in needs.items():
            if value != needed:
                shown = "" if isinstance(value, Section) else f" = {value}"
                wanted = "its defaults" if isinstance(value, Section) else needed
                raise ValueError(f"{name}{shown}: adc.kind = 'adder_tree' (a digital crossbar) needs {wanted}")
        if self.mapping.tap_sum is TapSum.ANALOG_SUM:
            raise ValueError("mapping.tap_sum = analog_sum: adc.kind = 'adder_tree' has no currents to join")
        return self

    @model_validator(mode="after")
    def _mitigates(self) -> Hardware:
        if reason := self.mitigation.refusal(self):
            raise ValueError(reason)
        return self

    @property
    def plugins(self) -> dict[str, dict[str, str]]:
        """Field to identity of the plugin that it names: part of every key that the chip's numbers depend on."""
        kinds = {"device.kind": self.device.kind, "adc.kind": self.adc.kind}
        return {name: kind.plugin.identity for name, kind in kinds.items() if kind.plugin is not None}

    def is_sourced(self, *fields: str) -> bool:
        """Whether each of these fields has a source that is more than an assumption or a user's word."""
        unfounded = ("assumed", "derived", "given")
        return all(name in self.sources and not self.sources[name].startswith(unfounded) for name in fields)

    @property
    def digital_crossbar(self) -> bool:
        """Whether stored bits are added without currents or converters."""
        return self.adc.kind is AdcKind.ADDER_TREE

    @property
    def baseline(self) -> Baseline:
        """How background is removed here: not at all where there is none (ideal or digital cells, subtracted pairs)."""
        needless = self.device.ideal or self.digital_crossbar or self.signed_sums
        return Baseline.NONE if needless else self.mapping.baseline

    @property
    def signed_sums(self) -> bool:
        """Whether a differential pair is subtracted before the converter: one signed conversion."""
        return self.mapping.subtract is not Subtract.DIGITAL

    @property
    def word_lines(self) -> int:
        """Word lines of one input: at +V and at -V where pairs are interleaved."""
        return 2 if self.mapping.subtract is Subtract.INTERLEAVED else 1

    @property
    def input_rows(self) -> int:
        """Inputs that one crossbar takes."""
        return self.crossbar.rows // self.word_lines

    @property
    def dummy_columns(self) -> int:
        """Columns per crossbar that hold no weight."""
        return 1 if self.baseline is Baseline.DUMMY_COLUMN else 0

    @property
    def weight_columns(self) -> int:
        """Columns per crossbar for weights: a pair that is subtracted before the ADC shares a crossbar."""
        pair = 2 if self.mapping.subtract is Subtract.ANALOG else 1
        return (self.crossbar.cols - self.dummy_columns - self.mitigation.spare_columns) // pair * pair


def _holds(given: Any, stated: Any) -> bool:
    """Whether a field has the stated value; of a section, whatever is stated."""
    if isinstance(given, dict) and isinstance(stated, dict):
        return all(_holds(given.get(name), value) for name, value in stated.items())
    return bool(list(given) == list(stated) if isinstance(stated, list | tuple) else given == stated)
