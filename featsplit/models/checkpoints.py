"""Checkpoints: the weights as safetensors, and in the metadata the model's whole story as JSON.

The story says the architecture, the data it was trained on and their digest, the recipe, the seed, the versions, the
history by epoch and the results. Nothing is ever unpickled, and nothing named in a file is imported.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from featsplit import __version__, stories
from featsplit.data.images import digest_of
from featsplit.errors import FeatsplitError
from featsplit.files import replacing
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier

Story = dict[str, Any]


def save_model(model: Classifier, path: str | Path, *, spec: ModelSpec, story: Story) -> None:
    """Write `model` and its `story` (JSON values) to `path`, whole or not at all."""
    told = {**story, "model": asdict(spec), "shape": list(model.shape), "classes": model.classes}
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with replacing(Path(path)) as partial:
        save_file(tensors, partial, metadata={stories.MODEL_FORMAT: json.dumps(told)})  # one key: several have no order


def read_story(path: Path) -> Story:
    """The story of the checkpoint at `path`; raises FeatsplitError where it is not one of ours."""
    story = stories.read_model_story(path)
    try:
        ModelSpec(**story["model"]).check()
    except (TypeError, FeatsplitError) as error:
        raise FeatsplitError(f"{path}: its story cannot be read ({error}); train it again") from error
    return story


def load_model(path: str | Path, *, factory: str | None = None) -> Classifier:
    """The classifier saved at `path`, on the CPU, in eval mode.

    A model built by a user's own `module:function` is loaded only when that name is given again as `factory`: a file
    never decides what code runs. Raises FeatsplitError for a missing, damaged or foreign file.
    """
    path = Path(path)
    story = read_story(path)
    spec = ModelSpec(**story["model"])
    if ":" in spec.arch and spec.arch != factory:
        raise FeatsplitError(f'{path}: was built by "{spec.arch}"; to run that code, give --factory {spec.arch}')
    model = build(spec, shape=tuple(story["shape"]), classes=story["classes"])
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise FeatsplitError(f"{path}: its weights do not fit {spec.arch}; train it again") from error
    return model.eval()


def state_digest(model: Classifier) -> str:
    """SHA-256 over the weights: the identity of a model."""
    parts = [f"{name}:{digest_of(tensor)}" for name, tensor in sorted(model.state_dict().items())]
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {"featsplit": __version__, "torch": torch.__version__}
