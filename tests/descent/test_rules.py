"""What every step rule keeps: the minimum, the projection, each example by itself; and what a file says of one."""

import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Literal

import pytest
import torch
from torch import Tensor

from featsplit.descent import (
    LBFGS,
    RULES,
    Evaluation,
    Momentum,
    Normalised,
    Objective,
    RuleName,
    StepRule,
    begin,
    rule_from,
)
from featsplit.errors import FeatsplitError
from featsplit.geometry import box
from tests.descent.quadratics import SCALES, descend, distance_to, free, rule, rules, uniform


@rules
def test_every_rule_finds_the_centre(name: RuleName) -> None:
    centre, start = 0.2 + 0.6 * uniform(4, 1, 3, 3, seed=1), uniform(4, 1, 3, 3)
    found = descend(distance_to(centre), start, steps=200, rule=rule(name, 0.05), project=box)
    assert (found - centre).flatten(1).norm(dim=1).max() < 0.03, "less than one step of `normalised`"
    assert (start - centre).flatten(1).norm(dim=1).min() > 0.5


@rules
def test_a_minimum_outside_the_box_is_met_at_its_wall(name: RuleName) -> None:
    centre, start = 3 * uniform(4, 6, seed=1) - 1, uniform(4, 6)
    found = descend(distance_to(centre), start, steps=300, rule=rule(name, 0.05), project=box)
    assert (found - centre.clamp(0, 1)).abs().max() < 0.05


@rules
def test_every_iterate_obeys_the_projection(name: RuleName) -> None:
    seen: list[Tensor] = []
    wrapped = distance_to(5 * uniform(4, 6, seed=1) - 2)

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        seen.append(inputs.detach())
        return wrapped(inputs, rows, rough=rough)

    start = 3 * uniform(4, 6) - 1
    end = descend(objective, start, steps=12, rule=rule(name, 0.5), project=box, keep="best")
    assert torch.equal(seen[0], start.clamp(0, 1))
    assert all(((inputs >= 0) & (inputs <= 1)).all() for inputs in [*seen, end])


@rules
@pytest.mark.parametrize(("keep", "calls"), [("last", 7), ("best", 8)])
def test_the_network_is_called_once_a_step(name: RuleName, keep: Literal["last", "best"], calls: int) -> None:
    seen: list[Tensor] = []

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        seen.append(inputs)
        return distance_to(torch.zeros(6))(inputs, rows, rough=rough)

    descend(objective, uniform(4, 6), steps=7, rule=rule(name), project=box, keep=keep)
    assert len(seen) == calls


def quartic(centre: Tensor) -> Callable[[slice], Objective]:
    """An objective for some rows of a batch, whose examples 1 and 3 are flat and diverging."""

    def of(chosen: slice) -> Objective:
        curved, wild = torch.ones(5), torch.zeros(5)
        curved[1], wild[3] = 0, float("inf")

        def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
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


@rules
@pytest.mark.parametrize(
    ("shape", "step_size"),
    [
        ((1, 8, 8), {"normalised": 0.1, "momentum": 0.8, "lbfgs": 0.8}),
        ((3, 32, 32), {"normalised": 0.1, "momentum": 3.2, "lbfgs": 3.2}),
        ((3, 4, 16), {"normalised": 0.1, "momentum": 0.8, "lbfgs": 0.8}),
        ((3, 224, 224), {"normalised": 0.1, "momentum": 22.4, "lbfgs": 22.4}),
    ],
)
def test_a_rule_without_a_size_takes_that_of_the_images(
    name: RuleName, shape: tuple[int, int, int], step_size: dict[RuleName, float]
) -> None:
    assert RULES[name]().sized(shape).step_size == pytest.approx(step_size[name])
    assert rule(name, 0.7).sized(shape) == rule(name, 0.7)


@pytest.mark.parametrize(
    "chosen", [Normalised(norm="linf"), Momentum(momentum=0.5, norm="linf"), LBFGS(memory=3, first_step="normalised")]
)
def test_only_the_size_is_filled_in(chosen: StepRule) -> None:
    sized = chosen.sized((1, 8, 8))
    assert sized.step_size is not None
    assert replace(sized, step_size=None) == chosen


