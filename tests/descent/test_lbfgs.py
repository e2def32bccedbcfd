"""L-BFGS against scipy's, free and in a box; its first step, its cap, its memory."""

import itertools
from math import inf
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from featsplit.descent import LBFGS, Evaluation, RuleName, begin
from featsplit.geometry import box
from tests.descent.quadratics import SCALES, descend, distance_to, free, rule, uniform, watched


def steps_to(name: RuleName, target: float, *, limit: int) -> int:
    """How many steps bring every example of an ill-conditioned batch below `target` (limit: none)."""
    losses: list[Tensor] = []
    wrapped = distance_to(0.3 + 0.4 * uniform(5, 12, seed=1), SCALES)

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        evaluation = wrapped(inputs, rows, rough=rough)
        losses.append(evaluation.loss.detach())
        return evaluation

    descend(objective, 0.3 + 0.4 * uniform(5, 12), steps=limit, rule=rule(name, 0.05), project=box)
    return next((step for step, loss in enumerate(losses) if loss.max() < target), limit)


def test_lbfgs_is_far_faster_where_the_curvature_differs() -> None:
    assert steps_to("lbfgs", 1e-4, limit=400) <= 80
    assert steps_to("normalised", 1e-4, limit=400) == 400


def test_lbfgs_finds_the_minimum_that_scipy_finds() -> None:
    scipy_optimize = pytest.importorskip("scipy.optimize")
    matrix, offset = torch.randn((9, 6), generator=torch.Generator().manual_seed(0)), uniform(9, seed=2)

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        loss = ((inputs @ matrix.T - offset) ** 2).sum(1)
        return Evaluation(loss, loss)

    start = uniform(1, 6)
    found = descend(objective, start, steps=60, rule=rule("lbfgs", 10.0), project=free, keep="best")
    exact = scipy_optimize.minimize(
        lambda x: float(((matrix.double().numpy() @ x - offset.double().numpy()) ** 2).sum()),
        start[0].double().numpy(),
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-10},
    )
    assert exact.fun > 0.01, "its minimum is not zero, so Polyak's step alone would not find it"
    np.testing.assert_allclose(found[0].numpy(), exact.x, atol=1e-3)


def test_the_first_lbfgs_step_reaches_the_zero_of_a_linear_network() -> None:
    weight, start = uniform(6, seed=3), uniform(4, 6)

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        loss = (inputs @ weight - 1.0) ** 2
        return Evaluation(loss, loss)

    found = descend(objective, start, steps=1, rule=rule("lbfgs", 10.0), project=free)
    torch.testing.assert_close(found @ weight, torch.ones(4))


def test_no_lbfgs_step_is_longer_than_step_size() -> None:
    far = distance_to(100 * uniform(4, 6, seed=1))
    points = [uniform(4, 6)]
    points += [descend(far, points[0], steps=k, rule=rule("lbfgs", 0.3), project=free) for k in range(1, 9)]
    for before, after in itertools.pairwise(points):
        torch.testing.assert_close((after - before).norm(dim=1), torch.full((4,), 0.3), rtol=1e-3, atol=0)


@pytest.mark.parametrize("memory", [1, 2, 5])
def test_lbfgs_remembers_so_many_pairs_and_no_more(memory: int) -> None:
    """It steps as one that began where its oldest pair does."""
    points, slopes = uniform(9, 5, 6, seed=1), uniform(9, 5, 6, seed=2) - 0.5
    old, young = (begin(LBFGS(9.0, memory), (6,), steps=9) for _ in range(2))
    for step in range(9):
        found = old(points[step], slopes[step], points[step].sum(1), step)
        expected = young(points[step], slopes[step], points[step].sum(1), step) if step >= 8 - memory else found
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_pixel_pushed_against_the_wall_counts_for_nothing() -> None:
    """The first step reaches the zero of a linear network by the pixels that can move alone."""
    weight, start = torch.tensor([2.0, -1.0, 1.0, 0.5]), torch.tensor([[0.0, 1.0, 0.4, 0.2], [1.0, 0.0, 0.3, 0.4]])

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        loss = (inputs @ weight - torch.tensor([-1.5, 3.5])[rows]) ** 2
        return Evaluation(loss, loss)

    found = descend(objective, start, steps=1, rule=rule("lbfgs", 10.0), project=free)
    torch.testing.assert_close(found @ weight, torch.tensor([-1.5, 3.5]))
    assert torch.equal(found[:, :2], start[:, :2]), "these are at the wall and would leave the box"
    away = descend(objective, 1 - start, steps=1, rule=rule("lbfgs", 10.0), project=free)
    assert ((away != 1 - start).sum(1) == 4).all(), "at the other wall the same pull is into the box"


