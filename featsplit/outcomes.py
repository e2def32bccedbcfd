"""What came out for each image, kept as text in a row: a bit for a right prediction, a number for a distance.

Two accuracies on the same images differ by far less chance than each of them alone has: only the images on which the
two networks differ count. So a verdict needs the outcome of each image, and not the accuracies.
"""

import base64
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

IDENTITY = 16
"""How many digits of a digest say in a row which images it is of."""


def packed(right: "Tensor") -> str:
    """The outcomes (N,) bool as base64 of their bits, the first image in the highest bit of the first byte."""
    return base64.b64encode(np.packbits(right.cpu().numpy()).tobytes()).decode()


def unpacked(outcomes: str, count: int) -> NDArray[np.bool_]:
    """The outcomes of `count` images that `packed` made `outcomes` of, (count,) bool."""
    bits = np.frombuffer(base64.b64decode(outcomes), dtype=np.uint8)
    return np.unpackbits(bits, count=count).astype(bool)


def packed_numbers(values: "Tensor") -> str:
    """The values (N,) as base64 of their bytes in float32, the lowest first."""
    return base64.b64encode(values.cpu().numpy().astype("<f4").tobytes()).decode()


def unpacked_numbers(text: str) -> NDArray[np.float32]:
    """The values (N,) that `packed_numbers` made `text` of."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
