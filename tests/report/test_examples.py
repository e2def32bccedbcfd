"""Examples of a set: the images that are in it, to 8 bits, and what the networks predict of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from featsplit.data.dataset import open_dataset
from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.records.synthesis import Match, Perturb
from featsplit.report import examples
from featsplit.report.examples import examples_of, keep_examples, read_examples, spread_over
from featsplit.synthesis import build_match, build_perturb


@pytest.fixture(scope="module")
def networks(digits: ImageData) -> list[Classifier]:
    """Two networks that know nothing, and not the same."""
    spec = ModelSpec("resnet8", width=4, stages=2)
    return [build(spec, shape=digits.shape, classes=10, seed=seed).eval() for seed in (0, 1)]


def test_of_a_perturbed_set_they_say_what_the_file_says(
    few: ImageData, networks: list[Classifier], tmp_path: Path
) -> None:
    path = tmp_path / "rand.h5"
    build_perturb(path, networks[0], few, Perturb(steps=2, eps=1.0), control=networks[1])
    found, derived = (
        examples_of(open_dataset(path), torch.arange(90), source=few, networks=networks),
        open_dataset(path),
    )
    columns = {name: column.numpy() for name, column in derived.columns.items()}
    assert (found.predicted[:, 0, 2] == columns["prediction_stored"]).all()
    assert (found.predicted[:, 1, 0] == columns["control_before"]).all()
    assert (found.predicted[:, 1, 2] == columns["control_after"]).all()
    assert (found.predicted[:, :, 1] == -1).all(), "it started from the source itself"
    agree = columns["prediction_stored"] == columns["labels"]
    assert agree.any()
    assert found.confidence[agree, 0, 2] == pytest.approx(columns["confidence_stored"][agree], abs=1e-5)
    assert (found.given == columns["target"]).all()
    assert found.distances[:, 1] == pytest.approx(columns["perturbation"])
    assert np.isnan(found.distances[:, 0]).all()
    for row in (0, 89):
        image = derived[row][0].permute(1, 2, 0).numpy()
        assert np.abs(found.derived[row] / 255 - image).max() <= 0.5 / 255 + 1e-6
        assert (
            np.abs(found.source[row] / 255 - few.train.inputs(torch.tensor([row]))[0, 0, :, :, None].numpy()).max()
            < 0.002
        )


@pytest.mark.parametrize("start", ["image", "noise"])
def test_of_a_matched_set_they_have_the_starts_unless_these_were_noise(
    few: ImageData, networks: list[Classifier], tmp_path: Path, start: str
) -> None:
    path, out = tmp_path / "robust.h5", tmp_path / "grids" / "robust.safetensors"
    build_match(path, networks[0], few, Match(steps=2, start="noise" if start == "noise" else "image"))
    keep_examples(path, out, source=few, networks=networks)
    found, columns = read_examples(out), open_dataset(path).columns
    assert found.index.tolist() == list(range(90))
    assert found.distances[:, 0] == pytest.approx(columns["start_distance"].numpy())
    assert found.distances[:, 1] == pytest.approx(columns["distance"].numpy())
    if start == "noise":
        assert len(found.start) == 0
        assert (found.start_label == -1).all()
        assert (found.predicted[:, :, 1] == -1).all()
        return
    starts = columns["start_index"].numpy()
    assert (found.start == found.source[starts]).all()
    assert (found.start_label == found.label[starts]).all()
    assert (found.predicted[:, :, 1] == found.predicted[starts, :, 0]).all()


def test_they_are_spread_over_the_set_the_same_for_each_of_its_size_and_few_where_images_are_large(
    few: ImageData, networks: list[Classifier], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "robust.h5", tmp_path / "few.safetensors"
    build_match(path, networks[0], few, Match(steps=1))
    monkeypatch.setattr(examples, "BYTES", 3 * 64 * 10)
    keep_examples(path, out, source=few, networks=networks)
    found = read_examples(out)
    assert found.index.tolist() == [int(89 * place / 9) for place in range(10)]
    assert found.spread(4).index.tolist() == found.index[[0, 3, 6, 9]].tolist()
    assert (found.spread(4).derived == found.derived[[0, 3, 6, 9]]).all()
    assert found.spread(99).index.tolist() == found.index.tolist()
    assert spread_over(3, 100).tolist() == [0, 1, 2]


def test_a_file_that_is_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "robust.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(FeatsplitError, match=r"robust\.safetensors: holds no examples of a set; delete it"):
        read_examples(tmp_path / "robust.safetensors")
