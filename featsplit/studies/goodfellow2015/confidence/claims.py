"""What section 4 of the paper says of the fast method on softmax regression and a maxout network."""

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import error_above, more_errors, of

FOOLED = 0.85
"""An error that is as good as the paper's 89.4 %: small networks are fooled more."""


def confidence_claims(results: Results[Settings]) -> list[Claim]:
    """Each network is fooled at the eps of the run; noise of the same size does not do it."""
    rows, settings = results.rows, results.settings
    if "confidence" not in settings.experiments:
        return []
    eps, names = settings.eps, ("softmax", "maxout")
    found = [
        error_above(
            f"Section 4: {name} errs on most fast examples (above {FOOLED:.0%})",
            [of(rows, name, UNCLIPPED, eps)],
            FOOLED,
        )
        for name in names
    ]
    pairs = [(of(rows, name, UNCLIPPED, eps), of(rows, name, FREE_NOISE, eps)) for name in names]
    return [*found, more_errors("Noise of the same size gives fewer errors (softmax, maxout)", pairs)]
