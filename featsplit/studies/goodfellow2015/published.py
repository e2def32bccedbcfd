"""The paper's numbers."""

from featsplit.studies.goodfellow2015.logistic.published import PUBLISHED as OF_LOGISTIC

PUBLISHED = [*OF_LOGISTIC]
