"""The derived sets: what is matched is near, what is perturbed stays in its ball, and the work can be split anyhow."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from featsplit.data import shards
from featsplit.data.derived import read_columns
from featsplit.data.images import ImageData, as_inputs
from featsplit.descent import LBFGS, Momentum, Normalised, StepRule
from featsplit.errors import FeatsplitError
from featsplit.geometry import lengths
from featsplit.metadata.plain import mapping, number
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.build import build
from featsplit.models.classifier import Classifier
from featsplit.runtime import Machine, Precision
from featsplit.synthesis import (
    Build,
    Match,
    Perturb,
    build_match,
    build_perturb,
    match_representation,
    matching,
)

FAST = Match(LBFGS(1.0), steps=15)
PUSH = Perturb(eps=1.5, steps=15, step_size=0.3)


def test_matching_a_linear_network_inverts_it() -> None:
    """Where the representation is the image itself, the match is the image (a distance of zero)."""
    model = build("linear", shape=(1, 4, 4), classes=3).eval()
    inputs, starts = torch.rand((5, 1, 4, 4)), torch.rand((5, 1, 4, 4))
    found = match_representation(model, inputs, starts, steps=5, rule=LBFGS(10.0))
    assert torch.allclose(found, inputs, atol=1e-5)


@pytest.mark.parametrize(("rule", "steps"), [(Normalised(0.1), 200), (Momentum(2.0), 60), (LBFGS(1.0), 30)])
def test_each_rule_matches_the_representation(robust: Classifier, few: ImageData, rule: StepRule, steps: int) -> None:
    inputs, starts = few.train.inputs(slice(0, 40)), few.train.inputs(slice(40, 80))
    found = match_representation(robust, inputs, starts, steps=steps, rule=rule)
    with torch.no_grad():
        goal = robust.representation(inputs)
        far, near = (lengths(robust.representation(images) - goal, "l2") for images in (starts, found))
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    assert float((near / far).median()) < 0.1
    assert bool((near <= far).all())


def test_a_matched_set_holds_its_metadata(tmp_path: Path, robust: Classifier, few: ImageData) -> None:
    path = tmp_path / "robust.h5"
    summary = build_match(path, robust, few, FAST, build=Build(seed=4))
    columns = read_columns(path, list(read_set_metadata(path).columns))
    rows = torch.arange(90)
    assert torch.equal(columns["labels"], few.train.labels)
    assert torch.equal(columns["source_index"], rows)
    assert not bool((columns["start_index"] == rows).any())
    with torch.no_grad():
        goal = robust.representation(few.train.inputs())
        far = lengths(robust.representation(few.train.inputs(columns["start_index"])) - goal, "l2")
        near = lengths(robust.representation(columns["images"]) - goal, "l2")
    assert torch.allclose(columns["start_distance"], far, atol=1e-3)
    assert torch.allclose(columns["distance"], near, atol=1e-3)
    assert summary["relative_distance"] == pytest.approx(float((near / lengths(goal, "l2")).median()), abs=1e-4)
    spec = read_set_metadata(path).spec
    assert (spec.method, spec.split, spec.seed, spec.source_name) == ("match", "train", 4, "few")
    assert spec.source_digest == few.digest


def test_starts_do_not_depend_on_the_label(tmp_path: Path, robust: Classifier, digits: ImageData) -> None:
    """A start of the image's own class comes about one time in ten, as it would by chance: 600 images, 5 deviations."""
    build_match(tmp_path / "r.h5", robust, digits, Match(FAST.rule, 1))
    columns = read_columns(tmp_path / "r.h5", ["start_index", "labels"])
    share = float((digits.train.labels[columns["start_index"]] == columns["labels"]).float().mean())
    assert abs(share - 0.1) < 5 * (0.1 * 0.9 / 600) ** 0.5
    assert len(set(columns["start_index"].tolist())) > 300  # 600 (1 - 1 / e) are expected


def test_the_test_split_is_matched_from_training_images(tmp_path: Path, robust: Classifier, few: ImageData) -> None:
    build_match(tmp_path / "r.h5", robust, few, Match(FAST.rule, 2), build=Build(split="test"))
    columns = read_columns(tmp_path / "r.h5", ["start_index", "labels"])
    assert torch.equal(columns["labels"], few.test.labels)
    assert int(columns["start_index"].max()) < 90


