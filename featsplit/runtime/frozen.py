r"""A network prepared for attacks and matching: the same function, frozen and fast.

Eval mode, no weight gradients, channels_last, and each BatchNorm folded into the convolution before it,

    w' = w gamma / sqrt(var + eps),   b' = (b - mean) gamma / sqrt(var + eps) + beta,

which is traced once and from then on refreshed in place. While `minimize` drafts, it computes in bfloat16.
"""

import copy
import inspect
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from featsplit.models.classifier import Classifier
from featsplit.optimize import drafting
from featsplit.runtime.machine import Precision, half_precision, layout, mixed

Folds = dict[str, str]
"""The name of each convolution that took a BatchNorm up, and of that BatchNorm."""


class Frozen(Classifier):
    """A classifier that cannot be trained; in a draft it computes in bfloat16 if `half`."""

    def __init__(self, body: nn.Module, head: nn.Linear, *, shape: tuple[int, int, int], half: bool) -> None:
        super().__init__(body, head, shape=shape)
        self.half_precision, self.folds = half, Folds()

    def representation(self, inputs: Tensor) -> Tensor:
        """g(x), (N, features) in float32."""
        with mixed(inputs.device, self.half_precision and drafting()):
            return super().representation(inputs).float()

    def refresh(self, model: Classifier) -> None:
        """Take up, in place, the weights and statistics that `model`, which this was made of, has now."""
        state = model.state_dict()
        with torch.no_grad():
            for name, value in self.state_dict().items():
                if name in state:
                    value.copy_(state[name])
            for convolution, norm in self.folds.items():
                _fold(
                    cast(nn.Conv2d, self.body.get_submodule(convolution)),
                    cast(nn.Conv2d, model.body.get_submodule(convolution)),
                    cast(nn.BatchNorm2d, model.body.get_submodule(norm)),
                )


def frozen(model: Classifier, device: torch.device | str = "cpu", *, precision: Precision = "auto") -> Frozen:
    """A copy of `model` made fast: it agrees with `model` to float32 rounding, in a draft to that of bfloat16.

    A network that cannot be traced, or would compute something else when it is folded, is used as it is.
    """
    source = copy.deepcopy(model).eval().to(device)
    half = half_precision(precision, device)
    probe = torch.rand((2, *model.shape), generator=torch.Generator().manual_seed(0)).to(device)
    network = Frozen(source.body, source.head, shape=model.shape, half=half)
    with torch.no_grad():
        network.mean.copy_(source.mean), network.std.copy_(source.std)
        expected = source.body(probe)
    traced = _traced(copy.deepcopy(source.body))
    if traced is not None:
        network.body, network.folds = traced
        network.refresh(source)
        if not _same(network.body, probe, expected):
            network.body, network.folds = source.body, Folds()
    network.eval().requires_grad_(False).to(device)
    return network.to(memory_format=layout(network, device))


def _traced(body: nn.Module) -> tuple[nn.Module, Folds] | None:
    """`body` without each BatchNorm that follows a convolution used once; None where it cannot be traced."""
    signature = inspect.signature(body.forward).parameters.values()
    defaults = {p.name: p.default for p in signature if p.default is not inspect.Parameter.empty}
    try:
        graph = fx.symbolic_trace(body, concrete_args=defaults)
    except Exception:  # noqa: BLE001 (whatever tracing raises on a network that it cannot follow)
        return None
    modules, calls = dict(graph.named_modules()), [node.target for node in graph.graph.nodes]
    folds: Folds = {}
    for node in list(graph.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module":
            continue
        convolution, norm = modules[str(before.target)], modules[str(node.target)]
        alone = len(before.users) == 1 and calls.count(before.target) == calls.count(node.target) == 1
        if type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_mean is not None and alone:
            folds[str(before.target)] = str(node.target)
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)
            convolution.bias = nn.Parameter(torch.zeros_like(norm.running_mean))
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph, folds


def _fold(target: nn.Conv2d, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Write the weights of `convolution` and `norm` in one into `target`."""
    assert target.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    target.weight.copy_(weight)
    target.bias.copy_(bias)


def _same(body: nn.Module, probe: Tensor, expected: Tensor) -> bool:
    try:
        with torch.no_grad():
            return torch.allclose(body(probe), expected, rtol=1e-3, atol=1e-4)
    except Exception:  # noqa: BLE001 (as above)
        return False
