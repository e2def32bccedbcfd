"""The stages of a run, each keyed by what goes into it: work that is done is taken up, not done again."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from featsplit.data.derived import load_split
from featsplit.data.images import ImageData, Split, digest_of
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack, Row, evaluate
from featsplit.experiment.plan import MADE, ON_SOURCE, fellows_of, recipe_of, set_of, spec_of
from featsplit.experiment.settings import Experiment
from featsplit.files import check_writable, write_json
from featsplit.metadata.made_by import MadeBy, ModelCard, card_of
from featsplit.metadata.models import ModelMetadata
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import load_model, read_metadata, save_model, state_digest, versions
from featsplit.models.classifier import Classifier
from featsplit.randomness import stage_key
from featsplit.runtime import Precision, half_precision
from featsplit.synthesis import build_match, build_mislabelled, build_perturb
from featsplit.training import Recipe, train

Say = Callable[[str], None]
SplitName = Literal["train", "test"]
ROWS = 3
"""The format of a row; one of another format is measured again."""
IDENTITY = 16
"""How many digits of a digest say in a row which images it is of."""
TIMES = "times.jsonl"
"""Where the stages of a seed leave their seconds, a line each time one ran."""


@dataclass(frozen=True)
class Stages:
    """Where and how the stages of one seed run: the `experiment`, its `data`, the `folder` of their files."""

    experiment: Experiment
    data: ImageData
    folder: Path
    seed: int
    device: torch.device
    say: Say

    def tell(self, what: str, began: float, figures: str) -> None:
        """One line for a stage that ended, and its time for the report."""
        seconds = time.perf_counter() - began
        self.say(f"seed {self.seed}  {what:<22}{seconds:7.1f} s   {figures}")
        with (self.folder / TIMES).open("a") as file:
            file.write(json.dumps({"stage": what, "seconds": round(seconds, 2)}) + "\n")


def train_to_file(
    path: Path,
    data: ImageData,
    spec: ModelSpec,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    precision: Precision = "auto",
    overwrite: bool = False,
) -> ModelMetadata:
    """Train a fresh network on `data` and save it at `path`; return its metadata, with the history by epoch.

    A checkpoint of the same data, architecture, recipe and seed is left as it is; training that was cut off goes on.
    Raises FeatsplitError where `path` holds anything else, unless `overwrite`.
    """
    extra = {
        "trained_on": data.name,
        "data_digest": data.digest,
        "class_names": list(data.classes),
        "recipe": asdict(recipe),
        "seed": seed,
        "precision": "bfloat16" if half_precision(precision, device) else "float32",
        "versions": versions(),
    }
    kept = _kept(path)
    if kept and kept.key == _key({**extra, "trained_on": kept.trained_on}, spec):
        return kept  # of the same data, whatever they were called
    check_writable(path, overwrite=overwrite)
    model = build(spec, shape=data.shape, classes=len(data.classes), seed=seed)
    resume = path.with_name(f".{path.name}.training")
    history = train(
        model,
        data,
        recipe,
        seed=seed,
        device=device,
        precision=precision,
        resume=resume,
        title=f"train {path.stem}",
    )
    results = {name: value for name, value in history[-1].items() if name == "test_accuracy"}
    extra |= {"key": _key(extra, spec), "history": history, "results": results}
    save_model(model, path, spec=spec, extra=extra)
    resume.unlink(missing_ok=True)
    return read_metadata(path)


def _key(extra: Mapping[str, object], spec: ModelSpec) -> str:
    return digest({**extra, "model": asdict(spec)})


def _kept(path: Path) -> ModelMetadata | None:
    """The metadata of the checkpoint at `path`; None where it cannot be read."""
    try:
        return read_metadata(path)
    except FeatsplitError:
        return None


def trained(stages: Stages, name: str, train_split: Split) -> Classifier:
    """The network `name` trained on `train_split` by its recipe, from initial weights of its own."""
    began, own = time.perf_counter(), set_of(name)
    data = replace(stages.data, train=train_split, name=stages.data.name if own in ON_SOURCE else own)
    metadata = train_to_file(
        _model_file(stages, name),
        data,
        spec_of(stages.experiment, name),
        recipe_of(stages.experiment, name),
        seed=stage_key(stages.seed, f"network/{name}") % 2**31,
        device=stages.device,
        precision=stages.experiment.precision,
        overwrite=True,
    )
    stages.tell(f"train {name}", began, f"clean {metadata.results['test_accuracy']:.3f}")
    return network(stages, name)


def network(stages: Stages, name: str) -> Classifier:
    """The network `name`, which has been trained."""
    return load_model(_model_file(stages, name), factory=spec_of(stages.experiment, name).arch).to(stages.device)


def history_of(stages: Stages, name: str) -> list[Mapping[str, float]]:
    """By epoch what the training of network `name` saw."""
    return list(read_metadata(_model_file(stages, name)).history)


def _model_file(stages: Stages, name: str) -> Path:
    return stages.folder / "models" / f"{name}.safetensors"


def built(
    stages: Stages, name: str, model: Classifier, *, control: Classifier | None = None, split: SplitName = "train"
) -> dict[str, float]:
    """The derived set `name` of `split`, made with `model`, in its file; returns the file's summary."""
    path, made = set_file(stages, name, split), MADE[name]
    experiment, began = stages.experiment, time.perf_counter()
    shared: dict[str, Any] = {"seed": stages.seed, "dtype": experiment.dtype, "split": split}
    shared |= {"device": stages.device, "precision": experiment.precision}
    shared |= {"extra": {"set": name}, "overwrite": True}
    shared["made_by"] = MadeBy(_card(stages, made.network), _card(stages, "adversarial") if control else None)
    if made.method == "match":
        summary = build_match(path, model, stages.data, replace(experiment.match, start=made.start), **shared)
        figures = f"relative distance {summary['relative_distance']:.3f} in {summary['runs']:.0f} runs an image"
    elif made.method == "mislabelled":
        for name_of in ("seed", "precision"):
            shared.pop(name_of)
        summary = build_mislabelled(path, model, stages.data, **shared)
        figures = f"{summary['share']:.3f} of the images"
    else:
        perturb = replace(experiment.perturb, targets=made.targets)
        ensemble = [network(stages, fellow) for fellow in fellows_of(experiment)[:-1]] if made.ensemble else []
        summary = build_perturb(path, model, stages.data, perturb, control=control, ensemble=ensemble, **shared)
        figures = f"success {summary['success']:.3f}, as stored {summary['success_stored']:.3f}"
    stages.tell(f"build {path.stem}", began, figures)
    return summary


