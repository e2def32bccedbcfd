"""The loop on quadratics whose minimum is known: every rule, every iterate, every example by itself."""

import itertools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.geometry import box
from featsplit.optimize import Evaluation, Objective, minimize
from featsplit.rules import RULES, RuleName, StepRule

rules = pytest.mark.parametrize("name", RULES)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def free(inputs: Tensor, rows: Tensor) -> Tensor:
    return inputs


def distance_to(centre: Tensor, scale: Tensor | float = 1.0) -> Objective:
    """The squared distance sum(scale (x - centre)^2), zero at `centre`; the score is the loss."""

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        loss = (scale * (inputs - centre) ** 2).flatten(1).sum(1)
        return Evaluation(loss, loss)

    return objective


def descend(objective: Objective, start: Tensor, **options: Any) -> Tensor:
    """Where `minimize` ends."""
    return minimize(objective, start, **options).inputs


def rule(name: RuleName, step_size: float = 0.1) -> StepRule:
    return StepRule(name, step_size=step_size)


@rules
def test_every_rule_finds_the_centre(name: RuleName) -> None:
    centre, start = 0.2 + 0.6 * uniform(4, 1, 3, 3, seed=1), uniform(4, 1, 3, 3)
    found = descend(distance_to(centre), start, steps=200, rule=rule(name, 0.05), project=box)
    assert (found - centre).flatten(1).norm(dim=1).max() < 0.03, "less than one step of `paper`"
    assert (start - centre).flatten(1).norm(dim=1).min() > 0.5


@rules
def test_a_minimum_outside_the_box_is_met_at_its_wall(name: RuleName) -> None:
    centre, start = 3 * uniform(4, 6, seed=1) - 1, uniform(4, 6)
    found = descend(distance_to(centre), start, steps=300, rule=rule(name, 0.05), project=box)
    assert (found - centre.clamp(0, 1)).abs().max() < 0.05


def test_a_step_of_paper_is_step_size_along_the_gradient() -> None:
    centre, start = uniform(4, 6, seed=1), uniform(4, 6)
    found = descend(distance_to(centre), start, steps=1, rule=rule("paper"), project=free)
    towards = (centre - start) / (centre - start).norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, start + 0.1 * towards)


def test_paper_takes_its_direction_from_the_norm() -> None:
    centre, start = uniform(4, 6, seed=1), uniform(4, 6)
    linf = StepRule("paper", step_size=0.1, norm="linf")
    found = descend(distance_to(centre), start, steps=1, rule=linf, project=free)
    torch.testing.assert_close(found, start + 0.1 * (centre - start).sign())


def test_momentum_is_the_heavy_ball_with_a_cosine_rate() -> None:
    centre, start = uniform(4, 6, seed=1), uniform(4, 6)
    found = descend(distance_to(centre), start, steps=6, rule=rule("momentum"), project=free)
    point, velocity = start.double().numpy(), np.zeros((4, 6))
    for step in range(6):
        gradient = point - centre.double().numpy()
        velocity = 0.9 * velocity + 0.1 * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
        point = point - 0.1 * 0.5 * (1 + np.cos(np.pi * step / 6)) * velocity
    np.testing.assert_allclose(found.numpy(), point, atol=1e-6)


SCALES = torch.logspace(0, 3, 12)


def steps_to(name: RuleName, target: float, *, limit: int) -> int:
    """How many steps bring every example of an ill-conditioned batch below `target` (limit: none)."""
    losses: list[Tensor] = []
    wrapped = distance_to(0.3 + 0.4 * uniform(5, 12, seed=1), SCALES)

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        evaluation = wrapped(inputs, rows)
        losses.append(evaluation.loss.detach())
        return evaluation

    descend(objective, 0.3 + 0.4 * uniform(5, 12), steps=limit, rule=rule(name, 0.05), project=box)
    return next((step for step, loss in enumerate(losses) if loss.max() < target), limit)


def test_lbfgs_is_far_faster_where_the_curvature_differs() -> None:
    assert steps_to("lbfgs", 1e-4, limit=400) <= 80
    assert steps_to("paper", 1e-4, limit=400) == 400


def test_lbfgs_finds_the_minimum_that_scipy_finds() -> None:
    scipy_optimize = pytest.importorskip("scipy.optimize")
    matrix, offset = torch.randn((9, 6), generator=torch.Generator().manual_seed(0)), uniform(9, seed=2)

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        loss = ((inputs @ matrix.T - offset) ** 2).sum(1)
        return Evaluation(loss, loss)

    start = uniform(1, 6)
    found = descend(objective, start, steps=60, rule=rule("lbfgs", 10.0), project=free)
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

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
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


