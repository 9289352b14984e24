"""What is searched, which designs win, and what training makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from spikesim_py.datasets import Dataset, load_dataset
from spikesim_py.evaluate import cost, evaluate
from spikesim_py.hardware import load_hardware
from spikesim_py.importers import load_network
from spikesim_py.inference.precision import choose_adc_bits
from spikesim_py.network import Network, with_precision
from spikesim_py.report import Accuracy
from spikesim_py.sweep import Search, Space, load_space, sweep
from spikesim_py.sweep.study import Frame

from ...config import load_config
from .dominance import COSTS, Draws, drawn_costs
from .settings import SPACE, Held, Size, held, trained

#: designs whose costs are drawn for each published one, the most accurate first
TRIED = 30
#: accuracy on the search split that ADC bits may cost
LOSS = 0.005


def searched(files: Mapping[str, Path], folder: Path, size: Size) -> tuple[Space, Frame]:
    """The space with the published networks in it, and what a search found there."""
    space = load_space(SPACE)
    networks = [*space.axes["network"], *map(str, files.values())]
    space = space.model_copy(update={"axes": space.axes | {"network": networks}, "chips": size.chips})
    how = Search(budget=size.budget, samples=size.samples)
    return space, sweep(space, store=folder / "search.db", search=how, executor="serial").frame()


def on_search(one: Held, space: Space, size: Size) -> Accuracy:
    """What a search would have seen of a design."""
    how = Search(samples=size.samples).protocol(space)
    found = evaluate(
        one.network, one.hardware, split=how.split, samples=how.samples, chips=how.chips, seed=how.seed
    ).measured
    assert found is not None
    return found


def winners(
    frame: Frame, against: Sequence[Held], seen: Sequence[Accuracy], costs_of: Callable[[int], Draws]
) -> list[int]:
    """Rows, each once: for every published design the one that most likely dominates it, as far as a search can tell.

    The probability is that of its accuracy on the search split (normal, of independent errors), where the published
    ones are `seen`, times that of its costs over the calibrations.
    """
    found: dict[int, None] = {}
    for other, accuracy in zip(against, seen, strict=True):
        theirs, chances = drawn_costs(other.report), dict[int, float]()
        cheaper = np.flatnonzero(np.all([frame[name] <= getattr(other.report, name) for name in COSTS], axis=0))
        ahead = likely_ahead(frame, accuracy)
        for row in cheaper[np.lexsort((frame["edap"][cheaper], -ahead[cheaper]))][:TRIED].tolist():
            ours = costs_of(row)
            chances[row] = float(ahead[row] * np.all([ours[name] <= theirs[name] for name in COSTS], axis=0).mean())
        if chances:
            found[max(chances, key=lambda row: chances[row])] = None
    return list(found)


def likely_ahead(frame: Frame, accuracy: Accuracy) -> NDArray[np.float64]:
    """(rows,) probability that a design is more accurate than another, from their 95 % intervals."""
    low, high = accuracy.interval
    spread = np.hypot(frame["search_accuracy_high"] - frame["search_accuracy_low"], high - low) / (2 * norm.ppf(0.975))
    return np.asarray(norm.cdf((frame["search_accuracy"] - accuracy.value) / spread))


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a winner became: the network that was trained through its chip, and the ADC bits that it needs by layer."""

    network: Network
    layer_bits: Mapping[str, int]


def tuned(network: Network, chip: str, overrides: Mapping[str, Any], size: Size) -> Tuned:
    """A winner's network trained again through its chip, from the float teacher, at its own bits.

    It learns at its recipe's T and runs at the winner's: those that learn two time-steps are worse at two.
    """
    own = network.model.metadata
    recipe = load_config(f"digits-w{own['weight_bits']}").model_dump(mode="json")
    recipe["quantization"] |= {"membrane_bits": own["membrane_bits"]}
    begin = 1 + size.epochs * 3 // 4  # the chip's errors act on what is nearly trained
    recipe["hardware"] = {"chip": chip, "overrides": dict(overrides), "start_epoch": begin}
    made = trained(recipe, size.epochs, recipe["architecture"]["time_steps"])
    made = with_precision(made, time_steps=network.time_steps)
    seen, hardware = load_dataset("digits", "search", size.samples), load_hardware(chip, overrides)
    return Tuned(made, choose_adc_bits(made, hardware, seen, budget=LOSS, chips=size.chips, seed=1).after)


def refined(
    space: Space, frame: Frame, networks: Mapping[str, Network], against: Sequence[Held], data: Dataset, size: Size
) -> Iterator[Held]:
    """Every winner as it was found, then trained through its chip, then with fewer bits in ADCs that need fewer.

    Winners that compute the same, and differ in costs alone, are trained once.
    """
    made: dict[str, Tuned] = {}
    assert space.chip is not None
    chip = space.chip

    @cache
    def design(row: int) -> tuple[Network, Mapping[str, Any]]:
        source, steps = str(frame["network"][row]).partition(" ")[0], int(frame["network.time_steps"][row])
        network = networks[source] if source in networks else load_network(source)
        fields = {name: frame[name][row].item() for name in space.fields if not name.startswith("network")}
        return with_precision(network, time_steps=steps), fields

    @cache
    def costs_of(row: int) -> Draws:
        network, fields = design(row)
        return drawn_costs(cost(network, chip, overrides=fields))

    for row in winners(frame, against, [on_search(one, space, size) for one in against], costs_of):
        network, fields = design(row)
        hardware, key = load_hardware(chip, fields), str(frame["accuracy_key"][row])
        if key not in made:
            made[key] = tuned(network, chip, fields, size)
        own = made[key]
        at, label = hardware.crossbar, network.name.partition(" ")[0]
        name = f"{label}, T = {network.time_steps}, {at.rows} x {at.cols}, mux {at.mux}"
        yield held("searched", name, network, hardware, data, size)
        yield held("trained through its chip", name, own.network, hardware, data, size)
        fewer = load_hardware(hardware, {"adc.layer_bits": dict(own.layer_bits)})
        yield held("and ADC by layer", name, own.network, fewer, data, size)
