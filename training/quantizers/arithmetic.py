"""The two arithmetics a network trains in: float32, or the very integers that are exported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Float:
    """Full precision: float32 everywhere, thresholds of 1."""


@dataclass(frozen=True)
class Integer:
    """Fixed bit widths, and the methods that reach them.

    Attributes:
        weight_bits: of every stored weight, 1 to 8.
        membrane_bits: of every stored membrane, 1 to 16.
        multiplier_bits: of every batch norm's multipliers, sign included.
        weights: a name in `quantizers.WEIGHTS`; None is `sign` at one bit and `mean_step` above.
        membranes: a name in `quantizers.RANGES`.
        per_channel: weight scales per output channel, wherever an affine takes them up.
        power_of_two: weight scales are powers of two.
        edge_bits: weight bits of the layers that read the input or give the answer, where they differ; by `mean_step`.
    """

    weight_bits: int
    membrane_bits: int
    multiplier_bits: int = 8
    weights: str | None = None
    membranes: str = "fixed"
    per_channel: bool = False
    power_of_two: bool = False
    edge_bits: int | None = None

    @property
    def method(self) -> str:
        """The weight quantizer's name."""
        return self.weights or ("sign" if self.weight_bits == 1 else "mean_step")


Arithmetic = Float | Integer
