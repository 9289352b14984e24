"""Ranges that a reader brushed on axes: as an address holds them, and as a page sends them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

#: column -> least and largest value, as stored; None is an open end
Brush = dict[str, tuple[Any, Any]]
#: ranges that a page may ask for, and characters of a name or of a text that ends one
MOST, _LONGEST = 40, 200


def to_text(brush: Mapping[str, Any]) -> str:
    """`adc.bits:4..6;edap:..3e-12`, the other way round from `from_text`."""
    return ";".join(f"{name}:{end_text(low)}..{end_text(high)}" for name, (low, high) in clean(brush).items())


def from_text(text: str) -> Brush:
    """The ranges that an address asks for; what it does not say clearly is left out."""
    found = {}
    for part in text.split(";"):
        name, colon, ends = part.partition(":")
        low, dots, high = ends.partition("..")
        if name and colon and dots:
            found[name] = [_meant(low), _meant(high)]
    return clean(found)


def clean(brush: Any) -> Brush:
    """What a page sent, as ranges, the first `MOST` of them; nothing of it is trusted."""
    found: Brush = {}
    for name, ends in brush.items() if isinstance(brush, Mapping) else ():
        if len(found) == MOST:
            break
        if isinstance(name, str) and len(name) <= _LONGEST and isinstance(ends, list | tuple) and len(ends) == 2:
            low, high = (end if _is_end(end) else None for end in ends)
            texts = {isinstance(end, str) for end in (low, high) if end is not None}
            if len(texts) == 1:
                found[name] = (low, high)
    return found


def _is_end(end: Any) -> bool:
    number = isinstance(end, int | float) and not isinstance(end, bool) and is_float(end)
    return number or (isinstance(end, str) and len(end) <= _LONGEST)


def is_float(number: float) -> bool:
    """Whether a number is finite as a float; whole ones of 400 digits are not."""
    return abs(number) <= sys.float_info.max


def end_text(end: Any) -> str:
    """The end of a range in words; nothing where it is open."""
    return "" if end is None else f"{end:.7g}" if isinstance(end, float) else str(end)


def _meant(text: str) -> Any:
    if not text:
        return None
    try:
        return float(text) if not text.lstrip("+-").isdigit() else int(text)
    except ValueError:
        return text
