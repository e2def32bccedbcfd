"""The loop: which iterate comes back, and what becomes of an image that has converged."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from featsplit.descent import Evaluation, Result, RuleName, minimize
from featsplit.geometry import box
from tests.descent.quadratics import (
    PACES,
    TIMES,
    convergences,
    converging,
    descend,
    distance_to,
    iterates,
    keeps,
    own_box,
    rugged,
    rule,
    rules,
    uniform,
    watched,
)


@pytest.mark.parametrize("rank", range(6))
def test_best_scores_all_iterates(rank: int) -> None:
    """Scores that rise and fall, and are least at iterate number `rank`, the start (0) and the end (5) among them."""
    far, start = distance_to(torch.full((6,), 9.0)), uniform(4, 6)
    left = iter([0.0 if step == rank else score for step, score in enumerate((6.0, 3.0, 5.0, 2.0, 4.0, 1.0))])

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        return Evaluation(far(inputs, rows, rough=rough).loss, torch.full((4,), next(left)))

    found = descend(objective, start, steps=5, rule=rule("normalised"), project=box, keep="best")
    assert torch.equal(found, descend(far, start, steps=rank, rule=rule("normalised"), project=box))


def test_best_is_chosen_for_each_example_and_the_first_wins_a_tie() -> None:
    far, start = distance_to(torch.full((6,), 9.0)), uniform(2, 6)
    end = descend(far, start, steps=5, rule=rule("normalised"), project=box)

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        score = torch.stack([torch.zeros(()), (inputs[1] - end[1]).abs().sum()])
        return Evaluation(far(inputs, rows, rough=rough).loss, score)

    found = descend(objective, start, steps=5, rule=rule("normalised"), project=box, keep="best")
    torch.testing.assert_close(found, torch.stack([start[0], end[1]]))


def test_a_start_without_a_score_does_not_stand() -> None:
    scores = iter([float("nan"), 3.0, 2.0])

    def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        return Evaluation(inputs.flatten(1).sum(dim=1), torch.full((len(inputs),), next(scores)))

    start = torch.full((1, 1, 1, 1), 0.5)
    found = descend(objective, start, steps=2, rule=rule("normalised"), project=box, keep="best")
    assert float(found) == pytest.approx(0.3)


@rules
@keeps
@convergences
def test_an_image_that_has_converged_stays_and_no_other_notices(
    name: RuleName, keep: Literal["last", "best"], times: list[int]
) -> None:
    """Whoever arrives when: each image ends on its own path, which is that of a batch where none arrives."""
    path = iterates(name, 9)
    scores = torch.stack([rugged(point, torch.arange(8), rough=False).score for point in path])
    ends = scores.argmin(dim=0) if keep == "best" else torch.full((8,), 9)
    assert keep == "last" or len(set(ends.tolist())) > 2, "the best iterates are not all the last"
    expected = torch.stack([path[time if time < 9 else ends[row], row] for row, time in enumerate(times)])
    found = descend(converging(rugged, times), uniform(8, 6), steps=9, rule=PACES[name], project=own_box, keep=keep)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@rules
@keeps
def test_an_image_alone_ends_where_it_does_among_others_that_converge(
    name: RuleName, keep: Literal["last", "best"]
) -> None:
    near = torch.tensor([3.2, 0.5, 0.9, 1.5, 8.0, 0.0, 0.0, 7.2])

    def run(kept: list[int]) -> Result:
        def objective(inputs: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
            evaluation = rugged(inputs, torch.tensor(kept)[rows], rough=rough)
            return evaluation._replace(converged=evaluation.loss.detach() <= near[torch.tensor(kept)[rows]])

        def project(inputs: Tensor, rows: Tensor) -> Tensor:
            return own_box(inputs, torch.tensor(kept)[rows])

        return minimize(objective, uniform(8, 6)[kept], steps=12, rule=PACES[name], project=project, keep=keep)

    together = run(list(range(8)))
    alone = [run([row]) for row in range(8)]
    torch.testing.assert_close(together.inputs, torch.cat([found.inputs for found in alone]), rtol=0, atol=1e-5)
    lengths = [int(found.calls) for found in alone]
    assert len(set(lengths)) > 3, "they do arrive at different times"
    assert all(int(shared) >= own for shared, own in zip(together.calls, lengths, strict=True))


@keeps
@pytest.mark.parametrize(
    ("times", "sizes"),
    [
        ("one by one", [8, 8, 6, 6, 4, 3, 2, 1]),
        ("in groups", [8, 8, 8, 5, 5, 5, 2, 2, 2]),
        ("too few to thin", [8] * 9),
        ("some at the start", [8] + [5] * 4 + [3] * 4),
        ("most at once", [8] * 5 + [3] * 4),
        ("all at once", [8] * 5),
        ("all at the start", [8]),
    ],
)
def test_batches_shrink_as_images_converge(keep: Literal["last", "best"], times: str, sizes: list[int]) -> None:
    """A batch is thinned as soon as a quarter of it has arrived; when all have, nothing more is run."""
    objective, calls = watched(converging(rugged, TIMES[times]))
    descend(objective, uniform(8, 6), steps=9, rule=PACES["normalised"], project=own_box, keep=keep)
    at_the_end = [len(calls[-1].rows)] if keep == "best" and max(TIMES[times]) >= 9 else []
    assert [len(call.rows) for call in calls] == sizes + at_the_end


def test_minimize_leaves_its_start_and_works_without_gradients() -> None:
    start = uniform(4, 6)
    kept = start.clone()
    with torch.no_grad():
        found = descend(distance_to(torch.zeros(6)), start, steps=3, rule=rule("normalised"), project=box)
    assert torch.equal(start, kept)
    assert not torch.equal(found, start)
    assert not found.requires_grad
