"""D_R and D_NR: images whose representation is that of another image (arXiv:1905.02175, section 3.1, appendix C.2)."""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from featsplit import randomness
from featsplit.data.derived import Dtype, as_stored, write_derived
from featsplit.data.images import ImageData, as_inputs
from featsplit.data.shards import Columns
from featsplit.descent import LBFGS, ROUGH, Evaluation, Result, StepRule, minimize
from featsplit.geometry import Norm, box, lengths
from featsplit.metadata.plain import Fields, as_json
from featsplit.models.classifier import Classifier
from featsplit.models.encoder import Cut
from featsplit.records.synthesis import Match, Start
from featsplit.runtime import Frozen, frozen, usual_batch
from featsplit.synthesis.building import Build, SplitName
from featsplit.synthesis.checks import match_warnings
from featsplit.synthesis.specification import specification


def match_representation(
    model: Classifier,
    inputs: Tensor,
    starts: Tensor,
    *,
    steps: int | None = None,
    rule: StepRule | None = None,
    tolerance: float = 0.0,
    bound: float | None = None,
    norm: Norm = "l2",
) -> Tensor:
    """Images in [0, 1] whose representation under `model` is that of `inputs`, found from `starts`; all (N, C, H, W).

    The nearest iterate of each image comes back (arXiv:1905.02175, appendix C.2). `rule` None, `steps`, `tolerance`,
    and the ball of radius `bound` in `norm` around each start, are as in `Match`. The model is used as it is;
    `runtime.frozen(model)` is faster.
    """
    with torch.no_grad():
        goal = model.representation(inputs)
    return _descend(model, goal, starts, Match(rule or LBFGS(), steps, tolerance, bound=bound, bound_norm=norm)).inputs


def _descend(model: Classifier, goal: Tensor, starts: Tensor, match: Match) -> Result:
    """Images whose representation is `goal` (N, features)."""
    near = (match.tolerance * lengths(goal, "l2")).square()

    def objective(current: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        square = ((model.rough if rough else model).representation(current) - goal[rows]).square().sum(dim=1)
        reached = square.detach()
        return Evaluation(square / 2, reached, reached <= near[rows] if match.tolerance else None)

    sized = match.sized(model.shape)
    assert sized.steps is not None
    project = box if match.threat is None else match.threat.ball(starts)
    return minimize(objective, starts, steps=sized.steps, rule=sized.rule, project=project, keep="best", rough=ROUGH)


def build_match(
    path: Path,
    model: Classifier,
    data: ImageData,
    match: Match,
    *,
    build: Build = Build(),
) -> dict[str, float]:
    """Write D_R or D_NR of `split` to `path` by matching `model`'s representation; return the file's summary.

    Starts are drawn from the train split, for each image another one than itself. A build that was cut off goes on at
    its last finished shard. A set that is of little use warns (see `checks`). Raises FeatsplitError where a setting is
    out of its range, `model` does not take the images, or `path` holds anything else, unless `build` overwrites.
    """
    match.check()
    build.check()
    model.expect(data.name, shape=data.shape, classes=len(data.classes) if model.classes else None)
    chosen, network, sized = build.images(data), frozen(model, build.machine), match.sized(data.shape)

    def compute(rows: Tensor) -> Columns:
        labels = chosen.labels[rows]
        starts, start_index = draw_starts(data, rows, start=match.start, split=build.split, seed=build.seed)
        known = {"labels": labels, "source_index": rows, "source_label": labels, "start_index": start_index}
        return known | _match_batch(network, chosen.inputs(rows), starts, match, dtype=build.dtype)

    parameters = {**as_json(sized.plain()), **_cut(model)}
    return write_derived(
        path,
        compute,
        _match_summary,
        total=len(chosen),
        batch_size=build.batch_size or usual_batch(build.machine, data.shape),
        spec=specification(build, data, model, network=network, method="match", parameters=parameters),
        examine=partial(match_warnings, match=sized, dtype=build.dtype),
        made_by=build.made_by,
        overwrite=build.overwrite,
        shard=build.shard,
        only=build.only,
    )


def _cut(model: Classifier) -> Fields:
    """Which layer of the network is matched, where it is not the usual one."""
    return {"layer": model.body.layer, "pool": model.body.pool} if isinstance(model.body, Cut) else {}


def draw_starts(
    data: ImageData, rows: Tensor, *, start: Start = "image", split: SplitName = "train", seed: int = 0
) -> tuple[Tensor, Tensor]:
    """The images that matching starts from for the images at `rows` (n,) of `split`, as `build_match` draws them.

    (n, C, H, W) in [0, 1], and their indices in the train split, (n,): -1 for noise. An image is never its own start.
    They derive from (seed, index) alone.
    """
    stage = f"match/{split}/{start}"
    if start == "noise":
        noise = randomness.normal(seed, stage, rows, data.shape)
        return (0.5 + 0.25 * noise).clamp(0, 1), torch.full_like(rows, -1)
    if split == "test":
        index = randomness.integers(seed, stage, rows, len(data.train))
    else:
        index = randomness.integers(seed, stage, rows, len(data.train) - 1)
        index = index + (index >= rows)
    return data.train.inputs(index), index


def _match_batch(network: Frozen, inputs: Tensor, starts: Tensor, match: Match, *, dtype: Dtype) -> Columns:
    device = network.mean.device
    inputs, starts = inputs.to(device), starts.to(device)
    with torch.no_grad():
        goal = network.representation(inputs)
    matched, calls = _descend(network, goal, starts, match)
    stored = as_stored(matched, dtype)
    with torch.no_grad():
        far, near, kept = (
            lengths(network.representation(images) - goal, "l2") for images in (starts, matched, as_inputs(stored))
        )
    columns = {"start_distance": far, "distance": near, "distance_stored": kept, "goal_length": lengths(goal, "l2")}
    return {name: column.cpu() for name, column in (columns | {"images": stored, "runs": calls}).items()}


def _match_summary(columns: Columns) -> dict[str, float]:
    """Medians of the distances in the representation; relative to the length of the goal, before and as stored."""
    goal = columns["goal_length"].clamp_min(1e-12)
    return {
        "start_distance": float(columns["start_distance"].median()),
        "distance": float(columns["distance"].median()),
        "relative_distance": float((columns["distance"] / goal).median()),
        "relative_distance_stored": float((columns["distance_stored"] / goal).median()),
        "runs": float(columns["runs"].float().mean()),
    }
