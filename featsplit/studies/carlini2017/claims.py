"""What the two papers state, and what is known besides, experiment by experiment."""

from featsplit.studies.carlini2017.cases.claims import CLAIMS as OF_CASES
from featsplit.studies.carlini2017.distillation.claims import CLAIMS as OF_DISTILLATION
from featsplit.studies.carlini2017.objectives.claims import CLAIMS as OF_OBJECTIVES
from featsplit.studies.carlini2017.transfer.claims import CLAIMS as OF_TRANSFER

CLAIMS = (*OF_CASES, *OF_DISTILLATION, *OF_TRANSFER, *OF_OBJECTIVES)
"""All statements."""
