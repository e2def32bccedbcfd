"""The jobs of one seed: each trains a network, attacks one, or measures one."""

from featsplit.engine.jobs import Job
from featsplit.studies.szegedy2014.attacking import AttackNetwork
from featsplit.studies.szegedy2014.convolutional import TrainConvolutional, arms, file_of
from featsplit.studies.szegedy2014.networks import GROUPS, trained_in
from featsplit.studies.szegedy2014.pictures import DrawDistorted, DrawUnits
from featsplit.studies.szegedy2014.settings import Settings
from featsplit.studies.szegedy2014.spectral.measure import MeasureSpectral
from featsplit.studies.szegedy2014.stages import Place
from featsplit.studies.szegedy2014.units.measure import MeasureUnits
from featsplit.studies.szegedy2014.works import TrainNetwork


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs: the long ones first."""
    place, chosen = Place(settings, seed), settings.experiments
    return [
        *_training(place),
        *(job for group in GROUPS if group in chosen for job in _attacks(place, group)),
        *(_convolutional(place) if "spectral" in chosen else []),
        *(_units(place) if "units" in chosen else []),
        *(_drawing(place, group) for group in GROUPS if group in chosen),
    ]


def _training(place: Place) -> list[Job]:
    """The jobs that train the networks of all experiments."""
    networks = [
        Job(place.file(network.file), TrainNetwork(place, network), files=(place.model_file(network.file),))
        for network in trained_in(place.settings)
    ]
    convolutional = [
        Job(place.file(file_of(arm)), TrainConvolutional(place, arm), files=(place.model_file(file_of(arm)),))
        for arm in arms(place.settings)
    ]
    return [*convolutional, *networks]


def _attacks(place: Place, group: str) -> list[Job]:
    """The attacks on the networks of a `group`: each needs all of them, which choose the images together."""
    needs = tuple(place.file(network.file) for network in GROUPS[group])
    return [
        Job(place.file(f"{group}/{network.file}"), AttackNetwork(place, group, network), needs)
        for network in GROUPS[group]
    ]


def _convolutional(place: Place) -> list[Job]:
    return [
        Job(place.file(f"spectral/{arm}"), MeasureSpectral(place, arm), (place.file(file_of(arm)),))
        for arm in arms(place.settings)
    ]


def _units(place: Place) -> list[Job]:
    needs = (place.file(file_of("standard")),)
    drawing = Job(place.file("pictures/units"), DrawUnits(place), needs)
    return [Job(place.file("units"), MeasureUnits(place), needs), drawing]


def _drawing(place: Place, group: str) -> Job:
    needs = tuple(place.file(f"{group}/{network.file}") for network in GROUPS[group])
    return Job(place.file(f"pictures/{group}"), DrawDistorted(place, group), needs)
