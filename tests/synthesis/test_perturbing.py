"""Images perturbed to a target stay in their ball, and what is measured of them is measured."""

from pathlib import Path
from typing import Any

import pytest
import torch

from featsplit.data.derived import read_columns
from featsplit.data.images import ImageData, as_inputs
from featsplit.geometry import lengths
from featsplit.models.build import build
from featsplit.models.classifier import Classifier
from featsplit.synthesis import (
    Build,
    Perturb,
    build_perturb,
    choose_targets,
    perturb_to_target,
    perturbing,
)

PUSH = Perturb(eps=1.5, steps=15, step_size=0.3)


def test_perturbing_a_linear_network_moves_as_far_as_the_ball_allows() -> None:
    """With two classes the steepest way to the target is along w_t - w_y: margin + eps ||w_t - w_y||_2."""
    model = build("linear", shape=(1, 4, 4), classes=2).eval()
    inputs = torch.full((1, 1, 4, 4), 0.5)
    targets = 1 - model(inputs).argmax(1)
    found = perturb_to_target(model, inputs, targets, norm="l2", eps=0.3, steps=20, step_size=0.1)
    towards = model.head.weight[targets[0]] - model.head.weight[1 - targets[0]]
    expected = inputs + 0.3 * (towards / towards.norm()).reshape(1, 1, 4, 4)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_perturbed_set_stays_in_its_ball(tmp_path: Path, standard: Classifier, few: ImageData, norm: Any) -> None:
    push = Perturb(norm=norm, eps=1.5 if norm == "l2" else 0.3, steps=15, step_size=0.3 if norm == "l2" else 0.05)
    summary = build_perturb(tmp_path / "p.h5", standard, few, push)
    columns = read_columns(tmp_path / "p.h5", ["images", "target", "labels", "prediction", "source_label"])
    assert float(lengths(columns["images"] - few.train.inputs(), norm).max()) <= push.eps + 1e-5
    assert torch.equal(columns["labels"], columns["target"])
    with torch.no_grad():
        read = standard(columns["images"]).argmax(1)
    assert torch.equal(columns["prediction"], read)
    assert summary["success"] == pytest.approx(float((read == columns["target"]).float().mean()))
    assert summary["success"] > 0.8


def test_storage_is_measured_not_assumed(
    tmp_path: Path, standard: Classifier, few: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored as coarsely as black and white, the success is another one, and the one that is told."""
    monkeypatch.setattr(perturbing, "as_stored", lambda images, dtype: (images.round() * 255).to(torch.uint8))
    summary = build_perturb(tmp_path / "p.h5", standard, few, PUSH, build=Build(dtype="uint8"))
    columns = read_columns(tmp_path / "p.h5", ["images", "prediction", "prediction_stored", "target"])
    assert columns["images"].dtype == torch.uint8
    with torch.no_grad():
        assert torch.equal(columns["prediction_stored"], standard(as_inputs(columns["images"])).argmax(1))
    assert not torch.equal(columns["prediction_stored"], columns["prediction"])
    share = float((columns["prediction_stored"] == columns["target"]).float().mean())
    assert summary["success_stored"] == pytest.approx(share)
    assert summary["success_stored"] < summary["success"]


def test_the_control_is_the_robust_networks_reading(
    tmp_path: Path, standard: Classifier, robust: Classifier, few: ImageData
) -> None:
    summary = build_perturb(tmp_path / "p.h5", standard, few, PUSH, control=robust)
    columns = read_columns(tmp_path / "p.h5", ["images", "target", "control_before", "control_after"])
    with torch.no_grad():
        before, after = (robust(images).argmax(1) for images in (few.train.inputs(), columns["images"]))
    assert torch.equal(columns["control_before"], before)
    assert torch.equal(columns["control_after"], after)
    assert summary["control_before"] == pytest.approx(float((before == columns["target"]).float().mean()))
    assert summary["control_after"] == pytest.approx(float((after == columns["target"]).float().mean()))
    assert summary["control_after"] < summary["success"]


def test_targets_are_uniform_or_the_next(digits: ImageData) -> None:
    labels, rows = digits.train.labels, torch.arange(600)
    drawn = choose_targets(labels, rows, Perturb(), classes=10, seed=0)
    assert bool((torch.bincount(drawn, minlength=10) > 30).all())
    assert 0.05 < float((drawn == labels).float().mean()) < 0.16
    other = choose_targets(labels, rows, Perturb(exclude_own_label=True), classes=10, seed=0)
    assert not bool((other == labels).any())
    assert bool((torch.bincount(other, minlength=10) > 30).all())
    following = choose_targets(labels, rows, Perturb(targets="next"), classes=10, seed=0)
    assert torch.equal(following, (labels + 1) % 10)
