"""Cell currents of an evaluated network: exact, from real spikes and real cells, beside the cost model's means.

The parametric cost model multiplies means: ``rate x rows x columns x V^2 G(mean level) t``. It knows how often each row
was active and the mean *ideal* level of its cells; it does not know what programming errors, stuck cells, age and wires
made of them. Here every cell is what the chip holds and every read is a read that the network made. All else that a
crossbar's energy consists of (lines, drivers, conversions) is in proportion to counts that activity measures exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activity import LayerActivity
from .cost.components import converter
from .cost.components.array import mean_siemens
from .cost.crossbar_parts import MIDDLE_LEVEL
from .cost.technology import load_technology
from .cost.trace import ConversionLaw, column_energy_fj, conversion_fj, linear_law, planes
from .crossbar import ProgrammedLayer, column_siemens, gated_siemens
from .crossbar.repair import repaired
from .datasets import Dataset
from .errors import ConfigError, InputError
from .hardware import Hardware, Topology
from .inference import simulate
from .mapping import Cells, map_network
from .network import Network


@dataclass(frozen=True, eq=False)
class LayerCurrent:
    """Energy of a layer's cell currents per inference, in pJ.

    Attributes:
        samples_pj: (chips, samples) exact.
        mean_field_pj: of the activity that was measured meanwhile, rate x the mean ideal level of the cells on active
            rows: what the cost model takes after an evaluation.
        middle_pj: the same with every cell at its middle level: what it takes where only the rate is known.
    """

    samples_pj: NDArray[np.float64]
    mean_field_pj: float
    middle_pj: float

    @property
    def exact_pj(self) -> float:
        """Mean over samples and chips."""
        return float(self.samples_pj.mean())

    @property
    def mean_field_error(self) -> float:
        """The mean-field number over the exact one, less 1; 0 where no current flows."""
        return self.mean_field_pj / self.exact_pj - 1 if self.exact_pj else 0.0

    def percentile_pj(self, percent: float) -> float:
        """Over samples, each the mean of all chips: 5 and 95 say how much single inferences differ."""
        return float(np.percentile(self.samples_pj.mean(0), percent))


def crossbar_energy(
    network: Network,
    hardware: Hardware,
    dataset: Dataset,
    *,
    chips: int = 1,
    seed: int = 0,
    law: ConversionLaw | None = None,
) -> dict[str, LayerCurrent]:
    """Cell currents of every layer on crossbars, while a dataset is classified.

    With wires, a cell counts as what it delivers to its column; what rows at 0 V and unselected columns take is not
    counted, nor are dummy columns. Read noise has a mean of 0 and is left out.

    Args:
        network, hardware, dataset, chips, seed: as for `inference.simulate`. Where chips cannot differ, one stands
            for all.
        law: energy of every conversion over its column's conductance (None: the cost model's current, without the
            converter). A law with a converter, such as `neurosim_sar`, puts it into all numbers.

    Raises:
        ConfigError: the chip's cost library or converters know no cell currents, or its idle rows float.
        InputError: the network is a float network, which runs on no crossbar, and as for `simulate`.
    """
    if network.arithmetic == "float":
        raise InputError(f"float network {network.name!r} runs on no crossbar: quantize it first")
    if hardware.cost.library != "parametric":
        raise ConfigError(f"cost.library = {hardware.cost.library}: it has no cell currents; use parametric")
    if hardware.digital_crossbar:
        raise ConfigError(f"adc.kind = {hardware.adc.kind.value}: cells behind an adder tree carry no column current")
    meter = _Meter(network, hardware, seed, law)
    activity = simulate(network, hardware, dataset, chips=chips, seed=seed, probe=meter.add).activity
    return {name: meter.current(name, activity.layers[name]) for name in meter.pj}


class _Meter:
    """Watches layers being read; `pj[layer][chip]` is what each sample drew."""

    def __init__(self, network: Network, hardware: Hardware, seed: int, law: ConversionLaw | None) -> None:
        self.pj: dict[str, dict[int, list[float]]] = {}
        self._mapping, self._seed, self._law = map_network(network, hardware), seed, law
        self._chip, self._written = 0, dict[str, tuple[Cells, NDArray[np.float64]]]()

    def add(self, chip: int, layer: ProgrammedLayer, x: NDArray[Any]) -> None:
        """The samples of one batch; see `simulate`."""
        cells, siemens = self._cells(chip, layer.name)
        law, flat = self._law or self._linear(layer.name), layer.window.flatten(x)
        drawn = self.pj.setdefault(layer.name, {}).setdefault(chip, [])
        for start in range(0, len(flat), layer.steps):
            reads = flat[start : start + layer.steps]
            drawn.append(_sample_pj(layer, cells, siemens, reads, law, self._mapping.hardware))

    def current(self, name: str, activity: LayerActivity) -> LayerCurrent:
        """A layer's record, once all samples are read."""
        assert activity.background is not None  # a layer on crossbars is measured
        exact = np.array(list(self.pj[name].values()))
        mean_field = self._mean_field_pj(name, activity.rate, activity.background)
        return LayerCurrent(exact, mean_field, self._mean_field_pj(name, activity.rate, MIDDLE_LEVEL))

    def _cells(self, chip: int, name: str) -> tuple[Cells, NDArray[np.float64]]:
        """A layer as it is written on a chip; chips come one after the other."""
        if chip != self._chip:
            self._chip, self._written = chip, {}
        if name not in self._written:
            hardware = self._mapping.hardware
            cells = repaired(self._mapping.cells(name), hardware, seed=self._seed, chip=chip)
            self._written[name] = cells, column_siemens(cells, hardware, seed=self._seed, chip=chip)
        return self._written[name]

    def _linear(self, name: str) -> ConversionLaw:
        hardware = self._mapping.hardware
        tech = load_technology(hardware.technology.node_nm)
        return linear_law(hardware, converter(tech, hardware, hardware.adc.bits_of(name)))

    def _mean_field_pj(self, name: str, rate: float, level: float) -> float:
        """Every column as if it had the mean number of active rows, with cells of the mean level."""
        cells, _ = self._written[name]
        plan, hardware = cells.plan, self._mapping.hardware
        siemens = rate * mean_siemens(hardware, level) * np.array([len(rows) for rows in cells.conversion_blocks])
        columns = plan.outputs * cells.columns.count
        return float(conversion_fj(siemens, self._law or self._linear(name)).sum()) * columns * plan.reads * 1e-3


