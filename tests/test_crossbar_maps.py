"""Maps of single crossbars, held against the cells that inference reads and the circuits that it solves."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tiny_network

from spikesim_py.crossbar import Wires, column_siemens, transfer_matrix
from spikesim_py.crossbar.ladder.circuit import ladder_of
from spikesim_py.crossbar.ladder.reference import ladder_currents
from spikesim_py.crossbar.maps import crossbar_maps
from spikesim_py.errors import InputError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network

SMALL = {"crossbar.rows": 16, "crossbar.cols": 16, "crossbar.mux": 2}


def test_the_crossbars_of_a_layer_hold_every_cell_once() -> None:
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", SMALL))
    cells = mapping.cells("conv1")
    first = crossbar_maps(mapping, "conv1")
    maps = [crossbar_maps(mapping, "conv1", number, seed=3, chip=1) for number in range(first.crossbars)]
    held = np.concatenate([one.siemens[: one.rows, : one.columns].ravel() for one in maps])
    every = column_siemens(cells, mapping.hardware, seed=3, chip=1)
    assert np.sort(held) == pytest.approx(np.sort(every.ravel()))
    off = 1 / (6000 * 17)
    for one in maps:
        assert one.siemens[one.rows :] == pytest.approx(off)
        assert one.siemens[:, one.columns :] == pytest.approx(off)
        assert one.delivered is None
        assert one.ir_loss is None


def test_a_passive_crossbar_delivers_its_transfer_matrix() -> None:
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", SMALL | {"wires.topology": "passive"}))
    one = crossbar_maps(mapping, "conv1", 1)
    wires = Wires(word_ohm=1.0, bit_ohm=1.0, driver_ohm=0.0, sense_ohm=0.0)
    expected = transfer_matrix(one.siemens, wires)
    assert one.delivered is not None
    conducts = one.siemens > 0
    assert (one.delivered * one.siemens)[conducts] == pytest.approx(expected[conducts], rel=1e-6)
    assert np.isnan(one.delivered[~conducts]).all()  # what flows there came on other ways
    assert one.ir_loss is not None
    assert 0 < one.ir_loss < 0.1


@pytest.mark.parametrize("more", [{}, {"wires.source_ohm": 2.0}, {"wires.sense_side": "top", "wires.source_ohm": 2.0}])
@pytest.mark.parametrize("access", [0.0, 2000.0])
def test_what_gated_cells_deliver_sums_to_the_current_of_their_column(more: dict[str, object], access: float) -> None:
    """Kirchhoff's current law: with all used rows active, the cells' parts are the whole current of the ladder."""
    topology = {"wires.topology": "gated_1t1r", "wires.sense_ohm": 5.0, "device.access_ohm": access}
    hardware = load_hardware("rram_32nm", SMALL | topology | more)
    one = crossbar_maps(map_network(tiny_network(), hardware), "conv1", 1)
    assert one.delivered is not None
    parts = np.nansum(one.delivered * one.siemens, axis=0)
    wires = Wires(
        topology="gated_1t1r",
        word_ohm=1.0,
        bit_ohm=1.0,
        driver_ohm=0.0,
        sense_ohm=5.0,
        source_ohm=float(more.get("wires.source_ohm", 0.0)),  # type: ignore[arg-type]
        sense_side=str(more.get("wires.sense_side", "bottom")),  # type: ignore[arg-type]
    )
    unit = 1e-6
    behind = one.siemens / (1 + access * one.siemens) / unit
    currents, _ = ladder_currents(behind, np.arange(one.rows), 0, ladder_of(wires, 16, unit))
    assert parts == pytest.approx(currents * unit, rel=1e-9)
    assert np.isnan(one.delivered[one.rows :]).all()


def test_a_crossbar_that_is_not_there_is_refused() -> None:
    mapping = map_network(tiny_network(), load_hardware("rram_32nm", SMALL))
    with pytest.raises(InputError, match=r"crossbar = 99: layer 'conv1' has \d+ \(0 to \d+\)"):
        crossbar_maps(mapping, "conv1", 99)
    with pytest.raises(InputError, match="layer 'lif1': is on no crossbars"):
        crossbar_maps(mapping, "lif1")
