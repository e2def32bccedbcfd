"""What is wrong with the sets of a run stands on its page, with the set and the seed."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest

from featsplit.engine.results import Results
from featsplit.metadata.sets import DIGEST, FIRST_FORMAT, read_set_metadata, write_set_metadata
from featsplit.report.blocks import Block, Text
from featsplit.studies import open_results, study_named
from featsplit.studies.distill2019.jobs import made_sets
from featsplit.studies.ilyas2019.set_warnings import set_warnings


def tell(path: Path, warnings: list[str]) -> None:
    """Let the file at `path` hold these warnings."""
    metadata = replace(read_set_metadata(path), warnings=tuple(warnings))
    with h5py.File(path, "r+") as file:
        write_set_metadata(file, metadata)


@pytest.fixture
def run(every_experiment: Path, tmp_path: Path) -> Results[Any]:
    """The run with every experiment, its sets all sound."""
    shutil.copytree(every_experiment, tmp_path / "run")
    for path in (tmp_path / "run").glob("seed*/sets/*.h5"):
        tell(path, [])
    return open_results(tmp_path / "run")


def warned(run: Results[Any]) -> list[Block]:
    return set_warnings({seed: run.seed_folder(seed) for seed in run.seeds}, made_sets(run.settings))


def texts(run: Results[Any]) -> list[str]:
    """The paragraphs of its page."""
    return [block.text for block in study_named("distill2019").page(run) if isinstance(block, Text)]


def test_sound_sets_leave_the_page_as_it_is(run: Results[Any]) -> None:
    assert warned(run) == []
    assert not any("Warning" in text for text in texts(run))


def test_every_warning_of_every_set_and_seed_is_on_the_page(run: Results[Any]) -> None:
    first, second = (run.seed_folder(seed) / "sets" for seed in (0, 1))
    tell(first / "det.h5", ["9 % reached it; raise --eps"])
    tell(second / "robust.h5", ["0.6 is left; raise --steps", "and more"])
    tell(second / "robust-noise-test.h5", ["far"])
    expected = [
        "Warning, D_det, seed 0: 9 % reached it; raise --eps.",
        "Warning, D_R (robust), seed 1: 0.6 is left; raise --steps.",
        "Warning, D_R (robust), seed 1: and more.",
        "Warning, D_R from noise, of the test images, seed 1: far.",
    ]
    assert warned(run) == [Text(text) for text in expected]
    assert [text for text in texts(run) if text.startswith("Warning")] == expected


def test_sets_made_before_this_was_looked_for_say_nothing(run: Results[Any]) -> None:
    with h5py.File(run.seed_folder(0) / "sets" / "det.h5", "r+") as file:
        del file.attrs["warnings"], file.attrs[DIGEST]
        file.attrs["format"] = FIRST_FORMAT
    assert warned(run) == []


def test_the_sets_of_a_run_tell_their_networks_and_what_is_wrong(every_experiment: Path) -> None:
    """After three epochs and three steps not every set can be sound."""
    found = {path.stem: read_set_metadata(path) for path in (every_experiment / "seed1" / "sets").glob("*.h5")}
    robust = {"robust", "robust-noise", "robust-noise-test", "rand-control", "det-control"}
    assert robust < set(found)
    for name, metadata in found.items():
        of = "adversarial" if name in robust else "early" if name == "mislabelled" else "standard"
        assert metadata.made_by.model is not None
        assert metadata.made_by.model.file == f"models/{of}.safetensors"
        assert metadata.made_by.kind == ("adversarial" if of == "adversarial" else "standard")
        assert metadata.made_by.model.test_accuracy is not None
        assert (metadata.made_by.control is not None) == (name in ("rand", "det"))
        assert not metadata.made_by.any_model
    assert all(metadata.warnings is not None for metadata in found.values())
    assert any(metadata.warnings for metadata in found.values())
