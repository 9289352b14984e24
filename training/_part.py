"""What every part of a recipe is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from spikesim_py.errors import did_you_mean
from spikesim_py.hardware import Hardware, load_hardware

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OfChip(Part):
    """What depends on a chip: `chip` and `overrides` as in `load_hardware`."""

    chip: str
    overrides: dict[str, Any] = Field(default_factory=dict)

    def load(self) -> Hardware:
        """The chip; raises `InputError` where it cannot be used."""
        return load_hardware(self.chip, self.overrides)


def known(name: str, what: str, names: Iterable[str]) -> None:
    """Raise `ValueError` unless `name` is one of `names`."""
    if name not in (listed := list(names)):
        raise ValueError(f"{what} = {name!r}: unknown{did_you_mean(name, listed)} (known: {', '.join(listed)})")
