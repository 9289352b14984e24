"""One training step of VGG9 against SpikingJelly's multi-step mode: `python -m benchmarks.training_step`.

The same network from the same weights (first spikes are compared), batch, loss and optimizer; CPU seconds on one
thread, the variants in turn, medians of the rounds. A step is forward, cross-entropy of the mean over time, backward
and SGD. Both compute the first convolution and its batch norm, whose input is the same in every time-step, once. To
have the peer::

    pip install --no-deps --target peers spikingjelly && PYTHONPATH=peers python -m benchmarks.training_step

SpikingJelly 2 also imports `loguru` and `tqdm`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing import Row, show
from spikesim_py.network import Network
from spikesim_py.network.model import AnyNode
from training import Float, Integer, Neuron, SpikingNetwork, architecture
from training.quantizers import Arithmetic

Tensor = torch.Tensor
_INSTALL = "pip install --no-deps --target peers spikingjelly && PYTHONPATH=peers python -m benchmarks.training_step"
_TIME_STEPS, _BATCH, _SHAPE, _CLASSES = 4, 32, (3, 32, 32), 10
_ROUNDS = 5
_PEERS = ("float32", "float32, channels_last", "bfloat16")
#: largest share of spikes that may differ in the first two stages
_APART = 1e-4
TITLE = "training step of VGG9, T = 4, 32 images of 3 x 32 x 32, CPU time of one thread"


def vgg9() -> Network:
    return architecture("vgg9", input_shape=_SHAPE, input_bits=8, classes=_CLASSES, time_steps=_TIME_STEPS)


class Ours(nn.Module):
    """This library's module, and its logits."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = SpikingNetwork(vgg9(), arithmetic, Neuron("atan"))

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images).logits  # type: ignore[no-any-return]


class Theirs(nn.Module):
    """The same network of SpikingJelly's layers in multi-step mode, but for the first layer, which sees one step.

    Raises:
        ImportError: SpikingJelly is not installed.
    """

    def __init__(self, weights: SpikingNetwork) -> None:
        from spikingjelly.activation_based import functional, layer, neuron, surrogate

        super().__init__()
        network = weights.blueprint

        def part(node: AnyNode) -> nn.Module:
            if node.op == "conv":
                made = layer.Conv2d(node.in_channels, node.out_channels, 3, padding=1, bias=False)
            elif node.op == "linear":
                made = layer.Linear(node.in_features, node.out_features, bias=False)
            elif node.op == "affine":
                wide, channels = network.edges[node.name].shape[1] > 1, network.edges[node.name].shape[0]
                return layer.BatchNorm2d(channels) if wide else layer.BatchNorm1d(channels)
            elif node.op == "lif":
                how = {"surrogate_function": surrogate.ATan(), "detach_reset": True}
                return neuron.LIFNode(2.0, decay_input=False, v_threshold=1.0, v_reset=0.0, **how)
            else:
                return layer.AvgPool2d(2) if node.op == "pool" else layer.Flatten()
            made.weight.data.copy_(weights.layer(node.name).latent)
            return made

        nodes = [node for node in network.nodes if node.op != "readout"]
        self.static = nn.Sequential(*map(part, nodes[:2]))
        self.steps: nn.Sequential = nn.Sequential(*map(part, nodes[2:]))
        functional.set_step_mode(self.steps, "m")
        self._reset = functional.reset_net

    def forward(self, images: Tensor) -> Tensor:
        self._reset(self.steps)
        drive = self.static(images)
        return self.steps(drive.expand(_TIME_STEPS, *drive.shape)).mean(0)  # type: ignore[no-any-return]


def step_of(net: nn.Module, half: bool) -> Callable[[], None]:
    """One step of training; `half` multiplies in bfloat16, by torch's autocast."""
    torch.manual_seed(1)
    images, labels = torch.randint(0, 256, (_BATCH, *_SHAPE)).float(), torch.randint(0, _CLASSES, (_BATCH,))
    optimizer = torch.optim.SGD(net.train().parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16) if half else nullcontext():
            loss = F.cross_entropy(net(images).float(), labels)
        loss.backward()
        optimizer.step()

    return step


def check_same(net: SpikingNetwork, peer: Theirs) -> None:
    """Both make the same spikes in their first two stages.

    Behind them float32 sums in another order turn single spikes near a threshold, and every layer turns more.
    """
    found: list[Tensor] = []
    units = [part for part in peer.steps if type(part).__name__ == "LIFNode"]
    hooks = [part.register_forward_hook(lambda _, __, out: found.append(out)) for part in units]
    images = torch.randint(0, 256, (4, *_SHAPE)).float()
    with torch.no_grad():
        peer.train()(images)
        spikes = net.train()(images).spikes
    for hook in hooks:
        hook.remove()
    for ours, theirs in zip(spikes[:2], found[:2], strict=True):
        apart = float((ours.transpose(0, 1) != theirs).double().mean())
        if apart > _APART:
            raise RuntimeError(f"spikingjelly: {apart:.1e} of the spikes differ: at most {_APART:.0e} expected")


def medians(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """CPU seconds of a step of each, taken in turn, after one round that compiles and fills caches."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(_ROUNDS + 1):
        for name, step in steps.items():
            begin = time.process_time()
            step()
            if round_:
                taken[name].append(time.process_time() - begin)
    return {name: statistics.median(times) for name, times in taken.items()}


def training_rows() -> list[Row]:
    """The step of all variants as ratios to SpikingJelly's in float32; ours alone where it is not installed."""
    torch.set_num_threads(1)
    mine = Ours(Float())
    steps: dict[str, Callable[[], None]] = {}
    rows: list[Row] = []
    try:
        peers = {name: Theirs(mine.net) for name in _PEERS}
        check_same(mine.net, peers["float32"])
        peers["float32, channels_last"].to(memory_format=torch.channels_last)
        steps |= {f"spikingjelly {version('spikingjelly')}, {n}": step_of(p, n == "bfloat16") for n, p in peers.items()}
    except (PackageNotFoundError, ImportError) as error:
        rows.append((f"spikingjelly: not installed ({error}): {_INSTALL}", "", "", ""))
    half = "<= 0.6x" if _has_amx() else "(no AMX here: printed)"
    goals = {"float32": "<= 1.0x", "W4/U8": "<= 1.0x", "bfloat16": half}
    steps["float32"] = step_of(mine, False)
    steps["W4/U8"] = step_of(Ours(Integer(4, 8)), False)
    steps["bfloat16"] = step_of(Ours(Float()), True)
    taken = medians(steps)
    first = next(iter(taken.values())) if len(steps) > len(goals) else None
    for name, seconds in taken.items():
        ratio = f"{seconds / first:.2f}x" if first else ""
        rows.append((name, f"{seconds * 1e3:.0f} ms", ratio, goals.get(name, "")))
    return rows


def _has_amx() -> bool:
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and "amx_bf16" in cpu.read_text()


if __name__ == "__main__":
    show(TITLE, training_rows())