@rules
def test_every_iterate_obeys_the_projection(name: RuleName) -> None:
    seen: list[Tensor] = []
    wrapped = distance_to(5 * uniform(4, 6, seed=1) - 2)

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        seen.append(inputs.detach())
        return wrapped(inputs, rows)

    start = 3 * uniform(4, 6) - 1
    end = descend(objective, start, steps=12, rule=rule(name, 0.5), project=box, keep="best")
    assert torch.equal(seen[0], start.clamp(0, 1))
    assert all(((inputs >= 0) & (inputs <= 1)).all() for inputs in [*seen, end])


@rules
@pytest.mark.parametrize(("keep", "calls"), [("last", 7), ("best", 8)])
def test_the_network_is_called_once_a_step(name: RuleName, keep: Literal["last", "best"], calls: int) -> None:
    seen: list[Tensor] = []

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        seen.append(inputs)
        return distance_to(torch.zeros(6))(inputs, rows)

    descend(objective, uniform(4, 6), steps=7, rule=rule(name), project=box, keep=keep)
    assert len(seen) == calls


@pytest.mark.parametrize("rank", range(6))
def test_best_scores_all_iterates(rank: int) -> None:
    """Scores that rise and fall, and are least at iterate number `rank`, the start (0) and the end (5) among them."""
    far, start = distance_to(torch.full((6,), 9.0)), uniform(4, 6)
    left = iter([0.0 if step == rank else score for step, score in enumerate((6.0, 3.0, 5.0, 2.0, 4.0, 1.0))])

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        return Evaluation(far(inputs, rows).loss, torch.full((4,), next(left)))

    found = descend(objective, start, steps=5, rule=rule("paper"), project=box, keep="best")
    assert torch.equal(found, descend(far, start, steps=rank, rule=rule("paper"), project=box))


def test_best_is_chosen_for_each_example_and_the_first_wins_a_tie() -> None:
    far, start = distance_to(torch.full((6,), 9.0)), uniform(2, 6)
    end = descend(far, start, steps=5, rule=rule("paper"), project=box)

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        score = torch.stack([torch.zeros(()), (inputs[1] - end[1]).abs().sum()])
        return Evaluation(far(inputs, rows).loss, score)

    found = descend(objective, start, steps=5, rule=rule("paper"), project=box, keep="best")
    torch.testing.assert_close(found, torch.stack([start[0], end[1]]))


def test_a_start_without_a_score_does_not_stand() -> None:
    scores = iter([float("nan"), 3.0, 2.0])

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        return Evaluation(inputs.flatten(1).sum(dim=1), torch.full((len(inputs),), next(scores)))

    start = torch.full((1, 1, 1, 1), 0.5)
    found = descend(objective, start, steps=2, rule=rule("paper"), project=box, keep="best")
    assert float(found) == pytest.approx(0.3)


def quartic(centre: Tensor) -> Callable[[slice], Objective]:
    """An objective for some rows of a batch, whose examples 1 and 3 are flat and diverging."""

    def of(chosen: slice) -> Objective:
        curved, wild = torch.ones(5), torch.zeros(5)
        curved[1], wild[3] = 0, float("inf")

        def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
            shift = inputs - centre[chosen][rows]
            flat = curved[chosen][rows] * (SCALES[:6] * shift**2 + shift**4).sum(1)
            loss = flat + wild[chosen][rows] * shift.sum(1)
            return Evaluation(loss, loss)

        return objective

    return of


@rules
def test_no_example_feels_its_batch(name: RuleName) -> None:
    of, start = quartic(uniform(5, 6, seed=1)), uniform(5, 6)

    def run(rows: slice) -> Tensor:
        return descend(of(rows), start[rows], steps=15, rule=rule(name), project=free)

    together = run(slice(None))
    assert not torch.isfinite(together[3]).all(), "this one does diverge"
    for row in (0, 1, 2, 4):
        alone = run(slice(row, row + 1))
        assert torch.isfinite(alone).all()
        torch.testing.assert_close(together[row], alone[0], rtol=0, atol=1e-5)
    assert torch.equal(together[1], start[1]), "no gradient, no step"


def test_minimize_leaves_its_start_and_works_without_gradients() -> None:
    start = uniform(4, 6)
    kept = start.clone()
    with torch.no_grad():
        found = descend(distance_to(torch.zeros(6)), start, steps=3, rule=rule("paper"), project=box)
    assert torch.equal(start, kept)
    assert not torch.equal(found, start)
    assert not found.requires_grad


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "momentun"}, 'rule = "momentun": must be one of paper, momentum, lbfgs; did you mean "momentum"?'),
        ({"step_size": 0}, "step_size = 0: must be greater than 0, and finite"),
        ({"step_size": float("nan")}, "step_size = nan: must be greater than 0, and finite"),
    ],
)
def test_a_rule_out_of_range_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        StepRule(**wrong).check("match")
    assert str(caught.value) == f"match.{message}"
