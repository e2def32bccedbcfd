"""That the linear model is robust at the small eps, and the deep one, which has fitted its labels, brittle."""

import math
import statistics
from collections.abc import Sequence

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
from featsplit.report.known import SURE, known
from featsplit.report.rows import picked
from featsplit.studies.squares.learning import GATE
from featsplit.studies.squares.rows import SquaresRow
from featsplit.studies.squares.settings import SMALL, Settings

BRITTLE, ROBUST = 0.1, 0.9
"""At most this share of the squares survives the small eps, and at least."""
Rows = Sequence[SquaresRow]


def linear_and_deep(rows: Rows) -> list[Claim]:
    """That the linear model is robust at the small eps, and the deep one, which has fitted its labels, brittle."""
    fitted = min(row["train_accuracy"] for row in picked(rows, arm="deep", experiment="grid"))
    epochs = max(row["epoch"] for row in picked(rows, arm="deep", experiment="grid"))
    linear = _survives(rows, "linear", at_least=ROBUST)
    if fitted < GATE:
        says = f"it predicts {fitted:.4f} of its training labels, and {GATE:g} is asked before it is judged: --set "
        return [linear, known("The deep network", "does not hold", f"{says}epochs={2 * epochs}.")]
    return [linear, _survives(rows, "deep", at_most=BRITTLE)]


def _survives(rows: Rows, arm: str, *, at_least: float = 0.0, at_most: float = 1.0) -> Claim:
    of = picked(rows, arm=arm, experiment="grid", eps=SMALL)
    share, images = statistics.fmean(row["accuracy"] for row in of), sum(row["n"] for row in of)
    limit = at_least or at_most
    beyond, chance = max(at_least - share, share - at_most), math.sqrt(limit * (1 - limit) / images)
    what = "The linear model" if arm == "linear" else "The deep network"
    rule = f"at least {at_least:g} is known" if at_least else f"at most {at_most:g} is known"
    says = f"{share:.3f} of the squares survive linf {SMALL:g}, and {rule}"
    if beyond <= 0:
        return known(what, "holds", f"{what}: {says}.")
    if beyond <= SURE * chance:
        return known(what, "undecided", f"{says}; {images} squares tell no more: more --seeds.")
    return known(
        what, "does not hold", f"{says}; fewer squares than published leave it between: a larger train, more --seeds."
    )


def kind_of(rows: Rows, arm: str) -> str:
    """ "brittle" where at most .1 of the squares survive the small eps, "robust" where .9 do, else "between"."""
    found = statistics.fmean(row["accuracy"] for row in picked(rows, arm=arm, experiment="grid", eps=SMALL))
    return "brittle" if found <= BRITTLE else "robust" if found >= ROBUST else "between"


def _claims(results: Results[Settings]) -> list[Claim]:
    return linear_and_deep(results.rows)


CLAIMS = (_claims,)
