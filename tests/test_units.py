"""Units of every kind: their equations in plain Python, analytic solutions, and laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_executor_kernels import alone

from spikesim_py.errors import NetworkError
from spikesim_py.network import Lif, Membrane, Network, build, reference
from spikesim_py.network.executor import node_output

SHAPE = (2, 3, 2)


def naive(node: Membrane, level: dict[str, int], drive: list[int]) -> list[int]:
    """One unit in plain Python, step by step as `units.py` has it; `level` holds what stands in arrays."""

    def decay(leak: Any, multiplier: int, z: int) -> int:
        z, divisor = z * multiplier, 2**leak.shift
        if leak.rounding == "floor":
            return z // divisor
        if leak.rounding == "nearest":
            return (2 * z + divisor) // (2 * divisor)
        return abs(z) // divisor * (1 if z >= 0 else -1)

    def held(z: int, low: int, high: int, overflow: str) -> int:
        return max(low, min(high, z)) if overflow == "saturate" else (z - low) % (high - low + 1) + low

    v, i, wait, emitted, out = level["v_init"] >> node.store_shift, 0, 0, 0, []
    for a in drive:
        x = a
        if node.synapse:
            s = node.synapse
            new = decay(s.leak, level["synapse"], i) + a
            if s.order == "input_first":
                new = decay(s.leak, level["synapse"], i + a)
            new = held(new, -(2 ** (s.bits - 1)), 2 ** (s.bits - 1) - 1, s.overflow)
            x, i = new if s.reads == "updated" else i, new
        u, rest = v * 2**node.store_shift, level["v_leak"]
        if node.order == "leak_first":
            u = decay(node.leak, level["leak"], u - rest) + rest + x
        else:
            u = decay(node.leak, level["leak"], u + x - rest) + rest
        if isinstance(node, Lif):
            if wait:
                wait -= 1
                out.append(0)
                continue
            theta, n = level["theta"], 0
            if node.synapse and node.synapse.resets and node.reset_delay and emitted:
                i = 0
            if node.reset_delay and emitted:
                u = level["v_reset"] if node.reset == "zero" else u - emitted * theta
            while n < node.max_spikes and (u > (n + 1) * theta if node.strict else u >= (n + 1) * theta):
                n += 1
            if n and not node.reset_delay:
                u = {"zero": level["v_reset"], "subtract": u - n * theta, "none": u}[node.reset]
                i = 0 if node.synapse and node.synapse.resets else i
            emitted, wait = n, node.refractory if n else 0
            out.append(n)
        least = level.get("v_min")
        u = u if least is None else max(u, least)
        v = held(u >> node.store_shift, *node.stored, node.overflow)
        if not isinstance(node, Lif):
            out.append(v)
    return out


def decays(draw: st.DrawFn) -> dict[str, Any]:
    shift = draw(st.integers(0, 4))
    rounding = draw(st.sampled_from(["floor", "nearest", "toward_zero"]))
    return {"multiplier": draw(st.integers(0, 2**shift)), "shift": shift, "rounding": rounding}


@st.composite
def unit_nodes(draw: st.DrawFn) -> dict[str, Any]:
    """Lif and Li nodes with any combination of fields that `build` accepts."""
    orders, levels = st.sampled_from(["leak_first", "input_first"]), st.integers(-20, 20)
    overflow = st.sampled_from(["saturate", "wrap"])
    node = {
        "op": draw(st.sampled_from(["lif", "lif", "li"])),
        "leak": decays(draw),
        "membrane_bits": draw(st.integers(3, 12)),
        "overflow": draw(overflow),
        "store_shift": draw(st.integers(0, 2)),
        "order": draw(orders),
        "v_leak": draw(levels),
        "v_min": draw(st.none() | levels),
        "v_init": draw(levels),
    }
    if draw(st.booleans()):
        node["synapse"] = {"leak": decays(draw), "bits": draw(st.integers(3, 10)), "overflow": draw(overflow)}
        node["synapse"] |= {"order": draw(orders), "reads": draw(st.sampled_from(["updated", "previous"]))}
    if node["op"] == "lif":
        late = draw(st.booleans())
        node |= {
            "reset": draw(st.sampled_from(["zero", "subtract"] + ["none"] * (not late))),
            "reset_delay": late,
            "strict": draw(st.booleans()),
            "max_spikes": draw(st.sampled_from([1, 1, 2, 5, 300])),
            "refractory": 0 if late else draw(st.sampled_from([0, 0, 1, 2])),
        }
        if node["reset"] == "zero":
            node["v_reset"] = draw(levels)
            if "synapse" in node:
                node["synapse"]["resets"] = draw(st.booleans())
    return node


NUMBERS = {"leak": 1, "v_leak": 0, "v_min": None, "v_init": 0, "v_reset": 0}


def with_arrays(node: dict[str, Any], random: np.random.Generator) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Some of its numbers as arrays, per channel or per unit; thresholds always."""
    arrays: dict[str, np.ndarray] = {}
    if node["op"] == "lif":
        arrays["theta"] = random.integers(1, 25, SHAPE)
    choices = [name for name in ("v_leak", "v_min", "v_init", "v_reset") if name in node]
    for name in choices:
        if random.integers(2):
            arrays[name] = random.integers(-15, 15, SHAPE if random.integers(2) else SHAPE[:1])
            node = node | {name: NUMBERS[name]}
    for name in ("leak", "synapse"):
        if node.get(name) and random.integers(2):
            leak = node["leak"] if name == "leak" else node["synapse"]["leak"]
            arrays[name] = random.integers(0, 2 ** leak["shift"] + 1, SHAPE)
            node = node | (
                {"leak": leak | {"multiplier": 1}}
                if name == "leak"
                else {"synapse": node["synapse"] | {"leak": leak | {"multiplier": 1}}}
            )
    return node, arrays


