"""Plugins: a worked example of all four kinds from end to end, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT

import spikesim_py as ss
from spikesim_py import plugins
from spikesim_py.crossbar.adc import is_transparent
from spikesim_py.crossbar.device import level_values, states
from spikesim_py.errors import ConfigError, InputError, MappingError
from spikesim_py.evaluate import accuracy_key
from spikesim_py.hardware import AdcKind, DeviceKind, Hardware, controls, load_hardware
from spikesim_py.mapping import lossless_adc, map_network
from spikesim_py.network import load_network
from spikesim_py.sweep.bulk import _digest
from spikesim_py.sweep.space import load_space

EXAMPLE = ROOT / "examples" / "extension"
KINDS = ["rram", "fefet_hzo"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, as pip installs it, in a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-build-isolation", "--no-index", "--target", str(target), str(EXAMPLE)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def forget() -> None:
    """Look again at what is installed."""
    for cached in (plugins._offered, plugins._loaded):
        cached.cache_clear()
    for kind in (DeviceKind, AdcKind):
        for value in set(kind._value2member_map_) - {member.value for member in kind}:
            del kind._value2member_map_[value]


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """`sys.path` to change; afterwards nothing of it is known."""
    forget()
    yield monkeypatch
    monkeypatch.undo()
    forget()


@pytest.fixture
def example(installed: Path, path: pytest.MonkeyPatch) -> Path:
    path.syspath_prepend(str(installed))
    forget()
    return EXAMPLE / "chip.yaml"


def offer(folder: Path, path: pytest.MonkeyPatch, name: str, group: str, entries: dict[str, str], code: str) -> None:
    """Install a package of one module."""
    about = folder / f"{name}-0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    lines = [f"{key} = {value}" for key, value in entries.items()]
    (about / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(lines) + "\n")
    (folder / f"{name}.py").write_text(code)
    path.syspath_prepend(str(folder))
    sys.modules.pop(name, None)  # of a test before
    forget()


# ------------------------------------------------------------------------------------------------- the worked example


def test_train_export_and_evaluate_with_all_four(installed: Path, tmp_path: Path) -> None:
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
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)]), "COLUMNS": "200"}
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


def test_names_stand_beside_the_built_in_ones(example: Path) -> None:
    with pytest.raises(ConfigError, match=r"device\.kind = 'fefet_hso': must be 'rram', .* 'sram' or 'fefet_hzo'"):
        load_hardware(example, {"device.kind": "fefet_hso"})
    with pytest.raises(ConfigError, match=r"adc\.kind = 'slope': must be .* 'adder_tree' or 'companded_ramp'"):
        load_hardware(example, {"adc.kind": "slope"})
    choices = {control.name: control.choices for control in controls()}
    assert choices["device.kind"][-1] == "fefet_hzo"
    assert choices["adc.kind"][-1] == "companded_ramp"


def test_a_chip_has_what_its_device_states_with_sources(example: Path) -> None:
    chip = load_hardware(example)
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


def test_levels_are_those_of_counted_pulses(example: Path) -> None:
    device = load_hardware(example).device
    a, off = 0.702081, 1 / 45
    x = [off + (1 - off) * (1 - np.exp(-p / 3 / a)) / (1 - np.exp(-1 / a)) for p in range(4)]
    np.testing.assert_allclose(states(device), x)
    values = level_values(device)
    assert values[0] == 0
    assert values[3] == 3
    assert 1 < values[1] < values[2] < 3  # saturating: the first pulses move it most
    ideal = load_hardware(example, {"device.ideal": True}).device
    assert level_values(ideal).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("low", [0, -32])
def test_a_sum_gets_the_nearest_code_that_is_made(example: Path, low: int) -> None:
    from spikesim_extension.adc import RAMP, codes

    from spikesim_py.crossbar.converters import convert

    made = codes(low, 6)
    table = RAMP.thresholds(low, 6, load_hardware(example).adc, np.zeros((1, 2)))[0]
    assert table.shape == (63,)
    x = np.linspace(low, low + 63, 1000)
    got = convert(x, table, low)
    assert set(got) == set(made)
    np.testing.assert_allclose(np.abs(got - x), np.abs(made - x[:, None]).min(1))
    assert len(made) <= 16
    assert np.diff(made).min() < np.diff(made).max()  # finer where sums are small


def test_engines_agree_and_a_seed_is_a_chip(example: Path) -> None:
    network = load_network("digits-w4")

    def run(seed: int, engine: str) -> tuple[float, ...]:
        report = ss.evaluate(network, example, samples=2, chips=2, seed=seed, engine=engine)
        assert report.measured is not None
        return (*report.measured.chips, *(r.rate for r in report.activity.layers.values()))

    assert run(0, "auto") == run(0, "auto")
    np.testing.assert_allclose(run(0, "auto"), run(0, "reference"))
    assert run(0, "auto") != run(1, "auto")


def test_more_bits_of_the_converter_are_never_taken_for_no_change(example: Path) -> None:
    report = ss.cost("digits-w4", load_hardware(example, {"adc.bits": 12}))
    assert not [note for note in report.notes if "lossless" in note or "extrapolated from converters" in note]
    with pytest.raises(MappingError, match="gives every sum a code at no number of bits"):
        lossless_adc(load_network("digits-w4"), load_hardware(example))
    chip = load_hardware(example, {"device.ideal": True, "adc.bits": 12})
    mapping = map_network(load_network("digits-w4"), chip)
    assert not any(is_transparent(plan, chip) for plan in mapping.layers.values())


def test_a_field_whose_place_a_law_takes_is_refused(example: Path) -> None:
    with pytest.raises(ConfigError, match=r"program_sigma = 0\.1: kind = 'fefet_hzo' has a law of its own"):
        load_hardware(example, {"device.program_sigma": 0.1})
    with pytest.raises(ConfigError, match="kind = 'companded_ramp' does not read it"):
        load_hardware(example, {"adc.capacitor_sigma": 0.01})
    with pytest.raises(ConfigError, match="bits = 3: kind = 'companded_ramp' has 4 to 12"):
        load_hardware(example, {"adc.bits": 3})


def test_axes_of_a_sweep_and_one_pass_over_many_designs(example: Path, tmp_path: Path) -> None:
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
    many = ss.cost_batch("digits-w4", example, {"adc.bits": np.array([4, 6, 8])})
    single = [ss.cost("digits-w4", load_hardware(example, {"adc.bits": bits})).energy_pj for bits in (4, 6, 8)]
    np.testing.assert_allclose(many.energy_pj, single)


def test_a_plugin_s_version_is_part_of_every_key(example: Path, path: pytest.MonkeyPatch) -> None:
    network, chip = load_network("digits-w4"), load_hardware(example)
    options = {"data": "digits", "split": "report", "samples": 10, "chips": 1, "seed": 0}

    def keys() -> tuple[str, str, str]:
        return accuracy_key(network, chip, **options), ss.cost(network, chip).report_hash, _digest(space, {})

    space = load_space({"name": "kinds", "network": "digits-w4", "chip": "rram_32nm", "axes": {"device.kind": KINDS}})
    before = keys()
    assert keys() == before
    own = plugins.Plugin.identity.fget
    assert own is not None
    path.setattr(plugins.Plugin, "identity", property(lambda self: own(self) | {"version": "1.1"}))
    assert all(a != b for a, b in zip(keys(), before, strict=True))
    path.setattr(plugins.Plugin, "identity", property(lambda self: own(self) | {"sha256": "edited"}))
    assert all(a != b for a, b in zip(keys(), before, strict=True))


def test_what_is_built_in_has_the_keys_that_it_had() -> None:
    assert load_hardware("rram_32nm").plugins == {}
    assert "plugins" not in ss.cost("digits-w4", "rram_32nm").inputs["hardware"]


def test_a_recipe_names_quantizers_and_losses(example: Path) -> None:
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


def test_a_checkpoint_is_that_of_its_plugins(example: Path, tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    from training.checkpoint import load, save
    from training.config import load_config

    recipe, file = load_config(EXAMPLE / "recipe.yaml"), tmp_path / "net.checkpoint"
    save(file, recipe, {"epoch": 1})
    assert (load(file, recipe) or {})["epoch"] == 1
    own = plugins.Plugin.identity.fget
    assert own is not None
    path.setattr(plugins.Plugin, "identity", property(lambda self: own(self) | {"version": "1.1"}))
    with pytest.raises(
        InputError, match=r"another recipe: plugins\.training\.losses: focal\.version was '1\.0', is '1\.1'"
    ):
        load(file, recipe)


def test_an_unknown_loss_is_told_all_names(example: Path, tmp_path: Path) -> None:
    from training.config import load_config

    (tmp_path / "r.yaml").write_text((EXAMPLE / "recipe.yaml").read_text().replace("focal:", "focel:"))
    with pytest.raises(ConfigError, match=r"losses\.focel: unknown key; did you mean 'focal'\? \(known: .*qsnn, focal"):
        load_config(tmp_path / "r.yaml")


# --------------------------------------------------------------------------------------------- what cannot be used


def test_a_plugin_that_fails_is_named_once_and_only_when_used(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    offer(tmp_path, path, "broken", "spikesim_py.devices", {"odd": "broken:DEVICE"}, "import no_such_module_here")
    load_hardware("rram_32nm")
    expected = (
        r"override: device\.kind = 'odd': device 'odd' of broken 0\.1 \(entry point spikesim_py\.devices: odd = "
        r"broken:DEVICE\) cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_here'$"
    )
    with pytest.raises(ConfigError, match=expected):
        load_hardware("rram_32nm", {"device.kind": "odd"})
    (found,) = plugins.everything()
    assert found[2].startswith("device 'odd' of broken 0.1")


def test_what_is_no_device_is_refused(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    offer(tmp_path, path, "wrong", "spikesim_py.adcs", {"odd": "wrong:ADC"}, "ADC = 5")
    with pytest.raises(
        ConfigError, match=r"adc\.kind = 'odd': converter 'odd' of wrong 0\.1 .* is 5: must be an instance of AdcModel"
    ):
        load_hardware("rram_32nm", {"adc.kind": "odd"})


@pytest.mark.parametrize("name", ["rram", "odd"])
def test_two_of_one_name_are_both_named(tmp_path: Path, path: pytest.MonkeyPatch, name: str) -> None:
    offer(tmp_path / "a", path, "first", "spikesim_py.devices", {name: "first:X"}, "X = 1")
    offer(tmp_path / "b", path, "second", "spikesim_py.devices", {name: "second:X"}, "X = 1")
    expected = {"rram": "'rram' is built in, and second .* and first .*: rename", "odd": "offered by .*: uninstall one"}
    with pytest.raises(ConfigError, match=expected[name]) as found:
        load_hardware("rram_32nm", {"device.kind": name})
    assert "first 0.1" in str(found.value)
    assert "second 0.1" in str(found.value)
    assert len(str(found.value).splitlines()) == 1
    assert name not in [n for n in DeviceKind.names() if n != "rram"]


def test_a_damaged_installation_offers_nothing(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    offer(tmp_path, path, "torn", "spikesim_py.devices", {"torn": "torn:X"}, "X = 1")
    (tmp_path / "torn-0.1.dist-info" / "entry_points.txt").write_text("[spikesim_py.devices]\nno name here\n")
    forget()
    assert plugins.installed() == ()
    assert load_hardware("rram_32nm").name == "rram_32nm"


def test_a_file_cannot_say_which_code_to_load(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    """Neither a module's name in YAML nor a package in the working folder is an installation."""
    offer(tmp_path, path, "lurking", "spikesim_py.devices", {"lurker": "lurking:X"}, "raise SystemExit('ran')")
    path.chdir(tmp_path)
    forget()
    (tmp_path / "chip.yaml").write_text("extends: rram_32nm\ndevice:\n  kind: lurker\n")
    for kind in ("lurker", "lurking:X"):
        with pytest.raises(ConfigError, match="must be 'rram'"):
            load_hardware(tmp_path / "chip.yaml", {"device.kind": kind})
    with pytest.raises(ConfigError, match="must be 'rram'"):
        load_hardware("chip.yaml")
    assert "lurking" not in sys.modules


