"""Energy, latency and area: shares, sweeps, channels, and the SNN against a 4-bit ANN."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...cost.resources import neuron_share
from ...evaluate import cost
from ...importers import load_network
from ...network import Network
from ...report import Report
from ..base import Claim
from ..verdicts import bound_claim, ratio_claim, ratio_verdict
from .chips import CHANNELS, CHIP, DESIGNS, NETWORK, PARAMETRIC, four_bit_ann, with_channels

_ABSTRACT = "SpikeSim, TCAD 2023, abstract"
NEURON_SHARE, NEURON_AREA, EDP = 0.11, 1.24, 10.0
STEPS = (1, 2, 3, 4, 5, 6, 8, 10)
#: what is swept beside T, at T = 5
SWEEPS: Mapping[str, tuple[int, ...]] = {"crossbar.rows": (32, 64, 128, 256), "adc.bits": (3, 4, 5, 6, 7, 8)}
#: an SNN of 5 time-steps must spike more rarely than this to take less energy than a QNN of as much information
SPARSITY, SPARSE_STEPS = 0.057, 5
_SPARSITY_SOURCE = "Yan et al., arXiv 2409.08290, abstract"
#: what a chip can do to profit from silence
_GATED = {"crossbar.event_driven": True, "crossbar.row_gating": True, "adc.zero_skip": True}


def designs() -> list[tuple[str, Report]]:
    """VGG9 as released, corrected, and on our circuits."""
    return [(name, cost(NETWORK, CHIP, overrides=given)) for name, given in DESIGNS]


def sweep(name: str) -> Iterator[tuple[int, Report]]:
    """VGG9 on our circuits at 65 nm, with one field of the chip at other values; crossbars stay square."""
    for value in SWEEPS[name]:
        square = {"crossbar.cols": value} if name == "crossbar.rows" else {}
        yield value, cost(NETWORK, CHIP, overrides={**PARAMETRIC, name: value, **square})


def over_time() -> list[Report]:
    return [cost(NETWORK, CHIP, overrides={**PARAMETRIC, "network.time_steps": t}) for t in STEPS]


def ann() -> Report:
    """The 4-bit ANN on the same chip, at the same share of ones."""
    return cost(four_bit_ann(load_network(NETWORK)), CHIP, overrides=PARAMETRIC)


def channels(library: Mapping[str, Any]) -> dict[str, Report]:
    """VGG9 with other numbers of channels, as released ({}) or on our circuits."""
    shape = load_network(NETWORK)
    return {name: cost(with_channels(shape, change), CHIP, overrides=library) for name, change in CHANNELS.items()}


def neuron_area_um2(report: Report) -> float:
    return neuron_share(report.tree) * report.area_um2


def edp(report: Report) -> float:
    return report.energy_pj * report.latency_ns


def gains(found: Mapping[str, Report]) -> dict[str, tuple[float, float]]:
    """Channels to (times less neuron area, times less EDP) than as published."""
    whole = next(iter(found.values()))
    return {name: (neuron_area_um2(whole) / neuron_area_um2(one), edp(whole) / edp(one)) for name, one in found.items()}


def sparsity_needed(network: Network, rival: Report, chip: str = "rram_32nm") -> float | None:
    """The input rate at which the SNN takes the rival's energy on a chip that skips what is silent; None: never."""
    low, high = 0.0, 1.0

    def energy(rate: float) -> float:
        return cost(network, chip, overrides=_GATED, activity=rate).energy_pj

    if energy(low) >= rival.energy_pj:
        return None
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if energy(middle) < rival.energy_pj else (low, middle)
    return low


def share_claims(found: Sequence[tuple[str, Report]]) -> list[Claim]:
    return [
        bound_claim(
            f"the neuron module's share of the area: {name}",
            NEURON_SHARE,
            _ABSTRACT,
            neuron_share(report.tree),
            "" if "FC" in name else "4.2 of VGG9's 5.9 M weights are not on this chip",
        )
        for name, report in found
    ]


def channel_claims(found: Mapping[str, Report], library: str) -> list[Claim]:
    """Both factors, of the channels that come closest to both."""

    def off(pair: tuple[float, float]) -> float:
        return max(abs(math.log(pair[0] / NEURON_AREA)), abs(math.log(pair[1] / EDP)))

    name, (area, product) = min(gains(found).items(), key=lambda item: off(item[1]))
    note = f"channels {name}, the closest of {len(found)}; that the paper varied channels is read from its code"
    return [
        ratio_claim(f"neuron area, other topology ({library})", NEURON_AREA, _ABSTRACT, area, note),
        ratio_claim(f"EDP, other topology ({library})", EDP, _ABSTRACT, product, note),
    ]


def ann_claims(snn: Sequence[Report], rival: Report) -> list[Claim]:
    """Up to which T the SNN is better; it must be at T = 1, and no longer at the largest."""
    claims = []
    for label, measure in (("energy", lambda r: r.energy_pj), ("latency", lambda r: r.latency_ns), ("EDP", edp)):
        better = [t for t, report in zip(STEPS, snn, strict=True) if measure(report) < measure(rival)]
        crossed = bool(better) and better != list(STEPS) and better == list(STEPS[: len(better)])
        claims.append(
            Claim(
                f"few time-steps are key against a 4-bit ANN: {label}",
                f"few T win ({_ABSTRACT})",
                f"less up to T = {better[-1]}" if better else "less at no T",
                "reproduced" if crossed else "not reproduced",
                f"at T = {STEPS[-1]} the SNN takes {measure(snn[-1]) / measure(rival):.2f} times as much",
            )
        )
    return claims


def sparsity_claim() -> Claim:
    """The rate below which five time-steps pay, on a chip of today's devices that skips what is silent."""
    shape = load_network(NETWORK)
    rival = cost(four_bit_ann(shape), "rram_32nm", overrides=_GATED)
    found = sparsity_needed(shape, rival)
    return Claim(
        f"{NETWORK}, T = {SPARSE_STEPS}: spike rate below which the SNN takes less energy than the quantized ANN",
        f"{SPARSITY:.1%} ({_SPARSITY_SOURCE})",
        "none" if found is None else f"{found:.1%}",
        "not reproduced" if found is None else ratio_verdict(SPARSITY, found),
        "theirs is of digital accelerators; here crossbars that skip idle rows and columns, the ANN at 15 % ones",
    )
