"""The parts of an experiment: each one's rows are there, a part more costs that part alone, needs come first."""

import importlib.util
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from featsplit.commands import app, options
from featsplit.errors import FeatsplitError
from featsplit.experiment.plan import MADE, SCRUTINISED, closest, jobs_of, recipe_of, sets_of
from featsplit.experiment.settings import PARTS, Experiment, Part, read_experiment

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows(every_part: Path) -> list[Row]:
    """The rows of seed 0."""
    found: list[Row] = json.loads((every_part / "rows.json").read_text())
    return [row for row in found if row["seed"] == 0]


def of(rows: list[Row], part: str, *names: str) -> Counter[tuple[Any, ...]]:
    """How many rows of `part` have each value of the fields `names`."""
    return Counter(tuple(row[name] for name in names) for row in rows if row["part"] == part)


def test_both_seeds_have_the_same_kinds_of_rows(every_part: Path) -> None:
    """But for transfer to a network that reads nothing rightly that it could be fooled on; and in what is measured."""
    rows = [row for row in json.loads((every_part / "rows.json").read_text()) if "transferred" not in row["test_set"]]
    measured = (
        "seed",
        "n",
        "accuracy",
        "error",
        "chance",
        "outcomes",
        "images",
        "confidence",
        "class",
        "rho",
        "gamma",
        "kind",
        "ratio",
    )
    kinds = [
        [{k: v for k, v in row.items() if k not in measured} for row in rows if
         row["seed"] == seed]
        for seed in (0, 1)
    ]  # fmt: skip
    assert kinds[0] == kinds[1]
    assert len(rows) == 2 * len(kinds[0])


def test_the_sets_from_noise_teach_as_the_others(rows: list[Row]) -> None:
    assert of(rows, "noise", "train_set", "test_set", "attack", "eps", "n") == {
        (name, "source", attack, eps, 40): 1
        for name in ("robust-noise", "nonrobust-noise")
        for attack, eps in (("none", None), ("pgd", 3.0))
    }


def test_the_control_is_judged_clean_and_on_the_next_labels(rows: list[Row]) -> None:
    assert of(rows, "control", "train_set", "test_set", "attack") == {
        ("rand-control", "source", "none"): 1,
        ("det-control", "source", "none"): 1,
        ("det-control", "source:next", "none"): 1,
    }


def test_a_set_of_the_robust_network_is_read_by_it(rows: list[Row]) -> None:
    """What was made with the standard network is read by it, and judged by the robust one."""
    construction = of(rows, "construction", "test_set", "training")
    made, judged = ("found", "stored", "augmented"), ("before", "after")
    assert construction == {
        **{(f"{name}:{when}", "standard"): 1 for name in ("rand", "det", "det-bugs") for when in made},
        **{(f"{name}:{when}", "adversarial"): 1 for name in ("rand", "det") for when in judged},
        **{(f"{name}:{when}", "adversarial"): 1 for name in ("rand-control", "det-control") for when in made},
    }


def test_splits_are_three_sets_of_one_network(rows: list[Row]) -> None:
    """As many of the training images as there are test images; the network is that of the set made from noise."""
    sets = ("robust-noise:train", "robust-noise:test", "source")
    assert of(rows, "splits", "train_set", "test_set", "attack", "n") == {
        ("robust-noise", test, attack, 40): 1 for test in sets for attack in ("none", "pgd")
    }


def test_splits_of_the_training_images_are_those_of_its_set(rows: list[Row], every_part: Path) -> None:
    """On the test set the network is as right as the part "noise" says."""
    own = {row["attack"]: row["accuracy"] for row in rows if row["part"] == "splits" and row["test_set"] == "source"}
    noise = {
        row["attack"]: row["accuracy"]
        for row in rows
        if row["part"] == "noise" and row["train_set"] == "robust-noise" and row["test_set"] == "source"
    }
    assert own == noise
    assert (every_part / "seed0" / "sets" / "robust-noise-test.h5").is_file()