_FIELDS = "from spikesim_py.extending import AdcModel, DeviceModel, ideal_thresholds\n"
_CIRCUIT = """
class Straight(AdcModel):
    about, source, grade = {stated}
    def draws(self, bits): return 0
    def thresholds(self, low, bits, errors, drawn): return ideal_thresholds(low, bits)[None]
    def cost(self, tech, hardware, bits): return None
X = Straight()
"""


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("X = DeviceModel('a', 's', 'assumed', {'bogus': 1}, {})", r"fields: bogus: unknown key \(known: "),
        ("X = DeviceModel('a', 's', 'assumed', {'r_on_ohm': -1}, {})", r"fields: r_on_ohm = -1: must be greater"),
        ("X = DeviceModel('a', 's', 'assumed', {'kind': 'rram'}, {})", r"fields\.kind: is the name of the entry point"),
        ("X = DeviceModel('a', 's', 'assumed', {}, {'levels': 's'})", r"sources\.levels: is no field"),
        ("X = DeviceModel('a', 's', 'good', {}, {})", r"grade = 'good': must be one of silicon-validated"),
        ("raise SystemExit('gone')", "SystemExit: gone"),
    ],
)
def test_what_a_device_states_is_checked_where_it_is_loaded(
    tmp_path: Path, path: pytest.MonkeyPatch, code: str, why: str
) -> None:
    """The message blames the package, not the chip's file, and everything else goes on."""
    offer(tmp_path, path, "odd", "spikesim_py.devices", {"odd": "odd:X"}, _FIELDS + code)
    with pytest.raises(ConfigError, match=rf"device 'odd' of odd 0\.1 .* cannot be loaded: .*{why}") as found:
        load_hardware("rram_32nm", {"device.kind": "odd"})
    assert len(str(found.value).splitlines()) == 1
    assert len(list(plugins.everything())) == 1


