"""One step of training: the adversary's attack, the loss, and the optimiser."""

import copy
import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from featsplit.attacks import pgd
from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier
from featsplit.records.training import Recipe
from featsplit.runtime import CPU, Machine, arrange, frozen, mixed


class Trainer:
    """A model under training by `recipe`: with its optimiser, and itself as its adversary attacks it.

    Weights, loss and update are float32 in any precision; in bfloat16 the layers are computed in it, and so are all
    steps of an adversary. The model is moved to the device of `machine`.

    Of several `machine.ranks` each has a part of every batch, and gradients are averaged (DistributedDataParallel).
    BatchNorm sees the part of its own process, as in the paper's library; with `recipe.sync_batchnorm` all of the
    batch.
    """

    def __init__(self, model: Classifier, recipe: Recipe, machine: Machine = CPU) -> None:
        self.model = model.to(machine.device)
        arrange(model, machine.device)
        self.adversary, self.smoothing, self.half = recipe.adversary, recipe.label_smoothing, machine.half
        self.network = frozen(model, machine) if recipe.adversary else None
        self.ranks, self.shared = machine.ranks, _shared(model, recipe, machine)
        self.optimiser = torch.optim.SGD(
            model.parameters(),
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
            fused=machine.kind in ("cpu", "cuda"),
        )

    def step(
        self, inputs: Tensor, labels: Tensor, offsets: Tensor | None = None, *, total: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Descend the mean loss of a batch by one step; that loss, and the logits (under attack by an adversary).

        inputs (N, C, H, W) in [0, 1], labels (N,); `offsets` is where a random start of the adversary is. `total` is
        how many images the batch has in all processes together.
        """
        loss, logits = self.loss(inputs, labels, offsets)
        share = len(inputs) * self.ranks.world / (total or len(inputs) * self.ranks.world)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss if share == 1 else loss * share)
        self.optimiser.step()
        return loss.detach(), logits.detach()

    def loss(self, inputs: Tensor, labels: Tensor, offsets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean loss that `step` descends, and the logits; both with a gradient."""
        if self.adversary is None:
            logits = self._logits(inputs)
            return self._mean_loss(logits, labels), logits
        logits = self._logits(self.attacked(inputs, labels, offsets))
        loss = self._mean_loss(logits, labels)
        alpha = self.adversary.clean_weight
        return (alpha * self._mean_loss(self._logits(inputs), labels) + (1 - alpha) * loss if alpha else loss), logits

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

    def _mean_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)

    def _logits(self, inputs: Tensor) -> Tensor:
        with mixed(inputs.device, self.half):
            logits: Tensor = self.shared(inputs)
        return logits.float()


def _shared(model: Classifier, recipe: Recipe, machine: Machine) -> nn.Module:
    """`model`, or what has its weights and gives each process the gradients of all."""
    if machine.ranks.world == 1:
        return model
    whole: nn.Module = model
    if recipe.sync_batchnorm:
        if machine.kind != "cuda":
            raise FeatsplitError("train.sync_batchnorm: is for GPUs; leave it out")
        tensors = [*model.parameters(), *model.buffers()]
        whole = copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})  # other layers, the same weights
        convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
        whole = convert(whole)
    known = inspect.signature(DistributedDataParallel).parameters  # the option has another name from torch 2.14 on
    options: dict[str, Any] = {
        "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False
    }
    return DistributedDataParallel(whole, **options)
