"""Logistic regression of 3 against 7: the closed forms, the optimiser, the printed loss, and a run on the digits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.images import Split
from featsplit.errors import FeatsplitError
from featsplit.studies import open_results, read_settings
from featsplit.studies.goodfellow2015.logistic.jobs import as_classifier, as_linear, attacked_margins, flat
from featsplit.studies.goodfellow2015.logistic.model import (
    Arm,
    Array,
    Linear,
    fit,
    loss,
    margins,
    pull,
    worst_inputs,
    worst_margins,
)

EPS = 0.1
MASKED = 500
"""The sum of weights above which margins are too large for gradients of the cross-entropy in float32."""
SMALL = (
    "goodfellow2015-digits --seeds 0,1 --device cpu --workers 1 --experiments logistic --set logistic.limit=120 "
    "--set logistic.eps=[0.1,0.25]"
)


@pytest.fixture(scope="module")
def drawn() -> tuple[Array, Array]:
    """Two overlapping classes of 80 points in [0, 1]^6."""
    rng = np.random.default_rng(0)
    signs = np.repeat([-1.0, 1.0], 40)
    return np.clip(0.5 + 0.15 * signs[:, None] * [1, 1, 0, 0, 0, 0] + 0.25 * rng.normal(size=(80, 6)), 0, 1), signs


MODEL = Linear(np.array([3.0, -2.0, 0.5, 0.0, 1.0, -1.0]), -0.4)


def test_the_worst_case_is_that_of_all_corners_of_the_ball(drawn: tuple[Array, Array]) -> None:
    inputs, signs = drawn
    corners = EPS * np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1).T
    moved = inputs[:, None] + corners
    free = (signs[:, None] * (moved @ MODEL.w + MODEL.b)).min(axis=1)
    kept = (signs[:, None] * (np.clip(moved, 0, 1) @ MODEL.w + MODEL.b)).min(axis=1)
    np.testing.assert_allclose(worst_margins(MODEL, inputs, signs, EPS), free)
    np.testing.assert_allclose(margins(MODEL, worst_inputs(MODEL, inputs, signs, EPS), signs), kept)
    assert (kept > free + 1e-6).any()


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_attack_reaches_the_formula_with_bounds_and_without(drawn: tuple[Array, Array], scale: float) -> None:
    """At margins of thousands too, where the gradient of the cross-entropy is 0 in float32."""
    inputs, signs = drawn
    model = as_classifier(Linear(MODEL.w * scale, MODEL.b * scale), (1, 2, 3))
    split = Split(torch.tensor(inputs).float().reshape(-1, 1, 2, 3), torch.tensor(signs > 0).long())
    exact, held = as_linear(model), flat(split)[0]
    np.testing.assert_allclose(
        attacked_margins(model, split, EPS, room=1.0), worst_margins(exact, held, signs, EPS), atol=1e-5 * scale
    )
    kept = margins(exact, worst_inputs(exact, held, signs, EPS), signs)
    np.testing.assert_allclose(attacked_margins(model, split, EPS), kept, atol=1e-5 * scale)


def test_the_adversarial_loss_is_the_loss_at_the_worst_images_of_both_classes(drawn: tuple[Array, Array]) -> None:
    inputs, signs = drawn
    moved = inputs - EPS * signs[:, None] * np.sign(MODEL.w)
    for sign in (-1.0, 1.0):
        of = signs == sign
        exact = loss(MODEL, inputs[of], signs[of], Arm("adversarial", EPS))
        printed = loss(MODEL, inputs[of], signs[of], Arm("as printed", EPS))
        assert exact == pytest.approx(loss(MODEL, moved[of], signs[of], Arm("plain")))
        assert (printed == pytest.approx(exact)) == (sign > 0)


def test_the_printed_loss_is_the_plain_one_of_a_moved_bias(drawn: tuple[Array, Array]) -> None:
    inputs, signs = drawn
    printed = fit(inputs, signs, Arm("as printed", EPS), iterations=200)
    plain = fit(inputs, signs, Arm("plain"), iterations=200)
    np.testing.assert_array_equal(printed.w, plain.w)
    assert loss(printed, inputs, signs, Arm("as printed", EPS)) == pytest.approx(
        loss(plain, inputs, signs, Arm("plain"))
    )


@pytest.mark.parametrize(("arm", "penalty"), [(Arm("l1", 0.02), "l1"), (Arm("l2", 0.02), "l2")])
def test_decay_is_that_of_scikit_learn(drawn: tuple[Array, Array], arm: Arm, penalty: str) -> None:
    """Its loss is C times the sum, and |w|_1 or half of |w|^2; saga with both, as liblinear decays the bias too."""
    inputs, signs = drawn
    strength = 1 / (arm.size * len(signs)) / (2 if penalty == "l2" else 1)
    oracle = LogisticRegression(
        l1_ratio=float(penalty == "l1"), C=strength, solver="saga", tol=1e-10, max_iter=100_000, random_state=0
    ).fit(inputs, signs)
    found = fit(inputs, signs, arm, iterations=500)
    np.testing.assert_allclose(found.w, oracle.coef_[0], atol=1e-4)
    assert found.b == pytest.approx(oracle.intercept_[0], abs=1e-4)


def test_the_adversarial_fit_is_a_minimum(drawn: tuple[Array, Array]) -> None:
    inputs, signs = drawn
    arm, rng = Arm("adversarial", EPS), np.random.default_rng(1)
    found = fit(inputs, signs, arm, iterations=500)
    least = loss(found, inputs, signs, arm)
    assert least < loss(fit(inputs, signs, Arm("plain"), iterations=500), inputs, signs, arm)
    for size in (1e-3, 0.1, 1.0):
        for step in rng.normal(size=(20, 7)) * size:
            assert loss(Linear(found.w + step[:6], found.b + step[6]), inputs, signs, arm) >= least - 1e-9


def test_the_pull_of_training_switches_off_with_the_margin_and_that_of_decay_does_not() -> None:
    inputs, signs = np.array([[1.0], [0.0]]), np.array([1.0, -1.0])
    sure, unsure = Linear(np.array([80.0]), -40.0), Linear(np.array([0.8]), -0.4)
    assert pull(sure, inputs, signs, Arm("adversarial", EPS)) < 1e-10
    assert pull(unsure, inputs, signs, Arm("adversarial", EPS)) == pytest.approx(EPS / (1 + np.exp(0.4 - 0.08)))
    assert pull(sure, inputs, signs, Arm("l1", 0.01)) == pull(unsure, inputs, signs, Arm("l1", 0.01)) == 0.01


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('logistic.classes=["3"]', 'logistic.classes: must be two, the first as y = -1, such as ["3", "7"]'),
        ("logistic.eps=[]", "logistic.eps: is empty; give sizes in linf, such as [0.1, 0.25]"),
        ("logistic.l1=[0.1, 0.1]", "logistic.l1 = [0.1, 0.1]: give each once"),
        ("logistic.adversarial=[0.0]", "logistic.adversarial = 0: must be greater than 0, and finite"),
        ("logistic.early=0", "logistic.early = 0: must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, says: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read_settings("goodfellow2015-digits", [setting])
    assert str(caught.value) == says


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two seeds on a part of the digits."""
    out = tmp_path_factory.mktemp("goodfellow") / "run"
    result = CliRunner().invoke(app, ["run", *SMALL.split(), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "in eps at most" in result.output
    return out


def test_a_second_run_takes_up_models_and_rows(finished: Path) -> None:
    (finished / "run.json").unlink()
    kept = [*finished.glob("seed*/logistic/*.safetensors"), *finished.glob("seed*/logistic/*.json")]
    times, rows = {path: path.stat().st_mtime_ns for path in kept}, (finished / "rows.json").read_bytes()
    assert len(times) == 2 * 2 * 8
    assert CliRunner().invoke(app, ["run", *SMALL.split(), "--out", str(finished)]).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == times
    assert (finished / "rows.json").read_bytes() == rows


def test_seeds_take_other_images_and_the_same_test_images(finished: Path) -> None:
    rows = [row for row in json.loads((finished / "rows.json").read_text()) if row["training"] == "plain"]
    lengths = {row["seed"]: row["length"] for row in rows if row.get("split") == "train"}
    assert lengths[0] != lengths[1]
    assert len({row["images"] for row in rows if "images" in row}) == 1


def test_no_attack_finds_more_than_the_formula(finished: Path) -> None:
    rows = open_results(finished).rows
    masked = {(row["training"], row["seed"]) for row in rows if row.get("length", 0) > MASKED}
    by = {(row["training"], row["seed"], row["attack"], row["eps"]): round(row["accuracy"], 6) for row in rows}
    for (training, seed, attack, eps), accuracy in by.items():
        if attack == "pgd":
            exact = by[training, seed, "worst case in [0, 1]", eps]
            assert accuracy >= exact >= by[training, seed, "worst case", eps]
            assert accuracy == exact or (training, seed) in masked


def test_the_page_has_errors_weights_verdicts_and_published_numbers(finished: Path) -> None:
    page = (finished / "report.md").read_text()
    lines = page.splitlines()
    (exact,) = [line for line in lines if line.startswith("|") and "is exact, in [0, 1]" in line]
    assert "| holds |" in exact
    plain = next(line for line in lines if "| plain" in line)
    accuracy = np.mean(
        [
            row["accuracy"]
            for row in open_results(finished).rows
            if row["training"] == "plain" and row["attack"] == "worst case" and row["eps"] == 0.25
        ]
    )
    assert f" {1 - accuracy:.3f} ±" in plain.split("|")[4]
    assert "3 against 7, clean | Fig. 2 | 1.6 | 0.8 to 2.4" in page
    assert "not comparable" in page
    assert "<svg" in (finished / "plots" / "weights.svg").read_text()
    assert page.count("## The files, and how to make them again") == 1
    assert page.index("plots/error-by-eps.svg") < page.index("## What is stated")
