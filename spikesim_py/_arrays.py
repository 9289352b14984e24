"""Arithmetic that serves one design and a hundred thousand: every function takes numbers, arrays, or both.

The cost model is written once, with these instead of `if`, `max`, `math.ceil`. Given plain numbers they stay plain
numbers (one report with its tree); given arrays, one element per design, they work on all designs at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: a number, or an array with one number per design
Real = Any


def is_array(*values: Real) -> bool:
    """Whether any of these is an array."""
    for value in values:  # noqa: SIM110 - a generator takes three times as long, and this is called a lot
        if isinstance(value, np.ndarray):
            return True
    return False


def where(condition: Real, yes: Real, no: Real) -> Real:
    """`yes` where the condition holds, else `no`; both are computed."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no)
    return yes if condition else no


def maximum(a: Real, b: Real) -> Real:
    """The larger one, element by element."""
    return np.maximum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else max(a, b)


def minimum(a: Real, b: Real) -> Real:
    """The smaller one, element by element."""
    return np.minimum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else min(a, b)


def ceil(value: Real) -> Real:
    """The next whole number; arrays stay floats."""
    return np.ceil(value) if isinstance(value, np.ndarray) else math.ceil(value)


def floor(value: Real) -> Real:
    """The whole number below; arrays stay floats."""
    return np.floor(value) if isinstance(value, np.ndarray) else math.floor(value)


def ceil_div(a: Real, b: Real) -> Real:
    """Rounded-up quotient of whole numbers (up to 2^53); arrays give floats."""
    return np.ceil(a / b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else -(-a // b)


def floor_div(a: Real, b: Real) -> Real:
    """Rounded-down quotient of whole numbers (up to 2^53); arrays give floats."""
    return np.floor(a / b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else a // b


def sqrt(value: Real) -> Real:
    return np.sqrt(value) if isinstance(value, np.ndarray) else math.sqrt(value)


def log2(value: Real) -> Real:
    return np.log2(value) if isinstance(value, np.ndarray) else math.log2(value)


def exp2(value: Real) -> Real:
    """2 to the power of whole or real numbers."""
    return np.exp2(value) if isinstance(value, np.ndarray) else 2**value


def bit_length(value: Real) -> Real:
    """Bits of a whole number >= 0, as `int.bit_length`: 0 for 0."""
    return np.frexp(value)[1].astype(np.float64) if isinstance(value, np.ndarray) else int(value).bit_length()
