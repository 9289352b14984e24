"""Search: the model, exact improvements, laws of every method, stopping early, and what is reported."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm

from spikesim_py.errors import InputError, StoreError
from spikesim_py.evaluate import measured_accuracy
from spikesim_py.report import Accuracy
from spikesim_py.sweep import Search, Store, dry_run, load_space, load_study, sweep
from spikesim_py.sweep.candidates import enumerate_space
from spikesim_py.sweep.fidelity import RISK, largest_mean, reach, stage_samples, standard_error
from spikesim_py.sweep.hunt import Hunt
from spikesim_py.sweep.plan import as_search, field_of
from spikesim_py.sweep.resolve import Resolver
from spikesim_py.sweep.search import METHODS, Field, Told, method
from spikesim_py.sweep.search.gaussian import GaussianProcess
from spikesim_py.sweep.search.improvement import Front
from spikesim_py.sweep.search.method import losses

SPACE: dict[str, Any] = {
    "name": "searched",
    "network": "digits-w1",
    "chip": "rram_32nm",
    "samples": 40,
    "axes": {
        "network.time_steps": [1, 2, 4],
        "crossbar.rows": [32, 64, 128],
        "adc.bits": [3, 4, 5, 6],
        "crossbar.cols": [64, 128],
        "crossbar.mux": [8, 128],
    },
    "constraints": ["crossbar.mux <= crossbar.cols", "area_um2 <= 4e5"],
}
OURS = [name for name in METHODS if name != "optuna"]


@pytest.fixture(scope="module")
def field() -> Field:
    return field_of(Resolver(load_space(SPACE)), Search("exhaustive"))[0]


def accuracy_of(field: Field) -> Callable[[Any], float]:
    """A smooth made-up accuracy of a design's codes."""
    sizes = np.array([len(values) for values in field.space.axes.values()])

    def made(point: Any) -> float:
        place = np.array(point)[:3] / (sizes[:3] - 1)
        return float(0.1 + 0.85 * (1 - np.exp(-3 * place[2] - place[0])) * (1 - 0.3 * place[1]))

    return made


def proposals(field: Field, name: str, seed: int, count: int) -> list[Any]:
    way, accuracy, found = method(name, field, seed), accuracy_of(field), list[Any]()
    while len(found) < count and (asked := way.ask(1)):
        found += asked
        way.tell(Told(asked[0], accuracy(asked[0])))
    return found


# ------------------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize("name", OURS)
class TestMethodContract:
    """What every method does."""

    def test_the_same_seed_proposes_the_same(self, field: Field, name: str) -> None:
        assert proposals(field, name, 3, 25) == proposals(field, name, 3, 25)

    def test_no_proposal_comes_twice_or_breaks_a_constraint(self, field: Field, name: str) -> None:
        found = proposals(field, name, 1, 200)
        assert len(set(found)) == len(found)
        assert field.designs is not None
        allowed = set(map(tuple, field.designs.codes.tolist()))
        assert set(found) <= allowed
        assert 0 < len(allowed) < field.space.size

    def test_it_ends_where_nothing_is_left(self, field: Field, name: str) -> None:
        found = proposals(field, name, 0, 10_000)
        arms = {field.arm(point) for point in found}
        assert len(arms) == len(field.listed()[1])

    def test_batches_are_unique_too(self, field: Field, name: str) -> None:
        way = method(name, field, 0)
        first, second = way.ask(12), way.ask(12)  # nothing was told in between
        assert len({*first, *second}) == 24


def test_different_seeds_differ(field: Field) -> None:
    for name in ("random", "sobol", "gp", "nsga2"):
        assert proposals(field, name, 0, 6) != proposals(field, name, 1, 6)


def test_the_default_finds_the_front_with_a_part_of_the_work(field: Field) -> None:
    accuracy = accuracy_of(field)
    designs, arms = field.listed()
    cost, scores = losses(designs), np.array([accuracy(point) for point in designs.codes])
    everything = Front(cost, scores, cost.max(axis=0) + 0.1, 0.0).volume()
    shares = []
    for name in ("gp", "random"):
        known = np.isin(arms.of, [field.arm(point) for point in proposals(field, name, 0, 16)])
        shares.append(Front(cost[known], scores[known], cost.max(axis=0) + 0.1, 0.0).volume() / everything)
    assert shares[0] > 0.98
    assert shares[0] > shares[1]


