"""Activations, weights and layers that training puts into a network: each against what it claims to equal."""

from __future__ import annotations

from collections.abc import Callable
from inspect import ismodule
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import conv, lif, random_weights
from hypothesis import given
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.hardware import load_hardware
from spikesim_py.mapping import map_network
from spikesim_py.mapping.cells import layer_cells
from spikesim_py.network import build
from training import losses, methods
from training.methods import (
    Blocks,
    TTConv2d,
    graded,
    rectify,
    ternary,
)

Tensor = torch.Tensor


pytestmark = pytest.mark.usefixtures("one_thread")


def _double(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def _slope(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    free = at.clone().requires_grad_()
    return torch.autograd.grad(function(free).sum(), free)[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: graded(torch.zeros(1), 0), "levels = 0"),
        (lambda: Blocks(0, 4), "rows = 0"),
        (lambda: Blocks(4, 5, per_output=3), "columns = 5: must be a multiple of an output's 3, or twice that or more"),
        (lambda: Blocks(4, 4, "diagonal"), "layout = 'diagonal'"),
        (lambda: Blocks(4, 4, groups=2).norms(torch.zeros(3, 1, 1, 1)), "groups = 2: must divide the 3 outputs"),
        (lambda: Blocks(4, 4).mask(torch.zeros(1, 1, 1, 1), 1.5), "keep = 1.5"),
        (lambda: TTConv2d(3, 4, 0), "rank, stride = 3, 4, 0, 1"),
        (lambda: TTConv2d(3, 4, 1, "half"), "mode = 'half'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call: Callable[[], object], message: str):
    with pytest.raises(InputError, match=message):
        call()


def test_the_table_names_every_file_and_packages_export_all_that_they_import():
    root = Path(__file__).resolve().parent.parent
    table = (root / "docs" / "training_methods.md").read_text(encoding="utf-8")
    for package in (losses, methods):
        files = {path.name for path in Path(package.__file__).parent.glob("[!_]*.py")}
        assert {name for name in files if f"`{name}`" not in table} == set()
        public = {name for name, value in vars(package).items() if not (name.startswith("_") or ismodule(value))}
        assert public == set(package.__all__)


# ---- ternary and graded spikes


def test_ternary_spikes_are_odd_and_have_the_rectangle_as_slope():
    u = torch.tensor([-3.0, -2.0, -1.0, -0.9, 0.0, 0.9, 1.0, 2.0, 3.0])
    assert ternary(u).tolist() == [-1, -1, -1, 0, 0, 0, 1, 1, 1]
    assert _slope(ternary, u).tolist() == [0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0]


def test_one_level_is_the_binary_spike():
    u = torch.linspace(-3, 3, 601)
    assert torch.equal(graded(u, 1), (u >= 1).float())


@given(levels=st.integers(1, 8), u=st.floats(-20, 20))
def test_graded_spikes_count_thresholds(levels: int, u: float):
    count = graded(torch.tensor([u]), levels).item()
    assert count == sum(np.float32(u) >= step for step in range(1, levels + 1))


@pytest.mark.parametrize(("staircase", "height"), [(ternary, 2), (lambda u: graded(u, 5), 5)])
def test_the_surrogate_has_the_area_of_the_steps(staircase: Callable[[Tensor], Tensor], height: float):
    u = torch.linspace(-10, 10, 20001)
    assert torch.trapezoid(_slope(staircase, u), u).item() == pytest.approx(height, rel=1e-3)
    assert (staircase(u)[-1] - staircase(u)[0]).item() == height


# ---- InfLoR's rectifier


@given(u=st.floats(-50, 50))
def test_rectifying_changes_no_spike_and_lessens_the_error(u: float):
    before = torch.tensor([u]).double()
    after = rectify(before)
    spikes = (before >= 1).double()
    assert torch.equal((after >= 1 - 1e-12).double(), spikes)
    target = 2 * spikes  # a spike of height 1 at a threshold of 1/2, in units of one threshold
    assert (after - target).abs().item() <= (before - target).abs().item() + 1e-12


def test_rectified_membranes_by_hand():
    u = torch.tensor([16.0, -14.0, 1.5]).double()  # 8 and -7 spikes: cube roots of 8; 3/4 of a spike
    want = [4, -2, 1 + np.tanh(0.75) / np.tanh(1.5)]
    assert rectify(u).tolist() == pytest.approx(want)


def test_rectifying_is_continuous_and_rises_through_its_fixed_points():
    fixed = torch.tensor([0.0, 1.0, 2.0]).double()
    assert torch.allclose(rectify(fixed), fixed)
    u = torch.linspace(-6, 6, 12001).double()
    steps = rectify(u).diff()
    assert (steps > 0).all()
    assert steps.max() < 2e-3
    assert torch.autograd.gradcheck(rectify, (_double(20, seed=1) * 3).requires_grad_())
    assert torch.isfinite(_slope(rectify, fixed)).all()


# ---- blocks of weights that one crossbar holds


@pytest.mark.parametrize(("layout", "groups"), [("unrolled", 1), ("spikeflow", 1), ("unrolled", 2), ("spikeflow", 2)])
def test_blocks_are_the_crossbars_of_the_mapping(layout, groups: int):
    weight = random_weights(np.random.default_rng(1), (40 * groups, 7, 3, 3), 1)
    description = {
        "name": "one",
        "arithmetic": "integer",
        "time_steps": 1,
        "input": {"shape": (7 * groups, 3, 3), "bits": 1},
        "nodes": [
            conv("c", "input", 7 * groups, 40 * groups, weight_bits=1, groups=groups),
            lif("l", "c"),
            {"op": "readout", "name": "out", "inputs": ["l"], "mode": "spike_count"},
        ],
    }
    network = build(description, {"c.weight": weight, "l.theta": np.array([1])})
    sizes = {"crossbar.rows": 16, "crossbar.cols": 32, "mapping.signs": "offset", "mapping.rows": layout}
    mapping = map_network(network, load_hardware("rram_32nm", sizes))
    cells = layer_cells(mapping, "c")
    assert cells.plan.columns_per_output == 1
    crossbar = np.empty((groups, 40, 63), int)
    for place in np.ndindex(groups, 40, 63):
        crossbar[place] = cells.place(place[0], place[2], place[1])[0]
    owner = torch.from_numpy(crossbar.reshape(weight.shape))
    blocks = Blocks(16, cells.usable_columns, layout, groups)
    assert blocks.norms(torch.ones(weight.shape)).numel() == cells.plan.crossbars == len(owner.unique())
    for index in owner.unique():
        held = (owner == index).double()
        norms = blocks.norms(held)
        assert (norms > 1e-6).sum() == 1
        assert norms.max().item() == pytest.approx(held.sum().sqrt().item())
        kept = blocks.mask(held, 1e-9)
        assert torch.equal(kept, held)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 3)),
    rows=st.integers(1, 20),
    outputs=st.integers(1, 9),
    layout=st.sampled_from(["unrolled", "spikeflow"]),
    keep=st.floats(0, 1),
)
def test_a_mask_keeps_whole_blocks_and_their_share(shape, rows: int, outputs: int, layout, keep: float):
    out, inputs, side = shape
    weight, blocks = _double(out, inputs, side, side, seed=out), Blocks(rows, outputs, layout)
    mask = blocks.mask(weight, keep)
    assert mask.shape == weight.shape
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    full, kept = blocks.norms(torch.ones_like(weight)), blocks.norms(mask)
    whole = kept > 1e-6
    assert torch.allclose(kept[whole], full[whole])
    assert whole.sum().item() == max(1, int(np.ceil(keep * full.numel())))
    norms = blocks.norms(weight)
    assert norms.square().sum().item() == pytest.approx(weight.square().sum().item())  # every weight is in one block


