"""What may be rough: the first steps alone, and nothing that counts."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from featsplit.descent import Evaluation, minimize
from tests.descent.quadratics import (
    NEVER,
    PACES,
    calls_of,
    convergences,
    converging,
    descend,
    iterates,
    keeps,
    own_box,
    rugged,
    uniform,
    watched,
)


@keeps
@convergences
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_calls_count_each_one_of_the_network_on_each_image(
    keep: Literal["last", "best"], times: list[int], share: float
) -> None:
    """The check of what a rough step says, the second score of the rough best and the last score count as well."""
    objective, calls = watched(converging(rugged, times))
    found = minimize(objective, uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep=keep, rough=share)
    assert found.calls.tolist() == calls_of(calls, 8)
    assert all(call.rows for call in calls), "no call is of no image"


@keeps
@pytest.mark.parametrize(
    ("share", "rough"), [(0.0, 0), (0.1, 0), (0.5, 3), (0.8, 5), (0.99, 6), (1.0, 7)], ids=lambda value: f"{value:g}"
)
def test_the_first_steps_are_rough_and_nothing_else(keep: Literal["last", "best"], share: float, rough: int) -> None:
    objective, calls = watched(converging(rugged, [1, 1, 4, 4, 6, *[NEVER] * 3]))
    descend(objective, uniform(8, 6), steps=7, rule=PACES["normalised"], project=own_box, keep=keep, rough=share)
    assert [call.rough for call in calls if call.graded] == [step < rough for step in range(7)]
    assert not any(call.rough for call in calls if not call.graded)


@keeps
def test_a_convergence_that_only_a_rough_step_sees_is_refused(keep: Literal["last", "best"]) -> None:
    """A rough step says 1, 2 or 3 for all. In truth two converge then, two at 7, and four never do."""
    claimed, truly = [1, 2, 3, 1, 2, 3, 1, 2], [1, 7, NEVER, NEVER, 2, 7, NEVER, NEVER]
    objective, calls = watched(converging(rugged, claimed, truly=truly))
    found = minimize(objective, uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep=keep, rough=0.6)
    expected = descend(
        converging(rugged, truly), uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep=keep
    )
    torch.testing.assert_close(found.inputs, expected, rtol=0, atol=1e-5)
    assert found.calls.tolist() == calls_of(calls, 8)
    checked = [call for call in calls if not call.graded][:3]
    assert [call.rows for call in checked] == [[0, 3, 6], [1, 3, 4, 6, 7], [1, 2, 3, 5, 6, 7]]
    path = iterates("lbfgs", 9)
    for step, call in enumerate(checked, start=1):
        torch.testing.assert_close(call.inputs, path[step, call.rows], rtol=0, atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99, 1.0], ids=lambda share: f"{share:g}")
def test_the_best_of_the_rough_iterates_is_scored_again_in_full(share: float) -> None:
    """Scores drawn at random for each iterate, other ones by a rough step: the best of these meets the rest in full.

    The rough scores are far lower, as if they flattered: an iterate does not win by that, only over other rough ones.
    """
    path, every, count = iterates("lbfgs", 9), torch.arange(8), int(9 * share)
    full, flattering = uniform(10, 8, seed=1), uniform(10, 8, seed=2) - 100
    full[:count, :4] -= 0.7

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        iterate = (inputs.detach() - path[:, rows]).norm(dim=2).argmin(dim=0)
        return rugged(inputs, rows, rough=rough)._replace(score=(flattering if rough else full)[iterate, rows])

    found = descend(objective, uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep="best", rough=share)
    standing = full.clone()
    standing[:count] = 2.0
    if count:
        chosen = flattering[:count].argmin(dim=0)
        standing[chosen, every] = full[chosen, every]
    best = standing.argmin(dim=0)
    assert share == 0 or (0 < (best < count).sum() < 8), "some of the rough ones stand, some do not"
    torch.testing.assert_close(found, path[best, every], rtol=0, atol=1e-5)
