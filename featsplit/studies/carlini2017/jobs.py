"""The jobs of one seed: the networks first, then what each experiment measures of them, the long ones first."""

from featsplit.engine.jobs import Job
from featsplit.studies.carlini2017 import networks
from featsplit.studies.carlini2017.cases.measure import jobs_on_distilled, jobs_on_standard
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.place import Place
from featsplit.studies.carlini2017.settings import Settings


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`."""
    place, found = Place(settings, seed), list[Job]()
    trained = [networks.training(place, network) for network in networks_of(settings)]
    if "cases" in settings.experiments:
        found += jobs_on_standard(place)
    return [*trained, *found]


def networks_of(settings: Settings) -> list[Network]:
    """The networks that the experiments are about, each after the one that it goes on from."""
    chosen, found = settings.experiments, list[Network]()
    if {"objectives", "cases", "pictures"} & {*chosen}:
        found.append(Network())
    return found
