"""Tables 1 and 2, and Figure 7, as they are printed."""

from typing import NamedTuple, cast

from featsplit.report.published import Published
from featsplit.rows import Row
from featsplit.studies.szegedy2014.rows import LBFGS, NOISE

ERRORS = {
    "FC10(1e-4)": (6.7, 7.4, 0.062),
    "FC10(1e-2)": (10.0, 9.4, 0.1),
    "FC10(1)": (21.2, 20.0, 0.14),
    "FC100-100-10": (0.0, 1.64, 0.058),
    "FC200-200-10": (0.0, 1.54, 0.065),
    "AE400-10": (0.57, 1.9, 0.086),
}
"""Table 1: training error and test error in percent, mean distortion."""
COLUMNS = ("FC10(1e-4)", "FC100-100-10", "AE400-10")
CROSS = {
    "FC10(1e-4)": (100.0, 2.0, 2.7),
    "FC10(1e-2)": (87.1, 35.9, 9.8),
    "FC10(1)": (71.9, 48.1, 34.4),
    "FC100-100-10": (28.9, 100.0, 2.0),
    "FC200-200-10": (38.2, 20.3, 2.7),
}
"""Table 2: the error in percent of each of `COLUMNS` on the images made for a network."""
NOISY = {0.1: (5.0, 0.0, 0.8), 0.3: (15.6, 5.0, 3.1)}
"""Table 2: their error with Gaussian noise."""
POINTS, CROSS_POINTS, FAR = 2.0, 10.0, 0.02
"""How far an error of Table 1, one of Table 2 and a distortion may lie from the printed one."""


class Distortion(NamedTuple):
    """A printed mean distortion of a network of `group`."""

    table: str
    group: str
    network: str
    value: float


def _band(value: float, points: float) -> tuple[float, float, float]:
    return value / 100, max(value - points, 0.0) / 100, min(value + points, 100.0) / 100


def _errors() -> list[Published]:
    found = []
    for name, (train, test, _) in ERRORS.items():
        for split, value in (("train", train), ("test", test)):
            rows: Row = {"experiment": "models", "training": name, "attack": "none", "split": split}
            what = f"{name}, {'training' if split == 'train' else 'test'} error"
            found.append(Published("Table 1", what, *_band(value, POINTS), rows, rate=True))
    return found


def _cross() -> list[Published]:
    found = []
    for made_for, values in CROSS.items():
        for name, value in zip(COLUMNS, values, strict=True):
            rows = {"experiment": "models", "training": name, "attack": LBFGS, "made_for": made_for}
            what = f"made for {made_for}, error of {name}"
            found.append(Published("Table 2", what, *_band(value, CROSS_POINTS), cast(Row, rows), rate=True))
    return found


def _noise(size: float, name: str, value: float) -> Published:
    rows: Row = {"experiment": "models", "training": name, "attack": NOISE, "eps": size, "split": "train"}
    what = f"noise {size:g}, error of {name}"
    return Published("Table 2", what, *_band(value, CROSS_POINTS), rows, rate=True)


def _noisy() -> list[Published]:
    of_columns = [
        _noise(size, name, value) for size, values in NOISY.items() for name, value in zip(COLUMNS, values, strict=True)
    ]
    loud = _noise(1.0, "FC200-200-10", 49.0)
    figure = loud._replace(table="Fig. 7", what="noise 1, error (the network is not named; here FC200-200-10)")
    return [*of_columns, _noise(0.1, "FC10(1)", 18.3), figure]


PUBLISHED = [*_errors(), *_cross(), *_noisy()]
DISTORTIONS = [Distortion("Table 1", "models", name, values[2]) for name, values in ERRORS.items()]
