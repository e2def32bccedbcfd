"""What the paper says, checked as `report.decisions` tells: the statements of all experiments."""

from collections.abc import Callable

from featsplit.report.decisions import Claim
from featsplit.studies.szegedy2014.halves.claims import claims as of_halves
from featsplit.studies.szegedy2014.models.claims import claims as of_models
from featsplit.studies.szegedy2014.spectral.claims import claims as of_spectral
from featsplit.studies.szegedy2014.statements import Run
from featsplit.studies.szegedy2014.units.claims import claims as of_units

CLAIMS: tuple[Callable[[Run], list[Claim]], ...] = (of_units, of_models, of_halves, of_spectral)
"""The paper's statements, and what is known besides."""
