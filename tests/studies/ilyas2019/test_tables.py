"""Rows to the tables of the paper: the right rows in the right cell, each with its interval."""

from functools import partial

from featsplit.report.cells import Cells
from featsplit.report.intervals import Interval, accuracy
from featsplit.studies.ilyas2019.tables import (
    accuracy_table,
    architecture_table,
    control_table,
    distance_table,
    prediction_table,
    source_table,
    splits_table,
    steps_table,
)
from tests.rows import row as any_row

row = partial(any_row, n=9, architecture="cnn", steps=None, restarts=None)


def plain(table: Cells) -> Cells:
    """The table without its intervals and counts, which stand in brackets."""
    return [[cell.partition(" (")[0] for cell in line] for line in table]


PGD = {"attack": "pgd", "norm": "l2", "eps": 0.5, "steps": 20, "restarts": 3}


def test_accuracy_table_puts_each_network_and_attack_in_its_cell() -> None:
    rows = [
        row(0.9),
        row(0.4, **PGD),
        row(0.8, training="adversarial"),
        row(0.7, training="adversarial", **PGD),
        row(0.3, train_set="det"),
        row(0.0, train_set="det", **PGD),
        row(0.2, train_set="det", test_set="source", labels="next"),
        row(0.1, training="adversarial", test_set="rand", moment="before"),
    ]
    assert plain(accuracy_table(rows)) == [
        ["trained on", "clean", "pgd l2 0.5"],
        ["D, standard training", "0.900", "0.400"],
        ["D, adversarial training", "0.800", "0.700"],
        ["D_det", "0.300", "0.000"],
        ["D_det, on labels y + 1", "0.200", ""],
    ]


def test_seeds_are_averaged_with_their_interval_and_how_many_images() -> None:
    rows = [row(0.4, n=360), row(0.6, n=360, seed=1)]
    for table, cell in (
        (accuracy_table(rows), str(accuracy(rows))),
        (accuracy_table(rows, show=Interval.short), accuracy(rows).short()),
    ):
        assert table == [["trained on (n 360)", "clean"], ["D, standard training", cell]]
    assert cell.startswith("0.500 ±")
    assert accuracy_table([row(0.4, n=100), row(0.4, n=360, train_set="det")])[0][0] == "trained on (n 100 to 360)"


def test_control_table_has_before_and_after() -> None:
    of = {"experiment": "construction"}
    rows = [row(0.1, test_set="rand", moment="before", **of), row(0.3, test_set="rand", moment="after", **of), row(0.9)]
    assert plain(control_table(rows))[1:] == [["on D_rand", "0.100", "0.300"]]


def test_accuracy_table_takes_the_experiments_it_is_given() -> None:
    rows = [
        row(0.9, experiment="main"),
        row(0.3, experiment="noise", train_set="robust-noise"),
        row(0.2, experiment="control", train_set="rand-control"),
        row(0.8, experiment="autoattack", n=5),
    ]
    assert plain(accuracy_table(rows))[1:] == [["D, standard training", "0.900"], ["D_R from noise", "0.300"]]
    assert plain(accuracy_table(rows, experiments=("autoattack",)))[1:] == [["D, standard training", "0.800"]]


def test_source_table_sets_the_makers_beside_each_other() -> None:
    rows = [
        row(0.6, train_set="rand", experiment="main"),
        row(0.4, train_set="det", experiment="main"),
        row(0.1, train_set="det", experiment="main", **PGD),
        row(0.2, train_set="det", experiment="main", test_set="source", labels="next"),
        row(0.25, train_set="rand-control", experiment="control"),
        row(0.65, train_set="det-control", experiment="control", test_set="source", labels="next"),
    ]
    assert plain(source_table(rows))[1:] == [
        ["the standard network", "0.600", "0.400", "0.200"],
        ["the robust network", "0.250", "", "0.650"],
    ]


def test_splits_table_has_a_line_for_each_set() -> None:
    sets = {("robust", "train"): 0.7, ("robust", "test"): 0.6, ("source", None): 0.5}
    of = [(a, {"experiment": "splits", "test_set": name, "split": split}) for (name, split), a in sets.items()]
    rows = [*(row(a, **own) for a, own in of), *(row(a - 0.4, **own, **PGD) for a, own in of), row(0.99)]
    assert plain(splits_table(rows)) == [
        ["tested on", "clean", "pgd l2 0.5"],
        ["D_R's training images", "0.700", "0.300"],
        ["a D_R of the test images", "0.600", "0.200"],
        ["the test set", "0.500", "0.100"],
    ]


