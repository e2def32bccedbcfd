"""The loop on quadratics whose minimum is known: every rule, every iterate, every example by itself."""

import itertools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.geometry import box
from featsplit.optimize import Evaluation, Found, Objective, drafting, minimize
from featsplit.rules import RULES, RuleName, StepRule, begin

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


class Call(NamedTuple):
    """One call of an objective: of which images, where they were, in the draft or not, for a gradient or not."""

    rows: list[int]
    inputs: Tensor
    rough: bool
    graded: bool


def watched(wrapped: Objective) -> tuple[Objective, list[Call]]:
    """The same objective, and the list of its calls as they come."""
    calls: list[Call] = []

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        calls.append(Call(rows.tolist(), inputs.detach().clone(), drafting(), torch.is_grad_enabled()))
        return wrapped(inputs, rows)

    return objective, calls


def runs_of(calls: list[Call], total: int) -> list[int]:
    """How often each of `total` images was in a call."""
    return torch.bincount(torch.tensor([row for call in calls for row in call.rows]), minlength=total).tolist()


def rugged(inputs: Tensor, rows: Tensor) -> Evaluation:
    """Each image has a goal of its own, known by its row; the score rates each by its distance to another point."""
    shift = inputs - uniform(8, 6, seed=1)[rows]
    return Evaluation((SCALES[:6] * shift**2 + shift**4).sum(1), (inputs - uniform(8, 6, seed=2)[rows]).norm(dim=1))


def own_box(inputs: Tensor, rows: Tensor) -> Tensor:
    """Each image has a box of its own, too."""
    return torch.minimum(inputs.clamp_min(0), 0.6 + 0.3 * uniform(8, 1, seed=3)[rows])


def arriving(wrapped: Objective, times: list[int], *, truly: list[int] | None = None) -> Objective:
    """`wrapped`, where image i arrives at iterate times[i]; not in truth before truly[i], if only drafts say so."""
    step = -1

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        nonlocal step
        step += torch.is_grad_enabled()
        told = truly if truly is not None and not drafting() else times
        return wrapped(inputs, rows)._replace(arrived=torch.tensor(told)[rows] <= step)

    return objective


def iterates(name: RuleName, steps: int) -> Tensor:
    """Where `rugged` leads 8 images when none arrives: all iterates, (steps + 1, 8, 6)."""
    objective, calls = watched(rugged)
    end = descend(objective, uniform(8, 6), steps=steps, rule=PACES[name], project=own_box)
    return torch.stack([*(call.inputs for call in calls), end])


PACES = {name: rule(name, size) for name, size in zip(RULES, (0.1, 0.4, 1.0), strict=True)}
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
arrivals = pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
keeps = pytest.mark.parametrize("keep", ["last", "best"])


@rules
@keeps
@arrivals
def test_an_image_that_has_arrived_stays_and_no_other_notices(
    name: RuleName, keep: Literal["last", "best"], times: list[int]
) -> None:
    """Whoever arrives when: each image ends on its own path, which is that of a batch where none arrives."""
    path = iterates(name, 9)
    scores = torch.stack([rugged(point, torch.arange(8)).score for point in path])
    ends = scores.argmin(dim=0) if keep == "best" else torch.full((8,), 9)
    assert keep == "last" or len(set(ends.tolist())) > 2, "the best iterates are not all the last"
    expected = torch.stack([path[time if time < 9 else ends[row], row] for row, time in enumerate(times)])
    found = descend(arriving(rugged, times), uniform(8, 6), steps=9, rule=PACES[name], project=own_box, keep=keep)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@rules
@keeps
def test_an_image_alone_ends_where_it_does_among_others_that_arrive(
    name: RuleName, keep: Literal["last", "best"]
) -> None:
    near = torch.tensor([3.2, 0.5, 0.9, 1.5, 8.0, 0.0, 0.0, 7.2])

    def run(kept: list[int]) -> Found:
        def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
            evaluation = rugged(inputs, torch.tensor(kept)[rows])
            return evaluation._replace(arrived=evaluation.loss.detach() <= near[torch.tensor(kept)[rows]])

        def project(inputs: Tensor, rows: Tensor) -> Tensor:
            return own_box(inputs, torch.tensor(kept)[rows])

        return minimize(objective, uniform(8, 6)[kept], steps=12, rule=PACES[name], project=project, keep=keep)

    together = run(list(range(8)))
    alone = [run([row]) for row in range(8)]
    torch.testing.assert_close(together.inputs, torch.cat([found.inputs for found in alone]), rtol=0, atol=1e-5)
    lengths = [int(found.runs) for found in alone]
    assert len(set(lengths)) > 3, "they do arrive at different times"
    assert all(int(shared) >= own for shared, own in zip(together.runs, lengths, strict=True))


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
def test_batches_shrink_as_images_arrive(keep: Literal["last", "best"], times: str, sizes: list[int]) -> None:
    """A batch is thinned as soon as a quarter of it has arrived; when all have, nothing more is run."""
    objective, calls = watched(arriving(rugged, TIMES[times]))
    descend(objective, uniform(8, 6), steps=9, rule=PACES["paper"], project=own_box, keep=keep)
    at_the_end = [len(calls[-1].rows)] if keep == "best" and max(TIMES[times]) >= 9 else []
    assert [len(call.rows) for call in calls] == sizes + at_the_end


