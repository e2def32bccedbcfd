"""Carlini and Wagner 2017 (arXiv:1608.04644), and the defence that it broke (Papernot et al. 2016, arXiv:1511.04508).

Seven objectives and three boxes, the best, average and worst case of every attack, defensive distillation over
temperatures and its fall, and the transfer of examples of high confidence.
"""

from featsplit.studies.carlini2017.claims import CLAIMS
from featsplit.studies.carlini2017.jobs import jobs
from featsplit.studies.carlini2017.page import page
from featsplit.studies.carlini2017.published import PUBLISHED
from featsplit.studies.carlini2017.settings import Settings

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
