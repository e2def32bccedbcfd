"""Adversarial images as a data set: distances, targets, storage, and a search that was cut off."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from featsplit.attacks import Nearest
from featsplit.data import shards
from featsplit.data.derived import load_split, read_columns
from featsplit.data.images import ImageData
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.geometry import lengths
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.classifier import Classifier
from featsplit.records.minimum_norm import Aim, MinimumNorm
from featsplit.runtime import Machine
from featsplit.synthesis import Build, adversarial, build_adversarial

QUICK = MinimumNorm("closest", "l2", steps=30)
TEST = Build(split="test")


@pytest.fixture
def data(few: ImageData) -> ImageData:
    """Thirty test images."""
    return ImageData(few.name, few.classes, few.train, few.test.take(torch.arange(30)))


def test_what_is_kept_is_what_was_found(tmp_path: Path, standard: Classifier, data: ImageData) -> None:
    summary = build_adversarial(tmp_path / "a.h5", standard, data, QUICK, build=TEST)
    names, inputs = list(read_set_metadata(tmp_path / "a.h5").columns), data.test.inputs()
    columns = read_columns(tmp_path / "a.h5", names)
    assert torch.equal(columns["labels"], data.test.labels)
    assert torch.equal(columns["source_label"], data.test.labels)
    assert torch.equal(columns["source_index"], torch.arange(30))
    torch.testing.assert_close(columns["distance"], lengths(columns["images"] - inputs, "l2"))
    predicted = standard(columns["images"]).argmax(dim=1)
    assert torch.equal(predicted, columns["prediction"])
    assert torch.equal(columns["success"], predicted != data.test.labels)
    assert bool(columns["success"].all())
    right = standard(inputs).argmax(dim=1) == data.test.labels
    assert torch.equal(columns["distance"] > 0, right)
    assert summary["median_distance"] == pytest.approx(float(columns["distance"].median()))
    assert (summary["success"], summary["success_stored"]) == (1.0, 1.0)
    assert torch.equal(load_split(tmp_path / "a.h5").labels, data.test.labels)


@pytest.mark.parametrize("aim", ["untargeted", "next"])
def test_a_summary_is_numpys_of_what_was_found(
    tmp_path: Path, standard: Classifier, data: ImageData, aim: Aim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of planted distances, with seven failures; stored are the images as they are, so few of them are adversarial."""
    planted = torch.linspace(0.5, 3, 30).square().flip(0)
    planted[::4] = torch.inf
    calls = torch.arange(30).square()

    def find(network: Classifier, inputs: Tensor, labels: Tensor, attack: MinimumNorm, *, targeted: bool) -> Nearest:
        assert targeted == (aim == "next")
        return Nearest(inputs, planted, calls)

    monkeypatch.setattr(adversarial, "find", find)
    with pytest.warns(FeatsplitWarning, match="is lost by rounding"):
        summary = build_adversarial(tmp_path / "a.h5", standard, data, QUICK, aim=aim, build=TEST)
    predicted, labels = standard(data.test.inputs()).argmax(dim=1), data.test.labels
    fooled = predicted == (labels + 1) % 10 if aim == "next" else predicted != labels
    distances = planted.numpy()
    assert summary == pytest.approx(
        {
            "success": np.isfinite(distances).mean(),
            "success_stored": fooled.numpy().mean(),
            "mean_distance": distances[np.isfinite(distances)].mean(),
            "median_distance": np.quantile(distances, 0.5, method="lower"),
            "calls": calls.numpy().mean(),
        }
    )
    assert torch.equal(read_columns(tmp_path / "a.h5", ["calls"])["calls"], calls)
    assert bool((predicted != labels).any()), "some are predicted wrongly, not all as the target"


