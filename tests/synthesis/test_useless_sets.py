"""A set that teaches nothing says so: while it is built, in the file, when it is opened; a sound one says nothing."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from torch import Tensor, nn

from featsplit.data import derived
from featsplit.data.dataset import open_dataset
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.descent import LBFGS, Normalised
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.metadata.made_by import MadeBy, ModelCard
from featsplit.metadata.sets import DIGEST, FIRST_FORMAT, read_set_metadata
from featsplit.metadata.training import STANDARD, Training
from featsplit.models.classifier import Classifier
from featsplit.synthesis import (
    Build,
    Match,
    Perturb,
    build_match,
    build_mislabelled,
    build_perturb,
    matching,
    perturbing,
)
from featsplit.synthesis.checks import match_warnings, mislabelled_warnings, perturb_warnings

PUSH = Perturb(eps=1.5, steps=15, step_size=0.3)
MATCH = Match(LBFGS(1.0), steps=15)


@pytest.fixture
def few(digits: ImageData) -> ImageData:
    """The digits, with 60 training images."""
    return ImageData("few", digits.classes, digits.train.take(torch.arange(60)), digits.test, digits.origin)


def classifier(body: nn.Module, features: int, bias: Tensor | None = None) -> Classifier:
    """A network of the digits with this `body` before its linear layer."""
    torch.manual_seed(0)
    model = Classifier(body, nn.Linear(features, 10), shape=(1, 8, 8)).eval()
    if bias is not None:
        model.head.bias.data = bias
    return model


class Dead(nn.Module):
    """Represents every image by the same numbers."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1)[:, :5] * 0 + self.value


def said(path: Path, builder: Any, *arguments: Any, **options: Any) -> str:
    """The one warning that `builder` says and the file at `path` holds."""
    with pytest.warns(FeatsplitWarning) as caught:
        builder(path, *arguments, **options)
    (message,) = (str(each.message) for each in caught)
    (warning,) = read_set_metadata(path).warnings or []
    assert message == f"{path}: {warning}"
    assert "\n" not in warning
    assert open_dataset(path).metadata.warnings == (warning,)
    return warning


