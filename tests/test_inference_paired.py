"""Paired differences: the score interval against its definition, exact limits, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import binom, binomtest, norm
from test_inference_interval import true_accuracy

from spikesim_py.compare import compare
from spikesim_py.errors import InputError
from spikesim_py.evaluate import evaluate
from spikesim_py.hardware import load_hardware
from spikesim_py.inference import accuracy_interval, paired_difference, reported_difference
from spikesim_py.inference.paired import packed


def answers(only_first: int, only_second: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    index = np.arange(samples)[None]
    return index < only_first, (index >= only_first) & (index < only_first + only_second)


def most_likely_discordant(difference: float, first: float, second: float) -> float:
    """By numerical maximization of the multinomial likelihood."""

    def loss(against: float) -> float:
        shares = np.array([against + difference, against, 1 - 2 * against - difference])
        return -float(np.array([first, second, 1 - first - second]) @ np.log(shares + 1e-300))

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    against = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    return 2 * against + difference


@pytest.mark.parametrize(
    ("wins", "losses", "samples"), [(12, 2, 50), (1, 0, 32), (0, 9, 40), (30, 30, 600), (5, 5, 10)]
)
def test_one_chip_takes_the_score_interval(wins: int, losses: int, samples: int) -> None:
    found = paired_difference(*answers(wins, losses, samples), seed=0)
    assert found.value == pytest.approx((wins - losses) / samples)
    for end in found.interval:
        discordant = most_likely_discordant(end, wins / samples, losses / samples)
        score = abs(found.value - end) / ((discordant - end**2) / samples) ** 0.5
        assert score == pytest.approx(norm.ppf(0.975), rel=1e-4)
    assert found.p_value == pytest.approx(binomtest(wins, wins + losses).pvalue)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_interval_holds_the_value_and_turns_with_the_designs(wins: int, losses: int, alike: int) -> None:
    if not wins + losses + alike:
        alike = 1
    first, second = answers(wins, losses, wins + losses + alike)
    found, turned = paired_difference(first, second, seed=0), paired_difference(second, first, seed=0)
    low, high = found.interval
    assert -1 <= low <= found.value <= high <= 1
    assert low < high
    assert turned.interval == pytest.approx((-high, -low), abs=1e-9)
    assert (turned.only_first, turned.only_second) == (found.only_second, found.only_first)


@pytest.mark.parametrize("samples", [1, 10, 600])
@pytest.mark.parametrize("chips", [1, 5])
def test_where_no_pair_differs_the_bound_is_exact(chips: int, samples: int) -> None:
    alike = np.random.default_rng(0).random((chips, samples)) < 0.8
    found = paired_difference(alike, alike, seed=0)
    exact = binomtest(0, samples).proportion_ci(method="exact").high
    assert found.interval == pytest.approx((-exact, exact))
    assert (found.value, found.p_value) == (0, 1)


def test_where_all_pairs_differ_the_interval_has_a_width() -> None:
    first, second = answers(40, 0, 40)
    low, high = paired_difference(first, second, seed=0).interval
    assert 0.8 < low < high == 1


def test_chips_that_agree_are_one() -> None:
    first, second = answers(12, 2, 50)
    several = paired_difference(np.repeat(first, 6, axis=0), np.repeat(second, 6, axis=0), seed=0)
    assert several == paired_difference(first, second, seed=0)


def test_differences_that_cancel_on_every_chip_and_sample_have_an_interval() -> None:
    first = np.array([[True, False], [False, True]])
    low, high = paired_difference(first, ~first, seed=0).interval
    assert low < 0 < high


def test_pairing_narrows_the_interval() -> None:
    first, second = pair(np.random.default_rng(0), 8, 300, **EFFECTS[0])
    found = paired_difference(first, second, seed=0)
    low, high = found.interval
    assert found.p_value is None
    ends = [accuracy_interval(correct, seed=0)[1] for correct in (first, second)]
    apart = sum((end[1] - end[0]) ** 2 for end in ends) ** 0.5
    assert high - low < 0.7 * apart


def test_shapes_must_match() -> None:
    with pytest.raises(InputError, match=r"second: shape \(2, 4\): must be that of first, \(2, 3\)"):
        paired_difference(np.ones((2, 3), bool), np.ones((2, 4), bool), seed=0)
    with pytest.raises(InputError, match="first: shape"):
        paired_difference(np.ones((0, 3), bool), np.ones((0, 3), bool), seed=0)


def pair(
    rng: np.random.Generator,
    chips: int,
    samples: int,
    *,
    mean: float,
    gap: float,
    chip: float,
    sample: float,
    own: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Right answers of two designs: logit = mean (less gap) + shared effects of chip and sample + a chip effect."""
    shared = mean + chip * rng.standard_normal((chips, 1)) + sample * rng.standard_normal((1, samples))
    draw = rng.random((chips, samples))  # the same sample on the same chip is easy or hard for both
    first, second = (shared - less + own * rng.standard_normal((chips, 1)) for less in (0.0, gap))
    return draw < expit(first), draw < expit(second)


