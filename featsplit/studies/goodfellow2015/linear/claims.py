"""What section 3 of the paper says of linear models, and its Figure 4 of a deep one."""

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Verdict
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.rows import UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import more_errors, of, within

SLOPE, REACH = 0.5, 0.1
"""What theory says of the slope, and how far it may be from that."""
STRAIGHT = 0.9
"""The R^2 from which on logits are called linear."""
EXACT = 1e-3
"""How far the shift by signs, of two runs in float32, may be from its formula, as a part of it."""


def linear_claims(results: Results[Settings]) -> list[Claim]:
    """The formula, how it grows with the size of the images, and how straight the logits of a deep network are."""
    rows, settings = results.rows, results.settings
    if "linear" not in settings.experiments:
        return []
    gap = max((row["value"] for row in picked(rows, experiment="linear", measure="gap")), default=0.0)
    verdict: Verdict = "holds" if gap < EXACT else "does not hold"
    exact = Check(f"{len(settings.linear.sizes)} sizes", verdict, f"differs by {gap:.1e} of it at most", "")
    slope = picked(rows, experiment="linear", measure="slope")
    small, large = (f"softmax {size}x{size}" for size in (min(settings.linear.sizes), max(settings.linear.sizes)))
    eps = settings.eps
    at = min(settings.at(), key=lambda one: abs(one - 0.1))
    lines = (of(rows, large, UNCLIPPED, at), of(rows, small, UNCLIPPED, at))
    away = picked(rows, experiment="linear", measure="straight, away from the label")
    return [
        Claim("Section 3: eps sign(w) moves the activation by eps |w|_1", (exact,), known=True),
        within(
            f"Section 3: over random signs, it grows as the square root of the pixels (slope {SLOPE:g} ± {REACH:g})",
            slope,
            SLOPE - REACH,
            SLOPE + REACH,
        ),
        more_errors(f"Section 3: more pixels, more errors at the same linf {at:g} ({large} against {small})", [lines]),
        within(
            f"Figure 4: beyond eps 0 the logits are linear (R^2 above {STRAIGHT:g}, our threshold)",
            away,
            STRAIGHT,
            float("inf"),
        ),
        within(
            f"Figure 4: from linf {eps:g} on the mistake stays the same (most images)",
            picked(rows, experiment="linear", measure="the same mistake from eps on"),
            0.5,
            float("inf"),
        ),
    ]
