"""The jobs of the experiment: each photographs the images of one method at one eps, in simulation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from featsplit.engine.jobs import Job, Worker
from featsplit.evaluation.seen import Seen
from featsplit.studies.kurakin2017.examples import METHODS, example_key, examples
from featsplit.studies.kurakin2017.photographs.camera import photographed
from featsplit.studies.kurakin2017.photographs.cases import CASES, Case, drawn, eligible
from featsplit.studies.kurakin2017.place import Bench, Place
from featsplit.studies.kurakin2017.rows import KurakinRow, destruction

DESTROYED = "destroyed"
EXPERIMENT = "photographs"


class Pairs(NamedTuple):
    """What the network says of clean and adversarial images, as files and photographed."""

    clean: Seen
    adversarial: Seen
    clean_photo: Seen
    adversarial_photo: Seen

    def named(self) -> dict[str, Seen]:
        """Each by the name that a row has for it."""
        names = ("clean", "adversarial", "clean, photographed", "adversarial, photographed")
        return dict(zip(names, self, strict=True))

    def take(self, rows: Tensor) -> "Pairs":
        """The pairs at `rows`."""
        return Pairs(*(Seen(*(values[rows] for values in one)) for one in self))


@dataclass(frozen=True)
class Photograph:
    """Photograph the images of `method` at eps `levels`/255, and the clean ones, in simulation."""

    place: Place
    method: str
    levels: int

    def __call__(self, worker: Worker) -> list[KurakinRow]:
        """For each case a row of all images, and those of the drawn pairs."""
        bench, settings = Bench(worker, self.place), self.place.settings
        depends_on = bench.depends_on(method=self.method, levels=self.levels, pairs=settings.pairs, gate=settings.gate)
        stem = f"photographs-{self.method}-{self.levels}"
        return list(bench.ensure_rows(stem, depends_on, lambda: list(self._measured(bench))))

    def _measured(self, bench: Bench) -> Iterator[KurakinRow]:
        network, test, settings = bench.network(), bench.test, bench.settings
        images, indices = examples(bench, self.method, self.levels), torch.arange(len(bench.test))
        photos = [photographed(one, seed=bench.seed, indices=indices) for one in (test.images, images)]
        pairs = Pairs(*(bench.seen(network, one, test.labels) for one in (test.images, images, *photos)))
        about = bench.about(EXPERIMENT, self.method, self.levels)
        for case in CASES:
            among = eligible(case, pairs.clean, pairs.adversarial, gate=settings.gate)
            whole = destruction(pairs.clean, pairs.adversarial, pairs.adversarial_photo, among)
            yield {**about, **whole, **pairs.adversarial_photo.fields(network.classes), "case": case}
            few = pairs.take(drawn(among, settings.pairs, seed=bench.seed))
            yield from drawn_rows(about, few, case=case, classes=network.classes)


def drawn_rows(about: KurakinRow, pairs: Pairs, *, case: Case, classes: int) -> Iterator[KurakinRow]:
    """The numbers of the paper's Tables 1 to 3 on these `pairs`, for the top 1 and the top k, as rows of accuracies.

    None of no pairs. The destruction rate is left out where no pair counts. The top k are left out of two classes.
    """
    if not len(pairs.clean.right):
        return
    row: KurakinRow = {**about, "case": case, "test_set": "pairs"}
    row.pop("images", None)
    top_k = pairs.clean.fields(classes).get("top_k")
    for top in (1, *([top_k] if top_k else [])):
        rights = {name: one.right if top == 1 else one.in_top for name, one in pairs.named().items()}
        for name, right in rights.items():
            yield {**row, "measure": name, "top": top, "n": len(right), "accuracy": float(right.float().mean())}
        counted = rights["clean"] & ~rights["adversarial"]
        back = rights["adversarial, photographed"][counted]
        if len(back):
            yield {**row, "measure": DESTROYED, "top": top, "n": len(back), "accuracy": float(back.float().mean())}


def photographing(place: Place) -> list[Job]:
    """The jobs of the experiment."""
    return [
        Job(
            place.key(f"photographs/{method}-{levels}"),
            Photograph(place, method, levels),
            (example_key(place, method, levels),),
        )
        for method in METHODS
        for levels in place.settings.photographed
    ]
