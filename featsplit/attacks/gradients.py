"""Gradients of single numbers of each image, also of a network that does not use its input."""

import torch
from torch import Tensor


def gradient(values: Tensor, inputs: Tensor, *, again: bool = False) -> Tensor:
    """The gradient of each of `values` (n,) in its own image of `inputs` (n, ...); zero where it depends on none.

    `again`: whether another gradient is to be taken of the same run of the network.
    """
    if not values.requires_grad:
        return torch.zeros_like(inputs)
    (found,) = torch.autograd.grad(values.sum(), inputs, retain_graph=again, allow_unused=True)
    return torch.zeros_like(inputs) if found is None else found
