"""Each statement of the paper on rows made by hand, where it holds and where it does not; and the numbers beside it."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from featsplit.experiment.settings import PARTS, Experiment, read_experiment
from featsplit.report.claims import Claim, claims, smallest_eps, transfer_points
from featsplit.report.notes import notes
from featsplit.report.published import PUBLISHED, Compared, compared, differences
from featsplit.report.rows import bootstrap_interval, mean, picked, rank_correlation, ranks, values

Row = dict[str, Any]


def row(accuracy: float, **fields: Any) -> Row:
    """A row of the part "main"; with an eps and no attack it is under PGD."""
    usual = {"part": "main", "train_set": "source", "training": "standard", "architecture": "resnet50", "seed": 0}
    usual |= {"test_set": "source", "attack": "pgd" if "eps" in fields else "none", "eps": None, "loss": None}
    return usual | fields | {"accuracy": accuracy}


FOUR: list[Row] = [
    {"train_set": "source", "training": "adversarial"},
    {"train_set": "robust"},
    {"train_set": "source"},
    {"train_set": "nonrobust"},
]


def order(accuracies: tuple[float, ...], **fields: Any) -> list[Row]:
    """The four networks of Table 7, with these accuracies."""
    return [row(value, **{**own, **fields}) for own, value in zip(FOUR, accuracies, strict=True)]


def splits(*accuracies: float, eps: float = 0.25) -> list[Row]:
    sets = ("robust-noise:train", "robust-noise:test", "source")
    return [row(a, part="splits", test_set=s, eps=eps) for a, s in zip(accuracies, sets, strict=True)]


def taught(name: str, accuracy: float, **fields: Any) -> Row:
    return row(accuracy, train_set=name, **fields)


def steps(**by_count: float) -> list[Row]:
    return [row(a, part="steps", steps=int(count[1:]), loss="cross-entropy", eps=0.25) for count, a in by_count.items()]


EPS = [row(0.0, test_set="elsewhere", eps=0.25)]
"""A row that says no more than which eps the run has."""


def transfer(test_set: str, *points: tuple[float, float]) -> list[Row]:
    """For each architecture what it learns from D_det and the accuracy of the transferred row."""
    found = []
    for place, (learned, accuracy) in enumerate(points):
        arch = f"net{place}"
        found.append(taught("det", learned, part="architectures", architecture=arch))
        found.append(row(accuracy, part="architectures", architecture=arch, test_set=test_set, eps=0.5))
    return found


CASES: list[tuple[str, list[Row], list[Row], list[Row]]] = [
    (
        "Table 7: adversarially trained > D_R > standard > D_NR, PGD",
        [*order((0.8, 0.5, 0.3, 0.1), eps=0.25), *order((0.1, 0.2, 0.3, 0.4), eps=0.5)],
        order((0.8, 0.3, 0.3, 0.1), eps=0.25),
        order((0.8, 0.5, 0.3, 0.1), eps=0.25)[:3],
    ),
    (
        "Table 7: adversarially trained > D_R > standard > D_NR, AutoAttack",
        order((0.8, 0.5, 0.3, 0.1), eps=0.25, attack="autoattack", part="autoattack"),
        order((0.8, 0.5, 0.3, 0.4), eps=0.25, attack="autoattack", part="autoattack"),
        order((0.8, 0.5, 0.3, 0.1), eps=0.25, part="autoattack"),
    ),
    ("Table 1: D_rand teaches", [taught("rand", 0.121)], [taught("rand", 0.119)], [taught("det", 0.5)]),
    ("Table 1: D_det teaches", [taught("det", 0.121)], [taught("det", 0.119)], [taught("det", 0.5, part="noise")]),
    *(
        (
            f"Table 9: D_{name} of the robust network",
            [taught(name, 0.75), taught(f"{name}-control", 0.5, part="control")],
            [taught(name, 0.74), taught(f"{name}-control", 0.5, part="control")],
            [taught(name, 0.75)],
        )
        for name in ("rand", "det")
    ),
    (
        "Table 10: ",
        [taught("det-control", a, part="control", test_set=t) for a, t in ((0.2, "source"), (0.3, "source:next"))],
        [taught("det-control", a, part="control", test_set=t) for a, t in ((0.3, "source"), (0.3, "source:next"))],
        [taught("det-control", 0.2, part="control")],
    ),
    (
        "Table 8: ",
        [*splits(0.8, 0.6, 0.5), *splits(0.1, 0.2, 0.3, eps=0.5)],
        splits(0.8, 0.5, 0.6),
        splits(0.8, 0.6, 0.5)[:2],
    ),
    (
        "Fig. 8: ",
        steps(c1=0.9, c100=0.48, c2500=0.47),
        steps(c1=0.9, c100=0.48, c2500=0.465),
        steps(c1=0.9, c100=0.48),
    ),
    (
        "Fig. 3: architectures that learn more from D_det are fooled more (untargeted)",
        transfer("transferred", (0.2, 0.5), (0.3, 0.4), (0.4, 0.1)),
        transfer("transferred", (0.2, 0.1), (0.3, 0.4), (0.4, 0.5)),
        transfer("transferred", (0.2, 0.5), (0.3, 0.4)),
    ),
    (
        "Fig. 3: architectures that learn more from D_det are fooled more (targeted)",
        transfer("transferred:next", (0.2, 0.1), (0.3, 0.4), (0.4, 0.5)),
        transfer("transferred:next", (0.2, 0.5), (0.3, 0.4), (0.4, 0.1)),
        transfer("transferred:next", (0.2, 0.5), (0.3, 0.4)),
    ),
]  # fmt: skip


def found(rows: list[Row], what: str) -> list[Claim]:
    return [claim for claim in claims([*rows, *EPS], classes=10) if claim.what.startswith(what)]


@pytest.mark.parametrize(("what", "holds", "fails", "lacks"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_claim_holds_fails_or_was_not_measured(
    what: str, holds: list[Row], fails: list[Row], lacks: list[Row]
) -> None:
    assert [claim.holds for claim in found(holds, what)] == [True]
    assert [claim.holds for claim in found(fails, what)] == [False]
    assert found(lacks, what) == []


def test_every_claim_is_of_means_over_seeds() -> None:
    """0.15 and 0.09 are 0.12 in the mean, which is not above chance and two points."""
    rows = [taught("rand", 0.15), taught("rand", 0.09, seed=1)]
    assert [claim.measured for claim in found(rows, "Table 1")] == ["0.120"]
    assert not found(rows, "Table 1")[0].holds
    assert found([*rows, taught("rand", 0.16, seed=2)], "Table 1")[0].holds


def test_what_is_measured_is_told() -> None:
    measured = {claim.what[:7]: claim.measured for _, rows, _, _ in CASES for claim in found(rows, "")}
    assert measured["Table 7"] == "0.800 > 0.500 > 0.300 > 0.100"
    assert measured["Table 9"] == "0.750 / 0.500 = 1.50"
    assert measured["Table 10"[:7]] == measured["Table 1"]
    assert measured["Table 8"] == "0.800 > 0.600 > 0.500"
    assert measured["Fig. 8:"] == "0.480 to 0.470"
    assert measured["Fig. 3:"].startswith("1.00, 95 % interval ")


def test_the_eps_of_transferred_examples_is_not_that_of_the_run() -> None:
    assert (
        smallest_eps([row(0, eps=0.5), row(0, eps=0.25), row(0), row(0, eps=0.1, test_set="transferred:next")]) == 0.25
    )


def test_the_runs_own_architecture_has_learned_from_det_in_the_main_part() -> None:
    rows = [taught("det", 0.4), *transfer("transferred", (0.2, 0.7)), row(0.1, test_set="transferred", eps=0.5)]
    assert transfer_points(rows, "transferred") == [("net0", 0.2, pytest.approx(0.3)), ("resnet50", 0.4, 0.9)]
    assert transfer_points(rows, "transferred:next") == []


def test_an_architecture_that_learned_nothing_is_a_point_too() -> None:
    assert transfer_points(transfer("transferred:next", (0.0, 0.25)), "transferred:next") == [("net0", 0.0, 0.25)]


SAMPLES = [
    ([1.0, 2.0, 3.0, 4.0], [0.1, 0.5, 0.4, 0.9]),
    ([1.0, 1.0, 2.0, 3.0, 3.0, 3.0], [2.0, 5.0, 5.0, 5.0, 1.0, 7.0]),
    ([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]),
    (list(np.random.default_rng(0).integers(0, 5, 12).astype(float)), list(np.random.default_rng(1).random(12))),
]


@pytest.mark.parametrize(("left", "right"), SAMPLES, ids=["plain", "ties", "reversed", "twelve"])
def test_the_rank_correlation_is_that_of_scipy(left: list[float], right: list[float]) -> None:
    assert rank_correlation(left, right) == pytest.approx(float(spearmanr(left, right).statistic))


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks([0.5, 0.1, 0.5, 0.9, 0.5]) == [3.0, 1.0, 3.0, 5.0, 3.0]
    assert math.isnan(rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))


def test_the_interval_is_that_of_numpy_over_the_same_pairs() -> None:
    left, right = SAMPLES[3]
    picks = np.random.default_rng(0).integers(12, size=(200, 12))
    expected = [spearmanr(np.array(left)[pick], np.array(right)[pick]).statistic for pick in picks]
    low, high = bootstrap_interval(left, right, draws=200)
    assert (low, high) == pytest.approx(tuple(np.percentile(expected, [2.5, 97.5])))
    assert -1 <= low < rank_correlation(left, right) < high <= 1
    assert bootstrap_interval(left, right, draws=200) == (low, high), "the seed is fixed"


def test_a_correlation_that_is_none_has_no_interval() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = bootstrap_interval([1.0, 2.0, 3.0], [0.5, 0.5, 0.5], draws=50)
    assert math.isnan(low)
    assert math.isnan(high)


def test_rows_are_picked_by_their_fields() -> None:
    rows = [row(0.1), row(0.2, train_set="det"), row(0.3, epoch=2), {"accuracy": 0.4, "train_set": "source"}]
    assert values(rows, train_set="source") == [0.1, 0.3, 0.4]
    assert values(rows, part="main", train_set="source", attack="none") == [0.1, 0.3]
    assert picked(rows, part="main") == rows, "a row without a part is of the main one"
    assert values(rows, epoch=None) == [0.1, 0.2, 0.4]
    assert mean(rows, train_set="source") == pytest.approx(0.8 / 3)
    assert mean(rows, train_set="rand") is None


@pytest.fixture(scope="module")
def paper() -> Experiment:
    """A run of the paper's kind."""
    return read_experiment("paper-cifar10")