def test_a_converter_without_a_source_is_refused(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    code = _FIELDS + _CIRCUIT.format(stated="'[/red]', None, 'assumed'")
    offer(tmp_path, path, "odd", "spikesim_py.adcs", {"odd": "odd:X"}, code)
    with pytest.raises(ConfigError, match=r"converter 'odd' of odd 0\.1 .*: ConfigError: source: is missing"):
        load_hardware("rram_32nm", {"adc.kind": "odd"})


def test_what_packages_say_of_themselves_is_printed_as_it_is(
    tmp_path: Path, path: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from spikesim_py.cli.terminal.catalogue import print_plugins

    code = _FIELDS + _CIRCUIT.format(stated="'two [/red] bits', 's', 'assumed'")
    offer(tmp_path, path, "odd", "spikesim_py.adcs", {"odd": "odd:X"}, code)
    print_plugins(list(plugins.everything()))
    assert "two [/red] bits" in capsys.readouterr().out


def test_a_loss_of_a_plugin_is_switched_on_by_nothing_but_its_fields(example: Path, tmp_path: Path) -> None:
    from training.config import load_config

    for value, why in (
        ("false", "focal = False: must be a valid dictionary"),
        ("0", "focal = 0: must be"),
        ("{gama: 1}", r"focal\.gama = 1: unknown key \(known: weight, gamma\)"),
    ):
        text = (EXAMPLE / "recipe.yaml").read_text().replace("focal:\n    gamma: 2.0", f"focal: {value}")
        (tmp_path / "r.yaml").write_text(text)
        with pytest.raises(ConfigError, match=rf"losses\.{why}"):
            load_config(tmp_path / "r.yaml")


@pytest.mark.parametrize("levels", ["[1.0, 0.5]", "[float('nan'), 1.0]"])
def test_levels_that_do_not_ascend_are_refused(tmp_path: Path, path: pytest.MonkeyPatch, levels: str) -> None:
    code = f"{_FIELDS}X = DeviceModel('about', 'source', 'assumed', {{}}, {{}}, levels=lambda device: {levels})\n"
    offer(tmp_path, path, "falling", "spikesim_py.devices", {"falling": "falling:X"}, code)
    with pytest.raises(ConfigError, match=r"device\.kind = 'falling': its levels are \[.*\]: must be 2, asc"):
        ss.evaluate("digits-w4", load_hardware("rram_32nm", {"device.kind": "falling"}), samples=2)


@pytest.mark.parametrize(
    ("law", "given", "why"),
    [
        ("program_sigma", "[0.1]", r"of shape \(1,\): must be \(2,\)"),
        ("program_sigma", "float('nan')", "not finite or below 0"),
        ("read_law", "-1.0 + 0 * x", "not finite or below 0"),
        ("aged", "float('nan')", "not finite or below 0"),
    ],
)
def test_a_law_that_gives_no_such_numbers_is_refused(
    tmp_path: Path, path: pytest.MonkeyPatch, law: str, given: str, why: str
) -> None:
    fields = {"read": {"noise": "white"}} if law == "read_law" else {}
    code = f"{_FIELDS}X = DeviceModel('a', 's', 'assumed', {fields}, {{}}, {law}=lambda x, *others: {given})\n"
    offer(tmp_path, path, "lawless", "spikesim_py.devices", {"lawless": "lawless:X"}, code)
    chip = load_hardware("rram_32nm", {"device.kind": "lawless", "device.age_s": 10.0 if law == "aged" else 0.0})
    with pytest.raises(ConfigError, match=rf"device\.kind = 'lawless': what its {law} gives is {why}"):
        ss.evaluate("digits-w4", chip, samples=2)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ideal_thresholds(low, bits)", r"of shape \(31,\): must be \(1, 31\)"),
        ("-ideal_thresholds(low, bits)[None]", "not ascending"),
    ],
)
def test_what_is_no_table_never_reaches_a_kernel(
    tmp_path: Path, path: pytest.MonkeyPatch, given: str, why: str
) -> None:
    code = _CIRCUIT.format(stated="'a', 's', 'assumed'").replace("ideal_thresholds(low, bits)[None]", given)
    code = code.replace("return None", "return sar(tech, bits)").replace("def draws", "uniform = False\n    def draws")
    offer(tmp_path, path, "odd", "spikesim_py.adcs", {"odd": "odd:X"}, _FIELDS.replace("AdcM", "sar, AdcM") + code)
    with pytest.raises(ConfigError, match=rf"adc\.kind = 'odd': what its thresholds give is {why}"):
        ss.evaluate("digits-w4", load_hardware("rram_32nm", {"adc.kind": "odd"}), samples=2)


