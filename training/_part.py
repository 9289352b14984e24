"""What every part of a recipe is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from spikesim_py.errors import did_you_mean

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def known(name: str, what: str, names: Iterable[str]) -> None:
    """Raise `ValueError` unless `name` is one of `names`."""
    if name not in (listed := list(names)):
        raise ValueError(f"{what} = {name!r}: unknown{did_you_mean(name, listed)} (known: {', '.join(listed)})")
