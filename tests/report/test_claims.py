"""Each statement of the paper on rows made by hand, where it holds and where it does not; and the numbers beside it."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from featsplit.evaluation.outcomes import packed
from featsplit.experiment.settings import PARTS, Experiment, read_experiment
from featsplit.report.claims import claims, smallest_eps, telling_eps, transfer_points
from featsplit.report.decisions import Claim, as_chain
from featsplit.report.notes import notes
from featsplit.report.published import PUBLISHED, Compared, compared, differences
from featsplit.report.rows import SETS, mean, picked, values

Row = dict[str, Any]


def row(accuracy: float, **fields: Any) -> Row:
    """A row of the part "main"; with an eps and no attack it is under PGD. Of images enough to decide by themselves."""
    usual = {"part": "main", "train_set": "source", "training": "standard", "architecture": "resnet50", "seed": 0}
    usual |= {"test_set": "source", "attack": "pgd" if "eps" in fields else "none", "eps": None, "loss": None}
    return usual | {"norm": "l2", "n": 1_000_000} | fields | {"accuracy": accuracy}


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
    on = {"part": "steps", "loss": "cross-entropy", "eps": 0.25}
    return [row(accuracy, steps=int(count[1:]), **on) for count, accuracy in by_count.items()]


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


FIVE = [(0.2, 0.5), (0.3, 0.4), (0.4, 0.3), (0.5, 0.2), (0.6, 0.1)]
OPPOSITE = [(learned, 0.6 - kept) for learned, kept in FIVE]
"""Five architectures in one order, the fewest by which a rank correlation can be decided, and in the other."""

CASES: list[tuple[str, list[Row], list[Row], list[Row]]] = [
    (
        "Table 7: adversarially trained > D_R > standard > D_NR, PGD",
        [*order((0.8, 0.5, 0.3, 0.1), eps=0.25), *order((0.1, 0.2, 0.3, 0.4), eps=0.5)],
        [*order((0.8, 0.2, 0.3, 0.1), eps=0.25), *order((0.1, 0.2, 0.3, 0.4), eps=0.5)],
        order((0.8, 0.5, 0.3, 0.1), eps=0.25)[:3],
    ),
    (
        "Table 7: adversarially trained > D_R > standard > D_NR, AutoAttack",
        order((0.8, 0.5, 0.3, 0.1), eps=0.25, attack="autoattack", part="autoattack"),
        order((0.8, 0.5, 0.3, 0.4), eps=0.25, attack="autoattack", part="autoattack"),
        order((0.8, 0.5, 0.3, 0.1), eps=0.25, part="autoattack"),
    ),
    ("Table 1: D_rand teaches", [taught("rand", 0.103)], [taught("rand", 0.097)], [taught("det", 0.5)]),
    ("Table 1: D_det teaches", [taught("det", 0.103)], [taught("det", 0.097)], [taught("det", 0.5, part="noise")]),
    *(
        (
            f"Table 9: D_{name} of the robust network",
            [taught(name, 0.76), taught(f"{name}-control", 0.5, part="control")],
            [taught(name, 0.74), taught(f"{name}-control", 0.5, part="control")],
            [taught(name, 0.75)],
        )
        for name in ("rand", "det")
    ),
    (
        "Table 10: ",
        [taught("det-control", a, part="control", test_set=t) for a, t in ((0.2, "source"), (0.3, "source:next"))],
        [taught("det-control", a, part="control", test_set=t) for a, t in ((0.3, "source"), (0.2, "source:next"))],
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
        steps(c1=0.9, c100=0.48, c2500=0.475),
        steps(c1=0.9, c100=0.48, c2500=0.46),
        steps(c1=0.9, c100=0.48),
    ),
    (
        "Fig. 3: architectures that learn more from D_det are fooled more (untargeted)",
        transfer("transferred", *FIVE),
        transfer("transferred", *OPPOSITE),
        transfer("transferred", (0.2, 0.5), (0.3, 0.4)),
    ),
    (
        "Fig. 3: architectures that learn more from D_det are fooled more (targeted)",
        transfer("transferred:next", *OPPOSITE),
        transfer("transferred:next", *FIVE),
        transfer("transferred:next", (0.2, 0.5), (0.3, 0.4)),
    ),
]  # fmt: skip


def found(rows: list[Row], what: str) -> list[Claim]:
    return [claim for claim in claims([*rows, *EPS], chance=0.1) if claim.what.startswith(what)]


@pytest.mark.parametrize(("what", "holds", "fails", "lacks"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_claim_holds_fails_is_undecided_or_was_not_measured(
    what: str, holds: list[Row], fails: list[Row], lacks: list[Row]
) -> None:
    assert [claim.verdict for claim in found(holds, what)] == ["holds"]
    assert [claim.verdict for claim in found(fails, what)] == ["does not hold"]
    assert found(lacks, what) == []
    if not what.startswith("Fig. 3"):
        for rows in (holds, fails):
            few = [{**row, "n": 3} for row in rows]
            assert [claim.verdict for claim in found(few, what)] == ["undecided"], "three images decide nothing"


def test_a_claim_is_of_means_over_seeds_and_of_their_spread() -> None:
    rows = [taught("rand", 0.15), taught("rand", 0.09, seed=1)]
    (claim,) = found(rows, "Table 1")
    assert (claim.decisive.measured, claim.verdict) == ("0.120", "undecided")
    assert claim.decisive.at == "clean, n 1000000, 2 seeds"
    (claim,) = found([taught("rand", 0.15), taught("rand", 0.149, seed=1)], "Table 1")
    assert claim.verdict == "holds"


def test_what_is_measured_is_told_with_the_signs_that_are_true() -> None:
    measured = {claim.what[:7]: claim.decisive.measured for _, rows, _, _ in CASES for claim in found(rows, "")}
    assert measured["Table 7"] == "0.800 > 0.500 > 0.300 > 0.100"
    assert measured["Table 9"] == "0.760 / 0.500 = 1.52"
    assert measured["Table 8"] == "0.800 > 0.600 > 0.500"
    assert measured["Fig. 8:"] == "0.480 to 0.475"
    assert measured["Fig. 3:"] == "1.00"
    assert as_chain([0.922, 0.892, 0.903]) == "0.922 > 0.892 < 0.903"
    assert as_chain([0.0104, 0.0096]) == "0.010 = 0.010", "as far as is shown"


def test_the_order_is_asked_at_every_eps_and_the_one_that_decides_is_named() -> None:
    """At the smaller eps the standard network is ahead of D_R's, as on clean images."""
    rows = [*order((0.9, 0.85, 0.88, 0.7), eps=0.25), *order((0.8, 0.5, 0.3, 0.1), eps=0.5)]
    (claim,) = found(rows, "Table 7")
    assert [check.verdict for check in claim.checks] == ["does not hold", "holds"]
    assert (claim.verdict, claim.decisive.at) == ("holds", "pgd l2 0.5, n 1000000, 1 seed")
    assert claim.checks[0].measured == "0.900 > 0.850 < 0.880 > 0.700"
    assert telling_eps([*rows, *EPS]) == 0.5
    assert telling_eps([*rows[:4], *EPS]) == 0.25, "the smallest where none tells"
    few = [{**row, "n": 10} for row in rows]
    assert found(few, "Table 7")[0].verdict == "undecided"
    assert claim.decisive.intervals.endswith("(at 97.5 %)"), "one of two is to hold"


