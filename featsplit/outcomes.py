"""Which images a network predicted rightly, a bit an image, kept as text in the row of its accuracy.

Two accuracies on the same images differ by far less chance than each of them alone has: only the images on which the
two networks differ count. So a verdict needs the outcome of each image, and not the accuracies.
"""

import base64
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


def packed(right: "Tensor") -> str:
    """The outcomes (N,) bool as base64 of their bits, the first image in the highest bit of the first byte."""
    return base64.b64encode(np.packbits(right.cpu().numpy()).tobytes()).decode()


def unpacked(outcomes: str, count: int) -> NDArray[np.bool_]:
    """The outcomes of `count` images that `packed` made `outcomes` of, (count,) bool."""
    bits = np.frombuffer(base64.b64decode(outcomes), dtype=np.uint8)
    return np.unpackbits(bits, count=count).astype(bool)
