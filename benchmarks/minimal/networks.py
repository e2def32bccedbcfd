"""The six networks of `benchmarks minimal`: MNIST and CIFAR-10; standard, adversarially trained and distilled."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import load_model, save_model
from featsplit.models.classifier import Classifier
from featsplit.training import Adversary, Recipe, ensure_trained

CACHE = Path(__file__).parents[1] / ".minimal"
TEMPERATURE = 100.0


class Source(NamedTuple):
    """Real images, the network for them, how it is trained, and the l2 radius of the adversary."""

    data: DataSpec
    model: ModelSpec
    epochs: int
    lr: float
    eps: float


SOURCES = {
    "mnist": Source(DataSpec("mnist", resize=14, limit=10_000, limit_test=1000), ModelSpec("cnn"), 4, 0.05, 1.0),
    "cifar10": Source(
        DataSpec("cifar10", resize=16, limit=10_000, limit_test=1000), ModelSpec("resnet8", width=8), 8, 0.2, 0.25
    ),
}
NETWORKS = tuple(f"{source}-{kind}" for source in SOURCES for kind in ("standard", "adversarial", "distilled"))


class Subject(NamedTuple):
    """A network by its file, the test images that are attacked, and its accuracy on all test images."""

    name: str
    path: Path
    inputs: Tensor
    labels: Tensor
    accuracy: float


def subject(name: str, images: int, root: Path | None) -> Subject:
    """The network called `name`, trained where it is not kept yet, and the first `images` of its test images."""
    source, kind = name.split("-")
    data = load_data(SOURCES[source].data, root=root, download=root is None)
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    path = CACHE / f"{name}.safetensors"
    if kind == "distilled":
        _distilled(path, data, SOURCES[source])
    else:
        _trained(path, data, SOURCES[source], adversarial=kind == "adversarial")
    network = load_model(path)
    with torch.no_grad():
        right = network(data.test.inputs()).argmax(dim=1) == data.test.labels
    some = slice(0, images)
    return Subject(name, path, data.test.inputs(some), data.test.labels[some], float(right.float().mean()))


def _trained(path: Path, data: ImageData, source: Source, *, adversarial: bool) -> None:
    adversary = Adversary(eps=source.eps, steps=3) if adversarial else None
    recipe = Recipe(source.epochs, lr=source.lr, nesterov=True, schedule="one-cycle", adversary=adversary)
    ensure_trained(path, data, source.model, recipe, seed=0, overwrite=True)


def _distilled(path: Path, data: ImageData, source: Source) -> None:
    """Defensive distillation (Papernot 2016, arXiv:1511.04508): both networks are trained at `TEMPERATURE`.

    The labels of the student are the teacher's softened ones on the training images; both start from a network that
    was trained at temperature 1 for an epoch. By Adam, without decay: SGD does not move at this temperature. Not in the
    source: the head of that start is multiplied by the temperature, else small networks lose a tenth of the images.
    """
    if path.is_file():
        return
    inputs, hard = data.train.inputs(), F.one_hot(data.train.labels, len(data.classes)).float()
    networks = list[Classifier]()
    for _ in ("teacher", "student"):
        network = build(source.model, shape=data.shape, classes=len(data.classes), seed=0)
        network.normalise_by(inputs)
        soft = _softened(networks[0], inputs) if networks else hard
        _fit(network, inputs, hard, temperature=1.0, epochs=1)
        with torch.no_grad():
            network.head.weight.mul_(TEMPERATURE)
            network.head.bias.mul_(TEMPERATURE)
        _fit(network, inputs, soft, temperature=TEMPERATURE, epochs=source.epochs)
        networks.append(network)
    save_model(networks[1], path, spec=source.model)


def _fit(network: Classifier, inputs: Tensor, targets: Tensor, *, temperature: float, epochs: int) -> None:
    """Descend the cross-entropy of softmax(Z / temperature) against `targets` (N, K); ends in eval mode."""
    optimiser, generator = torch.optim.Adam(network.parameters(), lr=2e-3), torch.Generator().manual_seed(0)
    network.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(inputs), generator=generator), 128):
            loss = F.cross_entropy(network(inputs[rows]) / temperature, targets[rows])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    network.eval()


def _softened(network: Classifier, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([(network(part) / TEMPERATURE).softmax(dim=1) for part in torch.split(inputs, 500)])
