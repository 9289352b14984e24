"""pydantic's problems as one line that says where, what value, which rule."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from .errors import did_you_mean

#: characters of a value that a message shows
_SHOWN = 300


def shortened(value: Any) -> str:
    """A value of a stranger's file as a message shows it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}.."


def explain_problem(model: type[BaseModel], problem: Any, where: str) -> str:
    """One pydantic problem as `where: field = value: rule`."""
    path = [str(part) for part in problem["loc"]]
    key, value = ".".join(path), problem["input"]
    if problem["type"] == "extra_forbidden":
        section = _section(model, path[:-1])
        known = list(getattr(section, "known", lambda: section.model_fields)()) if section else []
        hint = did_you_mean(path[-1], known)
        return f"{where}: {key}: unknown key{hint} (known: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{where}: {key}: is missing"
    rule = problem["msg"].removeprefix("Value error, ")
    rule = rule[0].lower() + rule[1:]
    shown = (
        f"{key} = {shortened(value)}: " if key and not isinstance(value, dict | BaseModel) else f"{key}: " * bool(key)
    )
    return f"{where}: {shown}{rule.replace('input should be', 'must be')}"


def _section(model: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    for part in path:
        field = model.model_fields.get(part)
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if inner is None:
            return None
        model = inner
    return model
