"""The gate on ratios, what a run records, and that the docs show the committed run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import gate
from benchmarks.gate import Guard, failures, rebased
from benchmarks.record import Section, ratio, ratios, run

RATES = st.floats(0.01, 1e6)
SHARES = st.floats(0, 0.9)


def record(**values: float | None) -> dict[str, Any]:
    """A run with one section and a row for each value."""
    rows = [
        {"name": name, "what": name, "measured": "", "ratio": "", "value": v, "goal": ""} for name, v in values.items()
    ]
    return {"sections": {"s": {"title": "t", "rows": rows, "seeds": [], "seconds": 1.0, "load": 0.1}}}


@pytest.mark.parametrize(
    ("shown", "value"),
    [("1.0x", 1), ("12,345x NeuroSim, 3x MNSIM", 12345), ("0.85x", 0.85), ("4.2-17x", 17), ("2.1x faster", 2.1)],
)
def test_a_ratio_is_the_first_number_of_times(shown: str, value: float) -> None:
    assert ratio(shown) == value


@pytest.mark.parametrize("shown", ["", "worst 0.13%", "97.1% within 10 %"])
def test_what_says_no_times_is_no_ratio(shown: str) -> None:
    assert ratio(shown) is None


def test_a_fallen_ratio_closes_the_gate_and_is_named() -> None:
    baseline = {"s: fast": Guard(100, "higher", 0.3), "s: slow": Guard(2, "lower", 0.5)}
    assert failures(baseline, {"s: fast": 70, "s: slow": 4}) == []
    assert failures(baseline, {"s: fast": 69, "s: slow": 4}) == ["s: fast: fell to 69x from 100x; at least 70x passes"]
    assert failures(baseline, {"s: fast": 500, "s: slow": 4.1}) == ["s: slow: rose to 4.1x from 2x; at most 4x passes"]


def test_a_missing_ratio_closes_the_gate() -> None:
    assert failures({"s: gone": Guard(3, "higher", 0.5)}, {"s: new": 9}) == ["s: gone: is missing; the baseline has 3x"]


@given(RATES, RATES, SHARES)
def test_ways_mirror_each_other(value: float, found: float, tolerance: float) -> None:
    """That a falls by a share is that 1 / a rises by it."""
    up, down = Guard(value, "higher", tolerance), Guard(1 / value, "lower", tolerance)
    if abs(found / up.limit - 1) > 1e-9:
        assert up.holds(found) == down.holds(1 / found)
    assert up.holds(value)
    assert down.holds(1 / value)


@given(RATES, st.floats(1, 1e3), SHARES)
def test_better_always_passes(value: float, times: float, tolerance: float) -> None:
    assert Guard(value, "higher", tolerance).holds(value * times)
    assert Guard(value, "lower", tolerance).holds(value / times)


@pytest.mark.parametrize("wrong", [{"better": "up"}, {"tolerance": 1.0}, {"tolerance": -0.1}, {"value": 0}])
def test_an_impossible_guard_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Guard(**({"value": 1.0, "better": "higher", "tolerance": 0.3} | wrong))


def test_a_new_baseline_keeps_what_is_guarded() -> None:
    baseline = {"s: a": Guard(1, "higher", 0.3)}
    assert rebased(baseline, {"s: a": 2, "s: b": 5}) == {"s: a": {"value": 2, "better": "higher", "tolerance": 0.3}}
    with pytest.raises(KeyError):
        rebased(baseline, {"s: b": 5})


def test_a_run_records_its_ratios_and_goes_on_after_a_failure() -> None:
    def broken() -> list[Any]:
        raise RuntimeError("no such file\nsecond line")

    rows = [("  ours, 3e-07 from it", "3 ms", "4.0x", ">= 2x"), ("peer", "12 ms", "", "")]
    *_, found = run({"bad": Section("bad", broken), "good": Section("good", lambda: rows, (0, 1))})
    assert found["sections"]["bad"]["error"] == "RuntimeError: no such file"
    assert found["sections"]["good"]["seeds"] == [0, 1]
    assert ratios(found) == {"good: ours, … from it": 4.0}
    assert found["machine"]["cores"] >= 1
    assert {"python", "numpy", "numba"} <= set(found["versions"])
    json.dumps(found, allow_nan=False)


def test_the_command_exits_with_one_and_names_the_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import __main__ as command

    monkeypatch.setattr(command, "load", lambda: {"s: a": Guard(10, "higher", 0.2), "s: b": Guard(1, "lower", 0.2)})

    def gated(**values: float | None) -> tuple[int, str]:
        (tmp_path / "run.json").write_text(json.dumps(record(**values)))
        result = CliRunner().invoke(command.main, ["--gate", "--from", str(tmp_path / "run.json")])
        return result.exit_code, result.output

    assert gated(a=9.0, b=1.0) == (0, "all 2 ratios hold\n")
    assert gated(a=7.9, b=1.0) == (1, "s: a: fell to 7.9x from 10x; at least 8x passes\n")
    assert gated(a=9.0, b=None) == (1, "s: b: is missing; the baseline has 1x\n")
    rebase = CliRunner().invoke(command.main, ["--rebase", "--from", str(tmp_path / "run.json")])
    assert (rebase.exit_code, rebase.output) == (1, "Error: --rebase: the run has no s: b\n")


# ------------------------------------------------------------------------------------------------ the committed run


def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_page", ROOT / "docs" / "bench_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / name).read_text(encoding="utf-8"))
    return found


def test_the_page_shows_the_committed_run() -> None:
    run, baseline = committed("docs/benchmarks.json"), committed("benchmarks/baseline.json")
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == docs().page(run, baseline)


def test_the_committed_run_passes_its_gate() -> None:
    from benchmarks.__main__ import SECTIONS

    run, baseline = committed("docs/benchmarks.json"), gate.load()
    assert run["asked"] == list(SECTIONS)
    assert set(run["sections"]) <= set(SECTIONS)
    assert not [key for key, about in run["sections"].items() if "error" in about]
    assert baseline
    assert failures(baseline, ratios(run)) == []