def test_noise_starts_are_told_apart(tmp_path: Path, robust: Classifier, few: ImageData) -> None:
    build_match(tmp_path / "n.h5", robust, few, Match(FAST.rule, 2, start="noise"))
    columns = read_columns(tmp_path / "n.h5", ["start_index", "images"])
    assert set(columns["start_index"].tolist()) == {-1}
    assert not torch.equal(columns["images"][0], columns["images"][1])


def test_storage_of_a_match_is_measured(
    tmp_path: Path, robust: Classifier, few: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "as_stored", lambda images, dtype: (images.round() * 255).to(torch.uint8))
    build_match(tmp_path / "r.h5", robust, few, FAST, build=Build(dtype="uint8"))
    columns = read_columns(tmp_path / "r.h5", ["images", "distance", "distance_stored"])
    with torch.no_grad():
        goal = robust.representation(few.train.inputs())
        kept = lengths(robust.representation(as_inputs(columns["images"])) - goal, "l2")
    assert torch.allclose(columns["distance_stored"], kept, atol=1e-3)
    assert float(columns["distance_stored"].median()) > 2 * float(columns["distance"].median())


@pytest.mark.parametrize(
    ("match", "step_size", "steps"),
    [
        (Match(), 0.8, 50),
        (Match(Momentum()), 0.8, 80),
        (Match(Normalised()), 0.1, 1000),
        (Match(Normalised(), start="noise"), 0.1, 10_000),
        (Match(start="noise"), 0.8, 50),
        (Match(Momentum(), start="noise"), 0.8, 80),
        (Match(Normalised(0.3), 7, start="noise"), 0.3, 7),
        (Match(LBFGS(2.0), 7), 2.0, 7),
    ],
)
def test_a_match_takes_the_numbers_of_its_rule(match: Match, step_size: float, steps: int) -> None:
    """The paper's 1000 steps, 10,000 from noise (Table 5), and what suffices of the others; given numbers stand."""
    sized = match.sized((1, 8, 8))
    assert sized.rule.step_size == pytest.approx(step_size)
    assert sized.steps == steps
    assert (sized.rule.name, sized.start, sized.tolerance) == (match.rule.name, match.start, match.tolerance)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["match", "perturb"])
def test_the_file_tells_how_it_was_run(
    tmp_path: Path, standard: Classifier, few: ImageData, method: str, precision: Precision
) -> None:
    """The precision, and for a match every number as it was run; a file of the other precision is another file."""
    path = tmp_path / "s.h5"
    other: Precision = "float32" if precision == "bfloat16" else "bfloat16"
    if method == "match":
        build = partial(build_match, path, standard, few, Match(LBFGS(), 3, tolerance=0.02))
    else:
        build = partial(build_perturb, path, standard, few, Perturb(steps=2))
    build(build=Build(machine=Machine(precision=precision)))
    spec = read_set_metadata(path).spec
    assert spec.precision == precision
    if method == "match":
        assert spec.parameters["steps"] == 3
        assert number(mapping(spec.parameters["rule"])["step_size"]) == pytest.approx(0.8)
        assert spec.parameters["tolerance"] == 0.02
    before = path.read_bytes()
    build(build=Build(machine=Machine(precision=precision)))
    assert path.read_bytes() == before
    with pytest.raises(FeatsplitError, match="exists"):
        build(build=Build(machine=Machine(precision=other)))