def test_architectures_learn_from_the_set_and_are_fooled(rows: list[Row]) -> None:
    """The run's own architecture has learned from D_det already, but a second one of it is trained on D."""
    clean = of(rows, "architectures", "train_set", "architecture", "test_set")
    others, every = ("linear", "cnn", "vgg7"), ("linear", "cnn", "vgg7", "resnet8")
    trained = {key: count for key, count in clean.items() if "transferred" not in key[2]}
    assert trained == {
        **{("det", arch, test): 1 for arch in others for test in ("source", "source:next")},
        **{("source", arch, "source"): 1 for arch in every},
    }
    fooled = {key for key in clean if key not in trained}
    assert fooled <= {("source", arch, test) for arch in every for test in ("transferred", "transferred:next")}
    assert {test for _, _, test in fooled} == {"transferred", "transferred:next"}
    moved = [row for row in rows if row["test_set"].startswith("transferred")]
    assert {(row["attack"], row["eps"], row["steps"], row["step_size"]) for row in moved} == {("pgd", 1.5, 3, 0.5)}


def test_steps_are_a_curve_for_each_loss(rows: list[Row]) -> None:
    assert of(rows, "steps", "train_set", "loss", "steps", "eps", "n") == {
        ("robust-noise", loss, count, 3.0, 6): 1
        for loss in ("cross-entropy", "margin")
        for count in (1, 2, 5, 10, 20, 50, 100, 105)
    }


def test_autoattack_stands_beside_pgd_on_the_same_images(rows: list[Row]) -> None:
    networks = (("source", "standard"), ("source", "adversarial"), ("robust", "standard"), ("nonrobust", "standard"))
    assert of(rows, "autoattack", "train_set", "training", "attack", "steps", "n") == {
        (train_set, training, attack, steps, 6): 1
        for train_set, training in networks
        for attack, steps in (("none", None), ("pgd", 3), ("autoattack", None))
    }


def test_by_epoch_every_network_of_the_own_architecture_tells_its_history(rows: list[Row]) -> None:
    found = of(rows, "epochs", "train_set", "training", "architecture", "test_set")
    assert set(found.values()) == {3}
    assert {arch for _, _, arch, _ in found} == {"resnet8"}
    assert len(found) == 2 * 12  # eight sets and two networks of the source, and the two sets of the discussion
    assert ("rand-control", "standard", "resnet8", "source") in found
    last = [row["accuracy"] for row in rows if row["part"] == "epochs" and row["epoch"] == 3
            and row["train_set"] == "rand" and row["test_set"] == "source"]  # fmt: skip
    main = [row["accuracy"] for row in rows if row["part"] == "main" and row["train_set"] == "rand"]
    assert last == main[:1]