def test_unknown_methods_and_fields_are_refused(field: Field) -> None:
    with pytest.raises(InputError, match="search = 'gpp': unknown; did you mean 'gp'"):
        as_search("gpp")
    with pytest.raises(InputError, match="search: budgt: unknown field; did you mean 'budget'"):
        as_search({"budgt": 3})
    with pytest.raises(InputError, match="budget = 0: must be a whole number, at least 1"):
        as_search({"budget": 0})
    with pytest.raises(InputError, match="stages = "):
        as_search({"stages": [0.5, 0.2]})
    with pytest.raises(InputError, match="search split = 'report': is what the sweep reports on"):
        field_of(Resolver(load_space(SPACE)), Search(split="report"))


def test_spaces_too_large_to_list_take_nsga2() -> None:
    axes = SPACE["axes"] | {"device.r_on_ohm": {"from": 1000, "to": 100_999, "step": 1}}
    resolver = Resolver(load_space(SPACE | {"axes": axes}))
    assert resolver.space.size > 10_000_000
    found, name = field_of(resolver, Search())
    assert (found.designs, name) == (None, "nsga2")
    points = method(name, found, 0).ask(3)
    assert len(found.costed(np.array(points, np.int32))) == 3
    with pytest.raises(InputError, match="are for 'nsga2'"):
        field_of(resolver, Search("gp"))


def test_optuna_is_an_extra(field: Field) -> None:
    pytest.importorskip("optuna")
    found = proposals(field, "optuna", 0, 12)
    assert len(set(found)) == 12
    assert found == proposals(field, "optuna", 0, 12)


# ----------------------------------------------------------------------------------------------------- the model


def test_the_model_goes_through_exact_observations() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((40, 3))
    y = np.sin(4 * x[:, 0]) + x[:, 1] ** 2
    model = GaussianProcess(3)
    model.fit(x, y, np.zeros(40))
    mean, sd = model.predict(x)
    assert np.abs(mean - y).max() < 0.02
    new = rng.random((200, 3))
    mean, sd = model.predict(new)
    truth = np.sin(4 * new[:, 0]) + new[:, 1] ** 2
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.05
    assert (sd > 0).all()
    lengths = np.exp(model.parameters[:3])
    assert lengths[2] > 2 * lengths[0]  # the third does nothing


def test_the_gradient_of_the_likelihood_is_its_slope() -> None:
    rng = np.random.default_rng(1)
    model = GaussianProcess(2)
    model.condition(rng.random((12, 2)), rng.random(12), np.full(12, 0.1))
    at = np.array([-0.3, 0.2, 0.1, -2.0])
    _, gradient = model._negative(at)
    for i, step in enumerate(1e-6 * np.eye(4)):
        slope = (model._negative(at + step)[0] - model._negative(at - step)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_known_noise_is_believed() -> None:
    x, y = np.array([[0.0], [0.5], [0.5], [1.0]]), np.array([0.0, 1.0, 5.0, 0.0])
    model = GaussianProcess(1)
    model.condition(x, y, np.array([0.0, 0.0, 100.0, 0.0]))
    assert model.predict(np.array([[0.5]]))[0][0] == pytest.approx(1.0, abs=0.1)


# ---------------------------------------------------------------------------------------------------- improvement


def numbers(low: float, high: float) -> Any:
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 3))


