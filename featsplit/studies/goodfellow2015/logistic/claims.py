"""What the paper says of logistic regression, and what is known of it, checked as `report.decisions` tells."""

from collections.abc import Callable, Sequence

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim, because, chain, decided, where, written
from featsplit.report.intervals import Interval, Verdict, accuracy, difference
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.logistic.jobs import CLIPPED, WORST, LogisticRow
from featsplit.studies.goodfellow2015.settings import Settings

EXACT = 1e-5
"""How far margins of float32 may lie from those of the formula, in units of eps."""
NEARLY, AT = 0.9, 0.25
"""The error that is nearly 100 %, and the paper's eps."""


def measured(rows: Sequence[LogisticRow], training: str, attack: str, eps: float | None = None) -> list[LogisticRow]:
    """The rows of one way to train on the test images, under `attack`."""
    return picked(rows, experiment="logistic", test_set="source", training=training, attack=attack, eps=eps)


def _exact(results: Results[Settings]) -> list[Claim]:
    found = []
    for name, bounds in ((WORST, "without bounds on the pixels"), (CLIPPED, "in [0, 1]")):
        rows: list[LogisticRow] = picked(results.rows, experiment="logistic", attack=name)
        if not rows:
            continue
        gap = max(row["gap"] for row in rows)
        verdict: Verdict = "holds" if gap < EXACT else "does not hold"
        at = f"{len(rows)} attacks on n {rows[0]['n']}"
        check = Check(at, verdict, f"differs by {gap:.1e} in eps at most", "")
        found.append(Claim(f"Section 5: the fast gradient sign method is exact, {bounds}", (check,), known=True))
    return found


def _fooled(results: Results[Settings]) -> list[Claim]:
    rows = measured(results.rows, "plain", WORST, AT)
    if not rows:
        return []

    def nearly(level: float) -> list[Interval]:
        return [accuracy(rows, confidence=level).negative().moved(1 - NEARLY)]

    verdict, (further,) = decided(nearly)
    error = further.moved(NEARLY)
    check = Check(where(rows, error), verdict, f"error {error.value:.3f}", f"{error}", why=because(verdict, [further]))
    return [
        Claim(f"Figure 2: without regularisation nearly all are errors at linf {AT} (above {NEARLY:.0%})", (check,))
    ]


def _better(results: Results[Settings]) -> list[Claim]:
    """At each eps that was trained against: adversarial training and L1 decay beside none, and beside one another."""
    found, settings = list[Claim](), results.settings.logistic
    decays = [f"l1 {size:g}" for size in settings.l1]
    for eps in settings.adversarial:
        if eps in settings.eps:
            own = f"adversarial {eps:g}"
            found.append(
                _above(results, f"Adversarial training at linf {eps:g} beats none there", [(own, "plain")], eps)
            )
            beside = [(own, decay) for decay in decays]
            found.append(
                _above(results, f"Adversarial training at linf {eps:g} beats each L1 decay there", beside, eps)
            )
            what = f"L1 decay of each size beats no regularisation at linf {eps:g}"
            found.append(_above(results, what, [(decay, "plain") for decay in decays], eps))
    return found


def _above(results: Results[Settings], what: str, pairs: Sequence[tuple[str, str]], eps: float) -> Claim:
    """That the first of each of the `pairs` has the higher accuracy in the worst case at `eps`."""
    if not pairs:
        return Claim(what, ())
    lines = [tuple(measured(results.rows, name, WORST, eps) for name in pair) for pair in pairs]
    if not all(line for pair in lines for line in pair):
        return Claim(what, ())

    def further(level: float) -> list[Interval]:
        return [difference(left, right, confidence=level) for left, right in lines]

    verdict, intervals = decided(further)
    values = ", ".join(f"{accuracy(left).value:.3f} / {accuracy(right).value:.3f}" for left, right in lines)
    return Claim(
        what,
        (
            Check(
                where(lines[0][0], intervals[0]), verdict, values, written(intervals), why=because(verdict, intervals)
            ),
        ),
    )


def _printed(results: Results[Settings]) -> list[Claim]:
    found = []
    for eps in results.settings.logistic.adversarial:
        lines = [measured(results.rows, name, "none") for name in ("plain", f"as printed {eps:g}")]
        what = f"The loss as it is printed, at linf {eps:g}, does harm to clean images"
        if all(lines):
            found.append(Claim(what, (chain(lines),), known=True))
    return found


CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_exact, _fooled, _better, _printed)
"""The paper's statements, and what is known besides."""
