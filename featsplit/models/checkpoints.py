"""Checkpoints: the weights as safetensors, and the model's whole metadata beside them.

The metadata say the architecture, the data it was trained on and their digest, the recipe, the seed, the versions, the
history by epoch and the results. Nothing is ever unpickled, and nothing named in a file is imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from featsplit import __version__
from featsplit.data.images import ImageData, digest_of_all
from featsplit.errors import FeatsplitError
from featsplit.files import check_digest, replacing
from featsplit.metadata.models import ModelMetadata, model_attributes, model_metadata, read_model_metadata
from featsplit.metadata.plain import as_json
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.records.models import Pool

SAME_NUMBERS = ("0.1.0", "0.2.0")
"""Versions of featsplit that give the same numbers, this one the last: what one of them kept the others take up.

A version that changes numbers begins the list anew.
"""


def save_model(
    model: Classifier, path: str | Path, *, spec: ModelSpec, extra: Mapping[str, object] | None = None
) -> None:
    """Write `model`, which `spec` built, to `path`, whole or not at all.

    `extra` (JSON values) joins its metadata: what a ModelMetadata has fields for, such as "recipe", and anything else.
    """
    network = {"model": spec.settled().plain(), "shape": model.shape, "classes": model.classes}
    network |= {"state_digest": state_digest(model)}
    attributes = model_attributes(model_metadata(as_json({**(extra or {}), **network})))
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with replacing(Path(path)) as partial:
        save_file(tensors, partial, metadata=attributes)


def read_metadata(path: Path) -> ModelMetadata:
    """The metadata of the checkpoint at `path`; FeatsplitError where it is not one of ours, or of a network unknown."""
    metadata = read_model_metadata(path)
    try:
        model_spec(metadata).check()
    except FeatsplitError as error:
        raise FeatsplitError(f"{path}: its metadata cannot be read ({error}); train it again") from error
    return metadata


def model_spec(metadata: ModelMetadata) -> ModelSpec:
    """The architecture that the checkpoint of this `metadata` holds."""
    pool = None if metadata.pool is None else cast(Pool, metadata.pool)
    return ModelSpec(metadata.arch, metadata.width, metadata.stages, metadata.layer, pool, metadata.built_for)


def load_model(path: str | Path, *, factory: str | Sequence[str] | None = None) -> Classifier:
    """The classifier saved at `path`, on the CPU, in eval mode.

    A model built by a user's own `module:function` is loaded only when that name is given again as `factory`, or as
    one of several: a file never decides what code runs. Raises FeatsplitError for a missing, damaged or foreign
    file, and where the weights are not those that were written (see `files.check_digest`).
    """
    path = Path(path)
    metadata = read_metadata(path)
    spec = model_spec(metadata)
    several = [factory] if isinstance(factory, str) else factory or []
    code = next((one for one in several if spec.is_code_of(one)), None)
    if spec.is_code and code is None:
        raise FeatsplitError(f'{path}: was built by "{spec.arch}"; to run that code, give --factory {spec.arch}')
    model = build(
        replace(spec, arch=code) if spec.is_code and code else spec,
        shape=metadata.shape,
        classes=metadata.classes,
    )
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise FeatsplitError(f"{path}: its weights do not fit {spec.arch}; train it again") from error
    if metadata.state_digest is not None:
        check_digest(f"{path}: its weights", state_digest(model), metadata.state_digest, cure="train it again")
    return model.eval()


def load_model_for(
    path: Path,
    data: ImageData,
    *,
    factory: str | Sequence[str] | None = None,
    other_classes: bool = False,
    head: bool = True,
) -> Classifier:
    """The classifier saved at `path`, as `load_model` gives it, for the images of `data`.

    Without `head` it may be an encoder that has none. Raises FeatsplitError where it does not take the images or,
    unless `other_classes`, has other classes.
    """
    metadata = read_metadata(path)
    model = load_model(path, factory=factory)
    asked = len(data.classes) if head or model.classes else None
    model.expect(f"{path} on {data.name}", shape=data.shape, classes=asked)
    if asked is None:
        return model
    names = data.classes if metadata.class_names is None else metadata.class_names
    if names != data.classes and not other_classes:
        own, other = ", ".join(names[:3]), ", ".join(data.classes[:3])
        trained_on = "was trained on " + ("other data" if metadata.trained_on is None else f'"{metadata.trained_on}"')
        raise FeatsplitError(
            f"{path}: {trained_on} (classes {own} ...), not on the classes of "
            f'"{data.name}" ({other} ...); use a model of this data, or --other-classes'
        )
    return model


def state_digest(model: Classifier) -> str:
    """SHA-256 over the weights: the identity of a model."""
    return digest_of_all(model.state_dict())


def versions() -> dict[str, str]:
    """The versions that make a file now, as it says."""
    return {"featsplit": __version__, "torch": torch.__version__}


def decisive(made_by: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of the versions that a file was `made_by` (None: these) decides its numbers, for keys and comparisons.

    Of those of featsplit that give the same numbers the first stands for all.
    """
    found = dict(versions() if made_by is None else made_by)
    if found.get("featsplit") in SAME_NUMBERS:
        found["featsplit"] = SAME_NUMBERS[0]
    return found
