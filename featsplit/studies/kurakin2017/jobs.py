"""The jobs of one seed: two networks, adversarial images, and what the experiments make of these."""

from featsplit.engine.jobs import Job
from featsplit.studies.kurakin2017.examples import making
from featsplit.studies.kurakin2017.networks import training
from featsplit.studies.kurakin2017.photographs.measure import photographing
from featsplit.studies.kurakin2017.pictures import drawing
from featsplit.studies.kurakin2017.place import Place
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.storage.measure import storing
from featsplit.studies.kurakin2017.transformations.measure import transforming

OF = {"transformations": transforming, "photographs": photographing, "storage": storing}


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`, each after those that it needs."""
    place = Place(settings, seed)
    other = [training(place, "other")] if "storage" in settings.experiments else []
    measures = [job for name, of in OF.items() if name in settings.experiments for job in of(place)]
    return [training(place, "source"), *other, *making(place), *measures, *drawing(place)]
