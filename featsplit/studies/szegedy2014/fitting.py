r"""Training as the source does it: L-BFGS on all images at once, with weight decay layer by layer.

    minimise   mean J(x, y) + sum over layers k of lambda_k / 2 ||W_k||^2

The source prints the weights lambda alone, and not what they multiply; this is the reading that comes nearest to the
errors of its Table 1. Biases are free.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.models import Classifier
from featsplit.progress import counted

SPARSITY, SPARSE, SHRINK = 0.05, 0.1, 1e-5
"""The mean activation that units of the autoencoder are drawn to, the weight of that, and the decay of its weights."""


def fit(
    model: Classifier, inputs: Tensor, labels: Tensor, *, decay: Sequence[float], iterations: int, title: str = "train"
) -> None:
    """Train `model` in place on `inputs` (N, C, H, W) and `labels` (N,); `decay` of its last layers, in their order.

    With fewer numbers than layers the first layers stay as they are.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    frozen, trained = layers[: len(layers) - len(decay)], layers[len(layers) - len(decay) :]
    for layer in frozen:
        layer.requires_grad_(False)

    def loss() -> Tensor:
        penalty = [weight / 2 * layer.weight.square().sum() for weight, layer in zip(decay, trained, strict=True)]
        return F.cross_entropy(model(inputs), labels) + sum(penalty, torch.zeros(()))

    minimise(loss, [parameter for layer in trained for parameter in layer.parameters()], iterations, title=title)
    model.requires_grad_(True)
    model.eval()


def encode(layer: nn.Linear, inputs: Tensor, *, iterations: int, generator: torch.Generator) -> None:
    """Train `layer`, with a sigmoid on it, in place as the first of a sparse autoencoder of `inputs` (N, d) in [0, 1].

    It is trained by the cross-entropy of pixels a sigmoid decoder gives back, and the mean activation of each unit is
    drawn to `SPARSITY` by their Kullback-Leibler divergence.
    """
    decoder = nn.Linear(layer.out_features, layer.in_features)
    with torch.no_grad():
        decoder.weight.copy_(0.05 * torch.randn(decoder.weight.shape, generator=generator))
        decoder.bias.copy_(torch.logit(inputs.mean(dim=0).clamp(1e-3, 1 - 1e-3)))
        layer.bias.fill_(-2.0)

    def loss() -> Tensor:
        hidden = layer(inputs).sigmoid()
        error = F.binary_cross_entropy_with_logits(decoder(hidden), inputs, reduction="sum") / len(inputs)
        weights = layer.weight.square().sum() + decoder.weight.square().sum()
        return error + SPARSE * divergence(hidden.mean(dim=0)) + SHRINK / 2 * weights

    minimise(loss, [*layer.parameters(), *decoder.parameters()], iterations, title="autoencoder")


def divergence(activation: Tensor) -> Tensor:
    """The sum over units of the divergence of a coin with `SPARSITY` from one with its mean `activation` (units,)."""
    mean = activation.clamp(1e-6, 1 - 1e-6)
    active = SPARSITY * torch.log(SPARSITY / mean)
    return (active + (1 - SPARSITY) * torch.log((1 - SPARSITY) / (1 - mean))).sum()


def minimise(loss: Callable[[], Tensor], parameters: list[nn.Parameter], iterations: int, *, title: str) -> None:
    """L-BFGS with a strong Wolfe search, from where the `parameters` are; `title` is what it is called meanwhile."""
    most = iterations * 5 // 4  # calls, which is torch's own bound
    optimiser = torch.optim.LBFGS(
        parameters,
        max_iter=iterations,
        max_eval=most,
        history_size=20,
        tolerance_grad=1e-7,
        line_search_fn="strong_wolfe",
    )
    with counted(most, title) as reach:

        def closure() -> Tensor:
            reach(int(optimiser.state[parameters[0]].get("func_evals", 0)))
            optimiser.zero_grad()
            value = loss()
            torch.autograd.backward(value)
            return value

        optimiser.step(closure)  # type: ignore[no-untyped-call]
