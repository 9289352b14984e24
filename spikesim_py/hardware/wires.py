"""The wires of a crossbar: which circuit the cells lie in."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import model_validator

from .section import Section, knob


class Topology(StrEnum):
    """Circuit of a crossbar; each is solved exactly."""

    NONE = "none"  # wires without resistance
    PASSIVE = "passive"  # cross-point: word line, cell, bit line; linear in the row voltages
    PSEUDO_1T1R = "pseudo_1t1r"  # all gates on: the access transistor in series with every cell; linear
    GATED_1T1R = "gated_1t1r"  # rows gate the access transistors: cells of idle rows are open


class WireAccuracy(StrEnum):
    """How far the transfer matrix of a linear circuit is solved."""

    EXACT = "exact"  # to `tolerance`, verified
    FAST = "fast"  # two sweeps; the error is bounded and reported, not chosen


class WireNoise(StrEnum):
    """How read noise of a cell reaches the column through the wires."""

    FIRST_ORDER = "first_order"  # dT = dG T / G: a cell's own share of the current
    ADJOINT = "adjoint"  # exact first order: the detours through other cells too


#: fields that mean nothing in a circuit, and why
_IDLE: dict[Topology, tuple[str, str]] = {
    Topology.NONE: (
        "wires have no resistance",
        "word_ohm bit_ohm driver_ohm sense_ohm source_ohm drive_side sense_side inactive_rows unselected_columns "
        "accuracy tolerance read_noise",
    ),
    Topology.PASSIVE: ("there is no source line", "source_ohm"),
    Topology.PSEUDO_1T1R: ("there is no source line", "source_ohm"),
    Topology.GATED_1T1R: (
        "word lines are gates, columns are independent and every read is solved",
        "word_ohm drive_side inactive_rows unselected_columns accuracy tolerance read_noise",
    ),
}


class Wires(Section):
    """The circuit. Segments of 1 ohm are assumed; NeuroSim V1.4's table of wires gives 1.0 ohm for a cell of four
    feature sizes at 32 nm (Param.cpp). Values hold at 300 K; they follow `technology.temperature_k`."""

    topology: Topology = knob(Topology.NONE, affects="accuracy", unit="-", about="circuit of the wires")
    word_ohm: float = knob(
        1.0, affects="accuracy", unit="ohm", about="one word-line segment: before every cell of a row", ge=0, le=1e6
    )
    bit_ohm: float = knob(
        1.0, affects="accuracy", unit="ohm", about="one bit-line segment: after every cell of a column", ge=0, le=1e6
    )
    driver_ohm: float = knob(
        0.0,
        affects="accuracy",
        unit="ohm",
        about="in series with the driver of a row (gated_1t1r: of a column's source line)",
        ge=0,
        le=1e6,
    )
    sense_ohm: float = knob(
        0.0, affects="accuracy", unit="ohm", about="in series with the virtual ground of a column", ge=0, le=1e6
    )
    source_ohm: float = knob(
        0.0,
        affects="accuracy",
        unit="ohm",
        about="gated_1t1r: one source-line segment, before every cell of a column; 0: the line is one node",
        ge=0,
        le=1e6,
    )
    drive_side: Literal["left", "right"] = knob(
        "left", affects="accuracy", unit="-", about="driven end of the word lines; columns are counted from the left"
    )
    sense_side: Literal["bottom", "top"] = knob(
        "bottom", affects="accuracy", unit="-", about="sensed end of the bit lines; rows are counted from the top"
    )
    inactive_rows: Literal["grounded", "floating"] = knob(
        "grounded", affects="accuracy", unit="-", about="rows without a spike: driven to 0 V, or not driven"
    )
    unselected_columns: Literal["grounded", "floating"] = knob(
        "grounded",
        affects="accuracy",
        unit="-",
        about="columns that the mux does not read at the moment: held at 0 V, or open",
    )
    accuracy: WireAccuracy = knob(
        WireAccuracy.EXACT, affects="accuracy", unit="-", about="how far the transfer matrix is solved"
    )
    tolerance: float = knob(
        1e-9,
        affects="accuracy",
        unit="largest current",
        about="bound of the error of every current in an exact solution",
        ge=1e-11,
        le=1e-2,
    )
    read_noise: WireNoise = knob(
        WireNoise.FIRST_ORDER, affects="accuracy", unit="-", about="how read noise passes the wires"
    )
    column_limit_ua: float | None = knob(
        None,
        affects="accuracy",
        unit="uA",
        about="largest column current that can be read; a chip that may exceed it is refused; none: no limit",
        gt=0,
        le=1e9,
    )

    @model_validator(mode="after")
    def _possible(self) -> Wires:
        why, idle = _IDLE[self.topology]
        for name in idle.split():
            value = getattr(self, name)
            if value != type(self).model_fields[name].default:
                raise ValueError(f"{name} = {value}: has no effect with topology = {self.topology.value!r}: {why}")
        if self.accuracy is WireAccuracy.FAST and self.tolerance != type(self).model_fields["tolerance"].default:
            raise ValueError(f"tolerance = {self.tolerance:g}: has no effect with accuracy = 'fast': two sweeps")
        if self.inactive_rows == "floating":
            if self.accuracy is WireAccuracy.FAST:
                raise ValueError("accuracy = 'fast': needs inactive_rows = 'grounded'")
            if self.unselected_columns == "floating":
                raise ValueError("unselected_columns = 'floating': needs inactive_rows = 'grounded'")
            if self.read_noise is WireNoise.ADJOINT:
                raise ValueError("read_noise = 'adjoint': needs inactive_rows = 'grounded'")
        return self
