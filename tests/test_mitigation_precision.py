"""ADC bits per layer: the greedy choice by hand, its budget, its floor, what it saves; the command."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import tiny_images, tiny_network

from spikesim_py.cli import main
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.errors import InputError
from spikesim_py.evaluate import cost
from spikesim_py.hardware import Hardware, load_hardware
from spikesim_py.inference import precision, simulate
from spikesim_py.inference.precision import choose_adc_bits
from spikesim_py.network import load_network


def chip(**fields: Any) -> Hardware:
    return load_hardware("rram_32nm", {key.replace("__", "."): value for key, value in fields.items()})


def data(samples: int = 30) -> Dataset:
    images = tiny_images(samples)
    return Dataset("tiny", images, tiny_network().run(images).predictions)


def test_the_choice_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accuracies written out: fc loses nothing down to 3 bits, conv2 a little per bit, conv1 too much at once."""
    needed = {"conv1": (4, 0.3), "conv2": (4, 0.02), "fc": (3, 0.5)}

    def simulated(network: Any, hardware: Hardware, *_: Any, **__: Any) -> Any:
        lost = sum(per * max(0, least - hardware.adc.bits_of(name)) for name, (least, per) in needed.items())
        return SimpleNamespace(correct=np.array([[0.9 - lost]]))

    monkeypatch.setattr(precision, "simulate", simulated)
    found = choose_adc_bits(tiny_network(), chip(adc__bits=4), data(), budget=0.05)
    assert found.before == {"conv1": 4, "conv2": 4, "fc": 4}
    assert found.after == {"conv1": 4, "conv2": 2, "fc": 3}
    assert [(step.layer, step.bits) for step in found.steps] == [("fc", 3), ("conv2", 3), ("conv2", 2)]
    assert [step.accuracy for step in found.steps] == pytest.approx([0.9, 0.88, 0.86])
    assert found.accuracy == 0.9


@pytest.mark.parametrize("budget", [0.0, 0.1, 1.0])
def test_every_step_takes_a_bit_and_stays_within_the_budget(budget: float) -> None:
    network, given = tiny_network(), chip(adc__bits=5, adc__layer_bits={"fc": 6}, device__program_sigma=0.1)
    found = choose_adc_bits(network, given, data(), budget=budget, chips=2, seed=3)
    assert found.before == {"conv1": 5, "conv2": 5, "fc": 6}
    assert sum(found.before.values()) - sum(found.after.values()) == len(found.steps)
    assert all(step.accuracy >= found.accuracy - budget - 1e-9 for step in found.steps)
    assert found.hardware.adc.layer_bits == found.after
    again = simulate(network, found.hardware, data(), chips=2, seed=3).correct.mean()
    assert again == (found.steps[-1].accuracy if found.steps else found.accuracy)
    if budget == 1:
        assert set(found.after.values()) == {1}
    before, after = (cost(network, made) for made in (given, found.hardware))
    assert after.energy_pj <= before.energy_pj
    assert after.area_um2 <= before.area_um2
    assert not found.hardware.is_sourced("adc.layer_bits")


def test_signed_conversions_keep_two_bits_and_digital_layers_none() -> None:
    given = chip(adc__bits=4, mapping__subtract="analog", mapping__digital_layers=["conv1"])
    assert choose_adc_bits(tiny_network(), given, data(), budget=1).after == {"conv2": 2, "fc": 2}


def test_calibrated_ranges_are_found_first() -> None:
    given = chip(adc__bits=2, adc__range="percentile")
    found = choose_adc_bits(
        load_network("digits-w1"), given, load_dataset("digits", "search").head(20), budget=1, chips=1
    )
    assert set(found.hardware.adc.full_scales) == {"conv1", "conv2", "conv3", "fc"}


def test_fewer_bits_at_almost_the_same_accuracy() -> None:
    """digits-w2 with converters that need not be as fine as they are; reported on images that chose nothing."""
    network, given = load_network("digits-w2"), chip(adc__bits=7)
    found = choose_adc_bits(network, given, load_dataset("digits", "search"), budget=0.01, chips=2)
    report = load_dataset("digits", "report")
    before, after = (simulate(network, made, report).correct.mean() for made in (given, found.hardware))
    assert after > before - 0.03
    energies = [cost(network, made).energy_pj for made in (given, found.hardware)]
    assert energies[1] < 0.97 * energies[0]


def test_what_cannot_be_chosen_is_refused() -> None:
    digital = {"adc.kind": "adder_tree", "crossbar.mux": 1, "device.mismatch_sigma": 0.0}
    with pytest.raises(InputError, match="no converters on chip 'sram_32nm'"):
        choose_adc_bits(tiny_network(), load_hardware("sram_32nm", digital), data())
    with pytest.raises(InputError, match=r"budget = 1.5: must be from 0 to 1"):
        choose_adc_bits(tiny_network(), chip(), data(), budget=1.5)


def test_the_command_writes_the_chip_and_prints_what_it_saves(tmp_path: Path) -> None:
    path = tmp_path / "mixed.yaml"
    words = [
        "bits",
        "digits-w1",
        "rram_32nm",
        "--set",
        "adc.bits=6",
        "--budget",
        "0.02",
        "--chips",
        "1",
        "-o",
        str(path),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    made = load_hardware(path)
    for name in ("conv1", "conv2", "conv3", "fc"):
        (line,) = (line for line in done.output.splitlines() if line.split()[:1] == [name])
        assert line.split()[1:4:2] == ["6", str(made.adc.bits_of(name))]
    assert "accuracy" in done.output
    assert "energy" in done.output
    refused = CliRunner().invoke(main, ["bits", "digits-fp", "rram_32nm", "-o", str(path)])
    assert refused.exit_code == 2
    assert len(refused.output.strip().splitlines()) == 1
