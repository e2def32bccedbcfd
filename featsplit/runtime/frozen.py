r"""A network prepared for attacks and matching: the same function, frozen and fast.

Eval mode, no weight gradients, channels_last, and each BatchNorm folded into the convolution before it,

    w' = w gamma / sqrt(var + eps),   b' = (b - mean) gamma / sqrt(var + eps) + beta,

which is traced once and from then on refreshed in place. Its `rough` computes in bfloat16.
"""

import copy
import inspect
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from featsplit.models.classifier import Classifier, in_mode
from featsplit.runtime.machine import CPU, Machine, arrange, mixed

Folds = dict[str, str]
"""The name of each convolution that took a BatchNorm up, and of that BatchNorm."""


class Frozen(Classifier):
    """A classifier that cannot be trained; its `rough` computes in bfloat16 if `half`."""

    def __init__(self, body: nn.Module, head: nn.Linear, *, shape: tuple[int, int, int], half: bool) -> None:
        super().__init__(body, head, shape=shape)
        self.half_precision, self.in_half, self.folds = half, False, Folds()
        self.moves, self.anew = 0, False

    @property
    def rough(self) -> "Frozen":
        """This network, weights and all, computing in bfloat16 if it is to; refreshed when this one is."""
        if not self.half_precision:
            return self
        view = copy.copy(self)
        view.in_half = True
        return view

    def representation(self, inputs: Tensor) -> Tensor:
        """g(x), (N, features) in float32."""
        with mixed(inputs.device, self.in_half):
            return super().representation(inputs).float()

    def refresh(self, model: Classifier) -> None:
        """Be what `model`, which this was made of, is now in eval mode.

        Its weights and statistics are taken up in place. Whether nothing but these decides what the network computes
        no reading of it can tell (a number that it keeps of its weights, a branch on how long it has been trained), so
        both are run on two images; where they differ, this is from then on a copy of `model` made anew each time. That
        is done at the refreshes 1, 2, 4, 8 ..., counted from the first that finds anything moved: a rate that is warmed
        up may make the first difference too small to show; what shows later is found before training is twice as long;
        and a thousand steps have ten of it.
        """
        if not self.anew:
            before = {} if self.moves else {name: value.clone() for name, value in _state(self).items()}
            fits = self._take(model)
            now = _state(self)
            self.moves += self.moves > 0 or any(not torch.equal(now[name], old) for name, old in before.items())
            self.anew = not fits or (self.moves.bit_count() == 1 and not _agree(self, model))
        if self.anew:
            copied = _plain(model)
            self.body, self.head, self.folds = copied.body, copied.head, Folds()
            self._take(model)

    def _take(self, model: Classifier) -> bool:
        """Take up, in place, the weights and statistics of `model`; false where one of them has another size now."""
        state, own = _state(model), _state(self)
        shared = own.keys() & state.keys()
        if any(own[name].shape != state[name].shape for name in shared):
            return False
        with torch.no_grad():
            for name in shared:
                own[name].copy_(state[name])
            for convolution, norm in self.folds.items():
                _fold(
                    cast(nn.Conv2d, self.body.get_submodule(convolution)),
                    cast(nn.Conv2d, model.body.get_submodule(convolution)),
                    cast(nn.BatchNorm2d, model.body.get_submodule(norm)),
                )
        return True


def frozen(model: Classifier, machine: Machine = CPU) -> Frozen:
    """A copy of `model` made fast: it agrees with `model` to float32 rounding, its `rough` to that of bfloat16.

    A network that cannot be traced, or would compute something else when it is folded, is used as it is.
    """
    source = _plain(model).to(machine.device)
    network = Frozen(source.body, source.head, shape=model.shape, half=machine.half).to(machine.device)
    with torch.no_grad():
        network.mean.copy_(source.mean), network.std.copy_(source.std)
    traced = _traced(copy.deepcopy(source.body))
    if traced is not None:
        network.body, network.folds = traced
        network._take(source)
        if not _agree(network, source):
            network.body, network.folds = source.body, Folds()
    network.eval().requires_grad_(False)
    arrange(network, machine.device)
    return network


class _Tracer(fx.Tracer):
    """Follows buffers as it does parameters: sqrt(var + eps) of a buffer would else be a constant of the trace."""

    proxy_buffer_attributes = True


def _traced(body: nn.Module) -> tuple[nn.Module, Folds] | None:
    """`body` without each BatchNorm that follows a convolution used once; None where it cannot be traced."""
    signature = inspect.signature(body.forward).parameters.values()
    defaults = {p.name: p.default for p in signature if p.default is not inspect.Parameter.empty}
    try:
        graph = fx.GraphModule(body, _Tracer().trace(body, concrete_args=defaults))
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
        if alone and _foldable(convolution, norm):
            folds[str(before.target)] = str(node.target)
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)
            convolution.bias = nn.Parameter(torch.zeros_like(cast(Tensor, norm.running_mean)))
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph, folds


def _foldable(convolution: nn.Module, norm: nn.Module) -> bool:
    """Whether these are a convolution and a BatchNorm as torch has them, which no hook changes."""
    plain = type(convolution) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_mean is not None
    return plain and not any(layer._forward_hooks or layer._forward_pre_hooks for layer in (convolution, norm))


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


def _plain(model: Classifier) -> Classifier:
    """A copy of `model` in eval mode that cannot be trained."""
    _outputs(model)  # a layer may keep what it computed last, and with a gradient that cannot be copied
    return copy.deepcopy(model).eval().requires_grad_(False)


def _state(network: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers, also those that a checkpoint leaves out, by each of their names."""
    named = (network.named_parameters(remove_duplicate=False), network.named_buffers(remove_duplicate=False))
    return {name: value for values in named for name, value in values}


def _outputs(model: Classifier) -> tuple[Tensor, Tensor]:
    """Representation and logits of two images in eval mode, with the same randomness each time.

    Neither the mode nor the state of randomness is changed by it.
    """
    device = model.mean.device
    probe = torch.rand((2, *model.shape), generator=torch.Generator().manual_seed(0)).to(device)
    forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
    with torch.no_grad(), forked, in_mode(model, training=False):
        torch.default_generator.manual_seed(0)
        representation = model.representation(probe)
        return representation, model.head(representation)


def _agree(network: Frozen, model: Classifier) -> bool:
    """Whether both give the same representation and logits, to a thousandth of the largest number there.

    Folding costs 3e-6 or less, as seen on thirty networks; but on a GPU whose TF32 has 10 bits, a hundredth is allowed.
    """
    expected, tolerance = _outputs(model), 1e-3 if model.mean.device.type == "cpu" else 1e-2
    try:
        outputs = _outputs(network)
    except Exception:  # noqa: BLE001 (whatever a network raises that was traced wrongly)
        return False
    pairs = [pair for pair in zip(outputs, expected, strict=True) if pair[1].numel()]  # an encoder has no logits
    return all(bool((one - other).abs().max() <= tolerance * other.abs().max()) for one, other in pairs)
