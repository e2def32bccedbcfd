"""Curves of training, as the files of networks tell them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from featsplit.engine.results import Results
from featsplit.metadata.models import ModelMetadata
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import read_metadata, save_model
from featsplit.report.blocks import Folded, Heading, Plot
from featsplit.report.intervals import accuracy
from featsplit.report.rows import picked
from featsplit.studies.by_epoch import MANY, curves_of_files, rows_by_epoch
from tests.rows import results

HISTORY = [
    {"loss": 2.0, "train_accuracy": 0.25, "attacked_accuracy": 0.125, "test_accuracy": 0.5},
    {"loss": 1.0, "train_accuracy": 0.5, "test_accuracy": 0.625},
    {"loss": 0.5, "train_accuracy": 0.75, "attacked_accuracy": 0.375, "test_accuracy": 0.875},
]
COUNTS = {"train_accuracy": 800, "test_accuracy": 400, "attacked_accuracy": 40}
PROBE = {"norm": "linf", "eps": 0.25, "images": 40, "steps": 5}
WHOLE: dict[str, Any] = {"history": HISTORY, "counts": COUNTS, "probe": PROBE}


@pytest.fixture
def run(tmp_path: Path) -> Results[Any]:
    """A run of two seeds without a network."""
    for seed in (0, 1):
        (tmp_path / f"seed{seed}" / "models").mkdir(parents=True)
    return replace(results([]), path=tmp_path, seeds=[0, 1])


def saved(run: Results[Any], name: str, *, seed: int = 0, **extra: Any) -> ModelMetadata:
    """A network of that name, in the folder of the run."""
    path, spec = run.path / f"seed{seed}" / "models" / f"{name}.safetensors", ModelSpec("linear")
    save_model(build(spec, shape=(1, 2, 2), classes=2, seed=0), path, spec=spec, extra=extra)
    return read_metadata(path)


def test_rows_say_of_how_many_images_and_under_which_attack(run: Results[Any]) -> None:
    metadata = saved(run, "a", **WHOLE)
    assert (metadata.counts, metadata.probe) == (COUNTS, PROBE)
    rows = rows_by_epoch(metadata, {"seed": 3}, train_set="rand")
    assert all(row["experiment"] == "epochs" and row["seed"] == 3 for row in rows)
    own, test, attacked = (
        picked(rows, **which)
        for which in ({"split": "train"}, {"attack": "none", "split": None}, {"attack": "pgd", "norm": "linf"})
    )
    assert [(row["epoch"], row["accuracy"], row["n"]) for row in own] == [(1, 0.25, 800), (2, 0.5, 800), (3, 0.75, 800)]
    assert [row["accuracy"] for row in test] == [0.5, 0.625, 0.875]
    assert [(row["epoch"], row["accuracy"], row["n"]) for row in attacked] == [(1, 0.125, 40), (3, 0.375, 40)]
    assert {(row["eps"], row["steps"], row["test_set"]) for row in attacked} == {(0.25, 5, "source")}
    assert {row["test_set"] for row in own} == {"rand"}
    assert rows_by_epoch(replace(metadata, counts={}), {"seed": 3}) == []
    assert not picked(rows_by_epoch(replace(metadata, probe=None), {"seed": 3}), attack="pgd")


def test_the_curves_of_a_run_are_those_of_its_networks_over_its_seeds(run: Results[Any]) -> None:
    assert curves_of_files(run) == []
    saved(run, "untold", history=[{"loss": 1.0}])
    assert curves_of_files(run) == [], "of a network whose history has no accuracies"
    lines = [rows_by_epoch(saved(run, "first-one", seed=seed, **WHOLE), {"seed": seed}) for seed in (0, 1)]
    saved(run, "second", history=HISTORY, counts=COUNTS)
    heading, plot = curves_of_files(run)
    assert isinstance(heading, Heading)
    assert isinstance(plot, Plot)
    last = picked([row for line in lines for row in line], attack="pgd", epoch=3)
    assert len(last) == 2
    assert "first one, epoch 3: on the set itself 0.750" in plot.alternative
    assert f"under attack {accuracy(last)}; second, epoch 3: " in plot.alternative
    assert "under attack (green: pgd linf 0.25, 5 steps, 40 images)" in plot.says
    assert "cross" not in plot.says
    for number in range(MANY):
        saved(run, f"more-{number}", **WHOLE)
    (folded,) = curves_of_files(run, lambda path, metadata: f"{metadata.arch} of {path.stem}")
    assert isinstance(folded, Folded)
    assert folded.title == "Training curves of 8 networks"
    (many,) = folded.blocks
    assert isinstance(many, Plot)
    assert "linear of more-5, epoch 3" in many.alternative
