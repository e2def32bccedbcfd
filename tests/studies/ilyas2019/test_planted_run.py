"""The split has a right answer on planted data, and a whole run finds it: the end-to-end test of the tool."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from featsplit.data.planted import planted_from, truth_of
from featsplit.report.rows import picked
from featsplit.studies.ilyas2019.rows import PlantedRow
from tests.rows import read, run_quietly

SETTINGS = ["data.source=planted:size=8,classes=4,train=1000,test=200", "model.width=32", "train.batch_size=64"]
Kept = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def kept(folder: Path) -> Kept:
    """The share that each derived set of a run keeps of the class signal of each component."""
    rows, _ = run_quietly(read("planted-split", *SETTINGS, "evaluate.eps=[0.08]"), folder)
    shares = cast(list[PlantedRow], picked(rows, experiment="planted"))
    return {(row["train_set"], row["component"]): row["kept"] for row in shares}


def test_the_robust_set_keeps_the_robust_component_alone(kept: Kept) -> None:
    assert kept["robust", "robust"] >= 0.8
    assert kept["robust", "nonrobust"] <= 0.2


@pytest.mark.parametrize(("name", "least"), [("nonrobust", 0.8), ("rand", 0.8), ("det", 0.5)])
def test_the_other_sets_hold_the_nonrobust_component(kept: Kept, name: str, least: float) -> None:
    assert kept[name, "nonrobust"] >= least
    assert kept[name, "robust"] <= 0.2


def test_a_run_stores_what_was_planted(folder: Path, kept: Kept) -> None:
    truth = truth_of(planted_from(SETTINGS[0].partition("=")[2]))
    with np.load(folder / "seed0" / "truth.npz") as stored:
        assert np.array_equal(stored["patterns_robust"], truth.patterns["robust"].numpy())
        assert np.array_equal(stored["train_nonrobust"], truth.train["nonrobust"].numpy())
