"""What a network distilled at each temperature withstands, as rows: gradients, attacks that follow them, others."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.attacks import Nearest, bim, cross_entropy, fgsm, jsma, margin, szegedy_lbfgs
from featsplit.engine.cache import kept_rows
from featsplit.engine.jobs import Job, Work, Worker
from featsplit.models import Classifier
from featsplit.models.checkpoints import state_digest
from featsplit.outcomes import packed
from featsplit.runtime import Frozen, frozen, predict
from featsplit.studies.carlini2017.cases.measure import jobs_on_distilled
from featsplit.studies.carlini2017.networks import Network, ensure_network
from featsplit.studies.carlini2017.place import Attacked, Place, attacked_images
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import CARLINI, NEAREST, found_row, in_pieces, search

STEPS = 20
"""Of the iterative method, each an eighth of eps long."""
BISECTIONS = 1
"""Of the c of L-BFGS: whether it succeeds is what is asked, and the nearest it finds only once it does."""


def networks_of(temperatures: Sequence[float]) -> list[Network]:
    """The start, and a network distilled at each of `temperatures`."""
    return [Network("start"), *(Network("distilled", temperature) for temperature in temperatures)]


def jobs_in(place: Place) -> list[Job]:
    """The cases of the last network; and for each network a job that follows its gradients and one that searches."""
    distilled = networks_of(place.settings.distillation.temperatures)[1:]
    works: list[tuple[str, Network, Work]] = [
        *(("nearest", network, MeasureNearest(place, network)) for network in distilled),
        *(("gradients", network, MeasureGradients(place, network)) for network in distilled),
    ]
    jobs = [Job(f"seed{place.seed}/{what} {one.name}", work, (one.key(place.seed),)) for what, one, work in works]
    return [*jobs_on_distilled(place), *jobs]


@dataclass(frozen=True)
class MeasureGradients:
    """Accuracy, logits and vanished gradients of a network; and the attacks that follow the cross-entropy's."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> Sequence[CarliniRow]:
        """A row for each."""
        return measured(self.place, worker, self.network, "gradients", self._rows)

    def _rows(self, worker: Worker, model: Classifier, first: CarliniRow) -> list[CarliniRow]:
        settings, data = self.place.settings.distillation, self.place.data(worker)
        network, device = frozen(model, worker.machine.exact), worker.machine.device
        attacked = attacked_images(model, data.test, settings.attacked)
        right = predict(model, data.test) == data.test.labels
        clean = outcome_row({**first, "attack": "none", "norm": None, "eps": None}, right, "test")
        clean |= logits_of(network, attacked, device)
        own = partial(_misread, network, attacked, device=device)
        eps, cooled = settings.eps, _cooled(network, self.network.temperature)
        length = eps / 8
        misread = {
            "fgsm": own(partial(fgsm, network, eps=eps)),
            "bim": own(partial(bim, network, eps=eps, steps=STEPS, step_size=length)),
            "fgsm, Z/T": own(partial(fgsm, cooled, eps=eps)),
            "bim, Z/T": own(partial(bim, cooled, eps=eps, steps=STEPS, step_size=length)),
        }
        rows = [
            outcome_row({**first, "attack": name, "norm": "linf", "eps": eps}, ~wrong, attacked.images)
            for name, wrong in misread.items()
        ]
        return [clean, *rows]


def _cooled(network: Frozen, temperature: float) -> Callable[[Tensor], Tensor]:
    """The network with its logits divided by the temperature that it was trained at."""

    def cooled(inputs: Tensor) -> Tensor:
        logits: Tensor = network(inputs)
        return logits / temperature

    return cooled


def _misread(
    network: Frozen, attacked: Attacked, attack: Callable[[Tensor, Tensor], Tensor], *, device: torch.device | str
) -> Tensor:
    """Which of the images the network predicts wrongly after the `attack`, (n,) bool on the CPU."""
    inputs, labels = attacked.inputs.to(device), attacked.labels.to(device)
    moved = attack(inputs, labels)
    with torch.no_grad():
        logits: Tensor = network(moved)
    return (logits.argmax(dim=1) != labels).cpu()