def stamps(folder: Path) -> dict[str, int]:
    """When each file of the seeds was written, but for their times."""
    files = (path for path in folder.glob("seed*/*/*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


def again(folder: Path, file: Path, *extra: str) -> None:
    words = ["run", str(file), "--out", str(folder), "--workers", "1", "--device", "cpu", *extra]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_run_with_every_part_that_is_started_again_computes_nothing(every_part: Path, tmp_path: Path) -> None:
    shutil.copytree(every_part, tmp_path / "out")
    (tmp_path / "out" / "run.json").unlink()
    before = stamps(tmp_path / "out")
    again(tmp_path / "out", every_part.parent / "tiny.toml", "--seeds", "0,1")
    assert stamps(tmp_path / "out") == before
    assert (tmp_path / "out" / "rows.json").read_bytes() == (every_part / "rows.json").read_bytes()


def test_one_more_part_costs_that_part_alone(every_part: Path, tmp_path: Path) -> None:
    """From a finished run without parts to one with the control; what it adds is what the whole run has."""
    out, file = tmp_path / "out", every_part.parent / "tiny.toml"
    again(out, file, "--parts", "none")
    before, content = stamps(out), {name: (out / name).read_bytes() for name in stamps(out)}
    assert not any("noise" in name or "control" in name or "@" in name for name in before)
    again(out, file, "--parts", "control")
    after = stamps(out)
    assert {name: after[name] for name in before} == before
    assert all((out / name).read_bytes() == kept for name, kept in content.items())
    added = {name.removeprefix("seed0/") for name in set(after) - set(before)}
    sets = ("rand-control", "det-control")
    assert added == {
        *(f"sets/{name}.h5" for name in sets),
        *(f"models/{name}.safetensors" for name in sets),
        *(f"rows/control-{name}-source.json" for name in sets),
        "rows/control-det-control-source-next.json",
    }
    for name in added:
        assert (out / "seed0" / name).read_bytes() == (every_part / "seed0" / name).read_bytes()


@given(chosen=st.lists(st.sampled_from(PARTS), unique=True), archs=st.sets(st.sampled_from(["cnn", "resnet8", "mlp"])))
def test_what_a_job_needs_comes_before_it(chosen: list[Part], archs: set[str]) -> None:
    experiment = digits(chosen, sorted(archs))
    jobs = list(jobs_of(experiment).items())
    for place, (name, needs) in enumerate(jobs):
        earlier = {other for other, _ in jobs[:place]}
        assert set(needs) <= earlier, f"{name} needs {needs}"
    names = [name for name, _ in jobs]
    assert set(sets_of(experiment)) <= set(names)
    assert closest(experiment) in names
    assert {f"autoattack@{name}" for name in SCRUTINISED} <= set(names) or "autoattack" not in chosen


@given(chosen=st.lists(st.sampled_from(PARTS), unique=True))
def test_what_a_set_is_made_and_judged_with_has_been_trained(chosen: list[Part]) -> None:
    needs = jobs_of(digits(chosen, ["cnn"]))
    for name in sets_of(digits(chosen, ["cnn"])):
        assert MADE[name].network in needs[name]
        assert not MADE[name].control or "adversarial" in needs[name]
    assert "det" in needs.get("det@cnn", ("det",))
    assert closest(digits(chosen, ["cnn"])) == ("robust-noise" if "noise" in chosen else "robust")


@pytest.mark.parametrize(
    ("settings", "apart"), [([], False), (["architecture_epochs=50"], False), (["architecture_epochs=5"], True)]
)
def test_architectures_are_compared_after_the_same_epochs(settings: list[str], apart: bool) -> None:
    """Where they learn for another time than the rest of the run, so does one more network of the run's own."""
    asked = read_experiment("digits", [*settings, 'parts=["architectures"]', 'architectures=["cnn", "resnet8"]'])
    assert asked.train.det.epochs == 50
    assert ("det@resnet8" in jobs_of(asked)) == apart
    assert recipe_of(asked, "det@cnn").epochs == (asked.architecture_epochs or 50)
    assert not apart or recipe_of(asked, "det@resnet8") == recipe_of(asked, "det@cnn")


def digits(parts: list[Part], architectures: list[str]) -> Experiment:
    return replace(read_experiment("digits"), parts=tuple(parts), architectures=tuple(architectures))


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), ("none", ()), ("all", PARTS), ("noise,control", ("noise", "control")), (" steps ", ("steps",))],
)
def test_parts_on_the_command_line(given: str | None, expected: tuple[str, ...] | None) -> None:
    found = read_experiment("digits", options.parts(given)).parts
    assert found == (read_experiment("digits").parts if expected is None else expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (options.parts("noize"), '"noize": must be one of noise, splits, '),
        (options.parts("noize"), 'did you mean "noise"?'),
        (["scrutiny.images=0"], "scrutiny.images = 0: must be at least 1"),
        (["scrutiny.steps=0"], "scrutiny.steps = 0: must be at least 1"),
        (["scrutiny.strides=[]"], "scrutiny.strides: is empty; give parts of eps, such as [1.0, 0.1]"),
        (["scrutiny.strides=[1.0, 0]"], "scrutiny.strides = 0: must be greater than 0, and finite"),
        (["parts=['architectures']", "architectures=['vgg8']"], 'architectures.arch = "vgg8": must be one of'),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read_experiment("digits", settings)
    assert message in str(caught.value)


def test_autoattack_that_is_not_installed_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyautoattack" else found(name))
    with pytest.raises(FeatsplitError) as caught:
        read_experiment("digits", options.parts("autoattack"))
    assert str(caught.value) == ('parts "autoattack": AutoAttack is not installed; pip install pyautoattack')
    read_experiment("digits", options.parts("noise,steps"))