def test_an_eps_at_which_a_network_was_not_attacked_is_not_asked() -> None:
    rows = [*order((0.9, 0.8, 0.7, 0.6), eps=0.25)[1:], *order((0.8, 0.5, 0.3, 0.1), eps=0.5)]
    (claim,) = found(rows, "Table 7")
    assert [check.eps for check in claim.checks] == [0.5]
    assert telling_eps([*rows, *EPS]) == 0.5


def test_planted_truth_is_asked_only_of_the_sets_of_which_it_is_known() -> None:
    def kept(name: str, robust: float, nonrobust: float) -> list[Row]:
        shares = {"robust": robust, "nonrobust": nonrobust}
        of = {"part": "planted", "train_set": name, "error": 0.01}
        return [row(0.0, component=component, kept=share, **of) for component, share in shares.items()]

    rows = [*kept("robust", 1.0, 0.12), *kept("nonrobust", 0.9, 0.3), *kept("rand", 0.19, 0.9)]
    verdicts = {c.what[15:20]: c.verdict for c in claims([*rows, *EPS], chance=0.1, known=list(SETS))}
    assert verdicts == {"D_R k": "holds", "D_NR ": "does not hold", "D_ran": "undecided"}
    (claim,) = claims([*rows, *EPS], chance=0.1, known=["robust"])
    assert (claim.decisive.measured, claim.decisive.intervals[:14]) == ("1.000 and 0.120", "1.000 (0.980 t")
    assert claims([*rows, *EPS], chance=0.1) == []