def levels_of(network: Network, index: tuple[int, ...]) -> dict[str, int]:
    """What one unit of node `n` has: arrays where there are some, else the numbers of the description."""
    node: Any = network.by_name["n"]
    found = {"leak": int(node.leak.multiplier), "theta": 1, "v_reset": int(getattr(node, "v_reset", 0))}
    found |= {"synapse": int(node.synapse.leak.multiplier)} if node.synapse else {}
    found |= {name: int(getattr(node, name)) for name in ("v_leak", "v_init")}
    found |= {"v_min": int(node.v_min)} if node.v_min is not None else {}
    for name, array in network.arrays.items():
        if name.startswith("n."):
            spread = array if array.ndim == 3 else array.reshape(-1, 1, 1)
            found[name[2:]] = int(np.broadcast_to(spread, SHAPE)[index])
    return found


@settings(max_examples=200)
@given(
    node=unit_nodes(),
    still=st.booleans(),
    arrays=st.booleans(),
    top=st.sampled_from([6, 30, 5000]),
    seed=st.integers(0, 2**32),
)
def test_units_equal_their_equations(node: Any, still: bool, arrays: bool, top: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    own = {"theta": random.integers(1, 25, 2)} if node["op"] == "lif" else {}
    if arrays:
        node, own = with_arrays(node, random)
    network = alone(node, SHAPE, own)
    drive = random.integers(-top // 2, top, (2, 1 if still else 4, *SHAPE)).astype(np.int32)
    n, given_ = network.by_name["n"], torch.from_numpy(drive)
    fast, readable = (f(network, n, [given_]).to(torch.int64).numpy() for f in (node_output, reference.node_output))
    every = np.broadcast_to(drive, (2, 4, *SHAPE))
    for sample, *place in np.ndindex(2, *SHAPE):
        want = naive(n, levels_of(network, tuple(place)), every[(sample, slice(None), *place)].tolist())
        assert fast[(sample, slice(None), *place)].tolist() == want
        assert readable[(sample, slice(None), *place)].tolist() == want


# ------------------------------------------------------------------------------------------ analytic and laws


def neuron(steps: int, arithmetic: str = "float", theta: float = 1.0, **fields: Any) -> Network:
    """One unit behind a weight of 1, its spikes (or last membrane) counted; events come in as they are."""
    op = fields.pop("op", "lif")
    weight = {"weight_bits": 2} if arithmetic == "integer" else {}
    nodes = [
        {"op": "linear", "name": "fc", "inputs": ["input"], "in_features": 1, "out_features": 1, **weight},
        {"op": op, "name": "n", "inputs": ["fc"], "membrane_bits": 24, **fields},
        {"op": "readout", "name": "out", "inputs": ["n"], "mode": "accumulate"},
    ]
    spec = {"shape": (1, 1, 1), "bits": 16, "coding": "events", "encoder": "every_step"}
    description = {"name": "n", "arithmetic": arithmetic, "time_steps": steps, "input": spec, "nodes": nodes}
    kind = np.float32 if arithmetic == "float" else np.int64
    arrays = {"fc.weight": np.ones((1, 1), kind), "n.theta": np.array([theta], kind)}
    return build(description, {name: array for name, array in arrays.items() if op == "lif" or name != "n.theta"})


def outputs(network: Network, drive: Any) -> np.ndarray:
    """What the unit emits in every time-step."""
    seen: dict[str, np.ndarray] = {}
    kind = np.float32 if network.arithmetic == "float" else np.uint16
    x = np.broadcast_to(np.asarray(drive, kind), (network.time_steps,)).reshape(1, -1, 1, 1, 1)
    network.run(x, observer=lambda name, value: seen.__setitem__(name, value.numpy()))
    return seen["n"].ravel()


@pytest.mark.parametrize(("reset", "spikes"), [("zero", [3, 7]), ("subtract", [3, 6, 9]), ("none", range(3, 10))])
def test_a_constant_current_into_an_integrator(reset: str, spikes: Any) -> None:
    """I = 0.3, theta = 1, t from 0: the NIR authors' resets (thread PR#137) give these trains."""
    assert np.flatnonzero(outputs(neuron(10, reset=reset), 0.3)).tolist() == list(spikes)


def test_a_leaky_membrane_relaxes_to_its_rest() -> None:
    """v_t = v_leak + (v_init - v_leak) beta^t without input."""
    v = outputs(neuron(12, op="li", leak={"multiplier": 0.75}, v_leak=2.0, v_init=-1.0), 0)
    assert v == pytest.approx(2 - 3 * 0.75 ** np.arange(1, 13), rel=1e-6)


def test_a_synapse_and_a_membrane_are_two_exponentials() -> None:
    """The answer to a pulse is (alpha^(t+1) - beta^(t+1)) / (alpha - beta); one step later where reads are previous."""
    pulse = [1.0] + [0.0] * 11
    alpha, beta, t = 0.5, 0.75, np.arange(12)
    want = (alpha ** (t + 1) - beta ** (t + 1)) / (alpha - beta)
    synapse = {"leak": {"multiplier": alpha}}
    now, late = (
        outputs(neuron(12, op="li", leak={"multiplier": beta}, synapse=synapse | {"reads": reads}), pulse)
        for reads in ("updated", "previous")
    )
    assert now == pytest.approx(want, rel=1e-6)
    assert late[1:] == pytest.approx(now[:-1])
    first = outputs(neuron(12, op="li", leak={"multiplier": beta}, synapse=synapse | {"order": "input_first"}), pulse)
    assert first == pytest.approx(alpha * want, rel=1e-6)


def test_a_membrane_that_decays_with_its_input() -> None:
    """u = beta (v + x): the steady state of a constant input is x beta / (1 - beta)."""
    v = outputs(neuron(200, op="li", leak={"multiplier": 0.75}, order="input_first"), 1.0)
    assert v[-1] == pytest.approx(3, rel=1e-5)


def test_a_strict_threshold_is_not_reached_by_equality() -> None:
    assert outputs(neuron(4, "integer", 2), 1).tolist() == [0, 1, 0, 1]
    assert outputs(neuron(4, "integer", 2, strict=True), 1).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("order", ["leak_first", "input_first"])
@given(
    drive=st.lists(st.integers(0, 60), min_size=1, max_size=20),
    theta=st.integers(1, 30),
    most=st.integers(1, 9),
    order2=st.booleans(),
)
def test_resets_by_subtraction_conserve_charge(
    order: str, drive: list[int], theta: int, most: int, order2: bool
) -> None:
    """Without leak, all that came in is in the spikes and in the membrane."""
    fields = {"reset": "subtract", "max_spikes": most, "order": order, "strict": order2}
    spikes = outputs(neuron(len(drive), "integer", theta, **fields), drive)
    units = reference.Units(network := neuron(len(drive), "integer", theta, **fields), network.by_name["n"], 1)  # type: ignore[arg-type]
    units.run(torch.tensor(drive).reshape(1, -1, 1, 1, 1), len(drive))
    assert sum(drive) == theta * int(spikes.sum()) + int(units._v)


@given(charge=st.integers(0, 300), theta=st.integers(1, 40), most=st.integers(1, 12))
def test_several_spikes_at_once_are_those_of_several_steps(charge: int, theta: int, most: int) -> None:
    """A pulse leaves as many spikes as single ones that follow it, up to the cap."""
    pulse = [charge] + [0] * (most - 1)
    many = outputs(neuron(most, "integer", theta, reset="subtract", max_spikes=most), pulse)
    single = outputs(neuron(most, "integer", theta, reset="subtract"), pulse)
    assert many[0] == single.sum() == min(charge // theta, most)


@given(drive=st.lists(st.integers(0, 9), min_size=30, max_size=30), rest=st.integers(0, 5))
def test_a_refractory_time_bounds_the_rate(drive: list[int], rest: int) -> None:
    """Two spikes are more than `refractory` steps apart; without it the train is that of plain units."""
    spikes = np.flatnonzero(outputs(neuron(30, "integer", 7, refractory=rest), drive))
    assert (np.diff(spikes) > rest).all()
    if not rest:
        assert spikes.tolist() == np.flatnonzero(outputs(neuron(30, "integer", 7), drive)).tolist()


@given(drive=st.lists(st.integers(0, 30), min_size=12, max_size=12), least=st.integers(-5, 5))
def test_membranes_stay_above_their_least_value(drive: list[int], least: int) -> None:
    v = outputs(neuron(12, "integer", op="li", leak={"multiplier": 1, "shift": 1}, v_leak=-40, v_min=least), drive)
    assert v.min() >= least


@given(drive=st.lists(st.integers(0, 9), min_size=20, max_size=20))
def test_a_late_reset_by_subtraction_without_leak_spikes_the_same(drive: list[int]) -> None:
    """A reset that is subtracted in the step after commutes with integration (Lapicque in snnTorch)."""
    now, late = (outputs(neuron(20, "integer", 13, reset="subtract", reset_delay=d), drive) for d in (False, True))
    assert now.tolist() == late.tolist()


def test_a_late_reset_to_zero_loses_the_next_input() -> None:
    assert outputs(neuron(6, "integer", 2, reset_delay=True), 2).tolist() == [1, 0, 1, 0, 1, 0]
    assert outputs(neuron(6, "integer", 2), 2).tolist() == [1] * 6


@given(drive=st.lists(st.integers(0, 9), min_size=20, max_size=20), late=st.booleans())
def test_a_reset_that_empties_the_synapse_forgets_all(drive: list[int], late: bool) -> None:
    """What follows a reset is what new units do."""
    fields = {"leak": {"multiplier": 3, "shift": 2}, "reset_delay": late}
    fields |= {"synapse": {"leak": {"multiplier": 1, "shift": 1}, "reads": "previous", "resets": True}}
    spikes = outputs(neuron(20, "integer", 7, **fields), drive)
    begins = [int(spikes.argmax()) + 1 + late] if spikes.any() else []
    for begin in [begin for begin in begins if begin < 20]:
        again = outputs(neuron(20 - begin, "integer", 7, **fields), drive[begin:])
        assert spikes[begin:].tolist() == again.tolist()


@given(seed=st.integers(0, 1000))
def test_float_units_equal_integer_ones_on_whole_numbers(seed: int) -> None:
    """Every value is a whole number or a half: float32 is exact there."""
    random = np.random.default_rng(seed)
    drive, fields = random.integers(0, 40, 15), {"reset": "subtract", "max_spikes": 3, "v_leak": 4, "v_min": -6}
    fields |= {"synapse": {"leak": {"multiplier": 1}, "reads": "previous"}, "refractory": int(random.integers(3))}
    real = outputs(neuron(15, "float", 11, **fields), drive)
    assert real.tolist() == outputs(neuron(15, "integer", 11, **fields), drive).tolist()


BAD = [
    ({"reset_delay": True, "refractory": 2}, "reset_delay = true: cannot go with refractory = 2"),
    ({"reset_delay": True, "reset": "none"}, "reset_delay = true: cannot go with reset = 'none'"),
    ({"v_reset": 3, "reset": "subtract"}, "v_reset = 3: goes with reset = 'zero', not 'subtract'"),
    ({"max_spikes": 0}, "max_spikes = 0"),
    ({"v_leak": 0.5}, "v_leak = 0.5: must be a whole number"),
    ({"synapse": {"leak": {"multiplier": 3, "shift": 1}}}, "synapse.leak.multiplier = 3: must be at most"),
    ({"synapse": {"resets": True}, "reset": "none"}, "synapse.resets = true: goes with reset = 'zero', not 'none'"),
    ({"synapse": {"resets": True}, "op": "li"}, "synapse.resets = true: goes with units that spike"),
    ({"order": "input_first", "leak": {"multiplier": 1, "shift": 30}}, "at least 35 bits.*must be at most 62"),
    ({"op": "li", "reset": "zero"}, "unknown key"),
]


@pytest.mark.parametrize(("fields", "message"), BAD)
def test_bad_units_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        neuron(3, "integer", 2, **fields)


@pytest.mark.parametrize(
    ("node", "arrays", "message"),
    [
        ({"v_leak": 2}, {"v_leak": np.array([1])}, "'n.v_leak': the description has a number for it, too"),
        ({"reset": "subtract"}, {"v_reset": np.array([1])}, "'n.v_reset': no node uses it"),
        ({}, {"leak": np.array([2])}, r"'n.leak': holds 2: decays are from 0 to 2\^shift = 1"),
        ({}, {"v_init": np.ones((2, 3, 3), int)}, r"shape \(2, 3, 3\): must be \(1,\), \(2,\) or \(2, 3, 2\)"),
    ],
)
def test_bad_arrays_of_units_are_refused(node: Any, arrays: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        alone({"op": "lif", **node}, SHAPE, arrays | {"theta": np.array([1])})
