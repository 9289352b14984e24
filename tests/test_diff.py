"""Two reports held against each other: nothing is lost, nothing is invented."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from study_data import report
from test_cost_tree import parents

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.cost import CostNode, branch
from spikesim_py.cost.tree import QUANTITIES
from spikesim_py.diff import TreeDiff, diff, tree_rows
from spikesim_py.errors import InputError
from spikesim_py.figures.waterfall import waterfall, waterfall_figure
from spikesim_py.report import METRICS

BY = ("component", "layer", "leaf")


@pytest.mark.parametrize("by", BY)
@given(parents, parents)
def test_rows_sum_to_the_difference_of_the_roots(by: Any, a: CostNode, b: CostNode) -> None:
    chips = branch("chip", [a]), branch("other chip", [b])
    rows = tree_rows(*chips, by)
    for quantity in QUANTITIES:
        changes = [getattr(row, quantity) for row in rows]
        whole = getattr(b, quantity) - getattr(a, quantity)
        size = getattr(a, quantity) + getattr(b, quantity)
        assert math.isclose(math.fsum(change.difference for change in changes), whole, rel_tol=0, abs_tol=1e-12 * size)
        for end, tree in (("a", a), ("b", b)):
            assert math.isclose(math.fsum(getattr(change, end) for change in changes), getattr(tree, quantity))
    assert len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize("by", BY)
@given(parents)
def test_a_tree_does_not_differ_from_itself(by: Any, tree: CostNode) -> None:
    rows = tree_rows(tree, tree, by)
    assert all(getattr(row, quantity).difference == 0 for row in rows for quantity in QUANTITIES)
    assert all(row.only is None for row in rows)


def two() -> TreeDiff:
    """The released chip against a parametric one: they share few components."""
    return diff(ss.cost("vgg9-cifar10", "spikesim_released"), ss.cost("vgg9-cifar10", "rram_32nm"), "component")


def test_what_one_design_lacks_is_said() -> None:
    rows = {row.name: row for row in two().rows}
    assert rows["diff"].only == "a"
    assert rows["diff"].area_um2.b == 0.0
    assert rows["membrane_memory"].only == "b"
    assert rows["membrane_memory"].area_um2.percent is None
    assert rows["adc"].only is None
    change = rows["adc"].energy_pj
    assert change.ratio == change.b / change.a
    assert change.percent == pytest.approx(100 * change.difference / change.a)


def test_layers_and_leaves_are_named_as_in_the_tree() -> None:
    a = ss.cost("vgg9-cifar10", "rram_32nm")
    b = ss.cost("vgg9-cifar10", "rram_32nm", overrides={"adc.bits": 4})
    layers = {row.name: row for row in diff(a, b, "layer").rows}
    assert list(layers) == [node.name for node in a.tree.children]
    assert layers["conv2"].energy_pj.a == pytest.approx(a.tree.child("conv2").energy_pj)
    leaves = {row.name: row for row in diff(a, b, "leaf").rows}
    assert leaves["conv2/adc"].energy_pj.b == b.tree.child("conv2").child("adc").energy_pj
    assert leaves["shared/global_buffer"].area_um2.difference == 0.0


def test_the_metrics_of_both_are_there_and_designs_of_one_name_are_told_apart() -> None:
    a, b = ss.cost("digits-w4", "rram_32nm"), ss.cost("digits-w4", "rram_32nm", overrides={"adc.bits": 4})
    found = diff(a, b)
    assert set(found.metrics) == set(METRICS) - {"accuracy"}  # none was measured
    assert (found.metrics["edap"].a, found.metrics["edap"].b) == (a.edap, b.edap)
    assert found.names[0] != found.names[1]
    assert diff(a, ss.cost("digits-w4", "sram_32nm")).names == ("digits-w4 on rram_32nm", "digits-w4 on sram_32nm")


def test_files_give_what_reports_give_and_the_table_holds_every_row(tmp_path: Path) -> None:
    a, b = ss.cost("digits-w4", "rram_32nm"), ss.cost("digits-w4", "sram_32nm")
    found = diff(a.to_json(tmp_path / "a.json"), b.to_json(tmp_path / "b.json"), "leaf")
    assert found == diff(a, b, "leaf")
    assert json.loads(found.to_json(tmp_path / "d.json").read_text()) == found.to_dict()
    rows = list(csv.DictReader(found.to_csv(tmp_path / "d.csv").read_text().splitlines()))
    assert len(rows) == len(QUANTITIES) * (len(found.rows) + 1)
    for row in rows:
        assert float(row["b"]) - float(row["a"]) == float(row["difference"])
    assert rows[-1]["leaf"] == "total"


@pytest.mark.parametrize("quantity", list(QUANTITIES))
@pytest.mark.parametrize("most", [1, 3, 100])
def test_a_waterfall_falls_from_a_to_b(quantity: Any, most: int) -> None:
    data = waterfall(two().to_dict(), quantity, most)
    assert math.isclose(data.start + math.fsum(data.steps), data.end, rel_tol=1e-9)
    assert len(data.steps) <= most
    assert 0.0 not in data.steps
    sizes = [abs(step) for name, step in zip(data.names, data.steps, strict=True) if name != "other"]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("quantity", list(QUANTITIES))
def test_the_drawn_waterfall_has_the_ends_and_every_step(quantity: Any) -> None:
    found = two().to_dict()
    data, trace = waterfall(found, quantity), waterfall_figure(found, quantity).data[0]
    assert trace.measure == ("absolute", *["relative"] * len(data.steps), "total")
    factor = trace.y[0] / data.start
    assert math.isclose(trace.y[-1], data.end * factor)
    assert all(math.isclose(drawn, step * factor) for drawn, step in zip(trace.y[1:-1], data.steps, strict=True))


def test_a_design_against_itself_is_drawn_without_steps() -> None:
    same = report()
    figure = waterfall_figure(diff(same, same).to_dict(), "energy_pj")
    assert list(figure.data[0].x) == ["A", "B"]


@given(st.sampled_from(["", "Layer", "components"]))
def test_another_grouping_is_refused(by: Any) -> None:
    with pytest.raises(InputError, match="must be one of component, layer, leaf"):
        diff(report(), report(), by)


def test_the_command_prints_the_changes_and_writes_them(tmp_path: Path) -> None:
    a = ss.cost("digits-w4", "rram_32nm").to_json(tmp_path / "a.json")
    b = ss.cost("digits-w4", "rram_32nm", overrides={"adc.bits": 4, "mapping.baseline": "none"})
    out = tmp_path / "d.csv"
    words = ["diff", str(a), str(b.to_json(tmp_path / "b.json")), "--csv", str(out), "--json", str(tmp_path / "d.json")]
    words += ["--html", str(tmp_path / "d.html")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    found = diff(a, b)
    change = next(row for row in found.rows if row.name == "adc").energy_pj
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.strip()}
    assert f"▼ {change.percent:+.1f} %" in lines["adc"]
    assert "only A" in lines["dummy_column"]
    assert f"{found.metrics['edap'].percent:+.1f} %" in result.output
    assert out.read_text().startswith("component,quantity,a,b")
    assert json.loads((tmp_path / "d.json").read_text())["by"] == "component"
    assert "waterfall" in (tmp_path / "d.html").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"tree": {}}', "is not a report (written with --json or Report.to_json): 'network' is missing"),
        ("not json", "bad.json:1: is not valid JSON"),
        (None, "bad.json: cannot be read"),
    ],
)
def test_a_file_that_is_no_report_is_one_clear_line(tmp_path: Path, text: str | None, message: str) -> None:
    good = report().to_json(tmp_path / "good.json")
    bad = tmp_path / "bad.json"
    if text is not None:
        bad.write_text(text)
    result = CliRunner().invoke(main, ["diff", str(good), str(bad)])
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert message in result.output