def _card(stages: Stages, name: str) -> ModelCard:
    """The network `name` as a set of the same seed tells of it: its file is relative to their folder."""
    path = _model_file(stages, name)
    return card_of(path.relative_to(stages.folder).as_posix(), read_metadata(path))


def set_file(stages: Stages, name: str, split: SplitName = "train") -> Path:
    """Where the derived set `name` of `split` lies."""
    return stages.folder / "sets" / f"{name}{'' if split == 'train' else f'-{split}'}.h5"


def split_of(stages: Stages, name: str, split: SplitName = "train") -> Split:
    """The images and labels of the derived set `name`."""
    return load_split(set_file(stages, name, split))


def evaluated(
    stages: Stages, name: str, model: Classifier, test_set: str, split: Split, attacks: list[Attack], *, part: str
) -> list[Row]:
    """The rows of network `name` on `split`, called `test_set` in them, under each of `attacks`; for `part`."""
    images = digest_of(split.images)
    parts = {"attacks": [asdict(a) for a in attacks], "seed": stages.seed, "model": state_digest(model)}
    parts |= {"images": images, "labels": digest_of(split.labels)}
    return kept_rows(
        stages,
        f"{name}-{test_set.replace(':', '-')}" if part == "main" else f"{part}-{name}-{test_set.replace(':', '-')}",
        parts,
        lambda: [
            {**about(stages, name, part), "test_set": test_set, "images": images[:IDENTITY], **row}
            for row in evaluate(
                model,
                split,
                attacks,
                seed=stages.seed,
                device=stages.device,
                precision=stages.experiment.precision,
                title=f"seed {stages.seed} {name}",
            )
        ],
    )


def kept_rows(stages: Stages, stem: str, parts: dict[str, Any], measure: Callable[[], list[Row]]) -> list[Row]:
    """The rows that `measure` gives, kept in the file `stem` and read from there while the same `parts` decide them."""
    path, began = stages.folder / "rows" / f"{stem}.json", time.perf_counter()
    key = digest({**parts, "versions": versions(), "format": ROWS})
    try:
        kept = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        kept = {}
    if kept.get("key") == key:
        return list(kept["rows"])
    rows = measure()
    write_json(path, {"key": key, "rows": rows})
    shown = [row for row in rows if "epoch" not in row and "accuracy" in row][:5]
    figures = ", ".join(f"{row['attack']} {row['eps'] or 0:g}: {row['accuracy']:.3f}" for row in shown)
    stages.tell(f"evaluate {stem}", began, figures)
    return rows


def about(stages: Stages, name: str, part: str) -> Row:
    """The fields of a row that say what network `name` is and learned from, how, and for which part it was measured."""
    own, arch = set_of(name), spec_of(stages.experiment, name).arch
    train_set, training = ("source", own) if own in ON_SOURCE else (own, "standard")
    return {"part": part, "train_set": train_set, "training": training, "architecture": arch}


def digest(value: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
