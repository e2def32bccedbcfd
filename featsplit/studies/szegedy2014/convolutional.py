"""The convolutional networks of "units" and "spectral", and the jobs that train them."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError, warn
from featsplit.evaluation import Probe
from featsplit.files import json_digest
from featsplit.models import Classifier, build, load_model, read_metadata, save_model
from featsplit.models.checkpoints import decisive, model_spec, versions
from featsplit.randomness import stage_key
from featsplit.records.training import Recipe
from featsplit.rows import Row
from featsplit.runtime import accuracy
from featsplit.studies.given import take
from featsplit.studies.szegedy2014.penalised import train_penalised
from featsplit.studies.szegedy2014.settings import CHAINS, Settings
from featsplit.studies.szegedy2014.stages import Place, Stages
from featsplit.training import ensure_trained
from featsplit.training.files import ENOUGH

USABLE = 0.5
"""A network that reads fewer rightly was ruined by its penalty."""
Arm = Literal["standard", "adversarial", "penalised"]


def arms(settings: Settings) -> list[Arm]:
    """The ways to train that a run has, the long ones first."""
    if "spectral" in settings.experiments:
        every: tuple[Arm, ...] = ("adversarial", "penalised", "standard")
        return [arm for arm in every if arm != "penalised" or settings.convolutional.penalty]
    return ["standard"] if "units" in settings.experiments else []


def recipe_of(settings: Settings, arm: Arm) -> Recipe:
    """How the network of `arm` is trained, but for the penalty."""
    return settings.convolutional.adversarial if arm == "adversarial" else settings.convolutional.standard


def given_for(settings: Settings, arm: Arm) -> str | None:
    """The checkpoint of the user's in the place of the network of `arm`."""
    return {"standard": settings.networks.standard, "adversarial": settings.networks.adversarial}.get(arm)


def file_of(arm: Arm) -> str:
    """What its file is called."""
    return f"convolutional-{arm}"


def seed_of(seed: int) -> int:
    """The seed of the weights that all arms begin with."""
    return stage_key(seed, "szegedy2014/convolutional") % 2**31


def _probe(settings: Settings) -> Probe:
    """The attack that both are looked at by while they are trained: as far as the adversary of one of them goes."""
    adversary = settings.convolutional.adversarial.adversary
    assert adversary is not None
    return Probe(adversary.norm, adversary.eps)


@dataclass(frozen=True)
class TrainConvolutional:
    """Train the network of `arm`."""

    place: Place
    arm: Arm

    def __call__(self, worker: Worker) -> Sequence[Row]:
        """No rows: what measures it gives them."""
        began, stages = time.perf_counter(), Stages(worker, self.place)
        if (given := given_for(self.place.settings, self.arm)) is not None:
            self._take(stages, Path(given))
        elif self.arm == "penalised":
            self._ensure_penalised(stages)
        else:
            ensure_trained(
                stages.model_path(file_of(self.arm)),
                stages.convolutional_data,
                self.place.settings.convolutional.model,
                recipe_of(self.place.settings, self.arm),
                seed=seed_of(self.place.seed),
                machine=worker.machine,
                overwrite=True,
                probe=_probe(self.place.settings),
            )
        reached = accuracy(network(stages, self.arm), stages.convolutional_data.test)
        figures, data = f"test {reached:.3f}", stages.convolutional_data
        if self.arm == "penalised" and reached < USABLE and len(data.train) >= ENOUGH:
            warn(
                f"convolutional.penalty = {self.place.settings.convolutional.penalty:g}: the network that is trained "
                f"with it reads {reached:.3f} of the test images rightly, and its norms tell nothing; lower the penalty"
            )
        worker.tell(stages.folder, f"seed {self.place.seed}", file_of(self.arm), began=began, figures=figures)
        return []

    def _take(self, stages: Stages, given: Path) -> None:
        """Take the network that is given."""
        path, settings = stages.model_path(file_of(self.arm)), self.place.settings
        path.parent.mkdir(parents=True, exist_ok=True)
        arch = read_metadata(given).arch
        if "spectral" in settings.experiments and arch not in CHAINS:
            raise FeatsplitError(
                f"networks.{self.arm}: {given}: the bounds of {arch} are not known, only of layers one after the other "
                f"({', '.join(CHAINS)}); leave the experiment out: --experiments units"
            )
        take(given, self.arm, path, stages.convolutional_data, factory=settings.networks.factory)

    def _ensure_penalised(self, stages: Stages) -> None:
        path, settings, data = stages.model_path(file_of(self.arm)), self.place.settings, stages.convolutional_data
        recipe, own = recipe_of(settings, self.arm), settings.convolutional
        content = {"recipe": recipe.plain(), "penalty": own.penalty, "model": asdict(own.model), "seed": stages.seed}
        key = json_digest({**content, "data": data.digest, "versions": decisive()})
        try:
            if read_metadata(path).key == key:
                return
        except FeatsplitError:
            pass  # there is none yet, or a damaged one: it is trained now
        seed = seed_of(stages.seed)
        model = build(own.model, shape=data.shape, classes=len(data.classes), seed=seed)
        train_penalised(model, data, recipe, penalty=own.penalty, seed=seed)
        extra = {"key": key, "trained_on": data.name, "data_digest": data.digest, "class_names": data.classes}
        save_model(model, path, spec=own.model, extra={**extra, "versions": versions(), "seed": seed})


def network(stages: Stages, arm: Arm) -> Classifier:
    """The network of `arm`, trained by now."""
    return load_model(stages.model_path(file_of(arm)), factory=stages.settings.networks.factory)


def untrained(stages: Stages) -> Classifier:
    """The network before it is trained, with the normalisation that it gets."""
    data, spec = stages.convolutional_data, model_spec(read_metadata(stages.model_path(file_of("standard"))))
    model = build(spec, shape=data.shape, classes=len(data.classes), seed=seed_of(stages.seed))
    model.normalise_by(data.train.inputs())
    return model.eval()
