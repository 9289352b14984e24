"""What each known defect of SpikeSim's released scripts does: to energy, delay and area, and to accuracy.

The estimator's defects are the switches of `cost.defects` (docs/released_defects.md), corrected one after the other on
VGG9. Those of the accuracy engine (NICE, c2627bc) are tried on a bundled network, as its own checkpoint is not public:
wires of 0 ohm, an ADC that never rounds, and a forward pass that overwrites the membrane, so that units behind
the first layer neither leak nor remember.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..cost import released_layers
from ..evaluate import cost, evaluate
from ..figures.chart import Axis
from ..figures.panels import panels, steps_chart
from ..hardware import Defects
from ..importers import load_network
from ..network import Lif, Network, build
from ..report import Report
from .base import Claim, Findings, PaperStudy
from .verdicts import exact_claim, ratio_claim

NETWORK, CHIP, TRAINED = "vgg9-cifar10", "spikesim_released", "digits-w4"
_SCRIPT = "SpikeSim c2627bc, ela_spikesim.py, run"

#: what the authors' script printed for its own lists: (quantity, attribute, value, unit)
PRINTED: tuple[tuple[str, str, float, str], ...] = (
    ("energy", "energy_pj", 15_906_934.026240002, "pJ"),
    ("area", "area_um2", 8_425_528.755833998, "µm²"),
    ("latency", "critical_ns", 62_832_640.0, "ns"),
)
#: the lists that the script has, after the pools
_LISTS: Mapping[str, Any] = {
    "in_channels": [3, 64, 64, 128, 128, 256, 256],
    "out_channels": [64, 64, 128, 128, 256, 256, 256],
    "in_dims": [32, 32, 16, 16, 8, 8, 8],
    "out_dims": [32, 16, 16, 8, 8, 8, 4],
}

#: resolution at which no column of 64 cells of 4 bits loses anything
_LOSSLESS = {"adc.bits": 10}
#: a bit line of 1 ohm per cell (NeuroSim's 32 nm wires: 0.5 to 0.7 ohm), no word-line resistance, as NICE has it
_WIRES = {"wires.topology": "passive", "wires.word_ohm": 0.0, "wires.bit_ohm": 1.0}
#: assumed, as in the chip rram_32nm: the code that draws variation is commented out and states none
_VARIATION = {"device.ideal": False, "device.program_sigma": 0.04}
_ROUNDS = {"adc.bits": 4}


def corrected(network: str = NETWORK) -> Iterator[tuple[str, Report]]:
    """The chip as released, then with its defects corrected one after the other, in the order of the list."""
    off: dict[str, Any] = {}
    yield "as released", cost(network, CHIP)
    for name in Defects.model_fields:
        off[f"cost.defects.{name}"] = False
        yield name, cost(network, CHIP, overrides=off)


def forgetful(network: Network) -> Network:
    """The network whose units behind the first layer start every time-step from 0: NICE's overwritten membranes."""
    model = network.model.model_dump(mode="python")
    first = next(node.name for node in network.nodes if isinstance(node, Lif))
    forget = {"leak": {"multiplier": 0, "shift": 0}}
    nodes = [node | (forget if node["op"] == "lif" and node["name"] != first else {}) for node in model["nodes"]]
    return build(model | {"nodes": nodes, "name": f"{network.name} (forgetful)"}, network.arrays)


def accuracies(samples: int | None, chips: int) -> Iterator[tuple[str, Report]]:
    """The accuracy engine as released, with each defect corrected by itself, and with all of them corrected."""
    exact = load_network(TRAINED)
    faulty = forgetful(exact)
    variants: tuple[tuple[str, Network, Mapping[str, Any]], ...] = (
        ("as released", faulty, _LOSSLESS),
        ("membranes kept", exact, _LOSSLESS),
        ("wires of 1 ohm", faulty, _LOSSLESS | _WIRES),
        ("device variation", faulty, _LOSSLESS | _VARIATION),
        ("ADC rounds to 4 bits", faulty, _ROUNDS),
        ("all corrected", exact, _ROUNDS | _WIRES | _VARIATION),
    )
    for name, network, overrides in variants:
        yield name, evaluate(network, CHIP, overrides=overrides, samples=samples, chips=chips)


