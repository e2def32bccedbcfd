r"""Training with a penalty on the spectral norm of every layer, as the source's section 4.3 suggests.

    mean J(x, y) + lambda sum over layers of ||W_k||^2

W_k is the layer with the BatchNorm after it, at its running variance: without that, the norm could shrink and the
BatchNorm put it back. ||W_k|| is followed by one step of the power method a batch.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.data.augment import augment
from featsplit.data.images import ImageData
from featsplit.models import Classifier
from featsplit.randomness import torch_generator
from featsplit.records.training import Recipe
from featsplit.training.trainer import Trainer


class Followed:
    """A layer on inputs of a `shape` (1, ...), and where the power method stands: its direction `vector`."""

    def __init__(self, layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm2d | None, shape: torch.Size) -> None:
        self.layer, self.norm = layer, norm
        self.vector = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def squared_norm(self) -> Tensor:
        """||W||^2, with a gradient to the weights, after one step of the power method."""
        weight = self._weight()
        with torch.no_grad():
            moved = self._apply(self.vector / self.vector.norm().clamp_min(1e-30), weight.detach())
        with torch.enable_grad():
            point = self.vector.detach().requires_grad_(True)
            (self.vector,) = torch.autograd.grad(self._apply(point, weight.detach()), point, moved)
        return self._apply(self.vector / self.vector.norm().clamp_min(1e-30), weight).square().sum()

    def _weight(self) -> Tensor:
        if self.norm is None:
            return self.layer.weight
        variance = cast(Tensor, self.norm.running_var)
        scale = self.norm.weight / (variance + self.norm.eps).sqrt()
        return self.layer.weight * scale[:, None, None, None]

    def _apply(self, inputs: Tensor, weight: Tensor) -> Tensor:
        if isinstance(self.layer, nn.Conv2d):
            return F.conv2d(inputs, weight, None, self.layer.stride, cast(tuple[int, int], self.layer.padding))
        return F.linear(inputs, weight)


class Penalised(Trainer):
    """Training whose loss has the penalty too."""

    def __init__(self, model: Classifier, recipe: Recipe, penalty: float) -> None:
        super().__init__(model, recipe)
        self.half, self.penalty, self.layers = False, penalty, followed(model)

    def loss(self, inputs: Tensor, labels: Tensor, offsets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean loss with the penalty, and the logits."""
        loss, logits = super().loss(inputs, labels, offsets)
        return loss + self.penalty * sum((layer.squared_norm() for layer in self.layers), torch.zeros(())), logits


def followed(model: Classifier) -> list[Followed]:
    """The layers of `model` that have weights, in order, each with the BatchNorm after it."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d)]
    shapes = _shapes(model)
    found = []
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        if not isinstance(layer, nn.BatchNorm2d):
            norm = after if isinstance(after, nn.BatchNorm2d) else None
            found.append(Followed(layer, norm, shapes[layer]))
    return found


def train_penalised(model: Classifier, data: ImageData, recipe: Recipe, *, penalty: float, seed: int) -> None:
    """Train `model` in place on `data.train` as `recipe` says, with the `penalty` of each squared spectral norm."""
    split = data.train
    model.normalise_by(split.inputs())
    trainer = Penalised(model, recipe, penalty)
    batches = math.ceil(len(split) / recipe.batch_size)
    for epoch in range(recipe.epochs):
        model.train()
        generator = torch_generator(seed, f"szegedy2014/penalised/{epoch}")
        for batch, rows in enumerate(torch.randperm(len(split), generator=generator).tensor_split(batches)):
            for group in trainer.optimiser.param_groups:
                group["lr"] = recipe.rate(epoch + (batch + 0.5) / batches)
            trainer.step(augment(split.inputs(rows), recipe.augment, generator=generator), split.labels[rows])
    model.eval()


def _shapes(model: Classifier) -> dict[nn.Module, torch.Size]:
    """The shape of the input (1, ...) of each layer with weights."""
    found: dict[nn.Module, torch.Size] = {}
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found[layer] = inputs[0].shape

    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    training = model.training
    with torch.no_grad():
        model.eval()(torch.zeros((1, *model.shape)))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return found
