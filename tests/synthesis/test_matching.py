"""Each image is matched until it is near, and the calls of the network are counted."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from featsplit.data.derived import read_columns
from featsplit.data.images import ImageData
from featsplit.descent import LBFGS
from featsplit.geometry import lengths
from featsplit.models.classifier import Classifier
from featsplit.runtime import Frozen, Machine, Precision
from featsplit.synthesis import (
    Build,
    Match,
    Perturb,
    build_match,
)

FAST = Match(LBFGS(1.0), steps=15)
PUSH = Perturb(eps=1.5, steps=15, step_size=0.3)


def relative_distances(path: Path, model: Classifier, data: ImageData) -> Tensor:
    """How far each image of the file is from what it was to represent, as a share of its length, in float32."""
    with torch.no_grad():
        goal = model.representation(data.train.inputs())
        left = model.representation(read_columns(path, ["images"])["images"]) - goal
    return lengths(left, "l2") / lengths(goal, "l2")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_tolerance_stops_each_image_as_soon_as_it_is_near(
    tmp_path: Path, robust: Classifier, few: ImageData, precision: Precision
) -> None:
    """In either precision the distance is that of float32; images that get there cost less, no other differs."""
    runs, far = {}, {}
    for tolerance in (0.0, 0.1):
        path = tmp_path / f"{tolerance}.h5"
        match = Match(LBFGS(1.0), steps=16, tolerance=tolerance)
        summary = build_match(path, robust, few, match, build=Build(machine=Machine(precision=precision)))
        runs[tolerance], far[tolerance] = read_columns(path, ["runs"])["runs"], relative_distances(path, robust, few)
        assert summary["runs"] == pytest.approx(float(runs[tolerance].float().mean()))
        assert summary["relative_distance"] == pytest.approx(float(far[tolerance].median()), abs=1e-5)
    near = far[0.0] <= 0.1
    assert 50 < near.sum() < 90, "most get there, not all"
    assert (far[0.1][near] <= 0.1 + 1e-5).all()
    assert (far[0.1][near] > 0.03).sum() > 30, "they stopped at once, not as near as they could"
    assert (runs[0.1] <= runs[0.0]).all()
    assert runs[0.1].float().mean() < 0.8 * runs[0.0].float().mean()
    assert runs[0.0].tolist() == [18] * 90, "16 steps, the best of the rough again, the end"


def test_runs_are_the_calls_of_the_network(
    tmp_path: Path, robust: Classifier, few: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in all: but for the goal and the three distances that are measured, each a pass over every image."""
    seen: list[int] = []
    plainly = Frozen.representation

    def watched(network: Frozen, inputs: Tensor) -> Tensor:
        seen.append(len(inputs))
        return plainly(network, inputs)

    monkeypatch.setattr(Frozen, "representation", watched)
    build_match(tmp_path / "r.h5", robust, few, Match(FAST.rule, 12, tolerance=0.2), build=Build(batch_size=40))
    assert int(read_columns(tmp_path / "r.h5", ["runs"])["runs"].sum()) == sum(seen) - 4 * 90 - 2, (
        "and but for the two images by which the network that is prepared is compared with the one it was made of"
    )
