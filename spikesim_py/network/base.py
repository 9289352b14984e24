"""What every part of a description shares: strictness, names, and the numbers that a sweep may set."""

from __future__ import annotations

from typing import Annotated, Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

#: least and most of the numbers that `with_precision` sets; weights that a file holds have at most 16 bits
NETWORK_FIELDS: dict[str, tuple[int, int]] = {
    "weight_bits": (1, 32),
    "membrane_bits": (2, 32),
    "affine_bits": (1, 32),
    "input_bits": (1, 16),
    "time_steps": (1, 10_000),
}


def within(name: str) -> Any:
    """The range of a field that `with_precision` sets."""
    low, high = NETWORK_FIELDS[name]
    return Field(ge=low, le=high)


def without(fields: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """Fields less those that have the given default: files and digests stay those of networks made before them."""
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}


def spread(array: NDArray[Any]) -> NDArray[Any]:
    """Numbers for all units, per channel or per unit so that they meet (C, H, W): (1,) and (C,) get two more axes.

    The same of the last axes of an array whose first one is time-steps.
    """
    return array if array.ndim >= 3 else array.reshape(*array.shape, 1, 1)


class Part(BaseModel):
    """A piece of a description: frozen, no unknown keys, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Node(Part):
    """What every operation has: a name and the names of the nodes it reads."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)
    inputs: tuple[str, ...] = Field(min_length=1)


Size = Annotated[int, Field(ge=1, le=65536)]
