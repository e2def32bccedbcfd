"""The pictures of the paper: from each class to each other, on a distilled network, and from black and white."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from featsplit.engine.jobs import Job, Worker
from featsplit.report.grids import Line, draw_lines
from featsplit.rows import Row
from featsplit.runtime import Frozen, frozen
from featsplit.studies.carlini2017.cases.measure import Examples, examples_file, measuring, read_examples
from featsplit.studies.carlini2017.networks import Network, ensure_network
from featsplit.studies.carlini2017.place import Place
from featsplit.studies.carlini2017.searching import CARLINI, NEAREST, Attack, in_pieces, search

FIGURES = {"l2": "Figure 3", "l0-pixels": "Figure 4", "linf": "Figure 5"}
"""Which figure of the paper is of which norm."""


def jobs_in(place: Place) -> list[Job]:
    """One job, after the attacks whose images it draws."""
    needs = [measuring(place, network, attack).key for network in _networks(place) for attack in CARLINI]
    return [Job(f"seed{place.seed}/pictures", Draw(place), tuple(needs), tuple(picture_files(place)))]


def _networks(place: Place) -> list[Network]:
    distilled = [Network("distilled", place.settings.hottest)] if "distillation" in place.settings.experiments else []
    return [Network(), *distilled]


def picture_files(place: Place) -> dict[str, str]:
    """The pictures of a run, in the folder of it, with what each shows."""
    folder, found = f"seed{place.seed}/pictures", dict[str, str]()
    if len(_networks(place)) > 1:
        found[f"{folder}/distilled.png"] = (
            f"Figure 1: on the network distilled at {place.settings.hottest:g}, one image of each class, and below it "
            "the nearest that is predicted as the next class, in l2, linf and l0."
        )
    for attack in CARLINI:
        found[f"{folder}/{attack.norm}.png"] = (
            f"{FIGURES[attack.norm]}: an image of each class (left) towards each class (top) by {attack.title}, with "
            f"the distance in {attack.norm}, inf where that was not reached; the image itself where both meet."
        )
    found[f"{folder}/synthetic.png"] = (
        "From an image that is all black, and from one all white, to each class, by sparse (l0) and closest (l2 and "
        "linf). None of these is a digit. 0: it is of that class as it is; inf: it was not reached."
    )
    return found


@dataclass(frozen=True)
class Draw:
    """Draw the pictures."""

    place: Place

    def __call__(self, worker: Worker) -> list[Row]:
        """No rows: PNG files."""
        place, seed = self.place, self.place.seed
        with place.stage(worker, "pictures") as says:
            files = [worker.folder / name for name in picture_files(place)]
            files[0].parent.mkdir(parents=True, exist_ok=True)
            classes = place.data(worker).classes
            for attack in CARLINI:
                found = read_examples(worker.folder / examples_file(seed, Network(), attack))
                draw_lines(files[0].parent / f"{attack.norm}.png", from_each_to_each(found, classes))
            for network in _networks(place)[1:]:
                of = [(one, read_examples(worker.folder / examples_file(seed, network, one))) for one in CARLINI]
                draw_lines(files[0].parent / "distilled.png", to_the_next(of, classes))
            self._synthetic(worker, files[-1], classes)
            says(f"{len(files)} pictures")
        return []

    def _synthetic(self, worker: Worker, out: Path, classes: Sequence[str]) -> None:
        if out.exists():
            return
        network = frozen(ensure_network(worker, self.place, Network()), worker.machine.exact)
        lines = [self._from(worker, network, value, attack, classes) for value in (0.0, 1.0) for attack in NEAREST]
        draw_lines(out, lines)

    def _from(self, worker: Worker, network: Frozen, value: float, attack: Attack, classes: Sequence[str]) -> Line:
        inputs, targets = torch.full((len(classes), *network.shape), value), torch.arange(len(classes))

        find = partial(search, network, attack=attack, budget=self.place.settings.search, targeted=True)
        nearest = in_pieces(find, inputs, targets, worker.machine)
        titles = [f"{name}: {far:.3g}" for name, far in zip(classes, nearest.distance.tolist(), strict=True)]
        return Line(f"{'white' if value else 'black'}, {attack.norm}", list(nearest.inputs), titles)


def from_each_to_each(found: Examples, classes: Sequence[str]) -> list[Line]:
    """A line for each class that there is an image of, and in it an image for each class that it was moved to."""
    lines = []
    for label, name in enumerate(classes):
        for row in (found.labels == label).nonzero()[:1, 0].tolist():
            images, titles = [], []
            for target, title in enumerate(classes):
                place = (target - label) % len(classes) - 1
                own = found.inputs[row] if target == label else found.adversarial[row, place]
                images.append(own)
                titles.append(title if target == label else f"{title}: {float(found.distances[row, place]):.3g}")
            lines.append(Line(name, images, titles))
    return lines


def to_the_next(found: Sequence[tuple[Attack, Examples]], classes: Sequence[str]) -> list[Line]:
    """A line of an image of each class, and one for each attack of what it made of them, towards the next class."""
    first = found[0][1]
    rows = [int(row) for label in range(len(classes)) for row in (first.labels == label).nonzero()[:1, 0]]
    lines = [Line("image", [first.inputs[row] for row in rows], [classes[int(first.labels[row])] for row in rows])]
    for attack, examples in found:
        titles = [
            f"{classes[(int(examples.labels[row]) + 1) % len(classes)]}: {float(examples.distances[row, 0]):.3g}"
            for row in rows
        ]
        lines.append(Line(attack.norm, [examples.adversarial[row, 0] for row in rows], titles))
    return lines
