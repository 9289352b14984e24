"""Asks spikesim_py what a changed design costs, and how accurate it is if anyone has measured that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikesim_py.activity import Activity
from spikesim_py.errors import InputError, SpikesimError, did_you_mean
from spikesim_py.evaluate import Measurement, accuracy_key, check_run, cost, design, measure
from spikesim_py.hardware import Hardware, load_hardware, presets
from spikesim_py.network import Network
from spikesim_py.network.files import workloads, zoo
from spikesim_py.rebuild import chip_of
from spikesim_py.report import Report
from spikesim_py.sweep.resolve import NetworkSource
from spikesim_py.sweep.single import axes_of, keep, measured

from ..again import source_in
from ..reader import Reader
from ..workshop import Workshop

#: how a design is measured that no study has measured
_PLAIN = {"data": "digits", "split": "report", "samples": 600, "chips": 4, "seed": 0}
#: where a measured accuracy is, in words
_LISTED = "measured here, now a design of the study"
_BESIDE = "stored in the study, beside its designs"


@dataclass(frozen=True)
class Base:
    """Where a page starts from.

    Attributes:
        name: what keeps two bases apart. source: where its network was read. network, hardware, activity: of it.
        report: its cost. run: how it was measured: data, split, samples, chips, seed.
        axes: fields of the study's axes, and their values here.
    """

    name: tuple[str, ...]
    source: NetworkSource
    network: Network
    hardware: Hardware
    activity: Activity | None
    report: Report
    run: Mapping[str, Any]
    axes: Mapping[str, Any] = field(default_factory=dict)


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

    def chosen(self, selected: str | None, start: str) -> str | None:
        """The chosen design, where the page starts from it and it can: an imported one has no report."""
        known = self._reader is not None and start == "design" and not self._reader.imported()
        return selected if known else None

    def base(self, selected: str | None, network: str, chip: str) -> Base:
        """The chosen design; without one, a network on a chip by their names."""
        name = (selected,) if selected else (network, chip)
        found: Base = self._workshop.get(name, lambda: self._stored(selected) if selected else _named(network, chip))
        return found

    def _stored(self, selected: str) -> Base:
        assert self._reader is not None
        report = self._reader.report(selected)
        source, hardware = source_in(self._reader, report), chip_of(report)
        network, space = source.load(), self._reader.study().space
        activity, accuracy, run = Activity.from_dict(report["activity"]), report["accuracy"], dict(_PLAIN)
        if accuracy:
            data, _, split = accuracy["data"].partition("/")
            run |= {"data": data, "split": split or "report", "samples": accuracy["samples"]}
            run |= {"chips": len(accuracy["chips"]), "seed": accuracy.get("seed", 0)}
        costed, axes = cost(network, hardware, activity=activity), axes_of(selected, space, self._reader.frame())
        return Base((selected,), source, network, hardware, activity, costed, run, axes)

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
        return self._from_study(key) or self._workshop.known(("accuracy", key)) or self._measured(key)

    def run(self, base: Base, hardware: Hardware, changes: Mapping[str, Any]) -> Known:
        """Measure it now, and store it in the study; the next one who asks has it at once.

        Args:
            changes: what of the chip is not as in the base.
        """

        def make() -> Known:
            found = measure(base.network, hardware, **base.run)
            told = self._keep(base, hardware, changes, found)
            return Known(found.accuracy.value, found.accuracy.interval, found.activity, told)

        known: Known = self._workshop.get(("accuracy", self._key(base, hardware)), make)
        return known

    def _keep(self, base: Base, hardware: Hardware, changes: Mapping[str, Any], found: Measurement) -> str:
        """Where it is now, in words; a study that cannot be written keeps nobody from an answer."""
        if self._reader is None:
            return "measured here; without a study it is kept until the server stops"
        try:
            axes = {name: value for name, value in {**base.axes, **changes}.items() if value is not None}
            listed = keep(self._reader.path, base.source, base.network, hardware, axes, found)
        except SpikesimError as error:
            return f"measured here, but not stored: {error}"
        return _LISTED if listed else _BESIDE

    def _measured(self, key: str) -> Known | None:
        """An accuracy that the study holds beside its designs."""
        if self._reader is None:
            return None
        try:
            found = measured(self._reader.path, key)
        except SpikesimError:
            return None
        if found is None:
            return None
        return Known(found.accuracy.value, found.accuracy.interval, found.activity, _BESIDE)

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
            hits = np.flatnonzero(frame.get("accuracy_key", np.array([], dtype=str)) == key)  # a new study has none
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
    """Of bundled names: a browser names no file."""
    for what, name, known in (("network", network, zoo() | workloads()), ("chip", chip, presets())):
        if name not in known:
            raise InputError(f"{what} = {name!r}: is not bundled{did_you_mean(str(name), known)}")
    net, hardware = design(network, chip)
    return Base((network, chip), NetworkSource(network), net, hardware, None, cost(net, hardware), _PLAIN)
