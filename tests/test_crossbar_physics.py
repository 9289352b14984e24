"""Layers behind wires against nodal solves, and the limits that their currents keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crossbar_layers import (
    ANALOG,
    DIGITAL,
    FLOATING,
    GATED,
    INTERLEAVED,
    MASKED,
    NO_OHM,
    NOISES,
    OFFSET,
    PASSIVE,
    PSEUDO,
    ROWS,
    SIGNS,
    TWOS,
    chip,
    inputs,
    one_layer,
    programmed,
)
from crossbar_nodal import Nodal

from spikesim_py.crossbar.wires import circuit, interleaved
from spikesim_py.crossbar.wires.nodal import column_currents, nodal_transfer_matrix
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware

OPEN = {"wires.word_ohm": 30.0, "wires.unselected_columns": "floating"}


#: what is read, through which wires
PHYSICS: dict[str, dict[str, Any]] = {
    "none": {"mapping.baseline": "digital_count", **OFFSET},
    "passive": PASSIVE | {"wires.word_ohm": 20.0, "wires.bit_ohm": 10.0},
    "passive, from the other ends": PASSIVE | {"wires.drive_side": "right", "wires.sense_side": "top"} | MASKED,
    "passive, ends resist": PASSIVE | {"wires.driver_ohm": 90.0, "wires.sense_ohm": 60.0} | ANALOG,
    "passive, other columns open": PASSIVE | OPEN | {"mapping.baseline": "none"} | TWOS,
    "passive, other pairs open": PASSIVE | OPEN | ANALOG,
    "passive, taps join": PASSIVE | {"wires.bit_ohm": 20.0} | ROWS[3] | ANALOG,
    "passive, counted": PASSIVE | {"wires.word_ohm": 20.0, "mapping.baseline": "digital_count"} | OFFSET,
    "pseudo": PSEUDO | {"wires.word_ohm": 20.0} | ROWS[1],
    "pseudo, not removed": PSEUDO | {"wires.bit_ohm": 20.0, "mapping.baseline": "none"} | TWOS,
    "gated": GATED | {"wires.bit_ohm": 30.0, "device.access_ohm": 500.0},
    "gated, source line": GATED | {"wires.source_ohm": 20.0, "wires.driver_ohm": 40.0, "wires.sense_side": "top"},
    "gated, pairs": GATED | {"wires.bit_ohm": 30.0} | ROWS[3] | ANALOG,
    "gated, counted": GATED | {"wires.bit_ohm": 30.0, "mapping.baseline": "digital_count"} | MASKED,
    "floating": FLOATING | {"wires.word_ohm": 20.0, "wires.sense_ohm": 60.0},
    "floating, pairs": FLOATING | {"wires.sense_ohm": 60.0} | ANALOG | ROWS[1],
    "interleaved": PASSIVE | {"wires.word_ohm": 20.0, "wires.bit_ohm": 10.0} | INTERLEAVED,
    "interleaved, the other way": PSEUDO | {"wires.drive_side": "right", "wires.sense_side": "top"} | INTERLEAVED,
    "interleaved, other columns open": PASSIVE | OPEN | INTERLEAVED,
    "interleaved, taps join": PASSIVE | {"wires.sense_ohm": 60.0} | INTERLEAVED | ROWS[3],
    "interleaved, floating": FLOATING | {"wires.sense_ohm": 60.0} | INTERLEAVED,
    "floating, not removed": FLOATING | {"wires.sense_ohm": 60.0, "mapping.baseline": "none"} | OFFSET,
}


#: crossbars that are cut in both directions and not filled, of cells that feel every ohm
SMALL = {"crossbar.rows": 10, "crossbar.cols": 9, "crossbar.mux": 3, "pe.crossbars": 64} | {
    "device.cell_bits": 2,
    "device.r_on_ohm": 600.0,
}


@pytest.mark.parametrize("fields", PHYSICS.values(), ids=PHYSICS)
@pytest.mark.parametrize("kind", ["convolution", "linear"])
def test_codes_are_those_of_a_nodal_solve(kind: str, fields: dict[str, Any]) -> None:
    """Weights, cells, siemens, Kirchhoff, levels, codes, shift-add: each step written out again."""
    rng = np.random.default_rng(3)
    shapes = {
        "convolution": {"shape": (6, 3, 3), "kernel": (2, 2), "groups": 2, "stride": (1, 2), "padding": (0, 1)},
        "linear": {"shape": (27, 1, 1), "kernel": None},
    }
    network = one_layer(rng, bits=3, **shapes[kind])
    hardware = chip(SMALL, fields)
    x = inputs(network, rng, 3 if kind == "convolution" else 9)
    expected, near = Nodal(network, hardware, seed=7).product(x)
    made = programmed(network, hardware, seed=7)
    values = made.multiply(x)[0].reshape(len(x), made.window.output_shape[0], -1).transpose(0, 2, 1)
    assert near.mean() < 0.1
    assert np.array_equal(values[~near], expected[~near])
    if "wires.topology" in fields:  # which are not those without wires
        ideal = programmed(network, load_hardware(hardware, {"wires": {"topology": "none"}}), seed=7)
        assert np.mean(ideal.multiply(x)[0] != made.multiply(x)[0]) > 0.3


@pytest.mark.parametrize("wires", [PASSIVE, PSEUDO | {"wires.drive_side": "right"}], ids=["passive", "pseudo"])
def test_interleaved_cells_are_the_effective_matrix_of_their_pairs(wires: dict[str, Any]) -> None:
    network = one_layer(np.random.default_rng(1), shape=(14, 1, 1), kernel=None, outputs=5, bits=2)
    hardware = chip(wires, INTERLEAVED, {"crossbar.rows": 28, "wires.bit_ohm": 20.0})
    made, nodal = programmed(network, hardware), Nodal(network, hardware)
    resistances = circuit(hardware)
    assert resistances is not None
    effective = interleaved(nodal.siemens[:, ::2], nodal.siemens[:, 1::2], resistances)[0] / nodal.unit
    plan = nodal.plan
    columns = effective[:, : plan.columns].reshape(14, 5, plan.slices).transpose(0, 2, 1)
    found = made.cells[0].reshape(14, plan.slices, -1)[:, :, :5]
    assert found == pytest.approx(columns, rel=1e-6, abs=1e-6)
    assert effective.min() < 0 < effective.max()


@pytest.mark.parametrize("noise", NOISES, ids=["quiet", "white", "telegraph"])
@pytest.mark.parametrize("rows", ROWS, ids=lambda rows: "-".join(rows.values()))
def test_interleaved_pairs_are_analog_ones_where_wires_have_no_resistance(
    rows: dict[str, Any], noise: dict[str, Any]
) -> None:
    """Bit for bit on the same cells, where crossbars cut the inputs alike: they need twice the rows."""
    network = one_layer(np.random.default_rng(1), shape=(12, 4, 4), steps=2)
    x = inputs(network, np.random.default_rng(2), 4)
    fields = {"adc.bits": 5, "device.cell_bits": 2, "device.program_sigma": 0.1} | rows | noise
    analog = programmed(network, chip(fields, ANALOG, {"crossbar.rows": 8}))
    made = programmed(network, chip(fields, INTERLEAVED, {"crossbar.rows": 16}))
    assert np.array_equal(made.multiply(x)[0], analog.multiply(x)[0])
    assert len(np.unique(made.multiply(x)[0])) > 20


@pytest.mark.parametrize("baseline", ["none", "dummy_column", "digital_count"])
@pytest.mark.parametrize("signs", SIGNS, ids=lambda signs: "-".join(signs.values()))
def test_wires_without_resistance_are_no_wires(signs: dict[str, Any], baseline: str) -> None:
    """Every code of real cells; access transistors of 0 ohm are none either."""
    network = one_layer(np.random.default_rng(1), shape=(8, 3, 3))
    fields = {"mapping.baseline": baseline, "adc.bits": 8, "device.cell_bits": 2, **signs}
    x = inputs(network, np.random.default_rng(2), 3)
    plain = programmed(network, chip(fields)).multiply(x)[0]
    pseudo, gated = NO_OHM | {"wires.topology": "pseudo_1t1r"}, GATED | {"wires.bit_ohm": 0.0}
    for wires in (PASSIVE | NO_OHM, pseudo, FLOATING | NO_OHM, *([] if signs is INTERLEAVED else [gated])):
        assert np.array_equal(programmed(network, chip(fields, wires)).multiply(x)[0], plain)


@pytest.mark.parametrize("field", ["word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"])
def test_ir_loss_starts_at_nothing_and_grows_with_every_resistance(field: str) -> None:
    network = one_layer(np.random.default_rng(1), shape=(8, 3, 3))
    x = inputs(network, np.random.default_rng(2), 3, density=1.0)
    losses = []
    for ohm in (0.0, 1.0, 10.0, 100.0, 1000.0):
        made = programmed(network, chip(PASSIVE | NO_OHM | {f"wires.{field}": ohm}))
        losses.append(made.ir_loss(made.multiply(x)[1].hits))
    assert losses[0] == pytest.approx(0, abs=1e-9)
    assert losses == sorted(losses)
    assert losses[1] > 1e-4
    assert losses[-1] > 0.3


@pytest.mark.parametrize(
    ("wires", "fields", "density"),
    [
        (PASSIVE, ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"), 1.0),
        (PSEUDO, ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"), 1.0),
        (FLOATING, ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"), 0.6),
        (GATED, ("bit_ohm", "source_ohm", "driver_ohm", "sense_ohm"), 0.6),
    ],
    ids=["passive", "pseudo", "floating", "gated"],
)
def test_more_resistance_never_carries_more_current(
    wires: dict[str, Any], fields: tuple[str, ...], density: float
) -> None:
    """Rayleigh's monotonicity law, for all columns of a full crossbar together: no sources but the active rows."""
    rng = np.random.default_rng(1)
    network = one_layer(rng, shape=(20, 1, 1), kernel=None, outputs=6, input_bits=1)
    x = inputs(network, rng, 5, density)
    full = {"crossbar.rows": 20, "crossbar.cols": 6, "crossbar.mux": 2, "device.cell_bits": 4, **OFFSET}
    for field in fields:
        carried = []
        for ohm in (0.0, 4.0, 16.0, 64.0, 256.0):
            resistance = {f"wires.{field}": ohm, "mapping.baseline": "none", "device.r_on_ohm": 2000.0}
            made = programmed(network, chip(full, wires, resistance))
            codes = made.multiply(x)[0][:, :, 0, 0] + made.offset * x.sum((1, 2, 3))[:, None]
            carried.append(codes.sum(1))
        assert (np.diff(carried, axis=0) <= 6 * 0.5).all()  # half a code per column is rounding
        assert (carried[-1] < 0.9 * carried[0]).all()


