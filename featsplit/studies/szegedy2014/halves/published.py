"""Tables 3 and 4, as they are printed."""

from typing import cast

from featsplit.report.published import Published
from featsplit.rows import Row
from featsplit.studies.szegedy2014.models.published import Distortion
from featsplit.studies.szegedy2014.networks import HALVES
from featsplit.studies.szegedy2014.rows import LBFGS, NOISE

NAMES = tuple(network.name for network in HALVES)
ERRORS = {
    "FC100-100-10": (0.0, 2.4, 2.0, 0.062),
    "FC123-456-10": (0.0, 2.5, 2.1, 0.059),
    "FC100-100-10'": (2.3, 0.0, 2.1, 0.058),
}
"""Table 3: the error in percent on P1, P2 and the test images, and the mean distortion."""
CROSS = {
    "as found": ((100.0, 26.2, 5.9), (6.25, 100.0, 5.1), (8.2, 8.2, 100.0)),
    "amplified": ((100.0, 98.0, 43.0), (96.0, 100.0, 22.0), (27.0, 50.0, 100.0)),
}
"""Table 4: made for each network, the error in percent of each."""
NOISY = {0.06: (2.2, 2.6, 2.4), 0.1: (2.6, 2.8, 2.7)}
POINTS, CROSS_POINTS = 2.0, 10.0


def _number(table: str, what: str, value: float, *, rows: Row, points: float) -> Published:
    low, high = max(value - points, 0.0) / 100, min(value + points, 100.0) / 100
    return Published(table, what, value / 100, low, high, rows, rate=True)


def _errors() -> list[Published]:
    found = []
    for name, values in ERRORS.items():
        for split, value in zip(("P1", "P2", "test"), values[:3], strict=True):
            rows: Row = {"experiment": "halves", "training": name, "attack": "none", "split": split}
            found.append(_number("Table 3", f"{name}, error on {split}", value, rows=rows, points=POINTS))
    return found


def _cross() -> list[Published]:
    found = []
    for moment, table in CROSS.items():
        for made_for, values in zip(NAMES, table, strict=True):
            for name, value in zip(NAMES, values, strict=True):
                rows = {"experiment": "halves", "training": name, "attack": LBFGS}
                rows |= {"made_for": made_for, "moment": moment}
                what = f"made for {made_for}, {moment}, error of {name}"
                found.append(_number("Table 4", what, value, rows=cast(Row, rows), points=CROSS_POINTS))
    for size, values in NOISY.items():
        for name, value in zip(NAMES, values, strict=True):
            noisy: Row = {"experiment": "halves", "training": name, "attack": NOISE, "eps": size, "split": "test"}
            found.append(_number("Table 4", f"noise {size:g}, error of {name}", value, rows=noisy, points=POINTS))
    return found


PUBLISHED = [*_errors(), *_cross()]
DISTORTIONS = [Distortion("Table 3", "halves", name, values[3]) for name, values in ERRORS.items()]
