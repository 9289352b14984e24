"""What the kernels compute, in plain NumPy and float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .law import ConversionLaw


def conversion_fj(siemens: NDArray[Any], law: ConversionLaw) -> NDArray[np.float64]:
    """Energy of a conversion at each of these column conductances, in fJ."""
    g = np.asarray(siemens, np.float64)
    conducted = law.base_fj + law.slope_fj * np.power(g, law.exponent, where=g > 0, out=np.zeros_like(g))
    return np.where(g > 0, conducted, law.dark_fj)


def column_energy_fj(siemens: NDArray[Any], active: NDArray[Any], law: ConversionLaw) -> NDArray[np.float64]:
    """(columns,) energy of converting every column at every read, in fJ; see `energy.column_energy_fj`."""
    conductance = np.asarray(active, np.float64) @ np.asarray(siemens, np.float64)
    return np.asarray(conversion_fj(conductance, law).sum(0))
