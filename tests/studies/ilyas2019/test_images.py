"""The images on the page of a run: to step through where the run has kept examples, else as pictures, else none."""

from pathlib import Path

import pytest

from featsplit.engine.results import DataSummary, Results
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.report.blocks import Block, Explorer, Picture
from featsplit.studies import read_settings
from featsplit.studies.ilyas2019.images import images
from featsplit.studies.ilyas2019.settings import Settings

NAMES = ("det", "robust", "mislabelled")


@pytest.fixture
def run(tmp_path: Path) -> Results[Settings]:
    """A run of seed 3 that has made three sets, without a file."""
    settings = read_settings("digits", [])
    assert isinstance(settings, Settings)
    data = DataSummary("digits", "0", 8, 8, (1, 8, 8), ("zero", "one"), 0.5)
    (tmp_path / "seed3" / "grids").mkdir(parents=True)
    return Results(tmp_path, settings, [3], [], data, "", "", {}, "")


def shown(run: Results[Settings], *files: str) -> list[Block]:
    for name in files:
        (run.path / "seed3" / "grids" / name).touch()
    return images(run, [DERIVED_SETS[name] for name in NAMES])


def test_the_sets_that_have_examples_are_explored_in_their_order(run: Results[Settings]) -> None:
    files = [f"{name}.{end}" for name in NAMES for end in ("png", "safetensors")]
    (explorer,) = shown(run, *files)
    assert isinstance(explorer, Explorer)
    assert [one.label for one in explorer.sets] == ["D_R (robust)", "D_det", "mislabelled images"]
    assert [one.maker for one in explorer.sets] == [1, 0, None], "the third is of a network that was stopped early"
    assert [one.control for one in explorer.sets] == [None, 1, None], "of which nothing but D_det was perturbed"
    assert explorer.sets[1].distance == "Length of the perturbation (l2)"
    assert [one.examples for one in explorer.sets][:1] == ["seed3/grids/robust.safetensors"]
    assert explorer.classes == ("zero", "one")


def test_a_run_without_examples_has_its_pictures(run: Results[Settings]) -> None:
    pictures = [block for block in shown(run, "robust.png", "det.png") if isinstance(block, Picture)]
    assert [picture.path for picture in pictures] == ["seed3/grids/robust.png", "seed3/grids/det.png"]


def test_a_set_without_examples_has_its_picture_beside_those_that_have(run: Results[Settings]) -> None:
    explorer, _, picture = shown(run, "robust.png", "det.png", "det.safetensors")
    assert isinstance(explorer, Explorer)
    assert [one.label for one in explorer.sets] == ["D_det"]
    assert isinstance(picture, Picture)
    assert picture.path == "seed3/grids/robust.png"


def test_a_run_without_either_has_no_section_of_images(run: Results[Settings]) -> None:
    assert shown(run) == []