def test_lbfgs_finds_the_minimum_in_the_box_that_scipy_finds() -> None:
    """Coupled pixels: some end at a wall, some were pushed against one on the way and came off it."""
    scipy_optimize = pytest.importorskip("scipy.optimize")
    generator = torch.Generator().manual_seed(0)
    matrices, centres = torch.randn((6, 14, 10), generator=generator), 2.4 * uniform(6, 10) - 0.7

    def residual(inputs: Tensor, rows: Tensor) -> Tensor:
        return torch.einsum("nij,nj->ni", matrices[rows], inputs - centres[rows])

    def quadratic(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        loss = residual(inputs, rows).square().sum(1)
        return Evaluation(loss, loss)

    objective, calls = watched(quadratic)
    start = (uniform(6, 10, seed=1) > 0.5).float()
    found = descend(objective, start, steps=150, rule=rule("lbfgs", 0.3), project=box, keep="best").double().numpy()
    pushed, rows, came_off = torch.zeros((6, 10), dtype=torch.bool), torch.arange(6), 0
    for call in calls:
        slope = torch.einsum("nij,ni->nj", matrices, residual(call.inputs, rows))
        pushed |= ((call.inputs == 0) & (slope > 0)) | ((call.inputs == 1) & (slope < 0))
    for row, (matrix, centre) in enumerate(zip(matrices.double().numpy(), centres.double().numpy(), strict=True)):

        def loss(x: "np.ndarray[Any, Any]", matrix: Any = matrix, centre: Any = centre) -> float:
            return float(((matrix @ (x - centre)) ** 2).sum())

        tight = {"ftol": 1e-15, "gtol": 1e-10}
        exact = scipy_optimize.minimize(loss, start[row], method="L-BFGS-B", bounds=[(0, 1)] * 10, options=tight)
        inside = (exact.x > 1e-6) & (exact.x < 1 - 1e-6)
        assert 2 <= inside.sum() <= 8, "some pixels end at a wall, some do not"
        came_off += int((pushed[row].numpy() & inside).sum())
        assert exact.fun > 0.1
        assert loss(found[row]) / exact.fun < 1.001
        np.testing.assert_allclose(found[row], exact.x, atol=0.01)
    assert came_off > 3


def line(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
    """A plane that falls for ever: its minimum is no zero, and no pair of it has curvature."""
    height = inputs @ torch.tensor([3.0, -4.0]) - 10
    return Evaluation(height, height)


def test_a_first_step_may_be_the_cap_along_the_gradient() -> None:
    """Polyak's would climb here, where f is below 0; without curvature every step is a first step."""
    start, fall = torch.tensor([[0.5, 0.5], [0.2, 0.9]]), torch.tensor([-0.6, 0.8])
    steps = LBFGS(0.25, first_step="normalised", box=(-inf, inf))
    found = descend(line, start, steps=3, rule=steps, project=free)
    torch.testing.assert_close(found, start + 3 * 0.25 * fall)
    polyak = descend(line, start, steps=1, rule=LBFGS(0.25, box=(-inf, inf)), project=free)
    torch.testing.assert_close(polyak, start - 0.25 * fall)


@pytest.mark.parametrize(
    ("box", "moves"),
    [
        ((0.0, 1.0), [False, True]),
        ((-1.0, 1.0), [True, True]),
        ((0.0, 0.5), [False, False]),
        ((-inf, inf), [True, True]),
    ],
)
def test_the_walls_are_those_of_the_box(box: tuple[float, float], moves: list[bool]) -> None:
    steps = LBFGS(0.25, first_step="normalised", box=box)
    found = descend(line, torch.tensor([[0.0, 0.5]]), steps=1, rule=steps, project=free)
    assert (found[0] != torch.tensor([0.0, 0.5])).tolist() == moves
