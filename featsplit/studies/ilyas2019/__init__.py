"""Ilyas et al. 2019, "Adversarial Examples Are Not Bugs, They Are Features" (arXiv:1905.02175).

D -> standard, adversarial -> D_R, D_NR, D_rand, D_det -> a standard network on each -> rows   (the paper, Fig. 1)
"""

from featsplit.studies.ilyas2019.claims import CLAIMS
from featsplit.studies.ilyas2019.jobs import jobs
from featsplit.studies.ilyas2019.page import page
from featsplit.studies.ilyas2019.published import PUBLISHED
from featsplit.studies.ilyas2019.settings import Settings

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
