"""Each statement of the paper on rows made by hand, where it holds and where it does not."""

from itertools import permutations
from typing import Any

import pytest
from scipy.stats import spearmanr

from featsplit.engine.study import claims_of
from featsplit.report.decisions import Claim, as_chain
from featsplit.rows import Row
from featsplit.studies import study_named
from featsplit.studies.ilyas2019.claims import Aim, smallest_eps, telling_eps, transfer_points
from tests.rows import results, row

STUDY = study_named("ilyas2019")
FOUR: list[dict[str, str]] = [
    {"train_set": "source", "training": "adversarial"},
    {"train_set": "robust"},
    {"train_set": "source"},
    {"train_set": "nonrobust"},
]


def order(accuracies: tuple[float, ...], **fields: Any) -> list[Row]:
    """The four networks of Table 7, with these accuracies."""
    return [row(value, **{**own, **fields}) for own, value in zip(FOUR, accuracies, strict=True)]


def splits(*accuracies: float, eps: float = 0.25) -> list[Row]:
    sets = (("robust-noise", "train"), ("robust-noise", "test"), ("source", None))
    return [
        row(a, experiment="splits", test_set=test, split=split, eps=eps)
        for a, (test, split) in zip(accuracies, sets, strict=True)
    ]


def taught(name: str, accuracy: float, **fields: Any) -> Row:
    return row(accuracy, train_set=name, **fields)


def steps(**by_count: float) -> list[Row]:
    on = {"experiment": "steps", "loss": "cross-entropy", "eps": 0.25}
    return [row(accuracy, steps=int(count[1:]), **on) for count, accuracy in by_count.items()]


EPS = [row(0.0, test_set="elsewhere", eps=0.25)]
"""A row that says no more than which eps the run has."""


def _of(arch: str, aim: Aim) -> dict[str, Any]:
    labels = {"labels": "next"} if aim == "targeted" else {}
    return {"experiment": "architectures", "architecture": arch, "test_set": "transferred", "eps": 0.5, **labels}


def transfer(aim: Aim, *points: tuple[float, float]) -> list[Row]:
    """For each architecture what it learns from D_det and the accuracy of the transferred row."""
    found = []
    for place, (learned, accuracy) in enumerate(points):
        arch = f"net{place}"
        found.append(taught("det", learned, experiment="architectures", architecture=arch))
        found.append(row(accuracy, **_of(arch, aim)))
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
        order((0.8, 0.5, 0.3, 0.1), eps=0.25, attack="autoattack", experiment="autoattack"),
        order((0.8, 0.5, 0.3, 0.4), eps=0.25, attack="autoattack", experiment="autoattack"),
        order((0.8, 0.5, 0.3, 0.1), eps=0.25, experiment="autoattack"),
    ),
    ("Table 1: D_rand teaches", [taught("rand", 0.103)], [taught("rand", 0.097)], [taught("det", 0.5)]),
    (
        "Table 1: D_det teaches",
        [taught("det", 0.103)],
        [taught("det", 0.097)],
        [taught("det", 0.5, experiment="noise")],
    ),
    *(
        (
            f"Table 9: D_{name} of the robust network",
            [taught(name, 0.76), taught(f"{name}-control", 0.5, experiment="control")],
            [taught(name, 0.74), taught(f"{name}-control", 0.5, experiment="control")],
            [taught(name, 0.75)],
        )
        for name in ("rand", "det")
    ),
    (
        "Table 10: ",
        [taught("det-control", a, experiment="control", labels=t) for a, t in ((0.2, None), (0.3, "next"))],
        [taught("det-control", a, experiment="control", labels=t) for a, t in ((0.3, None), (0.2, "next"))],
        [taught("det-control", 0.2, experiment="control")],
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
        transfer("untargeted", *FIVE),
        transfer("untargeted", *OPPOSITE),
        transfer("untargeted", (0.2, 0.5), (0.3, 0.4)),
    ),
    (
        "Fig. 3: architectures that learn more from D_det are fooled more (targeted)",
        transfer("targeted", *OPPOSITE),
        transfer("targeted", *FIVE),
        transfer("targeted", (0.2, 0.5), (0.3, 0.4)),
    ),
]  # fmt: skip


def found(rows: list[Row], what: str) -> list[Claim]:
    return [claim for claim in claims_of(STUDY.CLAIMS, results([*rows, *EPS])) if claim.what.startswith(what)]


