"""Cost trees as files: what is written comes back to the last digit; what is no tree is refused by name and line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cost_tree import DESIGNS, GRADES, amounts, tree_of

from spikesim_py.cost import CostNode, branch, component
from spikesim_py.cost.tree_files import COLUMNS, path_text, tree_csv
from spikesim_py.errors import InputError
from spikesim_py.evaluate import cost

#: names that a careless format would break: separators, quotes, line ends, escapes
names = st.sampled_from(["adc", "a/b", "50%", "%2F", 'say "x"', "a,b", "two\nlines", "cr\r", ""]) | st.text(max_size=6)
leaves = st.builds(
    component,
    names,
    energy_pj=amounts,
    area_um2=amounts,
    critical_ns=amounts,
    grade=st.sampled_from(GRADES),
    source=names,
)
trees = st.recursive(
    st.builds(branch, names, st.lists(leaves, min_size=1, max_size=3)),
    lambda inner: st.builds(branch, names, st.lists(inner | leaves, min_size=1, max_size=3)),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tree") / "tree.csv"


@pytest.mark.parametrize(("network", "chip"), DESIGNS)
def test_the_tree_of_every_library_survives_its_files(path: Path, network: str, chip: str) -> None:
    tree = tree_of(network, chip)
    assert CostNode.from_csv(tree.to_csv(path)) == tree
    assert CostNode.from_json(tree.to_json(path)) == tree


@given(tree=trees)
def test_any_tree_survives_csv_whatever_its_names(path: Path, tree: CostNode) -> None:
    assert CostNode.from_csv(tree.to_csv(path)) == tree


def test_the_tree_of_a_report_file_can_be_read_alone(tmp_path: Path) -> None:
    report = cost("digits-w4", "rram_32nm")
    assert CostNode.from_json(report.to_json(tmp_path / "report.json")) == report.tree


def test_a_row_per_node_with_its_path() -> None:
    tree = tree_of("vgg9-cifar10", "rram_32nm")
    rows = list(csv.DictReader(tree_csv(tree).splitlines()))
    assert [row["path"] for row in rows] == [path_text(path) for path, _ in tree.walk()]
    assert list(rows[0]) == list(COLUMNS)
    adc = next(row for row in rows if row["path"] == "chip/conv2/adc")
    assert float(adc["energy_pj"]) == tree.child("conv2").child("adc").energy_pj
    assert adc["grade"] in GRADES
    assert rows[0]["grade"] == ""


HEAD = ",".join(COLUMNS)
REST = '"area_um2": 1, "critical_ns": 1, "busy_ns": 1'
LEAF = "1.0,2.0,3.0,3.0,assumed,test"
SUM = "1.0,2.0,3.0,3.0,,"
BAD = {
    "another table": ("a,b,c\n1,2,3\n", "must be path,energy_pj"),
    "nothing": ("", "must be path,energy_pj"),
    "no rows": (HEAD, "has no rows"),
    "a row is missing": (
        f"{HEAD}\nchip,2.0,2.0,3.0,3.0,,\nchip/adc,{LEAF}",
        "bad.csv:2: energy_pj = 2.0: its children sum to 1.0",
    ),
    "all rows below are missing": (f"{HEAD}\nchip,{SUM}", "needs a grade"),
    "the parent is missing": (
        f"{HEAD}\nchip,{SUM}\nchip/conv1/adc,{LEAF}",
        "bad.csv:3: path = 'chip/conv1/adc': its parent",
    ),
    "two roots": (f"{HEAD}\nchip,{SUM}\nchip/adc,{LEAF}\nchip,{SUM}", "bad.csv:4: path = 'chip'"),
    "a word for a number": (f"{HEAD}\nchip,many,2,3,3,assumed,test", "energy_pj = 'many': must be a finite number"),
    "not finite": (f"{HEAD}\nchip,nan,2,3,3,assumed,test", "energy_pj = 'nan'"),
    "no such grade": (f"{HEAD}\nchip,1,2,3,3,good,test", "grade = 'good': must be empty or one of silicon"),
    "a cell is missing": (f"{HEAD}\nchip,1,2,3", "has 4 cells, must have 7"),
    "a cell without end": (f'{HEAD}\n"{"c" * 140_000}', "bad.csv:2: is not CSV: field larger"),
    "a thousand levels": (
        "\n".join(
            [HEAD, *(f"{'/'.join(['c'] * deep)},{SUM}" for deep in range(1, 1000)), f"{'/'.join(['c'] * 1000)},{LEAF}"]
        ),
        "bad.csv:66: path: has 65 parts: at most 64",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_tree_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError) as error:
        CostNode.from_csv(tmp_path / "bad.csv")
    assert "bad.csv" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "must hold a JSON object, found list"),
        ('{"name": 1', "bad.json:1: is not valid JSON"),
        ('{"name": "chip"}', "is not a cost tree"),
        (
            '{"tree": {"name": "chip", "energy_pj": "x", "area_um2": 1, "critical_ns": 1, "busy_ns": 1}}',
            "finite numbers",
        ),
        (f'{{"name": "chip", "energy_pj": {"9" * 400}, {REST}}}', "is not a cost tree"),
        (f'{{"name": "chip", "energy_pj": {"9" * 5000}, {REST}}}', "a number of more than 4300 digits"),
        (f'{{"name": 5, "energy_pj": 1, {REST}}}', "name and source must be text"),
        (f'{{"name": "chip", "energy_pj": 1, "grade": "good", {REST}}}', "grade null or one of silicon"),
        (f'{{"name": "c", "energy_pj": 1, {REST}, "children": [' * 450 + "]}" * 450, "more than 64 levels"),
        ("[" * 5000, "nested too deep"),
        ("\ud800".encode("utf-16", "surrogatepass"), "not a text file"),
    ],
)
def test_json_that_is_no_tree_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    (tmp_path / "bad.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"bad\.json") as error:
        CostNode.from_json(tmp_path / "bad.json")
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: cannot be read"):
        CostNode.from_csv(tmp_path / "gone.csv")
