"""The experiments of a run: each one's rows are there, and say what they are of."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featsplit.engine.jobs import Worker
from featsplit.evaluation import Attack
from featsplit.metadata.derived_sets import FOUR
from featsplit.outcomes import unpacked_numbers
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.runtime import Machine
from featsplit.studies.ilyas2019.measures import Distances
from featsplit.studies.ilyas2019.networks import standard
from featsplit.studies.ilyas2019.stages import Place, Stages
from featsplit.studies.ilyas2019.tested import TestSet
from tests.rows import read

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows(every_experiment: Path) -> list[Row]:
    """The rows of seed 0."""
    found: list[Row] = json.loads((every_experiment / "rows.json").read_text())
    return [row for row in found if row["seed"] == 0]


def of(rows: list[Row], experiment: str, *names: str) -> Counter[tuple[Any, ...]]:
    """How many rows of `experiment` have each value of the fields `names`."""
    return Counter(tuple(row.get(name) for name in names) for row in rows if row["experiment"] == experiment)


def test_both_seeds_have_the_same_kinds_of_rows(every_experiment: Path) -> None:
    """But for transfer to a network that reads nothing rightly that it could be fooled on; and in what is measured."""
    rows = [
        row for row in json.loads((every_experiment / "rows.json").read_text()) if "transferred" not in row["test_set"]
    ]
    measured = (
        "seed",
        "n",
        "accuracy",
        "error",
        "chance",
        "outcomes",
        "images",
        "confidence",
        "target_class",
        "attacked",
        "rho",
        "gamma",
        "kind",
        "ratio",
        "top_k_accuracy",
        "distances",
        "distance",
        "mean_distance",
        "success",
        "calls",
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


def test_the_control_is_tested_clean_and_on_the_next_labels(rows: list[Row]) -> None:
    assert of(rows, "control", "train_set", "test_set", "labels", "attack") == {
        ("rand-control", "source", None, "none"): 1,
        ("det-control", "source", None, "none"): 1,
        ("det-control", "source", "next", "none"): 1,
    }


def test_the_labels_of_a_set_are_predicted_by_its_maker(rows: list[Row]) -> None:
    """Those of what was made with the standard network by the robust one too, before and after."""
    construction = of(rows, "construction", "test_set", "moment", "training")
    made, control = ("found", "stored", "augmented"), ("before", "after")
    assert construction == {
        **{(name, when, "standard"): 1 for name in ("rand", "det", "det-bugs") for when in made},
        **{(name, when, "adversarial"): 1 for name in ("rand", "det") for when in control},
        **{(name, when, "adversarial"): 1 for name in ("rand-control", "det-control") for when in made},
    }


def test_splits_are_three_sets_of_one_network(rows: list[Row]) -> None:
    """As many of the training images as there are test images; the network is that of the set made from noise."""
    sets = (("robust-noise", "train"), ("robust-noise", "test"), ("source", None))
    assert of(rows, "splits", "train_set", "test_set", "split", "attack", "n") == {
        ("robust-noise", *test, attack, 40): 1 for test in sets for attack in ("none", "pgd")
    }


def test_splits_of_the_training_images_are_those_of_its_set(rows: list[Row], every_experiment: Path) -> None:
    """On the test set the network is as right as the experiment "noise" says."""
    own = {
        row["attack"]: row["accuracy"] for row in rows if row["experiment"] == "splits" and row["test_set"] == "source"
    }
    noise = {
        row["attack"]: row["accuracy"]
        for row in rows
        if row["experiment"] == "noise" and row["train_set"] == "robust-noise" and row["test_set"] == "source"
    }
    assert own == noise
    assert (every_experiment / "seed0" / "sets" / "robust-noise-test.h5").is_file()


def test_architectures_learn_from_the_set_and_are_fooled(rows: list[Row]) -> None:
    """The run's own architecture has learned from D_det already, but a second one of it is trained on D."""
    clean = of(rows, "architectures", "train_set", "architecture", "test_set", "labels")
    others, every = ("linear", "cnn", "vgg7"), ("linear", "cnn", "vgg7", "resnet8")
    trained = {key: count for key, count in clean.items() if key[2] != "transferred"}
    expected: dict[tuple[str, str, str, str | None], int] = {
        **{("det", arch, "source", labels): 1 for arch in others for labels in (None, "next")},
        **{("source", arch, "source", None): 1 for arch in every},
    }
    assert trained == expected
    fooled = {key for key in clean if key not in trained}
    assert fooled <= {("source", arch, "transferred", labels) for arch in every for labels in (None, "next")}
    assert {labels for *_, labels in fooled} == {None, "next"}
    moved = [row for row in rows if row["test_set"] == "transferred"]
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
    clean = [row for row in rows if row["attack"] == "none"]
    found = of(clean, "epochs", "train_set", "training", "architecture", "test_set", "split")
    assert set(found.values()) == {3}
    assert {arch for _, _, arch, _, _ in found} == {"resnet8"}
    assert len(found) == 2 * 12  # eight sets and two networks of the source, and the two sets of the discussion
    attacked = of(rows, "epochs", "train_set", "training", "attack", "norm", "eps", "steps", "n", "epoch")
    by_attack = {key[2:] for key in attacked if key[2] != "none"}
    assert by_attack == {("pgd", "l2", 3.0, 10, 40, epoch) for epoch in (1, 2, 3)}
    assert sum(key[2] != "none" for key in attacked) == 12 * 3
    assert ("rand-control", "standard", "resnet8", "source", None) in found
    last = [row["accuracy"] for row in clean if row["experiment"] == "epochs" and row["epoch"] == 3
            and row["train_set"] == "rand" and row["test_set"] == "source"]  # fmt: skip
    main = [row["accuracy"] for row in rows if row["experiment"] == "main" and row["train_set"] == "rand"]
    assert last == main[:1]


