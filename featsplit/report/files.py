"""What a file says of itself, in a screenful."""

from collections.abc import Mapping
from pathlib import Path

from featsplit.metadata.made_by import ModelCard
from featsplit.metadata.models import ModelMetadata, read_model_metadata
from featsplit.metadata.plain import Json
from featsplit.metadata.sets import NOT_TOLD, read_set_metadata
from featsplit.metadata.titles import title_of
from featsplit.metadata.training import training_of


def set_text(path: Path) -> str:
    """The derived data set at `path` in a screenful; raises FeatsplitError where it is none."""
    metadata = read_set_metadata(path)
    spec, summary = metadata.spec, metadata.summary
    n, *shape = metadata.columns["images"][0]
    lines = {
        "set": title_of(metadata),
        "images": f"{n} of {' x '.join(map(str, shape))}, {spec.dtype}, {len(spec.classes)} classes",
        "source": f"{spec.source.get('source', spec.source_name)}, {spec.split} split  "
        + _joined({name: value for name, value in spec.source.items() if name != "source"}),
        "source digest": spec.source_digest,
        "model": _network(metadata.made_by.model),
        "model digest": spec.model_digest,
        **({"control": _control(metadata.made_by.control)} if spec.control_digest else {}),
        "method": f"{spec.method}  {_joined(spec.parameters)}".strip(),
        "precision": spec.precision,
        "seed": "none: nothing is random" if spec.seed is None else str(spec.seed),
        "versions": _joined(spec.versions),
        **{name.replace("_", " "): f"{value:.4f}" for name, value in summary.items()},
        "columns": ", ".join(metadata.columns),
    }
    for number, warning in enumerate(metadata.warnings or ()):
        lines["warning" if number == 0 else f"warning {number + 1}"] = warning
    return screen(str(path), lines)


def _network(card: ModelCard | None) -> str:
    return NOT_TOLD if card is None else str(card)


def _control(card: ModelCard | None) -> str:
    wrong = card is not None and card.training.kind == "standard"
    return _network(card) + (" (--any-model: no control, which must be adversarially trained)" if wrong else "")


def model_text(path: Path) -> str:
    """The checkpoint at `path` in a screenful; raises FeatsplitError where it is none."""
    metadata = read_model_metadata(path)
    recipe = metadata.recipe or {}
    lines = {
        "model": _joined({"arch": metadata.arch, "width": metadata.width, "stages": metadata.stages}),
        "images": f"{' x '.join(map(str, metadata.shape))}, {metadata.classes} classes",
        "trained on": metadata.trained_on or NOT_TOLD,
        "data digest": metadata.data_digest or NOT_TOLD,
        "recipe": _joined({name: value for name, value in recipe.items() if name != "adversary"}),
        "adversary": _adversary(metadata),
        "seed": NOT_TOLD if metadata.seed is None else str(metadata.seed),
        "versions": _joined(metadata.versions),
        **{name.replace("_", " "): f"{value:.4f}" for name, value in metadata.results.items()},
    }
    losses = [epoch["loss"] for epoch in metadata.history if "loss" in epoch]
    if losses:
        lines["loss"] = f"{losses[0]:.3f} in epoch 1, {losses[-1]:.3f} in epoch {len(losses)}"
    return screen(str(path), lines)


def _adversary(metadata: ModelMetadata) -> str:
    kind = training_of(metadata.recipe).kind
    if kind != "adversarial":
        return "none: standard training" if kind == "standard" else NOT_TOLD
    adversary = (metadata.recipe or {})["adversary"]
    return _joined(adversary) if isinstance(adversary, Mapping) else NOT_TOLD


def _joined(fields: Mapping[str, Json]) -> str:
    """The fields that are set, as "name value, name value"."""
    kept = {name: value for name, value in fields.items() if value not in (None, [], ())}
    return ", ".join(
        f"{name} ({_joined(value)})" if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in kept.items()
    )


def screen(title: str, lines: Mapping[str, str]) -> str:
    """A `title` and below it each name with what is said of it, which may be of several lines."""
    width = max(map(len, lines))
    below = f"\n{'':<{width + 4}}"
    return "\n".join([title, *(f"  {name:<{width}}  {value.replace(chr(10), below)}" for name, value in lines.items())])
