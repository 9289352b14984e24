"""Early exit: where an inference ends, whatever the machine, and what it then saw, answered and cost."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import conv, lif, random_weights, tiny_images, tiny_network
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import spikesim_py as ss
from spikesim_py.cli import main
from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.early_exit import EarlyExit, fitted_scale, parse_exit, per_step, scores
from spikesim_py.errors import InputError
from spikesim_py.evaluate import accuracy_key
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import simulate
from spikesim_py.network import Network, build, load_network, run

NEVER = [EarlyExit("confidence", 1.0, 0.1), EarlyExit("entropy", 0.0, 0.1)]
AT_ONCE = [EarlyExit("confidence", 0.0, 0.1), EarlyExit("entropy", 1.5, 0.1)]
readouts = arrays(
    np.int64, st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(2, 5)), elements=st.integers(-999, 999)
)
rules = st.sampled_from(["confidence", "entropy"])


def dataset(network: Network, samples: int = 12) -> Dataset:
    labels = np.random.default_rng(1).integers(0, network.classes, samples)
    return Dataset("tiny", tiny_images(samples, network.model.input.bits), labels)


def with_steps(network: Network, steps: int) -> Network:
    return build(network.model.model_copy(update={"time_steps": steps}), network.arrays)


# ------------------------------------------------------------------------------------------------------- the rule


def test_scores_of_known_probabilities() -> None:
    equal, certain = np.zeros((1, 4)), np.array([[0.0, 900.0, 0.0, 0.0]])
    assert scores(equal, "confidence") == 0.25
    assert scores(equal, "entropy") == 1
    assert scores(certain, "confidence") == 1
    assert scores(certain, "entropy") == 0
    odds = np.log([[3.0, 1.0]])
    assert scores(odds, "confidence") == 0.75
    assert scores(odds, "entropy")[0] == pytest.approx(2 - 0.75 * math.log2(3))


@given(values=readouts, rule=rules, threshold=st.floats(0, 1), scale=st.sampled_from([2.0**-6, 0.1, 1.0]))
def test_an_inference_ends_at_the_first_sure_step_or_the_last(
    values: np.ndarray, rule: Any, threshold: float, scale: float
) -> None:
    found = EarlyExit(rule, threshold, scale).steps(per_step(values, accumulated=True))
    for sample, last in zip(values, found, strict=True):
        assert 1 <= last <= len(sample)
        for t, answer in enumerate(sample[:last], 1):
            p = np.exp(scale * answer.astype(np.longdouble) / t)
            p /= p.sum()
            entropy = -sum(float(x * np.log(x)) for x in p if x > 0) / math.log(len(p))
            margin = float(p.max()) - threshold if rule == "confidence" else threshold - entropy
            if abs(margin) > 1e-9 and t < len(sample):
                assert (margin > 0) == (t == last)


@given(values=readouts, rule=rules, threshold=st.floats(0, 1), seed=st.integers(0, 99))
def test_neither_the_order_of_classes_and_samples_nor_a_common_offset_matters(
    values: np.ndarray, rule: Any, threshold: float, seed: int
) -> None:
    """Sums in another order differ in their last bits: rounding keeps them from deciding."""
    ends, random = EarlyExit(rule, threshold, 0.01), np.random.default_rng(seed)
    found = ends.steps(per_step(values, accumulated=True))
    classes, samples = random.permutation(values.shape[2]), random.permutation(len(values))
    turned = values[samples][:, :, classes]
    assert np.array_equal(ends.steps(per_step(turned, accumulated=True)), found[samples])
    assert np.array_equal(ends.steps(per_step(values, True) + 64.0), found)


@pytest.mark.parametrize("classes", [2, 3, 7, 10])
def test_ties_are_ties(classes: int) -> None:
    """All classes alike: confidence is 1 / classes and entropy 1, to the last digit that is compared."""
    same = np.full((1, 3, classes), 17.0)
    assert EarlyExit("entropy", 1.0, 0.3).steps(same) == 3
    assert EarlyExit("confidence", round(1 / classes, 12), 0.3).steps(same) == 3
    assert EarlyExit("confidence", 1 / classes - 1e-9, 0.3).steps(same) == 1


@given(values=readouts, rule=rules, thresholds=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_stricter_rules_end_no_earlier(values: np.ndarray, rule: Any, thresholds: tuple[float, float]) -> None:
    loose, strict = sorted(thresholds, reverse=rule == "entropy")
    means = per_step(values, accumulated=True)
    assert (EarlyExit(rule, strict, 0.01).steps(means) >= EarlyExit(rule, loose, 0.01).steps(means)).all()


@given(values=readouts, rule=rules, threshold=st.floats(0.01, 0.99))
def test_the_exit_unit_decides_without_a_division(values: np.ndarray, rule: Any, threshold: float) -> None:
    """The inequalities whose operations are counted are those of the rule."""
    d = 0.01 * (values - values.max(-1, keepdims=True))
    e, classes = np.exp(d), values.shape[-1]
    total = e.sum(-1)
    left, right = total, np.full_like(total, 1 / threshold)
    if rule == "entropy":
        left, right = total * np.log(total) - (e * d).sum(-1), threshold * math.log(classes) * total
    score = scores(0.01 * values, rule)
    sure = score > threshold if rule == "confidence" else score < threshold
    clear = np.abs(left - right) > 1e-9
    assert np.array_equal((left < right)[clear], sure[clear])


class Number:
    """A number that counts what is done with it."""

    done: ClassVar[Counter[str]] = Counter()

    def __init__(self, value: float) -> None:
        self.value = value

    def __add__(self, other: Number) -> Number:
        self.done["additions"] += 1
        return Number(self.value + other.value)

    def __sub__(self, other: Number) -> Number:
        self.done["additions"] += 1
        return Number(self.value - other.value)

    def __mul__(self, other: Number) -> Number:
        self.done["multiplications"] += 1
        return Number(self.value * other.value)

    def __lt__(self, other: Number) -> bool:
        self.done["comparisons"] += 1
        return self.value < other.value

    def exp(self) -> Number:
        self.done["exponentials"] += 1
        return Number(math.exp(self.value))

    def log(self) -> Number:
        self.done["logarithms"] += 1
        return Number(math.log(self.value))


@pytest.mark.parametrize("rule", ["confidence", "entropy"])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_operations_are_those_that_a_scalar_exit_unit_does(rule: Any, classes: int) -> None:
    values = [Number(float(value)) for value in np.random.default_rng(classes).permutation(classes)]
    Number.done.clear()
    best = max(range(classes), key=lambda c: values[c])
    d = [(value - values[best]) * Number(0.5) for c, value in enumerate(values) if c != best]
    e = [x.exp() for x in d]
    total = functools.reduce(Number.__add__, e, Number(1.0))
    if rule == "confidence":
        sure = total < Number(1 / 0.4)
    else:
        weighted = functools.reduce(Number.__add__, [a * b for a, b in zip(e, d, strict=True)])
        sure = total * total.log() - weighted < Number(0.4 * math.log(classes)) * total
    counted = dataclasses.asdict(EarlyExit(rule, 0.4, 0.5).operations(classes))
    assert dict(Number.done) == {name: count for name, count in counted.items() if count}
    readouts = np.array([[[value.value for value in values]] * 2])
    assert sure == (EarlyExit(rule, 0.4, 0.5).steps(readouts) == 1)


def test_a_readout_of_the_last_membrane_is_not_divided() -> None:
    values = np.arange(12).reshape(1, 3, 4)
    assert np.array_equal(per_step(values, accumulated=False), values)
    assert np.array_equal(per_step(values, accumulated=True)[0, 2], values[0, 2] / 3)


@given(seed=st.integers(0, 99), shift=st.integers(0, 8))
def test_a_fitted_scale_follows_the_unit_of_the_readout(seed: int, shift: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, 200)
    values = random.normal(size=(200, 4)) + 1.5 * np.eye(4)[labels]
    scale = fitted_scale(values, labels)
    assert fitted_scale(values * 2.0**shift, labels) == scale / 2**shift

    def loss(factor: float) -> float:
        p = np.exp(factor * values)
        return float(-np.log(p[np.arange(200), labels] / p.sum(1)).mean())

    assert loss(scale) <= min(loss(scale / 2), loss(scale * 2)) + 1e-9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entropi:0.3", "exit.rule = 'entropi': must be one of confidence, entropy"),
        ("entropy", "exit = 'entropy': must be RULE:THRESHOLD"),
        ("entropy:high", "exit = 'entropy:high': must be RULE:THRESHOLD"),
        ("entropy:0.3:1:2", "exit = 'entropy:0.3:1:2': must be RULE:THRESHOLD"),
        ("entropy:-0.1", "exit.threshold = -0.1: must be a number, at least 0"),
        ("confidence:nan", "exit.threshold = nan: must be a number"),
        ("confidence:0.5:0", "exit.scale = 0.0: must be a number above 0"),
    ],
)
def test_bad_rules_are_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_exit(text)
    assert message in str(error.value)
    result = CliRunner().invoke(main, ["evaluate", "digits-w4", "rram_32nm", "--samples", "5", "--exit", text])
    assert result.exit_code == 2
    assert message in result.output


def test_what_is_no_rule_is_refused() -> None:
    with pytest.raises(InputError, match="exit = 5: must be RULE:THRESHOLD"):
        ss.evaluate("digits-w4", "rram_32nm", samples=5, exit=5)


def test_rules_are_read_as_they_are_written() -> None:
    assert parse_exit("confidence:0.9") == EarlyExit("confidence", 0.9)
    assert parse_exit("entropy:0.3:0.0625") == EarlyExit("entropy", 0.3, 0.0625)


# ----------------------------------------------------------------------------------------------- networks on chips


@pytest.mark.parametrize("mode", ["accumulate", "last", "spike_count"])
def test_the_answer_after_every_step_is_that_of_a_shorter_run(mode: str) -> None:
    network = tiny_network(steps=4)
    nodes = list(network.model.nodes)
    if mode == "spike_count":
        rng = np.random.default_rng(0)
        plain = [conv("c", "input", 2, 3, weight_bits=4), lif("l", "c")]
        plain += [{"op": "pool", "name": "p", "inputs": ["l"], "kind": "max", "kernel": (6, 6)}]
        plain += [{"op": "readout", "name": "out", "inputs": ["p"], "mode": mode}]
        description = {"name": "counts", "arithmetic": "integer", "time_steps": 4, "nodes": plain}
        description["input"] = {"shape": (2, 6, 6), "bits": 3}
        network = build(description, {"c.weight": random_weights(rng, (3, 2, 3, 3), 4), "l.theta": np.array([90])})
    else:
        nodes[-1] = nodes[-1].model_copy(update={"mode": mode})
        network = build(network.model.model_copy(update={"nodes": tuple(nodes)}), network.arrays)
    data, hardware = dataset(network, 40), load_hardware("rram_32nm", {"adc.bits": 4})
    result = simulate(network, hardware, data, chips=2, seed=3)
    assert result.correct_by_step.shape == (2, 4, 40)
    for t in range(1, 5):
        short = simulate(with_steps(network, t), hardware, data, chips=2, seed=3)
        assert np.array_equal(result.correct_by_step[:, t - 1], short.correct)
    assert np.array_equal(result.correct_by_step[:, -1], result.correct)


@pytest.mark.parametrize("never", NEVER, ids=str)
def test_a_rule_that_is_never_met_changes_nothing(never: EarlyExit) -> None:
    network, hardware = tiny_network(), load_hardware("rram_32nm")
    plain, full = (simulate(network, hardware, dataset(network), chips=2, exit=rule) for rule in (None, never))
    assert np.array_equal(plain.correct, full.correct)
    assert (full.exit_steps == network.time_steps).all()
    assert full.activity.exit == never.operations(network.classes)  # what the unit computes all the same
    assert plain.activity == dataclasses.replace(full.activity, exit=None)
    assert plain.activity.each is not None
    assert full.activity.each is not None
    assert_same(plain.activity.each, full.activity.each)


@pytest.mark.parametrize("at_once", AT_ONCE, ids=str)
@pytest.mark.parametrize("name", ["rram_32nm", "digital"])
def test_a_rule_that_is_always_met_is_a_run_of_one_step(at_once: EarlyExit, name: str) -> None:
    network = tiny_network()
    fields: dict[str, Any] = {"digital": {"mapping.digital_layers": ["conv1"]}}.get(name, {})
    hardware = load_hardware("rram_32nm", fields)
    cut = simulate(network, hardware, dataset(network), chips=2, exit=at_once)
    short = simulate(with_steps(network, 1), hardware, dataset(network), chips=2)
    assert np.array_equal(cut.correct, short.correct)
    assert (cut.exit_steps == 1).all()
    assert cut.activity.each is not None
    assert short.activity.each is not None
    assert_same(cut.activity.each, short.activity.each)


def assert_same(a: Any, b: Any) -> None:
    """Two records of samples, to the last bit."""
    assert np.array_equal(a.steps, b.steps)
    assert a.layers.keys() == b.layers.keys()
    for layer in a.layers:
        assert dict(a.layers[layer].items()).keys() == dict(b.layers[layer].items()).keys()
        for (name, values), (_, others) in zip(a.layers[layer].items(), b.layers[layer].items(), strict=True):
            assert np.array_equal(values, others), (layer, name)


def test_samples_end_by_themselves_and_what_comes_after_does_not_count() -> None:
    """Whoever exits at t saw, answered and costs what a run of t steps does."""
    network, hardware = load_network("digits-w4"), load_hardware("rram_32nm")
    full = ss.evaluate(network, hardware, samples=60, exit="confidence:0.9")
    steps = full.activity.each.steps
    assert len(set(steps)) >= 3
    for t in sorted(set(steps.astype(int).tolist())):
        seen = ss.evaluate(with_steps(network, t), hardware, samples=60).activity
        ended = steps == t
        for layer, own in full.activity.each.layers.items():
            for name, values in own.items():
                assert np.array_equal(values[ended], getattr(seen.each.layers[layer], name)[ended])
        # what is only known as a mean (the level of the active cells) is that of the whole run
        same_means = dataclasses.replace(seen, layers=full.activity.layers, exit=full.activity.exit)
        short = ss.cost(with_steps(network, t), hardware, activity=same_means)
        for one in ("energy_distribution", "latency_distribution"):
            assert np.array_equal(getattr(full, one).values[ended], getattr(short, one).values[ended])
    assert full.accuracy_by_step == ss.evaluate(network, hardware, samples=60).accuracy_by_step


def test_the_accuracy_is_that_of_the_answers_at_the_exits() -> None:
    network, hardware, data = load_network("digits-w4"), load_hardware("rram_32nm"), load_dataset("digits")
    rule = EarlyExit("entropy", 0.3, 2.0**-6)
    result = simulate(network, hardware, data.head(80), chips=3, exit=rule)
    for chip in range(3):
        for sample, step in enumerate(result.exit_steps[chip]):
            assert result.correct[chip, sample] == result.correct_by_step[chip, step - 1, sample]
    assert result.activity.each is not None
    assert np.array_equal(result.activity.each.steps, result.exit_steps.mean(0))


def test_two_classes_at_least() -> None:
    network = load_network("digits-w4")
    with pytest.raises(InputError, match="1 class: an early exit needs at least 2"):
        scores(np.zeros((2, network.time_steps, 1)), "entropy")


def test_the_scale_is_found_on_held_out_images_and_reported() -> None:
    found = ss.evaluate("digits-w4", "rram_32nm", samples=40, exit="entropy:0.3")
    network, held_out = load_network("digits-w4"), load_dataset("digits", "calibration")
    outputs = run(network, held_out.images).outputs / network.time_steps
    assert found.exit.scale == fitted_scale(outputs, held_out.labels)
    stated = ss.evaluate("digits-w4", "rram_32nm", samples=40, exit=f"entropy:0.3:{found.exit.scale}")
    assert stated.to_dict() == found.to_dict()


def test_keys_hold_the_rule() -> None:
    network, hardware = load_network("digits-w4"), load_hardware("rram_32nm")
    rules = [None, *NEVER, EarlyExit("entropy", 0.1, 0.1), EarlyExit("entropy", 0.1, 0.2)]
    run: dict[str, Any] = {"data": "digits", "split": "report", "samples": 40, "chips": 1, "seed": 0}
    keys = {accuracy_key(network, hardware, **run, exit=rule) for rule in rules}
    assert len(keys) == len(rules)
    report = ss.evaluate(network, hardware, samples=40, exit=rules[-1])
    assert report.measured.key == accuracy_key(network, hardware, **run, exit=rules[-1])
    assert report.report_hash != ss.evaluate(network, hardware, samples=40).report_hash


def test_early_exits_are_shown() -> None:
    result = CliRunner().invoke(
        main, ["evaluate", "digits-w4", "rram_32nm", "--samples", "40", "--exit", "entropy:0.3"]
    )
    assert result.exit_code == 0, result.output
    report = ss.evaluate("digits-w4", "rram_32nm", samples=40, exit="entropy:0.3")
    assert ", ".join(f"{value:.2%}" for value in report.accuracy_by_step) in result.output
    assert f"after {report.steps_distribution.mean:.2f} of 4 time-steps on average (entropy below 0.3" in result.output
    assert "note: early exit: energy, latency and EDAP without a distribution are of all 4 time-steps" in result.output
    assert f"on average after {report.steps_distribution.mean:.4g} time-steps" in report.cite()
    assert report.to_dict()["exit"] == {"rule": "entropy", "threshold": 0.3, "scale": report.exit.scale}
    plain = ss.evaluate("digits-w4", "rram_32nm", samples=40)
    unit = report.tree.components()["exit_unit"]  # all else costs the same, but for the unit's leakage and time
    assert 0 < unit.energy_pj < 1e-3 * plain.energy_pj
    assert report.latency_ns == pytest.approx(plain.latency_ns + unit.critical_ns)
    assert report.energy_pj == pytest.approx(plain.energy_pj + unit.energy_pj, rel=1e-4)
    assert report.energy_distribution.mean < plain.energy_distribution.mean
