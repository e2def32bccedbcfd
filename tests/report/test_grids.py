"""The grids show what they say: the very pixels of source, start and result, under the right labels."""

from pathlib import Path

import pytest
import torch

from featsplit.data.dataset import open_dataset
from featsplit.data.images import ImageData
from featsplit.descent import LBFGS
from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier
from featsplit.report.grids import draw_grid, panels
from featsplit.synthesis import Build, Match, Perturb, build_match, build_perturb


def test_a_matched_set_shows_source_start_and_result(tmp_path: Path, robust: Classifier, digits: ImageData) -> None:
    build_match(tmp_path / "r.h5", robust, digits, Match(LBFGS(1.0), 3))
    derived = open_dataset(tmp_path / "r.h5")
    source, start, result = panels(derived, digits, torch.tensor([4, 20]))
    assert (source.name, start.name, result.name) == ("source", "start", "result")
    assert torch.equal(source.images[1], digits.train.inputs()[20])
    assert torch.equal(start.images[1], digits.train.inputs()[int(derived.columns["start_index"][20])])
    assert torch.equal(result.images[1], derived[20][0])
    assert source.titles == [digits.classes[int(digits.train.labels[row])] for row in (4, 20)]
    assert result.titles[0].startswith(f"distance {float(derived.columns['start_distance'][4]):.1f} to ")


def test_a_perturbed_set_shows_its_change_about_mid_grey(
    tmp_path: Path, standard: Classifier, digits: ImageData
) -> None:
    build_perturb(tmp_path / "p.h5", standard, digits, Perturb(targets="next", eps=1.0, steps=4, step_size=0.5))
    derived = open_dataset(tmp_path / "p.h5")
    source, result, change = panels(derived, digits, torch.tensor([7]))
    assert result.titles == [f"labelled {digits.classes[(int(digits.train.labels[7]) + 1) % 10]}"]
    difference = result.images[0] - source.images[0]
    assert float((change.images[0] - 0.5).abs().max()) == pytest.approx(0.5)
    assert torch.allclose((change.images[0] - 0.5) * 2 * difference.abs().max(), difference, atol=1e-6)


def test_a_grid_of_the_test_split_has_its_sources(tmp_path: Path, robust: Classifier, digits: ImageData) -> None:
    build_match(tmp_path / "r.h5", robust, digits, Match(LBFGS(1.0), 1), build=Build(split="test"))
    source = panels(open_dataset(tmp_path / "r.h5"), digits, torch.tensor([3]))[0]
    assert torch.equal(source.images[0], digits.test.inputs()[3])


def test_colour_images_are_drawn(tmp_path: Path) -> None:
    from featsplit.data.images import Split
    from featsplit.models.build import build

    split = Split(torch.rand((6, 3, 9, 7)), torch.arange(6) % 2)
    data = ImageData("colour", ("a", "b"), split, split)
    build_match(tmp_path / "r.h5", build("cnn", shape=(3, 9, 7), classes=2), data, Match(steps=1))
    draw_grid(tmp_path / "r.h5", tmp_path / "grid.png", source=data)
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_a_grid_of_other_data_is_refused(tmp_path: Path, robust: Classifier, digits: ImageData) -> None:
    build_match(tmp_path / "r.h5", robust, digits, Match(LBFGS(1.0), 1))
    other = ImageData("other", digits.classes, digits.test, digits.test)
    with pytest.raises(FeatsplitError, match='was made of "digits" as it then was, not of this data'):
        draw_grid(tmp_path / "r.h5", tmp_path / "grid.png", source=other)
