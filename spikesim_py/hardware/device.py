"""The cell: what it stores, and how far what is stored and read is from what was meant.

Laws are functions of the state ``x = g / g_on`` of a cell. Coefficients in microsiemens hold for a device whose
g_on is `reference_us`; they scale with g_on. The equations stand in `spikesim_py/crossbar/laws.py`,
`retention.py` and `fluctuation.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import field_validator, model_validator

from ..plugins import Kind
from .section import Section, knob

if TYPE_CHECKING:
    from ..extending import DeviceModel

_TEN_YEARS_S = 315_576_000.0


class DeviceKind(Kind):
    """What a cell is made of: sets cell area, leakage and which periphery it needs; plugins add to it."""

    RRAM = "rram"  # 1T1R filamentary resistance, non-volatile, several bits per cell
    PCM = "pcm"  # phase change: several bits per cell, conductance drifts
    FEFET = "fefet"  # ferroelectric transistor, several bits per cell
    MRAM = "mram"  # magnetic tunnel junction: two states, low on/off ratio
    FLASH = "flash"  # floating gate or SONOS, several bits per cell
    SRAM = "sram"  # volatile, one bit per cell, read as `device.read_model` says

    @classmethod
    def group(cls) -> str:
        return "spikesim_py.devices"


class ReadModel(StrEnum):
    """How an SRAM column forms its sum."""

    CURRENT = "current"  # on cells are current sources with static mismatch; currents add
    DISCHARGE = "discharge"  # they discharge the bit line for a fixed time: the sum bends as an RC decay
    CHARGE = "charge"  # each cell switches a capacitor; charge is shared along the column


class ProgramLaw(StrEnum):
    """Standard deviation of the programming error as a function of the state meant."""

    CONSTANT = "constant"  # device.program_sigma, whatever the state
    POLYNOMIAL = "polynomial"  # c0 + c1 x + c2 x^2 + ..., at least 0
    SATURATING = "saturating"  # c0 (1 - exp(-g / c1)): the current-dependent spread of SONOS


class ReadNoise(StrEnum):
    """How two reads of one cell differ."""

    NONE = "none"
    WHITE = "white"  # every read draws anew
    TELEGRAPH = "telegraph"  # a trap switches between two states: correlated over time-steps


class ReadLaw(StrEnum):
    """Standard deviation of the part of white read noise that depends on the state as programmed."""

    NONE = "none"
    POWER = "power"  # of g: min(c0 x^-c1, c2)
    LOG = "log"  # of g: clip(c0 ln x + c1, c2, c3); from x = c4 on the polynomial c5 + c6 x + ...
    LOG_US = "log_us"  # in uS: c0 ln x + c1, at least 0
    SATURATING = "saturating"  # in uS: c0 (1 - exp(-g / c1))


class RetentionKind(StrEnum):
    """How a cell's conductance moves with its age t."""

    NONE = "none"
    POWER = "power"  # g (t/t0)^-nu, nu per cell
    LOG_TIME = "log_time"  # a shift, Gaussian over cells, mean and sigma linear in ln(t/t0)
    TABLE = "table"  # mean shift and sigma as laws in x at given times, interpolated between


class Program(Section):
    law: ProgramLaw = knob(
        ProgramLaw.CONSTANT, affects="accuracy", unit="-", about="programming error over the state meant"
    )
    coefficients_us: tuple[float, ...] = knob(
        (), affects="accuracy", unit="uS", about="of the law, lowest power first; none for constant"
    )

    @model_validator(mode="after")
    def _possible(self) -> Program:
        count = len(self.coefficients_us)
        if self.law is ProgramLaw.POLYNOMIAL and not count:
            raise ValueError("coefficients_us = []: law = 'polynomial' needs at least 1")
        if self.law is ProgramLaw.SATURATING:
            _check_saturating("coefficients_us", self.coefficients_us)
        return self