def test_what_is_no_cost_is_refused(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    offer(
        tmp_path,
        path,
        "odd",
        "spikesim_py.adcs",
        {"odd": "odd:X"},
        _FIELDS + _CIRCUIT.format(stated="*'as', 'assumed'"),
    )
    with pytest.raises(ConfigError, match=r"adc\.kind = 'odd': its cost is None: must be a Converter"):
        ss.cost("digits-w4", load_hardware("rram_32nm", {"adc.kind": "odd"}))


def test_a_device_that_ages_by_a_law_of_its_own(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    code = (
        "from spikesim_py.extending import DeviceModel\n"
        "def aged(x, programmed, draw, device):\n"
        "    return programmed / (1 + device.age_s)\n"
        "def read(x, device):\n"
        "    return 0 * x + 0.01\n"
        "X = DeviceModel('about', 'source', 'assumed', {'read': {'noise': 'white'}}, {}, aged=aged, read_law=read)\n"
    )
    offer(tmp_path, path, "fading", "spikesim_py.devices", {"fading": "fading:X"}, code)
    network = load_network("digits-w4")
    reports = [
        ss.evaluate(network, load_hardware("rram_32nm", {"device.kind": "fading", "device.age_s": age}), samples=40)
        for age in (0.0, 0.01, 1e9)
    ]
    accuracies = [report.accuracy for report in reports]
    assert accuracies[0] > 0.9
    assert accuracies[1] > 0.8
    assert accuracies[2] < 0.5  # nothing conducts any more
    assert len({report.measured.key for report in reports if report.measured}) == 3
    old = {"device.kind": "fading", "device.age_s": 0.5}
    keys = {
        accuracy_key(
            network,
            load_hardware("rram_32nm", old | more),
            data="digits",
            split="report",
            samples=10,
            chips=1,
            seed=0,
        )
        for more in ({}, {"device.access_ohm": 7.0})  # a field that only a law could read
    }
    assert len(keys) == 2
    left, corrected = (
        ss.evaluate(network, load_hardware("rram_32nm", old | more), samples=40).accuracy
        for more in ({}, {"mitigation.drift_gain": "layer"})
    )
    assert corrected > left
