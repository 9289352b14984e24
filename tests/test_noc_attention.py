"""A spiking transformer on the mesh, from training to the report: its closed form, its simulations, its command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from test_noc_analytic import pairs
from test_training_export import random_module

from spikesim_py.cli import main
from spikesim_py.evaluate import cost
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.network import Network
from spikesim_py.noc.edges import gathered
from training import Integer, architecture, export

SMALL = {"crossbar.rows": 64, "pe.crossbars": 4, "tile.pes": 4}


def spikformer(shape: tuple[int, int, int], bits: int, width: float) -> Network:
    blueprint = architecture("spikformer", input_shape=shape, input_bits=bits, classes=10, time_steps=2, width=width)
    return export(random_module(blueprint, Integer(4, 8)), "spikformer")


@pytest.fixture(scope="module")
def quarter() -> Network:
    return spikformer((3, 16, 16), 8, 1 / 4)


@pytest.mark.parametrize("fields", [{}, SMALL, SMALL | {"noc.encoding": "aer", "mapping.rows": "spikeflow"}])
def test_the_closed_form_is_right_in_sum(quarter: Network, fields: dict[str, Any]) -> None:
    """And sends operands within a layer exactly where they lie on several tiles."""
    mapping = map_network(quarter, load_hardware("rram_32nm", fields))
    found = pairs(mapping)
    flows = np.array([(flow.steps * flow.flits, flow.steps * flow.flit_links) for flow, _ in found]).sum(0)
    exact = np.array([(x.transfer.flits.sum() * flow.steps, x.flit_links * flow.steps) for flow, x in found]).sum(0)
    assert flows == pytest.approx(exact, rel=0.07)
    spread = [name for name, plan in mapping.layers.items() if plan.tiles > 1]
    own = {flow.layer for flow, _ in found if flow.kind == "shortcut" and flow.layer == flow.target}
    assert own == {name for name in spread if name.endswith(("_k", "_v"))}


def test_what_lies_on_one_tile(quarter: Network) -> None:
    """Products and what follows until the next layer; the shortcut's sum lies where that layer's outputs do."""
    behind = {"qk", "qkv", "attention_bn", "attention_lif"}
    assert gathered(quarter) == {f"b{block}_{name}" for block in range(1, 5) for name in behind}


@pytest.mark.parametrize("fidelity", ["analytic", "event", "cycle"])
@pytest.mark.parametrize("cast", ["unicast", "tree"])
def test_every_fidelity_costs_it(fidelity: str, cast: str) -> None:
    network = spikformer((3, 8, 8), 8, 1 / 16)
    fields = {"noc.fidelity": fidelity, "noc.cast": cast, "noc.packet_flits": 3, "crossbar.rows": 16}
    plain = cost(network, load_hardware("rram_32nm", fields | {"noc.cast": "unicast", "noc.fidelity": "analytic"}))
    report = cost(network, load_hardware("rram_32nm", fields))
    assert report.energy_pj <= plain.energy_pj * (1 + 1e-9) if cast == "tree" else report.energy_pj > 0
    assert report.latency_ns == pytest.approx(plain.latency_ns, rel=0.1)


def test_the_command_sends_its_spikes(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    spikformer((1, 8, 8), 5, 1 / 16).save(path)
    result = CliRunner().invoke(main, ["noc", str(path), "rram_32nm", "--samples", "1", "--top", "3"])
    assert result.exit_code == 0, result.output
    assert "b1_k" in result.output or "b1_v" in result.output
