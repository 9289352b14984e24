"""Exact cell currents of networks on chips, against naive sums, the cost model, and the means that it multiplies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import tiny_images

from spikesim_py import cost
from spikesim_py.activity import Activity
from spikesim_py.cost.components import converter
from spikesim_py.cost.technology import load_technology
from spikesim_py.cost.trace import ConversionLaw, linear_law, neurosim_sar
from spikesim_py.crossbar import column_siemens, gated_siemens
from spikesim_py.crossbar.device import siemens
from spikesim_py.crossbar.ladder import ladder_of
from spikesim_py.crossbar.ladder.reference import ladder_currents
from spikesim_py.crossbar.wires import circuit
from spikesim_py.crossbar_energy import LayerCurrent, crossbar_energy
from spikesim_py.datasets import Dataset
from spikesim_py.errors import ConfigError, InputError
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import simulate, simulation
from spikesim_py.mapping import map_network
from spikesim_py.network import Network, load_network

EXACT: dict[str, Any] = {"device.program_sigma": 0.0, "device.stuck_on_rate": 0.0, "device.stuck_off_rate": 0.0}
SMALL: dict[str, Any] = {"crossbar.rows": 16, "crossbar.cols": 32}


def chip(**more: Any) -> Hardware:
    return load_hardware("rram_32nm", SMALL | {name.replace("__", "."): value for name, value in more.items()})


def ideal_cells(**more: Any) -> Hardware:
    """Cells at exactly their levels, with the off state's background."""
    return load_hardware("rram_32nm", SMALL | EXACT | {name.replace("__", "."): value for name, value in more.items()})


def dataset(samples: int = 6, seed: int = 1) -> Dataset:
    return Dataset("random", tiny_images(samples, 3, seed), np.zeros(samples, np.int64))


def measured(network: Network, hardware: Hardware, data: Dataset, **more: Any) -> dict[str, LayerCurrent]:
    return crossbar_energy(network, hardware, data, **more)


@pytest.mark.parametrize("rows", ["unrolled", "spikeflow"])
@pytest.mark.parametrize("signs", ["differential", "offset", "offset_negative", "twos_complement"])
@pytest.mark.parametrize("bits", [1, 2])
def test_cells_at_their_levels_leave_the_cost_model_right(tiny: Network, rows: str, signs: str, bits: int) -> None:
    hardware = ideal_cells(mapping__rows=rows, mapping__signs=signs, device__cell_bits=bits)
    for current in measured(tiny, hardware, dataset()).values():
        assert current.exact_pj > 0
        assert current.mean_field_pj == pytest.approx(current.exact_pj, rel=1e-6)


def test_interleaved_pairs_too(tiny: Network) -> None:
    for current in measured(tiny, ideal_cells(mapping__subtract="interleaved"), dataset()).values():
        assert current.mean_field_error == pytest.approx(0.0, abs=1e-6)


def test_the_mean_field_is_what_the_cost_model_adds_for_a_level(tiny: Network) -> None:
    """Raising the mean level of a measured activity raises the crossbar's energy by the mean-field's difference."""
    hardware = ideal_cells()
    currents = measured(tiny, hardware, dataset())
    activity = simulate(tiny, hardware, dataset()).activity
    middle = {name: replace(layer, background=0.5) for name, layer in activity.layers.items()}
    trees = [cost(tiny, hardware, activity=Activity(layers, "given")).tree for layers in (middle, activity.layers)]
    for name, current in currents.items():
        leaves = [tree.child(name).child("crossbar").energy_pj for tree in trees]
        assert leaves[0] - leaves[1] == pytest.approx(current.middle_pj - current.mean_field_pj, rel=1e-6)


