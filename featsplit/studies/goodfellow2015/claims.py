"""The statements of all experiments."""

from collections.abc import Callable

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
from featsplit.studies.goodfellow2015.adversarial.claims import adversarial_claims
from featsplit.studies.goodfellow2015.alternatives.claims import alternatives_claims
from featsplit.studies.goodfellow2015.confidence.claims import confidence_claims
from featsplit.studies.goodfellow2015.decay.claims import decay_claims
from featsplit.studies.goodfellow2015.linear.claims import linear_claims
from featsplit.studies.goodfellow2015.logistic.claims import CLAIMS as OF_LOGISTIC
from featsplit.studies.goodfellow2015.settings import Settings

CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (
    linear_claims,
    confidence_claims,
    *OF_LOGISTIC,
    decay_claims,
    adversarial_claims,
    alternatives_claims,
)
"""The paper's statements, and what is known besides."""