def claims(steps: list[tuple[str, Report]], right: Mapping[str, Report]) -> tuple[Claim, ...]:
    """The script's own numbers must be met; what its defects hide is stated."""
    script = released_layers(**_LISTS, kernel=3, time_steps=5, crossbar=64, device="rram", pes_per_tile=8)
    printed = [
        exact_claim(f"the script's VGG9: {label}", value, _SCRIPT, getattr(script.tree, name), unit)
        for label, name, value, unit in PRINTED
    ]
    static = released_layers(**_LISTS, kernel=3, time_steps=5, crossbar=64, device="sram", pes_per_tile=8)
    sram = exact_claim("the same with SRAM cells: energy", 941_181_496.07, _SCRIPT, static.tree.energy_pj, "pJ")
    first, last = steps[0][1], steps[-1][1]
    moved = [
        ratio_claim(
            f"{NETWORK}: {label}, as released, holds once corrected",
            1.0,
            "SpikeSim c2627bc",
            getattr(last, name) / getattr(first, name),
            "all corrections together; their order changes the single steps, not the end",
        )
        for name, label in (("energy_pj", "energy"), ("latency_ns", "latency"), ("area_um2", "area"))
    ]
    return (*printed, sram, *moved, _engine_claim(right))


def _engine_claim(right: Mapping[str, Report]) -> Claim:
    """Whether the accuracy as released lies in the interval of that with what the engine is meant to model."""
    released, whole = (right[name].accuracy or 0.0 for name in ("as released", "all corrected"))
    alone = ", ".join(f"{name} {report.accuracy:.1%}" for name, report in list(right.items())[1:-1])
    low, high = right["all corrected"].accuracy_ci or (0.0, 1.0)
    return Claim(
        f"{TRAINED}: accuracy as released is that with wires, variation and a 4-bit ADC",
        f"{released:.1%} (NICE as released, c2627bc, here)",
        f"{whole:.1%} ({low:.1%} to {high:.1%})",
        "reproduced" if low <= released <= high else "not reproduced",
        f"each by itself: {alone}",
    )


def _run(full: bool) -> Findings:
    steps = list(corrected())
    right = dict(accuracies(None if full else 300, 8 if full else 4))
    rows = [
        {
            "part": "estimator",
            "corrected": name,
            "energy_uj": report.energy_pj * 1e-6,
            "latency_ms": report.latency_ns * 1e-6,
            "area_mm2": report.area_um2 * 1e-6,
            "accuracy": None,
            "accuracy_low": None,
            "accuracy_high": None,
        }
        for name, report in steps
    ]
    for name, report in right.items():
        low, high = report.accuracy_ci or (None, None)
        empty = dict.fromkeys(("energy_uj", "latency_ms", "area_mm2"))
        ends = {"accuracy": report.accuracy, "accuracy_low": low, "accuracy_high": high}
        rows.append({"part": "accuracy engine", "corrected": name, **empty, **ends})
    units = (
        ("energy", "energy_pj", 1e-6, "µJ"),
        ("latency", "latency_ns", 1e-6, "ms"),
        ("area", "area_um2", 1e-6, "mm²"),
    )
    charts = [
        (
            f"{NETWORK}, {label}: defects corrected one after the other",
            steps_chart(
                [(step, getattr(report, name) * factor) for step, report in steps], Axis(f"{label} ({unit})", log=True)
            ),
        )
        for label, name, factor, unit in units
    ]
    notes = (
        "Each step corrects one defect more, in the order of docs/released_defects.md; `spikesim cost vgg9-cifar10 "
        "spikesim_released --defects` corrects each by itself.",
        f"Accuracy is that of {TRAINED} on SpikeSim's crossbars (64 x 64, 4-bit cells): theirs is not public.",
        "The ADC that rounds spans the largest sum that a column can have; the released code divides by a scale in "
        "which its bits cancel. A converter calibrated to what columns carry loses less (docs/crossbar.md).",
    )
    return Findings(tuple(rows), panels(charts, columns=1), claims(steps, right), notes)


STUDY = PaperStudy(
    name="released-defects",
    about="what each known defect of SpikeSim's released scripts does to energy, delay, area and accuracy",
    sources=(
        "SpikeSim (Moitra et al., TCAD 2023, arXiv 2210.12899)",
        "github.com/Intelligent-Computing-Lab-Yale/SpikeSim, commit c2627bc, and its issues 1 to 5",
    ),
    run=_run,
)
