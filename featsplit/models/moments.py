"""The normalisation that a network from elsewhere was trained with: checked, taken up, or missed aloud."""

import math
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.models.classifier import Classifier, size

LARGEST = 2.0
"""A mean or standard deviation above it is none of pixels in [0, 1]."""
Normalise = Callable[[Classifier, str, str], None]


def told_moments(shape: tuple[int, int, int], mean: Sequence[float] | None, std: Sequence[float] | None) -> Normalise:
    """What gives a model `mean` and `std`, one number for each channel of images `shape` of pixels in [0, 1].

    It is called with the model, its place and a cure: where one of the two is None it warns that there is none.
    FeatsplitError, at once, where they are none of pixels in [0, 1].
    """
    moments = {name: _moments(name, said, shape) for name, said in (("mean", mean), ("std", std)) if said is not None}

    def normalise(model: Classifier, place: str, cure: str) -> None:
        for name, values in moments.items():
            model.get_buffer(name).copy_(values)
        unsaid = [f"{name} = {value}" for name, value in (("mean", 0), ("std", 1)) if name not in moments]
        if unsaid:
            warnings.warn(
                f"{place}: taken with {' and '.join(unsaid)}, since nothing was told; a network that was trained on "
                f"normalised images predicts badly so: {cure}, of pixels in [0, 1]; zeros and ones say that there was "
                "none",
                FeatsplitWarning,
                stacklevel=3,  # who called the function that takes a network
            )

    return normalise


def _moments(name: str, said: Sequence[float], shape: tuple[int, int, int]) -> Tensor:
    """`said` for each channel; raises FeatsplitError where it is none of pixels in [0, 1]."""
    values: list[float] = torch.as_tensor(said, dtype=torch.float64).flatten().tolist()
    shown = f"{name} = ({', '.join(f'{value:g}' for value in values)})"
    if len(values) != shape[0]:
        raise FeatsplitError(f"{shown}: must be {shape[0]} numbers, one for each channel of images {size(shape)}")
    if not all(map(math.isfinite, values)) or (name == "std" and min(values) <= 0):
        raise FeatsplitError(f"{shown}: must be finite{', and greater than 0' if name == 'std' else ''}")
    if max(map(abs, values)) > LARGEST:
        raise FeatsplitError(f"{shown}: must be of pixels in [0, 1]; divide by 255 what is of pixels in 0 ... 255")
    return torch.tensor(values)
