"""The jobs of one seed: a network each, what compares several, and logistic regression."""

from featsplit.engine.jobs import Job, Work
from featsplit.studies.goodfellow2015.adversarial.measure import Compare
from featsplit.studies.goodfellow2015.alternatives.measure import Agree, Ensemble
from featsplit.studies.goodfellow2015.examine import TrainAndExamine
from featsplit.studies.goodfellow2015.linear.measure import Line, Shifts
from featsplit.studies.goodfellow2015.logistic.jobs import jobs as of_logistic
from featsplit.studies.goodfellow2015.networks import (
    Network,
    adversarial,
    by_size,
    ensemble,
    networks,
    plain,
    rbf,
    softmax,
)
from featsplit.studies.goodfellow2015.pictures import Draw, shown
from featsplit.studies.goodfellow2015.place import Place
from featsplit.studies.goodfellow2015.settings import Settings


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs: the long ones first."""
    place, chosen = Place(settings, seed), settings.experiments
    found = [
        Job(place.key(one.stem), TrainAndExamine(place, one), files=(f"seed{seed}/{one.file}",))
        for one in networks(settings)
    ]
    if "linear" in chosen:
        found.append(_measure(place, "shifts", Shifts(place), by_size(settings)))
        found.append(_measure(place, "line", Line(place), [plain(settings)]))
    if "adversarial" in chosen:
        found.append(_measure(place, "compare", Compare(place), [plain(settings), adversarial(settings)]))
    if "alternatives" in chosen:
        found.append(_measure(place, "ensemble", Ensemble(place), ensemble(settings)))
        found.append(_measure(place, "agree", Agree(place), [plain(settings), softmax(settings), rbf(settings)]))
    if pictured := shown(settings):
        found.append(_measure(place, "pictures", Draw(place), pictured))
    return [*found, *(of_logistic(settings, seed) if "logistic" in chosen else [])]


def _measure(place: Place, name: str, work: Work, needed: list[Network]) -> Job:
    return Job(place.key(f"measure/{name}"), work, tuple(place.key(one.stem) for one in needed))
