"""The jobs of one seed: the networks first, then what each experiment measures of them, the long ones first."""

from featsplit.engine.jobs import Job
from featsplit.studies.carlini2017 import networks, pictures
from featsplit.studies.carlini2017.cases.measure import jobs_on_standard
from featsplit.studies.carlini2017.distillation import measure as of_distillation
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.objectives import measure as of_objectives
from featsplit.studies.carlini2017.place import Place
from featsplit.studies.carlini2017.settings import Settings
from featsplit.studies.carlini2017.transfer import measure as of_transfer


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`."""
    place, chosen = Place(settings, seed), settings.experiments
    found = [networks.training(place, network) for network in networks_of(settings)]
    found += jobs_on_standard(place) if "cases" in chosen else []
    found += of_distillation.jobs_in(place) if "distillation" in chosen else []
    found += of_objectives.jobs_in(place) if "objectives" in chosen else []
    found += of_transfer.jobs_in(place) if "transfer" in chosen else []
    found += pictures.jobs_in(place) if "pictures" in chosen else []
    return found


def networks_of(settings: Settings) -> list[Network]:
    """The networks that the experiments are about, each after the one that it goes on from."""
    chosen, found = settings.experiments, list[Network]()
    if "distillation" in chosen:
        found += of_distillation.networks_of(settings.distillation.temperatures)
    if "objectives" in chosen or "cases" in chosen:
        found.append(Network())
    if "transfer" in chosen:
        found += of_transfer.networks_of(settings)
    return found
