"""Which questions a file leaves open, which of them matter for its units, and that only these are warned of."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from importer_files import MAKERS, lif, text_file, write_nir

from spikesim_py.errors import InputError, NetworkError
from spikesim_py.importers import AssumedWarning, import_network

ALWAYS = {"reset", "max_spikes", "time_steps", "input_bits"}
IF = {"type": "IF", "r": np.ones(3), "v_threshold": np.ones(3), "v_reset": np.zeros(3)}
CUBA = {"type": "CubaLIF"} | {
    key: np.full(3, value)
    for key, value in {"tau_mem": 1e-2, "tau_syn": 2e-2, "r": 1, "v_leak": 0, "v_threshold": 1, "w_in": 1}.items()
}


def _assumed(path: Path, **options: Any) -> set[str]:
    """Names of the options that are warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        import_network(path, **options)
    messages = [str(one.message) for one in told if issubclass(one.category, AssumedWarning)]
    return {message.split(": ", 1)[1].split(" = ")[0] for message in messages}


def _file(folder: Path, unit: dict[str, Any], weight: float = 0.5) -> Path:
    nodes = {
        "input": {"type": "Input", "shape": np.array([2])},
        "fc": {"type": "Linear", "weight": np.full((3, 2), weight)},
        "unit": unit,
        "output": {"type": "Output", "shape": np.array([3])},
    }
    return write_nir(folder / "net.nir", nodes, list(itertools.pairwise(nodes)))


@pytest.mark.parametrize(
    ("unit", "weight", "more"),
    [
        (IF, 0.5, set()),
        (IF, 2.0, {"strict"}),
        (lif(3, tau=1e-2, r=1.0), 2.0, {"dt"}),
        (lif(3, tau=4e-4, r=1.0), 0.5, {"dt", "decay"}),
        (lif(3, tau=1e-2, r=1.0, v_leak=0.5), 0.5, {"dt", "v_init"}),
        (lif(3, tau=2e-4), 0.5, {"decay"}),  # its r tells dt
        (lif(3, tau=1e-2, r=5.0), 0.5, {"dt", "decay"}),  # it may tell dt = 2 ms, or be a resistance
        (CUBA, 0.5, {"dt", "synapse_reads"}),
    ],
    ids=[
        "IF",
        "IF of whole numbers",
        "slow LIF",
        "fast LIF",
        "leaking to 0.5",
        "with dt in r",
        "with r = 5",
        "CubaLIF",
    ],
)
def test_what_matters_is_asked(unit: dict[str, Any], weight: float, more: set[str], tmp_path: Path) -> None:
    assert _assumed(_file(tmp_path, unit, weight)) == ALWAYS | more


@pytest.mark.parametrize(
    ("convention", "unit", "more"),
    [
        ("snntorch", lif(3, tau=1e-2, r=1.0), set()),
        ("norse", lif(3, tau=1e-2, r=1.0, v_leak=0.5), set()),
        ("sinabs", IF, {"v_min"}),  # Sinabs itself reads another one than it wrote
        ("sinabs", lif(3, tau=5.0, r=1.0), {"gain"}),  # norm_input is its default, and not in its files
    ],
)
def test_a_convention_answers_the_rest(convention: str, unit: dict[str, Any], more: set[str], tmp_path: Path) -> None:
    path = _file(tmp_path, unit)
    assert _assumed(path, convention=convention) == {"time_steps", "input_bits"} | more


@pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
def test_an_integrators_r_of_one_is_noted(tmp_path: Path) -> None:
    notes = import_network(_file(tmp_path, IF)).model.metadata["import"]["notes"]
    assert any("r = 1 counts its input as it is" in note for note in notes)
    told = import_network(_file(tmp_path, IF | {"r": np.full(3, 1e4)})).model.metadata["import"]["notes"]
    assert not any("r = 1" in note for note in told)


class Linear(torch.nn.Linear):
    """Whose forward might do anything."""


@pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
@pytest.mark.parametrize("form", ["module", "pickle"])
def test_a_class_of_the_same_name_elsewhere_is_said(form: str, tmp_path: Path) -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3), Linear(3, 2))
    source: Any = layers
    if form == "pickle":
        source = tmp_path / "net.pt"
        torch.save(layers, source)
    assumed = import_network(source, "snntorch").model.metadata["import"]["assumed"]
    (line,) = [line for line in assumed if line.startswith("architecture")]
    assert line.startswith("architecture = what Linear is elsewhere is assumed: module '1' is a Linear of the package")


@pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
def test_what_reads_a_layer_twice_is_refused(tmp_path: Path) -> None:
    """A sum of both would count it once."""
    layers = "- {name: a, type: Linear, arrays: a}\n- {type: Add, inputs: [a, a]}\n"
    (tmp_path / "net.yaml").write_text(f"input: {{shape: [2]}}\nlayers:\n{layers}")
    with pytest.raises(ValueError, match=r"layers\.1: inputs = \['a', 'a'\]: must differ"):
        import_network({"a.weight": torch.ones(2, 2)}, "state_dict", architecture=str(tmp_path / "net.yaml"))


@pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
def test_normed_inputs_of_sinabs_are_said_by_the_gain(tmp_path: Path) -> None:
    """`norm_input`: inputs times 1 - exp(-1 / tau), as against as they are."""
    path, x = _file(tmp_path, lif(3, tau=5.0, r=1.0), weight=1.0), np.ones((1, 16, 2, 1, 1))
    nets = [import_network(path, convention="sinabs", gain=gain) for gain in ("unit", "tau")]
    plain, normed = (sum(net.run(x).spikes.values()) for net in nets)
    assert plain > 3 * normed > 0


@pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")
@pytest.mark.parametrize("tau", [np.float32(1e-4), np.float32(9.999998e-5)])
def test_a_time_constant_of_one_step_forgets_all(tau: np.float32, tmp_path: Path) -> None:
    """As float32 holds it, a bit below 1e-4 (snnTorch's beta = 0)."""
    net = import_network(_file(tmp_path, lif(3, tau=tau, r=1.0)), dt=1e-4)
    assert net.by_name["unit"].leak.multiplier == 0
    with pytest.raises(NetworkError, match="must be from 0 to 1; a time constant below one time-step"):
        import_network(_file(tmp_path, lif(3, tau=0.99e-4, r=1.0)), dt=1e-4)


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        ("lava", "reset", "subtract"),
        ("lava", "convention", "sinabs"),
        ("text", "dt", 1e-3),
        ("spikesim", "reset", "zero"),
        ("snntorch", "v_min", -1),
        ("spikingjelly", "gain", "unit"),
        ("nir", "beta", 0.5),
    ],
)
def test_what_a_format_says_itself_is_no_option_of_it(kind: str, option: str, value: Any, tmp_path: Path) -> None:
    """An option that changed nothing would be believed."""
    path, options = MAKERS[kind](tmp_path)
    with pytest.raises(InputError, match=f"{option}: changes nothing of {kind} checkpoints"):
        import_network(path, **options | {option: value})


def test_matrices_in_text_leave_almost_all_open(tmp_path: Path) -> None:
    path, options = text_file(tmp_path)
    assert _assumed(path, **options) == {"time_steps", "beta", "reset", "strict"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("time_steps: LIFNode", "time_steps = 'LIFNode': must be from 1 to 10000"),
        ("time_steps: [8]", r"time_steps = \[8\]: must be from"),
        ("readout: 5", "readout = 5: must be one of accumulate"),
        ("input: {shape: [2], bits: 99}", "input_bits = 99: must be from 1 to 16"),
        ("5: 8", r"5: unknown key \(known: name, input"),
        ("layers: [{type: LIFNode, tau: %s}]" % ("9" * 400), "tau: must be numbers, is a int"),
    ],
)
def test_what_an_architecture_says_is_checked(change: str, message: str, tmp_path) -> None:
    key = change.partition(":")[0]
    lines = {"input": "{shape: [2]}", "time_steps": "8", "layers": "[{type: Linear, arrays: a}]"} | {
        key: change[len(key) + 2 :]
    }
    (tmp_path / "net.yaml").write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))
    with pytest.raises(NetworkError, match=rf"net\.yaml: .*{message}"):
        import_network({"a.weight": torch.ones(2, 2)}, "state_dict", architecture=str(tmp_path / "net.yaml"))
