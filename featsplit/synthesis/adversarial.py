r"""Adversarial images as a data set: for each image the nearest input that the network predicts as something else.

    x' = argmin ||x' - x||   where the network predicts another class than y, or the target t

by one of the minimum-norm attacks (`attacks`). The labels stay those of the images; distance, target and what the
network predicts are columns beside them.
"""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from featsplit import randomness
from featsplit.attacks import find, rounded
from featsplit.data.derived import as_stored, write_derived
from featsplit.data.images import ImageData, as_inputs
from featsplit.data.shards import Columns
from featsplit.errors import FeatsplitError
from featsplit.metadata.plain import as_json
from featsplit.models.classifier import Classifier
from featsplit.records.minimum_norm import Aim, MinimumNorm
from featsplit.runtime import Frozen, frozen, usual_batch
from featsplit.synthesis.building import Build
from featsplit.synthesis.checks import adversarial_warnings
from featsplit.synthesis.specification import specification


def build_adversarial(
    path: Path,
    model: Classifier,
    data: ImageData,
    attack: MinimumNorm,
    *,
    aim: Aim = "untargeted",
    repair: bool = False,
    build: Build = Build(),
) -> dict[str, float]:
    """Write the nearest adversarial images of a split that `attack` finds to `path`; return the file's summary.

    A row for each image, or with the aim "all" one for each of its K - 1 targets, image by image. Where the attack
    fails the image is the original, at distance infinity. The attack runs in float32 whatever the precision of the
    build; what `dtype` rounds is predicted again (`prediction_stored`), and with `repair`, for uint8 alone, changed in
    single components until it is adversarial again (`attacks.rounded`); distances are those before. A build that was
    cut off goes on at its last finished shard. Raises FeatsplitError where a setting is out of its range, `model` does
    not take the images, or `path` holds anything else, unless `build` overwrites.
    """
    attack.check()
    attack.check_aim(aim, "targets")
    build.check()
    if repair and build.dtype != "uint8":
        raise FeatsplitError(f'repair = True: dtype "{build.dtype}" is not rounded to 255ths; only "uint8" is')
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen, network = build.images(data), frozen(model, build.machine.exact)
    each = len(data.classes) - 1 if aim == "all" else 1

    def compute(rows: Tensor) -> Columns:
        images = rows // each
        labels, inputs = chosen.labels[images], chosen.inputs(images)
        known = {"labels": labels, "source_index": images, "source_label": labels}
        if aim != "untargeted":
            known["target"] = _targets(network, inputs, labels, rows % each + 1, images, aim=aim, seed=build.seed)
        return known | _found(network, inputs, labels, attack, targets=known.get("target"), build=build, repair=repair)

    parameters = as_json({**asdict(attack), "steps": attack.taken, "targets": aim, "repair": repair})
    spec = specification(
        build, data, model, network=network, method="attack", parameters=parameters, drawn=aim == "random"
    )
    return write_derived(
        path,
        compute,
        _summary,
        total=len(chosen) * each,
        batch_size=build.batch_size or usual_batch(build.machine, data.shape),
        spec=spec,
        examine=partial(adversarial_warnings, attack=attack, dtype=build.dtype),
        made_by=build.made_by,
        overwrite=build.overwrite,
        shard=build.shard,
        only=build.only,
    )


def _targets(
    network: Frozen, inputs: Tensor, labels: Tensor, shifts: Tensor, images: Tensor, *, aim: Aim, seed: int
) -> Tensor:
    """The class that each image is to be predicted as, (N,) int64."""
    classes = network.classes
    if aim == "least-likely":
        with torch.no_grad():
            logits: Tensor = network(inputs.to(network.mean.device))
        return logits.argmin(dim=1).cpu()
    if aim == "random":
        shifts = 1 + randomness.integers(seed, "attack/target", images, classes - 1)
    return (labels + shifts) % classes


def _found(
    network: Frozen,
    inputs: Tensor,
    labels: Tensor,
    attack: MinimumNorm,
    *,
    targets: Tensor | None,
    build: Build,
    repair: bool,
) -> Columns:
    """What the attack finds, as it is stored, and what the network predicts of it."""
    device, targeted = network.mean.device, targets is not None
    goal = (labels if targets is None else targets).to(device)
    found = find(network, inputs.to(device), goal, attack, targeted=targeted)
    images, calls = found.inputs, found.calls
    if repair:
        mended = rounded(network, found.inputs, goal, targeted=targeted)
        images, calls = mended.inputs, calls + mended.calls
    stored = as_stored(images, build.dtype)
    with torch.no_grad():
        predicted, kept = (network(images).argmax(dim=1) for images in (found.inputs, as_inputs(stored)))
    columns = {
        "images": stored,
        "distance": found.distance,
        "success": found.success,
        "calls": calls,
        "prediction": predicted,
        "prediction_stored": kept,
    }
    return {name: column.cpu() for name, column in columns.items()}


def _summary(columns: Columns) -> dict[str, float]:
    """How often the attack won, before and as stored; how far it had to go; and how often it called the network."""
    success, distance = columns["success"], columns["distance"]
    goal = columns.get("target")
    fooled = columns["prediction_stored"] != columns["labels"] if goal is None else columns["prediction_stored"] == goal
    summary = {"success": float(success.float().mean()), "success_stored": float(fooled.float().mean())}
    if bool(success.any()):
        summary["mean_distance"] = float(distance[success].mean())
    if bool(distance.median().isfinite()):
        summary["median_distance"] = float(distance.median())
    return summary | {"calls": float(columns["calls"].float().mean())}