def true_difference(*, mean: float, gap: float, chip: float, sample: float, own: float) -> float:
    spread = float(np.hypot(chip, own))
    return true_accuracy(mean, spread, sample) - true_accuracy(mean - gap, spread, sample)


def covered(trials: int, chips: int, samples: int, **effects: float) -> int:
    rng, truth, hits = np.random.default_rng(chips * samples), true_difference(**effects), 0
    for trial in range(trials):
        low, high = paired_difference(*pair(rng, chips, samples, **effects), seed=trial).interval
        hits += low <= truth <= high
    return hits


#: differences of 11, 0, 2.8 and 3.5 points
EFFECTS = [
    {"mean": 2.5, "gap": 1.0, "chip": 0.5, "sample": 2.0, "own": 0.3},
    {"mean": 2.5, "gap": 0.0, "chip": 0.5, "sample": 2.0, "own": 0.3},
    {"mean": 4.0, "gap": 0.5, "chip": 0.5, "sample": 2.0, "own": 0.1},
    {"mean": 6.0, "gap": 1.0, "chip": 1.0, "sample": 3.0, "own": 0.5},
]
#: one chip's interval is of that chip: no effects of chips
ONE_CHIP = {"mean": 2.5, "gap": 0.5, "chip": 0.0, "sample": 2.0, "own": 0.0}


@pytest.mark.parametrize(("chips", "effects"), [(4, EFFECTS[0]), (1, ONE_CHIP)])
def test_coverage_of_few_chips(chips: int, effects: dict[str, float]) -> None:
    # fewer than this many of 200 would be seen once in 10,000 runs if coverage were 0.93; seeds are fixed
    assert covered(200, chips, 200, **effects) >= binom.ppf(1e-4, 200, 0.93)


@pytest.mark.slow
@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize(("chips", "samples"), [(2, 200), (4, 100), (4, 600), (8, 300), (16, 100), (16, 600)])
def test_coverage_is_at_least_93_percent(chips: int, samples: int, effects: dict[str, float]) -> None:
    assert covered(1000, chips, samples, **effects) >= 930


def _record(correct: np.ndarray, **more: object) -> dict[str, object]:
    """What a report says of an accuracy."""
    chips = correct.mean(1).tolist()
    record = {"chips": chips, "samples": correct.shape[1], "data": "digits/report", "seed": 3}
    return record | {"answers": packed(correct)} | more


@given(st.integers(1, 3), st.integers(1, 19), st.integers(0, 2**32))
def test_two_reports_that_kept_their_answers_tell_the_difference(chips: int, samples: int, seed: int) -> None:
    first, second = np.random.default_rng(seed).random((2, chips, samples)) < 0.8
    assert reported_difference(_record(first), _record(second)) == paired_difference(first, second, seed=3)


def test_reports_of_other_runs_or_without_answers_tell_none() -> None:
    first, second = np.random.default_rng(0).random((2, 2, 20)) < 0.8
    known = _record(first)
    for other in (
        {"seed": 4},
        {"data": "digits/search"},
        {"answers": ""},
        {"answers": "no base64"},
        {"answers": "AA=="},
    ):
        assert reported_difference(known, _record(second, **other)) is None
    assert reported_difference(known, _record(second[:, :19])) is None
    old = {name: value for name, value in known.items() if name != "answers"}
    assert reported_difference(old, old) is None


def test_stored_reports_tell_what_running_both_again_does() -> None:
    run = {"data": "digits", "split": "report", "samples": 40, "chips": 2, "seed": 0}
    fields = {"a": {"adc.bits": 3}, "b": {"adc.bits": 6}}
    chips = {name: load_hardware("rram_32nm", own) for name, own in fields.items()}
    again = compare("digits-w2", chips["a"], chips["b"], **run).difference
    first, second = (evaluate("digits-w2", chip, **run).to_dict()["accuracy"] for chip in chips.values())
    assert reported_difference(first, second) == again
    assert again.value
