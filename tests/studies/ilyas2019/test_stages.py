"""The stages of a run, one by one: what the settings say reaches the work and its files."""

from pathlib import Path
from typing import Any

import pytest
import torch

from featsplit.engine.jobs import Worker
from featsplit.evaluation import Attack
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import read_metadata
from featsplit.runtime import Machine
from featsplit.studies.ilyas2019 import stages, tested
from featsplit.studies.ilyas2019.building import Making, ensure_set
from featsplit.studies.ilyas2019.networks import adversarial, standard
from tests.rows import read

TINY = """
[data]
source = "digits"
limit = 60
limit_test = 30
[model]
arch = "mlp"
width = 16
[train]
epochs = 1
[train.adversarial]
adversary = { eps = 0.5, steps = 1 }
[match]
steps = 3
[perturb]
steps = 2
"""


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision_and_tolerance_reach_every_stage(
    tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training, both ways to build a set, and evaluation; what the files say is what was asked for."""
    (tmp_path / "own.toml").write_text(TINY)
    settings = read(str(tmp_path / "own.toml"), f"precision={precision}", "match.tolerance=0.3")
    seen: list[str] = []

    def watched(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
        seen.append(options["machine"].precision)
        return [{"attack": "none", "eps": 0, "accuracy": 0.5}]

    monkeypatch.setattr(stages, "evaluate", watched)
    worker = Worker(tmp_path, Machine(torch.device("cpu"), settings.precision), None, lambda line: None)
    work = stages.Stages(worker, stages.Place(settings, 0))
    for network in (standard(settings), adversarial(settings)):
        work.ensure_trained(network)
    assert read_metadata(work.network_file(standard(settings))).precision == precision
    ensure_set(work, Making(DERIVED_SETS["robust"], adversarial(settings)))
    ensure_set(work, Making(DERIVED_SETS["det"], standard(settings)))
    specs = [read_set_metadata(work.set_file(name)).spec for name in ("robust", "det")]
    assert [spec.precision for spec in specs] == [precision] * 2
    assert specs[0].parameters["tolerance"] == 0.3
    work.ensure_evaluated(standard(settings), tested.TestSet(), work.data.test, [Attack()], experiment="main")
    assert seen == [precision]


def test_a_test_set_is_named_in_files_and_rows_alike() -> None:
    sets = [tested.TestSet(), tested.TestSet(labels="next"), tested.TestSet("robust", "test")]
    assert [one.stem for one in sets] == ["source", "source-next", "robust-test"]
    assert [one.fields() for one in sets] == [
        {"test_set": "source"},
        {"test_set": "source", "labels": "next"},
        {"test_set": "robust", "split": "test"},
    ]
