"""What is stated of features and learners, each with its interval over test images and seeds."""

from collections.abc import Sequence
from statistics import fmean

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim, because, decided, where, written
from featsplit.report.intervals import Interval, Term, weighted
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.li2023.networks import SELF_SUPERVISED, SUPERVISED
from featsplit.studies.li2023.settings import Settings

STATEMENTS = (
    "D_rand of the standard network teaches a supervised network the true labels (Ilyas et al. 2019)",
    "D_rand of the standard network teaches a self-supervised one less of them (Li et al. 2023)",
    "D_R of the adversarially trained network teaches a self-supervised one more than D_rand of the standard one does",
    "What is lost between the two learners is more for D_rand of the standard network than for D_R of the "
    "adversarially trained one",
    "D_rand of the self-supervised encoder teaches a supervised network the true labels",
    "D_rand of the standard network teaches a supervised network more than D_rand of the self-supervised encoder does",
)


def claims(results: Results[Settings]) -> list[Claim]:
    """The statements, decided on clean accuracies on the true test images."""
    rows, chance = results.rows, results.chance

    def line(train_set: str, learner: str) -> Sequence[Row]:
        return picked(rows, train_set=train_set, experiment=learner, test_set="source", attack="none")

    rand, match = "rand-standard", "match-adversarial"
    own, lost = line(rand, SUPERVISED), line(rand, SELF_SUPERVISED)
    kept, kept_lost = line(match, SUPERVISED), line(match, SELF_SUPERVISED)
    other = line("rand-simclr", SUPERVISED)
    terms = (
        ([Term(1, own)], -chance),
        ([Term(1, own), Term(-1, lost)], 0.0),
        ([Term(1, kept_lost), Term(-1, lost)], 0.0),
        ([Term(1, own), Term(-1, lost), Term(-1, kept), Term(1, kept_lost)], 0.0),
        ([Term(1, other)], -chance),
        ([Term(1, own), Term(-1, other)], 0.0),
    )
    return [
        _claim(what, each, moved)
        for what, (each, moved) in zip(STATEMENTS, terms, strict=True)
        if all(term.rows for term in each)
    ]


def _claim(what: str, terms: Sequence[Term], moved: float) -> Claim:
    """That the weighted sum of `terms`, plus `moved`, is above 0."""

    def apart(level: float) -> list[Interval]:
        return [weighted(terms, confidence=level).moved(moved)]

    verdict, intervals = decided(apart)
    values = ", ".join(f"{fmean(row['accuracy'] for row in term.rows):.3f}" for term in terms)
    return Claim(
        what,
        (
            Check(
                where(terms[0].rows, intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)
            ),
        ),
    )