def verdict(rows: list[Row], experiment: Experiment, what: str) -> Compared:
    (one,) = [each for each in compared(rows, experiment) if each.published.what == what]
    return one


def test_the_papers_preset_is_of_the_papers_kind(paper: Experiment) -> None:
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
    paper: Experiment, what: str, fields: Row, bounds: tuple[float, float]
) -> None:
    low, high = bounds
    for value, expected in ((low + 1e-6, "pass"), (high - 1e-6, "pass"), (high + 1e-4, "off"), (low - 1e-4, "off")):
        if value >= 0:
            assert verdict([row(value, **fields)], paper, what).verdict == expected, value
    two = verdict([row(high + 0.01, **fields), row(high - 0.02, seed=1, **fields)], paper, what)
    assert (two.verdict, len(two.found)) == ("pass", 2), "the mean over seeds counts"


def test_the_bounds_of_the_449_count_as_inside(paper: Experiment) -> None:
    what = "trained on D, standard, L2 0.25"
    assert [verdict([row(a, eps=0.25)], paper, what).verdict for a in (0.0, 0.0449, 0.12)] == ["pass"] * 3


def test_a_transfer_rate_is_one_less_the_accuracy_of_its_row(paper: Experiment) -> None:
    of = {"part": "architectures", "architecture": "resnet18", "eps": 0.5}
    one = verdict([row(0.08, test_set="transferred", **of)], paper, "resnet18: untargeted transfer rate")
    assert one.found == pytest.approx([0.92])
    assert one.verdict == "pass"
    two = verdict([row(0.324, test_set="transferred:next", **of)], paper, "resnet18: targeted transfer rate")
    assert (two.found, two.verdict) == ([0.324], "pass")
    off = verdict([row(0.921, test_set="transferred", **of)], paper, "resnet18: untargeted transfer rate")
    assert off.verdict == "off"


