r"""How far an adversary moves each layer, next to how far apart images lie there.

    R(f) = E max over ||delta|| <= eps of ||f(x + delta) - f(x)|| / E ||f(x1) - f(x2)||

for f the output of a layer (Nakano 2019, in the discussion of the paper, distill.pub/2019/advex-bugs-discussion). At 1
the adversary moves an image as far as another image lies from it; the network amplifies where R grows with depth.
"""

import copy
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from featsplit.data.images import Split
from featsplit.data.selection import limit_split
from featsplit.descent import Evaluation, descend_in_ball
from featsplit.geometry import lengths
from featsplit.models.classifier import Classifier, tensor_in
from featsplit.models.encoder import inner
from featsplit.progress import progress
from featsplit.records.evaluation import Attack, Probe
from featsplit.rows import Row
from featsplit.runtime import CPU, Machine, batches, usual_batch

Outputs = dict[str, Tensor]


class LayerRow(Row, total=False):
    """A `layer` at its `depth`, and its `ratio` R, on as many images as were `attacked`."""

    network: str
    layer: str
    depth: int
    ratio: float
    attacked: int


def layer_robustness(
    model: Classifier,
    split: Split,
    probe: Probe = Probe(),
    *,
    classes: int | None = None,
    seed: int = 0,
    machine: Machine = CPU,
) -> list[LayerRow]:
    """A row for each layer of the network, in order: its `ratio` R, on the images of `split` that the `probe` chooses.

    The layers are the parts of the body that hold layers of their own, and its activations; then the representation and
    the logits. Of an encoder the body is the network up to its layer, and there are no logits; `classes` says how many
    the images have, None: as many as there are logits. PGD from a random point of the ball, since the distance has no
    gradient at the image itself, with steps of eps: where a layer is linear these are power iterations, which smaller
    steps slow down. Raises FeatsplitError where these images are fewer than the classes.
    """
    attack = probe.attack(step_size=probe.eps)
    few = limit_split(split, probe.images, classes=classes or model.classes, seed=seed, place="images")
    network = copy.deepcopy(model).eval().requires_grad_(False).to(machine.device)
    moved, seen = dict[str, float](), _watched(network)
    with torch.no_grad():
        inputs = few.inputs().to(machine.device)
        before = _outputs(network, inputs, seen)
        for rows in progress(batches(len(few), usual_batch(machine, model.shape)), "layers"):
            offsets = attack.threat.random_offsets(rows, model.shape, seed=seed, stage="layers").to(machine.device)
            for name in before:
                clean = before[name][rows]
                far = _furthest(network, seen, name, attack, inputs=inputs[rows], offsets=offsets, before=clean)
                after = _outputs(network, far, seen)[name]
                moved[name] = moved.get(name, 0.0) + float(lengths(after - clean, "l2").sum())
        apart = {name: _apart(values) for name, values in before.items()}
    shared = cast(LayerRow, {**attack.fields(), "attacked": len(few), "seed": seed})
    return [
        {"layer": name, "depth": depth, "ratio": moved[name] / len(few) / max(apart[name], 1e-30), **shared}
        for depth, name in enumerate(before)
    ]


def _watched(network: Classifier) -> Outputs:
    """A dict into which every layer of the body that counts leaves its output, by its name, whenever it runs."""
    seen: Outputs = {}

    def leave(name: str, layer: nn.Module, inputs: object, output: object) -> None:
        found = tensor_in(output)
        if isinstance(found, Tensor):
            seen[name] = found

    counted = [
        (f"{name} {type(layer).__name__.strip('_')}", layer)
        for name, layer in inner(network).named_children()
        if next(layer.children(), None) is not None or isinstance(layer, nn.ReLU)
    ]
    for name, layer in counted:
        layer.register_forward_hook(partial(leave, name))
    return seen


def _outputs(network: Classifier, inputs: Tensor, seen: Outputs) -> Outputs:
    """What each layer that is watched makes of `inputs`; then the representation and the logits; (N, size) each."""
    seen.clear()
    representation = network.representation(inputs)
    outputs = {**seen, "representation": representation}
    if network.classes:
        outputs["logits"] = network.head(representation)
    return {name: output.flatten(1) for name, output in outputs.items()}


def _furthest(
    network: Classifier, seen: Outputs, name: str, attack: Attack, *, inputs: Tensor, offsets: Tensor, before: Tensor
) -> Tensor:
    """The inputs in the ball whose output of layer `name` PGD finds furthest from `before`."""

    def objective(current: Tensor, rows: Tensor, *, rough: bool) -> Evaluation:
        away = -lengths(_outputs(network, current, seen)[name] - before[rows], "l2")
        return Evaluation(away, away)

    steps, step_size = attack.plan()
    return descend_in_ball(
        objective, inputs, attack.threat, steps=steps, step_size=step_size, offsets=offsets, keep="best"
    )


def _apart(values: Tensor) -> float:
    """The mean distance between two different rows of `values`, (N, size)."""
    count = len(values)
    distances = torch.cdist(
        values, values, compute_mode="donot_use_mm_for_euclid_dist"
    )  # products would lose the small
    return float(distances.sum() / max(count * (count - 1), 1))