@given(
    known=st.lists(st.tuples(numbers(0, 1), numbers(0, 1), numbers(0, 1)), min_size=0, max_size=6),
    new=st.lists(st.tuples(numbers(0, 1), numbers(0, 1)), min_size=1, max_size=3),
    score=numbers(0, 1),
    costs=st.integers(1, 2),
)
@settings(max_examples=200)
def test_a_sure_score_gains_its_volume(known: list[Any], new: list[Any], score: float, costs: int) -> None:
    """With no uncertainty left the expectation is the volume that brute force adds; it is never negative."""
    points = np.array(known).reshape(-1, 3)
    added = np.array(new)[:, :costs]
    if costs == 1:
        added = added.min(axis=0, keepdims=True)
    reference = np.full(costs, 1.1)
    front = Front(points[:, :costs], points[:, 2], reference, 0.0)
    gain = front.expected_gains([added], np.array([score]), np.array([1e-9]))[0]
    both = np.vstack([points[:, :costs], added])
    after = np.column_stack([both, -np.append(points[:, 2], np.full(len(added), score))])
    inside = (after[:, -1] < 0) & (after[:, :-1] < reference).all(axis=1)
    expected = moocore.hypervolume(after[inside], ref=[*reference, 0.0]) if inside.any() else 0.0
    assert gain >= 0
    assert gain == pytest.approx(expected - front.volume(), abs=1e-6)


def test_an_unsure_score_gains_what_sampling_says() -> None:
    losses_, scores = np.array([[0.2], [0.5], [0.8]]), np.array([0.3, 0.6, 0.9])
    front = Front(losses_, scores, np.array([1.0]), 0.0)
    draws = norm.rvs(0.7, 0.2, size=20_000, random_state=0)
    sampled = [
        Front(np.vstack([losses_, [[0.4]]]), np.append(scores, draw), np.array([1.0]), 0.0).volume() - front.volume()
        for draw in draws
    ]
    gain = front.expected_gains([np.array([[0.4]])], np.array([0.7]), np.array([0.2]))[0]
    assert gain == pytest.approx(np.mean(sampled), rel=0.03)


def test_a_cheaper_design_gains_more() -> None:
    front = Front(np.array([[0.5]]), np.array([0.5]), np.array([1.0]), 0.0)
    sets = [np.array([[cost]]) for cost in (0.1, 0.3, 0.6, 0.9)]
    gains = front.expected_gains(sets, np.full(4, 0.6), np.full(4, 0.1))
    assert (np.diff(gains) < 0).all()


# ------------------------------------------------------------------------------------------------------ stopping


@given(
    samples=st.integers(2, 120),
    right=st.floats(0, 1),
    share=st.floats(0.05, 1.0),
    risk=st.floats(1e-4, 0.3),
)
@settings(max_examples=300)
def test_the_bound_holds_for_every_population(samples: int, right: float, share: float, risk: float) -> None:
    """Exactly, for one chip: the chance of drawing so few right answers that the bound is broken."""
    correct, seen = round(right * samples), max(1, round(share * samples))
    few = [k for k in range(seen + 1) if largest_mean(k / seen, seen, samples, risk) < correct / samples - 1e-9]
    chance = sum(hypergeom.pmf(k, samples, correct, seen) for k in few)
    assert chance <= risk + 1e-9


def test_the_bound_narrows_to_what_is_measured() -> None:
    bounds = [largest_mean(0.5, seen, 200, 0.01) for seen in (10, 50, 100, 199)]
    assert (np.diff(bounds) < 0).all()
    assert largest_mean(0.5, 200, 200, 0.01) == 0.5
    assert largest_mean(1.0, 10, 200, 0.01) == 1.0


def accuracy(correct: np.ndarray) -> Accuracy:
    return measured_accuracy(correct, data="digits/search", key="", seed=0)


def test_what_is_dropped_would_not_have_overlapped() -> None:
    """Many populations, stopped at a quarter: final intervals reach above the bound no more often than said."""
    rng = np.random.default_rng(0)
    broken, trials = 0, 400
    for _ in range(trials):
        easy = rng.beta(2, 1, 200)
        correct = rng.random((2, 200)) < easy
        broken += accuracy(correct).interval[1] > reach(accuracy(correct[:, :50]), 200, 1) + 1e-12
    assert broken <= RISK * trials + 3 * math.sqrt(RISK * trials)


def test_a_whole_measurement_reaches_its_own_interval_and_has_no_error() -> None:
    whole = accuracy(np.arange(80).reshape(1, 80) % 4 > 0)
    assert reach(whole, 80, 1) == whole.interval[1]
    assert standard_error(whole, 80) == 0
    assert standard_error(whole, 160) > 0