def test_one_reversed_pair_breaks_a_chain_only_beyond_the_chance_of_all_its_pairs() -> None:
    """A pair that is reversed at 95 %, but not at 98.3 %, is one of three that could have been."""
    n = 2000
    close = [0.5, 0.5 - 2.1 * (0.5 / n) ** 0.5]  # 2.1 standard errors apart
    (three,) = found([{**each, "n": n} for each in order((0.9, close[1], close[0], 0.1), eps=0.25)], "Table 7")
    assert three.verdict == "undecided"
    of = {"part": "control", "train_set": "det-control", "n": n}
    two = [row(close[0], test_set="source", **of), row(close[1], test_set="source:next", **of)]
    assert found(two, "Table 10")[0].verdict == "does not hold", "where there is one pair it is"


def drawn(rng: np.random.Generator, chances: NDArray[np.float64], **fields: Any) -> Row:
    right = rng.random(len(chances)) < chances
    of = {"n": len(right), "images": "test", "outcomes": packed(torch.from_numpy(right))}
    return row(float(right.mean()), **of, **fields)


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.03)])
def test_chance_decides_the_order_of_equal_networks_in_at_most_5_of_100_runs(seeds: int, between: float) -> None:
    """2,000 runs of four networks without any difference, at two eps, on 360 images that are harder or easier."""
    rng, decided = np.random.default_rng(11), 0
    for _ in range(2000):
        shares, rows = rng.uniform(0.2, 0.8, 360), list[Row]()
        for own in FOUR:
            for seed in range(seeds):
                moved = rng.normal(0, between)
                rows += [drawn(rng, shares + moved - eps, eps=eps, seed=seed, **own) for eps in (0.0625, 0.125)]
        (claim,) = claims(rows, chance=0.1)
        decided += claim.verdict != "undecided"
    assert decided <= 100


@pytest.mark.parametrize("radii", [(0.25,), (0.25, 0.5, 0.6)], ids=["one eps", "three eps"])
def test_chance_decides_an_order_of_which_one_pair_is_equal_in_at_most_5_of_100_runs(radii: tuple[float, ...]) -> None:
    """The hardest case: all depends on D_R and standard, which are equal, and each eps is another chance to hold."""
    rng, decided = np.random.default_rng(1), 0
    for _ in range(2000):
        shares, rows = rng.uniform(0.3, 0.6, 360), list[Row]()
        for own, gap in zip(FOUR, (0.3, 0.0, 0.0, -0.3), strict=True):
            rows += [drawn(rng, shares + gap, eps=eps, **own) for eps in radii]
        decided += claims(rows, chance=0.1)[0].verdict != "undecided"
    assert decided <= 100


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.05)])
def test_chance_decides_between_two_equal_numbers_in_at_most_5_of_100_runs(seeds: int, between: float) -> None:
    assert decided_between(0.0, seeds=seeds, between=between) <= 0.05


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (20, 0.05)])
def test_a_difference_of_three_standard_errors_is_undecided_in_at_most_20_of_100_runs(
    seeds: int, between: float
) -> None:
    assert decided_between(3.0, seeds=seeds, between=between) >= 0.8


