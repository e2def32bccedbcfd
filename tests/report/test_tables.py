"""Rows to tables: the right rows in the right cell, each with its interval."""

from typing import Any

import numpy as np
import pytest

from featsplit.report.intervals import Interval, accuracy
from featsplit.report.rows import spread
from featsplit.report.tables import (
    Cells,
    accuracy_table,
    architecture_table,
    as_markdown,
    as_text,
    control_table,
    listing,
    reading_table,
    source_table,
    splits_table,
    steps_table,
    transfer_matrix,
    transfer_table,
)


def row(accuracy: float, **fields: Any) -> dict[str, Any]:
    usual = {"train_set": "source", "training": "standard", "architecture": "cnn", "test_set": "source", "seed": 0}
    return usual | {"attack": "none", "norm": None, "eps": None, "steps": None, "restarts": None, "n": 9} | fields | {
        "accuracy": accuracy
    }  # fmt: skip


def plain(table: Cells) -> Cells:
    """The table without its intervals and counts, which stand in brackets."""
    return [[cell.partition(" (")[0] for cell in line] for line in table]


PGD = {"attack": "pgd", "norm": "l2", "eps": 0.5, "steps": 20, "restarts": 3}


def test_spread_is_mean_and_sample_deviation() -> None:
    values = [0.5, 0.6, 0.85]
    assert spread(values) == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert spread([0.25]) == "0.250"


