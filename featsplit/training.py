r"""Train a classifier, standard or adversarially; what comes back is the last epoch, never the best on the test set.

Standard training descends J(x, y); adversarial training J(x', y) with x' from PGD (arXiv:1706.06083; the paper,
appendix C), or Goodfellow's mix alpha J(x) + (1 - alpha) J(x + eta) (arXiv:1412.6572, section 6). Everything random in
epoch e derives from (seed, e), so training that was interrupted ends as if it had not been.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from featsplit.attacks import pgd
from featsplit.data.augment import augment, check_augment
from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError, check_count, check_positive, unknown
from featsplit.files import replacing
from featsplit.geometry import Norm, check_threat, random_offsets
from featsplit.models.checkpoints import versions
from featsplit.models.classifier import Classifier
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.runtime import Frozen, Precision, accuracy, frozen, half_precision, layout, mixed

AdversaryName = Literal["pgd", "fgsm"]
Schedule = Literal["one-cycle", "step", "constant"]
History = list[dict[str, float]]


@dataclass(frozen=True)
class Adversary:
    """Who attacks during training, in the eps-ball of `norm` and with the network in eval mode.

    `pgd`: `steps` of `step_size` (None: 2.5 eps / steps, never more than eps), from the image or, with `random_start`,
    from a uniform point of the ball. `fgsm`: one step of eps, the loss mixed with `alpha` (None: 0.5) of the clean
    loss; with `random_start` the variant of Wong et al. 2020 (arXiv:2001.03994): one step of 1.25 eps (or `step_size`)
    from a uniform point, `alpha` None being 0.
    """

    attack: AdversaryName = "pgd"
    norm: Norm = "l2"
    eps: float = 0.5
    steps: int = 7
    step_size: float | None = None
    random_start: bool = False
    alpha: float | None = None

    def check(self, place: str) -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        if self.attack not in get_args(AdversaryName):
            raise unknown(f"{place}.attack", self.attack, get_args(AdversaryName))
        check_threat(place, self.norm, self.eps)
        check_count(f"{place}.steps", self.steps)
        check_positive(f"{place}.step_size", 1.0 if self.step_size is None else self.step_size)
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise FeatsplitError(f"{place}.alpha = {self.alpha:g}: must be in [0, 1], the weight of the clean loss")

    @property
    def clean_weight(self) -> float:
        """The share alpha of the clean loss."""
        if self.alpha is not None:
            return self.alpha
        return 0.5 if self.attack == "fgsm" and not self.random_start else 0.0

    def plan(self) -> tuple[int, float]:
        """(steps, step size) as they are run."""
        if self.attack == "fgsm":
            return 1, self.step_size or (1.25 * self.eps if self.random_start else self.eps)
        return self.steps, self.step_size or min(self.eps, 2.5 * self.eps / self.steps)


@dataclass(frozen=True)
class Recipe:
    """SGD with momentum and weight decay for `epochs`; the defaults are those of the paper's `robustness` package.

    `schedule`: "step" multiplies the rate by `drop_factor` every `drop_every` epochs; "one-cycle" rises linearly to
    `lr` over the first quarter and falls linearly to 0; "constant". `augment` names batched augmentations, in order.
    """

    epochs: int = 150
    batch_size: int = 128
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    schedule: Schedule = "step"
    drop_every: int = 50
    drop_factor: float = 0.1
    augment: tuple[str, ...] = ()
    adversary: Adversary | None = None

    def check(self, place: str = "train") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("epochs", "batch_size", "drop_every"):
            check_count(f"{place}.{name}", getattr(self, name))
        for name in ("lr", "drop_factor"):
            check_positive(f"{place}.{name}", getattr(self, name))
        if not 0 <= self.momentum < 1:
            raise FeatsplitError(f"{place}.momentum = {self.momentum:g}: must be in [0, 1)")
        if self.nesterov and not self.momentum:
            raise FeatsplitError(f"{place}.nesterov = true: needs a momentum greater than 0")
        if not 0 <= self.weight_decay < math.inf:
            raise FeatsplitError(f"{place}.weight_decay = {self.weight_decay:g}: must be at least 0")
        if self.schedule not in get_args(Schedule):
            raise unknown(f"{place}.schedule", self.schedule, get_args(Schedule))
        check_augment(self.augment)
        if self.adversary is not None:
            self.adversary.check(f"{place}.adversary")

    def rate(self, epoch: float) -> float:
        """The learning rate at `epoch`, counted in fractions from 0."""
        if self.schedule == "one-cycle":
            done = epoch / self.epochs
            return self.lr * min(done / 0.25, (1 - done) / 0.75)
        drops = int(epoch) // self.drop_every if self.schedule == "step" else 0
        return self.lr * self.drop_factor**drops


def train(
    model: Classifier,
    data: ImageData,
    recipe: Recipe,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    precision: Precision = "auto",
    resume: Path | None = None,
    title: str = "train",
) -> History:
    """Train `model` in place on `data.train`; return by epoch: loss, train_accuracy (as trained on), test_accuracy.

    The model takes its normalisation from the training images. Weights, loss and update are float32 in any `precision`;
    in bfloat16 the layers are computed in it, and so are all steps of an adversary. With `resume`, the state after each
    epoch is kept in
    that file, and training with the same data, recipe and seed goes on from it; the caller removes it afterwards.
    Raises FeatsplitError for a recipe out of range, data of another shape, or a loss that is no longer finite.
    """
    recipe.check()
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    split = Split(data.train.images.to(device), data.train.labels.to(device))
    model.to(device).to(memory_format=layout(model, device)).normalise_by(split.inputs())
    half = half_precision(precision, device)
    optimiser = torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        fused=torch.device(device).type in ("cpu", "cuda"),
    )
    key = json.dumps([asdict(recipe), data.digest, seed, model.shape, str(model), half, versions()])
    history = _restore(resume, model, optimiser, key) if resume else []
    network = frozen(model, device, precision=precision) if recipe.adversary else None
    work = _Work(model, network, optimiser, half)
    for epoch in progress(range(len(history), recipe.epochs), title):
        model.train()
        loss, right = _epoch(work, split, recipe, epoch=epoch, seed=seed)
        if not math.isfinite(loss):
            raise FeatsplitError(f"train.lr = {recipe.lr:g}: the loss is {loss} in epoch {epoch + 1}; lower the rate")
        history.append({"loss": loss, "train_accuracy": right, "test_accuracy": accuracy(model, data.test)})
        if resume:
            _keep(resume, model, optimiser, key, history)
    model.eval()
    return history


class _Work(NamedTuple):
    """What is trained: the model, itself as its adversary attacks it, and whether its layers run in bfloat16."""

    model: Classifier
    network: Frozen | None
    optimiser: torch.optim.SGD
    half: bool

    def logits(self, inputs: Tensor) -> Tensor:
        """(N, classes) in float32, with a gradient."""
        with mixed(inputs.device, self.half):
            logits: Tensor = self.model(inputs)
        return logits.float()


def _epoch(work: _Work, split: Split, recipe: Recipe, *, epoch: int, seed: int) -> tuple[float, float]:
    """One pass over `split`, in batches of nearly equal size: mean loss and the share of labels read."""
    generator = torch_generator(seed, f"train/{epoch}")
    order = torch.randperm(len(split), generator=generator).tensor_split(math.ceil(len(split) / recipe.batch_size))
    total, right = torch.zeros((), device=split.labels.device), torch.zeros((), device=split.labels.device)
    for batch, rows in enumerate(progress(order, f"epoch {epoch + 1}")):
        for group in work.optimiser.param_groups:
            group["lr"] = recipe.rate(epoch + (batch + 0.5) / len(order))
        rows = rows.to(split.labels.device)
        inputs = augment(split.inputs(rows), recipe.augment, generator=generator)
        labels = split.labels[rows]
        offsets = _offsets(recipe.adversary, rows, work.model.shape, seed=seed, stage=f"train/{epoch}/start")
        loss, logits = _loss(work, inputs, labels, recipe.adversary, offsets)
        work.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        work.optimiser.step()
        total += loss.detach() * len(rows)
        right += (logits.argmax(1) == labels).sum()
    return float(total) / len(split), float(right) / len(split)


def _offsets(
    adversary: Adversary | None, rows: Tensor, shape: tuple[int, int, int], *, seed: int, stage: str
) -> Tensor | None:
    if adversary is None or not adversary.random_start:
        return None
    offsets = random_offsets(rows.tolist(), shape, norm=adversary.norm, eps=adversary.eps, seed=seed, stage=stage)
    return offsets.to(rows.device)


def _loss(
    work: _Work, inputs: Tensor, labels: Tensor, adversary: Adversary | None, offsets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The loss to descend, and the logits (under attack where there is an adversary)."""
    if adversary is None:
        logits = work.logits(inputs)
        return F.cross_entropy(logits, labels), logits
    logits = work.logits(_attacked(work, inputs, labels, adversary, offsets))
    loss = F.cross_entropy(logits, labels)
    alpha = adversary.clean_weight
    return (alpha * F.cross_entropy(work.logits(inputs), labels) + (1 - alpha) * loss if alpha else loss), logits


