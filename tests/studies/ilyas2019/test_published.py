"""The published numbers: each in its band, and beside it what a run measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from featsplit.report.published import Compared, compared
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019.published import PUBLISHED, differences
from featsplit.studies.ilyas2019.settings import EXPERIMENTS, Settings
from tests.rows import read, row


@pytest.fixture(scope="module")
def paper() -> Settings:
    """A run of the paper's kind."""
    return read("paper-cifar10")


def verdict(rows: list[Row], settings: Settings, what: str) -> Compared:
    (one,) = [each for each in compared(rows, PUBLISHED, differences(settings)) if each.published.what == what]
    return one


def test_the_papers_preset_is_of_the_papers_kind(paper: Settings) -> None:
    assert differences(paper) == []


@pytest.mark.parametrize(
    ("what", "fields", "bounds"),
    [
        ("trained on D, standard, clean", {}, (0.9225, 0.9825)),
        ("trained on D, standard, L2 0.25", {"eps": 0.25}, (0.0, 0.12)),
        ("trained on D, adversarially, L2 0.25", {"eps": 0.25, "training": "adversarial"}, (0.7948, 0.8548)),
        ("trained on D_R, L2 0.5", {"eps": 0.5, "train_set": "robust"}, (0.1185, 0.3185)),
        ("trained on D_NR, L2 0.25", {"eps": 0.25, "train_set": "nonrobust"}, (0.0, 0.1082)),
        ("trained on D_rand, clean", {"train_set": "rand"}, (0.533, 0.733)),
    ],
)
def test_a_number_passes_within_its_band(
    paper: Settings, what: str, fields: dict[str, Any], bounds: tuple[float, float]
) -> None:
    low, high = bounds
    cases = ((low + 2e-3, "pass"), (high - 2e-3, "pass"), (high + 2e-3, "off"), (low - 2e-3, "off"))
    for value, expected in (*cases, (high, "undecided")):
        if value >= 0:
            assert verdict([row(value, **fields)], paper, what).verdict == expected, value
    two = verdict([row(high + 0.001, **fields), row(high - 0.002, seed=1, **fields)], paper, what)
    assert two.found is not None
    assert (two.verdict, two.found.seeds) == ("undecided", 2), "the spread over seeds counts"


def test_nothing_at_all_is_inside_the_band_of_the_449(paper: Settings) -> None:
    what = "trained on D, standard, L2 0.25"
    assert [verdict([row(a, eps=0.25)], paper, what).verdict for a in (0.0, 0.0449, 0.118)] == ["pass"] * 3


def test_a_transfer_rate_is_one_less_the_accuracy_of_its_row(paper: Settings) -> None:
    of = {"experiment": "architectures", "architecture": "resnet18", "eps": 0.5}
    one = verdict([row(0.08, test_set="transferred", **of)], paper, "resnet18: untargeted transfer rate")
    assert one.found is not None
    assert one.found.value == pytest.approx(0.92)
    assert one.verdict == "pass"
    two = verdict([row(0.324, test_set="transferred", labels="next", **of)], paper, "resnet18: targeted transfer rate")
    assert two.found is not None
    assert two.found.value == pytest.approx(0.324)
    assert two.verdict == "pass"
    off = verdict([row(0.921, test_set="transferred", **of)], paper, "resnet18: untargeted transfer rate")
    assert off.verdict == "off"


def test_what_was_not_measured_or_is_not_comparable_says_so(paper: Settings) -> None:
    assert {each.verdict for each in compared([], PUBLISHED, [])} == {"not measured"}
    digits = read("digits")
    rows = [row(0.9525)]
    assert verdict(rows, digits, "trained on D, standard, clean").verdict == "not comparable"
    assert verdict(rows, digits, "trained on D_rand, clean").verdict == "not measured"


def test_every_difference_is_told() -> None:
    changed = ["data.source=svhn", "data.resize=16", "data.limit=10000", "data.holdout=0.2", "model.arch=resnet18"]
    assert differences(read("paper-cifar10", *changed)) == [
        "other data (svhn)",
        "other size (16 x 16)",
        "fewer images (10,000)",
        "other classes or split",
        "other architecture (resnet18)",
    ]
    assert differences(read("paper-cifar10", "data.resize=32")) == []


def test_published_numbers_are_each_once_and_in_their_bands() -> None:
    assert len({(number.table, number.what) for number in PUBLISHED}) == len(PUBLISHED)
    assert all(0 <= number.low <= number.value <= number.high <= 1 for number in PUBLISHED)
    assert len(PUBLISHED) == 6 * 3 + 10 + 5 * 3


@pytest.mark.long
def test_every_published_number_is_measured_by_a_run_with_every_experiment(every_run: list[Row]) -> None:
    """The rows that a number asks for are those that a run writes, its eps and architectures apart."""
    for number in PUBLISHED:
        free: dict[str, object] = {
            key: value for key, value in number.rows.items() if key not in ("eps", "architecture", "steps")
        }
        if "Fig. 3" in number.table:
            free["experiment"] = "architectures"
        assert picked(every_run, **free), number.what


@pytest.fixture(scope="module")
def every_run(every_experiment: Path) -> list[Row]:
    """The rows of a run with every experiment."""
    found: list[Row] = json.loads((every_experiment / "rows.json").read_text())
    assert {row["experiment"] for row in found} >= set(EXPERIMENTS)
    return found
