"""Plugins that cannot be used, or that must be watched: each is named, and the rest goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from plugin_cases import EXAMPLE, forget, offer

import spikesim_py as ss
from spikesim_py import plugins
from spikesim_py.errors import ConfigError
from spikesim_py.evaluate import accuracy_key
from spikesim_py.hardware import DeviceKind, load_hardware
from spikesim_py.network import load_network


def test_a_plugin_that_fails_is_named_once_and_only_when_used(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    offer(
        tmp_path, import_path, "broken", "spikesim_py.devices", {"odd": "broken:DEVICE"}, "import no_such_module_here"
    )
    load_hardware("rram_32nm")
    expected = (
        r"override: device\.kind = 'odd': device 'odd' of broken 0\.1 \(entry point spikesim_py\.devices: odd = "
        r"broken:DEVICE\) cannot be loaded: ModuleNotFoundError: No module named 'no_such_module_here'$"
    )
    with pytest.raises(ConfigError, match=expected):
        load_hardware("rram_32nm", {"device.kind": "odd"})
    (found,) = plugins.everything()
    assert found[2].startswith("device 'odd' of broken 0.1")


def test_what_is_no_device_is_refused(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    offer(tmp_path, import_path, "wrong", "spikesim_py.adcs", {"odd": "wrong:ADC"}, "ADC = 5")
    with pytest.raises(
        ConfigError, match=r"adc\.kind = 'odd': converter 'odd' of wrong 0\.1 .* is 5: must be an instance of AdcModel"
    ):
        load_hardware("rram_32nm", {"adc.kind": "odd"})


@pytest.mark.parametrize("name", ["rram", "odd"])
def test_two_of_one_name_are_both_named(tmp_path: Path, import_path: pytest.MonkeyPatch, name: str) -> None:
    offer(tmp_path / "a", import_path, "first", "spikesim_py.devices", {name: "first:X"}, "X = 1")
    offer(tmp_path / "b", import_path, "second", "spikesim_py.devices", {name: "second:X"}, "X = 1")
    expected = {"rram": "'rram' is built in, and second .* and first .*: rename", "odd": "offered by .*: uninstall one"}
    with pytest.raises(ConfigError, match=expected[name]) as found:
        load_hardware("rram_32nm", {"device.kind": name})
    assert "first 0.1" in str(found.value)
    assert "second 0.1" in str(found.value)
    assert len(str(found.value).splitlines()) == 1
    assert name not in [n for n in DeviceKind.names() if n != "rram"]


def test_a_damaged_installation_offers_nothing(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    offer(tmp_path, import_path, "torn", "spikesim_py.devices", {"torn": "torn:X"}, "X = 1")
    (tmp_path / "torn-0.1.dist-info" / "entry_points.txt").write_text("[spikesim_py.devices]\nno name here\n")
    forget()
    assert plugins.installed() == ()
    assert load_hardware("rram_32nm").name == "rram_32nm"


def test_a_file_cannot_say_which_code_to_load(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    """Neither a module's name in YAML nor a package in the working folder is an installation."""
    offer(tmp_path, import_path, "lurking", "spikesim_py.devices", {"lurker": "lurking:X"}, "raise SystemExit('ran')")
    import_path.chdir(tmp_path)
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
    tmp_path: Path, import_path: pytest.MonkeyPatch, code: str, why: str
) -> None:
    """The message blames the package, not the chip's file, and everything else goes on."""
    offer(tmp_path, import_path, "odd", "spikesim_py.devices", {"odd": "odd:X"}, _FIELDS + code)
    with pytest.raises(ConfigError, match=rf"device 'odd' of odd 0\.1 .* cannot be loaded: .*{why}") as found:
        load_hardware("rram_32nm", {"device.kind": "odd"})
    assert len(str(found.value).splitlines()) == 1
    assert len(list(plugins.everything())) == 1


