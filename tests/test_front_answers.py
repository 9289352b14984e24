"""What the command line and the figures make of fronts and sensitivities: the numbers arrive, bad input is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from study_data import study as memory_study

from spikesim_py.cli import main
from spikesim_py.figures import (
    front_probability_figure,
    hypervolume_figure,
    main_effects_figure,
    sensitivity_figure,
)
from spikesim_py.figures.fronts import history_bands
from spikesim_py.figures.sensitivity import sensitivity_bars
from spikesim_py.sweep import (
    factors,
    front_summary,
    import_results,
    load_study,
    main_effects,
    metric_sensitivity,
    nondominated,
    sensitivity,
    sweep,
)

AXES = ["network", "crossbar.rows", "adc.bits"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("study") / "small.db"
    axes = {"crossbar.rows+crossbar.cols": [64, 128], "adc.bits": [3, 5], "technology.node_nm": [32, 45]}
    space = {"name": "small", "network": "digits-w1", "chip": "rram_32nm", "samples": 20, "axes": axes}
    sweep(space, store=target, executor="serial")
    return str(target)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


# ------------------------------------------------------------------------------------------------- command line


def test_pareto_lists_the_front_with_its_certainty_and_knee(path: str, tmp_path: Path) -> None:
    page = tmp_path / "front.html"
    result = run("pareto", path, "--draws", "50", "--html", str(page))
    assert result.exit_code == 0, result.output
    found = front_summary(load_study(Path(path)), ["accuracy", "edap"], draws=50)
    for row in np.flatnonzero(found.front):
        (line,) = (line for line in result.output.splitlines() if str(found.frame["report_hash"][row])[:8] in line)
        assert f"{found.probability[row]:.0%}" in line
        assert ("knee" in line) == (row == found.knee)
    assert f"{int(found.front.sum())} of 8 designs" in result.output
    assert f"hypervolume {found.hypervolume:.4f}" in result.output
    assert "<script src" not in page.read_text()
    assert set(found.rows(2.0)) == set(np.flatnonzero(found.front))
    assert set(found.rows(0.0)) == set(range(8))


def test_pareto_takes_three_metrics(path: str) -> None:
    result = run("pareto", path, "--metrics", "energy_pj,latency_ns,area_um2")
    assert result.exit_code == 0, result.output
    assert "95 % interval" not in result.output


def test_pick_finds_what_a_study_finds(path: str) -> None:
    result = run("pick", path, "cheapest edap with technology.node_nm >= 40")
    assert result.exit_code == 0, result.output
    best = load_study(Path(path)).best(minimize="edap", where=["technology.node_nm >= 40"])
    assert str(best["report_hash"][0])[:8] in result.output
    assert "of 4 designs" in result.output


def test_pick_says_which_condition_nothing_meets(path: str) -> None:
    result = run("pick", path, "cheapest edap with technology.node_nm >= 40 and area <= 1 um2")
    assert result.exit_code == 3
    assert re.search(r"\b4 meet technology.node_nm >= 40", result.output)
    assert re.search(r"\b0 meet area <= 1 um2", result.output)


def test_nearest_says_what_to_change(path: str) -> None:
    frame = load_study(Path(path)).frame()
    metrics = ["energy_pj", "area_um2"]
    beaten, ahead = (int(np.flatnonzero(nondominated(frame, metrics) == on)[0]) for on in (False, True))
    result = run("nearest", path, str(frame["report_hash"][beaten])[:12], "--metrics", ",".join(metrics))
    assert result.exit_code == 0, result.output
    assert "->" in result.output
    assert "with all" in result.output
    result = run("nearest", path, str(frame["report_hash"][ahead]), "--metrics", ",".join(metrics))
    assert "is on the front" in result.output


def test_sensitivity_prints_shares_and_means(path: str, tmp_path: Path) -> None:
    page = tmp_path / "sensitivity.html"
    result = run("sensitivity", path, "--metrics", "accuracy,edap", "--draws", "20", "--html", str(page))
    assert result.exit_code == 0, result.output
    shares, _ = metric_sensitivity(load_study(Path(path)).frame(), "edap", load_study(Path(path)).space.axes)
    assert f"{shares.total[list(shares.names).index('technology.node_nm')]:.1%}" in result.output
    assert result.output.count("complete factorial") == 2
    assert "<script src" not in page.read_text()
    logs = run("sensitivity", path, "--metrics", "edap", "--log")
    assert "Logarithm of EDAP" in logs.output


def answer(path: str, tmp_path: Path, command: str, *arguments: str) -> dict[str, Any]:
    """What a command writes as JSON; it stands in what the command says."""
    target = tmp_path / "answer.json"
    result = run(command, path, *arguments, "--json", str(target))
    assert result.exit_code in (0, 3), result.output
    assert f"wrote {target}" in result.output
    found: dict[str, Any] = json.loads(target.read_text(), parse_constant=pytest.fail)  # no NaN: others read it too
    assert found["study"] == path
    return found


def test_pareto_as_json_is_the_front_and_its_designs(path: str, tmp_path: Path) -> None:
    told = answer(path, tmp_path, "pareto", "--draws", "50")
    found = front_summary(load_study(Path(path)), ["accuracy", "edap"], draws=50)
    assert told["designs"] == 8
    assert told["hypervolume"] == found.hypervolume
    assert told["metrics"] == ["accuracy", "edap"]
    for design, row in zip(told["front"], found.rows(), strict=True):
        assert design["on_front"] == bool(found.front[row])
        assert design["front_probability"] == found.probability[row]
        assert all(design[name] == column[row].item() for name, column in found.frame.items())
    knees = [design["report_hash"] for design in told["front"] if design["report_hash"] == told["knee"]]
    assert len(knees) == (found.knee is not None)


def test_pick_as_json_is_the_designs_or_how_many_meet_what(path: str, tmp_path: Path) -> None:
    told = answer(path, tmp_path, "pick", "cheapest edap with technology.node_nm >= 40")
    best = load_study(Path(path)).best(minimize="edap", where=["technology.node_nm >= 40"])
    assert [design["report_hash"] for design in told["picks"]] == best["report_hash"].tolist()
    assert told["goal"] == {"name": "edap", "larger": False, "where": ["technology.node_nm >= 40"]}
    assert (told["designs"], told["fitting"]) == (8, 4)
    none = answer(path, tmp_path, "pick", "cheapest edap with technology.node_nm >= 40 and area <= 1 um2")
    assert none["picks"] == []
    assert none["met"] == {"technology.node_nm >= 40": 4, "area <= 1 um2": 0}


def test_nearest_as_json_is_the_way(path: str, tmp_path: Path) -> None:
    frame = load_study(Path(path)).frame()
    on_front = nondominated(frame, ["energy_pj", "area_um2"])
    row = int(np.flatnonzero(~on_front)[0])
    name = str(frame["report_hash"][row])
    told = answer(path, tmp_path, "nearest", name, "--metrics", "energy_pj,area_um2")
    target = frame["report_hash"].tolist().index(told["target"]["report_hash"])
    assert on_front[target]
    assert told["design"]["report_hash"] == name
    differ = [
        axis for axis in load_study(Path(path)).space.axes if len({*frame[axis.split("+")[0]][[row, target]]}) > 1
    ]
    assert [change["axis"] for change in told["changes"]] == differ


def test_sensitivity_as_json_is_the_indices(path: str, tmp_path: Path) -> None:
    told = answer(path, tmp_path, "sensitivity", "--metrics", "edap,area_um2", "--log")
    study = load_study(Path(path))
    for metric, found in told["metrics"].items():
        shares, effects = metric_sensitivity(study.frame(), metric, study.space.axes, log=True)
        assert {name: axis["total"] for name, axis in found["axes"].items()} == pytest.approx(
            dict(zip(shares.names, shares.total, strict=True))
        )
        for effect in effects:
            means = [level["mean"] for level in found["axes"][effect.name]["means"]]
            assert means == pytest.approx(10**effect.means)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("sensitivity", []), ("nearest", ["network == a and adc.bits == 4"]), ("pick", ["cheapest"]), ("pareto", [])],
)
def test_what_nobody_knows_is_null_in_json(command: str, arguments: list[str], tmp_path: Path) -> None:
    """Metrics that do not differ have no shares, and an axis may lack a value."""
    rows = "a,4,1e-12,0.5\na,5,1e-12,0.5\nb,4,1e-12,0.5\nb,5,1e-12,0.5\na,,1e-12,0.9\n"
    (tmp_path / "theirs.csv").write_text("network,adc.bits,edap,accuracy\n" + rows)
    store = tmp_path / "theirs.db"
    import_results(tmp_path / "theirs.csv", store)
    told = answer(str(store), tmp_path, command, *arguments)
    if command == "nearest":
        assert [change["after"] for change in told["changes"]] == [None]
    if command == "pareto":  # without keys and intervals, every accuracy is its own, and exact
        assert [(row["accuracy"], row["front_probability"]) for row in told["front"]] == [(0.9, 1.0)]
    if command == "sensitivity":
        assert told["metrics"]["edap"]["axes"]["adc.bits"]["alone"] == pytest.approx(0.0, abs=0.05)


def test_a_front_shows_every_axis_that_varies_words_too(tmp_path: Path) -> None:
    """In the summary of a sweep and in `pareto`; what an axis leaves alone has a dash."""
    axes = {
        "device.kind": ["rram", "pcm"],
        "adc.kind": ["sar", "ramp"],
        "adc.inl_lsb": {"values": [0.0, 0.5], "when": "adc.kind == 'ramp'"},
        "tile.pes": [4],
    }
    space = {"network": "digits-w1", "chip": "rram_32nm", "samples": 8, "axes": axes}
    (tmp_path / "kinds.yaml").write_text(yaml.safe_dump(space, sort_keys=False))
    store = str(tmp_path / "kinds.db")
    swept = run("sweep", str(tmp_path / "kinds.yaml"), "--store", store, "--executor", "serial")
    for result in (swept, run("pareto", store, "--draws", "10")):
        assert result.exit_code == 0, result.output
        (head,) = (line for line in result.output.splitlines() if "device.kind" in line)
        assert head.split()[:4] == ["report", "device.kind", "adc.kind", "adc.inl_lsb"]
        assert "tile.pes" not in head
        assert re.search(r"\b(rram|pcm) +(sar +–|ramp +0)", result.output)


def test_the_front_of_imported_results_shows_the_fields_that_tell_its_designs_apart(path: str, tmp_path: Path) -> None:
    load_study(Path(path)).to_csv(tmp_path / "small.csv")
    import_results(tmp_path / "small.csv", tmp_path / "theirs.db")
    result = run("pareto", str(tmp_path / "theirs.db"), "--draws", "10")
    assert result.exit_code == 0, result.output
    (head,) = (line for line in result.output.splitlines() if "crossbar.rows" in line)
    assert head.split()[1:4] == ["crossbar.rows", "adc.bits", "technology.node_nm"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pareto", "--metrics", "accuracy,edap,accuracy"], "metrics = accuracy, edap, accuracy: one stands twice"),
        (["pareto", "--metrics", "EDAP"], "did you mean 'edap'"),
        (["pareto", "--json", "/dev/null"], "cannot be written"),
        (["pick", "cheapest", "--json", "/dev/null"], "cannot be written"),
        (["pareto", "--metrics", "edp"], "metric 'edp': unknown; did you mean 'edap'"),
        (["sensitivity", "--metrics", "edp"], "metric 'edp': unknown"),
        (["sensitivity", "--draws", "1"], "--draws"),
        (["pick", "dearest edap"], "'dearest': unknown"),
        (["nearest", "0000"], "design '0000': must name one design of the study, names 0 of 8"),
        (["nearest", "adc.bits == 3"], "names 4 of 8"),
    ],
)
def test_bad_questions_are_one_line_and_exit_code_2(path: str, arguments: list[str], message: str) -> None:
    command, *rest = arguments
    result = run(command, path, *rest)
    assert result.exit_code == 2
    assert message in result.output
    assert result.output.count("\n") == 1


# ------------------------------------------------------------------------------------------------------- figures


def test_bars_are_the_indices_in_per_cent_largest_first() -> None:
    frame = memory_study().frame()
    found = sensitivity(frame["accuracy"], factors(frame, AXES))
    bars = sensitivity_bars(found)
    assert sorted(bars.names) == sorted(found.names)
    assert (np.diff(bars.total) <= 0).all()
    for name, first, total in zip(bars.names, bars.first, bars.total, strict=True):
        index = found.names.index(name)
        assert (first, total) == (100 * found.first[index], 100 * found.total[index])
    drawn = {trace.name: list(trace.x) for trace in sensitivity_figure(found, "accuracy").data}
    assert drawn == {"with its interactions": bars.total.tolist(), "by itself": bars.first.tolist()}


@pytest.mark.parametrize("log", [False, True])
def test_main_effects_are_drawn_in_shown_units(log: bool) -> None:
    frame = memory_study().frame()
    values = np.log10(frame["edap"]) if log else frame["edap"]
    effects = main_effects(values, factors(frame, AXES))
    figure = main_effects_figure(effects, "edap", log=log)
    for trace, effect in zip(figure.data, effects, strict=True):
        means = 10**effect.means if log else effect.means
        ratios = np.asarray(trace.y) / means
        assert ratios == pytest.approx(ratios[0])
        assert list(trace.x) == [str(level) for level in effect.levels]


def test_a_history_of_several_runs_has_a_median_and_a_band() -> None:
    runs = np.array([[0.1, 0.5, 0.9], [0.2, 0.3, 0.9], [0.0, 0.6, 0.6]])
    middle, low, high = history_bands(runs)
    assert (middle.tolist(), low.tolist(), high.tolist()) == ([0.1, 0.5, 0.9], [0.0, 0.3, 0.6], [0.2, 0.6, 0.9])
    figure = hypervolume_figure({"random": runs, "default": runs[0]}, of=2.0)
    lines = {trace.name: list(trace.y) for trace in figure.data if trace.mode == "lines"}
    assert lines["random"] == pytest.approx(50 * middle)
    assert lines["default"] == pytest.approx(50 * runs[0])
    assert sum(trace.mode == "none" for trace in figure.data) == 1


def test_points_are_as_opaque_as_they_are_likely_to_be_on_the_front() -> None:
    source = memory_study()
    frame = source.frame()
    probability = np.linspace(0, 1, len(source))
    figure = front_probability_figure(frame, probability, front=source.on_front("accuracy", "edap"))
    seen = {}
    for trace in figure.data:
        if trace.customdata is not None:
            seen |= dict(zip(trace.customdata, trace.marker.opacity, strict=True))
            assert len(trace.text) == len(trace.x)
    opacity = np.array([seen[found] for found in frame["report_hash"]])
    assert (np.diff(opacity) > 0).all()
    assert opacity[-1] == 1
