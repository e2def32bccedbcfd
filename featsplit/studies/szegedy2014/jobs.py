"""The jobs of one seed: each trains a network, attacks one, or measures one."""

from featsplit.engine.jobs import Job
from featsplit.studies.szegedy2014.attacking import AttackNetwork
from featsplit.studies.szegedy2014.networks import GROUPS, trained_in
from featsplit.studies.szegedy2014.settings import Settings
from featsplit.studies.szegedy2014.stages import Place
from featsplit.studies.szegedy2014.works import TrainNetwork


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs: the long ones first."""
    place = Place(settings, seed)
    trained = [
        Job(place.file(network.file), TrainNetwork(place, network), files=(place.model_file(network.file),))
        for network in trained_in(settings)
    ]
    return [*trained, *(job for group in ("models", "halves") if group in settings.experiments for job in _attacks(place, group))]


def _attacks(place: Place, group: str) -> list[Job]:
    """The attacks on the networks of a `group`: each needs all of them, which choose the images together."""
    needs = tuple(place.file(network.file) for network in GROUPS[group])
    return [
        Job(place.file(f"{group}/{network.file}"), AttackNetwork(place, group, network), needs)
        for network in GROUPS[group]
    ]
