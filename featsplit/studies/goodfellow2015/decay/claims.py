"""What section 5 of the paper says of adversarial training and weight decay."""

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim, because, decided, where, written
from featsplit.report.intervals import Interval, accuracy, difference
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
        found.append(
            more_errors(f"Section 5: softmax at linf {eps:g}, adversarial training beats each L1 decay", pairs)
        )
    return found


def _near(results: Results[Settings]) -> list[Claim]:
    """That of two classes one L1 decay is nearly as good, at each eps that was trained against."""
    own, found = results.settings.logistic, list[Claim]()
    for eps in own.adversarial if "logistic" in results.settings.experiments else ():
        if eps in own.eps:
            checks = tuple(_beside(results, size, eps) for size in own.l1)
            what = (
                f"Section 5: of two classes an L1 decay comes within {NEAR:g} of adversarial training at linf {eps:g}"
            )
            found.append(Claim(what, checks))
    return found


def _beside(results: Results[Settings], size: float, eps: float) -> Check:
    """L1 decay of a `size` beside adversarial training; one of several, of which one is to come near."""
    lines = [measured(results.rows, name, WORST, eps) for name in (f"l1 {size:g}", f"adversarial {eps:g}")]

    def further(level: float) -> list[Interval]:
        return [difference(*lines, confidence=level).moved(NEAR)]

    verdict, intervals = decided(further, asked=len(results.settings.logistic.l1))
    errors = " / ".join(f"{1 - accuracy(line).value:.3f}" for line in lines)
    shown = [one.moved(-NEAR) for one in intervals]
    at = f"L1 {size:g}, {where(lines[0], intervals[0])}"
    return Check(at, verdict, errors, written(shown), intervals[0].low, why=because(verdict, intervals))