@keeps
@arrivals
@pytest.mark.parametrize("draft", [0.0, 0.5, 1.0])
def test_runs_count_each_call_of_the_network_on_each_image(
    keep: Literal["last", "best"], times: list[int], draft: float
) -> None:
    """The check of an arrival in the draft, the second score of its best and the last score count as well."""
    objective, calls = watched(arriving(rugged, times))
    found = minimize(objective, uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep=keep, draft=draft)
    assert found.runs.tolist() == runs_of(calls, 8)
    assert all(call.rows for call in calls), "no call is of no image"


@keeps
@pytest.mark.parametrize(
    ("draft", "rough"), [(0.0, 0), (0.1, 0), (0.5, 3), (0.8, 5), (0.99, 6), (1.0, 7)], ids=lambda value: f"{value:g}"
)
def test_the_draft_is_the_first_steps_and_nothing_else(keep: Literal["last", "best"], draft: float, rough: int) -> None:
    objective, calls = watched(arriving(rugged, [1, 1, 4, 4, 6, *[NEVER] * 3]))
    descend(objective, uniform(8, 6), steps=7, rule=PACES["paper"], project=own_box, keep=keep, draft=draft)
    assert [call.rough for call in calls if call.graded] == [step < rough for step in range(7)]
    assert not any(call.rough for call in calls if not call.graded)
    assert not drafting()


@pytest.mark.parametrize("draft", [0.5, 1.0])
def test_the_draft_ends_with_an_error(draft: float) -> None:
    def fails(inputs: Tensor, rows: Tensor) -> Evaluation:
        assert drafting()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        descend(fails, uniform(8, 6), steps=2, rule=PACES["paper"], project=own_box, draft=draft)
    assert not drafting()


@keeps
def test_an_arrival_that_only_the_draft_sees_is_refused(keep: Literal["last", "best"]) -> None:
    """The draft says 1, 2 or 3 for all. In truth two arrive then, two at 7, and four never do."""
    claimed, truly = [1, 2, 3, 1, 2, 3, 1, 2], [1, 7, NEVER, NEVER, 2, 7, NEVER, NEVER]
    objective, calls = watched(arriving(rugged, claimed, truly=truly))
    found = minimize(objective, uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep=keep, draft=0.6)
    expected = descend(arriving(rugged, truly), uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep=keep)
    torch.testing.assert_close(found.inputs, expected, rtol=0, atol=1e-5)
    assert found.runs.tolist() == runs_of(calls, 8)
    checked = [call for call in calls if not call.graded][:3]
    assert [call.rows for call in checked] == [[0, 3, 6], [1, 3, 4, 6, 7], [1, 2, 3, 5, 6, 7]]
    path = iterates("lbfgs", 9)
    for step, call in enumerate(checked, start=1):
        torch.testing.assert_close(call.inputs, path[step, call.rows], rtol=0, atol=1e-5)


@pytest.mark.parametrize("draft", [0.0, 0.2, 0.5, 0.99, 1.0], ids=lambda draft: f"{draft:g}")
def test_the_best_of_the_draft_is_scored_again_in_full(draft: float) -> None:
    """Scores drawn at random for each iterate, others by the draft than in full: the best drafted one meets the rest.

    The draft's are far lower, as if it flattered: an iterate does not win by that, only over others of the draft.
    """
    path, rows, drafted = iterates("lbfgs", 9), torch.arange(8), int(9 * draft)
    full, rough = uniform(10, 8, seed=1), uniform(10, 8, seed=2) - 100
    full[:drafted, :4] -= 0.7

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
        iterate = (inputs.detach() - path[:, rows]).norm(dim=2).argmin(dim=0)
        return rugged(inputs, rows)._replace(score=(rough if drafting() else full)[iterate, rows])

    found = descend(objective, uniform(8, 6), steps=9, rule=PACES["lbfgs"], project=own_box, keep="best", draft=draft)
    standing = full.clone()
    standing[:drafted] = 2.0
    if drafted:
        chosen = rough[:drafted].argmin(dim=0)
        standing[chosen, rows] = full[chosen, rows]
    best = standing.argmin(dim=0)
    assert draft == 0 or (0 < (best < drafted).sum() < 8), "some of the draft's stand, some do not"
    torch.testing.assert_close(found, path[best, rows], rtol=0, atol=1e-5)