def test_stages_are_samples() -> None:
    assert stage_samples((0.25, 1.0), 200) == (50, 200)
    assert stage_samples((0.001, 0.5, 1.0), 2) == (1, 2)
    for wrong in ((), (0.5,), (0.0, 1.0), (0.5, 0.5, 1.0)):
        with pytest.raises(InputError, match="stages"):
            stage_samples(wrong, 10)


# --------------------------------------------------------------------------------------------------- whole sweeps


SMALL = SPACE | {"axes": SPACE["axes"] | {"crossbar.cols": [64], "crossbar.mux": [8]}}
HOW = Search("gp", budget=8, samples=60)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "searched.db"
    sweep(SMALL, store=path, search=HOW, executor="serial")
    return path


def test_only_picks_are_designs_with_accuracies_of_the_report_split(searched: Path) -> None:
    study = load_study(searched)
    frame = study.frame()
    assert 0 < len(study) <= 8
    for index, digest in enumerate(frame["report_hash"]):
        report = study.report(str(digest))
        assert report["accuracy"]["data"] == "digits/report"
        assert report["accuracy"]["value"] == frame["accuracy"][index]
    assert (frame["search_accuracy_low"] <= frame["search_accuracy"]).all()
    # by the search's own numbers no pick beats another
    order = np.argsort(frame["edap"])
    assert (np.diff(frame["search_accuracy"][order]) > 0).all()