def _sample_pj(
    layer: ProgrammedLayer,
    cells: Cells,
    siemens: NDArray[np.float64],
    flat: NDArray[Any],
    law: ConversionLaw,
    hardware: Hardware,
) -> float:
    """What one sample's reads (steps, values) draw."""
    window, total = layer.window, 0.0
    for group, own in enumerate(siemens):
        starts = window.bases[:, None] + group * window.group_stride
        for rows in cells.conversion_blocks:
            active = planes(flat[:, starts + window.offsets[rows]].reshape(-1, len(rows)), window.planes)
            columns = own[rows].reshape(len(rows), -1)
            if hardware.wires.topology is Topology.GATED_1T1R:
                total += _gated_fj(columns, active, _crossbars(rows, cells), law, hardware)
            else:
                total += float(column_energy_fj(columns, active, law).sum())
    return total * 1e-3


def _gated_fj(
    siemens: NDArray[np.float64], active: NDArray[np.uint8], parts: list[slice], law: ConversionLaw, hardware: Hardware
) -> float:
    """As `column_energy_fj`, over all columns, of crossbars whose currents join: every read is solved."""
    conductance = np.sum([gated_siemens(siemens[rows], active[:, rows], hardware) for rows in parts], axis=0)
    return float(conversion_fj(conductance, law).sum())


def _crossbars(rows: NDArray[np.int64], cells: Cells) -> list[slice]:
    """Where each crossbar's rows lie in those of a conversion."""
    sizes = [len(block) for block in cells.row_blocks if block[0] in rows]
    return [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
