"""Numbers to verdicts, by the same rules in every study.

A ratio or a value is `reproduced` within 10 % of what is published, `trend only` if it lies further off but on the same
side of no change, else `not reproduced`. A bound is reproduced or not. A number that is defined exactly must agree to
nine digits. Where the comparison made here is not the published one, a claim is a trend at most.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .._units import number
from .base import Claim, Verdict

#: how far from the published number counts as reproduced, either way
TOLERANCE = 0.1


def ratio_verdict(published: float, found: float) -> Verdict:
    """Of a factor, where 1 is no change; both positive."""
    if abs(math.log(found / published)) <= math.log1p(TOLERANCE):
        return "reproduced"
    return "trend only" if (found - 1) * (published - 1) > 0 else "not reproduced"


def change_verdict(published: float, found: float) -> Verdict:
    """Of a relative change, where 0 is none: -0.8 is 80 % less. Compared as what is left (1 + change)."""
    return ratio_verdict(1 + published, 1 + found)


def ratio_claim(claim: str, published: float, source: str, found: float, note: str = "") -> Claim:
    """A published factor beside ours."""
    given = f"{number(published)}x ({source})"
    return Claim(claim, given, f"{number(found, 3)}x", ratio_verdict(published, found), note)


def change_claim(claim: str, published: float, source: str, found: float, note: str = "") -> Claim:
    """A published relative change beside ours."""
    given = f"{100 * published:+.3g}% ({source})"
    return Claim(claim, given, f"{found:+.1%}", change_verdict(published, found), note)


def exact_claim(claim: str, published: float, source: str, found: float, unit: str, note: str = "") -> Claim:
    """A number that another program printed and ours must equal."""
    same = math.isclose(published, found, rel_tol=1e-9)
    given = f"{published:.11g} {unit} ({source})"
    return Claim(claim, given, f"{found:.11g} {unit}", "reproduced" if same else "not reproduced", note)


def bound_claim(claim: str, above: float, source: str, found: float, note: str = "") -> Claim:
    """A share that is published as a lower bound."""
    verdict: Verdict = "reproduced" if found > above else "not reproduced"
    return Claim(claim, f"> {above:.0%} ({source})", f"{found:.1%}", verdict, note)


def at_most_a_trend(claim: Claim) -> Claim:
    """A claim that was tried on another comparison than the published: a number that agrees proves no more."""
    return replace(claim, verdict="trend only") if claim.verdict == "reproduced" else claim
