"""What a file says of itself, in a screenful."""

from pathlib import Path
from typing import Any

from featsplit.stories import read_model_story, read_spec

TITLES = {
    "robust": "D_R, the robust data set",
    "nonrobust": "D_NR, a non-robust data set",
    "rand": "D_rand: relabelled at random and perturbed",
    "det": "D_det: relabelled as the next class and perturbed",
}


def set_story(path: Path) -> str:
    """The story of the derived data set at `path`; raises FeatsplitError where it is none."""
    story = read_spec(path)
    spec, place = story.spec, story.spec["source"].get("source", story.spec["source_name"])
    n, *shape = story.columns["images"][0]
    lines = {
        "set": TITLES.get(spec.get("set", ""), f"made by {spec['method']}"),
        "images": f"{n} of {' x '.join(map(str, shape))}, {spec['dtype']}, {len(spec['classes'])} classes",
        "source": f"{place}, {spec['split']} split  {_plain(spec['source'], skip=('source',))}",
        "source digest": spec["source_digest"],
        "model digest": spec["model_digest"],
        "method": f"{spec['method']}  {_plain(spec[spec['method']])}",
        "precision": spec.get("precision", "float32"),
        "seed": spec["seed"],
        "versions": _plain(spec["versions"]),
        **{name.replace("_", " "): f"{value:.4f}" for name, value in story.summary.items()},
        "columns": ", ".join(story.columns),
    }
    return _screen(path, lines)


def model_story(path: Path) -> str:
    """The story of the checkpoint at `path`; raises FeatsplitError where it is none."""
    story = read_model_story(path)
    recipe, history = dict(story.get("recipe", {})), story.get("history", [])
    adversary = recipe.pop("adversary", None)
    lines = {
        "model": _plain(story["model"]),
        "images": f"{' x '.join(map(str, story['shape']))}, {story['classes']} classes",
        "trained on": story.get("trained_on", "not told"),
        "data digest": story.get("data_digest", "not told"),
        "recipe": _plain(recipe),
        "adversary": _plain(adversary) if adversary else "none: standard training",
        "seed": story.get("seed", "not told"),
        "versions": _plain(story.get("versions", {})),
        **{name.replace("_", " "): f"{value:.4f}" for name, value in story.get("results", {}).items()},
    }
    if history:
        lines["loss"] = f"{history[0]['loss']:.3f} in epoch 1, {history[-1]['loss']:.3f} in epoch {len(history)}"
    return _screen(path, lines)


def _plain(fields: dict[str, Any], *, skip: tuple[str, ...] = ()) -> str:
    """The fields that are set, as "name value, name value"."""
    kept = {name: value for name, value in fields.items() if value not in (None, [], ()) and name not in skip}
    return ", ".join(
        f"{name} ({_plain(value)})" if isinstance(value, dict) else f"{name} {value}" for name, value in kept.items()
    )


def _screen(path: Path, lines: dict[str, Any]) -> str:
    width = max(map(len, lines))
    return "\n".join([str(path), *(f"  {name:<{width}}  {value}" for name, value in lines.items())])
