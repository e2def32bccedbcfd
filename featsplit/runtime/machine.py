"""All that depends on the machine: the device, a network prepared for it, and batches."""

import copy
import inspect

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.optimization import fuse

from featsplit.data.images import Split
from featsplit.errors import FeatsplitError, unknown
from featsplit.models.classifier import Classifier


def resolve_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" is the first GPU where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.split(":")[0] not in ("cpu", "cuda", "mps"):
        raise unknown("device", name, ("auto", "cpu", "cuda", "cuda:0", "mps"))
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise FeatsplitError(
            f'device = "{name}": is not there ({str(error).splitlines()[0]}); use --device cpu'
        ) from error
    return torch.device(name)


def layout(model: nn.Module, device: torch.device | str) -> torch.memory_format:
    """The memory format that `model` is run in: channels_last where it is safe.

    On a CPU a convolution of 8 channels in channels_last corrupts memory when its backward pass runs on several threads
    (torch 2.15 with oneDNN 3.13; seen with 8, not with 16), so a network whose channels are not multiples of 16 keeps
    the usual order there. The images' own channels may be any number.
    """
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    odd = any(layer.out_channels % 16 or (layer.in_channels > 4 and layer.in_channels % 16) for layer in convolutions)
    return torch.contiguous_format if odd and torch.device(device).type == "cpu" else torch.channels_last


def frozen(model: Classifier, device: torch.device | str = "cpu") -> Classifier:
    """A copy of `model` made fast for attacks and matching: the same function, but it cannot be trained.

    Eval mode, no weight gradients, each BatchNorm folded into its convolution where the network can be traced,
    channels_last (see `layout`). Agrees with `model` to float32 rounding.
    """
    prepared = copy.deepcopy(model).eval().to(device)
    probe = torch.rand((2, *model.shape), generator=torch.Generator().manual_seed(0)).to(device)
    prepared.body = _folded(prepared.body, probe)
    return prepared.eval().requires_grad_(False).to(memory_format=layout(model, device))


def _folded(body: nn.Module, probe: Tensor) -> nn.Module:
    """`body` with BatchNorm folded (torch.fx), or `body` itself where that fails or changes what it computes."""
    signature = inspect.signature(body.forward).parameters.values()
    defaults = {p.name: p.default for p in signature if p.default is not inspect.Parameter.empty}
    try:
        folded = fuse(fx.symbolic_trace(body, concrete_args=defaults), no_trace=True)
        with torch.no_grad():
            same = torch.allclose(folded(probe, *defaults.values()), body(probe), rtol=1e-3, atol=1e-4)
    except Exception:  # noqa: BLE001 (whatever tracing raises on a network that it cannot follow)
        return body
    return folded if same else body


def batches(total: int, size: int) -> list[Tensor]:
    """The indices 0 ... total - 1 in runs of at most `size`; none where there are none."""
    return list(torch.split(torch.arange(total), size)) if total else []


def predict(model: Classifier, split: Split, *, batch_size: int = 500) -> Tensor:
    """The class that `model` reads in each image of `split`: (N,) int64 on the CPU; the model's mode is kept."""
    device, training = model.mean.device, model.training
    model.eval()
    with torch.no_grad():
        found = [model(split.inputs(rows).to(device)).argmax(1).cpu() for rows in batches(len(split), batch_size)]
    model.train(training)
    return torch.cat(found)


def accuracy(model: Classifier, split: Split) -> float:
    """The share of `split` whose label `model` reads."""
    return float((predict(model, split) == split.labels).float().mean())