@given(
    outputs=st.integers(1, 12),
    inputs=st.integers(1, 9),
    rows=st.integers(1, 5),
    per_output=st.integers(2, 4),
    rest=st.integers(0, 5),
    keep=st.floats(0, 1),
)
def test_what_is_left_lies_in_the_crossbars_that_are_kept(
    outputs: int, inputs: int, rows: int, per_output: int, rest: int, keep: float
):
    """Outputs of several columns, some across two crossbars: each column is placed by hand."""
    columns = 2 * per_output + rest
    blocks, weight = Blocks(rows, columns, per_output=per_output), _double(outputs, inputs, 1, 1, seed=inputs)
    place = np.indices((outputs, inputs, per_output))
    crossbar = np.stack([place[1] // rows, (place[0] * per_output + place[2]) // columns], -1)
    kept = blocks.mask(weight, keep)[:, :, 0, 0].numpy() > 0
    used = {tuple(at) for at in crossbar[kept].reshape(-1, 2).tolist()}
    everywhere = {tuple(at) for at in crossbar.reshape(-1, 2).tolist()}
    alone = {tuple(at[0]) for at in crossbar.reshape(-1, per_output, 2).tolist() if at[0] == at[-1]}
    norms = blocks.norms(weight)
    assert norms.numel() == len(everywhere)
    assert norms.square().sum().item() == pytest.approx(weight.square().sum().item())
    count = max(1, int(np.ceil(keep * len(everywhere))))
    assert len(used & alone) == min(count, len(alone))
    assert len(used) <= count


def test_a_mask_drops_the_weakest_block():
    weight = torch.ones(2, 2, 1, 1)
    weight[1, 0] = 0.1
    assert Blocks(1, 1).mask(weight, 0.75).flatten().tolist() == [1, 1, 0, 1]


def test_a_small_block_at_the_edge_is_judged_by_its_mean_square():
    weight = torch.ones(1, 5, 1, 1)
    weight[0, 4] = 1.5
    assert Blocks(4, 1).mask(weight, 0.5).flatten().tolist() == [0, 0, 0, 0, 1]


def test_group_lasso_by_hand_and_by_differences():
    weight = torch.tensor([[3.0, 4.0], [0.0, 0.0]]).view(2, 2, 1, 1)
    assert Blocks(2, 1).group_lasso(weight).item() == pytest.approx(2**0.5 * 5 / 4)
    assert torch.isfinite(_slope(Blocks(2, 1).group_lasso, weight)).all()
    blocks = Blocks(4, 2, "spikeflow")
    assert torch.autograd.gradcheck(blocks.group_lasso, _double(3, 5, 2, 2, seed=1).requires_grad_())


def test_group_lasso_empties_whole_blocks_that_the_task_does_not_need():
    """Two blocks; the task holds the weights of one at 1 and is indifferent to the other's."""
    blocks, weight = Blocks(2, 2), torch.full((2, 4, 1, 1), 0.5).double()
    for _ in range(400):
        slope = _slope(lambda w: 0.3 * blocks.group_lasso(w) + (w[:, :2] - 1).square().mean(), weight)
        weight = weight - 0.1 * slope
    norms = blocks.norms(weight).flatten()
    assert norms[1].item() < 0.05
    assert norms[0].item() > 1.5


# ---- tensor trains


@pytest.mark.parametrize(("mode", "stride"), [("sequential", 1), ("sequential", 2), ("parallel", 1), ("parallel", 2)])
def test_the_dense_kernel_does_what_the_train_does(mode, stride: int):
    torch.manual_seed(0)
    layer, x = TTConv2d(5, 7, 3, mode, stride).double(), _double(2, 5, 6, 9, seed=1)
    assert layer.dense().shape == (7, 5, 3, 3)
    assert torch.allclose(layer(x), F.conv2d(x, layer.dense(), None, stride, 1))


def test_the_dense_kernel_has_the_rank_of_the_train_and_parallel_cores_make_a_cross():
    torch.manual_seed(0)
    for mode in ("sequential", "parallel"):
        dense = TTConv2d(8, 9, 2, mode).double().dense().detach()
        for position in np.ndindex(3, 3):
            assert torch.linalg.matrix_rank(dense[:, :, *position]) <= 2
        assert torch.linalg.matrix_rank(dense.flatten(1)) == 2
    corners = dense[:, :, ::2, ::2]
    assert (corners == 0).all()
    assert (dense[:, :, 1] != 0).any()


def test_gradients_reach_every_core_through_either_form():
    torch.manual_seed(0)
    layer, x = TTConv2d(3, 4, 2, "sequential").double(), _double(2, 3, 5, 5, seed=1)
    direct = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
    dense = torch.autograd.grad(F.conv2d(x, layer.dense(), None, 1, 1).square().sum(), list(layer.parameters()))
    for first, second in zip(direct, dense, strict=True):
        assert first.abs().max() > 0
        assert torch.allclose(first, second)


def test_a_train_learns_a_kernel_of_its_rank():
    torch.manual_seed(1)
    target = TTConv2d(4, 4, 2, "sequential").double().dense().detach()
    layer = TTConv2d(4, 4, 2, "sequential").double()
    optimizer = torch.optim.Adam(layer.parameters(), 0.03)
    for _ in range(600):
        optimizer.zero_grad()
        (layer.dense() - target).square().mean().backward()
        optimizer.step()
    assert (layer.dense() - target).square().mean().item() < 1e-3 * target.square().mean().item()