class Read(Section):
    noise: ReadNoise = knob(ReadNoise.NONE, affects="accuracy", unit="-", about="how two reads of a cell differ")
    sigma: float = knob(
        0.0, affects="accuracy", unit="g_on", about="white noise of a read, whatever the level", ge=0, le=1
    )
    sigma_relative: float = knob(
        0.0, affects="accuracy", unit="g", about="white noise of a read, in proportion to the cell", ge=0, le=1
    )
    law: ReadLaw = knob(ReadLaw.NONE, affects="accuracy", unit="-", about="white noise of a read over the state")
    coefficients: tuple[float, ...] = knob((), affects="accuracy", unit="-", about="of the law, in its order")
    pulse_s: float = knob(
        0.0,
        affects="accuracy",
        unit="s",
        about="length tr of a read: 1/f noise since programming, law x sqrt(ln((t + tr) / 2 tr)); 0: as the law says",
        ge=0,
        le=1,
    )
    telegraph_amplitude: float = knob(
        0.0, affects="accuracy", unit="g", about="step between a cell's two telegraph states", ge=0, le=1
    )
    tau_high_s: float = knob(
        1e-3,
        affects="accuracy",
        unit="s",
        about="mean time in the telegraph state of high conductance",
        ge=1e-9,
        le=1e6,
    )
    tau_low_s: float = knob(
        1e-3, affects="accuracy", unit="s", about="mean time in the telegraph state of low conductance", ge=1e-9, le=1e6
    )
    interval_s: float = knob(
        1e-5, affects="accuracy", unit="s", about="from the reads of one time-step to those of the next", gt=0, le=1e3
    )

    @model_validator(mode="after")
    def _possible(self) -> Read:
        count, needed = len(self.coefficients), {ReadLaw.POWER: 3, ReadLaw.LOG_US: 2}
        if self.law in needed and count != needed[self.law]:
            raise ValueError(f"coefficients: law = {self.law.value!r} needs {needed[self.law]}, not {count}")
        if self.law is ReadLaw.POWER and min(self.coefficients) < 0:
            raise ValueError(f"coefficients = {list(self.coefficients)}: law = 'power' needs none below 0")
        if self.law is ReadLaw.LOG:
            _check_clipped_log("coefficients", self.coefficients)
        if self.law is ReadLaw.SATURATING:
            _check_saturating("coefficients", self.coefficients)
        return self

    @property
    def used(self) -> tuple[str, ...]:
        """Fields that mean something under `noise`."""
        if self.noise is ReadNoise.NONE:
            return ("noise",)
        if self.noise is ReadNoise.TELEGRAPH:
            return ("noise", "telegraph_amplitude", "tau_high_s", "tau_low_s", "interval_s")
        by_state = () if self.law is ReadLaw.NONE else ("coefficients", "pulse_s")
        return ("noise", "sigma", "sigma_relative", "law", *by_state)


class Retention(Section):
    kind: RetentionKind = knob(
        RetentionKind.NONE, affects="accuracy", unit="-", about="how conductance moves with device.age_s"
    )
    t0_s: float = knob(
        1.0,
        affects="accuracy",
        unit="s",
        about="time after programming at which the programming error was measured: the law starts there",
        ge=0,
        le=1e6,
    )
    valid_to_s: float = knob(
        _TEN_YEARS_S, affects="accuracy", unit="s", about="last age of the laws power and log_time", gt=0, le=1e12
    )
    nu: tuple[float, ...] = knob(
        (),
        affects="accuracy",
        unit="-",
        about="power: mean exponent: one number; or clip(c0 ln x + c1, c2, c3), from x = c4 on c5 + c6 x + ...",
    )
    nu_sigma: tuple[float, ...] = knob(
        (), affects="accuracy", unit="-", about="power: standard deviation of the exponent over cells, as nu"
    )
    times_s: tuple[float, ...] = knob((), affects="accuracy", unit="s", about="table: ages of its rows, ascending")
    mean_us: tuple[tuple[float, ...], ...] = knob(
        (),
        affects="accuracy",
        unit="uS",
        about="mean shift: log_time: [[a, b]] for a + b ln(t/t0); table: per time a polynomial in x",
    )
    sigma_us: tuple[tuple[float, ...], ...] = knob(
        (),
        affects="accuracy",
        unit="uS",
        about="spread over cells: log_time: [[a, b]], on top of programming; table: per time a law as device.program's",
    )

    @model_validator(mode="after")
    def _possible(self) -> Retention:
        if self.kind is RetentionKind.POWER:
            _check_clipped_log("nu", self.nu)
            if self.nu_sigma:
                _check_clipped_log("nu_sigma", self.nu_sigma)
        if self.kind in (RetentionKind.POWER, RetentionKind.LOG_TIME) and not 0 < self.t0_s < self.valid_to_s:
            raise ValueError(f"t0_s = {self.t0_s:g}: must lie between 0 and valid_to_s = {self.valid_to_s:g}")
        if self.kind is RetentionKind.LOG_TIME:
            _check_rows(self, 1, width=2)
        if self.kind is RetentionKind.TABLE:
            times = (self.t0_s, *self.times_s)
            if not self.times_s or any(a >= b for a, b in pairwise(times)):
                raise ValueError(f"times_s = {list(self.times_s)}: must ascend from t0_s = {self.t0_s:g}")
            _check_rows(self, len(self.times_s))
        return self

    @property
    def last_s(self) -> float:
        """Last age at which the law holds."""
        return self.times_s[-1] if self.kind is RetentionKind.TABLE else self.valid_to_s