def logits_of(network: Frozen, attacked: Attacked, device: torch.device | str) -> CarliniRow:
    """How large the logits are, how many gradients of the cross-entropy are exactly 0, and the median margin."""
    inputs, labels = attacked.inputs.to(device).requires_grad_(True), attacked.labels.to(device)
    with torch.enable_grad():
        logits = network(inputs)
        usual = torch.autograd.grad(F.cross_entropy(logits, labels, reduction="sum"), inputs, retain_graph=True)[0]
        stable = torch.autograd.grad(cross_entropy(logits, labels).sum(), inputs)[0]
    sizes = logits.detach().abs().sum(dim=1)
    vanished, stably = (float((~slope.flatten(1).any(dim=1)).float().mean()) for slope in (usual, stable))
    return {
        "logits": float(sizes.mean()),
        "logits_spread": float(sizes.std()),
        "vanished": vanished,
        "vanished_stably": stably,
        "margin": float(margin(logits.detach(), labels).median()),
    }


@dataclass(frozen=True)
class MeasureNearest:
    """Attacks on a network that look for the nearest image of the class drawn for each."""

    place: Place
    network: Network

    def __call__(self, worker: Worker) -> Sequence[CarliniRow]:
        """A row for each."""
        return measured(self.place, worker, self.network, "nearest", self._rows)

    def _rows(self, worker: Worker, model: Classifier, first: CarliniRow) -> list[CarliniRow]:
        settings, budget = self.place.settings.distillation, self.place.settings.search
        network, data = frozen(model, worker.machine.exact), self.place.data(worker)
        attacked = attacked_images(model, data.test, settings.images)
        few, fewer = attacked.first(settings.lbfgs), attacked.first(-(-settings.lbfgs // 8))
        temperature = self.network.temperature
        lbfgs = partial(szegedy_lbfgs, network, loss="cross-entropy", bisections=BISECTIONS)
        searches: list[tuple[str, str, Attacked, Callable[..., Nearest]]] = [
            (one.name, one.norm, attacked, partial(search, network, attack=one, budget=budget))
            for one in (CARLINI[1], *NEAREST)
        ]
        searches += [
            ("jsma-z", "l0", attacked, partial(jsma, network, of="logits")),
            ("jsma-f", "l0", attacked, partial(jsma, network, of="probabilities")),
            ("lbfgs", "l2", fewer, lbfgs),
        ]
        rows = [self._row(worker, first, *one, targeted=True) for one in searches]
        cooled = partial(lbfgs, temperature=temperature)
        return [
            *rows,
            self._row(worker, first, "lbfgs", "l2", few, lbfgs, targeted=False),
            self._row(worker, first, "lbfgs, Z/T", "l2", fewer, cooled, targeted=False),
        ]

    def _row(
        self,
        worker: Worker,
        first: CarliniRow,
        name: str,
        norm: str,
        attacked: Attacked,
        find: Callable[..., Nearest],
        *,
        targeted: bool,
    ) -> CarliniRow:
        labels, case = (attacked.targets, "average") if targeted else (attacked.labels, "untargeted")
        nearest = in_pieces(partial(find, targeted=targeted), attacked.inputs, labels, worker.machine)
        own = first | {"attack": name, "norm": norm, "eps": None, "case": case, "images": attacked.images}
        return found_row(own, nearest.distance, nearest.calls)


Measure = Callable[[Worker, Classifier, CarliniRow], list[CarliniRow]]


def measured(place: Place, worker: Worker, network: Network, what: str, measure: Measure) -> Sequence[CarliniRow]:
    """The rows that `measure` gives of `network`, kept."""
    with place.stage(worker, f"{what} {network.name}") as says:
        model, settings = ensure_network(worker, place, network), place.settings
        first: CarliniRow = {
            "experiment": "distillation", "training": network.name, "temperature": network.temperature,
            "seed": place.seed,
        }  # fmt: skip
        depends_on = {"model": state_digest(model), "data": place.data(worker).digest, "seed": place.seed}
        depends_on |= {"search": asdict(settings.search), **asdict(settings.distillation), "temperatures": None}
        path = place.folder(worker) / "rows" / f"{what}-{network.stem}.json"
        rows = kept_rows(path, depends_on, lambda: measure(worker, model, first))
        says(", ".join(f"{row['attack']} {1 - row['accuracy']:.2f}" for row in rows))
    return rows


def outcome_row(first: CarliniRow, right: Tensor, images: str) -> CarliniRow:
    """`first` with the share that is `right` (n,)."""
    numbers: CarliniRow = {"n": len(right), "accuracy": float(right.float().mean()), "outcomes": packed(right)}
    return {**first, **numbers, "images": images}
