"""Rows are picked by their fields; a test set without more is its own test images, with their own labels."""

from typing import cast

import pytest

from featsplit.report.rows import mean, picked, values
from featsplit.rows import Row
from tests.rows import row

OTHER = cast(Row, {"accuracy": 0.4, "train_set": "source"})
ROWS = [row(0.1), row(0.2, train_set="det"), row(0.3, epoch=2), OTHER]


def test_rows_are_picked_by_their_fields() -> None:
    assert values(ROWS, train_set="source") == [0.1, 0.3, 0.4]
    assert values(ROWS, experiment="main", train_set="source", attack="none") == [0.1, 0.3]
    assert picked(ROWS, experiment=None) == [OTHER]
    assert values(ROWS, epoch=None) == [0.1, 0.2, 0.4]


def test_their_mean_is_that_of_what_is_picked() -> None:
    assert mean(ROWS, train_set="source") == pytest.approx(0.8 / 3)
    assert mean(ROWS, train_set="rand") is None


def test_a_test_set_without_more_is_its_test_images_with_their_own_labels() -> None:
    of = {"test_set": "det"}
    rows = [
        row(0.1, **of),
        row(0.2, split="train", **of),
        row(0.3, labels="next", **of),
        row(0.4, moment="found", **of),
    ]
    assert values(rows, test_set="det") == [0.1]
    assert values(rows, test_set="det", split="train") == [0.2]
    assert values(rows, test_set="det", labels="next") == [0.3]
    assert values(rows, test_set="det", moment="found") == [0.4]
    assert values(rows, labels=None) == [0.1, 0.2, 0.4], "where no test set is named nothing more is asked"
