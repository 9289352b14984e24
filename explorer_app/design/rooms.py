"""Asks spikesim_py what the page wants to know of a stored design, once for each question."""

from __future__ import annotations

from typing import Any

from spikesim_py.compare import degradation
from spikesim_py.crossbar import layer_adc
from spikesim_py.crossbar.maps import crossbar_maps
from spikesim_py.datasets import network_data
from spikesim_py.errors import InputError
from spikesim_py.figures.crossbar import SumHistogram, sum_histogram
from spikesim_py.figures.degradation import chain_data
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.importers import load_network
from spikesim_py.inference.calibrate import column_sums, ranged
from spikesim_py.mapping import map_network
from spikesim_py.network import Network
from spikesim_py.noc_report import noc_report
from spikesim_py.rebuild import chip_of

from ..again import source_in
from ..reader import Reader
from ..workshop import Workshop

Report = dict[str, Any]


class Rooms:
    """The rooms of spikesim_py behind the page; `images` are those whose column sums are counted."""

    images = 32

    def __init__(self, reader: Reader, workshop: Workshop) -> None:
        self.reader, self._workshop = reader, workshop

    def design(self, report: Report) -> tuple[Network, Hardware]:
        """The network and chip of a report."""

        def make() -> tuple[Network, Hardware]:
            return source_in(self.reader, report).load(), chip_of(report)

        found: tuple[Network, Hardware] = self._workshop.get(("design", report["report_hash"]), make)
        return found

    def mesh(self, report: Report) -> dict[str, Any]:
        """The mesh under the spikes of a few images."""

        def make() -> dict[str, Any]:
            network, hardware = self.design(report)
            data = None if network.shape_only else _data(report)
            return noc_report(network, hardware, data=data, fidelity="event").to_dict()

        found: dict[str, Any] = self._workshop.get(("mesh", report["report_hash"]), make)
        return found

    def maps(self, report: Report, layer: str, crossbar: int, chip: int, wires: str) -> dict[str, Any]:
        """One crossbar of one device instance; `wires` is another topology than that of the chip, if any."""

        def make() -> dict[str, Any]:
            network, hardware = self.design(report)
            mapping = map_network(network, load_hardware(hardware, {"wires.topology": wires} if wires else {}))
            return crossbar_maps(mapping, layer, crossbar, seed=_seed(report), chip=chip).to_dict()

        key = ("maps", report["report_hash"], layer, crossbar, chip, wires)
        found: dict[str, Any] = self._workshop.get(key, make)
        return found

    def sums(self, report: Report, layer: str) -> SumHistogram:
        """What the converters of a layer meet on a few images."""

        def make() -> dict[str, SumHistogram]:
            network, hardware = self.design(report)
            images = network_data(network, _data(report), "report", self.images)
            hardware = ranged(network, hardware, images)
            plans = map_network(network, hardware).layers
            sums = column_sums(network, hardware, images)
            return {name: sum_histogram(own, layer_adc(plans[name], hardware)) for name, own in sums.items()}

        found: dict[str, SumHistogram] = self._workshop.get(("sums", report["report_hash"]), make)
        if layer not in found:
            raise InputError(f"layer {layer!r}: is on no crossbars, so that it has no converters")
        return found[layer]

    def chain(self, report: Report, samples: int, *, run: bool) -> list[dict[str, Any]] | None:
        """The chain of errors; None if it was not run yet and shall not be."""
        key = ("chain", report["report_hash"], samples)
        chips = len(report["accuracy"]["chips"]) if report["accuracy"] else 1

        def make() -> list[dict[str, Any]]:
            network, hardware = self.design(report)
            run_on: dict[str, Any] = {"data": _data(report), "samples": samples, "chips": chips, "seed": _seed(report)}
            read = load_network(source_in(self.reader, report).source)  # before a sweep quantized it
            run_on["full_precision"] = read if read.arithmetic == "float" else None
            return chain_data(degradation(network, hardware, **run_on))

        found: list[dict[str, Any]] | None = self._workshop.get(key, make) if run else self._workshop.known(key)
        return found


def _data(report: Report) -> str:
    """The data set that a report was measured on; the bundled digits where it was not."""
    return str(report["accuracy"]["data"]).partition("/")[0] if report["accuracy"] else "digits"


def _seed(report: Report) -> int:
    return int(report["accuracy"].get("seed", 0)) if report["accuracy"] else 0
