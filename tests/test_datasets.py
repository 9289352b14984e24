"""Data sets in their published layouts: built small in a folder, read back, and refused when malformed or hostile."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import pickle
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.datasets import SPLITS, download, load_dataset, sibling
from spikesim_py.datasets.catalogue import catalogue
from spikesim_py.datasets.dataset import Source
from spikesim_py.datasets.mnist import read_idx
from spikesim_py.datasets.pickles import read_pickle
from spikesim_py.datasets.splits import split_indices
from spikesim_py.errors import DataError, InputError
from spikesim_py.network import build
from tests.conftest import tiny_network

RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path))
    return tmp_path


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def make_mnist(root: Path, train: int = 200, test: int = 40, shape: tuple[int, int] = (28, 28), high: int = 256) -> Any:
    """Training files gzipped, test files plain."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = RNG.integers(0, high, (train + test, *shape), dtype=np.uint8)
    labels = (np.arange(train + test) % 10).astype(np.uint8)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images[:train])))
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels[:train])))
    (raw / "t10k-images-idx3-ubyte").write_bytes(idx(images[train:]))
    (raw / "t10k-labels-idx1-ubyte").write_bytes(idx(labels[train:]))
    return images, labels


def make_cifar10(root: Path, protocol: int = 2) -> np.ndarray:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    images = RNG.integers(0, 256, (120, 3072), dtype=np.uint8)
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        batch = {b"batch_label": b"", b"labels": [j % 10 for j in range(20)], b"data": images[20 * i : 20 * i + 20]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=protocol))
    return images


# splits


def test_splits_of_an_official_data_set(root: Path) -> None:
    images, _ = make_mnist(root)
    data = {split: load_dataset("mnist", split) for split in SPLITS}
    assert [len(data[split]) for split in SPLITS] == [40, 8, 4, 188]
    assert {image.tobytes() for image in data["report"].images} == {image.tobytes() for image in images[200:]}
    rows = [image.tobytes() for split in SPLITS for image in data[split].images]
    assert len(set(rows)) == len(rows) == 240
    assert sorted(data["report"].labels[:10]) == list(range(10))


def test_a_split_starts_alike_whatever_is_read_of_it(root: Path) -> None:
    make_mnist(root)
    whole, part = load_dataset("mnist"), load_dataset("mnist", "report", 15)
    assert np.array_equal(whole.images[:15], part.images)
    assert np.array_equal(whole.head(15).labels, part.labels)
    with pytest.raises(DataError, match="samples = 41: mnist/report has 40"):
        load_dataset("mnist", "report", 41)


@given(st.lists(st.integers(0, 4), min_size=60, max_size=200), st.booleans())
def test_splits_cover_every_sample_once(labels: list[int], official: bool) -> None:
    count = len(labels)
    test = np.arange(count) % 3 == 0 if official else None
    source = Source(np.array(labels), [str(i) for i in range(count)], test)
    parts = [split_indices(source, split) for split in SPLITS if count >= 90 or split in ("report", "train")]
    every = np.concatenate(parts)
    assert len(set(every.tolist())) == len(every)
    if count >= 90:
        assert sorted(every.tolist()) == list(range(count))
    if test is not None:
        assert test[parts[0]].all()


# image files


def test_pixels_and_labels_of_mnist(root: Path) -> None:
    images, labels = make_mnist(root)
    read = load_dataset("mnist", "train")
    by_bytes = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert read.images.shape[1:] == (1, 28, 28)
    assert all(by_bytes[image.tobytes()] == label for image, label in zip(read.images, read.labels, strict=True))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is no idx file"),
        (b"\0\0\x0d\x01\0\0\0\1\0\0\0\0", "is no idx file"),
        (b"\0\0\x08\x01\0\0\0\5abc", "3 bytes of data: its header says 5"),
        (b"\0\0\x08\x01\0\0\0\2abc", "more bytes of data"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "at most"),
        (b"\0\0\x08\x03\0\0", "must be 3 sizes"),
    ],
)
def test_malformed_idx_files_are_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    for name, data in (("plain", raw), ("packed.gz", gzip.compress(raw))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=message):
            read_idx(tmp_path / name)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(idx(np.zeros(999, np.uint8)))[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "cut.gz")


@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar_batches(root: Path, protocol: int) -> None:
    images = make_cifar10(root, protocol)
    report = load_dataset("cifar10")
    assert report.name == "cifar10/report"
    assert report.images.shape == (20, 3, 32, 32)
    assert {image.tobytes() for image in report.images} == {image.tobytes() for image in images[100:]}
    assert len(load_dataset("cifar10", "train")) == 94


def test_a_copy_says_what_it_is(root: Path) -> None:
    make_cifar10(root)
    (root / "cifar-10-batches-py" / "SOURCE.txt").write_text("CIFAR-10 (JPEG)\nmore\n")
    assert load_dataset("cifar10").name == "CIFAR-10 (JPEG)/report"


