"""What the command evaluate prints."""

from typing import Any

from featsplit.report.intervals import accuracy
from featsplit.report.listing import listing


def row(accuracy: float, **fields: Any) -> Any:
    """A row of an accuracy with these fields."""
    usual = {"train_set": "source", "training": "standard", "architecture": "cnn", "test_set": "source", "seed": 0}
    attack = {"attack": "none", "norm": None, "eps": None, "steps": None, "restarts": None, "n": 9}
    return {**usual, **attack, **fields, "accuracy": accuracy}


PGD = {"attack": "pgd", "norm": "l2", "eps": 0.5, "steps": 20, "restarts": 3}


def test_listing_has_a_line_for_each_row() -> None:
    lines = listing([row(0.9, model="a/std.safetensors"), row(0.4, model="a/std.safetensors", **PGD)])
    assert [line[:8] for line in lines[1:]] == [
        ["std", "source", "none", "-", "-", "-", "-", "9"],
        ["std", "source", "pgd", "l2", "0.5", "20", "3", "9"],
    ]
    assert [line[8] for line in lines[1:]] == [accuracy([row(share)]).short() for share in (0.9, 0.4)]


def test_a_search_shows_its_median_distance_in_the_place_of_an_accuracy() -> None:
    search = {**PGD, "attack": "closest", "eps": None, "restarts": None, "distances": "", "distance": 0.4321}
    none, model = {**search, "distance": None}, {"model": "a/std.safetensors"}
    lines = listing([row(0.0, **model, **search), row(0.0, **model, **none)])
    assert lines[1] == ["std", "source", "closest", "l2", "-", "20", "-", "9", "distance 0.432"]
    assert lines[2][8] == "distance infinite"