def test_what_was_not_measured_or_is_not_comparable_says_so(paper: Experiment) -> None:
    assert {each.verdict for each in compared([], paper)} == {"not measured"}
    digits = read_experiment("digits")
    rows = [row(0.9525)]
    assert verdict(rows, digits, "trained on D, standard, clean").verdict == "not comparable"
    assert verdict(rows, digits, "trained on D_rand, clean").verdict == "not measured"


def test_every_difference_is_told() -> None:
    changed = ["data.source=svhn", "data.resize=16", "data.limit=10000", "data.holdout=0.2", "model.arch=resnet18"]
    assert differences(read_experiment("paper-cifar10", changed)) == [
        "other data (svhn)",
        "other size (16 x 16)",
        "fewer images (10,000)",
        "other classes or split",
        "other architecture (resnet18)",
    ]
    assert differences(read_experiment("paper-cifar10", ["data.resize=32"])) == []


def test_published_numbers_are_each_once_and_in_their_bands() -> None:
    assert len({(number.table, number.what) for number in PUBLISHED}) == len(PUBLISHED)
    assert all(0 <= number.low <= number.value <= number.high <= 1 for number in PUBLISHED)
    assert len(PUBLISHED) == 6 * 3 + 10 + 5 * 3


def test_every_published_number_is_measured_by_a_run_with_every_part(every_run: list[Row]) -> None:
    """The rows that a number asks for are those that a run writes, its eps and architectures apart."""
    for number in PUBLISHED:
        free = {key: value for key, value in number.rows.items() if key not in ("eps", "architecture", "steps")}
        if "Fig. 3" in number.table:
            free["part"] = "architectures"
        assert picked(every_run, **free), number.what


@pytest.fixture(scope="module")
def every_run(every_part: Any) -> list[Row]:
    """The rows of a run with every part."""
    import json

    found: list[Row] = json.loads((every_part / "rows.json").read_text())
    assert {row["part"] for row in found} >= set(PARTS)
    return found


def test_notes_tell_of_a_short_schedule_and_of_augmentation() -> None:
    short = notes(
        read_experiment("paper-cifar10", ["train.rand.epochs=59", "train.rand.lr=0.025", "train.det.augment=[]"])
    )
    assert len(short) == 1
    assert short[0].startswith("D_rand's schedule here, 59 epochs at a rate of 0.025, is too short")
    augmented = notes(read_experiment("paper-cifar10", ["train.rand.epochs=60", "train.det.augment=['flip']"]))
    assert augmented == ["D_det is trained with augmentation here; the paper's is not."]
    assert notes(read_experiment("paper-cifar10", ["train.rand.epochs=60", "train.det.augment=[]"])) == []