def test_distances_are_those_of_the_six_networks_on_the_same_images(rows: list[Row]) -> None:
    """A search for each, and at each eps the accuracy by it and by the run's own attack: no image twice."""
    found = [row for row in rows if row["experiment"] == "distance"]
    networks = {(row["train_set"], row["training"]) for row in found}
    assert networks == {("source", "standard"), ("source", "adversarial"), *((name, "standard") for name in FOUR)}
    assert of(rows, "distance", "attack", "eps")["closest", None] == 6
    assert {row["norm"] for row in found} == {"l2"}
    assert {row["images"] for row in found} == {row["images"] for row in rows if row["experiment"] == "autoattack"}
    assert len({row["images"] for row in found}) == 1
    assert {row["n"] for row in found} == {6}
    assert {row["test_set"] for row in found} == {"source"}
    radii = {row["eps"] for row in found if row["attack"] == "pgd"}
    assert {row["eps"] for row in found if row["attack"] == "closest"} == {None, *radii}
    for whole in (row for row in found if "distances" in row):
        (at,) = [
            row["accuracy"]
            for row in found
            if row["attack"] == "closest"
            and row["eps"] == 3.0
            and (row["train_set"], row["training"]) == (whole["train_set"], whole["training"])
        ]
        assert at == np.mean(unpacked_numbers(whole["distances"]) > 3.0)


def test_distances_are_searched_in_the_runs_norm_and_told_at_each_of_its_eps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read(
        "digits", 'evaluate.norm="linf"', "evaluate.eps=[0.05,0.1]", "evaluate.steps=4", "scrutiny.images=3"
    )
    asked = list[Any]()

    def ensure_evaluated(stages: Stages, *arguments: Any, experiment: str) -> list[Row]:
        asked.extend((*arguments, experiment, stages.data.test))
        return []

    monkeypatch.setattr(Stages, "ensure_evaluated", ensure_evaluated)
    worker = Worker(tmp_path, Machine(torch.device("cpu")), None, lambda line: None)
    Distances(Place(settings, 0), standard(settings))(worker)
    network, test, split, attacks, experiment, images = asked
    assert (network, test, experiment) == (standard(settings), TestSet(), "distance")
    assert torch.equal(split.images, images.images[[0, (len(images) - 1) // 2, len(images) - 1]])
    restarts = settings.evaluate.restarts
    by_budget = [Attack("pgd", "linf", eps, 4, None, restarts) for eps in (0.05, 0.1)]
    assert attacks == [*by_budget, MinimumNorm("closest", "linf", eps=(0.05, 0.1))]