@rules
@pytest.mark.parametrize(
    ("shape", "step_size"),
    [
        ((1, 8, 8), {"paper": 0.1, "momentum": 0.8, "lbfgs": 0.8}),
        ((3, 32, 32), {"paper": 0.1, "momentum": 3.2, "lbfgs": 3.2}),
        ((3, 4, 16), {"paper": 0.1, "momentum": 0.8, "lbfgs": 0.8}),
        ((3, 224, 224), {"paper": 0.1, "momentum": 22.4, "lbfgs": 22.4}),
    ],
)
def test_a_rule_without_a_size_takes_that_of_the_images(
    name: RuleName, shape: tuple[int, int, int], step_size: dict[RuleName, float]
) -> None:
    assert StepRule(name).sized(shape).step_size == pytest.approx(step_size[name])
    assert StepRule(name, step_size=0.7).sized(shape) == StepRule(name, step_size=0.7)
    sized = StepRule(name, norm="linf", momentum=0.5, memory=3).sized(shape)
    assert (sized.name, sized.norm, sized.momentum, sized.memory) == (name, "linf", 0.5, 3)


@rules
def test_without_a_size_the_first_step_is_that_of_the_images(name: RuleName) -> None:
    """0.1, (1 - 0.9) 0.1 sqrt(64), and at most 0.1 sqrt(64)."""
    start, far = uniform(4, 1, 8, 8), torch.full((1, 8, 8), 50.0)
    found = descend(distance_to(far), start, steps=1, rule=StepRule(name), project=free)
    length = {"paper": 0.1, "momentum": 0.08, "lbfgs": 0.8}[name]
    torch.testing.assert_close((found - start).flatten(1).norm(dim=1), torch.full((4,), length))


@rules
@pytest.mark.parametrize("kept", [[4, 1], [0, 1, 2, 3, 4], [2]], ids=["swapped", "all", "one"])
def test_a_move_goes_on_with_the_images_that_are_taken(name: RuleName, kept: list[int]) -> None:
    """After `take` a move steps as one that has had these images alone, in this order, from the start."""
    points, slopes = uniform(9, 5, 6, seed=1), uniform(9, 5, 6, seed=2) - 0.5
    whole, part = (begin(rule(name, 9.0), (6,), 9) for _ in range(2))
    chosen = torch.tensor(kept)
    for step in range(9):
        if step in (3, 5):
            whole.take(chosen if step == 3 else torch.arange(len(kept)))
        rows = chosen if step >= 3 else torch.arange(5)
        found = whole(points[step, rows], slopes[step, rows], points[step, rows].sum(1), step)
        expected = part(points[step, chosen], slopes[step, chosen], points[step, chosen].sum(1), step)
        torch.testing.assert_close(found if step >= 3 else found[chosen], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("memory", [1, 2, 5])
def test_lbfgs_remembers_so_many_pairs_and_no_more(memory: int) -> None:
    """It steps as one that began where its oldest pair does."""
    points, slopes = uniform(9, 5, 6, seed=1), uniform(9, 5, 6, seed=2) - 0.5
    old, young = (begin(StepRule("lbfgs", 9.0, memory=memory), (6,), 9) for _ in range(2))
    for step in range(9):
        found = old(points[step], slopes[step], points[step].sum(1), step)
        expected = young(points[step], slopes[step], points[step].sum(1), step) if step >= 8 - memory else found
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_pixel_pushed_against_the_wall_counts_for_nothing() -> None:
    """The first step reaches the zero of a linear network by the pixels that can move alone."""
    weight, start = torch.tensor([2.0, -1.0, 1.0, 0.5]), torch.tensor([[0.0, 1.0, 0.4, 0.2], [1.0, 0.0, 0.3, 0.4]])

    def objective(inputs: Tensor, rows: Tensor) -> Evaluation:
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

    def quadratic(inputs: Tensor, rows: Tensor) -> Evaluation:
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