class Device(Section):
    kind: DeviceKind = knob(DeviceKind.RRAM, affects="both", unit="-", about="cell technology")
    ideal: bool = knob(
        False,
        affects="both",
        unit="-",
        about="no variation, no faults, no noise, no aging, infinite on/off ratio, noiseless ADC",
    )
    cell_bits: int = knob(1, affects="both", unit="bit", about="bits stored in one cell", ge=1, le=4)
    levels: int | None = knob(
        None,
        affects="accuracy",
        unit="-",
        about="levels that the device can hold apart; none: any number",
        ge=2,
        le=4096,
    )
    r_on_ohm: float = knob(
        100_000.0, affects="both", unit="ohm", about="cell resistance at the highest level", ge=100, le=1e9
    )
    on_off_ratio: float = knob(
        17.0, affects="both", unit="-", about="conductance of the highest over the lowest level", gt=1, le=1e15
    )
    read_volt: float = knob(
        0.2,
        affects="both",
        unit="V",
        about="read voltage on an active row; supply of a charge-domain SRAM",
        ge=0.01,
        le=5,
    )
    access_ohm: float = knob(
        0.0,
        affects="accuracy",
        unit="ohm",
        about="access transistor in series with the cell, where wires.topology has one",
        ge=0,
        le=1e9,
    )
    cell_area_um2: float | None = knob(
        None, affects="cost", unit="um2", about="area of a cell; none: as fitted at the node", gt=0, le=1e4
    )
    write_energy_pj: float | None = knob(
        None, affects="cost", unit="pJ", about="of programming a cell once, from any level to any other", ge=0, le=1e9
    )
    write_ns: float | None = knob(
        None, affects="cost", unit="ns", about="for programming a cell once, from any level to any other", gt=0, le=1e12
    )
    endurance_cycles: float | None = knob(
        None,
        affects="cost",
        unit="cycles",
        about="programming pulses that a cell endures; none: unknown, or without limit",
        ge=1,
        le=1e20,
    )
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
    stuck_cluster_alpha: float | None = knob(
        None,
        affects="accuracy",
        unit="-",
        about="clustering of stuck cells: smaller is denser; none: independent cells",
        ge=0.05,
        le=1e6,
    )
    reference_us: float | None = knob(
        None,
        affects="accuracy",
        unit="uS",
        about="g_on of the device to which coefficients in uS were fitted; none: this device's",
        gt=0,
        le=1e6,
    )
    age_s: float = knob(
        0.0, affects="accuracy", unit="s", about="time since programming; 0: as programmed", ge=0, le=1e12
    )
    read_model: ReadModel = knob(ReadModel.CURRENT, affects="both", unit="-", about="how an SRAM column forms its sum")
    mismatch_sigma: float = knob(
        0.0,
        affects="accuracy",
        unit="-",
        about="static mismatch of SRAM cells: of an on cell's current, or of its capacitor (charge)",
        ge=0,
        le=1,
    )
    discharge_depth: float = knob(
        0.5,
        affects="accuracy",
        unit="RC",
        about="discharge: time constants for which a full column discharges its bit line",
        gt=0,
        le=10,
    )
    unit_cap_ff: float = knob(1.2, affects="both", unit="fF", about="charge: capacitor of one cell", ge=0.01, le=1e3)
    program: Program = Program()
    read: Read = Read()
    retention: Retention = Retention()

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: Any) -> Any:
        return DeviceKind.parse(kind)

    @model_validator(mode="before")
    @classmethod
    def _as_its_model_says(cls, data: Any) -> Any:
        """Fields that a plugin states and the chip does not."""
        stated = stated_fields(data.get("kind")) if isinstance(data, dict) else None
        return dict(stated) | data if stated else data

    @model_validator(mode="after")
    def _possible(self) -> Device:
        if self.kind in (DeviceKind.SRAM, DeviceKind.MRAM) and self.cell_bits != 1:
            article = "an SRAM" if self.kind is DeviceKind.SRAM else "an MRAM"
            raise ValueError(f"cell_bits = {self.cell_bits}: {article} cell stores 1 bit")
        if self.levels is not None and self.levels < 2**self.cell_bits:
            raise ValueError(
                f"cell_bits = {self.cell_bits}: needs {2**self.cell_bits} levels, the device has levels = {self.levels}"
            )
        if self.stuck_on_rate + self.stuck_off_rate > 1:
            total = self.stuck_on_rate + self.stuck_off_rate
            raise ValueError(f"stuck_on_rate + stuck_off_rate = {total:g}: must be at most 1")
        if self.program.law is not ProgramLaw.CONSTANT and self.program_sigma:
            raise ValueError(
                f"program_sigma = {self.program_sigma:g}: is for program.law = 'constant', not "
                f"{self.program.law.value!r}"
            )
        if (self.write_energy_pj is None) != (self.write_ns is None):
            raise ValueError("write_energy_pj, write_ns: are given together, or neither is")
        self._check_sram()
        self._check_age()
        self._check_model()
        return self

    def _check_model(self) -> None:
        """A field whose place a plugin's law takes is left alone."""
        for name in self.model.replaced if self.model else ():
            section, value, default = type(self), self, None
            for part in name.split("."):
                default, value = section.model_fields[part].default, getattr(value, part)
                section = type(value)
            if value != default:
                raise ValueError(f"{name} = {value}: kind = {self.kind.value!r} has a law of its own; leave it alone")

    def _check_sram(self) -> None:
        if self.kind is not DeviceKind.SRAM and self.read_model is not ReadModel.CURRENT:
            raise ValueError(f"read_model = {self.read_model.value!r}: needs kind = 'sram'")
        if self.kind is not DeviceKind.SRAM and self.mismatch_sigma:
            raise ValueError(f"mismatch_sigma = {self.mismatch_sigma:g}: needs kind = 'sram'; see device.program")
        if self.read_model is not ReadModel.CHARGE:
            return
        if self.program_sigma or self.program.coefficients_us or self.retention.kind is not RetentionKind.NONE:
            raise ValueError("read_model = 'charge': a capacitor is not programmed; its spread is mismatch_sigma")
        if self.read.noise is not ReadNoise.NONE:
            raise ValueError(f"read.noise = {self.read.noise.value!r}: the noise of read_model = 'charge' is kT/C")

    def _check_age(self) -> None:
        law = self.retention
        if law.kind is RetentionKind.TABLE and self.program.law is ProgramLaw.SATURATING:
            for index, row in enumerate(law.sigma_us):
                _check_saturating(f"retention.sigma_us.{index}", row)
        if self.age_s and law.kind is not RetentionKind.NONE and not law.t0_s <= self.age_s <= law.last_s:
            raise ValueError(
                f"age_s = {self.age_s:g}: must be 0 or between {law.t0_s:g} and {law.last_s:g} s, where "
                f"retention.kind = {law.kind.value!r} holds"
            )
        if self.read.pulse_s > (self.age_s or law.t0_s):
            raise ValueError(f"read.pulse_s = {self.read.pulse_s:g}: must be at most the age, {self.time_s:g} s")

    @property
    def idle(self) -> tuple[str, ...]:
        """Fields that are set but mean nothing beside the others, for a report's notes."""
        found = []
        for name, section, used in (
            ("read", self.read, self.read.used),
            ("program", self.program, () if self.program.law is ProgramLaw.CONSTANT else ("law", "coefficients_us")),
            ("retention", self.retention, _RETAINED[self.retention.kind]),
        ):
            for key, field in type(section).model_fields.items():
                if key not in (*used, "law", "kind", "t0_s") and getattr(section, key) != field.default:
                    found.append(f"{name}.{key}")
        ages_reads = self.read.noise is ReadNoise.WHITE and self.read.pulse_s
        if self.age_s and not self.drifts and not ages_reads:
            found.append("age_s")
        if self.read_model is not ReadModel.DISCHARGE and self.discharge_depth != 0.5:
            found.append("discharge_depth")
        if self.stuck_cluster_alpha is not None and not (self.stuck_on_rate or self.stuck_off_rate):
            found.append("stuck_cluster_alpha")
        return tuple(f"device.{name}" for name in found)

    @property
    def model(self) -> DeviceModel | None:
        """The plugin's laws; None for a built-in kind."""
        found: DeviceModel | None = self.kind.model
        return found

    @property
    def drifts(self) -> bool:
        """Whether cells move with their age."""
        own = self.model is not None and self.model.aged is not None
        return own or self.retention.kind is not RetentionKind.NONE

    @property
    def time_s(self) -> float:
        """Time since programming at which cells are read: `age_s`, or `retention.t0_s` as programmed."""
        return self.age_s or self.retention.t0_s


