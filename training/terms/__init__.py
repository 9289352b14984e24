"""The losses that a recipe may name, each with its weight and options: what they see of a batch, and when.

Equations, sources and what is reconstructed: `training.losses`, one file each. A teacher is a spiking network here:
where a method compares with an artificial network's activations, the teacher's firing rates stand for them.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, ValidationError, field_validator, model_serializer, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from spikesim_py.plugins import Plugin, find, names

from .._part import Part
from .own import CrossEntropy, Im, Qsnn, Rmp, TemporalSelf, Tet
from .taught import Bkdsnn, FocalLogits, Kdsnn, KdsnnResponse, Lasnn, Logits, Membrane, S2nn, Sei, Spike
from .term import Seen, Term

__all__ = ["CrossEntropy", "Logits", "Losses", "Membrane", "Seen", "Term"]


_GROUP = "training.losses"


class Losses(Part):
    """Losses by name, absent unless named; the cross-entropy is there unless another task loss is.

    The total is their sum in this order, each times its weight; those of plugins come last, as they were named.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]

    cross_entropy: CrossEntropy | None = None
    tet: Tet | None = None
    kdsnn_response: KdsnnResponse | None = None
    logits: Logits | None = None
    focal_logits: FocalLogits | None = None
    membrane: Membrane | None = None
    s2nn: S2nn | None = None
    spike: Spike | None = None
    lasnn: Lasnn | None = None
    kdsnn: Kdsnn | None = None
    bkdsnn: Bkdsnn | None = None
    sei: Sei | None = None
    temporal_self: TemporalSelf | None = None
    rmp: Rmp | None = None
    im: Im | None = None
    qsnn: Qsnn | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _as_they_are(cls, value: Any) -> Any:
        """``rmp:`` alone is the loss with its defaults."""
        return {} if value is None else value

    @model_validator(mode="before")
    @classmethod
    def _of_plugins(cls, data: Any) -> Any:
        """A name that is no field is a plugin's loss."""
        if not isinstance(data, dict):
            return data
        problems: list[InitErrorDetails] = []
        made = {}
        for name, value in data.items():
            plugin = find(_GROUP, str(name), tuple(cls.model_fields))
            if plugin is None and name not in cls.model_fields:
                problems.append({"type": "extra_forbidden", "loc": (name,), "input": value})
            try:
                made[name] = (
                    plugin.load().model_validate({} if value is None else value) if plugin is not None else value
                )
            except ValidationError as error:
                problems += [_below(name, plugin, problem) for problem in error.errors()]
        if problems:
            raise ValidationError.from_exception_data("Losses", problems)
        return made

    @classmethod
    def known(cls) -> tuple[str, ...]:
        """Every loss that can be named."""
        return names(_GROUP, tuple(cls.model_fields))

    @model_serializer(mode="wrap")
    def _named(self, dump: Any) -> dict[str, Any]:
        return {name: term for name, term in dump(self).items() if term is not None}

    def terms(self) -> dict[str, Term]:
        """Those that were named, in order of the sum."""
        named: dict[str, Term] = {name: term for name in type(self).model_fields if (term := getattr(self, name))}
        return named | self.__pydantic_extra__

    @property
    def plugins(self) -> list[Plugin]:
        """Whose losses are among them."""
        return [plugin for name in self.__pydantic_extra__ if (plugin := find(_GROUP, name)) is not None]


def _below(name: str, plugin: Plugin | None, problem: Any) -> InitErrorDetails:
    """A problem of a plugin's loss as one of the whole; its type may be the plugin's own."""
    rule = problem["msg"]
    if plugin is not None and problem["type"] == "extra_forbidden":
        rule = f"unknown key (known: {', '.join(plugin.load().model_fields)})"
    made = PydanticCustomError("of_a_plugin", "{rule}", {"rule": rule})
    return {"type": made, "loc": (name, *problem["loc"]), "input": problem["input"]}
