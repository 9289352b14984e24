"""Asks spikesim_py to read a checkpoint, and what it is worth on a chip."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spikesim_py.datasets import network_data
from spikesim_py.datasets.catalogue import catalogue
from spikesim_py.datasets.request import parse
from spikesim_py.errors import InputError, SpikesimError, did_you_mean
from spikesim_py.evaluate import check_fits, cost, evaluate
from spikesim_py.hardware import Hardware, load_hardware, presets
from spikesim_py.importers import read_checkpoint
from spikesim_py.network import Network, quantize_network
from spikesim_py.rebuild import chip_of
from spikesim_py.report import Report

from ..reader import Reader
from ..workshop import Workshop
from .files import Files, Given

#: simulated chips and samples of a run that somebody waits for
MAX_SAMPLES, MAX_CHIPS = 1000, 16


@dataclass(frozen=True)
class Read:
    """A network, what was assumed of it, and the data sets here that have its input."""

    network: Network
    assumed: tuple[str, ...]
    data: tuple[str, ...]


class Rooms:
    """The rooms of spikesim_py behind the page. It holds nothing about who asks."""

    def __init__(self, reader: Reader | None, files: Files) -> None:
        self._reader, self.files = reader, files
        self._workshop = Workshop(kept=16)

    def read(self, file: Mapping[str, str], format: str, options: Mapping[str, Any]) -> Read:
        """The network of a file; raises `SpikesimError` with the owner's name of the file."""
        given = self.files.get(file["key"], file["name"])
        said, places = dict(options), [given]
        if file.get("architecture"):
            places.append(self.files.get(file["architecture"], file["architecture_name"]))
            said["architecture"] = str(places[1].path)
        key = ("read", *(place.version for place in places), str(given.path), format, tuple(sorted(said.items())))

        def make() -> Read:
            network, assumed = read_checkpoint(given.path, format or None, **{"name": _stem(given), **said})
            return Read(network, tuple(_told(line, places) for line in assumed), tuple(fitting(network)))

        try:
            found: Read = self._workshop.get(key, make)
        except SpikesimError as error:
            raise InputError(_told(str(error), places)) from None
        return found

    def run(self, network: Network, chip: str, data: str, samples: int, chips: int, bits: int | None) -> Report:
        """The report of a network on a chip; without data, its costs alone."""
        if data and parse(data).folder is not None:
            raise InputError(f"data = {data!r}: names a folder: a page opens none")
        if data and not (1 <= samples <= MAX_SAMPLES and 1 <= chips <= MAX_CHIPS):
            raise InputError(
                f"samples = {samples}, chips = {chips}: must be at most {MAX_SAMPLES} and {MAX_CHIPS} here"
            )
        if bits:
            calibration = network_data(network, data, "calibration").images if data else None
            network = quantize_network(network, bits, calibration=calibration)
        hardware = self.chip(chip)
        return evaluate(network, hardware, data=data, samples=samples, chips=chips) if data else cost(network, hardware)

    def chip(self, name: str) -> Hardware:
        """A bundled chip, or that of a design of the study (`design:HASH`); a browser names no file."""
        kind, _, design = name.partition(":")
        if kind == "design" and self._reader is not None:
            return chip_of(self._reader.report(design))
        if name not in presets():
            raise InputError(f"chip = {name!r}: is not bundled{did_you_mean(name, presets())}")
        return load_hardware(name)


def fitting(network: Network) -> list[str]:
    """Data sets on this machine that have the network's input."""
    if network.shape_only:
        return []
    coded = network.model.input.coding == "events"
    names = [entry.name for entry in catalogue() if entry.samples]
    names += [f"{name}:{coding}" for name in names for coding in ("poisson", "latency") if coded]
    return [name for name in names if _fits(network, name)]


def _fits(network: Network, name: str) -> bool:
    try:
        return check_fits(network, network_data(network, name, "report", 1)) > 0
    except SpikesimError:
        return False


def _stem(given: Given) -> str:
    """The name that the network gets: that of its owner's file."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", given.name.split(".")[0])[:60].strip("-") or "network"


def _told(text: str, places: list[Given]) -> str:
    """A message with the owner's names of files in the place of ours."""
    for place in places:
        text = text.replace(str(place.path), place.name)
    return text
