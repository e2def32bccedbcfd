"""The jobs of the experiment: each transforms the images of one method at one eps, or the clean ones, in every way."""

from collections.abc import Iterator
from dataclasses import dataclass

from featsplit.engine.jobs import Job, Worker
from featsplit.evaluation.seen import Seen
from featsplit.outcomes import packed
from featsplit.studies.kurakin2017.examples import METHODS, example_key, examples
from featsplit.studies.kurakin2017.place import Bench, Place
from featsplit.studies.kurakin2017.rows import KurakinRow, destruction
from featsplit.studies.kurakin2017.transformations.images import IDENTITY, RANGES, transformed

CLEAN = "none"


@dataclass(frozen=True)
class Transform:
    """Transform the images of `method` at eps `levels`/255, or the clean ones ("none", 0), in every way."""

    place: Place
    method: str
    levels: int

    def __call__(self, worker: Worker) -> list[KurakinRow]:
        """A row for each transformation and strength."""
        bench = Bench(worker, self.place)
        depends_on = bench.depends_on(method=self.method, levels=self.levels, ranges=RANGES)
        stem = f"transformations-{self.method}-{self.levels}"
        return list(bench.ensure_rows(stem, depends_on, lambda: list(self._measured(bench))))

    def _measured(self, bench: Bench) -> Iterator[KurakinRow]:
        network, test = bench.network(), bench.test
        images = test.images if self.method == CLEAN else examples(bench, self.method, self.levels)
        clean, before = (bench.seen(network, one, test.labels) for one in (test.images, images))
        about = bench.about("transformations", self.method, None if self.method == CLEAN else self.levels)
        for name, strength in ways():
            after = bench.seen(network, transformed(images, name, strength, seed=bench.seed), test.labels)
            told = _accuracy(after) if self.method == CLEAN else destruction(clean, before, after)
            yield {**about, **told, **after.fields(network.classes), "transformation": name, "strength": strength}


def _accuracy(after: Seen) -> KurakinRow:
    return {"n": len(after.right), "accuracy": float(after.right.float().mean()), "outcomes": packed(after.right)}


def ways() -> list[tuple[str, float]]:
    """Every transformation with every strength; the first does nothing."""
    return [(IDENTITY, 0.0), *((name, strength) for name, strengths in RANGES.items() for strength in strengths)]


def transforming(place: Place) -> list[Job]:
    """The jobs of the experiment."""
    found = [Job(place.key("transformations/clean"), Transform(place, CLEAN, 0), (place.key("source"),))]
    for method in METHODS:
        for levels in place.settings.transformed:
            needs = (example_key(place, method, levels),)
            found.append(Job(place.key(f"transformations/{method}-{levels}"), Transform(place, method, levels), needs))
    return found
