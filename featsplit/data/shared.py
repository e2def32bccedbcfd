"""Images that are in both splits: a network has seen them, and its accuracy on them is memory."""

import hashlib
from collections.abc import Sequence

from torch import Tensor

from featsplit.errors import warn


def pixel_digest(image: Tensor) -> bytes:
    """What is equal for images of equal type, size and pixels, and for no others."""
    array = image.contiguous().numpy()
    digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
    digest.update(array.reshape(-1).data)
    return digest.digest()


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
    places = {digest: row for row, digest in reversed(list(enumerate(train)))}
    shared = [(places[digest], row) for row, digest in enumerate(test) if digest in places]
    if not shared:
        return
    first, second = shared[0]
    pair = f"{names[1][second]} = {names[0][first]}" if names else f"test {second} = train {first}"
    verb = "is" if len(shared) == 1 else "are"
    warn(
        f"{source}: {len(shared)} of {len(test)} test images {verb} also among the train images (first: {pair}): "
        "accuracy on them is memory; remove them from one split, or give --holdout 0.2 to take others from train"
    )
