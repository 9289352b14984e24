"""Every bundled chip with every circuit of wires: it runs, or says why not."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tiny_images, tiny_network

from spikesim_py.crossbar import program
from spikesim_py.errors import ConfigError
from spikesim_py.hardware import load_hardware, presets
from spikesim_py.mapping import map_network

ANALOG = sorted(set(presets()) - {"spikesim_released"})


@pytest.mark.parametrize("topology", ["passive", "pseudo_1t1r", "gated_1t1r"])
@pytest.mark.parametrize("name", ANALOG)
def test_a_preset_behind_wires_reads_less_than_without(name: str, topology: str) -> None:
    """Cells at 0 S and presets whose ratio is no power of two included."""
    size = {"crossbar.rows": 32, "crossbar.cols": 32, "adc.bits": 8}
    wired = size | {"wires.topology": topology, "wires.bit_ohm": 50.0}
    if load_hardware(name).device.read_model != "current":
        with pytest.raises(ConfigError, match="read_model"):
            load_hardware(name, wired)
        return
    chip, network = load_hardware(name, wired), tiny_network()
    layer = program(map_network(network, chip), "conv1", seed=0, chip=0)
    values, reads = layer.multiply(tiny_images(4))
    assert np.isfinite(values).all()
    loss = layer.ir_loss(reads.hits)
    assert loss is None if topology == "gated_1t1r" else 0 < loss < 1


def test_idle_settings_are_noted() -> None:
    idle = load_hardware("rram_32nm", {"device.read.sigma": 0.2, "device.age_s": 1e8, "device.stuck_on_rate": 0.0})
    assert idle.device.idle == ("device.read.sigma", "device.age_s")
    assert load_hardware("rram_32nm").device.idle == ()
