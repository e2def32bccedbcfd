"""Rows and runs made by hand, for tests of what is made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from featsplit.engine.jobs import Worker
from featsplit.engine.processes import start_engine
from featsplit.engine.results import DataSummary, Results
from featsplit.engine.run import run
from featsplit.engine.study import StudySettings
from featsplit.rows import Row
from featsplit.runtime import Machine
from featsplit.studies import read_settings, study_named
from featsplit.studies.ilyas2019.settings import Settings


def row(accuracy: float, **fields: Any) -> Row:
    """A row of "main"; with an eps and no attack it is under PGD. Of images enough to decide by themselves."""
    usual = {"experiment": "main", "train_set": "source", "training": "standard", "architecture": "resnet50", "seed": 0}
    usual |= {"test_set": "source", "attack": "pgd" if "eps" in fields else "none", "eps": None, "loss": None}
    return cast(Row, usual | {"norm": "l2", "n": 1_000_000} | fields | {"accuracy": accuracy})


def results(rows: Sequence[Row], *, preset: str = "digits", overrides: Sequence[str] = ()) -> Results[Any]:
    """A run of `preset` that gave `rows`, in no folder; of ten classes."""
    settings = read_settings(preset, overrides)
    data = DataSummary("made by hand", "", 1437, 360, (1, 8, 8), tuple("0123456789"), 0.1)
    return Results(Path("nowhere"), settings, [0], rows, data, "featsplit run", "featsplit run", {}, "2026-01-01")


def read(name: str, *overrides: str) -> Settings:
    """The settings of a preset or file of a run of Ilyas et al., or of its discussion."""
    settings = read_settings(name, overrides)
    assert isinstance(settings, Settings)
    return settings


def run_quietly(settings: StudySettings, out: Path, *, seeds: Sequence[int] = (0,)) -> tuple[list[Row], list[str]]:
    """The rows of a run of `settings` in the folder `out`, without its page; and the lines that it said."""
    said = list[str]()
    worker = Worker(out, Machine(torch.device("cpu"), settings.precision), None, said.append)
    with start_engine(worker) as engine:
        return run(study_named(settings.study), settings, seeds=seeds, engine=engine), said
