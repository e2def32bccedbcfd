"""One step of training: the adversary's attack, the loss, and the optimiser."""

import torch
import torch.nn.functional as F
from torch import Tensor

from featsplit.attacks import pgd
from featsplit.models.classifier import Classifier
from featsplit.records.training import Recipe
from featsplit.runtime import CPU, Machine, arrange, frozen, mixed


class Trainer:
    """A model under training by `recipe`: with its optimiser, and itself as its adversary attacks it.

    Weights, loss and update are float32 in any precision; in bfloat16 the layers are computed in it, and so are all
    steps of an adversary. The model is moved to the device of `machine`.
    """

    def __init__(self, model: Classifier, recipe: Recipe, machine: Machine = CPU) -> None:
        self.model = model.to(machine.device)
        arrange(model, machine.device)
        self.adversary, self.half = recipe.adversary, machine.half
        self.network = frozen(model, machine) if recipe.adversary else None
        self.optimiser = torch.optim.SGD(
            model.parameters(),
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
            fused=machine.kind in ("cpu", "cuda"),
        )

    def step(self, inputs: Tensor, labels: Tensor, offsets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Descend the mean loss of a batch by one step; that loss, and the logits (under attack by an adversary).

        inputs (N, C, H, W) in [0, 1], labels (N,); `offsets` is where a random start of the adversary is.
        """
        loss, logits = self.loss(inputs, labels, offsets)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        return loss.detach(), logits.detach()

    def loss(self, inputs: Tensor, labels: Tensor, offsets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean loss that `step` descends, and the logits; both with a gradient."""
        if self.adversary is None:
            logits = self._logits(inputs)
            return F.cross_entropy(logits, labels), logits
        logits = self._logits(self.attacked(inputs, labels, offsets))
        loss = F.cross_entropy(logits, labels)
        alpha = self.adversary.clean_weight
        return (alpha * F.cross_entropy(self._logits(inputs), labels) + (1 - alpha) * loss if alpha else loss), logits

    def attacked(self, inputs: Tensor, labels: Tensor, offsets: Tensor | None = None) -> Tensor:
        """`inputs` as the adversary makes them, with the network in eval mode as it is now."""
        assert self.adversary is not None
        assert self.network is not None
        self.network.refresh(self.model)
        steps, step_size = self.adversary.plan()
        return pgd(
            self.network,
            inputs,
            labels,
            norm=self.adversary.norm,
            eps=self.adversary.eps,
            steps=steps,
            step_size=step_size,
            offsets=offsets,
            keep="last",
            rough=1.0,
        )

    def _logits(self, inputs: Tensor) -> Tensor:
        with mixed(inputs.device, self.half):
            logits: Tensor = self.model(inputs)
        return logits.float()
