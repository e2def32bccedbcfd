"""What the command evaluate prints."""

from typing import Any

from featsplit.report.intervals import accuracy
from featsplit.report.listing import curves_of, listing


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


def test_each_search_has_a_curve_with_the_attacks_on_its_images_in_its_norm_as_points() -> None:
    """Of another norm than the first there is none; nor are what follows from distances, and clean accuracy, points."""
    search = {"attack": "closest", "norm": "l2", "distances": ""}

    def measured(path: str, **fields: str) -> Any:
        of = {"model": path, **fields}
        found = [row(0.1, **of, **search), row(0.1, **of, **{**search, "attack": "deepfool"})]
        points = [row(0.4, **of, **PGD), row(0.3, **of, **{**PGD, "attack": "fgsm"})]
        others = [
            row(0.9, **of),
            row(0.9, **of, norm="l2"),
            row(0.3, **of, **{**PGD, "norm": "linf"}),
            row(0.3, **of, **{**search, "norm": "linf"}),
            row(0.5, **of, attack="closest", norm="l2", eps=0.5),
        ]
        return found, points, others

    names = ("a, s", "b, s", "a, s: training images", "a, t")
    of = [
        measured("x/a.safetensors", test_set="s", split="test"),
        measured("x/b.safetensors", test_set="s", split="test"),
        measured("x/a.safetensors", test_set="s", split="train"),
        measured("x/a.safetensors", test_set="t", split="test"),
    ]
    expected = [
        (f"{name}, {attack}", [found], points)
        for name, (both, points, _) in zip(names, of, strict=True)
        for attack, found in zip(("closest", "deepfool"), both, strict=True)
    ]
    assert [tuple(curve) for curve in curves_of([one for three in of for rows in three for one in rows])] == expected
