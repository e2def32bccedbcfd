"""The statements of the paper and of the lectures on it, experiment by experiment (see `report.decisions`)."""

from collections.abc import Callable

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
from featsplit.studies.kurakin2017.methods.claims import claims as of_methods
from featsplit.studies.kurakin2017.photographs.claims import claims as of_photographs
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.storage.claims import claims as of_storage
from featsplit.studies.kurakin2017.transformations.claims import claims as of_transformations

CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (
    of_methods,
    of_transformations,
    of_photographs,
    of_storage,
)
