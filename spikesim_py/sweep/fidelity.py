"""How much of a measurement is enough: a design stops where it can no longer reach the front.

A search may measure a design on the beginning of its split first, and on all of it only if that can still matter.
What it will have measured in the end is the mean over M samples, each the share of chips that are right about it, from
0 to 1. After m of them, drawn without replacement, with mean x, the final mean exceeds u with a probability of at most
``exp(-m KL(x, u))``, ``KL(x, u) = x ln(x/u) + (1-x) ln((1-x)/(1-u))`` (Hoeffding, Journal of the American Statistical
Association 58, 1963, theorems 1 and 4). It holds for any device, since the chips are the same throughout; it takes the
samples of a split to be in random order (ours are shuffled, and stratified, which narrows it). No final mean exceeds
``(m x + M - m) / M``, in any order.

A design is dropped only if a final interval around the largest such u would still lie below the interval of a design
that is on the front and costs no more. The chance that one is dropped which would have overlapped is `RISK`, shared
by the stages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from scipy.optimize import brentq

from ..errors import InputError
from ..inference.interval import score_interval
from ..report import Accuracy

#: chance that a design is dropped whose final interval would have overlapped one of the front; chosen, not measured
RISK = 0.01


def stage_samples(stages: Sequence[float], samples: int) -> tuple[int, ...]:
    """Samples of each stage; the last is all.

    Args:
        stages: rising shares of the samples, the last of them 1.
    """
    rising = all(0 < low < high for low, high in pairwise(stages))
    if not stages or not rising or stages[-1] != 1 or stages[0] <= 0:
        raise InputError(f"stages = {list(stages)}: must be rising shares of the samples, the last of them 1")
    return tuple(dict.fromkeys(max(1, math.ceil(share * samples)) for share in stages))


def largest_mean(mean: float, seen: int, samples: int, risk: float) -> float:
    """The final mean of `samples` is no larger than this, but for a chance of `risk`.

    Args:
        mean: of the first `seen` of them, 0 to 1.
    """
    certain = (mean * seen + samples - seen) / samples
    allowed = math.log(1 / risk) / seen

    def excess(u: float) -> float:
        return _divergence(mean, u) - allowed

    likely = 1.0 if mean >= 1 or excess(1 - 1e-12) <= 0 else float(brentq(excess, mean, 1 - 1e-12, xtol=1e-9))
    return min(certain, likely)


def reach(accuracy: Accuracy, samples: int, looks: int) -> float:
    """The upper end that the final interval of a design could still have.

    Args:
        accuracy: of the samples so far. samples: in the end. looks: stages at which it may be dropped.
    """
    if accuracy.samples >= samples:
        return accuracy.interval[1]
    most = largest_mean(accuracy.value, accuracy.samples, samples, RISK / looks)
    high = accuracy.interval[1]
    spread = high * (1 - high)
    # the interval's own quantile; later ones are smaller, since they see more samples
    quantile = (high - accuracy.value) / spread**0.5 if spread > 0 else 1 / accuracy.samples**0.5
    return max(high, score_interval(most, quantile)[1])


def standard_error(accuracy: Accuracy, samples: int) -> float:
    """Of what will be measured in the end, by what is measured so far: 0 once all of it is.

    All designs see the same samples and device instances. What those have in common moves all of them, and is no
    noise between them; what is left is that of the samples that are still to come, ``1 - m / M`` of the variance.
    """
    low, high = accuracy.interval
    return (high - low) / (2 * 1.96) * math.sqrt(max(0.0, 1 - accuracy.samples / samples))


def _divergence(x: float, u: float) -> float:
    value = x * math.log(x / u) if x > 0 else 0.0
    return value + ((1 - x) * math.log((1 - x) / (1 - u)) if x < 1 else 0.0)
