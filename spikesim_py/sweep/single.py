"""One design beside a study's sweeps: what its axes say of it, and how what was measured of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluate import Measurement, assemble, design_key
from ..hardware import Hardware
from ..network import Network
from ..network.precision import PREFIX
from .resolve import NetworkSource, Protocol, config_of
from .run import columns
from .space import Design, Space, Value
from .store import Store
from .study import Frame, Study


def axes_of(report_hash: str, space: Space, frame: Frame) -> dict[str, Any]:
    """Fields of the space's axes, and their values in one design of the study; those that it has."""
    rows = np.flatnonzero(frame.get("report_hash", np.array([], dtype=str)) == report_hash)
    if not rows.size:
        return {}
    known = {field: frame[field][rows[0]].item() for field in space.fields if field in frame}
    return {field: value for field, value in known.items() if value != "" and value == value}  # NaN: it has none


def network_changes(report_hash: str, space: Space, frame: Frame) -> list[dict[str, Value]]:
    """What a sweep may have changed of the network of a design: with the fields that all designs share, and without."""
    found = []
    for fields in (space.set | axes_of(report_hash, space, frame), axes_of(report_hash, space, frame)):
        changes = {name: _whole(value) for name, value in fields.items() if name.startswith(PREFIX)}
        found += [changes] if changes and changes not in found else []
    return found


def _whole(value: Any) -> Any:
    """A whole number that a column with gaps holds as a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def measured(path: Path, key: str) -> Measurement | None:
    """An accuracy that a study holds; raises `StoreError` if the file is none."""
    with Store.read(path) as store:
        try:
            return store.measurement(key)
        except KeyError:
            return None


def keep(
    path: Path,
    source: NetworkSource,
    network: Network,
    hardware: Hardware,
    axes: Mapping[str, Value],
    found: Measurement,
) -> bool:
    """Store what was measured of a design, and the design itself where the study measures all of its designs so.

    Others may write to the study meanwhile: a sweep, or a second page.

    Args:
        axes: fields that tell the design from others: columns of the study.

    Returns:
        Whether the design is one of the study's.

    Raises:
        StoreError: the study cannot be written, or holds results of another model.
    """
    space, key = Study(path).space, found.accuracy.key
    found = replace(found, activity=replace(found.activity, each=None))  # a study holds means
    design = Design(axes, source, network, hardware, design_key(network, hardware, key), key)
    alike = Protocol.of(space).key(network, hardware) == key
    report = assemble(network, hardware, found) if alike else None
    with Store.write(path, space, resume=True) as store, store.together():
        store.add_measurement(key, found, config_of(design))
        if report is not None and design.key not in store.finished():
            store.add_design(space.size, design, report, columns(design, report))  # behind those of the space
    return alike
