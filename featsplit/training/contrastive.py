r"""Learning without labels: SimCLR (Chen et al. 2020, arXiv:2002.05709).

    l(i, j) = -log  exp(s_ij / T) / sum over k other than i of exp(s_ik / T),      s the cosine of two projections

for the two views i, j of an image, among the 2 N views of a batch; the mean over all views is descended. The projection
is a small network on the representation, which is thrown away afterwards.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.data.augment import augment
from featsplit.data.images import Split, channel_moments, digest_of
from featsplit.errors import FeatsplitError
from featsplit.models.checkpoints import decisive
from featsplit.models.classifier import Classifier, in_mode
from featsplit.progress import progress
from featsplit.randomness import drawn_by, torch_generator
from featsplit.records.contrastive import SimCLR
from featsplit.runtime import CPU, Machine, arrange, mixed
from featsplit.training.state import History, keep, restore


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The normalised, temperature-scaled cross-entropy of two views (N, d) each, a scalar (arXiv:2002.05709, eq. 1)."""
    views = F.normalize(torch.cat([first, second]).float(), dim=1)
    similar = views @ views.T / temperature
    similar.fill_diagonal_(-torch.inf)
    count = len(first)
    return F.cross_entropy(similar, torch.arange(2 * count, device=similar.device).roll(count))


def train_simclr(
    encoder: Classifier,
    split: Split,
    recipe: SimCLR = SimCLR(),
    *,
    seed: int = 0,
    machine: Machine = CPU,
    resume: Path | None = None,
    title: str = "simclr",
) -> History:
    """Train the representation of `encoder` in place on the images of `split`, without their labels; `loss` by epoch.

    - encoder: takes its normalisation from these images; its head stays as it is. Left in eval mode.
    - split: of at least two images.
    - recipe: how; see `SimCLR`.
    - seed: decides views, order and the projection.
    - machine: where; in bfloat16 the layers are computed in it.
    - resume: a file that keeps the state after each epoch: the same work goes on from it. The caller removes it.

    Raises FeatsplitError for a recipe out of range, or where the loss is no longer finite.
    """
    recipe.check("simclr")
    if len(split) < 2:
        raise FeatsplitError("simclr: needs two images or more, to tell one from the other")
    device = torch.device(machine.device)
    encoder.normalise_to(*channel_moments(split.images))
    projection = _projection(encoder.head.in_features, recipe.projection, seed).to(device)
    arrange(encoder.to(device), device)
    free = [*encoder.body.parameters(), *projection.parameters()]
    optimiser = torch.optim.SGD(
        free, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, weight_decay=recipe.weight_decay
    )
    whole = nn.ModuleDict({"encoder": encoder, "projection": projection})
    parts = [asdict(recipe), digest_of(split.images), seed, encoder.shape, str(whole), machine.half, decisive()]
    key = json.dumps(["simclr", *parts])
    history = restore(resume, whole, optimiser, key=key) if resume else []
    with in_mode(encoder, training=True):
        epochs = progress(range(len(history), recipe.epochs), title, done=len(history), total=recipe.epochs)
        for epoch in epochs:
            with drawn_by(seed, f"simclr/dropout/{epoch}", device):
                loss = _epoch(encoder, projection, optimiser, split, recipe, epoch=epoch, seed=seed, machine=machine)
            if not math.isfinite(loss):
                raise FeatsplitError(f"simclr.lr = {recipe.lr:g}: the loss is {loss}; lower the rate")
            history.append({"loss": loss})
            epochs.reached(epoch + 1, loss=loss)
            if resume:
                keep(resume, whole, optimiser, key=key, history=history)
    encoder.eval()
    return history


def _projection(features: int, size: int, seed: int) -> nn.Module:
    """Two layers, as in the source."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, size))


def _epoch(
    encoder: Classifier,
    projection: nn.Module,
    optimiser: torch.optim.Optimizer,
    split: Split,
    recipe: SimCLR,
    *,
    epoch: int,
    seed: int,
    machine: Machine,
) -> float:
    """One pass over `split`; the mean loss."""
    device, generator = torch.device(machine.device), torch_generator(seed, f"simclr/{epoch}")
    order = torch.randperm(len(split), generator=generator)
    batches, total = order.tensor_split(math.ceil(len(split) / recipe.batch_size)), 0.0
    for turn, rows in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(epoch + (turn + 0.5) / len(batches))
        inputs = split.inputs(rows)
        views = torch.cat([augment(inputs, recipe.augment, generator=generator) for _ in range(2)]).to(device)
        with mixed(device, machine.half):
            projected = projection(encoder.representation(views))
        first, second = projected.float().chunk(2)
        loss = nt_xent(first, second, recipe.temperature)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        total += float(loss.detach()) * len(rows)
    return total / len(split)
