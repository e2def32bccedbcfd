"""Rows to tables: means and deviations by hand, the right row in the right cell."""

from typing import Any

import numpy as np
import pytest

from featsplit.report.tables import accuracy_table, as_markdown, as_text, control_table, listing, spread, transfer_table


def row(accuracy: float, **fields: Any) -> dict[str, Any]:
    usual = {"train_set": "source", "training": "standard", "architecture": "cnn", "test_set": "source", "seed": 0}
    return usual | {"attack": "none", "norm": None, "eps": None, "steps": None, "restarts": None, "n": 9} | fields | {
        "accuracy": accuracy
    }  # fmt: skip


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
    assert accuracy_table(rows) == [
        ["trained on", "clean", "pgd l2 0.5"],
        ["D, standard training", "0.900", "0.400"],
        ["D, adversarial training", "0.800", "0.700"],
        ["D_det", "0.300", "0.000"],
        ["D_det, on labels y + 1", "0.200", ""],
    ]


def test_seeds_are_averaged_not_listed() -> None:
    table = accuracy_table([row(0.4), row(0.6, seed=1)])
    assert table[1:] == [["D, standard training", "0.500 ± 0.141"]]


def test_control_table_has_before_and_after() -> None:
    rows = [row(0.1, test_set="rand:before"), row(0.3, test_set="rand:after"), row(0.9)]
    assert control_table(rows)[1:] == [["on D_rand", "0.100", "0.300"]]


def test_listing_has_a_line_for_each_row() -> None:
    lines = listing([row(0.9, model="a/std.safetensors"), row(0.4, model="a/std.safetensors", **PGD)])
    assert lines[1:] == [
        ["std", "source", "none", "-", "-", "-", "-", "9", "0.9000"],
        ["std", "source", "pgd", "l2", "0.5", "20", "3", "9", "0.4000"],
    ]


def test_transfer_table_is_a_matrix() -> None:
    rows = [
        row(acc, train_set=f"x/{name}.h5", architecture=arch, seed=seed)
        for name, arch, accs in (("a", "cnn", (0.1, 0.3)), ("a", "mlp", (0.4, 0.4)), ("b", "cnn", (0.5, 0.5)))
        for seed, acc in enumerate(accs)
    ]
    assert transfer_table(rows) == [
        ["trained on", "network", "source clean"],
        ["a", "cnn", "0.200 ± 0.141"],
        ["a", "mlp", "0.400 ± 0.000"],
        ["b", "cnn", "0.500 ± 0.000"],
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
