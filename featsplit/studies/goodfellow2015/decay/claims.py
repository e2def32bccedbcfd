"""What section 5 of the paper says of adversarial training and weight decay."""

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim, decided, where, written
from featsplit.report.intervals import Interval, difference
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.logistic.claims import measured
from featsplit.studies.goodfellow2015.logistic.jobs import WORST
from featsplit.studies.goodfellow2015.networks import adversarial
from featsplit.studies.goodfellow2015.rows import UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import Rows, error_above, more_errors, of

STUCK, FOOLED, NEAR = 0.05, 0.85, 0.05
"""The paper's training error of the largest penalty; an error that a penalty does not help; and what is called near."""


def decay_claims(results: Results[Settings]) -> list[Claim]:
    """Of the maxout network, of softmax regression, and of logistic regression where that was measured."""
    rows, settings = results.rows, results.settings
    if "decay" not in settings.experiments:
        return []
    return [*_maxout(rows, settings), *_softmax(rows, settings), *_near(results)]


def _maxout(rows: Rows, settings: Settings) -> list[Claim]:
    eps, sizes = settings.eps, sorted(settings.decay.maxout_l1)
    if not sizes:
        return []
    trained = [picked(rows, split="train", model=f"maxout l1 {size:g}") for size in sizes]
    against = of(rows, "maxout l1 " + f"{sizes[-1]:g}", UNCLIPPED, eps)
    attacked = [of(rows, f"maxout l1 {size:g}", UNCLIPPED, eps) for size in sizes]
    own = of(rows, adversarial(settings).name, UNCLIPPED, eps)
    return [
        error_above(f"Section 5: L1 {sizes[-1]:g} keeps the training error above {STUCK:.0%}", trained[-1:], STUCK),
        more_errors(f"Section 5: L1 {sizes[0]:g} trains, with a lower training error", [(trained[-1], trained[0])]),
        error_above(f"Section 5: no L1 decay helps the maxout network (errors above {FOOLED:.0%})", attacked, FOOLED),
        more_errors("Section 5: adversarial training helps where L1 decay does not", [(against, own)]),
    ]


def _softmax(rows: Rows, settings: Settings) -> list[Claim]:
    """At each eps that it was trained against, the L1 decay of fewest errors there beside it."""
    found = []
    for eps in settings.decay.softmax_adversarial:
        own = of(rows, f"softmax adversarial {eps:g}", UNCLIPPED, eps)
        pairs = [(of(rows, f"softmax l1 {size:g}", UNCLIPPED, eps), own) for size in settings.decay.softmax_l1]
        found.append(more_errors(f"Section 5: softmax at eps {eps:g}, adversarial training beats each L1 decay", pairs))
    return found


def _near(results: Results[Settings]) -> list[Claim]:
    """That of two classes L1 decay is nearly as good: the best of its sizes, at each eps that was trained against."""
    rows, settings = results.rows, results.settings
    own, found = settings.logistic, list[Claim]()
    for eps in own.adversarial if "logistic" in settings.experiments else ():
        if eps not in own.eps or not own.l1:
            continue
        lines = {size: measured(rows, f"l1 {size:g}", WORST, eps) for size in own.l1}
        best = max(lines, key=lambda size: sum(row["accuracy"] for row in lines[size]))
        exact = measured(rows, f"adversarial {eps:g}", WORST, eps)

        def further(level: float, line: Rows = lines[best], other: Rows = exact) -> list[Interval]:  # type: ignore[assignment]
            return [difference(line, other, confidence=level).moved(NEAR)]

        verdict, intervals = decided(further)
        shown = [one.moved(-NEAR) for one in intervals]
        what = f"Section 5: of two classes L1 decay comes within {NEAR:g} of adversarial training at eps {eps:g}"
        text = f"L1 {best:g}: accuracy less that of adversarial training"
        found.append(Claim(what, (Check(where(exact, intervals[0]), verdict, text, written(shown)),)))
    return found
