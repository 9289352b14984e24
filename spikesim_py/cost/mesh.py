"""What the mesh's simulators ask of the cost room: when layers make their values, and what a flit costs."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass

from .._arrays import Real
from ..activity import Activity
from ..mapping import Mapping
from ..noc import LayerTiming
from .noc_parts import FlitEnergy, flit_energy
from .parametric import cores_of, layer_timings, mean_pitch_mm
from .technology import Technology, load_technology

__all__ = ["FlitEnergy", "MeshInputs", "mesh_inputs"]


@dataclass(frozen=True)
class MeshInputs:
    """Of one design.

    Attributes:
        timings: of every layer, without its transfers. pitch_mm: length of a link. steps: T.
    """

    mapping: Mapping
    technology: Technology
    timings: MappingType[str, LayerTiming]
    pitch_mm: float
    steps: int

    @property
    def overlapped(self) -> bool:
        """Whether layers work at the same time."""
        return self.mapping.hardware.schedule.pipeline != "none"

    def turn_cycles(self, layer: str, step: int) -> float:
        """Cycles of a layer's turn in a time-step; its crossbars rest where their sums were made in the first."""
        timing, plan = self.timings[layer], self.mapping.layers[layer]
        rests = step > 0 and self.mapping.network.runs_once(layer)
        turn_ns = timing.step_ns - (plan.turns * timing.read_ns if rests else 0.0)
        return turn_ns * self.mapping.hardware.technology.clock_mhz * 1e-3

    def energy(self, entered: Real, left: Real, links: Real) -> FlitEnergy:
        """See `flit_energy`."""
        return flit_energy(self.technology, self.mapping.hardware, entered, left, links, self.pitch_mm)


def mesh_inputs(mapping: Mapping, activity: Activity) -> MeshInputs:
    """Of a mapped network."""
    tech = load_technology(mapping.hardware.technology.node_nm)
    cores = cores_of(mapping, tech, activity)
    pitch = mean_pitch_mm(mapping, cores)
    return MeshInputs(mapping, tech, layer_timings(mapping, cores), pitch, mapping.network.time_steps)
