"""What every anchor does with its figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...._arrays import Real
from ...technology import Group

if TYPE_CHECKING:
    from ..adc import Converter


def in_figures(own: Converter, law: Group, *, area_um2: Real, energy_fj: Real, time_ns: Real) -> Converter:
    """A converter with other figures; its column is connected for the same share of the conversion."""
    return replace(
        own,
        area_um2=area_um2,
        leakage_pw=0.0,
        energy_fj=energy_fj,
        time_ns=time_ns,
        connected_ns=own.connected_ns / own.time_ns * time_ns,
        grade=law.grade,
        source=law.source,
    )