@pytest.mark.parametrize(("what", "holds", "fails", "lacks"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_claim_holds_fails_is_undecided_or_was_not_measured(
    what: str, holds: list[Row], fails: list[Row], lacks: list[Row]
) -> None:
    assert [claim.verdict for claim in found(holds, what)] == ["holds"]
    assert [claim.verdict for claim in found(fails, what)] == ["does not hold"]
    assert found(lacks, what) == []
    if not what.startswith("Fig. 3"):
        for rows in (holds, fails):
            few: list[Row] = [{**row, "n": 3} for row in rows]
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
    few: list[Row] = [{**row, "n": 10} for row in rows]
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
        of = {"experiment": "planted", "train_set": name, "error": 0.01}
        return [row(0.0, component=component, kept=share, **of) for component, share in shares.items()]

    rows = [*kept("robust", 1.0, 0.12), *kept("nonrobust", 0.9, 0.3), *kept("rand", 0.19, 0.9)]
    found = claims_of(STUDY.CLAIMS, results([*rows, *EPS], preset="planted-split"))
    verdicts = {claim.what[15:20]: claim.verdict for claim in found}
    assert verdicts == {"D_R k": "holds", "D_NR ": "does not hold", "D_ran": "undecided"}
    (claim,) = claims_of(
        STUDY.CLAIMS, results([*rows, *EPS], preset="planted-split", overrides=["data.source=planted:noise=0.3"])
    )
    assert (claim.decisive.measured, claim.decisive.intervals[:14]) == ("1.000 and 0.120", "1.000 (0.980 t")
    assert claims_of(STUDY.CLAIMS, results([*rows, *EPS])) == []


def test_one_reversed_pair_breaks_a_chain_only_beyond_the_chance_of_all_its_pairs() -> None:
    """A pair that is reversed at 95 %, but not at 98.3 %, is one of three that could have been."""
    n = 2000
    close = [0.5, 0.5 - 2.1 * (0.5 / n) ** 0.5]  # 2.1 standard errors apart
    (three,) = found([{**each, "n": n} for each in order((0.9, close[1], close[0], 0.1), eps=0.25)], "Table 7")
    assert three.verdict == "undecided"
    of = {"experiment": "control", "train_set": "det-control", "n": n}
    two = [row(close[0], **of), row(close[1], labels="next", **of)]
    assert found(two, "Table 10")[0].verdict == "does not hold", "where there is one pair it is"


def test_the_eps_of_transferred_examples_is_not_that_of_the_run() -> None:
    transferred = row(0, eps=0.1, test_set="transferred", labels="next")
    curve = row(0, experiment="epochs", eps=0.2)
    assert smallest_eps([*(row(0, eps=eps) for eps in (0.0, 0.5, 0.25)), row(0), transferred, curve]) == 0.25


def test_the_runs_own_architecture_has_learned_from_det_in_the_main_part() -> None:
    rows = [taught("det", 0.4), *transfer("untargeted", (0.2, 0.7)), row(0.1, test_set="transferred", eps=0.5)]
    assert transfer_points(rows, "untargeted") == [("net0", 0.2, pytest.approx(0.3)), ("resnet50", 0.4, 0.9)]
    assert transfer_points(rows, "targeted") == []


def test_an_architecture_that_learned_nothing_is_a_point_too() -> None:
    assert transfer_points(transfer("targeted", (0.0, 0.25)), "targeted") == [("net0", 0.0, 0.25)]


def test_a_rank_correlation_is_that_of_scipy_and_its_p_that_of_all_orders() -> None:
    learned, rates = [0.2, 0.3, 0.3, 0.5, 0.6], [0.1, 0.4, 0.3, 0.2, 0.9]
    points = [(x, 1 - y) for x, y in zip(learned, rates, strict=True)]
    check = found(transfer("untargeted", *points), "Fig. 3")[0].decisive
    rho = spearmanr(learned, rates).statistic
    orders = [spearmanr(order, rates).statistic for order in permutations(learned)]
    least = min(sum(r >= rho - 1e-9 for r in orders), sum(r <= rho + 1e-9 for r in orders)) / len(orders)
    assert check.measured == f"{rho:.2f}"
    assert check.intervals.startswith(f"p {2 * least:.3f}")
    assert (check.verdict, check.at) == ("undecided", "5 architectures")


def test_three_architectures_in_order_decide_nothing() -> None:
    (claim,) = found(transfer("untargeted", *FIVE[:3]), "Fig. 3")
    assert (claim.verdict, claim.decisive.measured) == ("undecided", "1.00")


def test_a_correlation_that_is_none_is_undecided() -> None:
    points = [(0.2, 0.5), (0.3, 0.5), (0.4, 0.5)]
    assert found(transfer("untargeted", *points), "Fig. 3")[0].verdict == "undecided"
