"""Plugins: a worked example of all four kinds from end to end, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from plugin_cases import EXAMPLE

import spikesim_py as ss
from spikesim_py import plugins
from spikesim_py.crossbar.adc import is_transparent
from spikesim_py.crossbar.device import level_values, states
from spikesim_py.errors import ConfigError, InputError, MappingError
from spikesim_py.evaluate import accuracy_key
from spikesim_py.hardware import Hardware, controls, load_hardware
from spikesim_py.mapping import lossless_adc, map_network
from spikesim_py.network import load_network
from spikesim_py.sweep.bulk import _digest
from spikesim_py.sweep.space import load_space

KINDS = ["rram", "fefet_hzo"]


def test_train_export_and_evaluate_with_all_four(extension: Path, tmp_path: Path) -> None:
    """The commands of the page, with fewer steps, in a process that has the package installed."""
    recipe = "samples: 128\n" + (EXAMPLE / "recipe.yaml").read_text().replace("epochs: 12", "epochs: 1")
    (tmp_path / "recipe.yaml").write_text(recipe)
    network, report = tmp_path / "net.safetensors", tmp_path / "report.json"
    commands = [
        ["train", "recipe.yaml", "-o", str(network)],
        ["evaluate", str(network), str(EXAMPLE / "chip.yaml"), "--samples", "20", "--json", str(report)],
        ["list"],
    ]
    script = f"""
from spikesim_py.cli import main
for command in {commands}:
    try:
        main(command)
    except SystemExit as end:
        assert end.code == 0