@rules
def test_without_a_size_the_first_step_is_that_of_the_images(name: RuleName) -> None:
    """0.1, (1 - 0.9) 0.1 sqrt(64), and at most 0.1 sqrt(64)."""
    start, far = uniform(4, 1, 8, 8), torch.full((1, 8, 8), 50.0)
    found = descend(distance_to(far), start, steps=1, rule=RULES[name](), project=free)
    length = {"normalised": 0.1, "momentum": 0.08, "lbfgs": 0.8}[name]
    torch.testing.assert_close((found - start).flatten(1).norm(dim=1), torch.full((4,), length))


@rules
@pytest.mark.parametrize("kept", [[4, 1], [0, 1, 2, 3, 4], [2]], ids=["swapped", "all", "one"])
def test_a_move_goes_on_with_the_images_that_are_taken(name: RuleName, kept: list[int]) -> None:
    """After `take` a move steps as one that has had these images alone, in this order, from the start."""
    points, slopes = uniform(9, 5, 6, seed=1), uniform(9, 5, 6, seed=2) - 0.5
    whole, part = (begin(rule(name, 9.0), (6,), steps=9) for _ in range(2))
    chosen = torch.tensor(kept)
    for step in range(9):
        if step in (3, 5):
            whole.take(chosen if step == 3 else torch.arange(len(kept)))
        rows = chosen if step >= 3 else torch.arange(5)
        found = whole(points[step, rows], slopes[step, rows], points[step, rows].sum(1), step)
        expected = part(points[step, chosen], slopes[step, chosen], points[step, chosen].sum(1), step)
        torch.testing.assert_close(found if step >= 3 else found[chosen], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Normalised(0), "step_size = 0: must be greater than 0, and finite"),
        (Momentum(float("nan")), "step_size = nan: must be greater than 0, and finite"),
        (LBFGS(-1), "step_size = -1: must be greater than 0, and finite"),
        (
            rule_from({"name": "normalised", "norm": "linv"}),
            'norm = "linv": must be one of l2, linf; did you mean "linf"?',
        ),
        (rule_from({"name": "momentum", "norm": "l1"}), 'norm = "l1": must be one of l2, linf; did you mean "l2"?'),
        (Momentum(momentum=1), "momentum = 1: must be in [0, 1)"),
        (LBFGS(memory=0), "memory = 0: must be at least 1"),
        (LBFGS(box=(1, 0)), "box = [1, 0]: must be two numbers, the lower one first"),
        (
            rule_from({"name": "lbfgs", "first_step": "polyac"}),
            'first_step = "polyac": must be one of polyak, normalised; did you mean "polyak"?',
        ),
    ],
)
def test_a_rule_out_of_range_is_refused(wrong: StepRule, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        wrong.check("match")
    assert str(caught.value) == f"match.{message}"


EVERY_RULE = [
    Normalised(0.3, "linf"),
    Momentum(0.4, 0.5, "linf"),
    LBFGS(0.5, 3, "normalised", (-1.0, 2.0)),
    LBFGS(box=(float("-inf"), float("inf"))),
]


@pytest.mark.parametrize("chosen", EVERY_RULE)
def test_a_rule_is_read_from_what_a_file_says_of_it_and_pickled(chosen: StepRule) -> None:
    assert rule_from(json.loads(json.dumps(asdict(chosen)))) == chosen
    assert pickle.loads(pickle.dumps(chosen)) == chosen


@pytest.mark.parametrize(
    ("name", "expected"),
    [("paper", Normalised(0.3, "linf")), ("momentum", Momentum(0.3, 0.5, "linf")), ("lbfgs", LBFGS(0.3, 6))],
)
def test_a_rule_is_read_from_what_a_file_of_the_version_before_says(name: str, expected: StepRule) -> None:
    """There one record held the fields of all."""
    assert rule_from({"name": name, "step_size": 0.3, "norm": "linf", "momentum": 0.5, "memory": 6}) == expected


def test_a_rule_that_no_version_knew_is_refused() -> None:
    with pytest.raises(FeatsplitError) as caught:
        rule_from({"name": "lbfsg", "step_size": 0.3}, "match.rule")
    rule = "must be one of normalised, momentum, lbfgs"
    assert str(caught.value) == f'match.rule.name = "lbfsg": {rule}; did you mean "lbfgs"?'