@contextmanager
def silence() -> Iterator[None]:
    """Inside, a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_sound_sets_say_nothing(tmp_path: Path, standard: Classifier, robust: Classifier, few: ImageData) -> None:
    """Of each kind, found by ten times fewer steps than by default, so they are sound by a margin."""
    with silence():
        build_match(tmp_path / "r.h5", robust, few, MATCH)
        build_match(tmp_path / "n.h5", standard, few, Match(LBFGS(1.0), steps=30))
        build_perturb(tmp_path / "rand.h5", standard, few, PUSH, build=Build(dtype="uint8"))
        build_perturb(tmp_path / "det.h5", standard, few, Perturb("next", eps=1.5, steps=15, step_size=0.3))
        assert [open_dataset(tmp_path / f"{name}.h5").metadata.warnings for name in ("r", "n", "rand", "det")] == [
            ()
        ] * 4


def test_perturbations_that_are_too_small_are_told_with_the_share(
    tmp_path: Path, standard: Classifier, few: ImageData
) -> None:
    path = tmp_path / "rand.h5"
    warning = said(path, build_perturb, standard, few, Perturb(eps=0.02, steps=1))
    columns = derived.read_columns(path, ["target", "source_label", "prediction"])
    other = columns["target"] != columns["source_label"]
    share = float((columns["prediction"] == columns["target"])[other].float().mean())
    assert warning.startswith(f"{100 * share:.0f} % of the images reached their new label")
    assert "l2 eps 0.02 and 1 step of 0.1 are too little" in warning
    assert all(cure in warning for cure in ("--eps", "--steps", "a better model"))


def test_a_class_that_is_the_images_own_reached_nothing() -> None:
    """Of two classes a random target is the image's own half of the time; a network that is not moved reads 50 %."""
    labels = torch.arange(60) % 2
    columns = {"target": torch.arange(60) // 2 % 2, "source_label": labels}
    columns |= {"prediction": labels, "prediction_stored": labels}
    assert float((columns["prediction"] == columns["target"]).float().mean()) == 0.5
    (warning,) = perturb_warnings(columns, PUSH, "float32", robust=False)
    assert warning.startswith("0 % of the images")


def test_a_robust_network_that_is_hard_to_move_is_the_papers_control(
    tmp_path: Path, robust: Classifier, few: ImageData
) -> None:
    """Told that the network is robust, nothing is said; told that it is not, or nothing at all, it is."""
    weak = Perturb(eps=0.1, steps=2)
    for training, number in ((Training("adversarial", "pgd", "l2", 1.0), 0), (STANDARD, 1), (Training(), 1)):
        path, made_by = tmp_path / f"{training.kind}.h5", MadeBy(ModelCard("m.safetensors", "resnet8", training))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            build_perturb(path, robust, few, weak, build=Build(made_by=made_by))
        assert len(caught) == number
        assert len(read_set_metadata(path).warnings or []) == number


def test_what_is_lost_by_rounding_is_told(
    tmp_path: Path, standard: Classifier, robust: Classifier, few: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored as coarsely as in black and white, or in black."""
    monkeypatch.setattr(perturbing, "as_stored", lambda images, dtype: (images.round() * 255).to(torch.uint8))
    monkeypatch.setattr(matching, "as_stored", lambda images, dtype: (images * 0).to(torch.uint8))
    warning = said(
        tmp_path / "p.h5", build_perturb, standard, few, Perturb(eps=0.8, steps=15), build=Build(dtype="uint8")
    )
    assert "as stored in uint8; the others are lost by rounding: --dtype float32" in warning
    warning = said(tmp_path / "r.h5", build_match, robust, few, MATCH, build=Build(dtype="uint8"))
    assert warning.endswith("as stored in uint8; what was found is lost by rounding: --dtype float32")


def test_one_step_of_matching_is_told_with_what_is_left(tmp_path: Path, robust: Classifier, few: ImageData) -> None:
    path = tmp_path / "r.h5"
    warning = said(path, build_match, robust, few, Match(Normalised(0.01), steps=1))
    columns = derived.read_columns(path, ["distance", "start_distance"])
    left = float((columns["distance"] / columns["start_distance"]).median())
    assert left > 0.5
    assert warning.startswith(f"{left:.2f} of the distance from start to goal is left (median)")
    assert "1 step of the rule normalised of 0.01 did not suffice: raise --steps" in warning


def test_a_tolerance_that_stops_too_early_is_told(tmp_path: Path, robust: Classifier, few: ImageData) -> None:
    warning = said(tmp_path / "r.h5", build_match, robust, few, Match(MATCH.rule, 15, tolerance=0.6))
    assert "each image stopped at the tolerance 0.6: lower --tolerance" in warning


@pytest.mark.parametrize("value", [0.0, 0.7])
@pytest.mark.parametrize("start", ["image", "noise"])
def test_a_representation_that_is_the_same_for_all_images_is_told(
    tmp_path: Path, few: ImageData, value: float, start: Any
) -> None:
    """All zeros, as of dead units, have no length to compare with."""
    model = classifier(Dead(value), 5)
    warning = said(tmp_path / "r.h5", build_match, model, few, Match(MATCH.rule, 2, start=start))
    assert warning.startswith("the network represents all images alike: a start is 0 of a representation's length")
    assert "a better model" in warning


@pytest.mark.parametrize(
    ("distance", "start", "begins"),
    [
        pytest.param(0.1, 1.0, None, id="converged"),
        pytest.param(0.24, 0.5, None, id="just within both bounds"),
        pytest.param(0.26, 1.0, "the images are 0.26 of a representation's length from their goals", id="far"),
        pytest.param(0.2, 0.3, "0.67 of the distance from start to goal is left", id="near each other from the start"),
        pytest.param(float("nan"), 1.0, "nan of the distance", id="not a number"),
    ],
)
def test_the_bounds_of_a_match(distance: float, start: float, begins: str | None) -> None:
    columns = {"goal_length": torch.full((7,), 2.0), "start_distance": torch.full((7,), 2 * start)}
    columns |= dict.fromkeys(("distance", "distance_stored"), torch.full((7,), 2 * distance))
    found = match_warnings(columns, MATCH, "float32")
    assert len(found) == (begins is not None)
    assert all(warning.startswith(str(begins)) for warning in found)


def test_wrong_predictions_that_are_few_or_all_alike_are_told(tmp_path: Path, digits: ImageData) -> None:
    """A network that reads 3 in every image misreads nine of ten; what it says is not of the image."""
    always = classifier(Dead(0.0), 5, bias=nn.functional.one_hot(torch.tensor(3), 10).float())
    warning = said(tmp_path / "m.h5", build_mislabelled, always, digits)
    assert warning.startswith("100 % of the images have one and the same label")
    (few,) = mislabelled_warnings({"labels": torch.arange(29) % 10}, 10)
    assert few.startswith("the model predicts 29 images wrongly, 2.9 a class")
    assert mislabelled_warnings({"labels": torch.arange(30) % 10}, 10) == []


def test_a_set_that_is_taken_up_says_it_again(tmp_path: Path, standard: Classifier, few: ImageData) -> None:
    path = tmp_path / "rand.h5"
    first = said(path, build_perturb, standard, few, Perturb(steps=1))
    before = path.read_bytes()
    assert said(path, build_perturb, standard, few, Perturb(steps=1)) == first
    assert path.read_bytes() == before


def test_a_file_made_before_this_was_looked_for_is_looked_at_when_taken_up(
    tmp_path: Path, standard: Classifier, few: ImageData
) -> None:
    path = tmp_path / "rand.h5"
    first = said(path, build_perturb, standard, few, Perturb(steps=1))
    with h5py.File(path, "r+") as file:
        for name in ("warnings", "made_by", DIGEST):
            del file.attrs[name]
        file.attrs["format"] = FIRST_FORMAT
    assert (read_set_metadata(path).warnings, read_set_metadata(path).made_by) == (None, MadeBy())
    assert open_dataset(path).metadata.warnings is None
    images = derived.read_columns(path, ["images"])["images"]
    assert said(path, build_perturb, standard, few, Perturb(steps=1)) == first
    assert torch.equal(derived.read_columns(path, ["images"])["images"], images)
    assert len(derived.verify(path)) > 5


def test_opening_a_useless_set_says_it_again(tmp_path: Path, standard: Classifier, digits: ImageData) -> None:
    path = tmp_path / "rand.h5"
    first = said(path, build_perturb, standard, digits, Perturb(steps=1))
    with pytest.warns(FeatsplitWarning) as caught:
        load_data(DataSpec(str(path)))
    assert [str(each.message) for each in caught] == [f"{path}: {first}"]


@pytest.mark.parametrize("value", ["3", "{", '[{"a": 1}'])
@pytest.mark.parametrize("name", ["warnings", "made_by"])
def test_warnings_and_cards_that_cannot_be_read_are_named(
    tmp_path: Path, standard: Classifier, few: ImageData, name: str, value: str
) -> None:
    build_perturb(tmp_path / "p.h5", standard, few, PUSH)
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        del file.attrs[DIGEST]
        file.attrs["format"], file.attrs[name] = FIRST_FORMAT, value
    with pytest.raises(FeatsplitError, match=r"p\.h5: is damaged or no HDF5 file"):
        read_set_metadata(tmp_path / "p.h5")
