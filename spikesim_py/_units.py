"""Numbers for readers: the prefix that fits, the same for one number, a column of a table, an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: unit that our names carry -> (factor to the base unit, base unit with a place for its prefix)
_BASES = {
    "pJ": (1e-12, "{}J"),
    "ns": (1e-9, "{}s"),
    "J·s·mm²": (1.0, "{}J·s·mm²"),
    "SynOps/J": (1.0, "{}SynOps/J"),
}
_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_PREFIXES |= {15: "P", 18: "E"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """`shown = value * factor`, in `unit`."""

    factor: float
    unit: str


#: what is shown in one unit whatever its size: shares in per cent, areas and EDAP so that any two tables compare
_FIXED = {"-": Scale(100.0, "%"), "µm²": Scale(1e-6, "mm²"), "J·s·mm²": Scale(1e12, "pJ·s·mm²")}


def scale_for(value: float, unit: str) -> Scale:
    """The scale in which a number of about `value` reads best: 1 to 1000 of a prefixed unit.

    Shares (unit `-`), areas and EDAP have one unit; units without prefixes stay as they are.
    """
    if unit in _FIXED:
        return _FIXED[unit]
    if unit not in _BASES:
        return Scale(1.0, unit)
    base, name = _BASES[unit]
    size = abs(value) * base
    exponent = 3 * math.floor(math.log10(size) / 3 + 1e-9) if size and math.isfinite(size) else 0
    exponent = min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
    return Scale(base / 10.0**exponent, name.format(_PREFIXES[exponent]))


def engineering(value: float, unit: str, digits: int = 4) -> str:
    """`15906934 pJ` as `15.91 µJ`."""
    scale = scale_for(value, unit)
    return f"{number(value * scale.factor, digits)} {scale.unit.removeprefix('1')}".strip()


def unit_factor(given: str, unit: str) -> float | None:
    """What turns numbers in a given unit (`mJ`, `us`, `mm2`, `%`) into `unit`, one that our names carry; None: nothing.

    Signs that a keyboard lacks may be left out or replaced: `um2` is µm², `uJ` is µJ, `js_mm2` is J·s·mm². Capitals
    matter where both spellings are units: `mJ` and `MJ`.
    """
    if unit == "-":
        return {"": 1.0, "%": 0.01}.get(given)
    spelled = {f"{prefix}m²": 10.0 ** (2 * exponent + 12) for exponent, prefix in _PREFIXES.items()}
    spelled["cm²"] = 1e8
    if unit != "µm²":
        base, name = _BASES.get(unit, (1.0, unit))
        prefixes, own = _PREFIXES if unit in _BASES else {0: ""}, round(math.log10(base))
        spelled = {name.format(prefix): 10.0 ** (exponent - own) for exponent, prefix in prefixes.items()}
    exact = {_typed(text): factor for text, factor in spelled.items()}
    small = {text.lower(): factor for text, factor in exact.items() if not text.startswith("M")}
    return exact.get(_typed(given), small.get(_typed(given)))


def _typed(unit: str) -> str:
    """A unit as a keyboard has it."""
    return unit.translate(str.maketrans("µμ²", "uu2", "·*_ "))


def number(value: float, digits: int = 4) -> str:
    """Significant digits, with a power of ten where plain digits would be long: `1.2×10⁶`."""
    if not math.isfinite(value):
        return "–"
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{float(mantissa):g}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    if not value:
        return "0"
    whole = len(str(int(abs(value))))
    return f"{value:#.{max(digits, whole)}g}".removesuffix(".")
