"""Two Gaussians: Theorems 1, 2 and 3 of Ilyas et al. 2019 (arXiv:1905.02175, section 4), each beside a simulation."""

from featsplit.studies.gaussians.claims import CLAIMS
from featsplit.studies.gaussians.jobs import jobs
from featsplit.studies.gaussians.page import page
from featsplit.studies.gaussians.settings import Settings

PUBLISHED = ()

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
