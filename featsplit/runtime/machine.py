"""What the machine has: the device, whether it computes in bfloat16, and the memory format that suits it."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from featsplit.errors import FeatsplitError, unknown
from featsplit.records.machine import Precision, check_precision
from featsplit.runtime.ranks import ALONE, Ranks


class Machine(NamedTuple):
    """Where networks are run, and how exactly.

    `device` is a torch.device or its name. `precision` "bfloat16" computes in it where that suffices, "float32" never
    does; "auto" is the first where the device has it in hardware. `ranks` are the processes that share the work.
    """

    device: torch.device | str = "cpu"
    precision: Precision = "auto"
    ranks: Ranks = ALONE

    @property
    def kind(self) -> str:
        """What the device is: "cpu", "cuda" or "mps"."""
        return torch.device(self.device).type

    @property
    def half(self) -> bool:
        """Whether networks are run in bfloat16 where that suffices; FeatsplitError where `precision` is none."""
        check_precision("precision", self.precision)
        if self.precision != "auto":
            return self.precision == "bfloat16"
        if self.kind == "cuda":
            return torch.cuda.get_device_capability(self.device) >= (8, 0)
        return self.kind == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())

    @property
    def exact(self) -> "Machine":
        """The same device, in float32."""
        return self._replace(precision="float32")


CPU = Machine()


def resolve_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" is the first GPU where there is one, else the CPU.

    Of processes that torchrun started the GPU is that of each one's own LOCAL_RANK.
    """
    if name == "auto":
        own = os.environ.get("LOCAL_RANK")
        return torch.device(("cuda" if own is None else f"cuda:{own}") if torch.cuda.is_available() else "cpu")
    if name.split(":")[0] not in ("cpu", "cuda", "mps"):
        raise unknown("device", name, ("auto", "cpu", "cuda", "cuda:0", "mps"))
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise FeatsplitError(
            f'device = "{name}": is not there ({str(error).splitlines()[0]}); use --device cpu'
        ) from error
    return torch.device(name)


def placed(tensor: Tensor, device: torch.device | str) -> Tensor:
    """`tensor` on `device`; but where it is if it would take more than half of the memory that is free on a GPU.

    Whoever takes rows of it moves them then.
    """
    if torch.device(device).type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if tensor.nbytes > free / 2:
            return tensor
    return tensor.to(device)


def mixed(device: torch.device | str, on: bool) -> AbstractContextManager[object]:
    """A context in which, if `on`, the layers that can are computed in bfloat16."""
    return torch.autocast(torch.device(device).type, torch.bfloat16) if on else nullcontext()


def arrange(model: nn.Module, device: torch.device | str) -> None:
    """Put the weights of `model` into the memory format that it is run in, in place.

    Not by `model.to(memory_format=...)`, which wants channels_last of a tensor of five dimensions too, that has none.
    """
    chosen = layout(model, device)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.to(memory_format=chosen)


def layout(model: nn.Module, device: torch.device | str) -> torch.memory_format:
    """The memory format that `model` is run in: channels_last where it is safe.

    On a CPU a convolution of 8 channels in channels_last corrupts memory when its backward pass runs on several threads
    (torch 2.15 with oneDNN 3.13; seen with 8, not with 16), so a network whose channels are not multiples of 16 keeps
    the usual order there. The images' own channels may be any number.
    """
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    odd = any(layer.out_channels % 16 or (layer.in_channels > 4 and layer.in_channels % 16) for layer in convolutions)
    return torch.contiguous_format if odd and torch.device(device).type == "cpu" else torch.channels_last
