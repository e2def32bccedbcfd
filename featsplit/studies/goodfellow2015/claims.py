"""The statements of all experiments."""

from collections.abc import Callable

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
from featsplit.studies.goodfellow2015.logistic.claims import CLAIMS as OF_LOGISTIC
from featsplit.studies.goodfellow2015.settings import Settings

CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = OF_LOGISTIC
"""The paper's statements, and what is known besides."""
