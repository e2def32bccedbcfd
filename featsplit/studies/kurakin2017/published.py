"""The numbers of Tables 1 to 3 of arXiv:1607.02533 (Inception v3, ImageNet), and in what a run is of another kind."""

from collections.abc import Iterator
from typing import cast

from featsplit.report.published import Published
from featsplit.rows import Row
from featsplit.studies.kurakin2017.photographs.cases import Case
from featsplit.studies.kurakin2017.photographs.measure import DESTROYED, EXPERIMENT
from featsplit.studies.kurakin2017.settings import Settings

BANDS = (
    "In percent. Each is of about 100 pairs, so its band is that of chance alone, 10 to either side. Nothing of it is "
    "comparable here: ImageNet at 299 pixels, Inception v3, a real printer and camera, and the top 5 of 1000 classes; "
    "what a run of this kind can show is the order of methods and cases, and that is asked among the statements."
)
_METHODS = {"fast": "fast", "basic": "basic", "ll": "least-likely"}
_TABLE_1 = """
fast 16   79.8 91.9  36.4 67.7   85.3 94.1  36.3 58.8
fast 8    70.6 93.1  49.0 73.5   77.5 97.1  30.4 57.8
basic 16  72.9 89.6  49.0 75.0   81.4 95.1  28.4 31.4
basic 8   72.5 93.1  51.0 87.3   73.5 93.1  26.5 31.4
ll 16     71.1 90.0  60.0 83.3   79.4 96.1  1.0  1.0
ll 8      76.5 94.1  69.6 92.2   78.4 98.0  0.0  6.9
"""
_TABLE_2 = """
fast 16   81.8 97.0  5.1  39.4
fast 8    77.1 95.8  14.6 70.8
basic 16  93.3 97.8  60.0 87.8
basic 8   89.2 98.0  64.7 91.2
ll 16     95.8 100   87.5 97.9
ll 8      96.0 100   88.9 97.0
"""
_TABLE_3 = """
fast 16   12.5 40.0  5.1  39.4
fast 8    33.3 40.0  14.6 70.8
basic 16  40.4 69.4  60.0 87.8
basic 8   52.1 90.5  64.7 91.2
ll 16     72.2 85.1  87.5 97.9
ll 8      86.3 94.6  88.9 97.0
"""
_PHOTOS = ("clean, photographed", "adversarial, photographed")
_COLUMNS: dict[str, tuple[str, list[tuple[str, Case, int]]]] = {
    "Table 1": (
        _TABLE_1,
        [(name, "average", top) for name in (*_PHOTOS, "clean", "adversarial") for top in (1, 5)],
    ),
    "Table 2": (_TABLE_2, [(name, "prefiltered", top) for name in _PHOTOS for top in (1, 5)]),
    "Table 3": (
        _TABLE_3,
        [(DESTROYED, case, top) for case in ("average", "prefiltered") for top in (1, 5)],
    ),
}
BAND = 0.1


def _published() -> Iterator[Published]:
    for name, (text, columns) in _COLUMNS.items():
        for line in text.strip().splitlines():
            method, levels, *numbers = line.split()
            for (measure, case, top), number in zip(columns, numbers, strict=True):
                rows: object = {
                    "experiment": EXPERIMENT, "attack": _METHODS[method], "levels": int(levels), "case": case,
                    "measure": measure, "test_set": "pairs", "top": 1 if top == 1 else TOP_K,
                }  # fmt: skip
                value = float(number) / 100
                what = f"{case}: {_METHODS[method]} {levels}, {measure}, top {top}"
                yield Published(name, what, value, max(value - BAND, 0), min(value + BAND, 1), cast(Row, rows))


TOP_K = 2
"""Of ten classes the top 2 stand beside the paper's top 5."""
PUBLISHED = list(_published())


def differences(settings: Settings) -> list[str]:
    """In what the run is not of the paper's kind, each in a few words; never nothing, for no camera took its photos."""
    found = ["simulated photographs"]
    if settings.data.source != "imagenet":
        found.append(f"other data ({settings.data.source}) and another network ({settings.model.arch})")
    return found