def test_at_three_seeds_that_differ_three_standard_errors_stay_undecided_in_six_of_ten_runs() -> None:
    """Three seeds say little of their own spread (Student's t reaches 4.3 standard errors), as README says."""
    assert decided_between(3.0, seeds=3, between=0.05) == pytest.approx(0.4, abs=0.05)


def decided_between(errors: float, *, seeds: int, between: float) -> float:
    """The share of 2,000 runs whose Table 10 is decided where the true difference is so many standard errors."""
    rng, n, decided = np.random.default_rng(5), 360, 0
    shift = errors * ((2 * 0.21 / n + 2 * between**2) / seeds) ** 0.5  # 0.21: the mean of p (1 - p)
    for _ in range(2000):
        shares, rows = rng.uniform(0.15, 0.85, n), list[Row]()
        for test_set, moved in (("source:next", shift), ("source", 0.0)):
            for seed in range(seeds):
                of = {"part": "control", "train_set": "det-control", "test_set": test_set, "seed": seed}
                rows.append(drawn(rng, shares + moved + rng.normal(0, between), **of))
        decided += claims(rows, chance=0.1)[0].verdict != "undecided"
    return decided / 2000


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


def test_a_rank_correlation_is_that_of_scipy_and_its_p_that_of_all_orders() -> None:
    learned, rates = [0.2, 0.3, 0.3, 0.5, 0.6], [0.1, 0.4, 0.3, 0.2, 0.9]
    points = [(x, 1 - y) for x, y in zip(learned, rates, strict=True)]
    check = found(transfer("transferred", *points), "Fig. 3")[0].decisive
    rho = spearmanr(learned, rates).statistic
    orders = [spearmanr(order, rates).statistic for order in permutations(learned)]
    least = min(sum(r >= rho - 1e-9 for r in orders), sum(r <= rho + 1e-9 for r in orders)) / len(orders)
    assert check.measured == f"{rho:.2f}"
    assert check.intervals.startswith(f"p {2 * least:.3f}")
    assert (check.verdict, check.at) == ("undecided", "5 architectures")


def test_three_architectures_in_order_decide_nothing() -> None:
    (claim,) = found(transfer("transferred", *FIVE[:3]), "Fig. 3")
    assert (claim.verdict, claim.decisive.measured) == ("undecided", "1.00")


def test_a_correlation_that_is_none_is_undecided() -> None:
    points = [(0.2, 0.5), (0.3, 0.5), (0.4, 0.5)]
    assert found(transfer("transferred", *points), "Fig. 3")[0].verdict == "undecided"


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
    cases = ((low + 2e-3, "pass"), (high - 2e-3, "pass"), (high + 2e-3, "off"), (low - 2e-3, "off"))
    for value, expected in (*cases, (high, "undecided")):
        if value >= 0:
            assert verdict([row(value, **fields)], paper, what).verdict == expected, value
    two = verdict([row(high + 0.001, **fields), row(high - 0.002, seed=1, **fields)], paper, what)
    assert two.found is not None
    assert (two.verdict, two.found.seeds) == ("undecided", 2), "the spread over seeds counts"


def test_nothing_at_all_is_inside_the_band_of_the_449(paper: Experiment) -> None:
    what = "trained on D, standard, L2 0.25"
    assert [verdict([row(a, eps=0.25)], paper, what).verdict for a in (0.0, 0.0449, 0.118)] == ["pass"] * 3


def test_a_transfer_rate_is_one_less_the_accuracy_of_its_row(paper: Experiment) -> None:
    of = {"part": "architectures", "architecture": "resnet18", "eps": 0.5}
    one = verdict([row(0.08, test_set="transferred", **of)], paper, "resnet18: untargeted transfer rate")
    assert one.found is not None
    assert one.found.value == pytest.approx(0.92)
    assert one.verdict == "pass"
    two = verdict([row(0.324, test_set="transferred:next", **of)], paper, "resnet18: targeted transfer rate")
    assert two.found is not None
    assert two.found.value == pytest.approx(0.324)
    assert two.verdict == "pass"
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
