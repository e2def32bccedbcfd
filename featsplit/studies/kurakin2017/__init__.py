"""Kurakin, Goodfellow and Bengio 2017 (arXiv:1607.02533): adversarial examples in the physical world.

Three methods by eps; what transformations, photographs, files and other networks leave of their examples.
"""

from featsplit.studies.kurakin2017.claims import CLAIMS
from featsplit.studies.kurakin2017.jobs import jobs
from featsplit.studies.kurakin2017.page import page
from featsplit.studies.kurakin2017.published import PUBLISHED
from featsplit.studies.kurakin2017.settings import Settings

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
