"""Asks spikesim_py what a changed design costs, and how accurate it is if anyone has measured that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesim_py.activity import Activity
from spikesim_py.errors import SpikesimError
from spikesim_py.evaluate import accuracy_key, check_run, cost, design, measure
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.network import Network
from spikesim_py.rebuild import rebuild
from spikesim_py.report import Report

from ..reader import Reader
from ..workshop import Workshop

#: how a design is measured that no study has measured
_PLAIN = {"data": "digits", "split": "report", "samples": 600, "chips": 4, "seed": 0}


@dataclass(frozen=True)
class Base:
    """Where a page starts from.

    Attributes:
        name: what keeps two bases apart. network, hardware, activity: of it.
        report: its cost. run: how it was measured: data, split, samples, chips, seed.
    """

    name: tuple[str, ...]
    network: Network
    hardware: Hardware
    activity: Activity | None
    report: Report
    run: Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """An accuracy that somebody measured: its value, interval at 95 %, and what the layers saw meanwhile."""

    value: float
    interval: tuple[float, float]
    activity: Activity
    where: str


class Rooms:
    """The rooms of spikesim_py behind the page. It holds nothing about who asks."""

    def __init__(self, reader: Reader | None) -> None:
        self._reader, self._workshop = reader, Workshop()

    def base(self, selected: str | None, network: str, chip: str) -> Base:
        """The chosen design; without one, a network on a chip by their names."""
        name = (selected,) if selected else (network, chip)
        found: Base = self._workshop.get(name, lambda: self._stored(selected) if selected else _named(network, chip))
        return found

    def _stored(self, selected: str) -> Base:
        assert self._reader is not None
        report = self._reader.report(selected)
        network, hardware = rebuild(report, self._reader.sources())
        activity, accuracy, run = Activity.from_dict(report["activity"]), report["accuracy"], dict(_PLAIN)
        if accuracy:
            data, _, split = accuracy["data"].partition("/")
            run |= {"data": data, "split": split or "report", "samples": accuracy["samples"]}
            run |= {"chips": len(accuracy["chips"]), "seed": accuracy.get("seed", 0)}
        return Base((selected,), network, hardware, activity, cost(network, hardware, activity=activity), run)

    def changed(self, base: Base, changes: Mapping[str, Any]) -> tuple[Hardware, Report]:
        """The base with other fields, and its cost at the activity that is known of it, else at the base's."""
        hardware = load_hardware(base.hardware, changes)
        known = self.accuracy(base, hardware)
        activity = known.activity if known else base.activity
        return hardware, cost(base.network, hardware, activity=activity)

    def accuracy(self, base: Base, hardware: Hardware) -> Known | None:
        """What the study or an earlier run knows of this arithmetic; None if nobody has measured it."""
        if base.network.shape_only:
            return None
        key = self._key(base, hardware)
        return self._from_study(key) or self._workshop.known(("accuracy", key))

    def run(self, base: Base, hardware: Hardware) -> Known:
        """Measure it now; the next one who asks has it at once."""

        def make() -> Known:
            found = measure(base.network, hardware, **base.run)
            return Known(found.accuracy.value, found.accuracy.interval, found.activity, "measured here")

        known: Known = self._workshop.get(("accuracy", self._key(base, hardware)), make)
        return known

    def _key(self, base: Base, hardware: Hardware) -> str:
        run = {key: value for key, value in base.run.items() if key != "data"}
        dataset = check_run(base.network, data=base.run["data"], **run)
        run |= {"data": dataset.key, "samples": len(dataset)}
        return accuracy_key(base.network, hardware, **run)

    def _from_study(self, key: str) -> Known | None:
        """A design of the study whose arithmetic is the same."""
        if self._reader is None:
            return None
        try:
            frame = self._reader.frame()
            hits = np.flatnonzero(frame["accuracy_key"] == key)
            if not hits.size:
                return None
            found: Known = self._workshop.get(
                ("study", key), lambda: self._report_of(str(frame["report_hash"][hits[0]]))
            )
            return found
        except SpikesimError:
            return None

    def _report_of(self, report_hash: str) -> Known:
        assert self._reader is not None
        report = self._reader.report(report_hash)
        found, activity = report["accuracy"], Activity.from_dict(report["activity"])
        return Known(found["value"], tuple(found["interval"]), activity, "from the study")


def _named(network: str, chip: str) -> Base:
    net, hardware = design(network, chip)
    return Base((network, chip), net, hardware, None, cost(net, hardware), _PLAIN)
