"""The jobs of a seed: the encoders, the sets through each with examples, and two learners of each set."""

from featsplit.engine.jobs import Job
from featsplit.studies.ilyas2019.jobs import drawing
from featsplit.studies.ilyas2019.networks import Network
from featsplit.studies.ilyas2019.stages import Place
from featsplit.studies.li2023.networks import (
    GIVEN,
    SELF_SUPERVISED,
    SUPERVISED,
    Maker,
    learners,
    made_sets,
    makers,
)
from featsplit.studies.li2023.settings import Settings
from featsplit.studies.li2023.works import Derive, Learn, Pretrain, Take


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs: the long ones first."""
    place, found = Place(settings, seed), list[Job]()
    every = makers(settings)
    found += sorted((_maker(place, one) for one in every), key=lambda job: not isinstance(job.work, Pretrain))
    sets = made_sets(every)
    for derived, maker in sets.items():
        key = place.key(derived.name)
        files = (f"{place.path}/sets/{derived.name}.h5",)
        found.append(
            Job(key, Derive(place, derived, maker.network), (place.key(maker.network.name),), files, kind="set")
        )
        found += [_learner(place, network, key) for network in reversed(learners(settings, derived))]
    return [*found, *(drawing(place, derived, *(maker.network for maker in every)) for derived in sets)]


def _maker(place: Place, maker: Maker) -> Job:
    network = maker.network
    if network.experiment == GIVEN:
        work: Take | Pretrain | Learn = Take(place, network)
    elif network.training == SELF_SUPERVISED:
        work = Pretrain(place, network)
    else:
        work = Learn(place, network, SUPERVISED if network.name == "standard" else network.name)
    return Job(place.key(network.name), work, (), (f"{place.path}/{network.file}",), trains=isinstance(work, Learn))


def _learner(place: Place, network: Network, needs: str) -> Job:
    without = network.training == SELF_SUPERVISED
    work = Pretrain(place, network) if without else Learn(place, network, SUPERVISED)
    file, kind = f"{place.path}/{network.file}", network.experiment
    return Job(place.key(network.name), work, (needs,), (file,), trains=not without, kind=kind)
