"""How much a file may hold for its size: a few compressed bytes must not become gigabytes."""

from __future__ import annotations

#: what a file may hold whatever its size: uniform arrays compress a thousandfold
FREE_BYTES = 32 * 2**20
#: above that, at most this many bytes of arrays per byte of the file
MAX_RATIO = 16
#: of a number, once it is read: float64 or int64
NUMBER_BYTES = 8


def allowance(file_bytes: int) -> int:
    """Bytes that the arrays of one file may have together."""
    return max(FREE_BYTES, MAX_RATIO * file_bytes)
