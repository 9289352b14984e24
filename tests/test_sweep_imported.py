"""Results from outside: what is exported comes back equal; what is wrong is named with file, column, row and value."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.cli import main
from spikesim_py.errors import InputError, StoreError
from spikesim_py.report import METRICS
from spikesim_py.sweep import compare_fronts, import_results, load_study, nearest_front_design, read_results
from spikesim_py.sweep.export import write_csv, write_parquet
from spikesim_py.sweep.imported import MAX_COLUMNS, MAX_TEXT
from spikesim_py.sweep.study import COLUMNS

Frame = dict[str, np.ndarray]
_SHARES = {"accuracy", "utilization", "assumed_energy_share", "assumed_area_share"}
_WORD = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], codec="utf-8"), max_size=12)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Columns as a study has them: texts, whole numbers, numbers that may be missing, axes of all kinds."""
    count = draw(st.integers(1, 5))

    def many(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    share = st.one_of(st.floats(0, 1), st.just(np.nan))
    cost = st.one_of(st.floats(0, 1e300), st.just(np.nan))
    frame: Frame = {
        "adc.layer_bits.fc": np.array(many(st.integers(1, 12))),
        "network": np.array(many(_WORD), dtype=str),
        "chip": np.array(many(st.sampled_from(["rram_32nm", "7", "a,b", 'a "quoted" chip'])), dtype=str),
        "weight_bits": np.array(many(st.integers(1, 32))),
        "device.ideal": np.array(many(st.booleans())),
        "noc.placement+noc.topology": np.array(many(st.sampled_from(["snake", "x y", "<b>", "Ä"])), dtype=str),
        "crossbar.rows": np.array(many(st.sampled_from([64, 128]))),
        "crossbar.cols": np.array(many(st.sampled_from([64, 128]))),
        "adc.bits": np.array(many(st.integers(1, 12))),
    }
    for name in METRICS:
        frame[name] = np.array(many(share if name in _SHARES else cost), dtype=float)
    frame |= {name: np.array(many(share), dtype=float) for name in ("accuracy_low", "accuracy_high")}
    digest = st.text("0123456789abcdef", min_size=64, max_size=64)
    return frame | {name: np.array(many(digest), dtype=str) for name in ("report_hash", "accuracy_key")}


def _equal(a: Frame, b: Frame) -> None:
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype.kind == b[name].dtype.kind, name
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@settings(max_examples=20, deadline=None)
@given(frame=frames())
def test_what_is_exported_comes_back_equal(frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("round")
    for path in (write_csv(frame, folder / "results.csv"), write_parquet(frame, folder / "results.parquet")):
        study = import_results(path, folder / f"{path.suffix}.db")
        _equal(study.frame(), frame)
        again = study.to_csv(folder / "again.csv")
        assert again.read_bytes() == (folder / "results.csv").read_bytes()


def _file(folder: Path, text: str | bytes, name: str = "theirs.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_short_table_of_others_is_a_study_that_can_be_held_against_ours(tmp_path: Path) -> None:
    text = "\ufeffnetwork,accuracy,energy_pj\r\ntheirs, 0.9 ,1e6\r\nother,,2000000\r\n"
    study = import_results(_file(tmp_path, text), tmp_path / "theirs.db")
    frame = study.frame()
    assert set(frame) == {*COLUMNS}
    assert frame["network"].tolist() == ["theirs", "other"]
    np.testing.assert_array_equal(frame["accuracy"], [0.9, np.nan])
    assert len(set(frame["report_hash"])) == 2
    assert study.space.name == "theirs"
    assert study.pareto(["accuracy", "energy_pj"])["network"].tolist() == ["theirs"]
    ours = frame | {"accuracy": np.array([0.95, 0.8])}
    assert compare_fronts(frame, ours, ["accuracy", "energy_pj"]).beaten == (1, 0)
    with pytest.raises(StoreError, match=r"was imported as numbers: it has no report"):
        study.report(str(frame["report_hash"][0]))


def test_fields_of_a_table_are_axes_of_its_study(tmp_path: Path) -> None:
    text = "crossbar.rows,adc.bits,chip,device.kind,note,accuracy,edap\n"
    text += "64,4,a,rram,x,0.9,1e-9\n128,4,b,rram,y,0.8,1e-10\n128,4,b,,z,0.7,2e-10\n"
    study = import_results(_file(tmp_path, text), tmp_path / "theirs.db")
    assert study.imported
    assert study.space.axes == {"crossbar.rows": [64, 128], "chip": ["a", "b"]}  # those that differ; a note is none
    frame = study.frame()
    advice = nearest_front_design(frame, 2, ["accuracy", "edap"], list(study.space.axes))
    assert (advice.target, advice.changes) == (1, ())
    done = CliRunner().invoke(main, ["pareto", str(study.path)])
    assert done.exit_code == 0
    assert "crossbar.rows" in done.output
    (tmp_path / "plain").mkdir()
    assert import_results(_file(tmp_path / "plain", "edap\n1\n"), tmp_path / "plain.db").space.axes == {}


def test_no_sweep_adds_its_own_results_to_imported_ones(tmp_path: Path) -> None:
    import spikesim_py as ss

    import_results(_file(tmp_path, "accuracy\n0.5\n"), tmp_path / "theirs.db")
    space = {"network": "digits-w2", "chip": "rram_32nm", "axes": {"adc.bits": [4]}}
    with pytest.raises(InputError, match="holds results of model version imported"):
        ss.sweep(space, store=tmp_path / "theirs.db", executor="serial")
    with pytest.raises(InputError, match="is there already"):
        import_results(tmp_path / "theirs.csv", tmp_path / "theirs.db")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "theirs.csv: is empty"),
        ("accuracy\n", "has no row"),
        ("accuracy,accuracy\n1,1\n", "column 'accuracy': stands twice"),
        ("accurcy\n1\n", r"columns accurcy: none is a metric; did you mean 'accuracy'\? \(metrics: accuracy, edap"),
        ("accuracy,<img src=x>\n1,1\n", "column 2 is named '<img src=x>'"),
        ("accuracy,../x\n1,1\n", "column 2 is named"),
        ("accuracy,edap\n1,1\n1\n", "row 2: has 1 cells: must have 2"),
        ("accuracy\n0.9\n95.2\n", r"column 'accuracy', row 2: 95.2: must be from 0 to 1 \(per cent\? divide by 100\)"),
        ("edap\n1\n-3\n", "column 'edap', row 2: -3: must be a finite number, 0 or more"),
        ("edap\ninf\n", "column 'edap', row 1: 'inf' is no number"),
        ("edap\n1e999\n", "column 'edap', row 1: '1e999' is no number"),
        ("accuracy\nhigh\n", r"column 'accuracy', row 1: 'high' is no number \(must be from 0 to 1, or empty\)"),
        ("accuracy_low,edap\nx,1\n", "column 'accuracy_low', row 1: 'x' is no number"),
        ("edap,network\n1,a\x00b\n", "column 'network', row 1: .*: has control characters"),
        (f"edap,network\n1,{'a' * (MAX_TEXT + 1)}\n", f"has more than {MAX_TEXT} characters"),
        (b"edap\n\xff\n", "is no text in UTF-8"),
        ('edap\n"1\n', "is no CSV"),
        ("edap," + ",".join(f"c{i}" for i in range(MAX_COLUMNS)) + "\n", f"at most {MAX_COLUMNS}"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_results(_file(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_too_large_and_foreign_files_are_refused_and_nothing_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "executed"
    evil = b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR."
    for name, told in (("evil.pkl", r"suffix '\.pkl': must be \.csv or \.parquet"), ("evil.parquet", "is no Parquet")):
        with pytest.raises(InputError, match=told):
            read_results(_file(tmp_path, evil, name))
    assert not mark.exists()
    module = sys.modules[import_results.__module__]
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    with pytest.raises(InputError, match="more than 3 rows"):
        read_results(_file(tmp_path, "edap\n" + "1\n" * 4))
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="has 0 MiB: at most"):
        read_results(_file(tmp_path, "edap\n1\n2\n3\n4\n"))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_results(tmp_path / "none.csv")


def test_parquet_of_other_types_and_long_texts_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def write(**columns: Any) -> Path:
        parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
        return tmp_path / "x.parquet"

    with pytest.raises(InputError, match=r"column 'y': is of list<.*>: must be numbers or text"):
        read_results(write(edap=[1.0], y=[[1, 2]]))
    with pytest.raises(InputError, match=f"column 'network': a text has more than {MAX_TEXT}"):
        read_results(write(edap=[1.0] * 5, network=["a" * (MAX_TEXT + 1)] * 5))
    assert read_results(write(edap=[1.0, None], network=["a", None]))["network"].tolist() == ["a", ""]
    raw = (tmp_path / "x.parquet").read_bytes()
    for damaged in (raw[:-20], raw[:8] + b"\xff" * 60 + raw[68:], b"PAR1" * 3):
        with pytest.raises(InputError, match=r"x\.parquet"):
            read_results(_file(tmp_path, damaged, "x.parquet"))


@pytest.mark.parametrize("empty", ["", " ", "nan", "NaN"])
def test_designs_that_failed_are_no_results_however_others_write_an_empty_cell(tmp_path: Path, empty: str) -> None:
    rows = f"adc.bits,edap,accuracy,error\n4,{empty},{empty},no such ADC\n"
    frame = read_results(_file(tmp_path, f"{rows}5,1e-9,{empty},{empty}\n"))
    assert frame["adc.bits"].tolist() == [5]
    assert "error" not in frame  # nothing is left in it
    with pytest.raises(InputError, match="has no result: each of its 1 designs failed"):
        read_results(_file(tmp_path, rows))


def test_fields_that_move_together_are_one_axis(tmp_path: Path) -> None:
    rows = "crossbar.rows,crossbar.cols,adc.bits,tile.pes,edap\n64,64,4,,1\n128,128,4,2,2\n64,64,5,,3\n"
    axes = import_results(_file(tmp_path, rows), tmp_path / "theirs.db").space.axes
    assert axes == {"crossbar.rows+crossbar.cols": [64, 128], "adc.bits": [4, 5]}


def test_the_command_imports_and_says_what_does_not_belong(tmp_path: Path) -> None:
    path, store = _file(tmp_path, "accuracy,edap\n0.9,1e-9\n"), tmp_path / "theirs.db"
    done = CliRunner().invoke(main, ["import", str(path), "--store", str(store)])
    assert done.output == f"wrote {store}: 1 designs; look at them: spikesim explore {store}\n"
    assert json.loads(json.dumps(load_study(store).frame()["edap"].tolist())) == [1e-9]
    for arguments, told in (
        ([str(path), "--store", str(store), "--dt", "1ms"], "--store goes without --dt"),
        ([str(path)], "needs -o NET.safetensors for a checkpoint, or --store FILE.db"),
    ):
        done = CliRunner().invoke(main, ["import", *arguments])
        assert done.exit_code == 2
        assert told in done.output + done.stderr
