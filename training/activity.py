"""How busy each layer's input lines are on the exact network: what its file stores for costs without data."""

from __future__ import annotations

from spikesim_py.datasets import Dataset
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import simulate
from spikesim_py.network import Network

#: ideal cells, and converters that hold the sum of any crossbar: the arithmetic of the reference executor
_EXACT = {"device.ideal": True, "adc.bits": 12}


def measure_activity(network: Network, data: Dataset) -> dict[str, float]:
    """Ones over (driven rows x bit planes x reads) at each layer's input; zeros of the padding count."""
    activity = simulate(network, load_hardware("rram_32nm", _EXACT), data).activity
    return {name: record.rate for name, record in activity.layers.items()}
