"""What stands first on the page of a run: its figures hold the numbers of the rows."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from featsplit.engine.results import Results
from featsplit.outcomes import packed, packed_numbers
from featsplit.report.blocks import Folded, Plot, Table, Text
from featsplit.report.intervals import accuracy
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019.figures import by_class, by_eps, headline, training
from featsplit.studies.ilyas2019.page import did, found
from featsplit.studies.ilyas2019.rows import NETWORKS
from featsplit.studies.ilyas2019.settings import Settings
from tests.rows import results
from tests.rows import row as any_row

row = partial(any_row, n=360, architecture="resnet8")
EPS = (None, 0.25, 0.5)
NAMES = {network: place for place, network in enumerate(NETWORKS[:6])}
"""The six networks; of each other numbers."""
ROWS: list[Row] = [
    row(
        0.9 - 0.1 * place - 0.05 * radius + 0.01 * seed, train_set=name, training=how, seed=seed,
        attack="none" if eps is None else "pgd", eps=eps,
    )
    for (name, how), place in NAMES.items()
    for radius, eps in enumerate(EPS)
    for seed in (0, 1)
]  # fmt: skip
EPOCHS: list[Row] = [
    row(0.3 * epoch, experiment="epochs", train_set=name, training=how, epoch=epoch, **test)
    for name, how in (*NAMES, ("det-control", "standard"))
    for test in ({"test_set": name, "split": "train"}, {"test_set": "source"})
    for epoch in (1, 2)
]
ATTACKED: list[Row] = [
    row(
        0.3 * epoch - 0.1, experiment="epochs", train_set=name, training=how, epoch=epoch,
        attack="pgd", eps=0.5, steps=10, n=200,
    )
    for name, how in NAMES
    for epoch in (1, 2)
]  # fmt: skip
LABELS = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
RIGHT = {None: torch.tensor([1, 1, 1, 0, 1, 0, 0, 0]).bool(), 0.25: torch.tensor([1, 1, 0, 0, 0, 0, 0, 0]).bool()}


def of(network: tuple[str, str], eps: float | None) -> list[Row]:
    return picked(ROWS, train_set=network[0], training=network[1], eps=eps)


def run(rows: list[Row]) -> Results[Settings]:
    """A run that gave these rows."""
    found: Results[Settings] = results(rows)
    return found


def told(plot: Plot) -> set[str]:
    """The texts in a plot."""
    return {text.text or "" for text in ElementTree.fromstring(plot.drawing()).iter("{http://www.w3.org/2000/svg}text")}


def test_the_headline_has_all_six_networks_clean_and_at_every_eps_with_intervals() -> None:
    plot = headline(ROWS, 0.1)
    assert {"clean", "pgd l2 0.25", "pgd l2 0.5", "chance"} <= told(plot)
    words = plot.alternative
    for network in NAMES:
        for eps, name in zip(EPS, ("clean", "pgd l2 0.25", "pgd l2 0.5"), strict=True):
            assert f"{name} {accuracy(of(network, eps))}" in words
            assert f"{accuracy(of(network, eps)).value:.2f}" in told(plot)
    assert words.endswith("chance 0.1.")


def test_the_curves_by_eps_name_the_norm_and_begin_with_clean() -> None:
    plot = by_eps(run(ROWS))
    assert "eps of pgd in l2; 0 is clean" in told(plot)
    for network in NAMES:
        assert f"{accuracy(of(network, None))}" in plot.alternative.split("0.25: ")[0]


def test_training_curves_show_every_network_clean_and_under_attack() -> None:
    (plot,) = training(run([*ROWS, *EPOCHS, *ATTACKED]))
    assert isinstance(plot, Plot)
    assert {"on the set itself", "clean test images", "under attack", "pgd l2 0.5"} <= told(plot)
    assert "pgd l2 0.25" not in told(plot), "the cross is of the attack of the curve"
    for name, how in NAMES:
        clean = picked(EPOCHS, train_set=name, training=how, epoch=2, split=None)
        by_curve = picked(ATTACKED, train_set=name, training=how, epoch=2)
        whole = accuracy(of((name, how), 0.5))
        says = f"clean test images {accuracy(clean)}, under attack {accuracy(by_curve)}, pgd l2 0.5 {whole}"
        assert says in plot.alternative
    assert "under attack (green: pgd l2 0.5, 10 steps, 200 images)" in plot.says


def test_training_curves_without_an_attack_show_what_it_is_after_the_last_epoch() -> None:
    (plot,) = training(run([*ROWS, *EPOCHS]))
    assert isinstance(plot, Plot)
    titles = {"D, standard training", "D, adversarial training", "D_R (robust)", "D_NR (nonrobust)", "D_rand", "D_det"}
    assert titles | {"epoch", "pgd l2 0.25"} <= told(plot)
    for name, how in NAMES:
        line = picked(EPOCHS, train_set=name, training=how, epoch=2)
        own, test = picked(line, split="train"), picked(line, split=None)
        attacked = accuracy(of((name, how), 0.25))
        says = f"on the set itself {accuracy(own)}, clean test images {accuracy(test)}, pgd l2 0.25 {attacked}"
        assert says in plot.alternative
    assert "D_det, robust source, epoch 2: on the set itself" in plot.alternative, "which is not attacked"
    assert "under attack (green: none, since these networks were given" in plot.says
    assert "under attack" not in told(plot)
    assert training(run(ROWS)) == [], "where no network was trained by the run"


@pytest.fixture
def of_classes() -> Results[Settings]:
    """A run on eight images of two classes, the outcome of each of which is known."""
    rows = [
        row(0.5, n=8, train_set=name, training=how, eps=eps, outcomes=packed(RIGHT[eps]), images="these", **more)
        for name, how in NAMES
        for eps, more in ((None, {"attack": "none"}), (0.25, {}))
    ]
    whole = run(rows)
    assert whole.data
    labels = packed_numbers(LABELS.float())
    return replace(whole, data=replace(whole.data, classes=("cat", "dog"), test_labels=labels, images="these"))


def test_accuracy_by_class_is_that_of_the_outcomes_and_labels(of_classes: Results[Settings]) -> None:
    plot, folded = by_class(of_classes)
    assert isinstance(plot, Plot)
    assert isinstance(folded, Folded)
    clean, attacked = folded.blocks
    assert isinstance(clean, Table)
    assert isinstance(attacked, Table)
    assert clean.cells[0] == ["trained on", "cat", "dog"]
    assert {tuple(line[1:]) for line in clean.cells[1:]} == {("0.750", "0.250")}
    assert {tuple(line[1:]) for line in attacked.cells[1:]} == {("0.500", "0.000")}
    assert (clean.caption, attacked.caption) == ("clean", "pgd l2 0.25")
    assert "clean: D, standard training from dog 0.250 to cat 0.750" in plot.alternative
    assert {"0.75", "0.25", "cat", "dog"} <= told(plot)


def test_classes_of_other_images_are_no_accuracy_by_class(of_classes: Results[Settings]) -> None:
    assert of_classes.data
    other = replace(of_classes, data=replace(of_classes.data, images="others"))
    (text,) = by_class(other)
    assert isinstance(text, Text)
    assert "no network was tested on all test images" in text.text
    (text,) = by_class(run(ROWS))
    assert isinstance(text, Text)
    assert "did not keep the labels" in text.text


def test_a_class_without_test_images_has_no_accuracy(of_classes: Results[Settings]) -> None:
    assert of_classes.data
    data = replace(of_classes.data, classes=("cat", "dog", "emu"))
    plot, text, folded = by_class(replace(of_classes, data=data))
    assert isinstance(plot, Plot)
    assert isinstance(folded, Folded)
    assert "emu" not in told(plot)
    assert text == Text("Classes without test images are left out: emu.")
    assert [table.cells[0] for table in folded.blocks if isinstance(table, Table)] == [["trained on", "cat", "dog"]] * 2


def test_of_many_classes_a_picture_shows_those_known_worst_and_best(of_classes: Results[Settings]) -> None:
    classes = tuple(f"class {number}" for number in range(50))
    labels = torch.arange(50)
    rows: list[Any] = [
        {**one, "n": 50, "outcomes": packed(labels >= 15)} for one in of_classes.rows if one["attack"] == "none"
    ]
    rows += [{**one, "attack": "pgd", "eps": 0.25} for one in rows]
    assert of_classes.data
    data = replace(of_classes.data, classes=classes, test_labels=packed_numbers(labels.float()))
    plot, folded = by_class(replace(of_classes, rows=rows, data=data))
    assert isinstance(plot, Plot)
    shown = {text for text in told(plot) if text.startswith("class ")}
    assert shown == {classes[number] for number in (*range(10), *range(40, 50))}
    assert isinstance(folded, Folded)
    assert isinstance(folded.blocks[0], Table)
    assert len(folded.blocks[0].cells[0]) == 51, "in numbers all of them"


def test_the_sentences_say_what_was_done_and_what_came_out_with_intervals() -> None:
    words = found(ROWS)
    for name in ("rand", "det"):
        assert f"{accuracy(of((name, 'standard'), None))}" in words
    for network, name in ((("source", "adversarial"), "adversarial training"), (("robust", "standard"), "D_R")):
        assert f"{name} {accuracy(of(network, 0.25))}" in words
    assert "under pgd l2 0.25" in words
    assert "360" not in words
    done = did(run(ROWS))
    assert "(in l2 within 1)" in done
    assert "1437 training images of 1 x 8 x 8 in 10 classes" in done
    assert done.endswith("seed 0.")
    assert np.isclose(accuracy(of(("rand", "standard"), None)).value, 0.505)
