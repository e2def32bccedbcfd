"""The verdicts on the squares, on rows whose answer is known."""

import pytest

from featsplit.report.known import concluded
from featsplit.studies.squares.claims import kind_of, linear_and_deep
from featsplit.studies.squares.page import arms_in_words
from featsplit.studies.squares.rows import SquaresRow


def square(arm: str, share: float, fitted: float = 1.0) -> SquaresRow:
    """A row of an arm: what survives the small eps of 500 squares."""
    row: SquaresRow = {"arm": arm, "experiment": "grid", "eps": 0.01, "accuracy": share, "n": 500, "epoch": 60}
    return {**row, "train_accuracy": fitted}


def test_arms_are_told_by_the_small_eps() -> None:
    rows = [square("linear", 0.95), square("deep", 0.05), square("mlp", 0.5), square("weight decay", 0.1)]
    assert [kind_of(rows, row["arm"]) for row in rows] == ["robust", "brittle", "between", "brittle"]
    assert arms_in_words(rows) == (
        "At linf 0.01 the linear model is robust and the deep one brittle. Brittle: weight decay. Between: mlp."
    )


@pytest.mark.parametrize(
    ("linear", "deep", "fitted", "expected"),
    [
        (0.95, 0.05, 1.0, ["holds", "holds"]),
        (0.95, 0.13, 1.0, ["holds", "undecided"]),
        (0.95, 0.2, 1.0, ["holds", "does not hold"]),
        (0.8, 0.05, 1.0, ["does not hold", "holds"]),
        (0.88, 0.05, 1.0, ["undecided", "holds"]),
        (0.95, 0.05, 0.95, ["holds", "does not hold"]),
    ],
)
def test_squares_are_known_once_the_labels_are_fitted(
    linear: float, deep: float, fitted: float, expected: list[str]
) -> None:
    verdicts = linear_and_deep([square("linear", linear), square("deep", deep, fitted)])
    assert [claim.verdict for claim in verdicts] == expected
    assert ("--set epochs=120" in concluded(verdicts)) == (fitted < 0.999)
