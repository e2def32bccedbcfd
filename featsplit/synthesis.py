r"""The derived data sets: representation matching, and relabel-and-perturb.

    D_R, D_NR       x' = argmin over z in [0, 1]^d of ||g(z) - g(x)||_2, from another image   (arXiv:1905.02175, eq. 6)
    D_rand, D_det   x' = argmin over ||x' - x|| <= eps of J(x', t), labelled t                (eq. 7)

with g the representation of an adversarially trained network (D_R) or of a standard one (D_NR), and t a random class or
the next one. `match_representation` and `perturb_to_target` do this to a batch; `build_match` and `build_perturb` to a
whole split, into a file.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit import randomness
from featsplit.attacks import classification
from featsplit.data.derived import Columns, Dtype, as_stored, check_dtype, write_derived
from featsplit.data.images import ImageData, as_inputs
from featsplit.errors import FeatsplitError, unknown
from featsplit.geometry import Norm, ball, box, check_threat, lengths
from featsplit.models.checkpoints import state_digest, versions
from featsplit.models.classifier import Classifier
from featsplit.optimize import Evaluation, StepRule, minimize
from featsplit.runtime import frozen

Start = Literal["image", "noise"]
Targets = Literal["random", "next"]


@dataclass(frozen=True)
class Match:
    """How representations are matched; the defaults are the paper's (Table 5): 1000 normalised steps of 0.1.

    `start`: another training image whatever its label, or Gaussian "noise" (mean 0.5, deviation 0.25, clipped).
    """

    rule: StepRule = field(default_factory=StepRule)
    steps: int = 1000
    start: Start = "image"

    def check(self, place: str = "match") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        self.rule.check(place)
        if self.steps < 1:
            raise FeatsplitError(f"{place}.steps = {self.steps}: must be at least 1")
        if self.start not in get_args(Start):
            raise unknown(f"{place}.start", self.start, get_args(Start))


@dataclass(frozen=True)
class Perturb:
    """How images are perturbed to a target; the defaults are the paper's (Table 6): l2, eps 0.5, 100 steps of 0.1.

    `targets`: "random", uniform over all classes and so at times the image's own unless `exclude_own_label`, or "next",
    (y + 1) mod K.
    """

    targets: Targets = "random"
    exclude_own_label: bool = False
    norm: Norm = "l2"
    eps: float = 0.5
    steps: int = 100
    step_size: float = 0.1

    def check(self, place: str = "perturb") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_threat(place, self.norm, self.eps)
        if self.targets not in get_args(Targets):
            raise unknown(f"{place}.targets", self.targets, get_args(Targets))
        if self.steps < 1:
            raise FeatsplitError(f"{place}.steps = {self.steps}: must be at least 1")
        if not self.step_size > 0:
            raise FeatsplitError(f"{place}.step_size = {self.step_size:g}: must be greater than 0")


def match_representation(
    model: Classifier, inputs: Tensor, starts: Tensor, *, steps: int = 1000, rule: StepRule | None = None
) -> Tensor:
    """Images in [0, 1] whose representation under `model` is that of `inputs`, found from `starts`; all (N, C, H, W).

    The nearest iterate of each image comes back. `rule` None is the paper's (arXiv:1905.02175, appendix C.2).
    """
    with torch.no_grad():
        goal = model.representation(inputs)

    def objective(current: Tensor) -> Evaluation:
        square = (model.representation(current) - goal).square().sum(dim=1)
        return Evaluation(square / 2, square.detach())

    return minimize(objective, starts, steps=steps, rule=rule or StepRule(), project=box, keep="best")


def perturb_to_target(
    model: Classifier, inputs: Tensor, targets: Tensor, *, norm: Norm, eps: float, steps: int, step_size: float
) -> Tensor:
    """`inputs` moved inside their eps-ball to where `model` reads `targets` (arXiv:1905.02175, appendix C.3).

    Targeted PGD without a random start; the last iterate comes back, as in the paper.
    """
    rule = StepRule("paper", step_size=step_size, norm=norm)
    objective = classification(model, targets, targeted=True)
    return minimize(objective, inputs, steps=steps, rule=rule, project=ball(inputs, norm, eps))


def build_match(
    path: Path,
    model: Classifier,
    data: ImageData,
    match: Match,
    *,
    split: Literal["train", "test"] = "train",
    seed: int = 0,
    dtype: Dtype = "float32",
    batch_size: int = 128,
    device: torch.device | str = "cpu",
    story: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> dict[str, float]:
    """Write D_R or D_NR of `split` to `path` by matching `model`'s representation; return the file's summary.

    Starts are drawn from the train split, for each image another one than itself. `story` (JSON values) joins the
    file's description. A build that was cut off goes on at its last finished shard.
    """
    match.check()
    check_dtype(dtype)
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen = data.train if split == "train" else data.test
    network = frozen(model, device)

    def compute(rows: Tensor) -> Columns:
        labels = chosen.labels[rows]
        starts, start_index = _starts(data, rows, match.start, split=split, seed=seed)
        told = {"labels": labels, "source_index": rows, "source_label": labels, "start_index": start_index}
        return told | _match_batch(network, chosen.inputs(rows), starts, match, dtype=dtype)

    spec = _spec(data, model, {"match": asdict(match)}, split=split, seed=seed, dtype=dtype, story=story)
    return write_derived(
        path, compute, _match_summary, total=len(chosen), batch_size=batch_size, spec=spec, overwrite=overwrite
    )


def _spec(data: ImageData, model: Classifier, method: dict[str, Any], **more: Any) -> dict[str, Any]:
    """All that decides what a derived file holds, as JSON values."""
    story = more.pop("story") or {}
    source = {"source": dict(data.origin), "source_name": data.name, "source_digest": data.digest}
    shared = {"classes": list(data.classes), "model_digest": state_digest(model), "versions": versions()}
    return {"method": next(iter(method)), **method, **more, **source, **shared, **story}


def _match_summary(columns: Columns) -> dict[str, float]:
    """Medians of the distances in the representation; relative to the length of the goal, before and as stored."""
    goal = columns["goal_length"].clamp_min(1e-12)
    return {
        "start_distance": float(columns["start_distance"].median()),
        "distance": float(columns["distance"].median()),
        "relative_distance": float((columns["distance"] / goal).median()),
        "relative_distance_stored": float((columns["distance_stored"] / goal).median()),
    }


def _starts(data: ImageData, rows: Tensor, start: Start, *, split: str, seed: int) -> tuple[Tensor, Tensor]:
    """The start images of `rows` and their indices in the train split (-1 for noise)."""
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


def _match_batch(network: Classifier, inputs: Tensor, starts: Tensor, match: Match, *, dtype: Dtype) -> Columns:
    device = network.mean.device
    inputs, starts = inputs.to(device), starts.to(device)
    found = match_representation(network, inputs, starts, steps=match.steps, rule=match.rule)
    stored = as_stored(found, dtype)
    with torch.no_grad():
        goal = network.representation(inputs)
        far, near, kept = (
            lengths(network.representation(images) - goal, "l2") for images in (starts, found, as_inputs(stored))
        )
    columns = {"start_distance": far, "distance": near, "distance_stored": kept, "goal_length": lengths(goal, "l2")}
    return {name: column.cpu() for name, column in (columns | {"images": stored}).items()}


def build_perturb(
    path: Path,
    model: Classifier,
    data: ImageData,
    perturb: Perturb,
    *,
    control: Classifier | None = None,
    split: Literal["train", "test"] = "train",
    seed: int = 0,
    dtype: Dtype = "float32",
    batch_size: int = 128,
    device: torch.device | str = "cpu",
    story: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> dict[str, float]:
    """Write D_rand or D_det of `split` to `path`, perturbing against `model`; return the file's summary.

    `control` is a robust network whose reading of each image is stored before and after: the share on which it reads
    the new label says how far robust features leaked (the paper's appendix D.6). The rest as in `build_match`.
    """
    perturb.check()
    check_dtype(dtype)
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen = data.train if split == "train" else data.test
    network = frozen(model, device)
    judge = None if control is None else frozen(control, device)

    def compute(rows: Tensor) -> Columns:
        labels = chosen.labels[rows]
        targets = choose_targets(labels, rows, perturb, classes=len(data.classes), seed=seed)
        told = {"labels": targets, "source_index": rows, "source_label": labels, "target": targets}
        return told | _perturb_batch(network, judge, chosen.inputs(rows), targets, perturb, dtype=dtype)

    told = None if control is None else state_digest(control)
    method = {"perturb": asdict(perturb), "control_digest": told}
    spec = _spec(data, model, method, split=split, seed=seed, dtype=dtype, story=story)
    return write_derived(
        path, compute, _perturb_summary, total=len(chosen), batch_size=batch_size, spec=spec, overwrite=overwrite
    )


def _perturb_summary(columns: Columns) -> dict[str, float]:
    """Shares of the images that are read as their new label: by the source model, and by the robust control."""

    def share(name: str) -> float:
        return float((columns[name] == columns["target"]).float().mean())

    summary = {
        "success": share("prediction"),
        "success_stored": share("prediction_stored"),
        "confidence": float(columns["confidence"].mean()),
        "own_label": share("source_label"),
        "perturbation": float(columns["perturbation"].median()),
    }
    return summary | {name: share(name) for name in ("control_before", "control_after") if name in columns}


def choose_targets(labels: Tensor, rows: Tensor, perturb: Perturb, *, classes: int, seed: int) -> Tensor:
    """The new label of each image, (N,) int64: uniform (own label in or out), or the next class."""
    if perturb.targets == "next":
        return (labels + 1) % classes
    stage = "perturb/target"
    if not perturb.exclude_own_label:
        return randomness.integers(seed, stage, rows, classes)
    return (labels + 1 + randomness.integers(seed, stage, rows, classes - 1)) % classes


def _perturb_batch(
    network: Classifier,
    judge: Classifier | None,
    inputs: Tensor,
    targets: Tensor,
    perturb: Perturb,
    *,
    dtype: Dtype,
) -> Columns:
    inputs, targets = inputs.to(network.mean.device), targets.to(network.mean.device)
    found = perturb_to_target(
        network,
        inputs,
        targets,
        norm=perturb.norm,
        eps=perturb.eps,
        steps=perturb.steps,
        step_size=perturb.step_size,
    )
    stored = as_stored(found, dtype)
    kept = as_inputs(stored)
    with torch.no_grad():
        logits = network(found)
        columns = {
            "images": stored,
            "prediction": logits.argmax(1),
            "prediction_stored": network(kept).argmax(1),
            "confidence": F.softmax(logits, dim=1).gather(1, targets[:, None])[:, 0],
            "perturbation": lengths(found - inputs, perturb.norm),
        }
        if judge is not None:
            columns["control_before"] = judge(inputs).argmax(1)
            columns["control_after"] = judge(kept).argmax(1)
    return {name: column.cpu() for name, column in columns.items()}
