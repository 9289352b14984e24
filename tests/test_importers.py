"""What every importer promises, and what each of them must refuse."""

from __future__ import annotations

import time

import numpy as np
import pytest
from importer_files import MAKERS, inputs_of, mutated
from memory import at_most

import spikesim_py as ss
from spikesim_py.errors import InputError
from spikesim_py.importers import import_network
from spikesim_py.network import save_network

pytestmark = pytest.mark.filterwarnings("ignore::spikesim_py.importers.AssumedWarning")


@pytest.mark.parametrize("kind", MAKERS)
class TestContract:
    """One class, every format passes it."""

    def test_makes_a_network_that_runs(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        net = import_network(path, **options)
        result = net.run(inputs_of(net))
        assert result.outputs.shape == (3, net.classes)
        assert np.isfinite(result.outputs).all()

    def test_is_the_same_every_time(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        first, second = (import_network(path, **options) for _ in range(2))
        assert first.model == second.model
        assert all((first.arrays[name] == second.arrays[name]).all() for name in first.arrays)

    def test_says_where_it_is_from_and_what_it_assumed(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        record = import_network(path, **options).model.metadata["import"]
        assert record["format"] == options["format"]
        assert isinstance(record["assumed"], list)

    def test_what_is_assumed_can_be_said(self, kind, tmp_path) -> None:
        """Each assumption names an option; said, it is no longer assumed."""
        path, options = MAKERS[kind](tmp_path)
        for line in import_network(path, **options).model.metadata["import"]["assumed"]:
            name, value = line.split(" is assumed")[0].split(" = ", 1)
            said = {name: type_of(value)}
            assert line not in import_network(path, **options | said).model.metadata["import"]["assumed"]

    def test_survives_our_own_file(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        net = import_network(path, **options)
        again = ss.load_network(save_network(net, tmp_path / "own.safetensors"))
        np.testing.assert_array_equal(net.run(inputs_of(net)).outputs, again.run(inputs_of(net)).outputs)

    def test_a_missing_file_is_one_line_that_names_it(self, kind, tmp_path) -> None:
        _, options = MAKERS[kind](tmp_path)
        with pytest.raises(InputError, match=r"nowhere\.pt: cannot be read") as caught:
            import_network(tmp_path / "nowhere.pt", **options)
        assert "\n" not in str(caught.value)

    def test_truncated_files_are_refused(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        data = path.read_bytes()
        for part in (0.0, 0.3, 0.7):
            path.write_bytes(data[: int(part * len(data)) // 8 * 8])
            if kind == "text" and part:
                continue  # rows that are left are a smaller matrix
            with pytest.raises(InputError) as caught:
                import_network(path, **options)
            assert "\n" not in str(caught.value)

    def test_unknown_options_are_refused(self, kind, tmp_path) -> None:
        path, options = MAKERS[kind](tmp_path)
        with pytest.raises(InputError, match="resett: unknown option of an import; did you mean 'reset'"):
            import_network(path, **options, resett="zero")

    def test_few_mutated_files(self, kind, tmp_path) -> None:
        _fuzz(kind, tmp_path, 8 if kind in ("nir", "lava") else 150)

    @pytest.mark.slow
    def test_many_mutated_files(self, kind, tmp_path) -> None:
        """All kinds together are 13,200 files."""
        _fuzz(kind, tmp_path, 300 if kind in ("nir", "lava") else 1400, seed=1)


def type_of(text: str):
    """An option's value as the assumption prints it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _fuzz(kind: str, folder, count: int, seed: int = 0) -> None:
    """Mutated files import, or raise our error: quickly, without memory."""
    path, options = MAKERS[kind](folder)
    data, rng = path.read_bytes(), np.random.default_rng(seed)
    with at_most(200):
        for _ in range(count):
            path.write_bytes(mutated(data, rng))
            start = time.process_time()
            assert "\n" not in _outcome(path, options)
            assert time.process_time() - start < 1


def _outcome(path, options) -> str:
    """What an import says, if it fails as it should."""
    try:
        import_network(path, **options)
    except InputError as error:
        return str(error)
    return ""
