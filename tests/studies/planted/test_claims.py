"""What a set of planted data is known to keep, and the verdicts on rows whose answer is known."""

from typing import cast

import pytest

from featsplit.data.planted import Planted
from featsplit.report.known import concluded
from featsplit.studies.ilyas2019.planted import known_sets
from featsplit.studies.planted.claims import kept_and_lost
from featsplit.studies.planted.rows import SweptRow
from featsplit.synthesis import Perturb
from featsplit.training import Adversary

PRESET = Adversary("pgd", "linf", 0.08, steps=4), Perturb(norm="linf", eps=0.04)


@pytest.mark.parametrize(
    ("planted", "adversary", "perturb", "sets"),
    [
        (Planted(nonrobust=0.015), *PRESET, ["robust", "nonrobust", "rand", "det"]),
        (Planted(nonrobust=0.03), *PRESET, ["robust", "nonrobust", "rand", "det"]),
        (Planted(nonrobust=0.03), PRESET[0], Perturb(norm="linf", eps=0.02), ["robust", "nonrobust"]),
        (Planted(nonrobust=0.03), PRESET[0], Perturb(norm="l2", eps=0.5), ["robust", "nonrobust"]),
        (Planted(nonrobust=0.06), *PRESET, []),
        (Planted(nonrobust=0.1), *PRESET, []),
        (Planted(nonrobust=0.001), *PRESET, ["robust"]),
        (Planted(robust_agrees=1.0), *PRESET, ["robust"]),
        (Planted(robust=0.05), *PRESET, []),
        (Planted(), Adversary("pgd", "linf", 0.02, steps=4), PRESET[1], []),
        (Planted(), Adversary("pgd", "l2", 1.0, steps=4), PRESET[1], []),
    ],
)
def test_what_a_set_keeps_is_known_where_the_adversary_can_write_one_component_and_not_the_other(
    planted: Planted, adversary: Adversary, perturb: Perturb, sets: list[str]
) -> None:
    assert known_sets(planted, adversary, perturb) == sets


def test_planted_sets_keep_their_component_and_lose_the_other() -> None:
    def kept(name: str, robust: float, nonrobust: float, amplitude: float = 0.03) -> list[SweptRow]:
        told = {"experiment": "planted", "train_set": name, "amplitude": amplitude}
        return [
            cast(SweptRow, {**told, "component": c, "kept": k})
            for c, k in (("robust", robust), ("nonrobust", nonrobust))
        ]

    rows = kept("robust", 1.0, 0.1) + kept("nonrobust", 0.1, 1.4) + kept("rand", 0.5, 1.0)
    rows += kept("robust", 0.0, 1.2, amplitude=0.1)
    known = {0.03: ["robust", "nonrobust", "rand"], 0.1: list[str]()}
    verdicts = kept_and_lost(rows, known)
    assert [(claim.what, claim.verdict) for claim in verdicts] == [
        ("D_R at amplitude 0.03", "holds"),
        ("D_NR at amplitude 0.03", "holds"),
        ("D_rand at amplitude 0.03", "does not hold"),
    ]
    assert "it keeps 1.00 of the nonrobust component (known: 0.8 or more) and 0.50 of the other" in concluded(verdicts)
    assert concluded(kept_and_lost(rows, {0.1: []})) == (
        "Verdict: none. At these settings nothing is known to compare with."
    )
