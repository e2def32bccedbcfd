"""The jobs of one seed: each makes a network, with the set that it is trained on, or measures what was made."""

from collections.abc import Sequence
from dataclasses import replace

from featsplit.data.planted import is_planted
from featsplit.engine.jobs import Job, Work
from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR, DerivedSet
from featsplit.studies.ilyas2019.grids import DrawGrid, WriteTruth
from featsplit.studies.ilyas2019.measures import Autoattack, Distances, Splits, Steps, Transferred
from featsplit.studies.ilyas2019.networks import (
    Network,
    adversarial,
    compared_on_det,
    compared_on_source,
    derived_sets,
    examined,
    maker_of,
    retrained,
    standard,
)
from featsplit.studies.ilyas2019.settings import Settings
from featsplit.studies.ilyas2019.stages import Place
from featsplit.studies.ilyas2019.works import DeriveAndRetrain, Train

SCRUTINISED = ("robust", "nonrobust")
"""The sets of whose networks, beside those of the source, robustness is claimed something."""


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs: the long ones first."""
    place = Place(settings, seed)
    return [*jobs_in(place), *grids(place, derived_sets(settings))]


def jobs_in(place: Place) -> list[Job]:
    """The jobs of a run in `place`, without the pictures."""
    settings = place.settings
    sources = [training(place, one, by_epoch=True) for one in (adversarial(settings), standard(settings))]
    derived = [derivation(place, one, maker_of(settings, one)) for one in derived_sets(settings)]
    return [*sources, *derived, *_measures(place), *_architectures(place)]


def training(place: Place, network: Network, *, by_epoch: bool = False) -> Job:
    """The job that trains `network`, on the source or on a set that is there by then."""
    needs = () if network.train_set == "source" else (place.key(network.train_set),)
    return replace(_job(place, network.name, Train(place, network, by_epoch), needs, network.file), trains=True)


def derivation(
    place: Place,
    derived: DerivedSet,
    maker: Network,
    *,
    ensemble: tuple[Network, ...] = (),
    experiment: str | None = None,
) -> Job:
    """The job that makes a derived set with the network `maker`, and trains a network on it."""
    work = DeriveAndRetrain(place, derived, maker, retrained(place.settings, derived, experiment), ensemble)
    needs = [maker.name, *(["adversarial"] if derived.made_by.control else []), *(one.name for one in ensemble)]
    files = (work.network.file, f"sets/{derived.name}.h5")
    return replace(_job(place, derived.name, work, tuple(map(place.key, needs)), *files), trains=True)


def grids(place: Place, derived: Sequence[DerivedSet]) -> list[Job]:
    """The jobs that draw examples of the sets, and of planted data the one that writes the truth."""
    found = [drawing(place, one, standard(place.settings), adversarial(place.settings)) for one in derived]
    return [*found, measure(place, "truth", WriteTruth(place))] if is_planted(place.settings.data.source) else found


def drawing(place: Place, derived: DerivedSet, *networks: Network) -> Job:
    """The job that draws examples of a derived set, and keeps some with what the `networks` predict of them."""
    needs = [network.name for network in networks]
    return measure(place, f"grids/{derived.name}", DrawGrid(place, derived.name, networks), derived.name, *needs)


def measure(place: Place, name: str, work: Work, *needs: str) -> Job:
    """A job that measures what the jobs called `needs` have made."""
    return _job(place, name, work, tuple(map(place.key, needs)))


def _job(place: Place, name: str, work: Work, needs: tuple[str, ...], *files: str) -> Job:
    return Job(place.key(name), work, needs, tuple(f"{place.path}/{file}" for file in files), kind=name)


def _measures(place: Place) -> list[Job]:
    settings, found = place.settings, list[Job]()
    derived = examined(settings)
    network = retrained(settings, derived)
    if "steps" in settings.experiments:
        found.append(measure(place, "steps", Steps(place, network), network.name))
    if "splits" in settings.experiments:
        work = Splits(place, network, derived)
        files = (f"sets/{derived.name}-test.h5",)
        found.append(_job(place, "splits", work, (place.key(network.name),), *files))
    if "autoattack" in settings.experiments:
        others = [retrained(settings, DERIVED_SETS[name]) for name in SCRUTINISED]
        found += [
            measure(place, f"autoattack/{one.name}", Autoattack(place, one), one.name)
            for one in (standard(settings), adversarial(settings), *others)
        ]
    if "distance" in settings.experiments:
        six = [standard(settings), adversarial(settings), *(retrained(settings, DERIVED_SETS[name]) for name in FOUR)]
        found += [measure(place, f"distance/{one.name}", Distances(place, one), one.name) for one in six]
    return found


def _architectures(place: Place) -> list[Job]:
    settings = place.settings
    if "architectures" not in settings.experiments:
        return []
    others = compared_on_source(settings)
    found = [training(place, one) for one in (*others.values(), *compared_on_det(settings).values())]
    needs = ["standard", *(one.name for one in others.values())]
    work = Transferred(place, standard(settings), tuple(others.items()))
    return [*found, measure(place, "transferred", work, *needs)]