def test_a_converter_without_a_source_is_refused(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    code = _FIELDS + _CIRCUIT.format(stated="'[/red]', None, 'assumed'")
    offer(tmp_path, import_path, "odd", "spikesim_py.adcs", {"odd": "odd:X"}, code)
    with pytest.raises(ConfigError, match=r"converter 'odd' of odd 0\.1 .*: ConfigError: source: is missing"):
        load_hardware("rram_32nm", {"adc.kind": "odd"})


def test_what_packages_say_of_themselves_is_printed_as_it_is(
    tmp_path: Path, import_path: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from spikesim_py.cli.terminal.catalogue import print_plugins

    code = _FIELDS + _CIRCUIT.format(stated="'two [/red] bits', 's', 'assumed'")
    offer(tmp_path, import_path, "odd", "spikesim_py.adcs", {"odd": "odd:X"}, code)
    print_plugins(list(plugins.everything()))
    assert "two [/red] bits" in capsys.readouterr().out


def test_a_loss_of_a_plugin_is_switched_on_by_nothing_but_its_fields(extension_chip: Path, tmp_path: Path) -> None:
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
def test_levels_that_do_not_ascend_are_refused(tmp_path: Path, import_path: pytest.MonkeyPatch, levels: str) -> None:
    code = f"{_FIELDS}X = DeviceModel('about', 'source', 'assumed', {{}}, {{}}, levels=lambda device: {levels})\n"
    offer(tmp_path, import_path, "falling", "spikesim_py.devices", {"falling": "falling:X"}, code)
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
    tmp_path: Path, import_path: pytest.MonkeyPatch, law: str, given: str, why: str
) -> None:
    fields = {"read": {"noise": "white"}} if law == "read_law" else {}
    code = f"{_FIELDS}X = DeviceModel('a', 's', 'assumed', {fields}, {{}}, {law}=lambda x, *others: {given})\n"
    offer(tmp_path, import_path, "lawless", "spikesim_py.devices", {"lawless": "lawless:X"}, code)
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
    tmp_path: Path, import_path: pytest.MonkeyPatch, given: str, why: str
) -> None:
    code = _CIRCUIT.format(stated="'a', 's', 'assumed'").replace("ideal_thresholds(low, bits)[None]", given)
    code = code.replace("return None", "return sar(tech, bits)").replace("def draws", "uniform = False\n    def draws")
    offer(
        tmp_path, import_path, "odd", "spikesim_py.adcs", {"odd": "odd:X"}, _FIELDS.replace("AdcM", "sar, AdcM") + code
    )
    with pytest.raises(ConfigError, match=rf"adc\.kind = 'odd': what its thresholds give is {why}"):
        ss.evaluate("digits-w4", load_hardware("rram_32nm", {"adc.kind": "odd"}), samples=2)


def test_what_is_no_cost_is_refused(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    offer(
        tmp_path,
        import_path,
        "odd",
        "spikesim_py.adcs",
        {"odd": "odd:X"},
        _FIELDS + _CIRCUIT.format(stated="*'as', 'assumed'"),
    )
    with pytest.raises(ConfigError, match=r"adc\.kind = 'odd': its cost is None: must be a Converter"):
        ss.cost("digits-w4", load_hardware("rram_32nm", {"adc.kind": "odd"}))


def test_a_device_that_ages_by_a_law_of_its_own(tmp_path: Path, import_path: pytest.MonkeyPatch) -> None:
    code = (
        "from spikesim_py.extending import DeviceModel\n"
        "def aged(x, programmed, draw, device):\n"
        "    return programmed / (1 + device.age_s)\n"
        "def read(x, device):\n"
        "    return 0 * x + 0.01\n"
        "X = DeviceModel('about', 'source', 'assumed', {'read': {'noise': 'white'}}, {}, aged=aged, read_law=read)\n"
    )
    offer(tmp_path, import_path, "fading", "spikesim_py.devices", {"fading": "fading:X"}, code)
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
