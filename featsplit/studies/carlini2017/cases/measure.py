"""All K - 1 targets of each image by one attack, as rows and as a file of the images that were found."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import load_file, save_file
from torch import Tensor

from featsplit.attacks import Nearest
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Worker
from featsplit.files import replacing
from featsplit.models.checkpoints import state_digest
from featsplit.runtime import frozen
from featsplit.studies.carlini2017.networks import Network, ensure_network
from featsplit.studies.carlini2017.place import Attacked, Place, attacked_images
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import (
    ATTACKS,
    CARLINI,
    NEAREST,
    UNTARGETED,
    Attack,
    case_distances,
    found_row,
    in_pieces,
    search,
    towards_all,
)


class Examples(NamedTuple):
    """What an attack found: of `inputs` (n, C, H, W) with `labels` (n,) the `adversarial` images towards each class
    that an image is not of, (n, K - 1, C, H, W), from the next one on, and their `distances` (n, K - 1).
    """

    inputs: Tensor
    labels: Tensor
    adversarial: Tensor
    distances: Tensor


def examples_file(seed: int, network: Network, attack: Attack) -> str:
    """Where the examples lie in the folder of the run."""
    return f"seed{seed}/examples/{network.stem}-{attack.name}-{attack.norm}.safetensors"


def read_examples(path: Path) -> Examples:
    """The examples in the file at `path`."""
    tensors = load_file(path)
    return Examples(*(tensors[name] for name in Examples._fields))


def measuring(place: Place, network: Network, attack: Attack) -> Job:
    """The job that measures the cases of `attack` on `network`."""
    key = f"seed{place.seed}/cases {network.name} {attack.name} {attack.norm}"
    files = () if attack.name in UNTARGETED else (examples_file(place.seed, network, attack),)
    return Job(key, MeasureCases(place, network, attack), (network.key(place.seed),), files)


def jobs_on_standard(place: Place) -> list[Job]:
    """Every attack on the normally trained network; the long ones first."""
    return [measuring(place, Network(), attack) for attack in ATTACKS]


def jobs_on_distilled(place: Place) -> list[Job]:
    """The attacks of the paper, and those of the package, on the network of the largest temperature."""
    distilled = Network("distilled", place.settings.hottest)
    return [measuring(place, distilled, attack) for attack in (*CARLINI, *NEAREST)]


@dataclass(frozen=True)
class MeasureCases:
    """Attack each image towards every class that it is not of; DeepFool, which has no target, towards any."""

    place: Place
    network: Network
    attack: Attack

    def __call__(self, worker: Worker) -> list[CarliniRow]:
        """A row for each case."""
        settings, seed = self.place.settings, self.place.seed
        with self.place.stage(worker, f"cases {self.network.name} {self.attack.name} {self.attack.norm}") as says:
            model, data = ensure_network(worker, self.place, self.network), self.place.data(worker)
            attacked = attacked_images(model, data.test, settings.cases.images)
            path = self.place.folder(worker) / "rows" / f"cases-{self.network.stem}-{'-'.join(self.attack[:2])}.json"
            file = worker.folder / examples_file(seed, self.network, self.attack)
            depends_on: dict[str, object] = {"model": state_digest(model), "images": attacked.images}
            depends_on |= {"targets": attacked.targets.tolist()}
            depends_on |= {"attack": list(self.attack), "search": asdict(settings.search), "seed": seed}
            if self.attack.name not in UNTARGETED and not file.exists():
                path.unlink(missing_ok=True)  # the rows are there and the images are not: both are made again
            find = partial(search, frozen(model, worker.machine.exact), attack=self.attack, budget=settings.search)
            rows = list(kept_rows(path, depends_on, lambda: self._measured(find, attacked, worker, file)))
            says(", ".join(f"{row['case']} {row['mean_distance'] or 0:.3g}" for row in rows))
        return rows

    def _measured(
        self, find: Callable[..., Nearest], attacked: Attacked, worker: Worker, file: Path
    ) -> list[CarliniRow]:
        classes = len(self.place.data(worker).classes)
        first: CarliniRow = {
            "experiment": "cases", "training": self.network.name, "temperature": self.network.temperature,
            "attack": self.attack.name, "norm": self.attack.norm, "eps": None, "seed": self.place.seed,
            "images": attacked.images,
        }  # fmt: skip
        if self.attack.name in UNTARGETED:
            nearest = in_pieces(partial(find, targeted=False), attacked.inputs, attacked.labels, worker.machine)
            return [found_row(first | {"case": "best"}, nearest.distance, nearest.calls)]
        inputs, targets = towards_all(attacked, classes)
        nearest = in_pieces(partial(find, targeted=True), inputs, targets, worker.machine)
        by_target = nearest.distance.reshape(len(attacked.labels), classes - 1)
        adversarial = nearest.inputs.reshape(*by_target.shape, *nearest.inputs.shape[1:])
        _save(file, Examples(attacked.inputs, attacked.labels, adversarial, by_target))
        return [
            found_row(first | {"case": case}, distances, nearest.calls)
            for case, distances in case_distances(by_target, attacked, classes).items()
        ]


def _save(file: Path, examples: Examples) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as partial_file:
        save_file({name: tensor.contiguous() for name, tensor in examples._asdict().items()}, partial_file)