def test_steps_table_has_a_column_for_each_loss() -> None:
    rows = [
        row(0.1 * count, experiment="steps", **{**PGD, "steps": count, "loss": loss})
        for count in (5, 1)
        for loss in ("cross-entropy", "margin")
    ]
    rows[1]["accuracy"] = 0.45
    assert plain(steps_table(rows)) == [
        ["PGD steps", "cross-entropy", "margin"],
        ["1", "0.100", "0.100"],
        ["5", "0.500", "0.450"],
    ]


def test_distance_table_has_medians_over_seeds_and_the_accuracies_at_each_eps_side_by_side() -> None:
    """A median is infinite where that of one seed is; the mean is over the seeds that found something."""
    here = {"experiment": "distance"}
    search = {**here, "attack": "closest", "eps": None, "distances": ""}
    eps = {
        ("closest", 0.5): 0.3,
        ("pgd", 0.5): 0.35,
        ("closest", 0.25): 0.6,
        ("pgd", 0.25): 0.65,
    }
    rows = [
        row(0.0, **search, distance=0.3, mean_distance=0.5, success=1.0, calls=210.0),
        row(0.1, **search, distance=0.5, mean_distance=0.7, success=0.9, calls=230.0, seed=1),
        row(0.1, **search, train_set="robust", distance=0.9, mean_distance=0.8, success=0.75, calls=250.0),
        row(0.7, **search, train_set="robust", distance=None, mean_distance=0.4, success=0.3, calls=250.0, seed=1),
        row(1.0, **search, train_set="robust", distance=None, mean_distance=None, success=0.0, calls=250.0, seed=2),
        *(row(share, **here, attack=attack, eps=radius) for (attack, radius), share in eps.items()),
        row(0.8, **here, train_set="robust", attack="pgd", eps=0.25),
        row(0.9, attack="pgd", eps=0.25),
    ]
    columns = sorted(eps, key=lambda one: (one[1], one[0]))
    head, *lines = distance_table(rows)
    assert head[:5] == ["trained on (n 9)", "median distance", "mean, where found", "found", "calls an image"]
    assert head[5:] == ["closest l2 0.25", "pgd l2 0.25", "closest l2 0.5", "pgd l2 0.5"]
    shown = [accuracy([row(eps[one])]).short() for one in columns]
    of_robust = ["", accuracy([row(0.8)]).short(), "", ""]
    assert lines == [
        ["D, standard training", "0.400 ± 0.141", "0.600 ± 0.141", "0.950 ± 0.071", "220 ± 14", *shown],
        ["D_R (robust)", "infinite", "0.600 ± 0.283", "0.350 ± 0.377", "250 ± 0", *of_robust],
    ]


def test_architecture_table_turns_an_untargeted_accuracy_into_a_rate() -> None:
    here = {"experiment": "architectures", "architecture": "vgg7"}
    rows = [
        row(0.97, **here),
        row(0.3, train_set="det", **here),
        row(0.35, test_set="transferred", **here, **PGD),
        row(0.15, test_set="transferred", labels="next", **here, **PGD),
        row(0.4, train_set="det", experiment="main"),
        row(0.96, experiment="architectures"),
        row(0.2, test_set="transferred", experiment="architectures", **PGD),
    ]
    assert plain(architecture_table(rows))[1:] == [
        ["vgg7", "0.970", "0.300", "0.650", "0.150"],
        ["cnn", "0.960", "0.400", "0.800", ""],
    ]


def test_prediction_table_has_a_column_for_each_way_of_storing() -> None:
    """What the control predicts is not in it."""
    shares = {"found": (0.9, 0.85), "stored": (0.8, 0.75), "augmented": (0.4, 0.35)}
    rows = [
        row(share, experiment="construction", test_set=name, moment=when, training=training, confidence=sure)
        for name, training in (("rand", "standard"), ("det-control", "adversarial"))
        for when, (share, sure) in shares.items()
    ]
    rows.append(row(0.2, experiment="construction", test_set="rand", moment="before", training="adversarial"))
    numbers = ["0.900", "0.800", "0.400", "0.850", "0.750", "0.350"]
    ways = ("found", "stored", "augmented")
    assert plain(prediction_table(rows)) == [
        [
            "its maker predicts the new label",
            *(f"as {way}" for way in ways),
            *(f"probability as {way}" for way in ways),
        ],
        ["D_rand", *numbers],
        ["D_det, robust source", *numbers],
    ]
