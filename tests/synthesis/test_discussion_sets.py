"""The sets of the paper's discussion: perturbations that do not transfer, and wrong labels alone."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from featsplit.data.derived import load_split, read_columns, verify
from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.runtime import accuracy, predict
from featsplit.synthesis import Build, Perturb, build_mislabelled, build_perturb, perturb_to_target
from featsplit.training import Recipe, train

NEXT = Perturb(targets="next", eps=1.5, steps=15, step_size=0.3)


@pytest.fixture(scope="module")
def fellows(digits: ImageData) -> list[Classifier]:
    """Three more networks trained as the standard one is."""
    recipe = Recipe(epochs=8, batch_size=50, lr=0.1, nesterov=True, schedule="one-cycle", weight_decay=1e-3)
    found = []
    for seed in (11, 12, 13):
        model = build(ModelSpec("resnet8", 8, 2), shape=digits.shape, classes=10, seed=seed)
        train(model, digits, recipe, seed=seed)
        found.append(model)
    return found


def two_linear(first: list[float], second: list[float]) -> tuple[Classifier, Classifier]:
    """Two linear networks of two classes on 1 x 1 x 2 images, whose class-1 weights are these; undecided at grey."""
    made = []
    for weights in (first, second):
        head = nn.Linear(2, 2)
        with torch.no_grad():
            head.weight.copy_(torch.tensor([[0.0, 0.0], weights]))
            head.bias.copy_(-head.weight.sum(dim=1) / 2)
        made.append(Classifier(nn.Flatten(), head, shape=(1, 1, 2)).eval())
    return made[0], made[1]


def test_a_bug_moves_where_the_network_turns_and_the_ensemble_does_not() -> None:
    """f sees both pixels, the other only the second: the bug is in the first, PGD's perturbation in both."""
    model, other = two_linear([4.0, 4.0], [0.0, 8.0])
    inputs = torch.full((1, 1, 1, 2), 0.5)
    labels, targets = torch.tensor([0]), torch.tensor([1])
    perturb = partial(perturb_to_target, model, inputs, targets, norm="l2", eps=0.1, steps=50, step_size=0.01)
    moved = [(found - inputs).flatten().tolist() for found in (perturb(), perturb(labels=labels, ensemble=[other]))]
    assert moved[0] == pytest.approx([0.1 / 2**0.5] * 2, rel=1e-3)
    assert moved[1][0] > 0.05
    assert moved[1][1] < 0


def test_bugs_fool_the_network_and_not_another(
    tmp_path: Path, standard: Classifier, fellows: list[Classifier], digits: ImageData
) -> None:
    paths = {"plain": tmp_path / "plain.h5", "bugs": tmp_path / "bugs.h5"}
    plain = build_perturb(paths["plain"], standard, digits, NEXT, build=Build(seed=4))
    bugs = build_perturb(paths["bugs"], standard, digits, NEXT, ensemble=fellows[:2], build=Build(seed=4))
    assert plain["success"] > 0.9
    assert bugs["success"] > 0.7
    fooled = {name: accuracy(fellows[2], load_split(path)) for name, path in paths.items()}
    assert fooled["bugs"] < 0.5 * fooled["plain"]
    assert len(read_set_metadata(paths["bugs"]).spec.ensemble_digests) == 2
    assert not read_set_metadata(paths["plain"]).spec.ensemble_digests


def test_another_ensemble_makes_another_set(
    tmp_path: Path, standard: Classifier, fellows: list[Classifier], digits: ImageData
) -> None:
    few = ImageData("few", digits.classes, digits.train.take(torch.arange(30)), digits.test)
    build_perturb(tmp_path / "a.h5", standard, few, NEXT, ensemble=fellows[:1])
    with pytest.raises(FeatsplitError, match="--overwrite"):
        build_perturb(tmp_path / "a.h5", standard, few, NEXT, ensemble=fellows[1:2])


def test_mislabelled_images_are_those_misread_with_the_labels_read(tmp_path: Path, digits: ImageData) -> None:
    early = build(ModelSpec("resnet8", 8, 2), shape=digits.shape, classes=10, seed=1)
    train(early, digits, Recipe(epochs=1, batch_size=50, lr=0.05), seed=1)
    path = tmp_path / "wrong.h5"
    summary = build_mislabelled(path, early, digits)
    read = predict(early, digits.train)
    wrong = (read != digits.train.labels).nonzero()[:, 0]
    columns = read_columns(path, ["source_index", "labels", "source_label", "images"])
    assert torch.equal(columns["source_index"], wrong)
    assert torch.equal(columns["labels"], read[wrong])
    assert torch.equal(columns["source_label"], digits.train.labels[wrong])
    assert torch.equal(columns["images"], digits.train.inputs(wrong))
    assert summary["share"] == len(wrong) / len(digits.train)
    assert verify(path)


def test_a_network_without_errors_gives_no_set(tmp_path: Path, digits: ImageData, standard: Classifier) -> None:
    right = digits.train.take((predict(standard, digits.train) == digits.train.labels).nonzero()[:, 0])
    data = ImageData("right", digits.classes, right, digits.test)
    with pytest.raises(FeatsplitError, match=r"predicts 0 of .* images wrongly; stop its training earlier"):
        build_mislabelled(tmp_path / "none.h5", standard, data)
    assert not (tmp_path / "none.h5").exists()
