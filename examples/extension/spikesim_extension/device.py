"""A ferroelectric transistor written by counting equal pulses, whose levels are therefore not evenly spaced.

Hf0.5Zr0.5O2 (M. Jerry et al., IEDM 2017: 32 states, a conductance range of 45, pulses of 75 ns), with the parameters
and the law of NeuroSim. After P of 31 pulses::

    G(P) = G_off + B (1 - exp(-P / A)),   B = (G_on - G_off) / (1 - exp(-31 / A)),   A = 31 a

Every pulse spreads the cell by sigma of the range; P independent ones by sqrt(P) sigma.
"""

from __future__ import annotations

import numpy as np

from spikesim_py.extending import DeviceModel, States
from spikesim_py.hardware import Device

_MANUAL = "NeuroSim MLP V3.0 (cc13863), user manual, Table II (Jerry et al., IEDM 2017)"
#: pulses from the lowest to the highest of 32 states
PULSES = 31
#: A over the pulses, of nonlinearity label 1.75 (potentiation)
CURVATURE = 0.702081
#: spread of one pulse, in shares of the range
PULSE_SIGMA = 0.005


def levels(device: Device) -> States:
    """States after evenly spaced numbers of pulses."""
    share = np.linspace(0, 1, 2**device.cell_bits)
    off = 1 / device.on_off_ratio
    return off + (1 - off) * np.expm1(-share / CURVATURE) / np.expm1(-1 / CURVATURE)


def program_sigma(x: States, device: Device) -> States:
    """Spread over g_on of a cell that was written to x: that of the pulses that it took."""
    off = 1 / device.on_off_ratio
    reached = np.clip((x - off) / (1 - off), 0, 1)
    pulses = -PULSES * CURVATURE * np.log1p(reached * np.expm1(-1 / CURVATURE))
    return (1 - off) * PULSE_SIGMA * np.sqrt(pulses)


FEFET = DeviceModel(
    about="analog FeFET, 32 states, written by counting pulses",
    source=_MANUAL,
    grade="sourced",
    fields={
        "cell_bits": 2,
        "levels": PULSES + 1,
        "r_on_ohm": 559_280.0,
        "on_off_ratio": 45.0,
        "read_volt": 0.1,
        "cell_area_um2": 0.018816,
    },
    sources={
        "cell_bits": "assumed: what a spread of 2.8 % of the range at the highest level supports at best",
        "r_on_ohm": f"derived: {_MANUAL}: 1 / 1.788 uS",
        "read_volt": "assumed: drain voltage; the gate is biased apart",
        "cell_area_um2": "derived: NeuroSim V1.3 manual, Table IV (FeFET, 4 F x 6 F), at 28 nm",
    },
    constants=(
        ("pulses", PULSES, "pulses", "sourced", f"{_MANUAL}: 32 states"),
        ("curvature", CURVATURE, "of the pulses", "sourced", "NeuroSim MLP V3.0, formula.cpp: nonlinearity label 1.75"),
        ("pulse_sigma", PULSE_SIGMA, "of the range", "sourced", f"{_MANUAL}: cycle to cycle, below 0.5 %"),
    ),
    levels=levels,
    program_sigma=program_sigma,
)
