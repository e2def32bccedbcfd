"""Carlini and Wagner's L2 attack with each objective in each box, and with c fixed, as rows."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor

from featsplit.attacks import Nearest, carlini_wagner_l2
from featsplit.attacks.carlini_wagner_l2 import BOXES
from featsplit.attacks.seven_objectives import OBJECTIVES, ObjectiveName
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Work, Worker
from featsplit.geometry import lengths
from featsplit.models.checkpoints import state_digest
from featsplit.outcomes import packed_numbers
from featsplit.runtime import Frozen, frozen
from featsplit.studies.carlini2017.networks import Network, ensure_network
from featsplit.studies.carlini2017.place import Attacked, Place, attacked_images
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import found_row, in_pieces, towards_all

FIXED: tuple[ObjectiveName, ...] = ("f6", "f4")
"""The objectives that are looked at with c fixed: the one that was chosen, and one of probabilities."""
HIGHER = 1e4
"""By how much the largest c of f4 is larger than that of f6."""
POINTS = 21
"""Points on the way from an image to the adversarial one."""


def jobs_in(place: Place) -> list[Job]:
    """A job for each objective, and one for each that has c fixed."""
    standard, seed = Network(), place.seed
    works: list[tuple[str, Work]] = [(f"objective {name}", MeasureObjective(place, name)) for name in OBJECTIVES]
    fixed: list[tuple[str, Work]] = [(f"constants of {name}", MeasureConstants(place, name)) for name in FIXED]
    return [Job(f"seed{seed}/{key}", work, (standard.key(seed),)) for key, work in (*works, *fixed)]


@dataclass(frozen=True)
class MeasureObjective:
    """Best, average and worst case of the attack with one objective, in each box; c is searched for."""

    place: Place
    objective: ObjectiveName

    def __call__(self, worker: Worker) -> Sequence[CarliniRow]:
        """A row for each box and case; the average case is of all images, the others of the first of them."""
        place = self.place
        with place.stage(worker, f"objective {self.objective}") as says:
            network, attacked, depends_on = prepared(worker, place, place.settings.objectives.images)
            path = place.folder(worker) / "rows" / f"objective-{self.objective}.json"
            rows = kept_rows(path, depends_on, lambda: self._measured(network, attacked, worker))
            says(", ".join(f"{row['box']} {row['success']:.2f}" for row in rows if row["case"] == "average"))
        return rows

    def _measured(self, network: Frozen, attacked: Attacked, worker: Worker) -> list[CarliniRow]:
        settings, rows = self.place.settings.objectives, list[CarliniRow]()
        few = attacked.first(settings.all_targets)
        inputs, targets = towards_all(few, network.classes)
        for box in BOXES:
            find = partial(
                carlini_wagner_l2, network, objective=self.objective, box=box, targeted=True, steps=settings.steps,
                rounds=settings.rounds, step_size=settings.step_size,
            )  # fmt: skip
            drawn = in_pieces(find, attacked.inputs, attacked.targets, worker.machine)
            first = about(self.place, attacked, self.objective) | {"box": box}
            rows.append(found_row(first | {"case": "average"}, drawn.distance, drawn.calls))
            each = in_pieces(find, inputs, targets, worker.machine)
            by_target = each.distance.reshape(len(few.labels), -1)
            first |= {"images": few.images}
            rows.append(found_row(first | {"case": "best"}, by_target.amin(dim=1), each.calls))
            rows.append(found_row(first | {"case": "worst"}, by_target.amax(dim=1), each.calls))
        return rows


@dataclass(frozen=True)
class MeasureConstants:
    """The average case with an objective at each c; and of f6 how straight the way to the adversarial image is."""

    place: Place
    objective: ObjectiveName

    def __call__(self, worker: Worker) -> Sequence[CarliniRow]:
        """A row for each c, and one for the least c that wins of each image."""
        with self.place.stage(worker, f"constants of {self.objective}") as says:
            network, attacked, depends_on = prepared(worker, self.place, self.place.settings.objectives.fixed)
            path = self.place.folder(worker) / "rows" / f"constants-{self.objective}.json"
            rows = kept_rows(path, depends_on, lambda: self._measured(network, attacked, worker))
            says(f"{len(rows)} rows")
        return rows

    def _measured(self, network: Frozen, attacked: Attacked, worker: Worker) -> list[CarliniRow]:
        settings = self.place.settings.objectives
        constants = constants_of(self.objective, settings.constants)
        first, found = about(self.place, attacked, self.objective) | {"box": "tanh", "case": "average"}, list[Nearest]()
        for constant in constants:
            find = partial(
                carlini_wagner_l2, network, objective=self.objective, targeted=True, steps=settings.steps, rounds=1,
                step_size=settings.step_size, constant=constant,
            )  # fmt: skip
            found.append(in_pieces(find, attacked.inputs, attacked.targets, worker.machine))
        distances = torch.stack([one.distance for one in found])
        rows = [
            found_row(first | {"constant": constant}, one.distance, one.calls)
            for constant, one in zip(constants, found, strict=True)
        ]
        won = distances.isfinite()
        least = torch.tensor(constants)[won.int().argmax(dim=0)].where(won.any(dim=0), torch.inf)
        calls = torch.stack([one.calls for one in found]).sum(dim=0)
        whole = found_row(first | {"least": packed_numbers(least)}, distances.amin(dim=0), calls)
        ends = torch.stack([one.inputs for one in found])[distances.argmin(dim=0), torch.arange(len(least))]
        sound = won.any(dim=0)
        if self.objective == "f6" and bool(sound.any()):
            whole |= straightness(network, attacked.inputs[sound], ends[sound], attacked.targets[sound])
        return [*rows, whole]


def straightness(network: Frozen, inputs: Tensor, ends: Tensor, targets: Tensor) -> CarliniRow:
    """How straight the target's logit rises from `inputs` (n, C, H, W) to `ends`, and its probability's slopes there.

    Of each image Pearson's correlation of the logit with the place on the way (section V.B), and the median
    lengths of the gradient of the target's probability at both ends.
    """
    way = torch.linspace(0, 1, POINTS)
    with torch.no_grad():
        points = [network((inputs + share * (ends - inputs)).to(network.mean.device)).cpu() for share in way]
    logits = torch.stack(points).gather(2, targets[None, :, None].expand(POINTS, -1, 1))[:, :, 0].double()
    across = (way - way.mean())[:, None].double()
    centred = logits - logits.mean(dim=0)
    length = across.square().sum().sqrt() * centred.square().sum(dim=0).sqrt()
    slopes = [float(_slopes(network, images, targets).median()) for images in (inputs, ends)]
    correlation = (across * centred).sum(dim=0) / length.clamp_min(1e-30)
    return {"straight": packed_numbers(correlation), "slope_at_start": slopes[0], "slope_at_end": slopes[1]}


def _slopes(network: Frozen, images: Tensor, targets: Tensor) -> Tensor:
    """The length of the gradient of the target's probability, (n,)."""
    free = images.to(network.mean.device).detach().requires_grad_(True)
    with torch.enable_grad():
        own = network(free).softmax(dim=1).gather(1, targets[:, None].to(free.device))
        (gradient,) = torch.autograd.grad(own.sum(), free)
    return lengths(gradient, "l2").cpu()


