"""The discussion of Ilyas et al. 2019 (distill.pub/2019/advex-bugs-discussion), on top of a run of the paper.

Engstrom et al.: useful and robust units ("audit"); Goh: what leaks through robust features ("leakage"); Nakkiran: bugs
that are no features ("bugs"); Wallace: learning from wrong labels ("mislabelled").
"""

from featsplit.studies.distill2019.jobs import jobs
from featsplit.studies.distill2019.page import page
from featsplit.studies.distill2019.settings import Settings
from featsplit.studies.ilyas2019 import CLAIMS, PUBLISHED

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
