"""Annealed places: exact small cases, laws, and the kernel against a naive twin."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim_py.errors import InputError
from spikesim_py.noc.placement import (
    Figures,
    Objective,
    kernels,
    optimize,
    optimized_places,
    placement_figures,
    reference,
)

OBJECTIVES: tuple[Objective, ...] = ("hops", "max_link")


def random_volumes(seed: int, tiles: int, share: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    volumes = rng.integers(1, 9, (tiles, tiles)) * (rng.random((tiles, tiles)) < share)
    return volumes * ~np.eye(tiles, dtype=bool), rng.integers(0, 5, (tiles, 2))


def snake(tiles: int, width: int) -> np.ndarray:
    y, x = np.divmod(np.arange(tiles), width)
    return np.stack([np.where(y % 2, width - 1 - x, x), y], 1)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_chain_fits_a_snake(objective: Objective) -> None:
    tiles = 12
    volumes, port = np.eye(tiles, k=1), np.zeros((tiles, 2))
    placed = optimized_places(volumes, port, 4, 3, objective=objective)
    assert placed.before == Figures(tiles - 1, 1)
    assert placed.after == placed.before
    shuffled = np.random.default_rng(0).permutation(tiles)
    placed = optimized_places(volumes[shuffled][:, shuffled], port, 4, 3, objective="hops")
    assert placed.after.hops == tiles - 1 < placed.before.hops


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("width", "height", "tiles"), [(2, 2, 4), (2, 2, 3), (3, 3, 5), (3, 2, 6)])
def test_small_meshes_reach_the_optimum(width: int, height: int, tiles: int, objective: Objective) -> None:
    volumes, port = random_volumes(tiles, tiles)
    spots = [(x, y) for y in range(height) for x in range(width)]
    every = (placement_figures(volumes, port, np.array(places), width, height) for places in permutations(spots, tiles))
    best = min(getattr(figures, objective) for figures in every)
    assert getattr(optimized_places(volumes, port, width, height, 0, objective).after, objective) == best


def test_a_3_x_3_mesh_reaches_the_optimum_of_all_orders() -> None:
    volumes, _ = random_volumes(3, 9, 0.3)
    links = np.abs(np.subtract.outer(*[np.array([(i % 3, i // 3) for i in range(9)])] * 2)[:, [0, 1], :, [0, 1]]).sum(0)
    orders = np.array(list(permutations(range(9))))
    best = sum(volumes[i, j] * links[orders[:, i], orders[:, j]] for i in range(9) for j in range(9)).min()
    assert optimized_places(volumes, np.zeros((9, 2)), 3, 3).after.hops == best


@given(st.integers(0, 99), st.integers(1, 14), st.sampled_from(OBJECTIVES), st.integers(-5, 2**65))
@settings(max_examples=15)
def test_laws(seed: int, tiles: int, objective: Objective, key: int) -> None:
    volumes, port = random_volumes(seed, tiles)
    placed = optimized_places(volumes, port, 4, 4, key, objective)
    assert len({tuple(place) for place in placed.places.tolist()}) == tiles
    assert placed.places.min() >= 0
    assert placed.places.max() < 4
    assert placed.after == placement_figures(volumes, port, placed.places, 4, 4)
    plain = snake(tiles, 4), np.stack(np.divmod(np.arange(tiles), 4)[::-1], 1)
    before = [getattr(placement_figures(volumes, port, places, 4, 4), objective) for places in plain]
    assert getattr(placed.before, objective) == min(before)
    assert getattr(placed.after, objective) <= min(before)
    again = optimized_places(volumes, port, 4, 4, key, objective)
    np.testing.assert_array_equal(placed.places, again.places)


@given(st.integers(0, 99), st.integers(2, 12))
def test_figures_keep_the_symmetries_of_the_mesh(seed: int, tiles: int) -> None:
    volumes, _ = random_volumes(seed, tiles)
    port, places = np.zeros((tiles, 2)), np.random.default_rng(seed).permutation(snake(12, 4))[:tiles]
    figures = placement_figures(volumes, port, places, 4, 3)
    assert placement_figures(volumes, port, [3, 2] - places, 4, 3) == figures
    assert placement_figures(volumes, port, [3, 0] + [-1, 1] * places, 4, 3) == figures
    assert placement_figures(volumes.T, port, places, 4, 3).hops == figures.hops
    assert placement_figures(3 * volumes, port, places, 4, 3) == Figures(3 * figures.hops, 3 * figures.max_link)
    every = reference.loads(np.pad(volumes, (0, 1)), [*map(tuple, places.tolist()), (0, 0)]).values()
    assert figures == Figures(sum(every), max(every, default=0.0))


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("tiles", [1, 4, 7])
def test_the_kernel_takes_the_steps_of_its_twin(links: bool, tiles: int) -> None:
    volumes, port = random_volumes(5, tiles, 0.6)
    graph = optimize._graph(volumes, port)
    sent = np.zeros((tiles + 1, tiles + 1))
    sent[:tiles, :tiles], sent[tiles, :tiles], sent[:tiles, tiles] = volumes, port[:, 0], port[:, 1]
    start = [*map(tuple, snake(tiles, 3).tolist()), (0, 0)]
    schedule = (20, 12, 0.7, 0.5)
    x, y = np.array(start).T.copy()
    found = kernels.anneal(graph, x, y, np.empty((4, 3, 3)), links, *schedule, 11)
    assert list(zip(*found, strict=True)) == reference.anneal(sent, start, 3, 3, links, schedule, 11)


def test_tiles_come_near_the_port() -> None:
    port = np.zeros((6, 2))
    port[5] = 100, 3
    placed = optimized_places(np.eye(6, k=1), port, 3, 3)
    assert placed.places[5].tolist() == [0, 0]


def test_bad_input_is_named() -> None:
    volumes, port = random_volumes(0, 5)
    with pytest.raises(InputError, match="5 tiles do not fit 2 x 2"):
        optimized_places(volumes, port, 2, 2)
    with pytest.raises(InputError, match="must be hops or max_link"):
        optimized_places(volumes, port, 3, 3, 0, "hop")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"\(5, 4\) and \(5, 2\)"):
        optimized_places(volumes[:, :4], port, 3, 3)
    with pytest.raises(InputError, match="0 or more"):
        optimized_places(-volumes, port, 3, 3)
