"""The two arithmetics a network trains in: float32, or the very integers that are exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Float:
    """Full precision: float32 everywhere, thresholds of 1."""


@dataclass(frozen=True)
class Integer:
    """Fixed bit widths, and the methods that reach them.

    Attributes:
        weight_bits: of every stored weight, 1 to 8.
        membrane_bits: of every stored membrane, 1 to 16.
        multiplier_bits: of every batch norm's multipliers, sign included; see `affine.fold`.
        weights: a name in `quantizers.WEIGHTS`; None is `sign` at one bit and `mean_step` above.
        membranes: a name in `quantizers.RANGES`.
        per_channel: weight scales per output channel, wherever an affine takes them up.
        power_of_two: weight scales are powers of two.
        edge_bits: weight bits of the layers that read the input or give the answer, where they differ.
        layer_bits: weight bits of layers by pattern of their names (``"*_ffn?"``); the first that matches counts, and
            more than `edge_bits`. Where `weights` is not defined for other bits, they are stored as if it were None.
        kernel_bits: of `sub_bit` only, see there.
    """

    weight_bits: int
    membrane_bits: int
    multiplier_bits: int = 8
    weights: str | None = None
    membranes: str = "fixed"
    per_channel: bool = False
    power_of_two: bool = False
    edge_bits: int | None = None
    layer_bits: Mapping[str, int] = field(default_factory=dict)
    kernel_bits: int | None = None

    @property
    def method(self) -> str:
        """The weight quantizer's name."""
        return self.weights or _usual(self.weight_bits)

    def stored(self, layer: str, edge: bool) -> tuple[int, str]:
        """Bits of a layer's weights, and the quantizer's name; `edge` where it reads the input or gives the answer."""
        bits = self.edge_bits if edge and self.edge_bits is not None else self.weight_bits
        bits = next((b for pattern, b in self.layer_bits.items() if fnmatchcase(layer, pattern)), bits)
        alike = (bits == 1) == (self.weight_bits == 1)
        return bits, self.method if alike else _usual(bits)


def _usual(bits: int) -> str:
    return "sign" if bits == 1 else "mean_step"


Arithmetic = Float | Integer