def stated_fields(kind: Any) -> Mapping[str, Any] | None:
    """What a plugin says of the `device` section, by field; None for a built-in kind, and for what is refused."""
    try:
        model = DeviceKind.parse(kind).model
    except ValueError:  # the field itself says why
        return None
    return model.fields if model else None


#: fields of `Retention` that each kind reads, beside kind and t0_s
_RETAINED: dict[RetentionKind, tuple[str, ...]] = {
    RetentionKind.NONE: (),
    RetentionKind.POWER: ("valid_to_s", "nu", "nu_sigma"),
    RetentionKind.LOG_TIME: ("valid_to_s", "mean_us", "sigma_us"),
    RetentionKind.TABLE: ("times_s", "mean_us", "sigma_us"),
}


def _check_saturating(name: str, coefficients: tuple[float, ...]) -> None:
    if len(coefficients) != 2 or coefficients[0] < 0 or coefficients[1] <= 0:
        raise ValueError(f"{name} = {list(coefficients)}: law = 'saturating' needs [sigma >= 0, scale > 0]")


def _check_clipped_log(name: str, coefficients: tuple[float, ...]) -> None:
    """A constant, or slope, intercept, low, high, and perhaps a split with a polynomial above it."""
    count = len(coefficients)
    if count not in (1, 4) and count < 6:
        raise ValueError(f"{name} = {list(coefficients)}: needs 1, 4, or at least 6 coefficients")
    if count > 1 and coefficients[2] > coefficients[3]:
        raise ValueError(
            f"{name} = {list(coefficients)}: its third coefficient (low) must not exceed the fourth (high)"
        )
    if coefficients[0] < 0 and count == 1:
        raise ValueError(f"{name} = {list(coefficients)}: must be at least 0")


def _check_rows(law: Retention, rows: int, width: int | None = None) -> None:
    """Both tables are empty or complete, and not both are empty."""
    if not (law.mean_us or law.sigma_us):
        raise ValueError(f"mean_us, sigma_us: kind = {law.kind.value!r} needs at least one of them")
    for name, table in (("mean_us", law.mean_us), ("sigma_us", law.sigma_us)):
        if table and (len(table) != rows or not all(row and len(row) == (width or len(row)) for row in table)):
            wide = f" of {width} coefficients" if width else ""
            raise ValueError(f"{name}: kind = {law.kind.value!r} needs {rows} row(s){wide}, or none")
