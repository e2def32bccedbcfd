"""Curves of training, read back by TensorBoard itself."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from featsplit import progress as progress_module
from featsplit.commands import app
from featsplit.engine.events import events_of, told
from featsplit.engine.jobs import Job, Worker
from featsplit.errors import FeatsplitError
from featsplit.models.checkpoints import read_metadata
from featsplit.progress import curves_in, progress
from featsplit.rows import Row
from featsplit.runtime import CPU

JOB = Job("seed0/train a", work=lambda worker: _learn(worker))


def _learn(worker: Worker) -> list[Row]:
    epochs = progress(range(2), "train a")
    for epoch in epochs:
        epochs.reached(epoch + 1, loss=1.0 / (epoch + 1), train_accuracy=0.5, test_accuracy=0.25 + epoch / 4)
    return []


def _read(folder: Path, name: str) -> list[tuple[int, float]]:
    found = EventAccumulator(str(folder)).Reload()
    return [(point.step, point.value) for point in found.Scalars(name)]


def test_train_keeps_what_the_history_says(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    words = ["train", "--data", "digits", "--arch", "mlp", "--epochs", "3", "--lr", "0.01", "--log", "tensorboard"]
    result = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert result.exit_code == 0, result.output
    for name in ("loss", "train_accuracy", "test_accuracy"):
        said = [entry[name] for entry in read_metadata(out).history]
        steps, values = zip(*_read(tmp_path / "m.tensorboard" / "train m", name), strict=True)
        assert steps == (1, 2, 3)
        assert values == pytest.approx(said)


def test_a_training_that_goes_on_takes_back_what_is_done_again(tmp_path: Path) -> None:
    for first, value in ((0, 5.0), (2, 1.0)):
        with curves_in(tmp_path):
            epochs = progress(range(first, 4), "t", done=first)
            for epoch in epochs:
                epochs.reached(epoch + 1, loss=value)
    assert _read(tmp_path / "t", "loss") == [(1, 5.0), (2, 5.0), (3, 1.0), (4, 1.0)]


@pytest.mark.parametrize("curves", [False, True])
def test_each_epoch_of_a_job_is_an_event_and_a_point_where_it_is_asked_for(tmp_path: Path, curves: bool) -> None:
    worker = replace(Worker(tmp_path, CPU, None, print), curves=curves)
    with told(JOB, worker):
        JOB.work(worker)
    events = [json.loads(line) for line in events_of(tmp_path, JOB.key).read_text().splitlines()]
    losses = [(event["done"], event["loss"], event["figures"]) for event in events if "loss" in event]
    assert losses == [(1, 1.0, "loss 1.000, accuracy 0.250"), (2, 0.5, "loss 0.500, accuracy 0.500")]
    own = tmp_path / "tensorboard" / "seed0--train-a" / "train a"
    assert own.exists() is curves
    if curves:
        assert _read(own, "test_accuracy") == [(1, 0.25), (2, 0.5)]


def test_no_curve_is_kept_outside_or_by_a_silent_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _learn(Worker(tmp_path, CPU, None, print))
    monkeypatch.setattr(progress_module, "_silent", True)
    with curves_in(tmp_path):
        _learn(Worker(tmp_path, CPU, None, print))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--data", "digits", "--out", "m.safetensors"],
        ["run", "digits", "--out", "r"],
    ],
)
def test_without_tensorboard_the_cure_is_said_before_anything_is_done(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("featsplit.curves.find_spec", lambda name: None)
    result = CliRunner().invoke(app, [*words, "--log", "tensorboard"])
    assert isinstance(result.exception, FeatsplitError)
    assert 'pip install "featsplit[tensorboard]"' in str(result.exception)
    assert not (tmp_path / "m.safetensors").exists()
    assert not (tmp_path / "r").exists()
