"""The matrix of sets and architectures, of rows that are known."""

from typing import Any

import numpy as np

from featsplit.report.cells import Cells
from featsplit.studies.set_transfer.page import transfer_matrix, transfer_table


def row(accuracy: float, **fields: Any) -> Any:
    """A row of an accuracy with these fields."""
    usual = {"train_set": "source", "training": "standard", "architecture": "cnn", "test_set": "source", "seed": 0}
    attack = {"attack": "none", "norm": None, "eps": None, "steps": None, "restarts": None, "n": 9}
    return {**usual, **attack, **fields, "accuracy": accuracy}


PGD = {"attack": "pgd", "norm": "l2", "eps": 0.5, "steps": 20, "restarts": 3}


def plain(table: Cells) -> Cells:
    """The table without its intervals and counts, which stand in brackets."""
    return [[cell.partition(" (")[0] for cell in line] for line in table]


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
