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
        hint = did_you_mean(path[-1], known) or _elsewhere(model, path)
        return f"{where}: {key}: unknown key{hint} (known: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{where}: {key}: is missing"
    rule = problem["msg"].removeprefix("Value error, ")
    rule = rule[0].lower() + rule[1:]
    if problem["type"] in ("float_parsing", "int_parsing", "float_type", "int_type") and (unit := _unit(model, path)):
        rule = f"{rule.partition(',')[0]} in {unit}, without its unit"
    shown = (
        f"{key} = {shortened(value)}: " if key and not isinstance(value, dict | BaseModel) else f"{key}: " * bool(key)
    )
    return f"{where}: {shown}{rule.replace('input should be', 'must be')}"


def _elsewhere(model: type[BaseModel], path: list[str]) -> str:
    """A field that is named without its section."""
    sections = {name: _section(model, [name]) for name in model.model_fields} if len(path) == 1 else {}
    found = [f"{name}.{path[0]}" for name, section in sections.items() if section and path[0] in section.model_fields]
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


def _unit(model: type[BaseModel], path: list[str]) -> str:
    """The physical unit of a field; empty where it has none."""
    section = _section(model, path[:-1])
    field = section.model_fields.get(path[-1]) if section else None
    extra = field.json_schema_extra if field else None
    unit = str(extra.get("unit", "-")) if isinstance(extra, dict) else "-"
    return "" if unit == "-" else unit


def _section(model: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    for part in path:
        field = model.model_fields.get(part)
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if inner is None:
            return None
        model = inner
    return model