def test_a_set_made_in_bfloat16_is_as_good(
    tmp_path: Path, standard: Classifier, robust: Classifier, few: ImageData
) -> None:
    """Its images are others, as the way there was rough; its figures are measured in float32, by the model itself."""
    found: dict[Precision, tuple[float, float]] = {"float32": (0, 0), "bfloat16": (0, 0)}
    images: dict[str, list[Tensor]] = {"m": [], "p": []}
    for precision in found:
        told = build_match(
            tmp_path / f"{precision}.m",
            robust,
            few,
            replace(FAST, steps=30),
            build=Build(machine=Machine(precision=precision)),
        )
        pushed = build_perturb(
            tmp_path / f"{precision}.p", standard, few, PUSH, build=Build(machine=Machine(precision=precision))
        )
        found[precision] = (told["relative_distance"], pushed["success"])
        columns = read_columns(tmp_path / f"{precision}.p", ["images", "prediction"])
        for kind, kept in images.items():
            kept.append(read_columns(tmp_path / f"{precision}.{kind}", ["images"])["images"])
        with torch.no_grad():
            assert torch.equal(columns["prediction"], standard(columns["images"]).argmax(1))
    assert not any(torch.equal(*kept) for kept in images.values())
    assert found["bfloat16"][0] < 2 * found["float32"][0]
    assert found["bfloat16"][1] == pytest.approx(found["float32"][1], abs=0.05)


@pytest.mark.parametrize("method", ["match", "perturb"])
def test_the_set_is_the_same_for_batches_of_7_and_128(
    tmp_path: Path, standard: Classifier, few: ImageData, method: str
) -> None:
    found = []
    for batch_size in (7, 128):
        path = tmp_path / f"{batch_size}.h5"
        if method == "match":
            build_match(path, standard, few, FAST, build=Build(batch_size=batch_size))
        else:
            build_perturb(path, standard, few, PUSH, build=Build(batch_size=batch_size))
        found.append(read_columns(path, ["images", "labels"]))
    assert torch.equal(found[0]["labels"], found[1]["labels"])
    assert torch.allclose(found[0]["images"], found[1]["images"], atol=1e-4)


def test_a_real_build_cut_off_ends_the_same(
    tmp_path: Path, standard: Classifier, few: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", 30)
    build_perturb(tmp_path / "whole.h5", standard, few, PUSH, build=Build(batch_size=8))
    calls = []

    def cut(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save_file(*arguments, **options)

    monkeypatch.setattr(shards, "save_file", cut)
    with pytest.raises(KeyboardInterrupt):
        build_perturb(tmp_path / "cut.h5", standard, few, PUSH, build=Build(batch_size=8))
    assert not (tmp_path / "cut.h5").exists()
    monkeypatch.setattr(shards, "save_file", save_file)
    build_perturb(tmp_path / "cut.h5", standard, few, PUSH, build=Build(batch_size=8))
    assert (tmp_path / "cut.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, r"steps = 0: must be at least 1"),
        ({"tolerance": 1.0}, r"tolerance = 1: must be in \[0, 1\), 0 to take every step"),
        ({"tolerance": -0.1}, r"tolerance = -0\.1: must be in \[0, 1\)"),
        ({"tolerance": float("nan")}, r"tolerance = nan: must be in \[0, 1\)"),
        ({"start": "nose"}, r'start = "nose": must be one of image, noise; did you mean "noise"'),
        ({"rule": LBFGS(memory=0)}, r"memory = 0: must be at least 1"),
    ],
)
def test_settings_of_matching_out_of_range_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError, match=rf"match\.{message}"):
        replace(Match(), **wrong).check()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"norm": "linf", "eps": 8}, r'eps = 8: must be at most 1 for norm "linf" .*; 8/255 is 0\.0314'),
        ({"targets": "nxt"}, r'targets = "nxt": .* did you mean "next"'),
        ({"step_size": 0}, r"step_size = 0: must be greater than 0"),
        ({"steps": 0}, r"steps = 0: must be at least 1"),
    ],
)
def test_settings_of_a_perturbation_out_of_range_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError, match=rf"perturb\.{message}"):
        replace(Perturb(), **wrong).check()


def test_a_model_of_another_size_is_refused(tmp_path: Path, few: ImageData) -> None:
    other = build("cnn", shape=(3, 16, 16), classes=10)
    with pytest.raises(FeatsplitError, match="few: images are 1 x 8 x 8, the model takes 3 x 16 x 16; see --resize"):
        build_match(tmp_path / "r.h5", other, few, FAST)
    wrong: dict[str, Any] = {"dtype": "float8"}
    with pytest.raises(FeatsplitError, match=r'dtype = "float8": must be one of float32, float16, uint8'):
        build_match(tmp_path / "r.h5", other, few, FAST, build=replace(Build(), **wrong))
