"""How near the nearest adversarial input of each image is; and from that, the accuracy at every eps.

An image is robust at eps where its nearest adversarial input is further away. One that is predicted wrongly as it is
has distance 0, one for which an attack finds nothing infinity; so no failure flatters the median over all images.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from featsplit.attacks import Nearest, find
from featsplit.data.images import Split
from featsplit.models.classifier import Classifier
from featsplit.outcomes import packed, packed_numbers
from featsplit.progress import progress
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.rows import Row
from featsplit.runtime import CPU, Machine, batches, frozen, usual_batch


def distance_rows(
    model: Classifier,
    split: Split,
    attack: MinimumNorm,
    *,
    seed: int = 0,
    batch_size: int | None = None,
    machine: Machine = CPU,
    title: str = "distance",
) -> list[Row]:
    """The distances that `attack` finds on `split`, as a row; and a row of the accuracy at each eps of `attack`.

    Untargeted, in float32 whatever the machine's precision. `seed` is told in the rows; nothing is drawn by it. Raises
    FeatsplitError where the attack is out of range.
    """
    attack.check()
    network, size = frozen(model, machine.exact), batch_size or usual_batch(machine, model.shape)
    own = machine.ranks.own(torch.arange(len(split)))
    distances, calls = torch.zeros(len(split)), torch.zeros(len(split), dtype=torch.int64)
    for batch in progress(batches(len(own), size), f"{title} {attack.name} {attack.norm}"):
        distances[own[batch]], calls[own[batch]] = _found(network, split.take(own[batch]), attack, machine)
    machine.ranks.joined((distances, calls), torch.arange(len(split)), own)
    first: Row = {**attack.fields(), "n": len(split), "seed": seed}
    found = distances.isfinite()
    median = float(distances.median())
    whole: Row = {
        **first,
        "accuracy": 1 - float(found.float().mean()),
        "outcomes": packed(~found),
        "distances": packed_numbers(distances),
        "distance": median if math.isfinite(median) else None,
        "mean_distance": float(distances[found].mean()) if bool(found.any()) else None,
        "success": float(found.float().mean()),
        "calls": float(calls.float().mean()),
    }
    return [whole, *at_each(first, distances, attack.eps)]


def at_each(first: Row, distances: Tensor, eps: Sequence[float]) -> list[Row]:
    """A row like `first` of the accuracy at each eps: an image is right where its distance (N,) is above it."""
    held = {radius: distances > radius for radius in eps}
    return [
        {**first, "eps": radius, "accuracy": float(right.float().mean()), "outcomes": packed(right)}
        for radius, right in held.items()
    ]


def _found(network: Classifier, split: Split, attack: MinimumNorm, machine: Machine) -> tuple[Tensor, Tensor]:
    """Distances and calls of the images of `split`, on the CPU."""
    inputs, labels = split.inputs().to(machine.device), split.labels.to(machine.device)
    found: Nearest = find(network, inputs, labels, attack)
    return found.distance.cpu(), found.calls.cpu()
