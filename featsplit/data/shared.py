"""Images that are in both splits: a network has seen them, and its accuracy on them is memory."""

import hashlib
from collections.abc import Sequence

from torch import Tensor

from featsplit.data.images import Split
from featsplit.errors import warn

Pair = tuple[int, int]
"""The row of an image, and that of a copy of it."""


def pixel_digest(image: Tensor) -> bytes:
    """What is equal for images of equal type, size and pixels, and for no others."""
    array = image.contiguous().numpy()
    digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
    digest.update(array.reshape(-1).data)
    return digest.digest()


def digests_of(split: Split) -> list[bytes]:
    """What tells each image of the split from those that differ from it."""
    return [pixel_digest(image) for image in split.images]


def shared_rows(train: Sequence[bytes], test: Sequence[bytes]) -> list[Pair]:
    """The test images that are among the train images, by their digests: the first of these, and the test image."""
    places = {digest: row for row, digest in reversed(list(enumerate(train)))}
    return [(places[digest], row) for row, digest in enumerate(test) if digest in places]


def repeated_rows(digests: Sequence[bytes]) -> list[Pair]:
    """The images of a split that were in it before, by their digests: the first one, and the copy."""
    return [pair for pair in shared_rows(digests, digests) if pair[0] != pair[1]]


def warn_of_shared(
    source: str,
    train: Sequence[bytes],
    test: Sequence[bytes],
    *,
    names: tuple[Sequence[str], Sequence[str]] | None = None,
) -> None:
    """Warn of test images of `source` that are among its train images, by their digests.

    `names` are those of the train and of the test images; without, they are told by their place.
    """
    shared = shared_rows(train, test)
    if not shared:
        return
    first, second = shared[0]
    pair = f"{names[1][second]} = {names[0][first]}" if names else f"test {second} = train {first}"
    verb = "is" if len(shared) == 1 else "are"
    warn(
        f"{source}: {len(shared)} of {len(test)} test images {verb} also among the train images (first: {pair}): "
        "accuracy on them is memory; remove them from one split, or give --holdout 0.2 to take others from train"
    )
