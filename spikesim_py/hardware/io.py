"""Chips from bundled presets, YAML files and dotted overrides, with errors that say what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from .._resources import bundled, config_dir, resolve
from .._validation import explain_problem
from .._yaml import YAML_ERRORS, read_yaml
from ..errors import ConfigError
from .device import stated_fields
from .model import Hardware
from .section import Section

Overrides = Mapping[str, Any]
#: fields of `device` that say how it is used, not what it is
_OF_THE_USE = ("ideal", "cell_bits", "age_s")


def presets() -> dict[str, Path]:
    """Bundled chips: name to YAML file."""
    return bundled(config_dir("hardware"), ".yaml")


def load_hardware(source: str | Path | Hardware, overrides: Overrides | None = None) -> Hardware:
    """A chip from a bundled name, a YAML file or another chip, with dotted overrides applied.

    Args:
        source: bundled name (`"rram_32nm"`), path of a YAML file, or a `Hardware`.
        overrides: dotted field to value, e.g. `{"crossbar.rows": 128, "adc.bits": 5}`.

    Raises:
        ConfigError: names file, line, field, value and rule, and the nearest known key.
        InputError: `source` is neither a bundled name nor a file.
    """
    if isinstance(source, Hardware):
        data: dict[str, Any] = source.model_dump(mode="python")
        origin = _Origin("chip " + source.name, {})
    else:
        data, origin = _read(resolve(source, presets(), "chip"), ())
    chosen = (overrides or {}).get("device.kind")
    _renounce(data, chosen)
    for key, value in (overrides or {}).items():
        if _assign(data, key, value):
            _disown(data, key, "given by an override")
    try:
        return Hardware.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_explain(error, origin, overrides or {})) from None


def hardware_fields(model: type[BaseModel] = Hardware, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf field as (dotted name, pydantic FieldInfo), in the order of declaration."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from hardware_fields(kind, f"{prefix}{name}.")
        elif f"{prefix}{name}" != "sources":
            yield prefix + name, field


def parse_override(text: str) -> tuple[str, Any]:
    """`"crossbar.rows=128"` as `("crossbar.rows", 128)`; the value is read as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text!r}: expected KEY=VALUE, for example crossbar.rows=128")
    try:
        return key.strip(), yaml.safe_load(value)
    except YAML_ERRORS:
        raise ConfigError(f"--set {text!r}: {value!r} is not a YAML value") from None


def extension_of(source: str, path: str | Path) -> str:
    """What a file at `path` has to write as its `extends:` to extend a chip: a bundled name, or a path from there.

    Raises:
        ConfigError: the file is the chip itself.
    """
    if source in presets():
        return source
    origin, target = Path(source).expanduser().resolve(), Path(path).expanduser().resolve()
    if origin == target:
        raise ConfigError(f"{path}: is the chip itself; a file cannot extend itself")
    return os.path.relpath(origin, target.parent)


def extension(chip: Hardware, base: Hardware, extends: str) -> str:
    """YAML of what `chip` changes of `base`, as a file that extends it.

    Args:
        extends: see `extension_of`.

    Raises:
        ConfigError: `base` has an entry, of a layer say, that `chip` has not: an extending file cannot remove it.
    """
    changed = _changes(chip.model_dump(mode="json"), base.model_dump(mode="json"), extends, "")
    changed.pop("name", None)  # the file's own
    return str(
        yaml.safe_dump(
            {"extends": extends} | changed, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100
        )
    )


def _changes(new: dict[str, Any], old: dict[str, Any], where: str, prefix: str) -> dict[str, Any]:
    """The entries of `new` that differ from `old`, section by section."""
    for key in old:
        if key not in new:
            raise ConfigError(f"{where}: {prefix}{key}: stands in this chip, and a file that extends it keeps it")
    changed = {}
    for key, value in new.items():
        if key not in old or value != old[key]:
            both = isinstance(value, dict) and isinstance(old.get(key), dict)
            changed[key] = _changes(value, old[key], where, f"{prefix}{key}.") if both else value
    return changed


class _Origin:
    """Where each dotted key was written: file and line."""

    def __init__(self, file: str, lines: dict[str, int]) -> None:
        self.file, self.lines = file, lines

    def where(self, key: str) -> str:
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.file}:{self.lines[key]}" if key else self.file


def _read(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], _Origin]:
    """A chip's YAML with its `extends:` chain merged below it."""
    if path in seen:
        raise ConfigError(f"{path}: extends: is a circle: {' -> '.join(p.name for p in (*seen, path))}")
    data, lines = read_yaml(path)
    parent = data.pop("extends", None)
    data.setdefault("name", path.stem)
    if parent is None:
        return data, _Origin(str(path), lines)
    if not isinstance(parent, str):
        raise ConfigError(f"{path}:{lines['extends']}: extends = {parent!r}: expected a chip's name or path")
    beside = path.parent / parent
    base, _ = _read(beside if beside.is_file() else resolve(parent, presets(), "chip"), (*seen, path))
    device, cited = data.get("device"), data.get("sources")
    _renounce(base, device.get("kind") if isinstance(device, dict) else None)
    merged = _merge(base, data)
    for key in lines:
        if not (isinstance(cited, dict) and key in cited):
            _disown(merged, key, f"given in {path.name}")
    return merged, _Origin(str(path), lines)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _disown(data: dict[str, Any], key: str, why: str) -> None:
    """A source that was cited for another value does not hold for this one."""
    sources = data.get("sources")
    if isinstance(sources, dict) and key in sources:
        data["sources"] = sources | {key: why}


def _renounce(data: dict[str, Any], kind: Any) -> None:
    """Of another device's numbers nothing is left where a plugin's device is newly chosen, nor of their sources."""
    device, stated = data.get("device"), stated_fields(kind)
    if stated is None or not isinstance(device, dict) or device.get("kind") == kind:
        return
    kept = {name: value for name, value in device.items() if name in _OF_THE_USE and name not in stated}
    cited = data.get("sources")
    data["device"] = kept
    if isinstance(cited, dict):
        ours = {f"device.{name}" for name in kept}
        data["sources"] = {key: text for key, text in cited.items() if not key.startswith("device.") or key in ours}


def _assign(data: dict[str, Any], key: str, value: Any) -> bool:
    """Set a dotted key in place; says whether that changed its value."""
    *path, leaf = key.split(".")
    for part in path:
        inner = data.get(part)
        data[part] = dict(inner) if isinstance(inner, dict) else {}
        data = data[part]
    changed: bool = data.get(leaf) != value
    data[leaf] = value
    return changed


def _explain(error: ValidationError, origin: _Origin, overrides: Overrides) -> str:
    """All problems of a chip in one line, each with file:line, field, value and rule."""
    return "; ".join(
        explain_problem(Hardware, problem, _where(problem, origin, overrides)) for problem in error.errors()
    )


def _where(problem: Any, origin: _Origin, overrides: Overrides) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    named = any(over == key or over.startswith(key + ".") for over in overrides) or any(
        key.startswith(over + ".") for over in overrides
    )
    return "override" if named and key else origin.where(key)