def test_every_read_meets_every_cell(tiny: Network) -> None:
    """conv2 has groups, a stride and padding: the current is counted one value at a time."""
    hardware, data = chip(), dataset(2)
    current = measured(tiny, hardware, data, seed=3)["conv2"]
    seen: list[np.ndarray] = []
    simulate(tiny, hardware, data, seed=3, probe=lambda _, layer, x: seen.append(x) if layer.name == "conv2" else None)
    mapping = map_network(tiny, hardware)
    own = column_siemens(mapping.cells("conv2"), hardware, seed=3, chip=0).sum((2, 3))
    x = np.pad(np.concatenate(seen), ((0, 0), (0, 0), (1, 1), (1, 1)))
    total = 0.0
    for group in range(2):
        for channel in range(3):
            for tap in range(9):
                part = x[:, group * 3 + channel, tap // 3 :, tap % 3 :]
                spikes = np.bitwise_count(part[:, : x.shape[2] - 2 : 2, : x.shape[3] - 2 : 2][:, :3, :3])
                total += float(spikes.sum()) * own[group, channel * 9 + tap]
    tech = load_technology(32)
    slope = linear_law(hardware, converter(tech, hardware, hardware.adc.bits_of("conv2"))).slope_fj
    assert current.exact_pj * len(data) == pytest.approx(total * slope * 1e-3, rel=1e-6)


def test_neither_order_nor_batches_of_samples_matter(tiny: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    data, hardware = dataset(8), chip()
    turned = Dataset("turned", data.images[::-1].copy(), data.labels)
    whole, backwards = measured(tiny, hardware, data), measured(tiny, hardware, turned)
    monkeypatch.setattr(simulation, "batch_size", lambda network: 3)
    batches = measured(tiny, hardware, data)
    for name, current in whole.items():
        assert np.array_equal(current.samples_pj, batches[name].samples_pj)
        assert np.array_equal(current.samples_pj, backwards[name].samples_pj[:, ::-1])


def test_chips_differ_and_their_mean_is_near_the_levels(tiny: Network) -> None:
    current = measured(tiny, chip(), dataset(), chips=3)["conv1"]
    assert current.samples_pj.shape == (3, 6)
    assert len(np.unique(current.samples_pj.mean(1))) == 3
    assert 0 < abs(current.mean_field_error) < 0.1
    assert current.percentile_pj(5) < current.exact_pj < current.percentile_pj(95)


@pytest.mark.parametrize("topology", ["passive", "pseudo_1t1r"])
def test_wires_take_current(tiny: Network, topology: str) -> None:
    """More ohms, less current; without ohms, all of it."""
    drawn = []
    for ohm in (1e-6, 1.0, 5.0):
        fields = {"wires__topology": topology, "wires__word_ohm": ohm, "wires__bit_ohm": ohm}
        fields |= {"device__access_ohm": 0.0} if topology == "pseudo_1t1r" else {}
        drawn.append(measured(tiny, ideal_cells(**fields), dataset())["conv1"].exact_pj)
    assert drawn[0] == pytest.approx(measured(tiny, ideal_cells(), dataset())["conv1"].exact_pj, rel=1e-6)
    assert drawn[0] > drawn[1] > drawn[2] > 0


def test_a_silent_network_draws_nothing(tiny: Network) -> None:
    dark = Dataset("dark", np.zeros((2, 2, 6, 6), np.uint8), np.zeros(2, np.int64))
    for current in measured(tiny, chip(), dark).values():
        assert (current.exact_pj, current.mean_field_pj, current.mean_field_error) == (0, 0, 0)


def test_a_law_with_a_converter_puts_it_into_all_numbers(tiny: Network) -> None:
    """A constant law counts conversions; NeuroSim's, whose base it is, adds the current to them."""
    hardware = ideal_cells()
    plan = map_network(tiny, hardware).layers["conv1"]
    one = measured(tiny, hardware, dataset(), law=ConversionLaw(1.0, 0.0, 1.0, 1.0))["conv1"]
    assert one.exact_pj == pytest.approx(plan.conversions * 1e-3)
    assert one.mean_field_pj == pytest.approx(plan.conversions * 1e-3)
    sar = neurosim_sar(load_technology(32), 5, hardware.device.read_volt)
    full = measured(tiny, hardware, dataset(), law=replace(sar, dark_fj=sar.base_fj))["conv1"]
    assert full.exact_pj > plan.conversions * sar.base_fj * 1e-3
    assert full.mean_field_pj == pytest.approx(full.exact_pj, rel=0.01)


def test_column_siemens_are_the_cells(tiny: Network) -> None:
    hardware = ideal_cells()
    cells = map_network(tiny, hardware).cells("conv1")
    columns = column_siemens(cells, hardware, seed=0, chip=0)
    groups, rows, kinds, outputs = columns.shape
    levels = cells.levels.reshape(groups, rows, outputs, kinds).swapaxes(2, 3)
    assert columns == pytest.approx(siemens(levels, hardware.device), rel=1e-6)


def test_gated_reads_are_the_ladders(tiny: Network) -> None:
    hardware = chip(wires__topology="gated_1t1r", wires__source_ohm=2.0, device__access_ohm=500.0)
    cells = map_network(tiny, hardware).cells("conv1")
    rows = cells.row_blocks[0]
    own = column_siemens(cells, hardware, seed=0, chip=0)[0, rows].reshape(len(rows), -1)
    wires = circuit(hardware)
    assert wires is not None
    active = np.random.default_rng(0).random((20, len(rows))) < 0.3
    ladder = ladder_of(wires, hardware.crossbar.rows, 1e-6)
    expected = [ladder_currents(own * 1e6, np.flatnonzero(read), 0, ladder)[0] * 1e-6 for read in active]
    assert gated_siemens(own, active, hardware) == pytest.approx(np.array(expected), rel=1e-5)


@pytest.mark.parametrize("fields", [{}, {"mapping__rows": "spikeflow", "mapping__tap_sum": "analog_sum"}])
def test_gated_wires_take_current(tiny: Network, fields: dict[str, Any]) -> None:
    """Without ohms a ladder is a sum; the more ohms, the less current."""
    fields |= {"mapping__subtract": "digital", "device__access_ohm": 0.0}
    plain = measured(tiny, ideal_cells(**fields), dataset())["conv2"].exact_pj
    ohms = {ohm: {"wires__topology": "gated_1t1r", "wires__bit_ohm": ohm} for ohm in (0.0, 5.0, 50.0)}
    drawn = [measured(tiny, ideal_cells(**fields, **more), dataset())["conv2"].exact_pj for more in ohms.values()]
    assert drawn[0] == pytest.approx(plain, rel=1e-5)
    assert drawn[0] > drawn[1] > drawn[2] > 0


def test_rows_that_float_are_refused(tiny: Network) -> None:
    with pytest.raises(ConfigError, match=r"wires\.inactive_rows = floating"):
        measured(tiny, chip(wires__topology="passive", wires__inactive_rows="floating"), dataset())


def test_chips_and_networks_without_cell_currents_are_refused(tiny: Network) -> None:
    with pytest.raises(ConfigError, match=r"cost\.library = spikesim_released"):
        measured(tiny, load_hardware("spikesim_released"), dataset())
    digital = load_hardware("sram_32nm", {"adc.kind": "adder_tree", "crossbar.mux": 1, "device.mismatch_sigma": 0})
    with pytest.raises(ConfigError, match="adder_tree"):
        measured(tiny, digital, dataset())
    with pytest.raises(InputError, match="quantize"):
        measured(load_network("digits-fp"), chip(), dataset())
