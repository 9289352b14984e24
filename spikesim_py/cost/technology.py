"""The coefficients of one CMOS node: `configs/technology/cmos_<node>nm.yaml`, with unit, source and grade.

A file is a mapping of groups, one per circuit. A group has a `grade`, a `source` and coefficients, each
`{value, unit}`. The laws that the coefficients enter stand in `spikesim_py/cost/components/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from .._resources import config_dir
from .._yaml import read_yaml
from ..errors import ConfigError
from .tree import Grade


@dataclass(frozen=True)
class Group:
    """Coefficients of one circuit, by name; `group["area"]` is a value in the unit of the file."""

    name: str
    grade: Grade
    source: str
    values: Mapping[str, float]
    units: Mapping[str, str]

    def __getitem__(self, key: str) -> float:
        return self.values[key]


@dataclass(frozen=True)
class Router:
    """A 5-port mesh router: energy per flit of each of its parts and per clock cycle in pJ, area in um2."""

    write_pj: float
    read_pj: float
    crossbar_pj: float
    arbiter_pj: float
    clock_pj: float
    area_um2: float


@dataclass(frozen=True)
class Link:
    """A repeated wire: energy per flit of `bits` bits is base_pj + per_mm_pj x length."""

    base_pj: float
    per_mm_pj: float
    repeater_um2: float
    bits: int


@dataclass(frozen=True)
class NocTable:
    """Routers by (flit bits, virtual channels, flits per buffer), and the links between them."""

    grade: Grade
    source: str
    routers: Mapping[tuple[int, int, int], Router]
    link: Link


@dataclass(frozen=True, eq=False)
class Technology:
    """Circuits of one node; `scaled_from_nm` is the node from which all of them were scaled, if they were."""

    node_nm: int
    groups: Mapping[str, Group]
    noc: NocTable
    scaled_from_nm: int | None = None

    def __getitem__(self, name: str) -> Group:
        return self.groups[name]

    @property
    def vdd_volt(self) -> float:
        return self.groups["process"]["vdd"]

    @property
    def notes(self) -> list[str]:
        """What a reader of this node's numbers must know."""
        if self.scaled_from_nm:
            base = self.scaled_from_nm
            return [
                f"circuits and NoC at {self.node_nm} nm: scaled from {base} nm by published tables (docs/scaling.md)"
            ]
        if self.noc.grade == "assumed":
            return [f"NoC at {self.node_nm} nm: DSENT at 45 and 32 nm, extrapolated"]
        return []


@lru_cache(maxsize=16)
def load_technology(node_nm: int) -> Technology:
    """The bundled circuits of a node (65 to 7 nm); raises `ConfigError` if its file is broken."""
    return read_technology(config_dir("technology") / f"cmos_{node_nm}nm.yaml")


def read_technology(path: Path) -> Technology:
    """Circuits from a YAML file; raises `ConfigError` that names the file, the line and the key."""
    data, lines = read_yaml(path)
    try:
        noc, node = data.pop("noc"), data.pop("node_nm")
    except KeyError as missing:
        raise ConfigError(f"{path}: {missing.args[0]}: is missing") from None
    base = data.pop("scaled_from_nm", None)
    groups = {name: _group(name, entry, path, lines) for name, entry in data.items()}
    return Technology(int(node), groups, _noc(noc, path, lines), base)


def read_groups(path: Path) -> dict[str, Group]:
    """Groups of coefficients from a YAML file; raises `ConfigError` that names the file, the line and the key."""
    data, lines = read_yaml(path)
    return {name: _group(name, entry, path, lines) for name, entry in data.items()}


@lru_cache(maxsize=16)
def load_calibration(name: str) -> Mapping[str, Group]:
    """The groups of `configs/calibrations/<name>.yaml`; raises `ConfigError` if the file is broken."""
    path = config_dir("calibrations") / f"{name}.yaml"
    data, lines = read_yaml(path)
    return {group: _group(group, entry, path, lines) for group, entry in data.items()}


def _graded(name: str, entry: Any, path: Path, lines: dict[str, int]) -> dict[str, Any]:
    """The coefficients of a group whose grade and source are well formed."""
    if not isinstance(entry, dict) or entry.get("grade") not in get_args(Grade) or not entry.get("source"):
        allowed = ", ".join(get_args(Grade))
        raise ConfigError(f"{path}:{lines[name]}: {name}: needs a source and a grade of {allowed}")
    return {key: value for key, value in entry.items() if key not in ("grade", "source")}


def _group(name: str, entry: Any, path: Path, lines: dict[str, int]) -> Group:
    coefficients = _graded(name, entry, path, lines)
    for key, given in coefficients.items():
        if not (isinstance(given, dict) and set(given) == {"value", "unit"} and _is_number(given["value"])):
            raise ConfigError(f"{path}:{lines[f'{name}.{key}']}: {name}.{key}: must be {{value: number, unit: text}}")
    values = {key: float(given["value"]) for key, given in coefficients.items()}
    units = {key: str(given["unit"]) for key, given in coefficients.items()}
    return Group(name, entry["grade"], entry["source"], values, units)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _noc(entry: Any, path: Path, lines: dict[str, int]) -> NocTable:
    parts = _graded("noc", entry, path, lines)
    try:
        routers = {
            (row["flit_bits"], row["vcs"], row["buffer_flits"]): Router(
                **{part.name: float(row[part.name]) for part in fields(Router)}
            )
            for row in parts["routers"]
        }
        return NocTable(entry["grade"], entry["source"], routers, Link(**parts["link"]))
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}:{lines['noc']}: noc: routers or link are malformed: {error}") from None