def test_its_metadata_tell_every_setting_and_of_which_images_it_is(
    tmp_path: Path, standard: Classifier, few: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a search with another setting is not taken up; in float32 whatever the precision."""
    data = ImageData(few.name, few.classes, few.train.take(torch.arange(3)), few.test)
    attack = MinimumNorm("carlini-wagner", "l2", confidence=0.125)
    build = Build(machine=Machine(precision="bfloat16"), name="adversarial")
    nothing = torch.full((3,), torch.inf), torch.zeros(3, dtype=torch.int64)
    monkeypatch.setattr(
        adversarial, "find", lambda network, inputs, labels, attack, targeted: Nearest(inputs, *nothing)
    )
    with pytest.warns(FeatsplitWarning, match="for 0 % of the images in 1000 steps"):
        build_adversarial(tmp_path / "a.h5", standard, data, attack, aim="next", build=build)
    spec = read_set_metadata(tmp_path / "a.h5").spec
    told = {"name": "carlini-wagner", "norm": "l2", "steps": 1000, "confidence": 0.125, "eps": [], "targets": "next"}
    assert spec.parameters == told | {"repair": False}
    assert (spec.split, spec.precision, spec.name, spec.method) == ("train", "float32", "adversarial", "attack")
    assert torch.equal(load_split(tmp_path / "a.h5").labels, data.train.labels)
    with pytest.raises(FeatsplitError, match=r"a\.h5: exists"):
        build_adversarial(tmp_path / "a.h5", standard, data, replace(attack, confidence=0.5), aim="next", build=build)
    with pytest.raises(FeatsplitError, match='dtype = "uint16": must be one of'):
        build_adversarial(tmp_path / "b.h5", standard, data, attack, build=replace(build, dtype=OTHER))


OTHER: Any = "uint16"


def test_a_network_that_does_not_take_the_images_is_refused(
    tmp_path: Path, standard: Classifier, data: ImageData
) -> None:
    fewer = ImageData(data.name, data.classes[:9], data.train, data.test)
    with pytest.raises(FeatsplitError, match="9 classes"):
        build_adversarial(tmp_path / "a.h5", standard, fewer, QUICK, build=TEST)
    assert not list(tmp_path.iterdir())


def test_with_all_targets_each_image_has_a_row_for_each_other_class(
    tmp_path: Path, standard: Classifier, data: ImageData
) -> None:
    build_adversarial(tmp_path / "a.h5", standard, data, QUICK, aim="all", build=Build(split="test", batch_size=64))
    columns = read_columns(tmp_path / "a.h5", ["target", "labels", "source_index", "prediction", "success", "distance"])
    targets = columns["target"].reshape(30, 9)
    whole = torch.cat([targets, data.test.labels[:, None]], dim=1).sort(dim=1).values
    assert torch.equal(whole, torch.arange(10).expand(30, 10))
    assert torch.equal(columns["source_index"], torch.arange(30).repeat_interleave(9))
    assert torch.equal(columns["success"], columns["prediction"] == columns["target"])
    build_adversarial(tmp_path / "u.h5", standard, data, QUICK, build=TEST)
    nearest = read_columns(tmp_path / "u.h5", ["distance"])["distance"]
    best = columns["distance"].reshape(30, 9).amin(dim=1)
    assert float((best / nearest.clamp_min(1e-3)).median()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("aim", "seeded"), [("next", False), ("least-likely", False), ("random", True)])
def test_a_target_is_the_one_that_was_asked_for(
    tmp_path: Path, standard: Classifier, data: ImageData, aim: Aim, seeded: bool
) -> None:
    for seed in (0, 1, 2):
        build = Build(split="test", seed=seed % 2, batch_size=(7, 7, 30)[seed])
        build_adversarial(tmp_path / f"{seed}.h5", standard, data, QUICK, aim=aim, build=build)
    first, second, again = (read_columns(tmp_path / f"{seed}.h5", ["target"])["target"] for seed in (0, 1, 2))
    assert torch.equal(first, again), "whatever the batches"
    assert torch.equal(first, second) == (not seeded)
    if aim == "random":
        shifts = (torch.cat([first, second]) - data.test.labels.repeat(2)) % 10
        assert set(shifts.tolist()) == set(range(1, 10)), "each other class, never its own"
    if aim == "next":
        assert torch.equal(first, (data.test.labels + 1) % 10)
    if aim == "least-likely":
        assert torch.equal(first, standard(data.test.inputs()).argmin(dim=1))
    assert read_set_metadata(tmp_path / "0.h5").spec.seed == (0 if seeded else None)


def test_a_search_cut_off_ends_the_same_in_batches_of_any_size(
    tmp_path: Path, standard: Classifier, data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", 10)
    build_adversarial(tmp_path / "whole.h5", standard, data, QUICK, build=Build(split="test", batch_size=5))
    written = list[int]()

    def cut(*arguments: Any, **options: Any) -> None:
        written.append(1)
        if len(written) == 3:
            raise KeyboardInterrupt
        save_file(*arguments, **options)

    monkeypatch.setattr(shards, "save_file", cut)
    with pytest.raises(KeyboardInterrupt):
        build_adversarial(tmp_path / "cut.h5", standard, data, QUICK, build=Build(split="test", batch_size=5))
    before = len(written)
    build_adversarial(tmp_path / "cut.h5", standard, data, QUICK, build=Build(split="test", batch_size=5))
    assert len(written) == before + 1
    assert (tmp_path / "cut.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_what_rounding_loses_and_what_was_not_found_is_said(
    tmp_path: Path, standard: Classifier, data: ImageData
) -> None:
    with pytest.warns(
        FeatsplitWarning, match=r"finds an adversarial image for .* raise --steps, or use --attack closest"
    ):
        summary = build_adversarial(
            tmp_path / "f.h5", standard, data, MinimumNorm("deepfool", "l2", steps=1), build=TEST
        )
    assert summary["success"] > 0
    assert "median_distance" not in summary, "it is infinite"
    columns = read_columns(tmp_path / "f.h5", ["distance", "success"])
    assert torch.equal(columns["distance"].isinf(), ~columns["success"])
    half = MinimumNorm("closest", "linf", steps=100)
    with pytest.warns(FeatsplitWarning, match=r"as stored in uint8: .* is lost by rounding: --dtype float32"):
        summary = build_adversarial(tmp_path / "r.h5", standard, data, half, build=Build(split="test", dtype="uint8"))
    columns = read_columns(tmp_path / "r.h5", ["images", "prediction", "prediction_stored"])
    kept = standard(columns["images"] / 255).argmax(dim=1)
    assert torch.equal(columns["prediction_stored"], kept)
    assert not torch.equal(columns["prediction"], kept)
    assert bool((columns["prediction"] != data.test.labels).all())
    assert summary["success_stored"] == pytest.approx(float((kept != data.test.labels).float().mean()))


def test_an_unknown_aim_is_refused(tmp_path: Path, standard: Classifier, data: ImageData) -> None:
    aim: Any = "nxt"
    with pytest.raises(FeatsplitError, match=r'targets = "nxt": must be one of .* did you mean "next"'):
        build_adversarial(tmp_path / "a.h5", standard, data, QUICK, aim=aim, build=TEST)


def test_what_bytes_undo_is_repaired(tmp_path: Path, standard: Classifier, data: ImageData) -> None:
    """By changes of one level in single components, in images that were undone and in no others."""
    build = Build(split="test", dtype="uint8")
    with pytest.warns(FeatsplitWarning, match="lost by rounding: --dtype float32, or --repair"):
        rounded = build_adversarial(tmp_path / "a.h5", standard, data, QUICK, build=build)
    repaired = build_adversarial(tmp_path / "r.h5", standard, data, QUICK, repair=True, build=build)
    before, after = (
        read_columns(tmp_path / name, ["images", "distance", "prediction_stored"]) for name in ("a.h5", "r.h5")
    )
    assert rounded["success_stored"] < 1 == repaired["success_stored"]
    assert torch.equal(before["distance"], after["distance"])
    undone = before["prediction_stored"] == data.test.labels
    changed = (before["images"] != after["images"]).flatten(1).any(dim=1)
    assert torch.equal(undone, changed)
    assert (before["images"].int() - after["images"].int()).abs().max() == 1


def test_only_bytes_are_repaired(tmp_path: Path, standard: Classifier, data: ImageData) -> None:
    with pytest.raises(FeatsplitError, match='repair = True: dtype "float32" is not rounded'):
        build_adversarial(tmp_path / "a.h5", standard, data, QUICK, repair=True, build=TEST)
