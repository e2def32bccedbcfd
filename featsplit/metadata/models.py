"""What a checkpoint says of itself: one record, one reader, one writer. It lies as JSON in the safetensors metadata."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open

from featsplit.errors import FeatsplitError
from featsplit.files import check_digest, json_digest
from featsplit.metadata.plain import Fields, Json, mapping, names, numbers, sequence, text, texts, whole

MODEL_FORMAT, FIRST_FORMAT = "featsplit-model-2", "featsplit-model-1"
"""A file of the first format has no digests."""
DIGEST = "metadata_digest"
"""Under this key lies, beside the other metadata, the digest of them all."""
T = TypeVar("T")


@dataclass(frozen=True)
class ModelMetadata:
    """What a checkpoint says of itself: its architecture, and how it was trained, on what, and how well.

    `arch`, `width`, `stages`, `layer`, `pool` and `built_for` are those of a ModelSpec, `shape` (C, H, W) and
    `classes` what the network takes and gives. The rest is None or empty where the file does not say it: the data's
    name, digest and class names, the `recipe` (JSON of a Recipe), the `seed`, the `precision` it was trained in,
    the `versions`, the `key` of all that decided it, the `history` by epoch, of how many images each accuracy in it is
    (`counts`), the `probe` (JSON of a Probe) behind its attacked_accuracy, the `results`, and the `state_digest` of the
    weights. `extra` is whatever else is there.
    """

    arch: str
    shape: tuple[int, int, int]
    classes: int
    width: int | None = None
    stages: int | None = None
    trained_on: str | None = None
    data_digest: str | None = None
    class_names: tuple[str, ...] | None = None
    recipe: Fields | None = None
    seed: int | None = None
    precision: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    history: tuple[Mapping[str, float], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    probe: Fields | None = None
    results: Mapping[str, float] = field(default_factory=dict)
    state_digest: str | None = None
    extra: Fields = field(default_factory=dict)
    layer: str | None = None
    pool: str | None = None
    built_for: int | None = None

    @property
    def network(self) -> str:
        """The architecture with its sizes, as "resnet8 width 16 stages 2"; of an encoder with its layer."""
        sizes = [
            f"{name} {size}" for name, size in (("width", self.width), ("stages", self.stages)) if size is not None
        ]
        layer = [] if self.layer is None else [f"layer {self.layer} ({self.pool})"]
        return " ".join([self.arch, *sizes, *layer])

    def plain(self) -> Fields:
        """As the JSON that lies in the file; `model_metadata` reads it back."""
        fields: dict[str, Json] = {
            "trained_on": self.trained_on,
            "data_digest": self.data_digest,
            "class_names": None if self.class_names is None else list(self.class_names),
            "recipe": self.recipe,
            "seed": self.seed,
            "precision": self.precision,
            "versions": self.versions or None,
            "key": self.key,
            "history": list(self.history) or None,
            "counts": self.counts or None,
            "probe": self.probe,
            "results": self.results or None,
            "state_digest": self.state_digest,
        }
        return {
            **{name: value for name, value in fields.items() if value is not None},
            **self.extra,
            "model": {"arch": self.arch, "width": self.width, "stages": self.stages, **self._cut()},
            "shape": list(self.shape),
            "classes": self.classes,
        }

    def _cut(self) -> Fields:
        """What an encoder alone has."""
        return {} if self.layer is None else {"layer": self.layer, "pool": self.pool, "built_for": self.built_for}


def model_metadata(plain: Fields) -> ModelMetadata:
    """The metadata whose JSON is `plain`. A field that is not what it should be goes to `extra`: it says nothing.

    Raises KeyError, TypeError or ValueError where the network itself is not described: `model`, `shape` or `classes`.
    """
    model = dict(mapping(plain["model"]))
    arch, width, stages = text(model.pop("arch")), model.pop("width", None), model.pop("stages", None)
    layer, pool, built_for = (model.pop(name, None) for name in ("layer", "pool", "built_for"))
    if model:
        raise ValueError(f'model: unknown key "{next(iter(model))}"')
    channels, height, side = map(whole, sequence(plain["shape"]))
    known = ModelMetadata(
        arch,
        (channels, height, side),
        whole(plain["classes"]),
        None if width is None else whole(width),
        None if stages is None else whole(stages),
        trained_on=_if(text, plain.get("trained_on")),
        data_digest=_if(text, plain.get("data_digest")),
        class_names=_if(texts, plain.get("class_names")),
        recipe=_if(mapping, plain.get("recipe")),
        seed=_if(whole, plain.get("seed")),
        precision=_if(text, plain.get("precision")),
        versions=_if(names, plain.get("versions")) or {},
        key=_if(text, plain.get("key")),
        history=_if(_history, plain.get("history")) or (),
        counts=_if(_counts, plain.get("counts")) or {},
        probe=_if(mapping, plain.get("probe")),
        results=_if(numbers, plain.get("results")) or {},
        state_digest=_if(text, plain.get("state_digest")),
        layer=None if layer is None else text(layer),
        pool=None if pool is None else text(pool),
        built_for=None if built_for is None else whole(built_for),
    )
    read = known.plain()
    return replace(known, extra={name: value for name, value in plain.items() if name not in read})


def _history(value: Json) -> tuple[dict[str, float], ...]:
    return tuple(map(numbers, sequence(value)))


def _counts(value: Json) -> dict[str, int]:
    return {name: whole(item) for name, item in mapping(value).items()}


def _if(kind: Callable[[Json], T], value: Json) -> T | None:
    """`kind(value)`; None where it is not of that kind."""
    try:
        return kind(value)
    except TypeError:
        return None


def read_model_metadata(path: Path) -> ModelMetadata:
    """The metadata of the checkpoint at `path`; raises FeatsplitError where it is not one of ours."""
    if not path.is_file():
        raise FeatsplitError(f"{path}: no such file; make it with featsplit train --out {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            attributes = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise FeatsplitError(f"{path}: is no readable safetensors file: {error}") from error
    first = FIRST_FORMAT in attributes
    if MODEL_FORMAT not in attributes and not first:
        raise FeatsplitError(f"{path}: is no featsplit model (a safetensors file of another program?)")
    try:
        plain = dict(mapping(json.loads(attributes[FIRST_FORMAT if first else MODEL_FORMAT])))
        if not first or DIGEST in plain:
            written = str(plain.pop(DIGEST, None))
            check_digest(f"{path}: its metadata", json_digest(plain), written, cure="train it again")
        return model_metadata(plain)
    except (ValueError, KeyError, TypeError) as error:
        raise FeatsplitError(f"{path}: its metadata cannot be read ({error}); train it again") from error


def model_attributes(metadata: ModelMetadata) -> dict[str, str]:
    """`metadata` as a safetensors file takes it: one key, since several have no order there."""
    plain = metadata.plain()
    return {MODEL_FORMAT: json.dumps({**plain, DIGEST: json_digest(plain)})}
