"""ADC bits layer by layer: as few as an accuracy budget allows, chosen greedily from measured sensitivities."""

from __future__ import annotations

from dataclasses import dataclass

from ..datasets import Dataset
from ..errors import InputError
from ..hardware import Hardware, load_hardware
from ..mapping import map_network
from ..network import Network
from .calibrate import ranged
from .simulation import simulate


@dataclass(frozen=True)
class BitStep:
    """One bit less: in which layer, how many are left there, and the accuracy with all bits as they are now."""

    layer: str
    bits: int
    accuracy: float


@dataclass(frozen=True)
class BitChoice:
    """What `choose_adc_bits` found.

    Attributes:
        hardware: the chip with `adc.layer_bits`.
        before, after: resolutions by layer. accuracy: of the chip as it was given, on the same images and instances.
        steps: the bits in the order in which they were given up.
    """

    hardware: Hardware
    before: dict[str, int]
    after: dict[str, int]
    accuracy: float
    steps: tuple[BitStep, ...]


def choose_adc_bits(
    network: Network, hardware: Hardware, dataset: Dataset, *, budget: float = 0.01, chips: int = 4, seed: int = 0
) -> BitChoice:
    """Take bits away from the converters of single layers while the accuracy stays within a budget.

    In every round each layer is measured with one bit less; the one that keeps the highest accuracy (of equals, the one
    with the most conversions) gives it up. A layer whose next bit once cost more than the budget is not asked again.

    Args:
        dataset: held-out images, best the split `search`. What is chosen on them looks better there than elsewhere:
            within a budget of 1 point on 4 chips, the bundled digits networks lost 0.2 to 2.2 points on `report`.
        budget: accuracy that may be lost against the chip as it is given, 0 to 1.
        chips, seed: device instances, as in `simulate`.

    Raises:
        InputError: no layer has a converter, or the budget is out of range.
    """
    if not 0 <= budget <= 1:
        raise InputError(f"budget = {budget}: must be from 0 to 1")
    plans = {name: plan for name, plan in map_network(network, hardware).layers.items() if plan.crossbars}
    if hardware.digital_crossbar or not plans:
        raise InputError(f"network {network.name!r} has no converters on chip {hardware.name!r}: no bits to choose")
    hardware, lowest = ranged(network, hardware, dataset), 2 if hardware.signed_sums else 1

    def measured(bits: dict[str, int]) -> float:
        made = load_hardware(hardware, {"adc.layer_bits": bits})
        return float(simulate(network, made, dataset, chips=chips, seed=seed).correct.mean())

    before = {name: hardware.adc.bits_of(name) for name in plans}
    bits, steps, start = dict(before), list[BitStep](), measured(before)
    open_layers = {name for name in plans if bits[name] > lowest}
    while open_layers:
        found = {name: measured(bits | {name: bits[name] - 1}) for name in sorted(open_layers)}
        open_layers = {name for name in open_layers if found[name] >= start - budget - 1e-12}
        if not open_layers:
            break
        best = max(sorted(open_layers), key=lambda name: (found[name], plans[name].conversions))
        bits[best] -= 1
        steps.append(BitStep(best, bits[best], found[best]))
        if bits[best] == lowest:
            open_layers.remove(best)
    made = load_hardware(hardware, {"adc.layer_bits": bits})
    source = f"derived: within {budget:g} of the accuracy of {network.name} on {dataset.name} with {hardware.name}'s"
    made = made.model_copy(update={"sources": made.sources | {"adc.layer_bits": source}})
    return BitChoice(made, before, bits, start, tuple(steps))
