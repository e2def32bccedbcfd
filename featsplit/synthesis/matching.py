"""D_R and D_NR: images whose representation is that of another image (arXiv:1905.02175, section 3.1, appendix C.2)."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from featsplit import randomness
from featsplit.data.derived import Dtype, as_stored, write_derived
from featsplit.data.images import ImageData, as_inputs
from featsplit.data.shards import Columns
from featsplit.descent import LBFGS, ROUGH, Evaluation, Result, StepRule, minimize
from featsplit.geometry import box, lengths
from featsplit.metadata.plain import as_json
from featsplit.models.classifier import Classifier
from featsplit.records.synthesis import Match, Start
from featsplit.runtime import Frozen, frozen, usual_batch
from featsplit.synthesis.building import Build
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
) -> Tensor:
    """Images in [0, 1] whose representation under `model` is that of `inputs`, found from `starts`; all (N, C, H, W).

    The nearest iterate of each image comes back (arXiv:1905.02175, appendix C.2). `rule` None, `steps` and `tolerance`
    are as in `Match`. The model is used as it is; `runtime.frozen(model)` is faster.
    """
    with torch.no_grad():
        goal = model.representation(inputs)
    return _descend(model, goal, starts, Match(rule or LBFGS(), steps, tolerance)).inputs


def _descend(model: Classifier, goal: Tensor, starts: Tensor, match: Match) -> Result:
    """Images whose representation is `goal` (N, features)."""
    near = (match.tolerance * lengths(goal, "l2")).square()

    def objective(current: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        square = ((model.rough if rough else model).representation(current) - goal[rows]).square().sum(dim=1)
        reached = square.detach()
        return Evaluation(square / 2, reached, reached <= near[rows] if match.tolerance else None)

    sized = match.sized(model.shape)
    assert sized.steps is not None
    return minimize(objective, starts, steps=sized.steps, rule=sized.rule, project=box, keep="best", rough=ROUGH)


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
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen, network, sized = build.images(data), frozen(model, build.machine), match.sized(data.shape)

    def compute(rows: Tensor) -> Columns:
        labels = chosen.labels[rows]
        starts, start_index = _starts(data, rows, match.start, build)
        known = {"labels": labels, "source_index": rows, "source_label": labels, "start_index": start_index}
        return known | _match_batch(network, chosen.inputs(rows), starts, match, dtype=build.dtype)

    parameters = as_json(asdict(sized))
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


def _starts(data: ImageData, rows: Tensor, start: Start, build: Build) -> tuple[Tensor, Tensor]:
    """The start images of `rows` and their indices in the train split (-1 for noise)."""
    seed, stage = build.seed, f"match/{build.split}/{start}"
    if start == "noise":
        noise = randomness.normal(seed, stage, rows, data.shape)
        return (0.5 + 0.25 * noise).clamp(0, 1), torch.full_like(rows, -1)
    if build.split == "test":
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
