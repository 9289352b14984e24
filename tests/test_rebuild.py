"""From a stored report back to its network and chip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import tiny_network

import spikesim_py as ss
from spikesim_py.activity import Activity
from spikesim_py.errors import InputError
from spikesim_py.network.files import save_network
from spikesim_py.rebuild import rebuild, source_of
from spikesim_py.sweep.resolve import NetworkSource


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    """As a study holds it: through JSON."""
    report = ss.evaluate("digits-w2", "rram_32nm", samples=20, overrides={"adc.bits": 4})
    found: dict[str, Any] = json.loads(json.dumps(report.to_dict()))
    return found


def test_what_is_rebuilt_costs_the_same(stored: dict[str, Any]) -> None:
    network, hardware = rebuild(stored)
    again = ss.cost(network, hardware, activity=Activity.from_dict(stored["activity"]))
    assert again.energy_pj == stored["metrics"]["energy_pj"]
    assert again.latency_ns == stored["metrics"]["latency_ns"]
    assert again.area_um2 == stored["metrics"]["area_um2"]
    assert again.tree.to_dict() == stored["tree"]


def test_a_network_of_a_file_is_found_where_the_study_says(tmp_path: Path) -> None:
    network = tiny_network()
    report = json.loads(json.dumps(ss.cost(network, "rram_32nm").to_dict()))
    with pytest.raises(InputError, match="network 'tiny-4': neither a bundled network nor a file of the study"):
        rebuild(report)
    path = tmp_path / "tiny.safetensors"
    save_network(network, path)
    found, _ = rebuild(report, ["digits-w4", str(path)])
    assert found.name == "tiny-4"


def test_another_network_of_the_same_name_is_not_taken(stored: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="digits-w4"):
        rebuild(stored | {"network": "digits-w4"})


def test_a_chip_of_another_version_is_refused_in_one_line(stored: dict[str, Any]) -> None:
    hardware = stored["hardware"] | {"crossbar": stored["hardware"]["crossbar"] | {"layers": 3}}
    with pytest.raises(InputError, match=r"^report [0-9a-f]{12}: .* crossbar\.layers .*; evaluate it again$"):
        rebuild(stored | {"hardware": hardware})


def test_an_activity_comes_back_but_for_its_samples(stored: dict[str, Any]) -> None:
    again = Activity.from_dict(stored["activity"])
    assert again.means() == {key: value for key, value in stored["activity"].items() if key != "each"}
    assert again.each is None


@pytest.mark.parametrize("changes", [{"network.time_steps": 2}, {"network.weight_bits": 3}, {"network.input_bits": 6}])
def test_a_network_that_was_changed_is_made_again_from_what_was_changed(changes: dict[str, Any]) -> None:
    name = "digits-fp" if "network.weight_bits" in changes else "digits-w2"
    source = NetworkSource(name, tuple(changes.items()))
    report = json.loads(json.dumps(ss.cost(source.load(), "rram_32nm").to_dict()))
    with pytest.raises(InputError, match="holds exactly the network"):
        rebuild(report, [name])
    found = source_of(report, [name], [{"network.time_steps": 3}, changes])
    assert found == source
    assert rebuild(report, [name], [changes])[0].name == source.load().name
