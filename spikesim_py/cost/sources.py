"""Every constant that a chip's cost rests on: value, unit, grade, source.

They stand in `configs/technology/` and `configs/calibrations/`, where a group of numbers states its grade and source
for all of them unless one states its own, and a few in code, listed here with where each stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .._resources import bundled, config_dir
from .._yaml import read_yaml
from ..hardware import Hardware
from .tree import Grade


@dataclass(frozen=True)
class Constant:
    """One number of a cost model; `file` is where it stands, `name` its place there."""

    name: str
    value: float
    unit: str
    grade: Grade
    source: str
    file: str


_RELEASED = "SpikeSim c2627bc, ela_spikesim.py"

#: library -> numbers that are part of its equations: module, name, unit, grade, source
_IN_CODE: dict[str, tuple[tuple[str, str, str, Grade, str], ...]] = {
    "parametric": (
        (
            "components.adc",
            "_GATE_SHARE",
            "of a full adder",
            "assumed",
            "a NOR gate has 4 transistors, a full adder 28 (Weste and Harris, CMOS VLSI Design)",
        ),
        (
            "components.digital",
            "_SELECTOR_SHARE",
            "of a full adder",
            "assumed",
            "a selector has 6 transistors, a full adder 28 (Weste and Harris, CMOS VLSI Design)",
        ),
        ("components.shift_add", "INPUT_BITS", "bit", "sourced", "NeuroSim V1.3 (388f421): its default input"),
        ("components.shift_add", "LANES", "shift-adds", "assumed", "128 columns, 8 to a converter"),
        (
            "components.neuron",
            "GATE",
            "of a full adder",
            "assumed",
            "a full adder takes about four 2-input gates per bit",
        ),
        (
            "components.htree",
            "WIRE_SIDES",
            "sides",
            "sourced",
            "wire of an H-tree with n leaves over a square: 1.5 sides times sqrt(n) - 1 (its geometry)",
        ),
        (
            "crossbar_parts",
            "MIDDLE_LEVEL",
            "of the highest level",
            "assumed",
            "mean level of cells on active rows where it was not measured",
        ),
        ("neuron_parts", "_SHAPE_BITS", "bit", "assumed", "affine parameters of workloads without arrays"),
        ("neuron_parts", "_EXIT_BITS", "bit", "assumed", "lane of the unit that decides on early exits"),
        ("neuron_parts", "_EXIT_ENTRIES", "entries", "assumed", "each table of that unit"),
        ("digital", "FLOAT_BITS", "bit", "sourced", "IEEE 754 single precision"),
        (
            "trace.law",
            "_NEUROSIM_DARK_UW",
            "uW",
            "simulator-validated",
            "NeuroSim V1.3 (388f421): a SAR converter whose column conducts nothing",
        ),
        (
            "trace.law",
            "_NEUROSIM_READ_VOLT",
            "V",
            "simulator-validated",
            "NeuroSim V1.3 (388f421): the read voltage that its SAR resistances are of",
        ),
    ),
    "spikesim_released": (
        ("released_equations", "NEURON_MEMORY_LAYERS", "layers", "sourced", _RELEASED),
        ("released_equations", "RELEASED_MUX", "columns per ADC", "sourced", _RELEASED),
        ("released_equations", "_OVERLAP_ENTRIES", "layers", "sourced", _RELEASED),
        ("released_equations", "_SUBTRACTORS", "per DIFF module", "sourced", _RELEASED),
        (
            "released_equations",
            "_REFERENCE_X",
            "rows",
            "sourced",
            f"{_RELEASED}: the crossbar that its constants are of",
        ),
    ),
}


def constants(hardware: Hardware) -> list[Constant]:
    """Every constant that the chip's cost library may use, with those of the files first and of plugins last.

    Raises:
        ConfigError: a file is not valid YAML.
    """
    found = [constant for path in constant_files(hardware) for constant in file_constants(path)]
    return found + list(_code_constants(hardware.cost.library)) + list(_plugin_constants(hardware))


def constant_files(hardware: Hardware) -> list[Path]:
    """The file of the chip's library, if one has its name; else its node's, what all nodes share, and calibrations.

    All calibrations count: the band of a cost is drawn from them, whichever the chip chose.
    """
    technology, library = bundled(config_dir("technology"), ".yaml"), hardware.cost.library
    if library in technology:
        return [technology[library]]
    shared = [name for name in technology if name not in _IN_CODE and not name.startswith("cmos_")]
    used = [technology[name] for name in (f"cmos_{hardware.technology.node_nm}nm", *shared)]
    return used + list(bundled(config_dir("calibrations"), ".yaml").values())


def file_constants(path: Path) -> list[Constant]:
    """The constants of one YAML file, in its order.

    A number is a mapping with `value` and `unit`, or a plain number whose name ends with its unit or stands below such
    a name (`energy_pj`); other plain numbers have none. Grade and source are those of the innermost mapping around it
    that has them; where a source has no grade, it is `sourced`. A number that no source covers says what the file is
    for (`node_nm`). In a row of a table the numbers without a physical unit say which row it is.
    """
    file = f"{path.parent.name}/{path.name}"
    return list(_walk(read_yaml(path)[0], "", {}, file))


def _walk(entry: Any, name: str, about: Mapping[str, Any], file: str) -> Iterator[Constant]:
    if isinstance(entry, Mapping):
        about = {**about, **{key: entry[key] for key in ("grade", "source", "unit") if key in entry}}
        for key, child in entry.items():
            place = name if key == "value" else f"{name}.{key}".lstrip(".")
            yield from _walk(child, place, {**about, "unit": _unit(key) or about.get("unit", "")}, file)
    elif isinstance(entry, list):
        for index, child in enumerate(entry):
            label, rest = _labelled(child, index)
            yield from _walk(rest, f"{name}[{label}]", about, file)
    elif isinstance(entry, int | float) and not isinstance(entry, bool) and "source" in about:
        grade, unit = about.get("grade", "sourced"), about["unit"] or "-"
        yield Constant(name, float(entry), str(unit), grade, str(about["source"]), file)


def _labelled(row: Any, index: int) -> tuple[str, Any]:
    """What names a row of a table, and its other entries; a row without such numbers has its place as name."""
    if not isinstance(row, Mapping):
        return str(index), row
    keys = [key for key, value in row.items() if isinstance(value, int | float) and _unit(key) in ("", "bit")]
    rest = {key: value for key, value in row.items() if key not in keys}
    return ",".join(f"{key}={row[key]:g}" for key in keys) or str(index), rest


_UNITS = {"pj": "pJ", "fj": "fJ", "pw": "pW", "uw": "uW", "ns": "ns", "um2": "um2", "mm": "mm", "nm": "nm"}
_UNITS |= {"ohm": "ohm", "volt": "V", "mhz": "MHz", "ff": "fF", "bits": "bit", "clocks": "clock"}


def _unit(name: str) -> str:
    """The unit at the end of a name (`per_mm_pj`: pJ/mm), or a count at its start (`bits_per_value`)."""
    words = name.split("_")
    last = _UNITS.get(words[-1], "")
    if last and len(words) > 2 and words[-3] == "per" and words[-2] in _UNITS:
        return f"{last}/{_UNITS[words[-2]]}"
    return last or (_UNITS.get(words[0], "") if words[1:2] == ["per"] else "")


def _code_constants(library: str) -> Iterator[Constant]:
    for module, name, unit, grade, source in _IN_CODE[library]:
        value = float(getattr(import_module(f"{__package__}.{module}"), name))
        yield Constant(f"{module}.{name.lstrip('_').lower()}", value, unit, grade, source, "code")


def _plugin_constants(hardware: Hardware) -> Iterator[Constant]:
    for kind, model in ((hardware.device.kind, hardware.device.model), (hardware.adc.kind, hardware.adc.model)):
        for name, value, unit, grade, source in model.constants if model else ():
            plugin = kind.plugin
            file = f"{plugin.distribution} {plugin.version}" if plugin else ""
            yield Constant(f"{kind.value}.{name}", float(value), unit, grade, source, file)
