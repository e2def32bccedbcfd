"""What is told of an exported set, in the same words by its card and by its croissant.json."""

from dataclasses import dataclass

from featsplit.exports.licences import Licence
from featsplit.exports.public import public_source
from featsplit.exports.rows import Stored
from featsplit.exports.written import Written
from featsplit.metadata.plain import Fields, Json
from featsplit.metadata.titles import title_of

CITATION = """@inproceedings{ilyas2019adversarial,
  title = {Adversarial Examples Are Not Bugs, They Are Features},
  author = {Ilyas, Andrew and Santurkar, Shibani and Tsipras, Dimitris and Engstrom, Logan and Tran, Brandon and
            Madry, Aleksander},
  booktitle = {Advances in Neural Information Processing Systems 32},
  year = {2019},
  url = {https://arxiv.org/abs/1905.02175}
}"""
"""What to cite, as BibTeX."""
COLUMNS = {
    "file_name": "the file of the image",
    "row": "the number of the image, from 0",
    "image": "the image",
    "labels": "the label that the set gives the image; a network is to learn it",
    "source_index": "which image of the source's split it was made of, from 0",
    "source_label": "the label that this image has in the source",
    "start_index": "the training image that the search began from, -1 for noise",
    "start_distance": "how far the representation was from its goal at the start, in l2",
    "distance": "how far what was found is from its goal: the representation, or of an adversarial image the input",
    "distance_stored": "the same of the image as it is stored in the set",
    "goal_length": "the length of the representation to be matched, in l2",
    "runs": "how often the network was called, forward and backward",
    "calls": "how often the network was called, forward and backward",
    "target": "the class that the image was moved to",
    "perturbation": "by how much the image was moved, in the norm of the method",
    "prediction": "what the network predicts of what was found",
    "prediction_stored": "what it predicts of the image as it is stored in the set",
    "confidence": "the probability that the network gives the target on what was found",
    "confidence_stored": "the same on the image as it is stored in the set",
    "control_before": "what the control, an adversarially trained network, predicts of the source's image",
    "control_after": "what the control predicts of the image as it is stored in the set",
    "success": "whether an adversarial image was found",
}
"""What the columns of a set are."""
LABELS = {
    "match": "The labels are those of the source.",
    "perturb": "The label of an image is the class that it was moved to: to a person it looks wrong, as it should.",
    "mislabelled": "The label of an image is what a network predicted, and wrong.",
    "attack": "The labels are those of the source: each image is near it, and predicted as something else.",
}
"""What the labels are, by method."""


@dataclass(frozen=True)
class Facts:
    """The exported set `stored`, what was `written` of it under the `name`, and what the user said of it."""

    stored: Stored
    written: Written
    name: str
    licence: Licence
    creator: str | None = None

    @property
    def title(self) -> str:
        """What the set is, in a line."""
        return f"{title_of(self.stored.metadata)} (from {self.source_name})"

    @property
    def source_name(self) -> str:
        """The data that it was made of, without the folders that they lie in."""
        spec = self.stored.metadata.spec
        return public_source(str(spec.source.get("source") or spec.source_name or "data in memory"))

    @property
    def source(self) -> str:
        """Which images it was made of: "cifar10 (limit 1000), train split"."""
        spec = self.stored.metadata.spec
        kept = {name: value for name, value in spec.source.items() if name not in ("source", "seed")}
        options = ", ".join(f"{key} {value}" for key, value in flat(kept).items())
        return f"{self.source_name}{f' ({options})' if options else ''}, {spec.split} split"

    @property
    def method(self) -> str:
        """How it was made, with every parameter: "perturb: targets random, norm l2, eps 0.5"."""
        spec = self.stored.metadata.spec
        parameters = ", ".join(f"{name} {value}" for name, value in flat(spec.parameters).items())
        return f"{spec.method}: {parameters}" if parameters else spec.method

    @property
    def description(self) -> str:
        """What it is, of what and how it was made, what became of the pixels, and what is wrong with it."""
        says = [f"{self.title}.", f"Made of {self.source}, by {self.method}.", LABELS.get(self.spec_method, "")]
        says += [
            f"In this form {self.written.kept}.",
            *(f"Warning: {warning}." for warning in self.stored.metadata.warnings or ()),
        ]
        return " ".join(one for one in says if one)

    @property
    def spec_method(self) -> str:
        """By which method it was made."""
        return self.stored.metadata.spec.method

    @property
    def tags(self) -> tuple[str, ...]:
        """What it is to be found by."""
        name = self.stored.metadata.spec.name
        return ("adversarial-examples", "robust-features", *(() if name is None else (name,)), "arxiv:1905.02175")


def flat(fields: Fields, above: str = "") -> dict[str, str]:
    """The fields that are set, those of a field within a field under both names: {"rule name": "lbfgs"}."""
    found = dict[str, str]()
    for name, value in fields.items():
        if isinstance(value, dict):
            found |= flat(value, f"{above}{name} ")
        elif value not in (None, [], ()):
            found[f"{above}{name}"] = _shown(value)
    return found


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return str(value)
