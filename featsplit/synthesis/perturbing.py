"""D_rand and D_det: images relabelled, and moved to where a standard network agrees (arXiv:1905.02175, section 3.2)."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit import randomness
from featsplit.attacks import classification, cross_entropy
from featsplit.data.derived import as_stored, write_derived
from featsplit.data.images import ImageData, as_inputs
from featsplit.data.shards import Columns
from featsplit.descent import ROUGH, Evaluation, descend_in_ball
from featsplit.geometry import Norm, Threat, lengths
from featsplit.metadata.plain import as_json
from featsplit.models.checkpoints import state_digest
from featsplit.models.classifier import Classifier
from featsplit.records.synthesis import Perturb
from featsplit.runtime import Frozen, Machine, frozen, usual_batch
from featsplit.synthesis.building import Build
from featsplit.synthesis.checks import perturb_warnings
from featsplit.synthesis.specification import specification

COLUMNS = 2
"""What is measured of each image; a file that holds less is made again."""


def perturb_to_target(
    model: Classifier,
    inputs: Tensor,
    targets: Tensor,
    *,
    norm: Norm,
    eps: float,
    steps: int,
    step_size: float,
    labels: Tensor | None = None,
    ensemble: Sequence[Classifier] = (),
) -> Tensor:
    """`inputs` moved inside their eps-ball to where `model` predicts `targets` (arXiv:1905.02175, appendix C.3).

    Targeted PGD without a random start; the last iterate comes back, as in the paper. With an `ensemble` of other
    networks the objective is J(f, x, t) + mean_i J(f_i, x, y), y being the `labels`: perturbations that fool `model`
    and do not transfer (Nakkiran 2019, "Adversarial examples are just bugs, too", in the discussion of the paper,
    distill.pub/2019/advex-bugs-discussion).
    """
    towards = classification(model, targets, targeted=True)

    def objective(current: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        evaluation = towards(current, rows, rough=rough)
        if labels is None or not ensemble:
            return evaluation
        networks = [other.rough if rough else other for other in ensemble]
        kept = [cross_entropy(network(current).float(), labels[rows]) for network in networks]
        return Evaluation(evaluation.loss + torch.stack(kept).mean(dim=0), evaluation.score)

    return descend_in_ball(objective, inputs, Threat(norm, eps), steps=steps, step_size=step_size, rough=ROUGH)


def build_perturb(
    path: Path,
    model: Classifier,
    data: ImageData,
    perturb: Perturb,
    *,
    control: Classifier | None = None,
    ensemble: Sequence[Classifier] = (),
    build: Build = Build(),
) -> dict[str, float]:
    """Write D_rand or D_det of `split` to `path`, perturbing against `model`; return the file's summary.

    `control` is a robust network whose reading of each image is stored before and after: the share on which it reads
    the new label says how far robust features leaked (the paper's appendix D.6). With an `ensemble` the perturbations
    are those that do not transfer (see `perturb_to_target`). The rest as in `build_match`.
    """
    perturb.check()
    build.check()
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen, network = build.images(data), frozen(model, build.machine)
    robust_control = None if control is None else frozen(control, Machine(build.machine.device))
    others = [frozen(other, build.machine) for other in ensemble]

    def compute(rows: Tensor) -> Columns:
        labels = chosen.labels[rows]
        targets = choose_targets(labels, rows, perturb, classes=len(data.classes), seed=build.seed)
        known = {"labels": targets, "source_index": rows, "source_label": labels, "target": targets}
        perturbed = _perturbed(network, others, chosen.inputs(rows), targets, labels, perturb)
        stored = as_stored(perturbed, build.dtype)
        return known | _measured(network, robust_control, chosen.inputs(rows), perturbed, stored, targets, perturb.norm)

    robust = build.made_by is not None and build.made_by.kind == "adversarial"
    parameters = as_json(asdict(perturb))
    spec = replace(
        specification(build, data, model, network=network, method="perturb", parameters=parameters),
        control_digest=None if control is None else state_digest(control),
        ensemble_digests=tuple(state_digest(other) for other in ensemble),
        columns_format=COLUMNS,
    )
    return write_derived(
        path,
        compute,
        _perturb_summary,
        total=len(chosen),
        batch_size=build.batch_size or usual_batch(build.machine, data.shape),
        spec=spec,
        examine=partial(perturb_warnings, perturb=perturb, dtype=build.dtype, robust=robust),
        made_by=build.made_by,
        overwrite=build.overwrite,
        shard=build.shard,
        only=build.only,
    )


def _perturb_summary(columns: Columns) -> dict[str, float]:
    """Shares of the images that are read as their new label: by the source model, and by the robust control."""

    def share(name: str) -> float:
        return float((columns[name] == columns["target"]).float().mean())

    summary = {
        "success": share("prediction"),
        "success_stored": share("prediction_stored"),
        "confidence": float(columns["confidence"].mean()),
        "confidence_stored": float(columns["confidence_stored"].mean()),
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


def _perturbed(
    network: Classifier, ensemble: list[Frozen], inputs: Tensor, targets: Tensor, labels: Tensor, perturb: Perturb
) -> Tensor:
    """`inputs` perturbed to `targets`, on the network's device."""
    device = network.mean.device
    return perturb_to_target(
        network,
        inputs.to(device),
        targets.to(device),
        norm=perturb.norm,
        eps=perturb.eps,
        steps=perturb.steps,
        step_size=perturb.step_size,
        labels=labels.to(device),
        ensemble=ensemble,
    )


def _measured(
    network: Classifier,
    control: Classifier | None,
    inputs: Tensor,
    perturbed: Tensor,
    stored: Tensor,
    targets: Tensor,
    norm: Norm,
) -> Columns:
    """The images as they are `stored`, and what the network, and the `control`, predict of them."""
    inputs, targets = inputs.to(perturbed.device), targets.to(perturbed.device)
    kept = as_inputs(stored)
    with torch.no_grad():
        columns = {"images": stored, "perturbation": lengths(perturbed - inputs, norm)}
        for images, when in ((perturbed, ""), (kept, "_stored")):
            logits = network(images)
            columns[f"prediction{when}"] = logits.argmax(1)
            columns[f"confidence{when}"] = F.softmax(logits, dim=1).gather(1, targets[:, None])[:, 0]
        if control is not None:
            columns["control_before"] = control(inputs).argmax(1)
            columns["control_after"] = control(kept).argmax(1)
    return {name: column.cpu() for name, column in columns.items()}
