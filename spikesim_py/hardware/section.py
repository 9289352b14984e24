"""What every part of a chip's description is made of: fields that state their unit and what they affect."""

from __future__ import annotations

from typing import Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator

Affects = Literal["accuracy", "cost", "both"]


def knob(default: Any = ..., *, affects: Affects, unit: str, about: str, **rules: Any) -> Any:
    """A field with its unit and what it affects, declared once."""
    return Field(default, description=about, json_schema_extra={"affects": affects, "unit": unit}, **rules)


class Section(BaseModel):
    """Base of every part of the description: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, data: Any) -> Any:
        """YAML's `yes` and `true` are not the number 1."""
        for name, value in data.items() if isinstance(data, dict) else ():
            field = cls.model_fields.get(name)
            if field is None or field.annotation is bool:
                continue
            by_layer = get_origin(field.annotation) is dict and isinstance(value, dict)
            for key, number in value.items() if by_layer else ((None, value),):
                if isinstance(number, bool):
                    raise ValueError(f"{name}{'' if key is None else f'.{key}'} = {number}: must not be true or false")
        return data
