"""A network of one's own without a browser: files that arrive, what is assumed, hostile ones, and the report."""

from __future__ import annotations

import base64
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash_calls import caller
from importer_files import lif, nir_file, snntorch_file, state_dict_file, write_nir

import spikesim_py as ss
from explorer_app import create_app
from explorer_app.bring.files import KEPT, MAX_BYTES, Files
from explorer_app.bring.options import ORDER, chosen, controls
from explorer_app.bring.rooms import Rooms
from spikesim_py.errors import InputError
from spikesim_py.importers import Options, about_options, import_network
from spikesim_py.network import save_network

Call = Callable[..., dict[str, Any]]
OPTIONS = [(name, None) for name in ORDER]


def _sent(data: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(data).decode()


@pytest.fixture
def call() -> Call:
    return caller(create_app(None))


def _upload(call: Call, name: str, data: bytes, format: str = "", **options: Any) -> dict[str, Any]:
    """What the page shows of a file."""
    found = call(
        "own-upload.contents", "own-upload.contents", **{"own-upload": _sent(data), "own-upload.filename": name}
    )
    file = found["own-file"]["data"]
    if file is None:
        return found
    shown = [(option, options.get(option)) for option in ORDER]
    return call("own-network.children", **{"own-file": file, "own-format": format}, option=shown)


def test_every_option_has_a_control_and_says_what_it_means() -> None:
    about = about_options()
    assert set(about) == {*ORDER, "name", "architecture"} == set(Options.__dataclass_fields__)
    assert about["reset"].startswith("what a spike leaves of the membrane")
    assert all(about.values())
    assert len(controls().children) == len(ORDER)


def test_controls_become_options_and_nonsense_is_named() -> None:
    given = {"dt": "1e-3", "time_steps": "8", "strict": "no", "reset": "subtract", "input_shape": "1, 8,8", "beta": ""}
    expected = {"dt": 1e-3, "time_steps": 8, "strict": False, "reset": "subtract", "input_shape": (1, 8, 8)}
    assert chosen(given) == expected
    with pytest.raises(InputError, match="time_steps = 'many': must be a number"):
        chosen({"time_steps": "many"})
    with pytest.raises(InputError, match="input_shape = 'a,b': must be whole numbers"):
        chosen({"input_shape": "a,b"})


def test_a_checkpoint_is_read_and_its_assumptions_are_told(call: Call, tmp_path: Path) -> None:
    found = _upload(call, "net.nir", nir_file(tmp_path)[0].read_bytes())
    text = str(found["own-network"]["children"])
    assert "is assumed" in text
    assert "spikesim-explorer" not in text
    assert found["own-run"]["disabled"] is False
    assert "none here has its input" in str(found["own-data"]["data"])
    said = _upload(call, "net.nir", nir_file(tmp_path)[0].read_bytes(), convention="nir", time_steps="5")
    assert str(said["own-network"]["children"]).count("is assumed") < text.count("is assumed")


def test_a_format_that_the_suffix_does_not_tell_is_asked_for(call: Call, tmp_path: Path) -> None:
    data = snntorch_file(tmp_path)[0].read_bytes()
    assert "does not tell its format" in str(_upload(call, "net.pt", data)["own-problem"])
    assert _upload(call, "net.pt", data, "snntorch", time_steps="4")["own-run"]["disabled"] is False


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_bad_and_hostile_files_are_one_message_and_run_nothing(call: Call, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    files = {
        "evil.pkl": pickle.dumps({"fc.weight": np.eye(2), "more": _Evil(mark)}),
        "bomb.pkl": b"\x80\x02" + b"K\x01" * 500_000 + b".",
        "text.pt": b"this is no checkpoint",
        "cut.nir": nir_file(tmp_path)[0].read_bytes()[:900],
        "cut.safetensors": b"\xff" * 64,
        "../../etc/passwd": b"root",
    }
    for name, data in files.items():
        for format in ("snntorch", "state_dict", "nir", ""):
            found = _upload(call, name, data, format)
            message = str(found["own-problem"]["children"])
            assert "spikesim-explorer" not in message
            assert found["own-run"]["disabled"] is True or name == "evil.pkl"  # its weights are a network
            assert len(message) < 1500
    assert not mark.exists()


def test_what_is_too_large_or_empty_or_no_file_is_refused() -> None:
    files = Files()
    with pytest.raises(InputError, match=r"big.nir: has 48 MiB: at most 32"):
        files.put("big.nir", ";base64," + "A" * (2 * MAX_BYTES))
    with pytest.raises(InputError, match=r"empty.nir: is empty"):
        files.put("empty.nir", ";base64,")
    with pytest.raises(InputError, match="did not arrive"):
        files.put("odd.nir", ";base64,%%%")


def test_files_are_kept_by_content_and_the_oldest_go() -> None:
    files = Files()
    keys = [files.put("net.nir", _sent(bytes([i]))) for i in range(KEPT + 1)]
    assert files.put("../other.NIR", _sent(bytes([KEPT]))) == keys[-1]
    with pytest.raises(InputError, match=r"net.nir: is not here any more"):
        files.get(keys[0], "net.nir")
    place = files.get(keys[-1], "../../x.nir")
    assert (place.name, place.path.suffix) == ("x.nir", ".nir")
    folder = place.path.parent
    assert len(list(folder.iterdir())) == KEPT
    for key in ("at:0", "at:-1", "sent:../../etc/passwd", "/etc/passwd", ""):
        with pytest.raises(InputError):
            files.get(key, "x")
    del files
    assert not folder.exists()


def test_a_page_names_no_file_or_folder_of_the_server() -> None:
    network, rooms = ss.load_network("digits-w2"), Rooms(None, Files())
    with pytest.raises(InputError, match="is not bundled"):
        rooms.run(network, "/etc/chip.yaml", "", 1, 1, None)
    with pytest.raises(InputError, match="names a folder"):
        rooms.run(network, "rram_32nm", "nmnist:dir=/etc", 1, 1, None)


def test_an_upload_larger_than_the_limit_does_not_reach_the_page() -> None:
    app = create_app(None)
    answer = app.server.test_client().post(
        "/_dash-update-component", data=b"x" * (4 * MAX_BYTES // 3 + 2**21), content_type="application/json"
    )
    assert answer.status_code == 413


def _rooms(path: Path) -> tuple[Rooms, dict[str, str]]:
    return Rooms(None, Files([path])), {"key": "at:0", "name": path.name}


def test_the_report_is_that_of_evaluate(tmp_path: Path) -> None:
    path = save_network(ss.load_network("digits-w4"), tmp_path / "mine.safetensors")
    rooms, file = _rooms(path)
    found = rooms.read(file, "", {})
    assert found.data[0] == "digits"
    report = rooms.run(found.network, "rram_32nm", "digits", 20, 2, None)
    assert report.to_dict() == ss.evaluate("digits-w4", "rram_32nm", samples=20, chips=2).to_dict()
    with pytest.raises(InputError, match="samples = 5000"):
        rooms.run(found.network, "rram_32nm", "digits", 5000, 1, None)


def test_a_float_network_runs_as_it_is_or_quantized(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(10, 64))
    nodes = {
        "input": {"type": "Input", "shape": np.array([1, 8, 8])},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array([1, 8, 8])},
        "fc": {"type": "Affine", "weight": weight, "bias": np.zeros(10)},
        "lif": lif(10),
        "output": {"type": "Output", "shape": np.array([10])},
    }
    edges = [("input", "flat"), ("flat", "fc"), ("fc", "lif"), ("lif", "output")]
    rooms, file = _rooms(write_nir(tmp_path / "float.nir", nodes, edges))
    options = {"convention": "nir", "time_steps": 4, "coding": "direct", "input_bits": 5}
    found = rooms.read(file, "", options)
    assert "digits" in found.data
    plain, coarse = (rooms.run(found.network, "rram_32nm", "digits", 10, 1, bits) for bits in (None, 2))
    assert plain.accuracy is not None
    assert coarse.accuracy is not None
    assert coarse.energy_pj < plain.energy_pj
    same = import_network(tmp_path / "float.nir", **options, name="float")
    assert found.network.describe() == same.describe()


def test_an_architecture_may_come_along(tmp_path: Path) -> None:
    path, told = state_dict_file(tmp_path)
    rooms, file = _rooms(path)
    with pytest.raises(InputError, match=r"net.pth.*give an architecture"):
        rooms.read(file, "state_dict", {})
    yaml = rooms.files.put("net.yaml", _sent(Path(told["architecture"]).read_bytes()))
    more = {"architecture": yaml, "architecture_name": "net.yaml"}
    assert rooms.read(file | more, "state_dict", {}).network.name == "net"
    bad = rooms.files.put("bad.yaml", _sent(b"layers: [{type: Nonsense}]"))
    with pytest.raises(InputError, match=r"^bad.yaml"):
        rooms.read(file | more | {"architecture": bad, "architecture_name": "bad.yaml"}, "state_dict", {})