def test_cifar100_takes_the_fine_labels(root: Path) -> None:
    folder = root / "cifar-100-python"
    folder.mkdir()
    for name, count in (("train", 100), ("test", 20)):
        batch = {b"fine_labels": [99 - j for j in range(count)], b"coarse_labels": [0] * count}
        images = np.zeros((count, 3072), np.uint8)
        (folder / name).write_bytes(pickle.dumps(batch | {b"data": images}, protocol=2))
    assert sorted(load_dataset("cifar100").labels) == list(range(80, 100))


class Hostile:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def hostile(path: Path) -> list[bytes]:
    """Programs that would run something, or take memory that no file of theirs has."""
    array = b"cnumpy._core.multiarray\n_reconstruct\n(tR"
    kind = b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
    return [
        pickle.dumps(Hostile(os.system, f"touch {path}")),
        pickle.dumps({b"data": Hostile(exec, f"open({str(path)!r}, 'w')")}, protocol=4),
        pickle.dumps(Hostile(getattr, np.ndarray, "tofile")),
        b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.",
        b"\x80\x02cnumpy\ndtype\n}S'_make'\nI1\nsb.",
        array + b"(I1\n(I1000000000000\nt" + kind + b"I00\nS'ab'\ntb.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\x00\x00\x00ab.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"(" * 100_000,
        b"\x80\x02P1\n.",
        b"",
        b"garbage",
        pickle.dumps([1, 2]),
    ]


def test_hostile_pickles_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    for number, program in enumerate(hostile(witness)):
        path = tmp_path / str(number)
        path.write_bytes(program)
        with pytest.raises(DataError, match=str(path)):
            read_pickle(path)
    assert not witness.exists()


@pytest.mark.parametrize("dtype", ["u1", "<i4", ">f8", "?"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_plain_pickles_come_back(tmp_path: Path, dtype: str, protocol: int) -> None:
    array = np.asfortranarray(RNG.integers(0, 2, (3, 5)).astype(dtype))
    held = {"data": array, b"n": [1, 2], "text": "abc", b"empty": b""}
    (tmp_path / "p").write_bytes(pickle.dumps(held, protocol=protocol))
    back = read_pickle(tmp_path / "p")
    assert np.array_equal(back[b"data"], array)
    assert back[b"data"].dtype == array.dtype
    assert back[b"n"] == [1, 2]
    assert back[b"empty"] == b""


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_mutated_pickles_raise_nothing_else(tmp_path_factory: pytest.TempPathFactory, seed: int, changes: int) -> None:
    rng = np.random.default_rng(seed)
    raw = bytearray(pickle.dumps({b"data": np.arange(40, dtype=np.uint8), b"labels": [1, 2, 3]}, protocol=2))
    for place in rng.integers(0, len(raw), changes):
        raw[place] = rng.integers(0, 256)
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(raw)
    with contextlib.suppress(DataError):
        assert isinstance(read_pickle(path), dict)


def test_batches_with_wrong_content_are_refused(root: Path) -> None:
    make_cifar10(root)
    path = root / "cifar-10-batches-py" / "data_batch_3"
    good = {b"labels": [0], b"data": np.zeros((1, 3072), np.uint8)}
    for change, message in (
        ({b"labels": [10]}, "from 0 to 9"),
        ({b"labels": [0, 1]}, "a list of 1 numbers"),
        ({b"data": np.zeros((1, 3072))}, "of bytes"),
        ({b"data": None}, "of bytes"),
    ):
        path.write_bytes(pickle.dumps(good | change, protocol=2))
        with pytest.raises(DataError, match=message):
            load_dataset("cifar10")


def test_tinyimagenet_folders(root: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    top, names = root / "tiny-imagenet-200", ("n01", "n02")
    (top / "val" / "images").mkdir(parents=True)
    (top / "wnids.txt").write_text("n02\nn01\n")
    for label, name in enumerate(names):
        (top / "train" / name / "images").mkdir(parents=True)
        for i in range(30):
            color = (200 * label, 10, 255 - 200 * label)
            image.new("RGB", (64, 64), color).save(top / "train" / name / "images" / f"{name}_{i}.JPEG")
        image.new("RGB", (64, 64), (200 * label, 10, 0)).save(top / "val" / "images" / f"val_{label}.JPEG")
    (top / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn01\t0\nval_1.JPEG\tn02\t0\n")
    train = load_dataset("tinyimagenet", "train")
    assert train.images.shape == (57, 3, 64, 64)
    assert np.abs(train.images[:, 0].mean((1, 2)) - 200.0 * train.labels).max() < 5
    assert sorted(load_dataset("tinyimagenet").labels) == [0, 1]


# missing and unknown


def test_a_missing_set_says_where_what_and_how(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, how in (("mnist", "spikesim download mnist"), ("nmnist", "garrickorchard"), ("tinyimagenet", "cs231n")):
        with pytest.raises(DataError, match=f"looked for {root}.*expected there: .*{how}"):
            load_dataset(name, steps=2)
    monkeypatch.delenv("SPIKESIM_DATA")
    with pytest.raises(DataError, match="--data-root or SPIKESIM_DATA"):
        load_dataset("mnist")
    with pytest.raises(DataError, match="did you mean 'mnist'"):
        load_dataset("mnits")
    with pytest.raises(DataError, match="option 'poison': unknown; did you mean 'poisson'"):
        load_dataset("digits:poison")


# the command line and the evaluation


def test_the_catalogue_says_what_is_here_and_how_to_get_the_rest(root: Path) -> None:
    make_mnist(root)
    make_cifar10(root)
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(b"junk")
    found = {entry.name: entry for entry in catalogue()}
    assert (found["digits"].samples, found["digits"].classes, found["digits"].place) == (1797, 10, "built in")
    assert (found["digits"].events, found["event-digits"].events) == (False, True)
    assert (found["mnist"].samples, found["mnist"].place) == (240, f"found below {root}")
    assert found["cifar10"].samples is None
    assert "test_batch" in found["cifar10"].place
    assert (found["cifar100"].samples, found["cifar100"].place) == (None, "get it: spikesim download cifar100")
    listed = CliRunner().invoke(main, ["list"])
    assert listed.exit_code == 0, listed.output
    for row in (r"mnist +240 +10 +images +found below", r"digits-w4 +digits +98\.50% +4 bit +10 bit +4 +31 kB"):
        assert re.search(row, listed.output)


def test_a_network_is_evaluated_on_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPIKESIM_DATA")
    make_mnist(root, shape=(8, 8), high=17)
    command = ["evaluate", "digits-w4", "rram_32nm", "--data", "mnist", "--samples", "10", "--data-root", str(root)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert os.environ.pop("SPIKESIM_DATA") == str(root)


def test_other_files_are_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = set()
    for name in ("a", "b"):
        make_mnist(tmp_path / name, shape=(8, 8), high=17)
        monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path / name))
        keys.add(ss.evaluate("digits-w4", "rram_32nm", data="mnist", samples=5).measured.key)
    assert len(keys) == 2


def test_images_for_a_network_of_events_need_a_coding() -> None:
    network = tiny_network()
    model = network.model.model_dump()
    model["input"] |= {"shape": (2, 6, 6), "encoder": "every_step", "coding": "events"}
    events = build(model, network.arrays)
    with pytest.raises(InputError, match="images need a coding, such as digits:poisson"):
        ss.evaluate(events, "rram_32nm")


def test_a_sibling_is_coded_alike() -> None:
    report = load_dataset("digits:poisson", steps=5)
    other = sibling(report, "calibration")
    assert other.images.shape == (100, 5, 1, 8, 8)
    assert other.name == "digits:poisson/calibration"


# download


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_a_download_is_checked_and_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = archive({"set/train": b"abc", "set/../../escape": b"no", "set/other": b"no"})
    good = download.Remote("https://example.org/set.tgz", hashlib.md5(inside).hexdigest(), "set", ("train",))
    monkeypatch.setitem(download.REMOTES, "cifar100", (good,))
    asked: list[str] = []

    def opener(url: str) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(inside)

    assert download.download("cifar100", opener=opener) == [root / "set" / "train"]
    assert (root / "set" / "train").read_bytes() == b"abc"
    assert sorted(path.name for path in root.rglob("*")) == ["set", "train"]
    assert asked == ["https://example.org/set.tgz"]
    with pytest.raises(DataError, match=r"checksum .* must be .*; nothing written"):
        download.download("cifar100", root / "new", opener=lambda url: io.BytesIO(inside[:-1]))
    assert not (root / "new").exists()


def test_downloads_that_cannot_be(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(url: str) -> Any:
        raise OSError("no route")

    with pytest.raises(DataError, match="no route"):
        download.download("mnist", opener=fails)
    with pytest.raises(DataError, match="nmnist': is not offered; did you mean 'mnist'"):
        download.download("nmnist")
    monkeypatch.setitem(download.REMOTES, "mnist", (download.Remote("http://example.org/x", "", "x"),))
    with pytest.raises(DataError, match="only https"):
        download.download("mnist")
    assert not list(root.iterdir())


def test_nothing_is_fetched_unasked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_open", lambda url: pytest.fail("asked the network"))
    with pytest.raises(DataError, match="not found"):
        load_dataset("cifar10")


def test_an_npz_folder_needs_the_sensor(root: Path) -> None:
    for label in "ab":
        (root / label).mkdir()
        for i in range(10):
            np.savez(root / label / f"{i}.npz", x=[1, 2], y=[0, 0], p=[0, 1], t=[5, 9])
    with pytest.raises(DataError, match="do not say the sensor's size"):
        load_dataset(f"npz:dir={root}", steps=2)
    report = load_dataset(f"npz:dir={root}", steps=2, sensor=(3, 4))
    assert report.images.shape == (2, 2, 2, 3, 4)
    assert report.name == f"npz:dir={root.name}/report"
    assert report.images.sum() == 4
    assert zipfile.is_zipfile(root / "a" / "0.npz")