def test_accuracy_table_puts_each_network_and_attack_in_its_cell() -> None:
    rows = [
        row(0.9),
        row(0.4, **PGD),
        row(0.8, training="adversarial"),
        row(0.7, training="adversarial", **PGD),
        row(0.3, train_set="det"),
        row(0.0, train_set="det", **PGD),
        row(0.2, train_set="det", test_set="source:next"),
        row(0.1, training="adversarial", test_set="rand:before"),
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
    of = {"part": "construction"}
    rows = [row(0.1, test_set="rand:before", **of), row(0.3, test_set="rand:after", **of), row(0.9)]
    assert plain(control_table(rows))[1:] == [["on D_rand", "0.100", "0.300"]]


def test_listing_has_a_line_for_each_row() -> None:
    lines = listing([row(0.9, model="a/std.safetensors"), row(0.4, model="a/std.safetensors", **PGD)])
    assert [line[:-1] for line in lines[1:]] == [
        ["std", "source", "none", "-", "-", "-", "-", "9"],
        ["std", "source", "pgd", "l2", "0.5", "20", "3", "9"],
    ]
    assert [line[-1] for line in lines[1:]] == [accuracy([row(share)]).short() for share in (0.9, 0.4)]


def test_transfer_table_is_a_matrix() -> None:
    rows = [
        row(acc, train_set=f"x/{name}.h5", architecture=arch, seed=seed)
        for name, arch, accs in (("a", "cnn", (0.1, 0.3)), ("a", "mlp", (0.4, 0.4)), ("b", "cnn", (0.5, 0.5)))
        for seed, acc in enumerate(accs)
    ]
    assert plain(transfer_table(rows)) == [
        ["trained on", "network", "source clean"],
        ["a", "cnn", "0.200"],
        ["a", "mlp", "0.400"],
        ["b", "cnn", "0.500"],
    ]


def test_transfer_matrix_is_the_means_in_the_same_order() -> None:
    rows = [
        row(acc, train_set=f"x/{name}.h5", architecture=arch, seed=seed, **attack)
        for name, arch, accs in (("a", "cnn", (0.1, 0.3)), ("a", "mlp", (0.4, 0.4)), ("b", "cnn", (0.5, 0.6)))
        for attack, less in ((dict[str, Any](), 0.0), (PGD, 0.1), ({"test_set": "y/held.h5"}, 0.05))
        for seed, acc in enumerate(value - less for value in accs)
    ]
    names, tests, cells = transfer_matrix(rows)
    assert names == ["a, cnn", "a, mlp", "b, cnn"]
    assert tests == ["source clean", "source pgd l2 0.5", "held clean"]
    np.testing.assert_allclose(cells, [[0.2, 0.1, 0.15], [0.4, 0.3, 0.35], [0.55, 0.45, 0.5]])
    table = transfer_table(rows)
    assert table[0][2:] == tests
    assert [[float(cell.partition(" ")[0]) for cell in line[2:]] for line in table[1:]] == [
        [round(value, 3) for value in line] for line in cells
    ]


def test_accuracy_table_takes_the_parts_it_is_given() -> None:
    rows = [
        row(0.9, part="main"),
        row(0.3, part="noise", train_set="robust-noise"),
        row(0.2, part="control", train_set="rand-control"),
        row(0.8, part="autoattack", n=5),
    ]
    assert plain(accuracy_table(rows))[1:] == [["D, standard training", "0.900"], ["D_R from noise", "0.300"]]
    assert plain(accuracy_table(rows, parts=("autoattack",)))[1:] == [["D, standard training", "0.800"]]


def test_source_table_sets_the_makers_beside_each_other() -> None:
    rows = [
        row(0.6, train_set="rand", part="main"),
        row(0.4, train_set="det", part="main"),
        row(0.1, train_set="det", part="main", **PGD),
        row(0.2, train_set="det", part="main", test_set="source:next"),
        row(0.25, train_set="rand-control", part="control"),
        row(0.65, train_set="det-control", part="control", test_set="source:next"),
    ]
    assert plain(source_table(rows))[1:] == [
        ["the standard network", "0.600", "0.400", "0.200"],
        ["the robust network", "0.250", "", "0.650"],
    ]


def test_splits_table_has_a_line_for_each_set() -> None:
    sets = {"robust:train": 0.7, "robust:test": 0.6, "source": 0.5}
    rows = [row(a, part="splits", test_set=s) for s, a in sets.items()]
    rows += [row(a - 0.4, part="splits", test_set=s, **PGD) for s, a in sets.items()] + [row(0.99)]
    assert plain(splits_table(rows)) == [
        ["tested on", "clean", "pgd l2 0.5"],
        ["D_R's training images", "0.700", "0.300"],
        ["a D_R of the test images", "0.600", "0.200"],
        ["the test set", "0.500", "0.100"],
    ]


def test_steps_table_has_a_column_for_each_loss() -> None:
    rows = [
        row(0.1 * count, part="steps", **{**PGD, "steps": count, "loss": loss})
        for count in (5, 1)
        for loss in ("cross-entropy", "margin")
    ]
    rows[1]["accuracy"] = 0.45
    assert plain(steps_table(rows)) == [
        ["PGD steps", "cross-entropy", "margin"],
        ["1", "0.100", "0.100"],
        ["5", "0.500", "0.450"],
    ]


def test_architecture_table_turns_an_untargeted_accuracy_into_a_rate() -> None:
    here = {"part": "architectures", "architecture": "vgg7"}
    rows = [
        row(0.97, **here),
        row(0.3, train_set="det", **here),
        row(0.35, test_set="transferred", **here, **PGD),
        row(0.15, test_set="transferred:next", **here, **PGD),
        row(0.4, train_set="det", part="main"),
        row(0.96, part="architectures"),
        row(0.2, test_set="transferred", part="architectures", **PGD),
    ]
    assert plain(architecture_table(rows))[1:] == [
        ["vgg7", "0.970", "0.300", "0.650", "0.150"],
        ["cnn", "0.960", "0.400", "0.800", ""],
    ]


def test_reading_table_has_a_column_for_each_way_of_reading() -> None:
    """The control, which other networks read, is not in it."""
    shares = {"found": (0.9, 0.85), "stored": (0.8, 0.75), "augmented": (0.4, 0.35)}
    rows = [
        row(share, part="construction", test_set=f"{name}:{when}", training=training, confidence=sure)
        for name, training in (("rand", "standard"), ("det-control", "adversarial"))
        for when, (share, sure) in shares.items()
    ]
    rows.append(row(0.2, part="construction", test_set="rand:before", training="adversarial"))
    numbers = ["0.900", "0.800", "0.400", "0.850", "0.750", "0.350"]
    ways = ("found", "stored", "augmented")
    assert plain(reading_table(rows)) == [
        ["its maker reads the new label", *(f"as {way}" for way in ways), *(f"probability as {way}" for way in ways)],
        ["D_rand", *numbers],
        ["D_det, robust source", *numbers],
    ]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (as_text, "name  value\n-----------\na       0.5\nlong     10"),
        (as_markdown, "| name | value |\n| --- | ---: |\n| a | 0.5 |\n| long | 10 |"),
    ],
)
def test_tables_are_aligned(write: Any, expected: str) -> None:
    assert write([["name", "value"], ["a", "0.5"], ["long", "10"]]) == expected
