"""Objectives whose minimum is known, a batch whose images converge when one says so, and what watches the loop."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from featsplit.descent import RULES, Evaluation, Objective, RuleName, StepRule, minimize

SCALES = torch.logspace(0, 3, 12)
NEVER = 99
TIMES = {
    "one by one": [6, 5, 4, 3, 2, 1, 0, 7],
    "in groups": [2, 5, NEVER, 2, 5, 2, NEVER, 5],
    "too few to thin": [NEVER, NEVER, 3, *[NEVER] * 5],
    "some at the start": [0, NEVER, 0, 3, NEVER, 0, NEVER, 4],
    "most at once": [*[NEVER] * 3, *[4] * 5],
    "all at once": [4] * 8,
    "all at the start": [0] * 8,
    "none": [NEVER] * 8,
}
convergences = pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
keeps = pytest.mark.parametrize("keep", ["last", "best"])
rules = pytest.mark.parametrize("name", RULES)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def free(inputs: Tensor, rows: Tensor) -> Tensor:
    return inputs


def distance_to(centre: Tensor, scale: Tensor | float = 1.0) -> Objective:
    """The squared distance sum(scale (x - centre)^2), zero at `centre`; the score is the loss."""

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        loss = (scale * (inputs - centre) ** 2).flatten(1).sum(1)
        return Evaluation(loss, loss)

    return objective


def descend(objective: Objective, start: Tensor, **options: Any) -> Tensor:
    """Where `minimize` ends."""
    return minimize(objective, start, **options).inputs


def rule(name: RuleName, step_size: float = 0.1) -> StepRule:
    return RULES[name](step_size=step_size)


PACES = {name: rule(name, size) for name, size in zip(RULES, (0.1, 0.4, 1.0), strict=True)}


class Call(NamedTuple):
    """One call of an objective: of which images, where they were, rough or not, for a gradient or not."""

    rows: list[int]
    inputs: Tensor
    rough: bool
    graded: bool


def watched(wrapped: Objective) -> tuple[Objective, list[Call]]:
    """The same objective, and the list of its calls as they come."""
    calls: list[Call] = []

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        calls.append(Call(rows.tolist(), inputs.detach().clone(), rough, torch.is_grad_enabled()))
        return wrapped(inputs, rows, rough=rough)

    return objective, calls


def calls_of(calls: list[Call], total: int) -> list[int]:
    """How often each of `total` images was in a call."""
    return torch.bincount(torch.tensor([row for call in calls for row in call.rows]), minlength=total).tolist()


def rugged(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
    """Each image has a goal of its own, known by its row; the score rates each by its distance to another point."""
    shift = inputs - uniform(8, 6, seed=1)[rows]
    return Evaluation((SCALES[:6] * shift**2 + shift**4).sum(1), (inputs - uniform(8, 6, seed=2)[rows]).norm(dim=1))


def own_box(inputs: Tensor, rows: Tensor) -> Tensor:
    """Each image has a box of its own, too."""
    return torch.minimum(inputs.clamp_min(0), 0.6 + 0.3 * uniform(8, 1, seed=3)[rows])


def converging(wrapped: Objective, times: list[int], *, truly: list[int] | None = None) -> Objective:
    """`wrapped`, where image i converges at iterate times[i]; in full, truly[i]."""
    step = -1

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        nonlocal step
        step += torch.is_grad_enabled()
        when = truly if truly is not None and not rough else times
        return wrapped(inputs, rows, rough=rough)._replace(converged=torch.tensor(when)[rows] <= step)

    return objective


def iterates(name: RuleName, steps: int) -> Tensor:
    """Where `rugged` leads 8 images when none converges: all iterates, (steps + 1, 8, 6)."""
    objective, calls = watched(rugged)
    end = descend(objective, uniform(8, 6), steps=steps, rule=PACES[name], project=own_box)
    return torch.stack([*(call.inputs for call in calls), end])
