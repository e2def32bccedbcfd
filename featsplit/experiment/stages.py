"""The stages of a run, each keyed by what goes into it: work that is done is taken up, not done again."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from featsplit.data.derived import load_split
from featsplit.data.images import ImageData, Split, digest_of
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack, Row, evaluate
from featsplit.experiment.settings import SOURCE_NETWORKS, Experiment
from featsplit.files import check_writable, write_json
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import Story, load_model, read_story, save_model, state_digest, versions
from featsplit.models.classifier import Classifier
from featsplit.randomness import stage_key
from featsplit.runtime import Precision, half_precision
from featsplit.synthesis import build_match, build_perturb
from featsplit.training import Recipe, train

Say = Callable[[str], None]


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
        """One line for a stage that ended."""
        self.say(f"seed {self.seed}  {what:<22}{time.perf_counter() - began:7.1f} s   {figures}")


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
) -> Story:
    """Train a fresh network on `data` and save it at `path`; return its story, with the history by epoch.

    A checkpoint of the same data, architecture, recipe and seed is left as it is; training that was cut off goes on.
    Raises FeatsplitError where `path` holds anything else, unless `overwrite`.
    """
    story = {
        "trained_on": data.name,
        "data_digest": data.digest,
        "class_names": list(data.classes),
        "recipe": asdict(recipe),
        "seed": seed,
        "precision": "bfloat16" if half_precision(precision, device) else "float32",
        "versions": versions(),
    }
    key = digest({**story, "model": asdict(spec)})
    if (kept := _told(path)).get("key") == key:
        return kept
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
    results = {"test_accuracy": history[-1]["test_accuracy"]}
    save_model(model, path, spec=spec, story={**story, "key": key, "history": history, "results": results})
    resume.unlink(missing_ok=True)
    return read_story(path)


def _told(path: Path) -> Story:
    """The story of the checkpoint at `path`; empty where it cannot be read."""
    try:
        return read_story(path)
    except FeatsplitError:
        return {}


def trained(stages: Stages, name: str, train_split: Split) -> Classifier:
    """The network `name` trained on `train_split` by its recipe, from initial weights of its own."""
    began, spec = time.perf_counter(), stages.experiment.model
    path = stages.folder / "models" / f"{name}.safetensors"
    data = replace(stages.data, train=train_split, name=stages.data.name if name in SOURCE_NETWORKS else name)
    recipe, seed = getattr(stages.experiment.train, name), stage_key(stages.seed, f"network/{name}") % 2**31
    story = train_to_file(
        path,
        data,
        spec,
        recipe,
        seed=seed,
        device=stages.device,
        precision=stages.experiment.precision,
        overwrite=True,
    )
    stages.tell(f"train {name}", began, f"clean {story['results']['test_accuracy']:.3f}")
    return network(stages, name)


def network(stages: Stages, name: str) -> Classifier:
    """The network `name`, which has been trained."""
    path = stages.folder / "models" / f"{name}.safetensors"
    return load_model(path, factory=stages.experiment.model.arch).to(stages.device)


def built(stages: Stages, name: str, model: Classifier, control: Classifier | None = None) -> dict[str, float]:
    """The derived set `name`, made with `model`, in its file; returns the file's summary."""
    path = stages.folder / "sets" / f"{name}.h5"
    experiment, began = stages.experiment, time.perf_counter()
    shared: dict[str, Any] = {"seed": stages.seed, "dtype": experiment.dtype}
    shared |= {"device": stages.device, "precision": experiment.precision}
    shared |= {"story": {"set": name}, "overwrite": True}
    if control is None:
        summary = build_match(path, model, stages.data, experiment.match, **shared)
        figures = f"relative distance {summary['relative_distance']:.3f} in {summary['runs']:.0f} runs an image"
    else:
        perturb = replace(experiment.perturb, targets="random" if name == "rand" else "next")
        summary = build_perturb(path, model, stages.data, perturb, control=control, **shared)
        figures = f"success {summary['success']:.3f}, as stored {summary['success_stored']:.3f}"
    stages.tell(f"build {name}", began, figures)
    return summary


def evaluated(
    stages: Stages, name: str, model: Classifier, test_set: str, split: Split, *, attacked: bool
) -> list[Row]:
    """The rows of network `name` on `split`, called `test_set` in them: clean, and under attack if `attacked`."""
    attacks = stages.experiment.evaluate.attacks()[: None if attacked else 1]
    parts = {"attacks": [asdict(a) for a in attacks], "seed": stages.seed, "model": state_digest(model)}
    parts["versions"] = versions()
    key = digest({**parts, "images": digest_of(split.images), "labels": digest_of(split.labels)})
    path = stages.folder / "rows" / f"{name}-{test_set.replace(':', '-')}.json"
    if (kept := _kept_rows(path)).get("key") == key:
        return list(kept["rows"])
    began = time.perf_counter()
    found = evaluate(
        model,
        split,
        attacks,
        seed=stages.seed,
        device=stages.device,
        precision=stages.experiment.precision,
        title=f"seed {stages.seed} {name}",
    )
    about = {**training_of(name), "architecture": stages.experiment.model.arch, "test_set": test_set}
    rows = [{**about, **row} for row in found]
    write_json(path, {"key": key, "rows": rows})
    figures = ", ".join(f"{row['eps'] or 0:g}: {row['accuracy']:.3f}" for row in rows)
    stages.tell(f"evaluate {name}", began, f"{test_set} at {figures}")
    return rows


def _kept_rows(path: Path) -> Row:
    """The rows at `path` with their key; empty where they cannot be read."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def training_of(name: str) -> Row:
    """The fields of a row that say what network `name` learned from, and how."""
    if name in SOURCE_NETWORKS:
        return {"train_set": "source", "training": name}
    return {"train_set": name, "training": "standard"}


def control_rows(stages: Stages, name: str, summary: dict[str, float], n: int) -> list[Row]:
    """How often the robust network reads the new label of set `name`, before and after the perturbation."""
    about = {**training_of("adversarial"), "architecture": stages.experiment.model.arch}
    return [
        {
            **about,
            "test_set": f"{name}:{when}",
            **Attack().fields(),
            "n": n,
            "seed": stages.seed,
            "accuracy": summary[key],
        }
        for when, key in (("before", "control_before"), ("after", "control_after"))
    ]


def split_of(stages: Stages, name: str) -> Split:
    """The images and labels of the derived set `name`."""
    return load_split(stages.folder / "sets" / f"{name}.h5")


def digest(value: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
