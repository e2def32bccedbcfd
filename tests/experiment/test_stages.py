"""The stages of a run, one by one: what the settings say reaches the work and its files."""

from pathlib import Path
from typing import Any

import pytest
import torch

from featsplit.data.sources import load_data
from featsplit.evaluation import Attack
from featsplit.experiment import stages
from featsplit.experiment.settings import read_experiment
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.checkpoints import read_metadata

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
    experiment = read_experiment(str(tmp_path / "own.toml"), [f"precision={precision}", "match.tolerance=0.3"])
    seen: list[str] = []

    def watched(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
        seen.append(options["precision"])
        return [{"attack": "none", "eps": 0, "accuracy": 0.5}]

    monkeypatch.setattr(stages, "evaluate", watched)
    data = load_data(experiment.data)
    work = stages.Stages(experiment, data, tmp_path, 0, torch.device("cpu"), lambda line: None)
    model, robust = (stages.trained(work, name, data.train) for name in ("standard", "adversarial"))
    assert read_metadata(tmp_path / "models" / "standard.safetensors").precision == precision
    stages.built(work, "robust", robust)
    stages.built(work, "det", model, control=robust)
    specs = [read_set_metadata(tmp_path / "sets" / f"{name}.h5").spec for name in ("robust", "det")]
    assert [spec.precision for spec in specs] == [precision] * 2
    assert specs[0].parameters["tolerance"] == 0.3
    stages.evaluated(work, "standard", model, "source", data.test, [Attack()], part="main")
    assert seen == [precision]
