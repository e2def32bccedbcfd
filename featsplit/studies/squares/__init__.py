"""Adversarial squares: a linear model that is robust and a deep one that is not, on the same data (Nakkiran 2019)."""

from featsplit.studies.squares.claims import CLAIMS
from featsplit.studies.squares.jobs import jobs
from featsplit.studies.squares.page import page
from featsplit.studies.squares.settings import Settings

PUBLISHED = ()

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
