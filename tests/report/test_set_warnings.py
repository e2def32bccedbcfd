"""What is wrong with the sets of a run stands on its page, with the set and the seed."""

import json
import shutil
from pathlib import Path

import h5py
import pytest

from featsplit.errors import FeatsplitWarning, warn
from featsplit.experiment.workers import start_workers
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.markup import Text
from featsplit.report.page import Run, blocks_of
from featsplit.report.warnings import set_warnings


def tell(path: Path, warnings: list[str]) -> None:
    """Let the file at `path` hold these warnings."""
    with h5py.File(path, "r+") as file:
        file.attrs["warnings"] = json.dumps(warnings)


@pytest.fixture
def run(every_part: Path, tmp_path: Path) -> Run:
    """The run with every part, its sets all sound."""
    shutil.copytree(every_part, tmp_path / "run")
    for path in (tmp_path / "run").glob("seed*/sets/*.h5"):
        tell(path, [])
    return Run(tmp_path / "run")


def test_sound_sets_leave_the_page_as_it_is(run: Run) -> None:
    assert set_warnings(run) == []
    assert not any("Warning" in block.text for block in blocks_of(run) if isinstance(block, Text))


def test_every_warning_of_every_set_and_seed_is_on_the_page(run: Run) -> None:
    tell(run.set_file("det", 0), ["9 % reached it; raise --eps"])
    tell(run.set_file("robust", 1), ["0.6 is left; raise --steps", "and more"])
    tell(run.set_file("robust-noise-test", 1), ["far"])
    expected = [
        "Warning, D_det, seed 0: 9 % reached it; raise --eps.",
        "Warning, D_R (robust), seed 1: 0.6 is left; raise --steps.",
        "Warning, D_R (robust), seed 1: and more.",
        "Warning, D_R from noise, of the test images, seed 1: far.",
    ]
    assert set_warnings(run) == [Text(text) for text in expected]
    shown = [block for block in blocks_of(run) if isinstance(block, Text)]
    assert [block.text for block in shown if block.text.startswith("Warning")] == expected


def test_sets_made_before_this_was_looked_for_say_nothing(run: Run) -> None:
    with h5py.File(run.set_file("det", 0), "r+") as file:
        del file.attrs["warnings"]
    assert set_warnings(run) == []


def test_the_sets_of_a_run_tell_their_networks_and_what_is_wrong(every_part: Path) -> None:
    """After three epochs and three steps not every set can be sound."""
    found = {path.stem: read_set_metadata(path) for path in (every_part / "seed1" / "sets").glob("*.h5")}
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


def test_a_warning_in_a_worker_is_a_warning_of_the_run() -> None:
    with pytest.warns(FeatsplitWarning) as caught, start_workers(2) as workers:
        workers.carry_out(warn, {"3 of 7 are odd": (), "4 of 7 are even": ("3 of 7 are odd",)})
    assert [str(each.message) for each in caught] == ["3 of 7 are odd", "4 of 7 are even"]
