r"""A linear head on a representation that stays as it is: the linear probe.

    ridge   min over W of  ||Z W - Y||^2 / N + penalty ||W||^2,     Z the representation scaled, Y the labels one-hot
    sgd     min over W of  mean cross-entropy of softmax(Z W + b)

The scale is taken up into the head, so that it reads the representation itself.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.data.images import ImageData, Split
from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier
from featsplit.progress import progress
from featsplit.randomness import torch_generator
from featsplit.records.probes import LinearProbe, Ridge
from featsplit.runtime import CPU, Machine, batches, frozen

PENALTIES = tuple(10.0**power for power in range(-5, 2))
LARGEST = 20_000
"""Of features and images the fewer: a system of more equations does not fit in memory."""


def fit_head(
    model: Classifier, data: ImageData, probe: LinearProbe = Ridge(), *, seed: int = 0, machine: Machine = CPU
) -> Classifier:
    """`model` with a new head for the classes of `data`, fitted on its training images; the body is shared.

    On the device and in the mode of `model`. `seed` decides the order of SGD, and which tenth a penalty is chosen on.
    Raises FeatsplitError where a setting of the `probe` is out of its range, the model does not take the images, or the
    closed form would not fit in memory.
    """
    probe.check()
    model.expect(data.name, shape=data.shape, classes=None)
    values, classes = representations(model, data.train, machine=machine), len(data.classes)
    middle, scale = values.mean(dim=0), values.std(dim=0)
    scale = torch.where(scale > 1e-6 * scale.max(), scale, 1.0)
    scaled = (values - middle) / scale
    if isinstance(probe, Ridge):
        weight, bias = _chosen_ridge(scaled, data.train.labels, classes, probe.penalty, seed)
    else:
        weight, bias = _sgd(scaled, data.train.labels, classes, probe, seed, machine)
    head = nn.Linear(values.shape[1], classes)
    with torch.no_grad():
        head.weight.copy_((weight / scale[:, None]).T)
        head.bias.copy_(bias - (middle / scale) @ weight)
    found = Classifier(model.body, head.to(model.mean.device), shape=model.shape).to(model.mean.device)
    found.normalise_to(model.mean, model.std)
    found.training = head.training = model.training  # the body is shared, and stays in its mode
    return found


def representations(model: Classifier, split: Split, *, machine: Machine = CPU) -> Tensor:
    """The representation of each image of `split`, (N, features) float32 on the CPU."""
    network = frozen(model, machine)
    with torch.no_grad():
        parts = [
            network.representation(split.inputs(rows).to(machine.device)).cpu()
            for rows in progress(batches(len(split), 500), "representation")
        ]
    return torch.cat(parts)


def ridge(values: Tensor, labels: Tensor, *, classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    """The weights (features, K) and bias (K,) of least squares on `values` (N, features), in float64.

    Solved for the weights, or for the images where these are fewer. The bias has no penalty.
    """
    z, y = values.double(), F.one_hot(labels, classes).double()
    middle, mean = z.mean(dim=0), y.mean(dim=0)
    z, y, count = z - middle, y - mean, len(values)
    size = min(z.shape)
    if size > LARGEST:
        raise FeatsplitError(
            f"probe: ridge of {z.shape[1]} features and {count} images: solves {size} equations, at most {LARGEST}; "
            "take --method sgd, or another --pool"
        )
    identity = penalty * count * torch.eye(size, dtype=torch.float64)
    if z.shape[1] == size:
        weight = torch.linalg.solve(z.T @ z + identity, z.T @ y)
    else:
        weight = z.T @ torch.linalg.solve(z @ z.T + identity, y)
    return weight, mean - middle @ weight


def _chosen_ridge(
    values: Tensor, labels: Tensor, classes: int, penalty: float | None, seed: int
) -> tuple[Tensor, Tensor]:
    """Least squares with the `penalty`, or with the one that predicts most of a held out tenth."""
    if penalty is None:
        order = torch.randperm(len(values), generator=torch_generator(seed, "probe/held-out"))
        held, kept = order[: max(1, len(order) // 10)], order[len(order) // 10 :]

        def right(tried: float) -> float:
            weight, bias = ridge(values[kept], labels[kept], classes=classes, penalty=tried)
            return float(((values[held].double() @ weight + bias).argmax(dim=1) == labels[held]).double().mean())

        penalty = max(reversed(PENALTIES), key=right)  # of several as good the largest
    weight, bias = ridge(values, labels, classes=classes, penalty=penalty)
    return weight.float(), bias.float()


def _sgd(
    values: Tensor, labels: Tensor, classes: int, probe: LinearProbe, seed: int, machine: Machine
) -> tuple[Tensor, Tensor]:
    """Softmax regression, from weights of zero."""
    assert not isinstance(probe, Ridge)
    device = machine.device
    values, labels = values.to(device), labels.to(device)
    head = nn.Linear(values.shape[1], classes).to(device)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    optimiser = torch.optim.SGD(head.parameters(), lr=probe.lr, momentum=0.9, weight_decay=probe.weight_decay)
    count = math.ceil(len(values) / probe.batch_size)
    epochs = progress(range(probe.epochs), "probe")
    for epoch in epochs:
        total, order = 0.0, torch.randperm(len(values), generator=torch_generator(seed, f"probe/{epoch}"))
        for turn, rows in enumerate(order.tensor_split(count)):
            optimiser.param_groups[0]["lr"] = (
                probe.lr * (1 + math.cos(math.pi * (epoch + turn / count) / probe.epochs)) / 2
            )
            loss = F.cross_entropy(head(values[rows.to(device)]), labels[rows.to(device)])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        epochs.reached(epoch + 1, loss=total / len(values))
    return head.weight.detach().T.cpu(), head.bias.detach().cpu()