@pytest.mark.parametrize(
    "fields", [{}, PASSIVE, PSEUDO, GATED, FLOATING], ids=["none", "passive", "pseudo", "gated", "floating"]
)
@pytest.mark.parametrize("signs", [DIGITAL, ANALOG, OFFSET], ids=lambda signs: "-".join(signs.values()))
def test_a_column_that_may_carry_too_much_current_is_refused(fields: dict[str, Any], signs: dict[str, Any]) -> None:
    """The limit lies just above, or just below, the largest current of a column with all rows active."""
    network = one_layer(np.random.default_rng(1), shape=(16, 1, 1), kernel=None, outputs=4)
    hardware = chip(fields, signs, {"crossbar.rows": 16})
    nodal, wires, all_on = Nodal(network, hardware), circuit(hardware), np.ones(16)
    carried = [all_on @ g if wires is None else column_currents(g, wires, all_on) for g in nodal.siemens]
    largest = float(np.max(carried)) * hardware.device.read_volt * 1e6
    programmed(network, load_hardware(hardware, {"wires.column_limit_ua": largest * 1.0001}))
    refused = load_hardware(hardware, {"wires.column_limit_ua": largest * 0.9999})
    with pytest.raises(ConfigError, match=r"^wires.column_limit_ua = .*: a column carries up to .* uA"):
        programmed(network, refused)


def test_the_limit_counts_what_one_sign_of_an_interleaved_column_can_carry() -> None:
    """Inputs that add up are active, those that subtract are not."""
    network = one_layer(np.random.default_rng(1), shape=(16, 1, 1), kernel=None, outputs=4)
    for fields in ({}, PASSIVE):
        hardware = chip(fields, INTERLEAVED, {"crossbar.rows": 32})
        nodal, wires = Nodal(network, hardware), circuit(hardware)
        through = nodal.siemens[0] if wires is None else nodal_transfer_matrix(nodal.siemens[0], wires)
        net = through[::2] - through[1::2]
        largest = max(np.clip(net, 0, None).sum(0).max(), np.clip(-net, 0, None).sum(0).max())
        largest *= hardware.device.read_volt * 1e6
        programmed(network, load_hardware(hardware, {"wires.column_limit_ua": largest * 1.0001}))
        with pytest.raises(ConfigError, match=r"^wires.column_limit_ua"):
            programmed(network, load_hardware(hardware, {"wires.column_limit_ua": largest * 0.9999}))
