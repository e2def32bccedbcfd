"""The jobs of one seed, experiment by experiment."""

from featsplit.engine.jobs import Job
from featsplit.studies.goodfellow2015.logistic.jobs import jobs as of_logistic
from featsplit.studies.goodfellow2015.settings import Settings


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs."""
    return of_logistic(settings, seed)
