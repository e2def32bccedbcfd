"""Training into a file: a checkpoint of the same work is left as it is, and what was cut off goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from featsplit.data.chance import chance_of
from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError, warn
from featsplit.files import check_writable, json_digest
from featsplit.metadata.models import ModelMetadata
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import decisive, read_metadata, save_model, versions
from featsplit.records.evaluation import Probe
from featsplit.records.training import Recipe
from featsplit.runtime import CPU, Machine
from featsplit.training.looks import counts_of
from featsplit.training.loop import augmented, train

ENOUGH = 500
"""From so many training images on a network should have learned something."""


def ensure_trained(
    path: Path,
    data: ImageData,
    spec: ModelSpec,
    recipe: Recipe,
    *,
    seed: int,
    machine: Machine = CPU,
    overwrite: bool = False,
    world: int | None = None,
    probe: Probe | None = None,
) -> ModelMetadata:
    """Train a fresh network on `data` and save it at `path`; return its metadata, with the history by epoch.

    A checkpoint of the same data, architecture, recipe and seed is left as it is; training that was cut off goes on.
    Of several `machine.ranks` the first writes; how many they were is in the metadata. One that takes up what others
    have trained says by `world` how many they were.
    With a `probe` it is attacked by it in some epochs (see `train`), if it is trained now; the metadata say by which.
    Raises FeatsplitError where `path` holds anything else, unless `overwrite`.
    """
    ranks = machine.ranks
    extra = _decided_by(data, recipe, seed, half=machine.half, world=world or ranks.world)
    resume, kept = path.with_name(f".{path.name}.training"), _kept(path)
    if kept and kept.key == _key({**extra, "trained_on": kept.trained_on}, spec):
        resume.unlink(missing_ok=True)  # left by a kill after the last epoch
        warn_of_constant(path, data, kept.history)
        return kept  # of the same data, whatever they were called
    ranks.wait()  # so that none looks at what another has begun to write
    if ranks.is_first:
        check_writable(path, overwrite=overwrite)
    model = build(spec, shape=data.shape, classes=len(data.classes), seed=seed)
    history = train(
        model,
        data,
        recipe,
        seed=seed,
        machine=machine,
        resume=resume,
        title=f"train {path.stem}",
        probe=probe,
    )
    results = {name: value for name, value in history[-1].items() if name == "test_accuracy"}
    extra |= {"key": _key(extra, spec), "history": history, "results": results}
    extra |= {"counts": counts_of(data, probe)} | ({} if probe is None else {"probe": asdict(probe)})
    if ranks.is_first:
        save_model(model, path, spec=spec, extra=extra)
        resume.unlink(missing_ok=True)
        warn_of_constant(path, data, history)
    ranks.wait()
    return read_metadata(path)


def warn_of_constant(path: Path, data: ImageData, history: Sequence[Mapping[str, float]]) -> None:
    """Warn where the network at `path` ended no better than one that always says the most frequent class of `data`.

    In training, that is, and, where it was tested, in the test too. Of fewer than `ENOUGH` training images that is no
    surprise.
    """
    if len(data.train) < ENOUGH:
        return
    last = history[-1] if history else {}
    seen = {"train_accuracy": data.train.labels, "test_accuracy": data.test.labels}
    found = [(last[name], chance_of(labels)) for name, labels in seen.items() if name in last]
    if found and all(chance.explains(accuracy) for accuracy, chance in found):
        accuracy, chance = found[-1]
        warn(
            f"{path}: its accuracy is {accuracy:.3f}, that of always saying the most frequent class "
            f"{chance.share:.3f}: it "
            "has learned nothing; lower the rate (lr), or train longer"
        )


def _decided_by(data: ImageData, recipe: Recipe, seed: int, *, half: bool, world: int) -> dict[str, object]:
    """What decides the weights, but for the architecture, as the metadata have it."""
    found: dict[str, object] = {
        "trained_on": data.name,
        "data_digest": data.digest,
        "class_names": list(data.classes),
        "recipe": recipe.plain(),
        "seed": seed,
        "precision": "bfloat16" if half else "float32",
        "versions": versions(),
    }
    if (seen := augmented(data.train, recipe)) is not data.train.images:
        found["cropped_from"] = list(seen.shape[2:])
    return found | ({"world_size": world} if world > 1 else {})


def _key(extra: Mapping[str, object], spec: ModelSpec) -> str:
    return json_digest({**extra, "versions": decisive(), "model": spec.settled().plain()})


def _kept(path: Path) -> ModelMetadata | None:
    """The metadata of the checkpoint at `path`; None where it cannot be read."""
    try:
        return read_metadata(path)
    except FeatsplitError:
        return None
