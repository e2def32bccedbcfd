"""The jobs of the discussion, besides those of a run of the paper."""

from dataclasses import replace

from featsplit.engine.jobs import Job
from featsplit.metadata.derived_sets import DERIVED_SETS, DerivedSet
from featsplit.models.build import ModelSpec
from featsplit.studies.distill2019.ensemble import ensemble_of
from featsplit.studies.distill2019.leakage import linear_recipe
from featsplit.studies.distill2019.measures import Audit, Leakage, TransferOfBugs
from featsplit.studies.distill2019.settings import Settings
from featsplit.studies.ilyas2019.jobs import derivation, grids, jobs_in, measure, training
from featsplit.studies.ilyas2019.networks import Network, adversarial, derived_sets, standard
from featsplit.studies.ilyas2019.stages import Place

PERTURBED = ("rand", "det", "rand-control", "det-control", "det-bugs")
"""The sets whose leak through robust features is measured."""


def jobs(settings: Settings, seed: int) -> list[Job]:
    """The jobs of `seed`: those of the paper's run, and those of each experiment of the discussion."""
    place, chosen, made = Place(settings, seed), settings.experiments, made_sets(settings)
    found = [*jobs_in(place)]
    found += _bugs(place, settings) if "bugs" in chosen else []
    found += _mislabelled(place, settings) if "mislabelled" in chosen else []
    if "audit" in chosen:
        found += [_audit(place, settings, network) for network in (standard(settings), adversarial(settings))]
    if "leakage" in chosen:
        found += _leakage(place, settings, [one.name for one in made if one.name in PERTURBED])
    return [*found, *grids(place, made)]


def made_sets(settings: Settings) -> list[DerivedSet]:
    """The derived sets of a run: the paper's, and those that the discussion adds."""
    adds = {"bugs": "det-bugs", "mislabelled": "mislabelled"}
    return [*derived_sets(settings), *(DERIVED_SETS[adds[name]] for name in settings.experiments if name in adds)]


def _bugs(place: Place, settings: Settings) -> list[Job]:
    """Other standard networks, the set that leaves them as they were, and a last network that is asked about it."""
    others = ensemble_of(standard(settings), settings.discussion.ensemble + 1)
    *ensemble, fresh = others
    return [
        *(training(place, other) for other in others),
        derivation(place, DERIVED_SETS["det-bugs"], standard(settings), ensemble=tuple(ensemble), experiment="bugs"),
        measure(place, "fresh", TransferOfBugs(place, fresh), "det", "det-bugs", fresh.name),
    ]


def _mislabelled(place: Place, settings: Settings) -> list[Job]:
    """A network that is stopped early, and one trained on what that predicted wrongly."""
    recipe = replace(settings.train.standard, epochs=settings.discussion.early_epochs)
    early = Network("early", "source", "early", settings.model, recipe, "mislabelled")
    made = derivation(place, DERIVED_SETS["mislabelled"], early, experiment="mislabelled")
    return [training(place, early), made]


def _audit(place: Place, settings: Settings, network: Network) -> Job:
    work = Audit(place, network, settings.discussion)
    return measure(place, f"audit/{network.name}", work, network.name)


def _leakage(place: Place, settings: Settings, sets: list[str]) -> list[Job]:
    recipe = linear_recipe(settings.perturb.threat)
    linear = Network("linear", "source", "linear", ModelSpec("linear"), recipe, "linear")
    work = Leakage(place, linear, tuple(sets))
    return [training(place, linear), measure(place, "leakage", work, linear.name, *sets)]