def _attacked(work: _Work, inputs: Tensor, labels: Tensor, adversary: Adversary, offsets: Tensor | None) -> Tensor:
    assert work.network is not None
    work.network.refresh(work.model)
    steps, step_size = adversary.plan()
    return pgd(
        work.network,
        inputs,
        labels,
        norm=adversary.norm,
        eps=adversary.eps,
        steps=steps,
        step_size=step_size,
        offsets=offsets,
        keep="last",
        draft=1.0,
    )


def _keep(path: Path, model: Classifier, optimiser: torch.optim.SGD, key: str, history: History) -> None:
    """Write the state of training after an epoch: weights, momentum and history."""
    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for row, parameter in enumerate(model.parameters()):
        velocity = optimiser.state[parameter].get("momentum_buffer")
        if velocity is not None:
            tensors[f"momentum.{row}"] = velocity.contiguous()
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={"key": key, "history": json.dumps(history)})


def _restore(path: Path, model: Classifier, optimiser: torch.optim.SGD, key: str) -> History:
    """Take up the state at `path` and return its history; nothing where it is absent or of other work."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except Exception:  # noqa: BLE001 (absent or cut off: start anew)
        return []
    if metadata.get("key") != key:
        return []
    model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
    for row, parameter in enumerate(model.parameters()):
        if (velocity := tensors.get(f"momentum.{row}")) is not None:
            buffer = torch.empty_like(parameter).copy_(velocity)
            optimiser.state[parameter]["momentum_buffer"] = buffer
    history: History = json.loads(metadata["history"])
    return history
