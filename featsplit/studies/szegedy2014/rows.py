"""The rows of this study."""

from typing import Literal

from featsplit.rows import Row

NOISE = "gaussian noise"
LBFGS = "lbfgs"
Basis = Literal[
    "units", "random", "random, standardised", "random, whitened", "units, untrained", "random, untrained", "images"
]
Packed = Literal["distances", "exact", "nearest", "furthest", "certified"]
"""The fields that hold a number of each image."""
Which = Literal["as found", "amplified", "amplified, clipped"]


class SzegedyRow(Row, total=False):
    """A number of the study, of the network that `training` names.

    Of "models" and "halves": the images are as they are (attack "none"), with Gaussian noise of standard deviation
    `eps`, or were `made_for` a network to be predicted as a target class; there `moment` is a `Which`. `exact` are the
    least distances of the same images and targets on a linear network, `nearest` and `furthest` those of the nearest
    and the furthest class, packed as `distances` are. All of these are in l2.

    Of "units": the mean `purity` and `cosine` over as many directions as `n` of a `basis` in a `layer`, with their
    standard errors, and how many units were `dead`.

    Of "spectral": the `spectral_norm` of a `layer`, or of the whole network their `product`, the largest `gain` that
    its Jacobian has at an image, and the packed `certified` radii of its images.
    """

    made_for: str
    exact: str
    nearest: str
    furthest: str
    layer: str
    depth: int
    basis: Basis
    purity: float
    purity_error: float
    cosine: float
    cosine_error: float
    dead: int
    spectral_norm: float
    reshaped: float
    product: float
    gain: float
    reached: float
    certified: str
