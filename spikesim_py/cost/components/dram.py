"""Memory off the chip: energy per bit, time at the peak bandwidth, power that it always takes.

Weights lie in it one after the other, so that rows stay open and bursts follow each other; the latency of the first
burst (about 50 ns) is not counted. Writing a bit is taken to cost what reading one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..._arrays import Real
from ..._resources import config_dir
from ...hardware.dram import DramKind
from ..technology import Group, read_groups
from ..tree import Grade


@dataclass(frozen=True)
class Dram:
    """`channels` channels of one kind."""

    law: Group
    channels: Real

    def energy_pj(self, bits: Real) -> Real:
        """Of reading (or writing) `bits`; the channels share them."""
        return bits * self.law["read"]

    def time_ns(self, bits: Real) -> Real:
        """For reading (or writing) `bits`; 1 GB/s is a byte per ns."""
        return bits / (8 * self.channels * self.law["bandwidth"])

    @property
    def background_pw(self) -> Real:
        """Power without any traffic."""
        return self.channels * self.law["background"] * 1e9

    @property
    def grade(self) -> Grade:
        return self.law.grade

    @property
    def source(self) -> str:
        return self.law.source


def dram(kind: DramKind, channels: Real = 1) -> Dram:
    """Memory of one kind, other than `none`; raises `ConfigError` if its file is broken."""
    return Dram(_kinds()[kind.value], channels)


@lru_cache(maxsize=1)
def _kinds() -> dict[str, Group]:
    return read_groups(config_dir("technology") / "dram.yaml")
