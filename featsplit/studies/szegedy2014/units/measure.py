r"""How alike the images are that point furthest in a direction of a layer: of single units, and of random ones.

The source looks at the images I of largest <phi(x), v> for v a unit vector e_i, and for v random, and finds both alike.
Here it is counted: the `purity` of the TOP images, the share of their commonest label, and the mean `cosine` of two of
them, pixels centred. A ReLU that is always 0 is no direction, and left out.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from featsplit.data.images import Split
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Worker
from featsplit.files import nothing_written_since
from featsplit.models import Classifier
from featsplit.models.checkpoints import state_digest
from featsplit.randomness import torch_generator
from featsplit.runtime import batches, predict
from featsplit.studies.szegedy2014.convolutional import network, untrained
from featsplit.studies.szegedy2014.rows import Basis, SzegedyRow
from featsplit.studies.szegedy2014.stages import Place, Stages

TOP = 8
"""How many images of each direction are looked at, as in the source's figures."""
DEAD = 1e-6
"""The standard deviation up to which a unit says nothing."""
FLAT = 1e-6
"""The share of the largest variance up to which a direction of a layer is none, when it is whitened."""
AT_MOST = 2000
"""Of the test images, those whose outputs are looked at."""
PIXELS = "pixels"
"""The layer before all others: the image itself."""


class Found(NamedTuple):
    """Of each direction (n,): the purity and the mean cosine of its images, whose `rows` are (n, TOP)."""

    purity: Tensor
    cosine: Tensor
    rows: Tensor


@dataclass(frozen=True)
class MeasureUnits:
    """Compare the units of each layer with random directions, in the trained network and before it is trained."""

    place: Place

    def __call__(self, worker: Worker) -> Sequence[SzegedyRow]:
        """A row of each layer and basis."""
        began, stages, settings = time.perf_counter(), Stages(worker, self.place), self.place.settings
        model = network(stages, "standard")
        depends_on = {"model": state_digest(model), "data": stages.convolutional_data.digest, "seed": self.place.seed}
        depends_on |= {"directions": settings.directions, "top": TOP, "at_most": AT_MOST}
        rows = kept_rows(stages.folder / "units.json", depends_on, lambda: self._rows(stages, model))
        last = {row["basis"]: row["purity"] for row in rows if row["layer"] == "representation"}
        figures = f"purity: units {last['units']:.3f}, random {last['random']:.3f}"
        worker.tell(
            stages.folder,
            f"seed {self.place.seed}",
            "units",
            began=began,
            figures=figures,
            kept=nothing_written_since(began),
        )
        return rows

    def _rows(self, stages: Stages, model: Classifier) -> list[SzegedyRow]:
        split, seed, count = looked_at(stages), stages.seed, stages.settings.directions
        shown = Shown.of(split)
        right = float((predict(model, split) == split.labels).float().mean())
        about: SzegedyRow = {"experiment": "units", "train_set": "source", "training": "standard", "split": "test"}
        about |= {"seed": seed, "accuracy": right}
        trained, before = layer_outputs(model, split), layer_outputs(untrained(stages), split)
        rows = [
            {**about, **row}
            for depth, (layer, values) in enumerate(trained.items())
            for row in layer_rows(shown, values, layer, depth=depth, seed=seed, count=count)
        ]
        rows += [
            {**about, "basis": f"{row['basis']}, untrained", **{k: v for k, v in row.items() if k != "basis"}}
            for depth, (layer, values) in enumerate(before.items())
            if depth
            for row in layer_rows(shown, values, layer, depth=depth, seed=seed, count=count)
            if row["basis"] in ("units", "random")
        ]
        drawn = torch.randint(len(split), (count, TOP), generator=torch_generator(seed, "szegedy2014/images"))
        return [
            cast(SzegedyRow, row) for row in (*rows, {**about, **_row("images", shown.of_rows(drawn), "none", depth=0)})
        ]


