"""From a design of the open study back to its network."""

from __future__ import annotations

from typing import Any

from spikesim_py.errors import SpikesimError
from spikesim_py.rebuild import source_of
from spikesim_py.sweep.resolve import NetworkSource
from spikesim_py.sweep.single import network_changes

from .reader import Reader


def source_in(reader: Reader, report: dict[str, Any]) -> NetworkSource:
    """Where the network of a report was read, and what its sweep changed of it; raises `InputError` if nobody knows."""
    try:
        changes = network_changes(report["report_hash"], reader.study().space, reader.frame())
    except SpikesimError:
        changes = []
    return source_of(report, reader.sources(), changes)
