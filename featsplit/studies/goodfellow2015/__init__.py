"""Goodfellow et al. 2015, "Explaining and Harnessing Adversarial Examples" (arXiv:1412.6572).

"logistic": regression of two classes, where the fast gradient sign method is exact, and so is training against it.
"""

from featsplit.studies.goodfellow2015.claims import CLAIMS
from featsplit.studies.goodfellow2015.jobs import jobs
from featsplit.studies.goodfellow2015.page import page
from featsplit.studies.goodfellow2015.published import PUBLISHED
from featsplit.studies.goodfellow2015.settings import Settings

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
