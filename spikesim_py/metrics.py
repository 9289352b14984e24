"""What energy, latency and area mean for a user: the figures of merit, of one design or of arrays of designs."""

from __future__ import annotations

from typing import Protocol

from ._arrays import Real


class Costed(Protocol):
    """What the figures of merit are made of: per inference, a number or one per design."""

    @property
    def energy_pj(self) -> Real: ...
    @property
    def latency_ns(self) -> Real: ...
    @property
    def interval_ns(self) -> Real: ...
    @property
    def area_um2(self) -> Real: ...
    @property
    def macs(self) -> Real: ...
    @property
    def synops(self) -> Real: ...
    @property
    def time_steps(self) -> Real: ...


class FiguresOfMerit:
    """Definitions shared by a report and a batch."""

    @property
    def edap(self: Costed) -> Real:
        """Energy x delay x area in J·s·mm²."""
        return self.energy_pj * self.latency_ns * self.area_um2 * 1e-27

    @property
    def operations(self: Costed) -> Real:
        """2 per multiply-accumulate of the dense layers, times T."""
        return 2.0 * self.macs * self.time_steps

    @property
    def tops(self: Costed) -> Real:
        return 2.0 * self.macs * self.time_steps / self.latency_ns * 1e-3

    @property
    def tops_throughput(self: Costed) -> Real:
        return 2.0 * self.macs * self.time_steps / self.interval_ns * 1e-3

    @property
    def tops_per_watt(self: Costed) -> Real:
        return 2.0 * self.macs * self.time_steps / self.energy_pj

    @property
    def tops_per_mm2(self: Costed) -> Real:
        return 2.0 * self.macs * self.time_steps / self.latency_ns * 1e-3 / (self.area_um2 * 1e-6)

    @property
    def ann_tops(self: Costed) -> Real:
        """TOPS counted without T: what a one-step network would need to claim."""
        return 2.0 * self.macs / self.latency_ns * 1e-3

    @property
    def inferences_per_joule(self: Costed) -> Real:
        return 1e12 / self.energy_pj

    @property
    def inferences_per_second_mm2(self: Costed) -> Real:
        return 1e9 / self.interval_ns / (self.area_um2 * 1e-6)

    @property
    def synops_per_joule(self: Costed) -> Real:
        """One-bit synaptic operations per joule: every one in an input value's digits meets every weight.

        For one-bit inputs and no zero weights these are NeuroBench's effective operations.
        """
        return self.synops / (self.energy_pj * 1e-12)
