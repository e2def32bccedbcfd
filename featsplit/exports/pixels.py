"""Images as files: 8 bits a channel in a PNG, and what rounding to them costs; or numpy's own, which costs nothing."""

import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from featsplit.data.derived import as_stored
from featsplit.data.images import as_inputs
from featsplit.errors import FeatsplitError
from featsplit.exports.rows import Stored
from featsplit.geometry import Distance, lengths
from featsplit.metadata.plain import Json
from featsplit.metadata.sets import SetMetadata

LENGTHS: tuple[Distance, ...] = ("l1", "l2", "linf")
"""The norms in which rounding has a length that says something."""


def check_drawable(stored: Stored, cure: str) -> None:
    """Raise FeatsplitError unless the images are grey or in colour; `cure` says which format takes others."""
    if stored.shape[0] not in (1, 3):
        raise FeatsplitError(f"{stored.path}: images have {stored.shape[0]} channels; a PNG has 1 or 3: {cure}")


def as_bytes(images: Tensor) -> Tensor:
    """Images of any stored type as uint8, rounded to the nearest of 256 levels."""
    return images if images.dtype == torch.uint8 else as_stored(as_inputs(images), "uint8")


def png(image: Tensor) -> bytes:
    """An image (C, H, W) uint8 of one or three channels as the bytes of a PNG."""
    array = image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG")
    return file.getvalue()


def npy(image: Tensor) -> bytes:
    """An image (C, H, W) as the bytes of a .npy file, exactly."""
    file = io.BytesIO()
    np.save(file, image.numpy(), allow_pickle=False)
    return file.getvalue()


class Scale(NamedTuple):
    """A length in `norm` that the images of a set were moved by, with what it is: "eps 0.5"."""

    norm: Distance
    size: float
    what: str


def scale_of(metadata: SetMetadata) -> Scale | None:
    """How far the images of the set were moved, where its metadata tell it: by eps, or by the median distance."""
    parameters, norm = metadata.spec.parameters, _distance(metadata.spec.parameters.get("norm"))
    if norm is None:
        return None
    eps = parameters.get("eps")
    if isinstance(eps, int | float) and eps > 0:  # of "attack" it is a list: at which accuracy is told
        return Scale(norm, float(eps), f"eps {eps:g}")
    median = metadata.summary.get("median_distance", 0.0)
    return Scale(norm, median, f"the median distance {median:.3g}") if median > 0 else None


def _distance(norm: Json) -> Distance | None:
    """The norm, where it is one of `LENGTHS`."""
    return next((one for one in LENGTHS if one == norm), None)


@dataclass(frozen=True)
class Rounding:
    """What rounding changed so far: the `largest` change and the sum of all, in 255ths, over `count` values.

    `length` is the greatest of an image, in the norm of the `scale`, where there is one.
    """

    scale: Scale | None = None
    largest: float = 0.0
    total: float = 0.0
    count: int = 0
    length: float = 0.0

    def after(self, images: Tensor, rounded: Tensor) -> "Rounding":
        """The same with `images` too, as they became `rounded`; nothing where they are of 8 bits already."""
        if images.dtype == torch.uint8:
            return self
        change = (as_inputs(rounded).double() - images.double()).abs()
        length = 0.0 if self.scale is None else float(lengths(change, self.scale.norm).max())
        return Rounding(
            self.scale,
            max(self.largest, 255 * float(change.max())),
            self.total + 255 * float(change.sum()),
            self.count + change.numel(),
            max(self.length, length),
        )

    def __str__(self) -> str:
        """In a line: by how much a value, and where there is a scale an image, was changed; or that nothing was."""
        if not self.count:
            return "the images are of 8 bits a channel, and are kept as they are"
        says = (
            f"the images are rounded to 8 bits: a value changes by {self.largest:.2g}/255 at most and by "
            f"{self.total / self.count:.2g}/255 on average"
        )
        if self.scale is None:
            return says
        share = 100 * self.length / self.scale.size
        return f"{says}, an image by {self.length:.2g} in {self.scale.norm} at most, {share:.2g} % of {self.scale.what}"
