"""Controls made from the hardware model: every field has one, and no stop is a value that the model refuses."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from spikesim_py.figures.reproduce import flat_configuration
from spikesim_py.hardware import Control, controls, hardware_fields, load_hardware, presets
from spikesim_py.hardware.model import Hardware

FLAT = flat_configuration({"hardware": load_hardware("rram_32nm").model_dump(mode="json")})
ALL = list(controls())


def test_every_field_that_is_one_value_has_a_control() -> None:
    missing = {name for name, _ in hardware_fields()} - {control.name for control in ALL}
    prose = {"name", "description"}
    lists = {name for name in missing - prose if isinstance(FLAT[name], dict | list | tuple)}
    assert missing == prose | lists
    for control in ALL:
        assert control.about
        assert control.unit


def _section(control: Control) -> tuple[type[BaseModel], str]:
    *path, leaf = control.name.split(".")
    model: type[BaseModel] = Hardware
    for part in path:
        model = model.model_fields[part].annotation  # type: ignore[assignment]
    return model, leaf


def _refused(model: type[BaseModel], leaf: str, stop: object) -> list[object]:
    """What the section has against the value of this one field."""
    try:
        model.model_validate({leaf: stop})
    except ValidationError as error:
        return [problem for problem in error.errors() if problem["loc"]]
    return []


@pytest.mark.parametrize("control", ALL, ids=lambda control: control.name)
def test_the_model_takes_every_stop(control: Control) -> None:
    """By itself: whether two fields go together is for the whole chip to say."""
    value = FLAT[control.name]
    stops = control.stops(value)
    assert value in stops
    assert len(stops) == len(set(stops))
    assert 2 <= len(stops) <= 60
    model, leaf = _section(control)
    for stop in stops:
        assert not _refused(model, leaf, stop)


@pytest.mark.parametrize("chip", sorted(presets()))
def test_the_value_of_every_bundled_chip_is_a_stop(chip: str) -> None:
    flat = flat_configuration({"hardware": load_hardware(chip).model_dump(mode="json")})
    for control in ALL:
        stops = control.stops(flat[control.name])
        assert flat[control.name] in stops
        numbers = [stop for stop in stops if stop is not None]
        if control.numeric:
            assert numbers == sorted(numbers)


def test_bounds_are_those_of_the_model() -> None:
    found = {control.name: control for control in ALL}
    assert (found["adc.bits"].low, found["adc.bits"].high, found["adc.bits"].kind) == (1, 12, "whole")
    assert found["adc.bits"].stops(5) == tuple(range(1, 13))
    assert found["crossbar.rows"].stops(96) == (1, 2, 4, 8, 16, 32, 64, 96, 128, 256, 512, 1024)
    assert found["device.on_off_ratio"].above
    assert found["noc.router_leakage_mw"].optional
    assert found["noc.router_leakage_mw"].stops(None)[:2] == (None, 0.0)
    assert found["technology.node_nm"].stops(32) == (7, 10, 14, 22, 32, 45, 65)
    assert found["wires.topology"].choices == ("none", "passive", "pseudo_1t1r", "gated_1t1r")
    assert found["crossbar.event_driven"].stops(False) == (False, True)
    assert not found["wires.topology"].numeric
    assert found["technology.temperature_k"].stops(300.0)[0] == 200
