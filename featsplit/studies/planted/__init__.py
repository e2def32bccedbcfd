"""Planted truth: which set keeps which component, as the non-robust one outgrows the adversary's eps.

Each amplitude is a run of Ilyas et al. 2019 on data made for the purpose: this study builds on `ilyas2019`.
"""

from featsplit.studies.planted.claims import CLAIMS
from featsplit.studies.planted.jobs import jobs
from featsplit.studies.planted.page import page
from featsplit.studies.planted.settings import Settings

PUBLISHED = ()

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