def constants_of(objective: ObjectiveName, constants: Sequence[float]) -> list[float]:
    """The c at which an objective is looked at, ascending: of f6 as the settings have them, of f4 powers of ten."""
    if objective == "f6":
        return [*constants]
    powers = range(math.floor(math.log10(constants[0])), math.ceil(math.log10(HIGHER * constants[-1])) + 1)
    return [10.0**power for power in powers]


def prepared(worker: Worker, place: Place, count: int) -> tuple[Frozen, Attacked, dict[str, object]]:
    """The normally trained network, the `count` images that are attacked, and what decides the rows."""
    model, settings = ensure_network(worker, place, Network()), place.settings.objectives
    attacked = attacked_images(model, place.data(worker).test, count)
    depends_on: dict[str, object] = {
        "model": state_digest(model),
        "images": attacked.images,
        "targets": attacked.targets.tolist(),
    }
    return frozen(model, worker.machine.exact), attacked, {**depends_on, **asdict(settings), "seed": place.seed}


def about(place: Place, attacked: Attacked, objective: ObjectiveName) -> CarliniRow:
    """What all rows of an objective say."""
    return {
        "experiment": "objectives", "training": Network().name, "attack": "carlini-wagner", "norm": "l2", "eps": None,
        "objective": objective, "seed": place.seed, "images": attacked.images,
    }  # fmt: skip
