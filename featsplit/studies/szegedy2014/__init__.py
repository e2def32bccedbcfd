"""Szegedy et al. 2014, "Intriguing properties of neural networks" (arXiv:1312.6199).

Units against random directions, adversarial examples of six MNIST networks and what other networks make of them, the
same for networks of the two halves of the training set, and the spectral bound of each layer.
"""

from featsplit.studies.szegedy2014.claims import CLAIMS
from featsplit.studies.szegedy2014.jobs import jobs
from featsplit.studies.szegedy2014.page import page
from featsplit.studies.szegedy2014.published import PUBLISHED
from featsplit.studies.szegedy2014.settings import Settings

__all__ = ["CLAIMS", "PUBLISHED", "Settings", "jobs", "page"]