"""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(extension)]), "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(f"{name} " in done.stdout for name in ("fefet_hzo", "companded_ramp", "apot", "focal"))

    made = load_network(network)
    assert made.model.metadata["made_with"]["spikesim-extension"] == "1.0"
    assert {n.weight_bits for n in made.layers} == {6}
    ones = np.unique(np.abs(np.concatenate([made.weight(n.name).ravel() for n in made.layers])))
    assert all(int(code).bit_count() <= 2 for code in ones)
    found = json.loads(report.read_text())
    assert 0 <= found["metrics"]["accuracy"] <= 1
    assert found["metrics"]["energy_pj"] > 0
    kinds = found["inputs"]["hardware"]["plugins"]
    assert {key: (one["name"], one["version"]) for key, one in kinds.items()} == {
        "device.kind": ("fefet_hzo", "1.0"),
        "adc.kind": ("companded_ramp", "1.0"),
    }
    assert any("fefet_hzo" in note and "sourced" in note and "Jerry" in note for note in found["notes"])
    assert "companding" in " ".join(found["notes"])


def test_names_stand_beside_the_built_in_ones(extension_chip: Path) -> None:
    with pytest.raises(ConfigError, match=r"device\.kind = 'fefet_hso': must be 'rram', .* 'sram' or 'fefet_hzo'"):
        load_hardware(extension_chip, {"device.kind": "fefet_hso"})
    with pytest.raises(ConfigError, match=r"adc\.kind = 'slope': must be .* 'adder_tree' or 'companded_ramp'"):
        load_hardware(extension_chip, {"adc.kind": "slope"})
    choices = {control.name: control.choices for control in controls()}
    assert choices["device.kind"][-1] == "fefet_hzo"
    assert choices["adc.kind"][-1] == "companded_ramp"


def test_a_chip_has_what_its_device_states_with_sources(extension_chip: Path) -> None:
    chip = load_hardware(extension_chip)
    assert (chip.device.r_on_ohm, chip.device.on_off_ratio, chip.device.cell_bits) == (559_280, 45, 2)
    assert "NeuroSim MLP V3.0" in chip.sources["device.on_off_ratio"]
    assert chip.sources["device.kind"].startswith("spikesim-extension 1.0: NeuroSim")
    assert chip.sources["adc.kind"].startswith("spikesim-extension 1.0: B. Smith")
    assert chip.is_sourced("device.on_off_ratio")
    assert not chip.is_sourced("device.r_on_ohm")  # it is derived
    # nothing is left of the preset's cells
    assert chip.device.write_energy_pj is None
    assert not chip.device.stuck_on_rate
    chosen = load_hardware("rram_32nm", {"device.kind": "fefet_hzo", "device.r_on_ohm": 1e5})
    assert (chosen.device.r_on_ohm, chosen.device.on_off_ratio) == (1e5, 45)
    assert "device.r_on_ohm" not in chosen.sources  # it is not the device's any more
    for mode in ("json", "python"):
        assert Hardware.model_validate(chip.model_dump(mode=mode)) == chip


def test_levels_are_those_of_counted_pulses(extension_chip: Path) -> None:
    device = load_hardware(extension_chip).device
    a, off = 0.702081, 1 / 45
    x = [off + (1 - off) * (1 - np.exp(-p / 3 / a)) / (1 - np.exp(-1 / a)) for p in range(4)]
    np.testing.assert_allclose(states(device), x)
    values = level_values(device)
    assert values[0] == 0
    assert values[3] == 3
    assert 1 < values[1] < values[2] < 3  # saturating: the first pulses move it most
    ideal = load_hardware(extension_chip, {"device.ideal": True}).device
    assert level_values(ideal).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("low", [0, -32])
def test_a_sum_gets_the_nearest_code_that_is_made(extension_chip: Path, low: int) -> None:
    from spikesim_extension.adc import RAMP, codes

    from spikesim_py.crossbar.converters import convert

    made = codes(low, 6)
    table = RAMP.thresholds(low, 6, load_hardware(extension_chip).adc, np.zeros((1, 2)))[0]
    assert table.shape == (63,)
    x = np.linspace(low, low + 63, 1000)
    got = convert(x, table, low)
    assert set(got) == set(made)
    np.testing.assert_allclose(np.abs(got - x), np.abs(made - x[:, None]).min(1))
    assert len(made) <= 16
    assert np.diff(made).min() < np.diff(made).max()  # finer where sums are small


def test_engines_agree_and_a_seed_is_a_chip(extension_chip: Path) -> None:
    network = load_network("digits-w4")

    def run(seed: int, engine: str) -> tuple[float, ...]:
        report = ss.evaluate(network, extension_chip, samples=2, chips=2, seed=seed, engine=engine)
        assert report.measured is not None
        return (*report.measured.chips, *(r.rate for r in report.activity.layers.values()))

    assert run(0, "auto") == run(0, "auto")
    np.testing.assert_allclose(run(0, "auto"), run(0, "reference"))
    assert run(0, "auto") != run(1, "auto")


def test_more_bits_of_the_converter_are_never_taken_for_no_change(extension_chip: Path) -> None:
    report = ss.cost("digits-w4", load_hardware(extension_chip, {"adc.bits": 12}))
    assert not [note for note in report.notes if "lossless" in note or "extrapolated from converters" in note]
    with pytest.raises(MappingError, match="gives every sum a code at no number of bits"):
        lossless_adc(load_network("digits-w4"), load_hardware(extension_chip))
    chip = load_hardware(extension_chip, {"device.ideal": True, "adc.bits": 12})
    mapping = map_network(load_network("digits-w4"), chip)
    assert not any(is_transparent(plan, chip) for plan in mapping.layers.values())


def test_a_field_whose_place_a_law_takes_is_refused(extension_chip: Path) -> None:
    with pytest.raises(ConfigError, match=r"program_sigma = 0\.1: kind = 'fefet_hzo' has a law of its own"):
        load_hardware(extension_chip, {"device.program_sigma": 0.1})
    with pytest.raises(ConfigError, match="kind = 'companded_ramp' does not read it"):
        load_hardware(extension_chip, {"adc.capacitor_sigma": 0.01})
    with pytest.raises(ConfigError, match="bits = 3: kind = 'companded_ramp' has 4 to 12"):
        load_hardware(extension_chip, {"adc.bits": 3})


def test_axes_of_a_sweep_and_one_pass_over_many_designs(extension_chip: Path, tmp_path: Path) -> None:
    axes = {"device.kind": KINDS, "adc.kind": ["sar", "companded_ramp"], "adc.bits": [5, 6]}
    space = {"name": "kinds", "network": "digits-w4", "chip": "rram_32nm", "axes": axes, "samples": 5}
    study = ss.sweep(space, store=tmp_path / "kinds.db", executor="serial")
    frame = study.frame()
    assert len(frame["edap"]) == 8
    for row in range(8):
        fields = {name: frame[name][row] for name in axes}
        fields["adc.bits"] = int(fields["adc.bits"])
        alone = ss.cost("digits-w4", load_hardware("rram_32nm", fields))
        assert alone.area_um2 == pytest.approx(frame["area_um2"][row])
    many = ss.cost_batch("digits-w4", extension_chip, {"adc.bits": np.array([4, 6, 8])})
    single = [ss.cost("digits-w4", load_hardware(extension_chip, {"adc.bits": bits})).energy_pj for bits in (4, 6, 8)]
    np.testing.assert_allclose(many.energy_pj, single)


def test_a_plugin_s_version_is_part_of_every_key(extension_chip: Path, import_path: pytest.MonkeyPatch) -> None:
    network, chip = load_network("digits-w4"), load_hardware(extension_chip)
    options = {"data": "digits", "split": "report", "samples": 10, "chips": 1, "seed": 0}

    def keys() -> tuple[str, str, str]:
        return accuracy_key(network, chip, **options), ss.cost(network, chip).report_hash, _digest(space, {})

    space = load_space({"name": "kinds", "network": "digits-w4", "chip": "rram_32nm", "axes": {"device.kind": KINDS}})
    before = keys()
    assert keys() == before
    own = plugins.Plugin.identity.fget
    assert own is not None
    import_path.setattr(plugins.Plugin, "identity", property(lambda self: own(self) | {"version": "1.1"}))
    assert all(a != b for a, b in zip(keys(), before, strict=True))
    import_path.setattr(plugins.Plugin, "identity", property(lambda self: own(self) | {"sha256": "edited"}))
    assert all(a != b for a, b in zip(keys(), before, strict=True))


def test_what_is_built_in_has_the_keys_that_it_had() -> None:
    assert load_hardware("rram_32nm").plugins == {}
    assert "plugins" not in ss.cost("digits-w4", "rram_32nm").inputs["hardware"]


def test_a_recipe_names_quantizers_and_losses(extension_chip: Path) -> None:
    from training.config import TrainingConfig, load_config
    from training.terms import Seen

    recipe = load_config(EXAMPLE / "recipe.yaml")
    assert list(recipe.terms) == ["focal"]
    assert sorted(found["name"] for found in recipe.plugins) == ["apot", "focal"]
    again = TrainingConfig.model_validate(recipe.model_dump(mode="json"))
    assert again == recipe
    assert again.model_dump(mode="json")["losses"] == {"focal": {"weight": 1.0, "gamma": 2.0}}

    def refused(**changes: object) -> str:
        with pytest.raises(ValueError, match="validation error") as found:
            TrainingConfig.model_validate(recipe.model_dump(mode="json") | changes)
        return str(found.value)

    assert "losses.focal.gamma\n  Input should be greater than or equal to 0" in refused(
        losses={"focal": {"gamma": -1}}
    )
    assert "tet and focal exclude each other" in refused(losses={"focal": None, "tet": None})
    bits = recipe.model_dump(mode="json")["quantization"]
    assert "apat" in (text := refused(quantization=bits | {"weights": "apat"}))
    assert "did you mean 'apot'" in text
    assert "weight_bits = 2: must be 3 to 8" in refused(quantization=bits | {"weight_bits": 2})

    logits, labels = torch.randn(8, 1, 5), torch.arange(8) % 5
    seen = Seen(type("Answer", (), {"logits": logits[:, 0]})(), None, labels)
    focal = type(recipe.terms["focal"])
    plain = torch.nn.functional.cross_entropy(logits[:, 0], labels)
    torch.testing.assert_close(focal(gamma=0).loss(seen, None), plain)
    assert focal(gamma=2).loss(seen, None) < plain


def test_a_checkpoint_is_that_of_its_plugins(
    extension_chip: Path, tmp_path: Path, import_path: pytest.MonkeyPatch
) -> None:
    from training.checkpoint import load, save
    from training.config import load_config

    recipe, file = load_config(EXAMPLE / "recipe.yaml"), tmp_path / "net.checkpoint"
    save(file, recipe, {"epoch": 1})
    assert (load(file, recipe) or {})["epoch"] == 1
    own = plugins.Plugin.identity.fget
    assert own is not None
    import_path.setattr(plugins.Plugin, "identity", property(lambda self: own(self) | {"version": "1.1"}))
    with pytest.raises(
        InputError, match=r"another recipe: plugins\.training\.losses: focal\.version was '1\.0', is '1\.1'"
    ):
        load(file, recipe)


def test_an_unknown_loss_is_told_all_names(extension_chip: Path, tmp_path: Path) -> None:
    from training.config import load_config

    (tmp_path / "r.yaml").write_text((EXAMPLE / "recipe.yaml").read_text().replace("focal:", "focel:"))
    with pytest.raises(ConfigError, match=r"losses\.focel: unknown key; did you mean 'focal'\? \(known: .*qsnn, focal"):
        load_config(tmp_path / "r.yaml")
