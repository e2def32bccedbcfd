"""The adversarial images of the paper's three methods (its section 2), and noise of the same size; kept in 8 bits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from featsplit.attacks import Network, bim, fgsm, least_likely
from featsplit.data.images import Split
from featsplit.engine.jobs import Job, Worker
from featsplit.files import json_digest, replacing
from featsplit.models.checkpoints import decisive
from featsplit.outcomes import packed
from featsplit.progress import progress
from featsplit.randomness import normal
from featsplit.runtime import batches, usual_batch
from featsplit.studies.kurakin2017.place import Bench, Place, eight_bits
from featsplit.studies.kurakin2017.rows import KurakinRow, destruction

Method = Literal["fast", "basic", "least-likely"]
METHODS: tuple[Method, ...] = ("fast", "basic", "least-likely")
NOISE = "noise"
"""Each component moved by eps, up or down by a coin."""


def attacked(network: Network, inputs: Tensor, labels: Tensor, *, method: str, levels: int) -> Tensor:
    """The adversarial images of a `method` of eps `levels`/255, as the paper has them: clipped, steps of 1/255.

    - network: any map from inputs to logits (N, K), in eval mode.
    - inputs: (N, C, H, W) in [0, 1].
    - labels: (N,) int64, the labels to leave; "least-likely" does not look at them.
    """
    eps = levels / 255
    if method == "fast":
        return fgsm(network, inputs, labels, eps=eps)
    if method == "basic":
        return bim(network, inputs, labels, eps=eps)
    assert method == "least-likely"
    return least_likely(network, inputs, eps=eps)


def noisy(inputs: Tensor, rows: Tensor, *, levels: int, seed: int) -> Tensor:
    """Inputs (n, C, H, W), of images `rows` (n,), with noise of ±levels/255, clipped: at any eps the same signs."""
    signs = normal(seed, "noise", rows, inputs.shape[1:]).sign()
    return (inputs + signs * (levels / 255)).clamp(0, 1)


def made(bench: Bench, method: str, levels: int) -> Tensor:
    """The images of `method` for all test images, in float32 as they were found: (N, C, H, W) on the CPU."""
    test, network, found = bench.test, bench.network(), list[Tensor]()
    size = usual_batch(bench.worker.machine, network.shape)
    for rows in progress(batches(len(test), size), f"{method} {levels}"):
        inputs, labels = test.inputs(rows).to(bench.device), test.labels[rows].to(bench.device)
        if method == NOISE:
            found.append(noisy(inputs.cpu(), rows, levels=levels, seed=bench.seed))
        else:
            found.append(attacked(network, inputs, labels, method=method, levels=levels).cpu())
    return torch.cat(found)


@dataclass(frozen=True)
class MakeExamples:
    """Make the images of `method` at eps `levels`/255, keep them in 8 bits, and measure what the network says."""

    place: Place
    method: str
    levels: int

    def __call__(self, worker: Worker) -> list[KurakinRow]:
        """Two rows: of the images as they were found, and of what 8 bits destroy of them."""
        bench = Bench(worker, self.place)
        depends_on = bench.depends_on(method=self.method, levels=self.levels)
        path = worker.folder / self.place.examples_file(self.method, self.levels)
        key, stem = json_digest({**depends_on, "versions": decisive()}), f"examples-{self.method}-{self.levels}"
        found = None if _key_of(path) == key else made(bench, self.method, self.levels)
        if found is not None:
            _write(path, eight_bits(found), key)

        def measure() -> list[KurakinRow]:
            images = made(bench, self.method, self.levels) if found is None else found
            return self._measured(bench, images)

        return list(bench.ensure_rows(stem, depends_on, measure))

    def _measured(self, bench: Bench, found: Tensor) -> list[KurakinRow]:
        test, network, stored = bench.test, bench.network(), eight_bits(found)
        clean, at_last, as_file = (bench.seen(network, images, test.labels) for images in (test.images, found, stored))
        changed = (_predicted(bench, found) != _predicted(bench, stored)).sum()
        row = bench.about("methods", self.method, self.levels)
        whole: KurakinRow = {"n": len(test), "accuracy": float(at_last.right.float().mean())}
        rounded: KurakinRow = {**row, **destruction(clean, at_last, as_file), "experiment": "stored"}
        whole = {**row, **whole, **at_last.fields(network.classes), "outcomes": packed(at_last.right)}
        return [whole, {**rounded, "transformation": "8-bit", "changed": int(changed)}]


def _predicted(bench: Bench, images: Tensor) -> Tensor:
    network = bench.network()
    with torch.no_grad():
        parts = [
            network(Split(images, images).inputs(rows).to(bench.device)).argmax(1) for rows in batches(len(images), 500)
        ]
    return torch.cat(parts).cpu()


@dataclass(frozen=True)
class MeasureClean:
    """Measure what the network says of the clean images."""

    place: Place

    def __call__(self, worker: Worker) -> list[KurakinRow]:
        """One row."""
        bench = Bench(worker, self.place)

        def measure() -> list[KurakinRow]:
            test, network = bench.test, bench.network()
            clean = bench.seen(network, test.images, test.labels)
            row: KurakinRow = {"n": len(test), "accuracy": float(clean.right.float().mean())}
            row |= {"outcomes": packed(clean.right)}
            return [{**bench.about("methods", "none", None), **row, **clean.fields(network.classes)}]

        return list(bench.ensure_rows("clean", bench.depends_on(), measure))


def examples(bench: Bench, method: str, levels: int) -> Tensor:
    """The kept images of `method`, of 8 bits, (N, C, H, W): its job has made them."""
    return read_examples(bench.worker.folder / bench.place.examples_file(method, levels))


def read_examples(path: Path) -> Tensor:
    """The images of 8 bits, (N, C, H, W), in the file at `path`."""
    with safe_open(path, framework="pt") as file:
        images: Tensor = file.get_tensor("images")
    return images


def _key_of(path: Path) -> str | None:
    """What decided the images in the file at `path`; None where it cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return str((file.metadata() or {}).get("key"))
    except (OSError, SafetensorError, ValueError):
        return None


def _write(path: Path, images: Tensor, key: str) -> None:
    with replacing(path) as partial:
        save_file({"images": images}, partial, metadata={"key": key})


def making(place: Place) -> list[Job]:
    """The jobs that make the examples of every experiment that is chosen, the long ones first."""
    settings, needs, found = place.settings, (place.key("source"),), list[Job]()
    for levels in settings.levels():
        noise = [NOISE] if "methods" in settings.experiments and levels in settings.eps else []
        for method in (*reversed(METHODS), *noise):
            work, file = MakeExamples(place, method, levels), place.examples_file(method, levels)
            found.append(Job(example_key(place, method, levels), work, needs, (file,)))
    return [*found, Job(place.key("clean"), MeasureClean(place), needs)]


def example_key(place: Place, method: str, levels: int) -> str:
    """The key of the job that makes the images of `method`."""
    return place.key(f"examples/{method}-{levels}")
