"""What a file says of itself, in a screenful."""

from pathlib import Path
from typing import Any

from featsplit.made_by import SETS, ModelCard, set_title, training_of
from featsplit.stories import NOT_TOLD, SetStory, read_model_story, read_spec


def set_story(path: Path) -> str:
    """The story of the derived data set at `path`; raises FeatsplitError where it is none."""
    story = read_spec(path)
    spec, place = story.spec, story.spec["source"].get("source", story.spec["source_name"])
    n, *shape = story.columns["images"][0]
    lines = {
        "set": _title(story),
        "images": f"{n} of {' x '.join(map(str, shape))}, {spec['dtype']}, {len(spec['classes'])} classes",
        "source": f"{place}, {spec['split']} split  {_plain(spec['source'], skip=('source',))}",
        "source digest": spec["source_digest"],
        "model": _network(story.made_by.model),
        "model digest": spec["model_digest"],
        **({"control": _control(story)} if spec.get("control_digest") else {}),
        "method": f"{spec['method']}  {_plain(spec.get(spec['method'], {}))}".strip(),
        "precision": spec.get("precision", "float32"),
        "seed": spec.get("seed", "none: nothing is random"),
        "versions": _plain(spec["versions"]),
        **{name.replace("_", " "): f"{value:.4f}" for name, value in story.summary.items()},
        "columns": ", ".join(story.columns),
    }
    for number, warning in enumerate(story.warnings or []):
        lines["warning" if number == 0 else f"warning {number + 1}"] = warning
    return _screen(path, lines)


def _title(story: SetStory) -> str:
    """What the set is; of an imported one as whoever imported it says."""
    name, method = story.spec.get("set", ""), story.spec["method"]
    if method == "import" and name in SETS:
        return SETS[name].title
    return set_title(name, story.made_by, otherwise=f"made by {method}")


def _network(card: ModelCard | None) -> str:
    return NOT_TOLD if card is None else str(card)


def _control(story: SetStory) -> str:
    card = story.made_by.control
    wrong = card is not None and card.training.kind == "standard"
    return _network(card) + (" (--any-model: no control, which must be adversarially trained)" if wrong else "")


def model_story(path: Path) -> str:
    """The story of the checkpoint at `path`; raises FeatsplitError where it is none."""
    story = read_model_story(path)
    recipe, results, history = _fields(story, "recipe"), _fields(story, "results"), story.get("history", [])
    adversary, training = recipe.pop("adversary", {}), training_of(story)
    says = {"standard": "none: standard training", "not told": NOT_TOLD}
    lines = {
        "model": _plain(story["model"]),
        "images": f"{' x '.join(map(str, story['shape']))}, {story['classes']} classes",
        "trained on": story.get("trained_on", "not told"),
        "data digest": story.get("data_digest", "not told"),
        "recipe": _plain(recipe),
        "adversary": _plain(adversary) if training.kind == "adversarial" else says[training.kind],
        "seed": story.get("seed", "not told"),
        "versions": _plain(story.get("versions", {})),
        **{name.replace("_", " "): f"{value:.4f}" for name, value in results.items()},
    }
    if history:
        lines["loss"] = f"{history[0]['loss']:.3f} in epoch 1, {history[-1]['loss']:.3f} in epoch {len(history)}"
    return _screen(path, lines)


def _fields(story: dict[str, Any], name: str) -> dict[str, Any]:
    """The fields of `name`; none where the story, which may be someone else's, has something else there."""
    return dict(story[name]) if isinstance(story.get(name), dict) else {}


def _plain(fields: dict[str, Any], *, skip: tuple[str, ...] = ()) -> str:
    """The fields that are set, as "name value, name value"."""
    kept = {name: value for name, value in fields.items() if value not in (None, [], ()) and name not in skip}
    return ", ".join(
        f"{name} ({_plain(value)})" if isinstance(value, dict) else f"{name} {value}" for name, value in kept.items()
    )


def _screen(path: Path, lines: dict[str, Any]) -> str:
    width = max(map(len, lines))
    return "\n".join([str(path), *(f"  {name:<{width}}  {value}" for name, value in lines.items())])