def test_going_on_measures_nothing_twice(searched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, tasks = sys.modules["spikesim_py.sweep.run"], list[Any]()
    real = run._measure
    monkeypatch.setattr(run, "_measure", lambda task: tasks.append(task) or real(task))
    before = len(Store.read(searched).measurements())
    sweep(SMALL, store=searched, search=HOW, executor="serial")
    assert tasks == []
    sweep(SMALL, store=searched, search=Search("gp", budget=10, samples=60), executor="serial")
    assert 2 <= len(tasks) <= 2 + 2  # two accuracies more, and what is newly picked of them
    assert len(Store.read(searched).measurements()) == before + len(tasks)


def test_another_study_lends_its_measurements(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, tasks = sys.modules["spikesim_py.sweep.run"], list[Any]()
    real = run._measure
    monkeypatch.setattr(run, "_measure", lambda task: tasks.append(task) or real(task))
    other = SMALL | {"name": "other", "set": {"technology.node_nm": 22}}  # costs differ, accuracies do not
    how = Search("exhaustive", budget=36, samples=60)
    known = dry_run(other, tmp_path / "n.db", search=how, timed=False).measurements
    lent = dry_run(other, tmp_path / "n.db", search=how, reuse=[searched], timed=False).measurements
    assert lent < known
    sweep(
        other, store=tmp_path / "o.db", search=Search("gp", budget=3, samples=60), reuse=[searched], executor="serial"
    )
    assert tasks
    with pytest.raises(StoreError, match="there is no such study file"):
        sweep(other, store=tmp_path / "o.db", search=how, reuse=[tmp_path / "none.db"])


def test_the_same_seed_searches_alike(searched: Path, tmp_path: Path) -> None:
    one = sweep(SMALL, store=tmp_path / "a.db", search=HOW, executor="serial").frame()
    two = sweep(SMALL, store=tmp_path / "b.db", search=HOW, executor="serial").frame()
    assert all(np.array_equal(one[name], two[name], equal_nan=one[name].dtype.kind == "f") for name in one)


def test_an_estimate_says_where_it_comes_from(searched: Path, tmp_path: Path) -> None:
    fresh = dry_run(SMALL, tmp_path / "none.db", search=HOW)
    assert (fresh.stored, fresh.measurements, fresh.basis) == (0, 8, "a trial")
    assert fresh.minutes is not None
    assert fresh.minutes > 0
    again = dry_run(SMALL, searched, search=Search("gp", budget=36, samples=60))
    assert again.basis == "stored timings"
    assert again.measurements < 36
    assert fresh.accuracies == again.accuracies


def test_a_failed_measurement_does_not_end_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sys.modules["spikesim_py.sweep.run"]
    real = run._measure

    def sometimes(task: Any) -> Any:
        if task.hardware.adc.bits == 3:
            raise ValueError("no luck")
        return real(task)

    monkeypatch.setattr(run, "_measure", sometimes)
    study = sweep(SMALL, store=tmp_path / "f.db", search=HOW, executor="serial")
    assert len(study) > 0
    assert (study.frame()["adc.bits"] > 3).all()
    assert study.failures()
    assert all('"adc.bits": 3' in line and "search: error: ValueError: no luck" in line for line in study.failures())
    version = study.version()
    monkeypatch.setattr(run, "_measure", real)
    again = sweep(SMALL, store=study.path, search=Search("exhaustive", budget=36, samples=60), executor="serial")
    assert again.failures() == []  # all of them were measured by now
    assert again.version() != version


def test_hopeless_designs_stop_early(tmp_path: Path) -> None:
    """After the first quarter of the samples, where a cheaper design is better beyond doubt."""
    made = load_space(SMALL)
    resolver, how = Resolver(made), Search("exhaustive", budget=36)
    field, name = field_of(resolver, how)
    with Store.write(tmp_path / "h.db", made, True) as store:
        hunt = Hunt(resolver, field, name, how, store, lambda key: None, lambda *_: None)
        seen: dict[str, int] = {}
        run = sys.modules["spikesim_py.sweep.run"]
        for index, task in enumerate(hunt.tasks()):
            seen[repr((task.source, task.hardware))] = task.protocol.samples or 0
            hunt.take(index, "ok", run._measure(task))
        picks = hunt.picks()
    stopped = sum(samples == 50 for samples in seen.values())
    assert 0 < stopped < len(seen)
    assert all(pick.accuracy.samples == 200 for pick in picks)
    assert enumerate_space(resolver, metrics=()).codes.shape[0] == len(seen)


def test_a_space_too_large_to_list_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["spikesim_py.sweep.plan"], "LISTED", 10)
    how = Search(budget=6, samples=20)
    study = sweep(SMALL, store=tmp_path / "large.db", search=how, executor="serial")
    assert 0 < len(study) <= 6
    assert dry_run(SMALL, tmp_path / "none.db", search=how, timed=False).accuracies is None


def test_more_costs_are_searched_too(tmp_path: Path) -> None:
    """Three objectives: the volume is formed by moocore, for what promises most."""
    resolver = Resolver(load_space(SPACE | {"objectives": ["accuracy", "edap", "tops_per_watt"]}))
    found = field_of(resolver, Search("gp"))[0]
    points = proposals(found, "gp", 0, 20)
    assert len(set(points)) == 20
    designs, arms = found.listed()
    accuracy = accuracy_of(found)
    cost, scores = losses(designs), np.array([accuracy(point) for point in designs.codes])
    known = np.isin(arms.of, [found.arm(point) for point in points])
    reference = cost.max(axis=0) + 0.1
    everything = Front(cost, scores, reference, 0.0).volume()
    assert Front(cost[known], scores[known], reference, 0.0).volume() > 0.98 * everything


def test_a_command_searches(tmp_path: Path) -> None:
    import yaml
    from click.testing import CliRunner

    from spikesim_py.cli import main

    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    common = ["sweep", str(tmp_path / "small.yaml"), "--store", str(tmp_path / "c.db")]
    options = ["--search", "gp", "--budget", "5", "--seed", "1", "--search-samples", "40"]
    planned = CliRunner().invoke(main, [*common, *options, "--dry-run"])
    assert "5 distinct accuracy measurements to make" in planned.output
    assert "from a trial" in planned.output
    result = CliRunner().invoke(main, [*common, *options, "--executor", "serial"])
    assert result.exit_code == 0, result.output
    assert "search_accuracy is what the search saw" in result.output
    refused = CliRunner().invoke(main, [*common, "--budget", "5"])
    assert refused.exit_code == 2
    assert "--budget goes with --search" in refused.output