class Shown:
    """The images (N, pixels) that are compared, centred and of length 1, with their labels (N,)."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    @classmethod
    def of(cls, split: Split) -> "Shown":
        """Those of `split`."""
        flat = split.inputs().flatten(1)
        centred = flat - flat.mean(dim=0)
        return cls(centred / centred.norm(dim=1, keepdim=True).clamp_min(1e-12), split.labels)

    def of_scores(self, scores: Tensor) -> Found:
        """The images of largest score (N, n) of each of n directions."""
        return self.of_rows(scores.topk(min(TOP, len(scores)), dim=0).indices.T)

    def of_rows(self, rows: Tensor) -> Found:
        """The same of given `rows` (n, TOP)."""
        counts = nn.functional.one_hot(self.labels[rows]).sum(dim=1)
        purity = counts.amax(dim=1).float() / rows.shape[1]
        images = self.images[rows]
        pairs = rows.shape[1] * (rows.shape[1] - 1)
        together = images.sum(dim=1).square().sum(dim=1) - images.square().sum(dim=(1, 2))
        return Found(purity, together / max(pairs, 1), rows)


def looked_at(stages: Stages) -> Split:
    """The test images whose outputs are looked at."""
    test = stages.convolutional_data.test
    order = torch.randperm(len(test), generator=torch_generator(stages.seed, "szegedy2014/units/images"))
    return test.take(order[:AT_MOST].sort().values)


def layer_outputs(model: Classifier, split: Split) -> dict[str, Tensor]:
    """The images themselves, the output of each ReLU of `model`, and its representation: (N, size) each, by name."""
    seen: dict[str, Tensor] = {}
    layers = [layer for layer in model.modules() if isinstance(layer, nn.ReLU)]

    def note(name: str, layer: nn.Module, _: object, output: Tensor) -> None:
        seen[name] = output.flatten(1)

    hooks = [layer.register_forward_hook(partial(note, f"ReLU {place + 1}")) for place, layer in enumerate(layers)]
    parts = []
    with torch.no_grad():
        for rows in batches(len(split), 500):
            inputs = split.inputs(rows)
            representation = model.representation(inputs)
            parts.append({PIXELS: inputs.flatten(1), **seen, "representation": representation.flatten(1)})
    for hook in hooks:
        hook.remove()
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def layer_rows(shown: Shown, values: Tensor, layer: str, *, depth: int, seed: int, count: int) -> list[SzegedyRow]:
    """The rows of a layer's outputs `values` (N, size): units, random directions, and those of scaled outputs."""
    live = values.std(dim=0) > DEAD
    dead, kept = int((~live).sum()), values[:, live]
    order = torch.randperm(kept.shape[1], generator=torch_generator(seed, f"szegedy2014/units/{layer}"))
    found: dict[Basis, Tensor] = {"units": kept[:, order[:count]]}
    scaled: dict[Basis, Tensor] = {"random": kept}
    if layer in (PIXELS, "representation"):
        scaled |= {"random, standardised": (kept - kept.mean(dim=0)) / kept.std(dim=0), "random, whitened": white(kept)}
    for basis, outputs in scaled.items():
        found[basis] = outputs @ directions(outputs.shape[1], count, seed=seed)
    return [_row(basis, shown.of_scores(scores), layer, depth=depth, dead=dead) for basis, scores in found.items()]


def directions(size: int, count: int, *, seed: int) -> Tensor:
    """Random unit vectors (size, count)."""
    drawn = torch.randn((size, count), generator=torch_generator(seed, "szegedy2014/directions"))
    found: Tensor = drawn / drawn.norm(dim=0)
    return found


def white(values: Tensor) -> Tensor:
    """`values` (N, size) centred and with covariance 1, in the directions in which they vary: (N, rank)."""
    centred = (values - values.mean(dim=0)).double()
    variances, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    kept = variances > FLAT * variances.max()
    found: Tensor = centred @ vectors[:, kept] / variances[kept].sqrt()
    return found.float()


def _row(basis: str, found: Found, layer: str, *, depth: int, dead: int = 0) -> SzegedyRow:
    count = len(found.purity)

    def error(values: Tensor) -> float:
        return float(values.std()) / count**0.5 if count > 1 else 0.0

    row = {
        "basis": basis,
        "layer": layer,
        "depth": depth,
        "dead": dead,
        "n": count,
        "purity": float(found.purity.mean()),
        "purity_error": error(found.purity),
        "cosine": float(found.cosine.mean()),
        "cosine_error": error(found.cosine),
    }
    return cast(SzegedyRow, row)
